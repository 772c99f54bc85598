"""Dependent joins become ordinary ones: a subquery that names columns of its outer query runs once, for all outer rows.

The dependent join of `left` and `right` evaluates `right` for every row of `left`, whose columns it may name. It is
removed where it would arise, so no plan ever holds one:

1. Operators at the top of `right` that can as well stand above the join are lifted over it; what is left is often
   independent of `left`, and the join an ordinary one.
2. Otherwise the values of the columns that `right` names are pushed down into it (`domain.Domain`), and an ordinary
   join on those values is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlengine.planner.correlation import free_columns
from sqlengine.planner.domain import Domain, NewColumn
from sqlengine.planner.expressions import Call, Case, Column, Expression, Literal, columns_of, conjunction, conjuncts
from sqlengine.planner.logical import (
    ONE_ROW,
    Aggregate,
    Filter,
    Limit,
    Node,
    Project,
    Sort,
    Unnest,
    Values,
    transform_up,
)
from sqlengine.planner.logical_joins import Join, JoinKind
from sqlengine.planner.rewriting import filtered, is_deterministic, substitute
from sqlengine.types import BOOLEAN

_FILTERING = (JoinKind.SEMI, JoinKind.ANTI)


def dependent_join(
    new_column: NewColumn, kind: JoinKind, left: Node, right: Node, conditions: Sequence[Expression] = ()
) -> Node:
    """The join of every row of `left` with the rows that `right` has for it.

    Parameters
    ----------
    new_column
        Makes a column that no plan has.
    kind
        Any if `right` names no column of `left`; else INNER, LEFT, SEMI or ANTI.
    conditions
        Which pairs count, over the columns of both.

    Returns
    -------
    Node
        Delivers the columns of a `Join` of that kind.
    """
    if not _named(right, left):
        return _independent(kind, left, right, tuple(conditions))
    if kind is JoinKind.LEFT and not conditions and has_one_row(right):
        kind = JoinKind.INNER
    lifted = _lifted(new_column, kind, left, right, tuple(conditions))
    if lifted is not None:
        return lifted
    outer, inner = _with_named_sides(new_column, left, filtered(right, conditions))
    domain = Domain(new_column, outer, _named(inner, outer))
    pushed, bound = domain.push(inner)
    joined = Join(kind, outer, pushed, domain.matches(bound))
    return _only(joined, left.columns if kind in _FILTERING else left.columns + right.columns)


def has_one_row(node: Node) -> bool:
    """Whether the plan delivers exactly one row, whatever the data."""
    match node:
        case Values(rows=rows):
            return len(rows) == 1
        case Aggregate(keys=keys):
            return not keys
        case Project() | Sort(limit=None, offset=0):
            return has_one_row(node.input)
        case Join(kind=JoinKind.INNER, conditions=()):
            return has_one_row(node.left) and has_one_row(node.right)
        case _:
            return False


def has_at_most_one_row(node: Node) -> bool:
    """Whether the plan never delivers two rows."""
    match node:
        case Filter() | Project() | Sort():
            return has_at_most_one_row(node.input)
        case Limit(limit=limit, percent=None, per=()):
            return (limit is not None and limit <= 1) or has_at_most_one_row(node.input)
        case _:
            return has_one_row(node)


def _independent(kind: JoinKind, left: Node, right: Node, conditions: tuple[Expression, ...]) -> Node:
    if right != ONE_ROW:
        return Join(kind, left, right, conditions)
    match kind:
        case JoinKind.INNER | JoinKind.SEMI:
            return filtered(left, conditions)
        case JoinKind.LEFT:
            return left
        case JoinKind.ANTI:
            return Filter(left, _fails(conditions))
        case _:
            return Join(kind, left, right, conditions)


def _fails(conditions: Sequence[Expression]) -> Expression:
    """True where not all conditions are true: also where one is NULL."""
    holds = conjunction(tuple(conditions))
    if holds is None:
        return Literal(False, BOOLEAN)
    return Case(((holds, Literal(False, BOOLEAN)),), Literal(True, BOOLEAN), BOOLEAN)


def _lifted(
    new_column: NewColumn, kind: JoinKind, left: Node, right: Node, conditions: tuple[Expression, ...]
) -> Node | None:
    """The join with the topmost operator of `right` above it, or without it if it changes nothing; None if neither."""

    def over(below: Node, conditions: Sequence[Expression]) -> Node:
        return dependent_join(new_column, kind, left, below, conditions)

    match right:
        case Filter():
            return over(right.input, (*conditions, *conjuncts(right.condition)))
        case Sort(limit=None, offset=0):
            # No join promises an order.
            return over(right.input, conditions)
        case Limit(limit=limit, offset=0, percent=None, per=()) if kind in _FILTERING and not conditions and limit != 0:
            return over(right.input, ())
        case Unnest() if kind is JoinKind.INNER:
            return filtered(replace(right, input=over(right.input, ())), conditions)
        case Project() if kind is JoinKind.INNER and not conditions:
            # Nothing is computed more often than before, so it need not be deterministic.
            joined = over(right.input, ())
            return Project(joined, left.columns + right.columns, left.columns + right.expressions)
        case Project() if all(map(is_deterministic, right.expressions)):
            values = {column.id: value for column, value in zip(right.columns, right.expressions, strict=True)}
            tests = [substitute(each, values) for each in conditions]
            if kind in _FILTERING:
                return over(right.input, tests)
            if kind is JoinKind.INNER:
                joined = over(right.input, tests)
                return Project(joined, left.columns + right.columns, left.columns + right.expressions)
            return _padded(new_column, left, right, tests)
        case Aggregate(aggregates=(), always=()) if kind in _FILTERING and right.keys:
            values = {column.id: key for column, key in zip(right.key_columns, right.keys, strict=True)}
            return over(right.input, [substitute(each, values) for each in conditions])
        case Aggregate(keys=()) if kind is not JoinKind.LEFT:
            joined = _aggregated(new_column, left, right)
            if kind is JoinKind.INNER:
                return filtered(joined, conditions)
            kept = filtered(joined, conditions) if kind is JoinKind.SEMI else Filter(joined, _fails(conditions))
            return _only(kept, left.columns)
        case _:
            return None


def _padded(new_column: NewColumn, left: Node, right: Project, conditions: Sequence[Expression]) -> Node | None:
    """A LEFT join whose right side computes with columns of the left: done above it, NULL where there is no partner."""
    below = right.input.columns
    delivered = frozenset(column.id for column in below)
    if _named(right.input, left) or any(column.id in delivered for column in right.columns):
        return None
    flag = new_column("found", BOOLEAN)
    flagged = Project(right.input, (*below, flag), (*below, Literal(True, BOOLEAN)))
    found = Call("is_not_null", (flag,), BOOLEAN)
    values = tuple(Case(((found, each),), Literal(None, each.type), each.type) for each in right.expressions)
    joined = Join(JoinKind.LEFT, left, flagged, tuple(conditions))
    return Project(joined, left.columns + right.columns, left.columns + values)


def _aggregated(new_column: NewColumn, left: Node, right: Aggregate) -> Node:
    """The row of `right`, an aggregation without keys, for each of `left`: grouped, and what it is for no rows."""
    outer, inner = _with_named_sides(new_column, left, right)
    assert isinstance(inner, Aggregate)
    domain = Domain(new_column, outer, _named(inner, outer))
    grouped, bound, values = domain.grouped(inner)
    joined = Join(JoinKind.LEFT, outer, grouped, domain.matches(bound))
    return domain.or_empty(inner, joined, left.columns, values)


def _named(node: Node, outer: Node) -> dict[int, Column]:
    """The columns of `outer` that `node` names."""
    ids = {column.id for column in outer.columns}
    return {i: column for i, column in free_columns(node).items() if i in ids}


def _with_named_sides(new_column: NewColumn, left: Node, right: Node) -> tuple[Node, Node]:
    """`left` delivering what `right` compares with `=`: `CAST(left column) = …` becomes `new column = …`.

    So an equality with an expression over the outer row is as good as one with a column.
    """
    available = frozenset(column.id for column in left.columns)
    names: dict[Expression, Column] = {}

    def named(side: Expression) -> Expression:
        if isinstance(side, Column) or not columns_of(side) or not columns_of(side) <= available:
            return side
        if not is_deterministic(side):
            return side
        return names.setdefault(side, new_column("outer", side.type))

    def renamed(condition: Expression) -> Expression:
        match condition:
            case Call(function="=" | "is_not_distinct_from", arguments=(one, other)):
                if columns_of(one) <= available and columns_of(other) <= available:
                    return condition
                return Call(condition.function, (named(one), named(other)), condition.type)
            case _:
                return condition

    def change(node: Node) -> Node:
        if isinstance(node, Filter):
            return filtered(node.input, [renamed(each) for each in conjuncts(node.condition)])
        return node

    inner = transform_up(right, change)
    if not names:
        return left, right
    return Project(left, left.columns + tuple(names.values()), left.columns + tuple(names)), inner


def _only(node: Node, columns: tuple[Column, ...]) -> Node:
    return node if node.columns == columns else Project(node, columns, columns)
