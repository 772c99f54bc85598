"""Aggregates over the elements of a list: `list_aggregate(l, 'sum')`, `list_sum(l)`, `array_to_string(l, ',')`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from sqlengine.errors import did_you_mean
from sqlengine.functions.list_aggregates import SHORT
from sqlengine.functions.registry import Operand, find_aggregate
from sqlengine.planner.coerce import coerce, operand_of
from sqlengine.planner.expressions import Call, Case, Cast, Expression, Literal
from sqlengine.types import NULL, VARCHAR, TypeKind, list_of

if TYPE_CHECKING:
    from sqlengine.planner.bind_expression import ExpressionBinder

Bind = Callable[["ExpressionBinder", Any, list[Any]], Expression]


def _aggregate(binder: ExpressionBinder, node: Any, name: str, values: list[Expression]) -> Expression:
    function = find_aggregate(name)
    if function is None or name == "count_star":
        raise binder.context.error(f'there is no aggregate "{name}".{did_you_mean(name, SHORT)}', node)
    whole, *rest = values
    if whole.type.kind is TypeKind.NULL:
        return Literal(None, NULL)
    if not whole.type.is_list:
        raise binder.context.error(f"list_aggregate takes a list, not a value of type {whole.type}", node)
    with binder.context.at(node):
        signature = function.resolve([Operand(whole.type.element), *map(operand_of, rest)])
        element, *others = signature.arguments
        arguments = [coerce(value, type_) for value, type_ in zip(rest, others, strict=True)]
    name_literal = Literal(function.name, VARCHAR)
    return Call("list_aggregate", (coerce(whole, list_of(element)), name_literal, *arguments), signature.result)


def _by_name(binder: ExpressionBinder, node: Any, trees: list[Any]) -> Expression:
    values = [binder.bind(tree) for tree in trees]
    if len(values) < 2 or not isinstance(values[1], Literal) or not isinstance(values[1].value, str):
        raise binder.context.error("list_aggregate() takes a list and the name of an aggregate as a text", node)
    return _aggregate(binder, node, values[1].value.lower(), [values[0], *values[2:]])


def _short(name: str) -> Bind:
    return lambda binder, node, trees: _aggregate(binder, node, name, [binder.bind(tree) for tree in trees])


def _to_string(binder: ExpressionBinder, node: Any, trees: list[Any]) -> Expression:
    """array_to_string(list, separator): string_agg of the elements as text, '' if there are none."""
    values = [binder.bind(tree) for tree in trees]
    if len(values) != 2 or not values[0].type.is_list:
        raise binder.context.error("array_to_string() takes a list and a separator", node)
    joined = _aggregate(binder, node, "string_agg", [Cast(values[0], list_of(VARCHAR)), values[1]])
    unknown = binder.call("is_null", [values[0]], node)
    return Case(
        ((unknown, Literal(None, VARCHAR)),), binder.call("coalesce", [joined, Literal("", VARCHAR)], node), VARCHAR
    )


LIST_AGGREGATES: Final[dict[str, Bind]] = {
    **dict.fromkeys(("list_aggregate", "array_aggregate", "list_aggr", "array_aggr", "aggregate"), _by_name),
    **{f"list_{name}": _short(name) for name in SHORT},
    "array_to_string": _to_string,
}
