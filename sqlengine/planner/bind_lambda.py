"""Lambdas: `list_transform(l, lambda x: x + y)`, the older `x -> x + y`, and `[x + y for x in l if x > 0]`.

The body sees its parameters and copies of the columns it takes from outside, each under an id of its own; so rules
that rename or push columns need to know only the captures (see `expressions.LambdaCall`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from sqlengine.functions.coercion import common_type
from sqlengine.functions.registry import Operand
from sqlengine.planner.coerce import coerce, operand_of
from sqlengine.planner.expressions import Column, Expression, LambdaCall, Literal, transform, walk
from sqlengine.types import BIGINT, BOOLEAN, NULL, SqlType, TypeKind, list_of

if TYPE_CHECKING:
    from sqlengine.planner.bind_expression import ExpressionBinder


def bind_lambda_function(name: str) -> Callable[[ExpressionBinder, Any, list[Any]], Expression]:
    """The binder of calls of one of `list_transform`, `list_filter`, `list_reduce`."""

    def bind(binder: ExpressionBinder, node: Any, trees: list[Any]) -> Expression:
        most = 3 if name == "list_reduce" else 2
        if not 2 <= len(trees) <= most or not isinstance(trees[1], exp.Lambda):
            raise binder.context.error(f"{name}() takes a list and a lambda: {name}(l, lambda x: …)", node)
        reader = binder.reader
        reader.get(trees[1], "colon")
        names = [reader.name(tree) for tree in reader.all(trees[1])]
        body = reader.get(trees[1], "this")
        with binder.context.at(node):
            value = binder.bind(trees[0])
            if value.type.kind is TypeKind.NULL:
                reader.skip(trees[1])
                return Literal(None, NULL)
            source = _list(binder, value, name, node)
            if name == "list_reduce":
                initial = binder.bind(trees[2]) if len(trees) == 3 else None
                return _reduce(binder, source, names, body, initial, node)
            return _over_elements(binder, name, source, names, body, node)

    return bind


def bind_comprehension(binder: ExpressionBinder, node: Any) -> Expression:
    """[body for x, i in list if condition]; the position counts elements before the condition drops some."""
    reader = binder.reader
    names = [reader.name(tree) for part in ("expression", "position") if (tree := reader.get(node, part)) is not None]
    source = _list(binder, binder.child(node, "iterator"), "a list comprehension", node)
    body, condition = reader.get(node, "this"), reader.get(node, "condition")
    if condition is None:
        return _over_elements(binder, "list_transform", source, names, body, node)
    if len(names) > 1:
        raise binder.context.refuse("a list comprehension with both a position and a condition is not supported", node)
    kept = _over_elements(binder, "list_filter", source, names, condition, node)
    return _over_elements(binder, "list_transform", kept, names, body, node)


def _list(binder: ExpressionBinder, value: Expression, name: str, node: Any) -> Expression:
    if not value.type.is_list:
        raise binder.context.error(f"{name} takes a list, not a value of type {value.type}", node)
    return coerce(value, list_of(value.type.element))


def _over_elements(
    binder: ExpressionBinder, name: str, source: Expression, names: Sequence[str], body: Any, node: Any
) -> Expression:
    types = (source.type.element, BIGINT)
    parameters, captures, bound = _bind_body(binder, names, types, body, node)
    if name == "list_filter":
        bound = coerce(bound, BOOLEAN)
        return LambdaCall(name, (source,), parameters, captures, bound, source.type)
    return LambdaCall(name, (source,), parameters, captures, bound, list_of(bound.type))


def _reduce(
    binder: ExpressionBinder, source: Expression, names: Sequence[str], body: Any, initial: Expression | None, node: Any
) -> Expression:
    if len(names) < 2:
        raise binder.context.error("list_reduce() takes a lambda of two or three parameters", node)
    element = state = source.type.element
    if initial is not None:
        state = _common(binder, element, initial, node)
    # The type of what came out so far follows from what comes out.
    _, _, bound = _bind_body(binder, names, (state, element, BIGINT), body, node)
    state = _common(binder, state, bound, node)
    parameters, captures, bound = _bind_body(binder, names, (state, element, BIGINT), body, node)
    arguments = (source,) if initial is None else (source, coerce(initial, state))
    return LambdaCall("list_reduce", arguments, parameters, captures, coerce(bound, state), state)


def _common(binder: ExpressionBinder, type_: SqlType, value: Expression, node: Any) -> SqlType:
    common = common_type([Operand(type_), operand_of(value)])
    if common is None:
        raise binder.context.error(f"list_reduce() cannot combine {type_} and {value.type}; add a cast", node)
    return common


def _bind_body(
    binder: ExpressionBinder, names: Sequence[str], types: Sequence[SqlType], body: Any, node: Any
) -> tuple[tuple[Column, ...], tuple[tuple[Column, Expression], ...], Expression]:
    if not 1 <= len(names) <= len(types):
        raise binder.context.error(f"this lambda takes 1 to {len(types)} parameters", node)
    if any(isinstance(each, exp.Subquery | exp.Exists) for each in body.walk()):
        raise binder.context.refuse("a subquery in a lambda is not supported", node)
    parameters = tuple(binder.context.column(name, type_) for name, type_ in zip(names, types, strict=False))
    binder.lambdas.append({name.lower(): column for name, column in zip(names, parameters, strict=True)})
    try:
        bound = binder.bind(body)
    finally:
        binder.lambdas.pop()
    own = {column.id for column in parameters}
    outside = {part.id: part for part in walk(bound) if isinstance(part, Column) and part.id not in own}
    # Ids of their own, below those of any column, and the same in every lambda: equal lambdas are equal expressions.
    copies = {
        column.id: Column(-number, column.name, column.type)
        for number, column in enumerate([*parameters, *outside.values()], 1)
    }
    inside = transform(bound, lambda part: copies.get(part.id, part) if isinstance(part, Column) else part)
    captures = tuple((copies[id_], column) for id_, column in outside.items())
    return tuple(copies[column.id] for column in parameters), captures, inside


_NAMES: Final = {
    "list_transform": ("list_apply", "array_transform", "array_apply", "apply"),
    "list_filter": ("array_filter", "filter"),
    "list_reduce": ("array_reduce", "reduce"),
}

LAMBDA_FUNCTIONS: Final = {
    each: bind_lambda_function(name) for name, aliases in _NAMES.items() for each in (name, *aliases)
}
