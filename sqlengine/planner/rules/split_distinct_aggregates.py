"""DISTINCT aggregates as two aggregations, each of which can be run in parts."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from sqlengine.functions.registry import find_aggregate
from sqlengine.planner.expressions import AggregateCall, Column
from sqlengine.planner.logical import Aggregate, Node, transform_up
from sqlengine.planner.rewriting import next_column_id


def split_distinct_aggregates(plan: Node) -> Node:
    """Turn `count(DISTINCT x) … GROUP BY k` into `count(x) … GROUP BY k` over `… GROUP BY k, x`.

    Plain aggregations have partial states that merge, so all tasks work and few rows travel; a DISTINCT aggregate needs
    all rows of a group in one task. Only when all aggregates are DISTINCT over the same argument and none
    has a FILTER or depends on the order of rows: `sum(y), count(DISTINCT x)` would count y once per x.
    Sees the whole plan, for it makes new columns.

    Before:
        Aggregate: by x; count(DISTINCT k), sum(DISTINCT k)
        └─ Scan: a; k, x, d, s, f, ref

    After:
        Aggregate: by x; count(k), sum(k)
        └─ Aggregate: by x, k
           └─ Scan: a; k, x, d, s, f, ref
    """
    fresh: list[count[int]] = []

    def new_id() -> int:
        if not fresh:
            fresh.append(count(next_column_id(plan)))
        return next(fresh[0])

    def split(node: Node) -> Node:
        if not isinstance(node, Aggregate):
            return node
        first = node.aggregates[0] if node.aggregates else None
        if first is None or len(first.arguments) != 1:
            return node
        if not all(_can_split(call, first) for call in node.aggregates):
            return node
        argument = first.arguments[0]
        keys = tuple(
            # A key that passes a column through does so twice.
            column if key == column else Column(new_id(), column.name, column.type)
            for column, key in zip(node.key_columns, node.keys, strict=True)
        )
        if isinstance(argument, Column) and argument not in keys:
            value = argument
        else:
            value = Column(new_id(), "value", argument.type)
        distinct = Aggregate(node.input, (*keys, value), (*node.keys, argument), (), ())
        calls = tuple(replace(call, arguments=(value,), distinct=False) for call in node.aggregates)
        return replace(node, input=distinct, keys=keys, aggregates=calls)

    return transform_up(plan, split)


def _can_split(call: AggregateCall, first: AggregateCall) -> bool:
    function = find_aggregate(call.function)
    ordered = function is None or function.ordered
    return call.distinct and not ordered and call.filter is None and call.arguments == first.arguments
