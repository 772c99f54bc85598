"""Columns of random values: results, NULLs and errors as DuckDB has them."""

from __future__ import annotations

import decimal
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlengine.errors import DataError
from sqlengine.functions.casts import cast
from sqlengine.functions.registry import Operand
from sqlengine.types import (
    BIGINT,
    DOUBLE,
    FLOAT,
    HUGEINT,
    INTEGER,
    SMALLINT,
    TINYINT,
    UBIGINT,
    UTINYINT,
    VARCHAR,
    SqlType,
    TypeKind,
    arrow_type,
    integer_range,
    words_dtype,
)
from sqlengine.types import decimal as decimal_type
from sqlengine.vector import Vector
from tests.functions.calls import Oracle, call, column, literal, shown, sql_literal

MANY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

DECIMALS = [decimal_type(4, 1), decimal_type(15, 2), decimal_type(18, 0), decimal_type(18, 4), decimal_type(38, 2)]


def values_of(sql_type: SqlType) -> st.SearchStrategy[Any]:
    if sql_type.is_integer and sql_type.kind is not TypeKind.HUGEINT:
        low, high = integer_range(sql_type.kind)
        near = st.sampled_from([low, low + 1, high, high - 1, 0, 1, max(low, -1), 2, 3])
        return st.one_of(near, st.integers(low, high))
    if sql_type.is_unscaled:
        digits = sql_type.precision or 38
        limit = 10**digits - 1
        near = st.sampled_from([0, 1, -1, 10, 5, 15, -25, limit, -limit, min(limit, 2**63), max(-limit, -(2**63))])
        whole = st.one_of(near, st.integers(-limit, limit))
        return whole.map(lambda value: decimal.Decimal(value).scaleb(-sql_type.scale, decimal.Context(prec=50)))
    width = 32 if sql_type.kind is TypeKind.FLOAT else 64
    special = st.sampled_from([0.0, -0.0, 1.0, 2.5, float("nan"), float("inf"), float("-inf")])
    return st.one_of(special, st.floats(width=width))


def rows_of(*types: SqlType) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    row = st.tuples(*(st.one_of(st.none(), values_of(each)) for each in types))
    return st.lists(row, min_size=1, max_size=6)


def with_arbitrary_words(values: list[Any], sql_type: SqlType) -> Vector:
    """The column, with the largest words in the rows that are NULL."""
    vector = column(values, sql_type)
    if not vector.has_words() or vector.valid() is None:
        return vector
    words = vector.values().copy()
    dtype = words_dtype(sql_type)
    assert dtype is not None
    words[~vector.valid()] = np.inf if dtype.kind == "f" else np.iinfo(dtype).max
    return Vector.from_values(words, vector.valid(), sql_type)


def compare(oracle: Oracle, expression: str, types: list[SqlType], rows: list[tuple[Any, ...]], ours: Any) -> None:
    columns = [list(each) for each in zip(*rows, strict=True)]
    arrays = [pa.array(values, arrow_type(each)) for values, each in zip(columns, types, strict=True)]
    names = "ab"[: len(types)]
    oracle.connection.register("rows_in", pa.table([*arrays, pa.array(range(len(rows)))], names=[*names, "i"]))
    casts = ", ".join(f"{name}::{each} AS {name}" for name, each in zip(names, types, strict=True))
    sql = f"SELECT ({expression})::VARCHAR FROM (SELECT i, {casts} FROM rows_in) ORDER BY i"
    try:
        expected: list[str | None] | None = [row[0] for row in oracle.rows(sql)]
    except duckdb.Error:
        expected = None
    try:
        result: list[str | None] | None = shown(ours())
    except DataError:
        result = None
    plain = [
        None if each is None else [text and text.replace("-nan", "nan") for text in each] for each in (result, expected)
    ]
    assert plain[0] == plain[1]


NUMBERS = [TINYINT, SMALLINT, INTEGER, BIGINT, UTINYINT, UBIGINT, FLOAT, DOUBLE, *DECIMALS]


@pytest.mark.parametrize("sql_type", NUMBERS, ids=str)
@MANY
@given(data=st.data())
def test_arithmetic(sql_type: SqlType, data: st.DataObject, oracle: Oracle) -> None:
    rows = data.draw(rows_of(sql_type, sql_type))
    left, right = (with_arbitrary_words(list(each), sql_type) for each in zip(*rows, strict=True))
    sign = data.draw(st.sampled_from(["+", "-", "*", "/", "//", "%"]))
    compare(oracle, f"a {sign} b", [sql_type, sql_type], rows, lambda: call(sign, left, right))


@pytest.mark.parametrize("sql_type", NUMBERS, ids=str)
@MANY
@given(data=st.data())
def test_comparison(sql_type: SqlType, data: st.DataObject, oracle: Oracle) -> None:
    rows = data.draw(rows_of(sql_type, sql_type))
    left, right = (with_arbitrary_words(list(each), sql_type) for each in zip(*rows, strict=True))
    for sign, name in [("=", "="), ("<", "<"), (">=", ">="), ("is distinct from", "is_distinct_from")]:
        compare(oracle, f"a {sign} b", [sql_type, sql_type], rows, lambda name=name: call(name, left, right))
    constant = Vector(sql_type, right.arrow().slice(0, 1), constant=True)
    same = [(row[0], rows[0][1]) for row in rows]
    compare(oracle, "a <= b", [sql_type, sql_type], same, lambda: call("<=", left, constant))


@pytest.mark.parametrize("sql_type", NUMBERS, ids=str)
@MANY
@given(data=st.data())
def test_rounding(sql_type: SqlType, data: st.DataObject, oracle: Oracle) -> None:
    rows = data.draw(rows_of(sql_type))
    vector = with_arbitrary_words([row[0] for row in rows], sql_type)
    name = data.draw(st.sampled_from(["round", "floor", "ceil", "trunc", "abs", "sign", "negate"]))
    expression = "-a" if name == "negate" else f"{name}(a)"
    compare(oracle, expression, [sql_type], rows, lambda: call(name, vector))


@pytest.mark.parametrize("source", [*NUMBERS, HUGEINT], ids=str)
@MANY
@given(data=st.data())
def test_casts(source: SqlType, data: st.DataObject, oracle: Oracle) -> None:
    rows = data.draw(rows_of(source))
    vector = with_arbitrary_words([row[0] for row in rows], source)
    target = data.draw(st.sampled_from([*NUMBERS, HUGEINT, VARCHAR]))
    attempt = data.draw(st.booleans())
    word = "TRY_CAST" if attempt else "CAST"
    compare(oracle, f"{word}(a AS {target})", [source], rows, lambda: cast(vector, target, attempt))


TEXT = st.text(st.sampled_from("ab%_äX\n"), max_size=6)


@MANY
@given(rows=st.lists(st.tuples(st.one_of(st.none(), TEXT), st.one_of(st.none(), TEXT)), min_size=1, max_size=5))
def test_like(rows: list[tuple[str | None, str | None]], oracle: Oracle) -> None:
    texts, patterns = (column(list(each), VARCHAR) for each in zip(*rows, strict=True))
    compare(oracle, "a LIKE b", [VARCHAR, VARCHAR], rows, lambda: call("like", texts, patterns))
    same = [(text, rows[0][1]) for text, _ in rows]
    pattern = Vector.from_literal(rows[0][1], VARCHAR)
    encoded = Vector(VARCHAR, texts.arrow().dictionary_encode())
    for name in ("like", "ilike"):
        for vector in (texts, encoded):
            compare(oracle, f"a {name} b", [VARCHAR, VARCHAR], same, lambda n=name, v=vector: call(n, v, pattern))


# What stands for the column and for two random numbers in the calls below.
A, N, M = object(), object(), object()
TEXT_CALLS: list[tuple[str, list[object]]] = [
    ("substring", [A, N]),
    ("substring", [A, N, M]),
    ("left", [A, N]),
    ("right", [A, N]),
    ("lpad", [A, N, "xy"]),
    ("rpad", [A, N, "ä"]),
    ("repeat", [A, N]),
    ("split_part", [A, "a", N]),
    ("trim", [A, "ab"]),
    ("ltrim", [A, "a"]),
    ("rtrim", [A, "ä%"]),
    ("trim", [A]),
    ("strpos", [A, "ab"]),
    ("replace", [A, "a", "bb"]),
    ("contains", [A, "ab"]),
    ("contains", [A, ""]),
    ("contains", [A, A]),
    ("starts_with", [A, "a"]),
    ("ends_with", [A, "ä"]),
    ("reverse", [A]),
    ("length", [A]),
    ("strlen", [A]),
    ("upper", [A]),
    ("lower", [A]),
    ("concat", [A, "x", None]),
    ("concat", [A, A]),
    ("concat", [A]),
    ("concat_ws", [", ", A, "x", A]),
    ("concat_ws", [A, A, "x", None]),
    ("concat_ws", [", ", A]),
    ("||", [A, "x"]),
    ("||", [A, A]),
    ("ascii", [A]),
    ("unicode", [A]),
    ("md5", [A]),
    ("translate", [A, "aä", "x"]),
    ("regexp_matches", [A, "a.b"]),
    ("regexp_replace", [A, "[ab]", "x"]),
    ("regexp_replace", [A, "[ab]", "x", "g"]),
    ("regexp_extract", [A, "(a)(b*)", 2]),
    ("regexp_full_match", [A, "[ab]*"]),
    ("coalesce", [A, "x"]),
    ("nullif", [A, "a"]),
    ("greatest", [A, "b"]),
    ("least", [A, "b"]),
]


@pytest.mark.parametrize(("name", "arguments"), TEXT_CALLS, ids=lambda value: value if isinstance(value, str) else "")
@MANY
@given(texts=st.lists(st.one_of(st.none(), TEXT), min_size=1, max_size=5), numbers=st.tuples(*[st.integers(-7, 7)] * 2))
def test_text(
    name: str, arguments: list[object], texts: list[str | None], numbers: tuple[int, int], oracle: Oracle
) -> None:
    filled = [numbers[0] if each is N else numbers[1] if each is M else each for each in arguments]
    shown_arguments = ["a" if each is A else sql_literal(each) for each in filled]
    expression = " || ".join(shown_arguments) if name == "||" else f"{name}({', '.join(shown_arguments)})"
    plain = column(texts, VARCHAR)
    for vector in (plain, Vector(VARCHAR, plain.arrow().dictionary_encode())):
        pairs = [(vector, Operand(VARCHAR)) if each is A else literal(each) for each in filled]
        compare(oracle, expression, [VARCHAR], [(text,) for text in texts], lambda pairs=pairs: call(name, *pairs))
