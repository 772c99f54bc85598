"""Aggregate calls: DISTINCT, ORDER BY and FILTER inside them, and WITHIN GROUP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from sqlengine.functions.registry import AggregateFunction, find_aggregate
from sqlengine.planner.coerce import coerce, operand_of
from sqlengine.planner.constant import fold, is_constant
from sqlengine.planner.expressions import AggregateCall, Call, Cast, Expression, Literal, SortKey, columns_of

if TYPE_CHECKING:
    from sqlengine.planner.bind_expression import ExpressionBinder

# What may stand before WITHIN GROUP, and the function it is.
_ORDERED_SETS: Final = {"percentile_cont": "quantile_cont", "percentile_disc": "quantile_disc", "mode": "mode"}


@dataclass(frozen=True, slots=True)
class _Inside:
    """What stands between the parentheses of a call."""

    arguments: list[Any]
    distinct: bool
    order: list[Any]


def bind_aggregate(
    binder: ExpressionBinder, node: Any, function: AggregateFunction, trees: list[Any], condition: Any
) -> Expression:
    """The column of an aggregate call, which joins those of the SELECT; `condition` is that of FILTER."""
    inner = binder.within("the arguments of another aggregate")
    return _add(binder, node, bind_aggregate_call(binder, inner, node, function, trees, condition))


def bind_aggregate_call(
    binder: ExpressionBinder,
    inner: ExpressionBinder,
    node: Any,
    function: AggregateFunction,
    trees: list[Any],
    condition: Any,
) -> AggregateCall:
    """An aggregate call, wherever it stands: after GROUP BY or before OVER; `inner` binds its arguments.

    Raises
    ------
    BindError
        Wrong arguments; an aggregate in the arguments; ORDER BY beside DISTINCT of something that is no argument.
    """
    context = binder.context
    inside = _inside(binder, trees)
    with context.at(node):
        arguments = [inner.bind(tree) for tree in inside.arguments]
        call = _call(binder, node, function, arguments, condition)
    order = _order(inner, inside.order, call.arguments)
    if inside.distinct:
        for key, tree in zip(order, inside.order, strict=False):
            if key.expression not in call.arguments:
                raise context.error("with DISTINCT, ORDER BY may only name the aggregate's arguments", tree)
    return _simplified(function, replace(call, distinct=inside.distinct, order=order))


def within_group(binder: ExpressionBinder, node: Any, condition: Any = None) -> Expression:
    """percentile_cont(fraction) WITHIN GROUP (ORDER BY value); DESC counts from the other end."""
    context, reader = binder.context, binder.reader
    called = reader.get(node, "this")
    name = reader.name(reader.get(called, "this")).lower() if isinstance(called, exp.Anonymous) else ""
    function = find_aggregate(_ORDERED_SETS.get(name, ""))
    keys = reader.all(reader.get(node, "expression"))
    if function is None:
        raise context.error(f"WITHIN GROUP follows {', '.join(_ORDERED_SETS)} only", node)
    if len(keys) != 1:
        raise context.error("WITHIN GROUP takes one ORDER BY key", node)
    inner = binder.within("the arguments of another aggregate")
    (key,) = _order(inner, keys, ())
    with context.at(node):
        fractions = [inner.bind(tree) for tree in reader.all(called)]
        call = _call(binder, node, function, [key.expression, *fractions], condition)
        if not fractions:
            return _add(binder, node, replace(call, order=(key,)))
        if key.descending:
            call = replace(call, arguments=(call.arguments[0], _from_the_end(call.arguments[1])))
    return _add(binder, node, call)


def bind_grouping_call(binder: ExpressionBinder, node: Any, trees: list[Any]) -> Expression:
    """GROUPING(key, …)."""
    if binder.aggregates is None:
        raise binder.context.error(f"GROUPING cannot stand in {binder.clause}", node)
    inner = binder.within("GROUPING")
    return binder.aggregates.grouping(tuple(inner.bind(tree) for tree in trees))


def _add(binder: ExpressionBinder, node: Any, call: AggregateCall) -> Expression:
    shown = "count" if call.function == "count_star" else call.function
    read = [*call.arguments, *(key.expression for key in call.order)]
    owner = _owner(binder, read if call.filter is None else [*read, call.filter])
    if owner.aggregates is None:
        raise binder.context.error(f"the aggregate {shown}() cannot stand in {owner.clause}", node)
    return owner.aggregates.add(call, shown)


def _owner(binder: ExpressionBinder, read: Sequence[Expression]) -> ExpressionBinder:
    """The query an aggregate is computed in: the innermost one with a column that it reads, else where it stands."""
    used = {column for expression in read for column in columns_of(expression)}
    level: ExpressionBinder | None = binder
    while level is not None:
        if not all(relation.ids.isdisjoint(used) for relation in level.scope.relations):
            return level
        used -= level.subqueries.columns if level.subqueries is not None else frozenset()
        if not used:
            break
        level = level.outer
    return binder


def _inside(binder: ExpressionBinder, trees: list[Any]) -> _Inside:
    """sqlglot hangs ORDER BY around the last argument, or around DISTINCT with all of them."""
    reader = binder.reader
    order: list[Any] = []
    if trees and isinstance(trees[-1], exp.Order):
        order = reader.all(trees[-1])
        trees = [*trees[:-1], reader.get(trees[-1], "this")]
    distinct = len(trees) == 1 and isinstance(trees[0], exp.Distinct)
    return _Inside(reader.all(trees[0]) if distinct else trees, distinct, order)


def _call(
    binder: ExpressionBinder, node: Any, function: AggregateFunction, arguments: list[Expression], condition: Any
) -> AggregateCall:
    """The call without DISTINCT and ORDER BY, arguments cast."""
    signature = function.resolve([operand_of(argument) for argument in arguments])
    cast = [coerce(argument, target) for argument, target in zip(arguments, signature.arguments, strict=True)]
    for number in function.constants:
        if number < len(cast):
            cast[number] = fold(cast[number])
            if not is_constant(cast[number]):
                raise binder.context.refuse(f"argument {number + 1} of {function.name} must be constant", node)
    filter_ = None if condition is None else binder.within("FILTER").bind_condition(condition)
    return AggregateCall(function.alias_of or function.name, tuple(cast), signature.result, filter=filter_)


def _order(binder: ExpressionBinder, trees: list[Any], arguments: tuple[Expression, ...]) -> tuple[SortKey, ...]:
    """Sort keys; ALL stands for the first argument."""
    reader = binder.reader
    keys = []
    for ordered in trees:
        tree = reader.unwrap(reader.get(ordered, "this"))
        descending, nulls_first = bool(reader.get(ordered, "desc")), bool(reader.get(ordered, "nulls_first"))
        if isinstance(tree, exp.Var) and reader.name(tree).upper() == "ALL":
            expression = arguments[0]
        else:
            expression = binder.bind(tree)
        keys.append(SortKey(expression, descending, nulls_first))
    return tuple(keys)


def _simplified(function: AggregateFunction, call: AggregateCall) -> AggregateCall:
    """The call without an ORDER BY or DISTINCT that changes nothing."""
    keys = tuple(key for key in call.order if not isinstance(key.expression, Literal)) if function.ordered else ()
    idle = function.idempotent and len(call.arguments) == 1
    return replace(call, order=keys, distinct=call.distinct and not idle)


def _from_the_end(fraction: Expression) -> Expression:
    """A fraction, or a list of them, counted from the greatest value down."""
    match fraction:
        case Call(function="list_value", arguments=arguments):
            return replace(fraction, arguments=tuple(map(_from_the_end, arguments)))
        case Cast(operand=operand):
            return replace(fraction, operand=_from_the_end(operand))
        case Literal(value=int() | float() | Decimal() as value):
            # From the end 0 is from the start 1; -0.0 would equal 0.0.
            return replace(fraction, value=-value or type(value)(1))
        case _:
            return fraction
