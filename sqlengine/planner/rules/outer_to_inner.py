"""Outer joins whose padded rows a filter drops anyway."""

from __future__ import annotations

from typing import Final

from sqlengine.planner.expressions import Call, Cast, Column, Expression, InList, Literal, conjuncts
from sqlengine.planner.logical import Filter, Node
from sqlengine.planner.logical_joins import Join, JoinKind

# NULL in any argument makes the result NULL.
_STRICT: Final = frozenset(
    (
        *("=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/", "//", "%", "negate", "not", "like", "ilike"),
        *("abs", "round", "floor", "ceil", "year", "month", "day", "lower", "upper", "length", "substring"),
    )
)


def outer_to_inner(node: Node) -> Node:
    """Make an outer join inner where the filter above needs a value of the side that the join pads with NULL.

    An inner join takes filters on both sides, can build either side and be reordered. Not legal when the filter can
    be true of a NULL: `b.y IS NULL`, `coalesce(b.y, 0) = 0`, `b.y = 1 OR a.x = 1`.

    Before:
        Project: x, y
        └─ Filter: y > 1
           └─ Join: left on a.k = b.k
              ├─ Scan: a; k, x, d, s, f, ref
              └─ Scan: b; k, y, t

    After:
        Project: x, y
        └─ Filter: y > 1
           └─ Join: inner on a.k = b.k
              ├─ Scan: a; k, x, d, s, f, ref
              └─ Scan: b; k, y, t
    """
    if not (isinstance(node, Filter) and isinstance(node.input, Join)):
        return node
    join = node.input
    if join.kind not in (JoinKind.LEFT, JoinKind.RIGHT, JoinKind.FULL):
        return node
    left = frozenset(column.id for column in join.left.columns)
    right = frozenset(column.id for column in join.right.columns)
    conditions = conjuncts(node.condition)
    # Rows padded on a side are gone if some condition rejects NULLs of that side.
    padded_left = join.kind is not JoinKind.LEFT and not any(rejects_nulls(each, left) for each in conditions)
    padded_right = join.kind is not JoinKind.RIGHT and not any(rejects_nulls(each, right) for each in conditions)
    kind = _KINDS[padded_left, padded_right]
    return node if kind is join.kind else Filter(Join(kind, join.left, join.right, join.conditions), node.condition)


# By whether rows padded on the left and on the right remain.
_KINDS: Final = {
    (False, False): JoinKind.INNER,
    (False, True): JoinKind.LEFT,
    (True, False): JoinKind.RIGHT,
    (True, True): JoinKind.FULL,
}


def rejects_nulls(condition: Expression, columns: frozenset[int]) -> bool:
    """Whether `condition` cannot be true of a row in which all `columns` are NULL."""
    match condition:
        case Call(function="and", arguments=parts):
            return any(rejects_nulls(part, columns) for part in parts)
        case Call(function="or", arguments=parts):
            return all(rejects_nulls(part, columns) for part in parts)
        case Call(function="is_not_null", arguments=(operand,)):
            return _is_null_of(operand, columns)
        case _:
            return _is_null_of(condition, columns)


def _is_null_of(expression: Expression, columns: frozenset[int]) -> bool:
    """Whether `expression` is NULL wherever all `columns` are."""
    match expression:
        case Column(id=column):
            return column in columns
        case Literal(value=value):
            return value is None
        case Cast(operand=operand) | InList(operand=operand):
            return _is_null_of(operand, columns)
        case Call(function=name, arguments=arguments):
            return name in _STRICT and any(_is_null_of(argument, columns) for argument in arguments)
        case _:
            return False
