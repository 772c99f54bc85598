"""What is left of an outer plan where a subquery asks for the values of its columns."""

from __future__ import annotations

from itertools import pairwise

import pytest

from sqlengine.errors import NotSupportedError
from sqlengine.planner.logical import Node, inputs_of
from tests.planner.binding import bind


def nested(depth: int) -> str:
    """A condition on q0 with `depth` subqueries in one another, each naming the tables of all those around it."""
    condition = "true"
    for level in range(depth, 0, -1):
        names = " AND ".join(f"q{level}.a <> q{outer}.a" for outer in range(level))
        condition = f"(q{level - 1}.a < ANY (SELECT q{level}.a FROM t q{level} WHERE {names} AND {condition}) OR false)"
    return condition


def size(node: Node) -> int:
    return 1 + sum(map(size, inputs_of(node)))


def test_plans_of_nested_subqueries_do_not_double() -> None:
    sizes = [size(bind(f"SELECT q0.a FROM t q0 WHERE {nested(depth)}").plan) for depth in range(1, 7)]
    steps = [after - before for before, after in pairwise(sizes)]
    assert all(after - before <= 10 for before, after in pairwise(steps)), sizes


def test_plans_of_many_subqueries_do_not_double() -> None:
    values = [f"(SELECT max(u.a) FROM t u WHERE u.a < t.a + {number})" for number in range(6)]
    sizes = [size(bind(f"SELECT {', '.join(values[:many])} FROM t").plan) for many in range(1, 7)]
    steps = {after - before for before, after in pairwise(sizes)}
    assert len(steps) == 1, sizes


def test_a_random_condition_does_not_decide_which_values_are_known() -> None:
    bind("SELECT (SELECT count(*) FROM t u WHERE u.a <> t.a) FROM t WHERE random() < 0.5")


def test_random_values_are_no_domain() -> None:
    with pytest.raises(NotSupportedError, match="random values of an outer query"):
        bind("SELECT (SELECT count(*) FROM t u WHERE u.a < r.x) FROM (SELECT random() AS x FROM t) r")
