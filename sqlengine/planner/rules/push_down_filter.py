"""Filters as low as they may stand."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from sqlengine.planner.expressions import Column, Expression, columns_of, conjuncts
from sqlengine.planner.logical import (
    Aggregate,
    Expand,
    Filter,
    Limit,
    Node,
    Project,
    Recursion,
    Scan,
    Sort,
    Union,
    Unnest,
    Values,
    Window,
)
from sqlengine.planner.logical_joins import AsofJoin, Join, JoinKind, PositionalJoin
from sqlengine.planner.rewriting import filtered, is_deterministic, substitute


class Side(enum.Enum):
    """An input of a join."""

    LEFT = "left"
    RIGHT = "right"


class Origin(enum.Enum):
    """Where a condition stands: in the join itself, or above it."""

    ON = "on"
    WHERE = "where"


def may_move_below_join(kind: JoinKind, side: Side, origin: Origin) -> bool:
    """Whether a condition on one side's columns only may filter that side before the join.

    A condition above the join may pass on a side whose rows the join does not pad with NULL. A condition of the
    join itself may pass on a side whose rows it does not keep without a partner.

    ======  ==========  ===========
    kind    from WHERE  from ON
    ======  ==========  ===========
    INNER   both        both
    LEFT    left        right
    RIGHT   right       left
    FULL    none        none
    SEMI    left        both
    ANTI    left        right
    ======  ==========  ===========
    """
    match kind:
        case JoinKind.INNER:
            return True
        case JoinKind.LEFT:
            return (side is Side.LEFT) == (origin is Origin.WHERE)
        case JoinKind.RIGHT:
            return (side is Side.RIGHT) == (origin is Origin.WHERE)
        case JoinKind.FULL:
            return False
        case JoinKind.SEMI:
            return side is Side.LEFT or origin is Origin.ON
        case JoinKind.ANTI:
            return (side is Side.LEFT) == (origin is Origin.WHERE)
        case _:
            assert_never(kind)


def push_down_filter(node: Node) -> Node:
    """Move each conjunct of a filter, and of a join's condition, towards the scan that can decide it.

    Fewer rows are shuffled, probed and grouped; in a scan the condition also skips splits; between the sides of
    a cross product it becomes the join's condition. Not legal on the NULL-padded side of an outer join
    (`b.y IS NULL` would be asked before the padding exists), through a limit, below an aggregate or a window that
    it does not address by keys, nor for conditions that are not deterministic.

    Before:
        Project: x, y
        └─ Filter: x > 1
           └─ Join: left on a.k = b.k
              ├─ Scan: a; k, x, d, s, f, ref
              └─ Scan: b; k, y, t

    After:
        Project: x, y
        └─ Join: left on a.k = b.k
           ├─ Scan: a; k, x, d, s, f, ref; where x > 1
           └─ Scan: b; k, y, t
    """
    match node:
        case Filter(input=Filter() as inner):
            return push_down_filter(filtered(inner.input, [*conjuncts(inner.condition), *conjuncts(node.condition)]))
        case Filter():
            moving = [part for part in conjuncts(node.condition) if is_deterministic(part)]
            staying = [part for part in conjuncts(node.condition) if not is_deterministic(part)]
            below, rest = _push_into(node.input, moving)
            return node if below is node.input else filtered(below, [*staying, *rest])
        case Join():
            return _push_conditions(node)
        case AsofJoin():
            # Conditions of the join decide who may be the closest, so they may filter the right side first.
            right, rest = _take(node, Side.RIGHT, Origin.ON, node.conditions)
            return replace(node, right=filtered(node.right, right), conditions=tuple(rest)) if right else node
        case _:
            return node


def _push_into(node: Node, conditions: Sequence[Expression]) -> tuple[Node, Sequence[Expression]]:
    """(the node with the conditions it can take, the others); the same node if it takes none.

    Assumes that `node` is not a Filter: filters on filters have been merged.
    """
    match node:
        case Scan():
            new = tuple(each for each in conditions if each not in node.filters)
            return replace(node, filters=node.filters + new), ()
        case Project():
            return _push_into_project(node, conditions)
        case Join():
            return _push_into_join(node, conditions)
        case Aggregate():
            mapping = dict(zip((column.id for column in node.key_columns), node.keys, strict=True))
            moving, rest = _split(conditions, frozenset(mapping))
            # A condition without columns must stay: an aggregate without keys delivers a row for no rows.
            moving, rest = [c for c in moving if columns_of(c)], [*rest, *(c for c in moving if not columns_of(c))]
            # Groups that are there without rows would come through.
            if not moving or node.always:
                return node, conditions
            return replace(node, input=filtered(node.input, _all_substituted(moving, mapping))), rest
        case Union():
            inputs = []
            for each in node.inputs:
                renaming = {new.id: old for new, old in zip(node.columns, each.columns, strict=True)}
                inputs.append(filtered(each, _all_substituted(conditions, renaming)))
            return replace(node, inputs=tuple(inputs)), ()
        case Sort():
            if node.limit is not None or node.offset:
                return node, conditions
            return replace(node, input=filtered(node.input, conditions)), ()
        case AsofJoin():
            # Another filter on the right would change which row is the closest.
            left, others = _take(node, Side.LEFT, Origin.WHERE, conditions)
            return (replace(node, left=filtered(node.left, left)), others) if left else (node, conditions)
        case Unnest() | Expand():
            moving, rest = _split(conditions, frozenset(column.id for column in node.input.columns))
            return (replace(node, input=filtered(node.input, moving)), rest) if moving else (node, conditions)
        case Window():
            # What is true of one row of a partition is true of all, if it is said of the partition's keys only.
            keys = frozenset(key.id for key in node.partition if isinstance(key, Column))
            moving, rest = _split(conditions, keys)
            if not moving:
                return node, conditions
            return replace(node, input=filtered(node.input, moving)), rest
        case Filter() | Limit() | Values() | Recursion() | PositionalJoin():
            return node, conditions
        case _:
            assert_never(node)


def _push_into_project(node: Project, conditions: Sequence[Expression]) -> tuple[Node, Sequence[Expression]]:
    mapping = {c.id: e for c, e in zip(node.columns, node.expressions, strict=True)}
    movable = frozenset(column for column, expression in mapping.items() if is_deterministic(expression))
    moving, rest = _split(conditions, movable)
    if not moving:
        return node, conditions
    return replace(node, input=filtered(node.input, _all_substituted(moving, mapping))), rest


def _push_into_join(node: Join, conditions: Sequence[Expression]) -> tuple[Node, Sequence[Expression]]:
    if node.kind is JoinKind.INNER:
        new = tuple(each for each in conditions if each not in node.conditions)
        return _push_conditions(replace(node, conditions=node.conditions + new)), ()
    left, rest = _take(node, Side.LEFT, Origin.WHERE, conditions)
    right, rest = _take(node, Side.RIGHT, Origin.WHERE, rest)
    if not left and not right:
        return node, conditions
    return replace(node, left=filtered(node.left, left), right=filtered(node.right, right)), rest


def _push_conditions(node: Join) -> Node:
    left, rest = _take(node, Side.LEFT, Origin.ON, node.conditions)
    right, rest = _take(node, Side.RIGHT, Origin.ON, rest)
    if not left and not right:
        return node
    return Join(node.kind, filtered(node.left, left), filtered(node.right, right), tuple(rest))


def _take(
    node: Join | AsofJoin, side: Side, origin: Origin, conditions: Sequence[Expression]
) -> tuple[Sequence[Expression], Sequence[Expression]]:
    """(conditions that may filter that side before the join, the others)."""
    if not may_move_below_join(node.kind, side, origin):
        return (), conditions
    columns = (node.left if side is Side.LEFT else node.right).columns
    moving, rest = _split([c for c in conditions if is_deterministic(c)], frozenset(column.id for column in columns))
    return moving, [*rest, *(c for c in conditions if not is_deterministic(c))]


def _split(conditions: Sequence[Expression], columns: frozenset[int]) -> tuple[list[Expression], list[Expression]]:
    """(conditions over `columns` only, the others)."""
    return (
        [each for each in conditions if columns_of(each) <= columns],
        [each for each in conditions if not columns_of(each) <= columns],
    )


def _all_substituted(conditions: Sequence[Expression], mapping: Mapping[int, Expression]) -> list[Expression]:
    return [substitute(each, mapping) for each in conditions]
