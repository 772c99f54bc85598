"""Aggregations: partial states in the input's tasks, exchanged, merged; or rows exchanged first."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, assert_never

from sqlengine.errors import InternalError
from sqlengine.functions.registry import Operand, find_aggregate
from sqlengine.planner.choices import (
    GATHERED_GROUPS,
    AggregateStrategy,
    choose_aggregate_strategy,
    choose_buckets,
    format_count,
)
from sqlengine.planner.expressions import AggregateCall, Column, Expression, columns_of
from sqlengine.planner.logical import Aggregate, Expand, expressions_of
from sqlengine.planner.physical import HashPartition
from sqlengine.planner.physical_aggregates import AggregateColumn, AggregateExec, AggregateMode, ExpandExec, StateColumn
from sqlengine.planner.stages import Fragment, Lower, Needed, StageBuilder


def lower_aggregate(node: Aggregate, needed: Needed, lower: Lower, builder: StageBuilder) -> Fragment:
    """The aggregation in one to three pieces, as `choose_aggregate_strategy` says."""
    node = _without_unused(node, needed)
    aggregates = _StateColumns(builder).aggregates(node)
    whole = any(each.distinct or each.is_whole for each in aggregates)
    if isinstance(node.input, Expand) and not whole and set(node.keys) <= set(node.input.new_columns):
        return _lower_grouping_sets(node, node.input, aggregates, lower, builder)
    inputs = frozenset(column for expression in expressions_of(node) for column in columns_of(expression))
    below = lower(node.input, inputs)
    groups = builder.estimator.rows(node)
    partitioned = _in_key_columns(below.partitioned, node)
    strategy, reason = choose_aggregate_strategy(
        tasks=len(below.tasks),
        has_keys=bool(node.keys),
        partitioned=bool(partitioned),
        whole=whole,
        rows=below.rows,
        groups=groups,
    )
    if node.always:
        strategy = _WITH_ALWAYS.get(strategy, strategy)
    single = AggregateExec(
        below.root, AggregateMode.SINGLE, node.key_columns, node.keys, aggregates, reason, node.always
    )
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
            final = AggregateExec(
                merged.root, AggregateMode.FINAL, node.key_columns, keys, _of_states(aggregates), reason
            )
            return merged.over(final, groups)
        case _:
            assert_never(strategy)


# A group that is there without rows must come from one task, or be merged.
_WITH_ALWAYS: Final = {
    AggregateStrategy.ROWS_HASH: AggregateStrategy.ROWS_GATHER,
}


def _lower_grouping_sets(
    node: Aggregate,
    expand: Expand,
    aggregates: tuple[AggregateColumn, ...],
    lower: Lower,
    builder: StageBuilder,
) -> Fragment:
    """Rows grouped by all keys at once; then the states of those groups, not the rows, for each of the sets."""
    read = (*expand.keys, *(e for e in expressions_of(node) if e not in node.keys))
    below = lower(expand.input, frozenset(column for expression in read for column in columns_of(expression)))
    groups = builder.estimator.rows(node)
    finest = builder.estimator.groups(expand.keys, below.rows)
    reason = f"{len(expand.sets)} grouping sets of about {format_count(finest)} groups"
    columns = tuple(builder.new_column(column.name, column.type) for column in expand.key_columns)
    rows = min(below.rows, finest * len(below.tasks))
    partial = below.over(
        AggregateExec(below.root, AggregateMode.PARTIAL, columns, expand.keys, aggregates, reason), rows
    )
    states = tuple({state.column.id: state.column for each in aggregates for state in each.states}.values())
    delivered = tuple(column for column in expand.new_columns if column in node.keys) + states
    expanded = ExpandExec(partial.root, columns, expand.key_columns, expand.set_column, expand.sets, delivered)
    merge = AggregateExec(
        expanded, AggregateMode.MERGE, node.key_columns, node.keys, _of_states(aggregates), "", node.always
    )
    merged = Fragment(merge, partial.tasks, min(rows * len(expand.sets), groups * len(below.tasks)), ())
    if len(merged.tasks) > 1:
        wanted = frozenset(column.id for column in merge.columns)
        if groups > GATHERED_GROUPS:
            merged = builder.exchange(merged, node.key_columns, choose_buckets(groups, builder.settings), wanted)
        else:
            merged = builder.gather(merged, wanted)
    final = AggregateExec(
        merged.root, AggregateMode.FINAL, node.key_columns, node.key_columns, _of_states(aggregates), reason
    )
    return merged.over(final, groups)


def expand_rows(node: Expand, needed: Needed, below: Fragment, builder: StageBuilder) -> Fragment:
    """Rows once for each grouping set, where the states of groups will not do."""
    columns = tuple(column for column in node.columns if column.id in needed)
    root = ExpandExec(below.root, node.keys, node.key_columns, node.set_column, node.sets, columns)
    return Fragment(root, below.tasks, builder.estimator.rows(node), ())


def _of_states(aggregates: tuple[AggregateColumn, ...]) -> tuple[AggregateColumn, ...]:
    """Without FILTER: the rows that it keeps were chosen when the states were made."""
    return tuple(replace(aggregate, filter=None) for aggregate in aggregates)


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
