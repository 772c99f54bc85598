"""unnest(…) in the select list: rows of lists, columns of structs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from sqlengine.planner.context import BindContext
from sqlengine.planner.expressions import Column, Expression, Literal, columns_of
from sqlengine.planner.logical import Node, Unnest
from sqlengine.types import NULL, VARCHAR, TypeKind, list_of

if TYPE_CHECKING:
    from sqlengine.planner.bind_expression import ExpressionBinder


class Unnests:
    """The unnest calls of one select list; equal lists share one column of items."""

    def __init__(self, context: BindContext) -> None:
        self._context = context
        self.columns: dict[Expression, Column] = {}

    def add(self, items: Expression) -> Column:
        """The column that will hold the items of a list."""
        column = self.columns.get(items)
        if column is None:
            column = self.columns[items] = self._context.column("unnest", items.type.children[0][1])
        return column

    def below(self, plan: Node, keys: Iterable[Expression]) -> Node:
        """`plan` with the lists unnested that GROUP BY keys speak of; these are done with."""
        used = frozenset[int]().union(*map(columns_of, keys))
        chosen = {items: column for items, column in self.columns.items() if column.id in used}
        self.columns = {items: column for items, column in self.columns.items() if items not in chosen}
        return Unnest(plan, tuple(chosen), tuple(chosen.values())) if chosen else plan

    def above(self, plan: Node, lift: Callable[[Expression], Expression]) -> Node:
        """`plan` with all lists unnested side by side; `lift` says a list in terms of the plan's columns."""
        if not self.columns:
            return plan
        return Unnest(plan, tuple(map(lift, self.columns)), tuple(self.columns.values()))


def is_unnest(node: Any) -> bool:
    """Whether a tree is a call of unnest."""
    return isinstance(node, exp.Anonymous) and str(node.name).lower() == "unnest"


def unnest_value(binder: ExpressionBinder, node: Any) -> Expression:
    """unnest(list) inside an expression."""
    items = unnest_items(binder, node)
    if items[0][0] is not None:
        raise binder.context.refuse("unnest() of a struct must stand alone in the select list", node)
    return items[0][1]


def unnest_items(binder: ExpressionBinder, node: Any) -> list[tuple[str | None, Expression]]:
    """unnest(…) as it stands in the select list: the items of a list, under no name, or the fields of a struct.

    `recursive := true` and `max_depth := n` also flatten lists of lists, and spread structs inside.
    """
    context, reader = binder.context, binder.reader
    reader.name(reader.get(node, "this"))
    arguments = reader.all(node)
    if not arguments or isinstance(arguments[0], exp.PropertyEQ):
        raise context.error("unnest() takes a list or a struct, then recursive := true or max_depth := n", node)
    depth, recursive = 1, False
    for option in arguments[1:]:
        value = reader.get(option, "expression") if isinstance(option, exp.PropertyEQ) else None
        name = reader.name(reader.get(option, "this")).lower() if value is not None else ""
        if name == "recursive" and isinstance(value, exp.Boolean):
            recursive = bool(reader.get(value, "this"))
        elif name == "max_depth" and isinstance(value, exp.Literal) and not reader.get(value, "is_string"):
            depth = int(reader.get(value, "this"))
        else:
            raise context.error("unnest() takes recursive := true or max_depth := n after the list", option)
    unnests = binder.unnests
    if unnests is None:
        raise context.error(f"unnest() cannot stand in {binder.clause}", node)
    binder.unnests = None
    clause, binder.clause = binder.clause, "another unnest(); write unnest(…, recursive := true)"
    try:
        value_ = binder.bind(arguments[0])
    finally:
        binder.unnests, binder.clause = unnests, clause
    if isinstance(value_, Literal) and value_.type == NULL:
        value_ = Literal(None, list_of(NULL))
    levels = depth
    if value_.type.kind is TypeKind.LIST:
        while (recursive or levels > 1) and value_.type.children[0][1].kind is TypeKind.LIST:
            value_ = binder.call("flatten", [value_], node)
            levels -= 1
        column = unnests.add(value_)
        if column.type.kind is not TypeKind.STRUCT or not (recursive or levels > 1):
            return [(None, column)]
        return _fields(binder, column, recursive, node)
    if value_.type.kind is not TypeKind.STRUCT:
        raise context.error(f"unnest() can only be applied to lists and structs, not {value_.type}", node)
    return _fields(binder, value_, recursive, node)


def _fields(
    binder: ExpressionBinder, value: Expression, recursive: bool, node: Any
) -> list[tuple[str | None, Expression]]:
    found: list[tuple[str | None, Expression]] = []
    for name, type_ in value.type.children:
        field = binder.call("struct_extract", [value, Literal(name, VARCHAR)], node)
        if recursive and type_.kind is TypeKind.STRUCT:
            found += _fields(binder, field, recursive, node)
        else:
            found.append((name, field))
    return found
