"""Rules on expressions keep what they say: compared with DuckDB, and on the edges of types."""

from __future__ import annotations

import datetime
import itertools
from dataclasses import replace
from decimal import Decimal

import pytest

from sqlengine.functions import registry
from sqlengine.planner.expression_text import ExpressionText
from sqlengine.planner.expressions import Call, Cast, Column, Expression, InList, Literal, columns_of, transform
from sqlengine.planner.logical import ONE_ROW, Filter, Project
from sqlengine.planner.logical_joins import JoinKind
from sqlengine.planner.rules.factor_disjunction import factor_disjunction
from sqlengine.planner.rules.fold_constants import fold_expression
from sqlengine.planner.rules.merge_projects import merge_projects
from sqlengine.planner.rules.outer_to_inner import rejects_nulls
from sqlengine.planner.rules.push_down_filter import Origin, Side, may_move_below_join, push_down_filter
from sqlengine.planner.rules.simplify_comparisons import simplify_comparisons
from sqlengine.types import BIGINT, BOOLEAN, DATE, DOUBLE, INTEGER, TIMESTAMP, VARCHAR, SqlType, decimal

TEXT = ExpressionText().expression
P, Q, R = (Column(number, name, BOOLEAN) for number, name in enumerate("pqr"))
X = Column(10, "x", INTEGER)
D = Column(11, "d", DATE)
M = Column(12, "m", decimal(15, 2))
VALUES = (True, False, None)


def boolean(function: str, *arguments: Expression) -> Call:
    return Call(function, arguments, BOOLEAN)


def truth(expression: Expression, row: dict[int, bool | None]) -> bool | None:
    """Three-valued logic, by definition."""
    match expression:
        case Literal(value=value):
            assert value is None or isinstance(value, bool)
            return value
        case Column(id=column):
            return row[column]
        case Call(function="not", arguments=(operand,)):
            inner = truth(operand, row)
            return None if inner is None else not inner
        case Call(function="and" | "or" as name, arguments=arguments):
            values = [truth(argument, row) for argument in arguments]
            absorbing = name == "or"
            return absorbing if absorbing in values else None if None in values else not absorbing
        case Call(function="is_null" | "is_not_null" as name, arguments=(operand,)):
            return (truth(operand, row) is None) == (name == "is_null")
        case _:
            raise AssertionError(expression)


TRUE, FALSE, NULL = (Literal(value, BOOLEAN) for value in VALUES)
LOGIC = [
    boolean("and", P, TRUE, Q),
    boolean("and", P, FALSE),
    boolean("and", P, NULL),
    boolean("or", P, FALSE, P),
    boolean("or", P, TRUE),
    boolean("or", P, NULL),
    boolean("not", boolean("and", P, boolean("or", Q, boolean("not", R)))),
    boolean("not", boolean("not", P)),
    boolean("not", boolean("is_null", P)),
    boolean("and", boolean("and", P, Q), boolean("and", Q, R), TRUE),
    boolean("not", boolean("or", NULL, P)),
]


@pytest.mark.parametrize("expression", LOGIC, ids=TEXT)
def test_folding_keeps_three_valued_logic(expression: Expression) -> None:
    folded = transform(expression, fold_expression)
    for values in itertools.product(VALUES, repeat=3):
        row = dict(enumerate(values))
        assert truth(folded, row) == truth(expression, row), row


def test_folding_simplifies_logic() -> None:
    folded = [TEXT(transform(expression, fold_expression)) for expression in LOGIC]
    assert folded == [
        "p AND q",
        "FALSE",
        "p AND NULL",
        "p",
        "TRUE",
        "p OR NULL",
        "NOT p OR NOT q AND r",
        "p",
        "p IS NOT NULL",
        "p AND q AND r",
        "NULL AND NOT p",
    ]


def test_factoring_keeps_what_a_filter_lets_through() -> None:
    expression = boolean("or", boolean("and", P, Q), boolean("and", P, R), boolean("and", P, boolean("not", Q)))
    factored = factor_disjunction(Filter(ONE_ROW, expression))
    assert isinstance(factored, Filter)
    assert factored.condition != expression
    for values in itertools.product(VALUES, repeat=3):
        row = dict(enumerate(values))
        assert (truth(factored.condition, row) is True) == (truth(expression, row) is True), row


@pytest.fixture
def volatile(monkeypatch: pytest.MonkeyPatch) -> Expression:
    """`dice(x) > 3`: another value whenever it is asked."""
    dice = registry.ScalarFunction("dice", lambda _: None, lambda vectors, _: vectors[0], deterministic=False)
    monkeypatch.setitem(registry._SCALARS, "dice", dice)
    return boolean(">", Call("dice", (X,), INTEGER), Literal(3, INTEGER))


def test_what_gives_another_value_each_time_is_not_folded(volatile: Expression) -> None:
    constant = Call("dice", (Literal(1, INTEGER),), INTEGER)
    assert fold_expression(constant) is constant


def test_what_gives_another_value_each_time_stays_where_it_stands(volatile: Expression) -> None:
    steady = boolean(">", X, Literal(3, INTEGER))
    below = Project(ONE_ROW, (X,), (Literal(5, INTEGER),))
    filter_ = Filter(below, volatile)
    assert push_down_filter(filter_) is filter_
    both = push_down_filter(Filter(below, boolean("and", volatile, steady)))
    pushed = Filter(ONE_ROW, boolean(">", Literal(5, INTEGER), Literal(3, INTEGER)))
    assert both == Filter(replace(below, input=pushed), volatile)


def test_what_gives_another_value_each_time_is_computed_once(volatile: Expression) -> None:
    below = Project(ONE_ROW, (P,), (volatile,))
    above = Project(below, (Q,), (P,))
    assert merge_projects(above) is above
    filter_ = Filter(below, P)
    assert push_down_filter(filter_) is filter_


def simplified(condition: Expression) -> Expression:
    node = simplify_comparisons(Filter(ONE_ROW, condition))
    assert isinstance(node, Filter)
    return node.condition


NOON = Literal(datetime.datetime(1995, 1, 1, 12), TIMESTAMP)
MIDNIGHT = Literal(datetime.datetime(1995, 1, 1), TIMESTAMP)


@pytest.mark.parametrize(
    ("op", "literal", "expected"),
    [
        ("<", MIDNIGHT, "d < DATE '1995-01-01'"),
        ("<=", MIDNIGHT, "d <= DATE '1995-01-01'"),
        ("=", MIDNIGHT, "d = DATE '1995-01-01'"),
        ("<>", MIDNIGHT, "d <> DATE '1995-01-01'"),
        ("<", NOON, "d <= DATE '1995-01-01'"),
        ("<=", NOON, "d <= DATE '1995-01-01'"),
        (">", NOON, "d > DATE '1995-01-01'"),
        (">=", NOON, "d > DATE '1995-01-01'"),
        ("=", NOON, "CAST(d AS TIMESTAMP) = TIMESTAMP '1995-01-01 12:00:00'"),
    ],
)
def test_a_date_compared_with_a_timestamp(op: str, literal: Literal, expected: str) -> None:
    assert TEXT(simplified(boolean(op, Cast(D, TIMESTAMP), literal))) == expected


@pytest.mark.parametrize(
    ("column", "target", "op", "value", "expected"),
    [
        (X, BIGINT, "<", 5, "x < 5"),
        (X, BIGINT, "<", 2**40, f"CAST(x AS BIGINT) < {2**40}"),
        (X, decimal(18, 3), ">", Decimal("2.5"), "x > 2"),
        (X, decimal(18, 3), "=", Decimal("2.000"), "x = 2"),
        (X, decimal(18, 3), "=", Decimal("2.500"), "CAST(x AS DECIMAL(18,3)) = 2.500"),
        (X, DOUBLE, "<", -2.5, "x <= -3"),
        (X, DOUBLE, "<", float("nan"), "CAST(x AS DOUBLE) < nan"),
        (M, decimal(20, 4), ">=", Decimal("0.0501"), "m > 0.05"),
        (M, decimal(20, 4), ">=", Decimal("0.0500"), "m >= 0.05"),
        (M, DOUBLE, "<", 0.5, "CAST(m AS DOUBLE) < 0.5"),
    ],
)
def test_casts_of_numbers_move_only_where_they_are_exact(
    column: Column, target: SqlType, op: str, value: object, expected: str
) -> None:
    assert TEXT(simplified(boolean(op, Cast(column, target), Literal(value, target)))) == expected


def test_a_list_moves_as_a_whole_or_not_at_all() -> None:
    inside = InList(Cast(X, BIGINT), (Literal(1, BIGINT), Literal(None, BIGINT)))
    assert simplified(inside) == InList(X, (Literal(1, INTEGER), Literal(None, INTEGER)))
    outside = InList(Cast(X, BIGINT), (Literal(1, BIGINT), Literal(2**40, BIGINT)))
    assert simplified(outside) is outside


@pytest.mark.parametrize(
    ("condition", "rejects"),
    [
        (boolean("=", X, Literal(1, INTEGER)), True),
        (boolean("not", boolean("=", X, Literal(1, INTEGER))), True),
        (boolean("is_not_null", X), True),
        (boolean("is_null", X), False),
        (boolean("is_distinct_from", X, Literal(1, INTEGER)), False),
        (boolean("or", boolean("=", X, Literal(1, INTEGER)), P), False),
        (boolean("and", boolean("=", X, Literal(1, INTEGER)), P), True),
        (boolean("=", Call("coalesce", (X, Literal(1, INTEGER)), INTEGER), Literal(1, INTEGER)), False),
        (boolean("like", Cast(X, VARCHAR), Literal("1%", VARCHAR)), True),
    ],
    ids=lambda value: TEXT(value) if not isinstance(value, bool) else str(value),
)
def test_which_conditions_reject_nulls(condition: Expression, rejects: bool) -> None:
    assert rejects_nulls(condition, columns_of(X)) is rejects


@pytest.mark.parametrize("kind", JoinKind)
@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("origin", Origin)
def test_filters_move_below_joins_exactly_where_the_answer_stays(kind: JoinKind, side: Side, origin: Origin) -> None:
    """Asked of all joins of up to two rows a side: a key that may match and a value the condition asks for."""
    rows = [(key, value) for key in (1, 2) for value in (0, 1)]
    tables = [[], *([row] for row in rows), *([a, b] for a in rows for b in rows)]

    def holds(row: tuple[int, int] | None) -> bool:
        return row is not None and row[1] == 1

    same = True
    for left, right in itertools.product(tables, repeat=2):
        above = join(kind, left, right, side, holds if origin is Origin.ON else None)
        if origin is Origin.WHERE:
            above = [pair for pair in above if holds(pair[0] if side is Side.LEFT else pair[1])]
        kept_left = [row for row in left if holds(row)] if side is Side.LEFT else left
        kept_right = [row for row in right if holds(row)] if side is Side.RIGHT else right
        same = same and above == join(kind, kept_left, kept_right, side, None)
    if kind in (JoinKind.SEMI, JoinKind.ANTI) and side is Side.RIGHT and origin is Origin.WHERE:
        return  # nothing above such a join sees the right side
    assert may_move_below_join(kind, side, origin) is same


Row = tuple[int, int] | None


def join(kind, left, right, side, condition) -> list[tuple[Row, Row]]:
    """A join on equal keys and `condition` of one side, by definition."""

    def matches(a, b) -> bool:
        return a[0] == b[0] and (condition is None or condition(a if side is Side.LEFT else b))

    pairs: list[tuple[Row, Row]] = []
    for a in left:
        partners = [b for b in right if matches(a, b)]
        match kind:
            case JoinKind.SEMI:
                pairs += [(a, None)] if partners else []
            case JoinKind.ANTI:
                pairs += [] if partners else [(a, None)]
            case _:
                pairs += [(a, b) for b in partners]
                pairs += [(a, None)] if not partners and kind in (JoinKind.LEFT, JoinKind.FULL) else []
    if kind in (JoinKind.RIGHT, JoinKind.FULL):
        pairs += [(None, b) for b in right if not any(matches(a, b) for a in left)]
    return pairs
