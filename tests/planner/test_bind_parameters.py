"""Values for ?, $1, $name and :name."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from sqlengine.errors import ProgrammingError
from tests.planner.binding import bind, oracle, shown, types_of

PLACES = [
    ("SELECT a FROM u WHERE a = ? AND k = ?", [1, 2], "and(=(a#0, 1), =(k#1, 2))"),
    ("SELECT a FROM u WHERE a = $2 AND k = $1", [1, 2], "and(=(a#0, 2), =(k#1, 1))"),
    ("SELECT a FROM u WHERE a = $1 AND k = $1", [1], "and(=(a#0, 1), =(k#1, 1))"),
    ("SELECT a FROM u WHERE a = :x AND k = $y", {"x": 1, "y": 2}, "and(=(a#0, 1), =(k#1, 2))"),
    ("SELECT a FROM u WHERE a IN (?, ?)", [1, 2], "a#0 in (1, 2)"),
    ("SELECT a FROM u WHERE a = $1 AND k IN ($1,$2)", [1, 2], "and(=(a#0, 1), k#1 in (1, 2))"),
    ("SELECT a FROM u WHERE z = '?' AND z = ?", ["x"], "and(=(z#2, '?'), =(z#2, 'x'))"),
]


@pytest.mark.parametrize(("sql", "values", "condition"), PLACES)
def test_each_value_gets_to_its_place(
    sql: str, values: Sequence[object] | Mapping[str, object], condition: str
) -> None:
    assert f"Filter {condition}" in shown(bind(sql, values).plan)


def test_numbering_follows_the_text_not_the_clauses() -> None:
    # LIMIT stands before FROM in the tree, WHERE after the select list in binding.
    plan = shown(bind("SELECT a + ? FROM u WHERE k = ? LIMIT ? OFFSET ?", [10, 20, 30, 40]).plan)
    assert "+(a#0, 10)" in plan
    assert "=(k#1, 20)" in plan
    assert "Limit 30 offset 40" in plan


def test_a_common_table_read_twice_takes_the_same_value() -> None:
    plan = shown(bind("WITH x AS (SELECT a FROM u WHERE a = ?) SELECT 1 FROM x, x y WHERE x.a = ?", [1, 2]).plan)
    assert plan.count(", 1)") == 2
    assert plan.count(", 2)") == 1


VALUES = [
    None,
    True,
    1,
    2**31,
    2**70,
    -5,
    1.5,
    "text",
    b"bytes",
    Decimal("1.50"),
    datetime.date(2020, 1, 1),
    datetime.datetime(2020, 1, 1, 10),
    datetime.time(10, 0),
    datetime.timedelta(days=1, seconds=2),
    uuid.UUID(int=5),
    [1, 2.5],
    [None],
    [],
    [[1], [2, 3]],
    (1, 2),
    {"a": 1, "b": {"c": ["x"]}},
    {"key": [1], "value": ["x"]},
    np.array([1, 2]),
    pd.NaT,
    pd.NA,
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_type_of_a_value_is_duckdbs(value: object) -> None:
    (row,) = oracle().execute("SELECT typeof(?)", [value]).fetchall()
    expected = str(row[0])
    assert types_of(bind("SELECT ?", [value])) == ["NULL" if expected == '"NULL"' else expected]


def test_a_text_adapts_like_a_literal() -> None:
    assert "datetime" not in shown(bind("SELECT d FROM t WHERE d >= ?", ["2020-01-01"]).plan)
    assert "2020-01-01" in shown(bind("SELECT d FROM t WHERE d >= ?", ["2020-01-01"]).plan)


WRONG = [
    ("SELECT ?", None, "no value was given for parameter 1"),
    ("SELECT ?, ?", [1], "no value was given for parameter 2"),
    ("SELECT $name", {"nome": 1}, "no value was given for parameter $name"),
    ("SELECT ?", [1, 2], "there is none for the value of 2"),
    ("SELECT 1", {"x": 1}, "there is none for the value of x"),
    ("SELECT ?, $1", [1], "not both"),
    ("SELECT ?", [object()], "a object cannot be a parameter"),
    ("SELECT ?", [Decimal("NaN")], "a Decimal cannot be a parameter"),
    ("SELECT ?", [10**39], "more than 38 digits"),
    ("SELECT ?", "x", "a sequence of values"),
    ("SELECT a FROM u LIMIT ?", ["many"], "many"),
]


@pytest.mark.parametrize(("sql", "values", "message"), WRONG)
def test_wrong_values(sql: str, values: Sequence[object] | Mapping[str, object] | None, message: str) -> None:
    from sqlengine.errors import Error

    with pytest.raises(Error) as caught:
        bind(sql, values)
    assert message in caught.value.message


def test_missing_values_are_the_callers_mistake() -> None:
    with pytest.raises(ProgrammingError):
        bind("SELECT ?")
