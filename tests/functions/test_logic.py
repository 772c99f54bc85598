"""Truth tables."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from sqlengine.functions.membership import in_list
from sqlengine.functions.registry import Operand
from sqlengine.types import BOOLEAN, DATE, DOUBLE, INTEGER, VARCHAR, SqlType, decimal
from sqlengine.vector import Vector
from tests.functions.calls import Oracle, call, column, sql_literal, texts_as

Truth = bool | None
TRUTHS: list[Truth] = [True, False, None]


def both(a: Truth, b: Truth) -> Truth:
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def either(a: Truth, b: Truth) -> Truth:
    return negation(both(negation(a), negation(b)))


def negation(a: Truth) -> Truth:
    return None if a is None else not a


@pytest.mark.parametrize(("name", "table"), [("and", both), ("or", either)])
@pytest.mark.parametrize("constant", [(False, False), (True, False), (False, True), (True, True)])
def test_connectives(name: str, table: Callable[[Truth, Truth], Truth], constant: tuple[bool, bool]) -> None:
    for a, b in itertools.product(TRUTHS, repeat=2):
        arguments = [
            Vector.from_literal(value, BOOLEAN) if fixed else column([value, value], BOOLEAN)
            for value, fixed in zip((a, b), constant, strict=True)
        ]
        rows = call(name, *arguments).arrow().to_pylist()
        assert rows == [table(a, b)] * (1 if all(constant) else 2), (a, b)


def test_connectives_of_many() -> None:
    rows = list(itertools.product(TRUTHS, repeat=3))
    columns = [column(list(each), BOOLEAN) for each in zip(*rows, strict=True)]
    assert call("and", *columns).arrow().to_pylist() == [both(both(a, b), c) for a, b, c in rows]
    assert call("or", *columns).arrow().to_pylist() == [either(either(a, b), c) for a, b, c in rows]


def test_not_and_null_tests() -> None:
    truths = column(TRUTHS, BOOLEAN)
    assert call("not", truths).arrow().to_pylist() == [False, True, None]
    assert call("is_null", truths).arrow().to_pylist() == [False, False, True]
    assert call("is_not_null", truths).arrow().to_pylist() == [True, True, False]
    assert call("is_null", column([1, 2], INTEGER)).arrow().to_pylist() == [False, False]


def test_words_of_nulls_do_not_count() -> None:
    arbitrary = Vector.from_values(np.array([True, False]), np.array([False, False]), BOOLEAN)
    true = column([True, True], BOOLEAN)
    assert call("and", arbitrary, true).arrow().to_pylist() == [None, None]
    assert call("or", arbitrary, true).arrow().to_pylist() == [True, True]


MEMBERS: list[tuple[SqlType, list[object]]] = [
    (INTEGER, [1, 2, None, 5]),
    (VARCHAR, ["a", "b", None, ""]),
    (BOOLEAN, [True, False, None]),
    (DOUBLE, [1.0, float("nan"), None, 0.0]),
]


@pytest.mark.parametrize(("sql_type", "values"), MEMBERS, ids=str)
@pytest.mark.parametrize("negated", [False, True])
def test_in_list(sql_type: SqlType, values: list[object], negated: bool, oracle: Oracle) -> None:
    vector = column(values, sql_type)
    word = "NOT IN" if negated else "IN"
    for members in [values[:1], values[:2], [values[1], None], [None], values[:2] * 20]:
        ours = in_list(vector, [Vector.from_literal(member, sql_type) for member in members], negated)
        wanted = ", ".join(f"{sql_literal(member)}::{sql_type}" for member in members)
        rows = ", ".join(f"({i}, {sql_literal(value)}::{sql_type})" for i, value in enumerate(values))
        expected = oracle.rows(f"SELECT x {word} ({wanted}) FROM (VALUES {rows}) AS t(i, x) ORDER BY i")
        assert ours.arrow().to_pylist() == [row[0] for row in expected], members


def test_in_list_of_many_kinds() -> None:
    for sql_type, texts in [(DATE, ["2024-01-01", "2024-01-02"]), (decimal(38, 1), ["99999999999999999999.5", "1.5"])]:
        vector = texts_as([*texts, None], sql_type)
        members = [texts_as([texts[0]], sql_type)]
        constant = Vector(sql_type, members[0].arrow(), constant=True)
        assert in_list(vector, [constant]).arrow().to_pylist() == [True, False, None]
    encoded = Vector(VARCHAR, column(["a", "b", None, "a"], VARCHAR).arrow().dictionary_encode())
    members = [Vector.from_literal("a", VARCHAR)]
    assert in_list(encoded, members).arrow().to_pylist() == [True, False, None, True]
    assert in_list(encoded, members, negated=True).arrow().to_pylist() == [False, True, None, False]


def test_operand_of_a_cast_constant_keeps_its_type() -> None:
    assert not Operand(INTEGER).is_literal
