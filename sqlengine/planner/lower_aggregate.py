"""Aggregations: partial states in the input's tasks, exchanged, merged; or rows exchanged first."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from sqlengine.errors import InternalError
from sqlengine.functions.registry import Operand, find_aggregate
from sqlengine.planner.choices import AggregateStrategy, choose_aggregate_strategy, choose_buckets
from sqlengine.planner.expressions import AggregateCall, Column, Expression, columns_of
from sqlengine.planner.logical import Aggregate, expressions_of
from sqlengine.planner.physical import AggregateColumn, AggregateExec, AggregateMode, HashPartition, StateColumn
from sqlengine.planner.stages import Fragment, Lower, Needed, StageBuilder


def lower_aggregate(node: Aggregate, needed: Needed, lower: Lower, builder: StageBuilder) -> Fragment:
    """The aggregation in one to three pieces, as `choose_aggregate_strategy` says."""
    node = _without_unused(node, needed)
    inputs = frozenset(column for expression in expressions_of(node) for column in columns_of(expression))
    below = lower(node.input, inputs)
    groups = builder.estimator.rows(node)
    partitioned = _in_key_columns(below.partitioned, node)
    aggregates = _StateColumns(builder).aggregates(node)
    strategy, reason = choose_aggregate_strategy(
        tasks=len(below.tasks),
        has_keys=bool(node.keys),
        partitioned=bool(partitioned),
        whole=any(each.distinct or each.is_whole for each in aggregates),
        rows=below.rows,
        groups=groups,
    )
    single = AggregateExec(below.root, AggregateMode.SINGLE, node.key_columns, node.keys, aggregates, reason)
    buckets = choose_buckets(groups, builder.settings)
    match strategy:
        case AggregateStrategy.SINGLE:
            done = below.over(single, groups)
            return replace(done, partitioned=partitioned)
        case AggregateStrategy.ROWS_GATHER:
            rows = builder.gather(below, inputs)
            return rows.over(replace(single, input=rows.root), groups)
        case AggregateStrategy.ROWS_HASH:
            rows = builder.exchange(below, node.keys, choose_buckets(below.rows, builder.settings), inputs)
            done = rows.over(replace(single, input=rows.root), groups)
            return replace(done, partitioned=_in_key_columns(rows.partitioned, node))
        case AggregateStrategy.PARTIAL_GATHER | AggregateStrategy.PARTIAL_HASH:
            partial = below.over(replace(single, mode=AggregateMode.PARTIAL), _partial_rows(below, groups))
            keys: tuple[Expression, ...] = node.key_columns
            delivered = frozenset(column.id for column in partial.root.columns)
            if strategy is AggregateStrategy.PARTIAL_GATHER:
                merged = builder.gather(partial, delivered)
            else:
                merged = builder.exchange(partial, keys, buckets, delivered)
            # The rows that a FILTER clause keeps were chosen when states were made.
            results = tuple(replace(aggregate, filter=None) for aggregate in aggregates)
            final = AggregateExec(merged.root, AggregateMode.FINAL, node.key_columns, keys, results, reason)
            return merged.over(final, groups)
        case _:
            assert_never(strategy)


def _without_unused(node: Aggregate, needed: Needed) -> Aggregate:
    """The node without aggregates that nobody asks for; without keys one stays, so that the node stays one row."""
    kept = [position for position, column in enumerate(node.aggregate_columns) if column.id in needed]
    if not kept and not node.keys:
        kept = [0] if node.aggregates else []
    if len(kept) == len(node.aggregates):
        return node
    return replace(
        node,
        aggregate_columns=tuple(node.aggregate_columns[position] for position in kept),
        aggregates=tuple(node.aggregates[position] for position in kept),
    )


def _partial_rows(below: Fragment, groups: float) -> float:
    return min(below.rows, groups * len(below.tasks))


def _in_key_columns(partitioned: tuple[HashPartition, ...], node: Aggregate) -> tuple[HashPartition, ...]:
    """The partitionings that keep groups together, said in the key columns."""
    columns: dict[Expression, Column] = dict(zip(node.keys, node.key_columns, strict=True))
    return tuple(
        HashPartition(tuple(columns[key] for key in each.keys), each.buckets)
        for each in partitioned
        if all(key in columns for key in each.keys)
    )


class _StateColumns:
    """Gives every distinct state one column, so that `sum(x)` and `avg(x)` share the sum."""

    def __init__(self, builder: StageBuilder) -> None:
        self._builder = builder
        self._known: dict[tuple[object, ...], StateColumn] = {}

    def aggregates(self, node: Aggregate) -> tuple[AggregateColumn, ...]:
        return tuple(
            self._aggregate(call, column) for call, column in zip(node.aggregates, node.aggregate_columns, strict=True)
        )

    def _aggregate(self, call: AggregateCall, column: Column) -> AggregateColumn:
        function = find_aggregate(call.function)
        if function is None:
            raise InternalError(f"aggregate function {call.function!r} was bound but is not registered")
        signature = function.resolve([Operand(argument.type) for argument in call.arguments])
        if signature.rows is not None or call.order:
            return AggregateColumn(call.function, column, (), call.distinct, call.filter, call.arguments, call.order)
        states = []
        for state in signature.states:
            arguments = tuple(call.arguments[number] for number in state.arguments)
            key = (state.op, arguments, state.type, call.distinct and call.arguments, call.filter)
            known = self._known.get(key)
            if known is None:
                name = f"{state.op.value} of {column.name}" if arguments else state.op.value
                known = StateColumn(state.op, arguments, self._builder.new_column(name, state.type))
                self._known[key] = known
            states.append(known)
        return AggregateColumn(call.function, column, tuple(states), call.distinct, call.filter)
