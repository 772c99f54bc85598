"""What of an outer plan tells the values that its columns can have.

The domain of a subquery holds all combinations of values of some outer columns; more of them do no harm (see `domain`).
The outer plan is computed again for that, so what does not bear on those columns is left out: above all the subqueries
that stand beside them. What names columns of a query still further out is left out too, for else the values would have
to be found for each row there. Without this the plan of nested subqueries doubles with each of them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from sqlengine.planner.correlation import free_columns
from sqlengine.planner.expressions import Expression, columns_of, conjuncts
from sqlengine.planner.logical import Filter, Node, Project, Sort
from sqlengine.planner.logical_joins import Join, JoinKind
from sqlengine.planner.rewriting import filtered, is_deterministic


def outer_values(outer: Node, wanted: Collection[int]) -> Node:
    """A plan that has all combinations of values that the `wanted` columns, by id, have in `outer`."""
    independent = _needed(_independent(outer), frozenset(wanted))
    if not _delivers(independent, wanted) or _multiplies(independent):
        return _needed(outer, frozenset(wanted))
    return independent


def _independent(node: Node) -> Node:
    """The node without what names columns of outer queries; it may have fewer of its columns and more rows."""
    if not free_columns(node):
        return node
    match node:
        case Filter():
            below = _independent(node.input)
            return filtered(below, [each for each in conjuncts(node.condition) if _delivers(below, columns_of(each))])
        case Project():
            below = _independent(node.input)
            pairs = zip(node.columns, node.expressions, strict=True)
            kept = [(column, value) for column, value in pairs if _delivers(below, columns_of(value))]
            return Project(below, tuple(column for column, _ in kept), tuple(value for _, value in kept))
        case Sort(limit=None, offset=0):
            return _independent(node.input)
        case Join(kind=JoinKind.LEFT | JoinKind.SEMI | JoinKind.ANTI):
            # Without all of its conditions it might lose rows.
            left = _independent(node.left)
            joined = replace(node, left=left)
            return left if free_columns(joined) else joined
        case Join(kind=JoinKind.INNER):
            sides = replace(node, left=_independent(node.left), right=_independent(node.right), conditions=())
            conditions = tuple(each for each in node.conditions if _delivers(sides, columns_of(each)))
            return replace(sides, conditions=conditions)
        case _:
            return node


def _needed(node: Node, wanted: frozenset[int]) -> Node:
    """The node without joins that neither remove rows nor bring `wanted` columns."""
    wanted &= {column.id for column in node.columns}
    match node:
        case Filter():
            # Another draw of random numbers would keep other rows.
            kept = [each for each in conjuncts(node.condition) if is_deterministic(each)]
            return filtered(_needed(node.input, wanted.union(*map(columns_of, kept))), kept)
        case Project():
            pairs = [(c, e) for c, e in zip(node.columns, node.expressions, strict=True) if c.id in wanted]
            below = _needed(node.input, frozenset(column for _, value in pairs for column in columns_of(value)))
            if all(column == value for column, value in pairs):
                return below
            return Project(below, tuple(column for column, _ in pairs), tuple(value for _, value in pairs))
        case Sort(limit=None, offset=0):
            return _needed(node.input, wanted)
        case Join(kind=JoinKind.LEFT) if _delivers(node.left, wanted):
            return _needed(node.left, wanted)
        case Join(kind=JoinKind.INNER, conditions=()) if _delivers(node.left, wanted):
            return _needed(node.left, wanted)
        case Join(kind=JoinKind.INNER, conditions=()) if _delivers(node.right, wanted):
            return _needed(node.right, wanted)
        case Join(kind=JoinKind.INNER):
            used = wanted.union(*map(columns_of, node.conditions))
            return replace(node, left=_needed(node.left, used), right=_needed(node.right, used))
        case Join(kind=JoinKind.SEMI | JoinKind.ANTI):
            return replace(node, left=_needed(node.left, wanted.union(*map(columns_of, node.conditions))))
        case _:
            return node


def _delivers(node: Node, columns: Collection[int]) -> bool:
    return {column.id for column in node.columns} >= set(columns)


def _multiplies(node: Node, conditions: tuple[Expression, ...] = ()) -> bool:
    """Whether some join below neither has nor stands under a condition on both of its sides."""
    match node:
        case Filter():
            return _multiplies(node.input, (*conditions, *conjuncts(node.condition)))
        case Project():
            return _multiplies(node.input)
        case Join(kind=JoinKind.INNER):
            conditions = (*conditions, *node.conditions)
            within = [columns_of(each) for each in conditions if _delivers(node, columns_of(each))]
            tied = any(not _delivers(node.left, each) and not _delivers(node.right, each) for each in within)
            return not tied or _multiplies(node.left, conditions) or _multiplies(node.right, conditions)
        case Join(kind=JoinKind.LEFT | JoinKind.SEMI | JoinKind.ANTI):
            return _multiplies(node.left, conditions)
        case _:
            return False
