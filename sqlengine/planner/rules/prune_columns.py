"""Columns that nobody asks for are not computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar, assert_never

from sqlengine.planner.expressions import Column, columns_of
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
    expressions_of,
    with_inputs,
)
from sqlengine.planner.logical_joins import AsofJoin, Join, JoinKind, PositionalJoin

T = TypeVar("T")
_Ids = frozenset[int]


def prune_columns(plan: Node) -> Node:
    """Narrow every node to the columns that something above it uses.

    Scans read fewer columns, unused aggregates and expressions disappear; `count(*)` reads no column at all.
    Keys of an aggregation stay, since they decide its rows. Sees the whole plan: what a node needs is known
    from above.

    Before:
        Project: x
        └─ Scan: a; k, x, d, s, f, ref

    After:
        Project: x
        └─ Scan: a; x
    """
    return _prune(plan, _ids(plan))


def _ids(node: Node) -> _Ids:
    return frozenset(column.id for column in node.columns)


def _used_by(node: Node) -> _Ids:
    return frozenset(column for expression in expressions_of(node) for column in columns_of(expression))


def _prune(node: Node, needed: _Ids) -> Node:
    match node:
        case Scan():
            wanted = needed | _used_by(node)
            columns, names = _kept(node.columns, wanted, node.columns), _kept(node.columns, wanted, node.source_names)
            return node if len(columns) == len(node.columns) else replace(node, columns=columns, source_names=names)
        case Recursion():
            return node
        case Values():
            if _ids(node) <= needed:
                return node
            rows = tuple(_kept(node.columns, needed, row) for row in node.rows)
            return Values(_kept(node.columns, needed, node.columns), rows)
        case Project():
            kept = node
            if not _ids(node) <= needed:
                kept = replace(
                    node,
                    columns=_kept(node.columns, needed, node.columns),
                    expressions=_kept(node.columns, needed, node.expressions),
                )
            return with_inputs(kept, (_prune(node.input, _used_by(kept)),))
        case Aggregate():
            aggregate = _prune_aggregate(node, needed)
            return with_inputs(aggregate, (_prune(node.input, _used_by(aggregate)),))
        case Filter() | Sort() | Limit() | Unnest() | Expand():
            return with_inputs(node, (_prune(node.input, needed | _used_by(node)),))
        case Window():
            window = _prune_window(node, needed)
            if not window.calls:
                return _prune(node.input, needed)
            return with_inputs(window, (_prune(node.input, needed | _used_by(window)),))
        case Join() | AsofJoin():
            below = needed | _used_by(node)
            right = _used_by(node) if node.kind in (JoinKind.SEMI, JoinKind.ANTI) else below
            return with_inputs(node, (_prune(node.left, below), _prune(node.right, right)))
        case PositionalJoin():
            return with_inputs(node, tuple(_prune(each, needed) for each in node.inputs))
        case Union():
            return _prune_union(node, needed)
        case _:
            assert_never(node)


def _prune_aggregate(node: Aggregate, needed: _Ids) -> Aggregate:
    columns = _kept(node.aggregate_columns, needed, node.aggregate_columns)
    if len(columns) == len(node.aggregate_columns):
        return node
    return replace(node, aggregate_columns=columns, aggregates=_kept(node.aggregate_columns, needed, node.aggregates))


def _prune_window(node: Window, needed: _Ids) -> Window:
    columns = _kept(node.call_columns, needed, node.call_columns)
    if len(columns) == len(node.call_columns):
        return node
    return replace(node, call_columns=columns, calls=_kept(node.call_columns, needed, node.calls))


def _prune_union(node: Union, needed: _Ids) -> Node:
    """The same positions of every input; an input that delivers more (a filter's column) is cut down to them."""
    columns = _kept(node.columns, needed, node.columns)
    inputs = []
    for each in node.inputs:
        wanted = _kept(node.columns, needed, each.columns)
        pruned = _prune(each, frozenset(column.id for column in wanted))
        inputs.append(pruned if pruned.columns == wanted else Project(pruned, wanted, wanted))
    if len(columns) == len(node.columns):
        return with_inputs(node, tuple(inputs))
    return Union(tuple(inputs), columns)


def _kept(columns: Sequence[Column], needed: _Ids, items: Sequence[T]) -> tuple[T, ...]:
    """The `items` whose column is needed."""
    return tuple(item for column, item in zip(columns, items, strict=True) if column.id in needed)
