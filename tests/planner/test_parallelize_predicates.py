"""Predicates for storage: implied by the condition, in the column's type, and never too narrow."""

from __future__ import annotations

import pytest

from sqlengine.config import default_settings
from sqlengine.planner.logical import Node, Scan, inputs_of
from sqlengine.planner.optimizer import optimize
from sqlengine.planner.predicates import predicates_of
from tests.planner.golden import bind


def predicates(condition: str) -> list[str]:
    node: Node = optimize(bind(f"SELECT * FROM a WHERE {condition}").plan, default_settings({}))
    while not isinstance(node, Scan):
        (node,) = inputs_of(node)
    names = {column.id: name for column, name in zip(node.columns, node.source_names, strict=True)}
    return [str(each) for each in predicates_of(node.filters, names)]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("x = 5", ["x = 5"]),
        ("5 <= x", ["x >= 5"]),
        ("x BETWEEN 1 AND 3", ["x >= 1", "x <= 3"]),
        ("d <= DATE '2021-12-01' - INTERVAL 90 DAY", ["d <= 2021-09-02"]),
        ("x IN (1, 2)", ["x in 1, 2"]),
        ("x IN (1, NULL)", ["x in 1"]),
        ("x = 1 OR x = 2", ["x in 1, 2"]),
        ("x = 1 AND s = 'a' OR x IN (2, 3) AND s = 'b'", ["x in 1, 2, 3", "s in a, b"]),
        ("s IS NULL", ["s is null"]),
        ("s IS NOT NULL", ["s is not null"]),
        ("s LIKE 'ab%'", ["s >= ab", "s < ac"]),
        ("s LIKE 'ab_c'", ["s >= ab", "s < ac"]),
        ("f < 0.5", ["f < 0.5"]),
    ],
)
def test_what_a_condition_implies(condition: str, expected: list[str]) -> None:
    assert predicates(condition) == expected


@pytest.mark.parametrize(
    "condition",
    [
        "x NOT IN (1, 2)",
        "x = 1 OR s = 'a'",
        "s LIKE '%ab'",
        "s LIKE 'a\\%b%' ESCAPE '\\'",
        "x + 1 = 5",
        "k = x",
        # NaN is greater than any number but not counted in a file's maximum.
        "f > 0.5",
        "f <> 0.5",
    ],
)
def test_what_implies_nothing(condition: str) -> None:
    assert predicates(condition) == []
