"""Types and values of operators over every pair of operand types, against DuckDB's typeof."""

from __future__ import annotations

import itertools

import pytest

from sqlengine.errors import Error
from sqlengine.functions.registry import Operand
from sqlengine.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    HUGEINT,
    INTEGER,
    INTERVAL,
    SMALLINT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    TINYINT,
    UBIGINT,
    UINTEGER,
    USMALLINT,
    UTINYINT,
    VARCHAR,
    SqlType,
    decimal,
)
from sqlengine.vector import Vector
from tests.functions.calls import Failure, Oracle, attempt, literal, signature, sql_literal, typed

NUMBERS = [
    TINYINT,
    SMALLINT,
    INTEGER,
    BIGINT,
    HUGEINT,
    UTINYINT,
    USMALLINT,
    UINTEGER,
    UBIGINT,
    FLOAT,
    DOUBLE,
    decimal(5, 2),
    decimal(15, 2),
    decimal(18, 0),
    decimal(18, 3),
    decimal(18, 17),
    decimal(19, 2),
    decimal(38, 4),
    decimal(38, 0),
]
LITERALS = [1, 200, 1000, 100_000, 3_000_000_000, 10**19, -1]
TEMPORAL = {
    DATE: "2024-02-29",
    TIME: "12:34:56",
    TIMESTAMP: "2024-02-29 12:34:56.5",
    TIMESTAMPTZ: "2024-02-29 12:34:56.5+00",
    INTERVAL: "1 year 2 months 3 days 04:05:06",
    INTEGER: "3",
    DOUBLE: "2.5",
    BOOLEAN: "true",
    VARCHAR: "x",
}
OPERATORS = ["+", "-", "*", "/", "//", "%"]

Written = tuple[str, tuple[Vector, Operand]]


def written(text: str, sql_type: SqlType) -> Written:
    return f"'{text}'::{sql_type}", typed(text, sql_type)


def number_operands() -> list[Written]:
    operands = [written("3", each) for each in NUMBERS if each.precision - each.scale != 0]
    return operands + [(sql_literal(value), literal(value)) for value in LITERALS]


def our_type(name: str, operands: list[Operand]) -> str | Failure:
    try:
        return str(signature(name, operands).result)
    except Error as error:
        return Failure(str(error))


@pytest.mark.parametrize("name", OPERATORS)
def test_number_grid(name: str, oracle: Oracle) -> None:
    wrong = []
    for (left_sql, left), (right_sql, right) in itertools.product(number_operands(), repeat=2):
        expected = oracle.type(f"({left_sql}) {name} ({right_sql})")
        ours = our_type(name, [left[1], right[1]])
        if ours != expected:
            wrong.append((left_sql, name, right_sql, ours, expected))
    assert not wrong


@pytest.mark.parametrize("name", OPERATORS)
def test_number_values(name: str, oracle: Oracle) -> None:
    wrong = []
    operands = [written(text, each) for each in NUMBERS if each.precision - each.scale != 0 for text in ("7", "2")]
    for (left_sql, left), (right_sql, right) in itertools.product(operands[::2], operands[1::2]):
        expected = oracle.value(f"({left_sql}) {name} ({right_sql})")
        ours = attempt(name, left, right)
        if ours != expected:
            wrong.append((left_sql, name, right_sql, ours, expected))
    assert not wrong


@pytest.mark.parametrize("name", OPERATORS)
def test_temporal_grid(name: str, oracle: Oracle) -> None:
    wrong = []
    for (left, left_text), (right, right_text) in itertools.product(TEMPORAL.items(), repeat=2):
        if left.is_numeric and right.is_numeric:
            continue
        left_sql, left_pair = written(left_text, left)
        right_sql, right_pair = written(right_text, right)
        sql = f"({left_sql}) {name} ({right_sql})"
        ours, expected = our_type(name, [left_pair[1], right_pair[1]]), oracle.type(sql)
        if ours != expected:
            wrong.append((sql, ours, expected))
            continue
        value, wanted = attempt(name, left_pair, right_pair), oracle.value(sql)
        if value != wanted:
            wrong.append((sql, value, wanted))
    assert not wrong
