"""What rules share: changing the expressions of a node, and telling which expressions may move."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar, assert_never

from sqlengine.functions.registry import find_scalar
from sqlengine.planner.expressions import (
    AggregateCall,
    Call,
    Column,
    Expression,
    LambdaCall,
    Literal,
    SortKey,
    conjunction,
    transform,
    walk,
)
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
    inputs_of,
)
from sqlengine.planner.logical_joins import AsofJoin, Join, PositionalJoin
from sqlengine.planner.window_call import map_call

T = TypeVar("T")


def substitute(expression: Expression, mapping: Mapping[int, Expression]) -> Expression:
    """`expression` with columns replaced by what `mapping` gives for their ids."""

    def change(part: Expression) -> Expression:
        return mapping.get(part.id, part) if isinstance(part, Column) else part

    return transform(expression, change)


def is_deterministic(expression: Expression) -> bool:
    """Whether the expression gives the same value wherever and however often it is computed."""
    for part in walk(expression):
        if isinstance(part, Call):
            function = find_scalar(part.function)
            if function is not None and not function.deterministic:
                return False
        if isinstance(part, LambdaCall) and not is_deterministic(part.body):
            return False
    return True


def is_repeatable(node: Node) -> bool:
    """Whether the plan delivers the same rows when it runs a second time."""
    return all(map(is_deterministic, expressions_of(node))) and all(map(is_repeatable, inputs_of(node)))


def is_trivial(expression: Expression) -> bool:
    """Whether computing the expression twice costs nothing: columns and constants."""
    return isinstance(expression, Column | Literal)


def next_column_id(plan: Node) -> int:
    """The first id above all columns that the plan's nodes deliver."""
    highest = max((column.id for column in plan.columns), default=-1)
    return max([highest + 1, *(next_column_id(child) for child in inputs_of(plan))])


def filtered(node: Node, conditions: Sequence[Expression]) -> Node:
    """`node` under a filter of all `conditions`; the node itself if there are none."""
    condition = conjunction(tuple(conditions))
    return node if condition is None else Filter(node, condition)


def map_expressions(node: Node, change: Callable[[Expression], Expression]) -> Node:
    """The node with every expression in it (not in its inputs) changed; the same object when none was."""

    def all_of(expressions: tuple[Expression, ...]) -> tuple[Expression, ...]:
        return _unchanged(expressions, tuple(change(each) for each in expressions))

    match node:
        case Scan(filters=filters):
            new = all_of(filters)
            return node if new is filters else replace(node, filters=new)
        case Values(rows=rows):
            changed_rows = _unchanged(rows, tuple(all_of(row) for row in rows))
            return node if changed_rows is rows else replace(node, rows=changed_rows)
        case Filter(condition=condition):
            changed = change(condition)
            return node if changed is condition else replace(node, condition=changed)
        case Project(expressions=expressions):
            new = all_of(expressions)
            return node if new is expressions else replace(node, expressions=new)
        case Join(conditions=conditions):
            new = all_of(conditions)
            return node if new is conditions else replace(node, conditions=new)
        case AsofJoin(left_at=left_at, right_at=right_at, conditions=conditions):
            old = (left_at, right_at, *conditions)
            new = all_of(old)
            return node if new is old else replace(node, left_at=new[0], right_at=new[1], conditions=new[2:])
        case Aggregate(keys=keys, aggregates=aggregates):
            new_keys = all_of(keys)
            calls = _unchanged(aggregates, tuple(_map_call(call, all_of, change) for call in aggregates))
            same = new_keys is keys and calls is aggregates
            return node if same else replace(node, keys=new_keys, aggregates=calls)
        case Sort(keys=sort_keys):
            new_sort = _unchanged(sort_keys, tuple(_map_key(key, change) for key in sort_keys))
            return node if new_sort is sort_keys else replace(node, keys=new_sort)
        case Expand(keys=keys):
            new = all_of(keys)
            return node if new is keys else replace(node, keys=new)
        case Unnest(lists=lists):
            new = all_of(lists)
            return node if new is lists else replace(node, lists=new)
        case Window(partition=partition, order=order, calls=window_calls):
            new_partition = all_of(partition)
            new_order = _unchanged(order, tuple(_map_key(key, change) for key in order))
            new_calls = _unchanged(window_calls, tuple(map_call(call, change) for call in window_calls))
            same = new_partition is partition and new_order is order and new_calls is window_calls
            return node if same else replace(node, partition=new_partition, order=new_order, calls=new_calls)
        case Limit(per=per):
            # Columns stay columns: whoever exchanges one exchanges it for another.
            columns = all_of(per)
            return node if columns is per else replace(node, per=tuple(c for c in columns if isinstance(c, Column)))
        case Union() | Recursion() | PositionalJoin():
            return node
        case _:
            assert_never(node)


def _map_call(
    call: AggregateCall,
    all_of: Callable[[tuple[Expression, ...]], tuple[Expression, ...]],
    change: Callable[[Expression], Expression],
) -> AggregateCall:
    arguments = all_of(call.arguments)
    condition = None if call.filter is None else change(call.filter)
    order = _unchanged(call.order, tuple(_map_key(key, change) for key in call.order))
    if arguments is call.arguments and condition is call.filter and order is call.order:
        return call
    return replace(call, arguments=arguments, filter=condition, order=order)


def _map_key(key: SortKey, change: Callable[[Expression], Expression]) -> SortKey:
    expression = change(key.expression)
    return key if expression is key.expression else replace(key, expression=expression)


def _unchanged(old: tuple[T, ...], new: tuple[T, ...]) -> tuple[T, ...]:
    """`old` if all items are the same objects."""
    return old if all(a is b for a, b in zip(old, new, strict=True)) else new
