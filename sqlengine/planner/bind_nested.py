"""Nested values in SQL text: `[1, 2]`, `{"a": 1}`, `MAP {…}`, rows; and brackets and dots after a value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from sqlengine.errors import BindError
from sqlengine.functions.list_access import OPEN
from sqlengine.planner.bind_lambda import bind_comprehension
from sqlengine.planner.expressions import Call, Cast, Expression, Literal
from sqlengine.planner.sql_dialect import dotted_path
from sqlengine.types import BIGINT, JSON, VARCHAR, TypeKind, struct_of

if TYPE_CHECKING:
    from sqlengine.planner.bind_expression import ExpressionBinder


def column_field(binder: ExpressionBinder, path: Sequence[str], node: Any) -> Expression | None:
    """`column.field.field` or `table.column.field`, the longest name of a column first; None if there is none."""
    parameter = binder.parameter(path[0])
    if parameter is not None:
        return field_of(binder, parameter, path[1:], node)
    for cut in range(len(path) - 1, 0, -1):
        try:
            found = binder.scope.find(path[cut - 1], tuple(path[: cut - 1]))
        except BindError:
            continue
        if found is not None:
            return field_of(binder, found, path[cut:], node)
    return None


def _parameter(binder: ExpressionBinder, node: Any) -> Expression:
    """The parser leaves names that a lambda declares bare."""
    name = binder.reader.name(node)
    found = binder.parameter(name)
    return binder.column(exp.Column(this=node)) if found is None else found


def field_of(binder: ExpressionBinder, value: Expression, names: Sequence[str], node: Any) -> Expression:
    """`value.name.name`: fields of structs, values of maps, members of JSON."""
    for name in names:
        key = Literal(name, VARCHAR)
        match value.type.kind:
            case TypeKind.MAP:
                value = binder.call("map_extract_value", [value, key], node)
            case TypeKind.JSON:
                value = binder.call("->", [value, key], node)
            case _:
                value = binder.call("struct_extract", [value, key], node)
    return value


def _list(binder: ExpressionBinder, node: Any) -> Expression:
    """[a, b] and ARRAY[a, b]."""
    binder.reader.get(node, "value_constructor")
    binder.reader.get(node, "bracket_notation")
    trees = binder.reader.all(node)
    if len(trees) == 1 and isinstance(trees[0], exp.Comprehension):
        return bind_comprehension(binder, trees[0])
    return binder.call("list_value", [binder.bind(tree) for tree in trees], node)


def _struct(binder: ExpressionBinder, node: Any) -> Expression:
    """{'a': 1, b: 2}."""
    return _named_values(binder, node, binder.reader.all(node))


def _struct_pack(binder: ExpressionBinder, node: Any, trees: list[Any]) -> Expression:
    """struct_pack(a := 1, b): fields without a name are called as the columns are."""
    return _named_values(binder, node, trees, of_columns=True)


def _named_values(binder: ExpressionBinder, node: Any, trees: list[Any], of_columns: bool = False) -> Expression:
    names, values = named_trees(binder, node, trees, of_columns)
    arguments = tuple(binder.bind(value) for value in values)
    types = [argument.type for argument in arguments]
    return Call("struct_pack", arguments, struct_of(zip(names, types, strict=True)))


def named_trees(
    binder: ExpressionBinder, node: Any, trees: list[Any], of_columns: bool = False
) -> tuple[list[str], list[Any]]:
    """Names and trees of `a := 1, b := 2`; BindError if one has no name, or two have the same.

    With `of_columns`, a column needs no other name than its own.
    """
    names: list[str] = []
    values: list[Any] = []
    for tree in trees:
        if of_columns and isinstance(tree, exp.Column) and isinstance(tree.this, exp.Identifier):
            name, value = tree.name, tree
        elif isinstance(tree, exp.PropertyEQ):
            key, value = binder.reader.get(tree, "this"), binder.reader.get(tree, "expression")
            if isinstance(key, exp.Literal | exp.Column):
                binder.reader.get(key, "is_string")
            name = binder.reader.name(key)
        else:
            raise binder.context.error("every value of a struct needs a name: {'a': 1}, struct_pack(a := 1)", tree)
        if name.lower() in (each.lower() for each in names):
            raise binder.context.error(f'the struct has two fields called "{name}"', tree)
        names.append(name)
        values.append(value)
    return names, values


def _map_literal(binder: ExpressionBinder, node: Any) -> Expression:
    """MAP {key: value}."""
    entries = binder.reader.all(binder.reader.get(node, "this"))
    sides = [[binder.reader.get(entry, side) for entry in entries] for side in ("this", "expression")]
    lists = [binder.call("list_value", [binder.bind(tree) for tree in trees], node) for trees in sides]
    return binder.call("map", lists, node)


def _map_of_lists(binder: ExpressionBinder, node: Any) -> Expression:
    """MAP(keys, values)."""
    trees = [binder.reader.get(node, part) for part in ("keys", "values")]
    return binder.call("map", [binder.bind(tree) for tree in trees if tree is not None], node)


def _row(binder: ExpressionBinder, node: Any) -> Expression:
    """(a, b)."""
    return binder.call("row", [binder.bind(tree) for tree in binder.reader.all(node)], node)


def _bracket(binder: ExpressionBinder, node: Any) -> Expression:
    """value[index], value['key'], value[from:to:step]."""
    value = binder.child(node)
    for flag in ("offset", "safe", "returns_list_for_maps"):
        binder.reader.get(node, flag)
    trees = binder.reader.all(node)
    if len(trees) != 1:
        raise binder.reader.unknown(node)
    if isinstance(trees[0], exp.Slice):
        bounds = [_bound(binder, trees[0], part) for part in ("this", "expression")]
        step = binder.reader.get(trees[0], "step")
        if step is not None:
            bounds.append(binder.bind(step))
        return binder.call("array_slice", [value, *bounds], node)
    index = binder.bind(trees[0])
    match value.type.kind:
        case TypeKind.STRUCT:
            return binder.call("struct_extract", [value, index], node)
        case TypeKind.MAP:
            return binder.call("map_extract_value", [value, index], node)
        case TypeKind.JSON:
            return binder.call("->", [value, index], node)
        case _:
            return binder.call("list_extract", [value, index], node)


def _bound(binder: ExpressionBinder, node: Any, part: str) -> Expression:
    tree = binder.reader.get(node, part)
    return Literal(OPEN, BIGINT) if tree is None else binder.bind(tree)


def _dot(binder: ExpressionBinder, node: Any) -> Expression:
    """value.field; `value.function(…)` is a call already when it comes here."""
    path = dotted_path(node)
    if path is not None:
        for part in node.find_all(exp.Dot):
            for side in ("this", "expression"):
                binder.reader.get(part, side)
        return binder.column(exp.column(*reversed(path), copy=False))
    after = binder.reader.get(node, "expression")
    value = binder.child(node)
    if isinstance(after, exp.Identifier):
        with binder.context.at(node):
            return field_of(binder, value, [binder.reader.name(after)], node)
    raise binder.reader.unknown(node)


def _json_literal(binder: ExpressionBinder, node: Any) -> Expression:
    """JSON '{}'."""
    binder.reader.get(node, "is_literal")
    return Cast(binder.child(node), JSON)


def _arrow(name: str) -> Callable[[ExpressionBinder, Any], Expression]:
    """json -> path and json ->> path."""

    def bind(binder: ExpressionBinder, node: Any) -> Expression:
        for flag in ("only_json_types", "scalar_only"):
            binder.reader.get(node, flag)
        return binder.call(name, [binder.child(node), binder.child(node, "expression")], node)

    return bind


def _lambda(binder: ExpressionBinder, node: Any) -> Expression:
    """Among the arguments of a function the parser takes `json -> path` for a lambda; it is one only in some."""
    parameters = binder.reader.all(node)
    if binder.reader.get(node, "colon") or len(parameters) != 1:
        raise binder.reader.unknown(node)
    return binder.call("->", [_parameter(binder, parameters[0]), binder.child(node)], node)


def _changed_struct(update: bool) -> Callable[[ExpressionBinder, Any, list[Any]], Expression]:
    """struct_insert(s, b := 2) and struct_update(s, a := 1, b := 2): a struct_pack of old and new fields."""

    def bind(binder: ExpressionBinder, node: Any, trees: list[Any]) -> Expression:
        whole = binder.bind(trees[0]) if trees else None
        if whole is None or whole.type.kind is not TypeKind.STRUCT or whole.type.is_row:
            raise binder.context.error("struct_insert() and struct_update() take a struct with named fields", node)
        names, values = named_trees(binder, node, trees[1:])
        fields: dict[str, tuple[str, Expression]] = {
            name.lower(): (name, field_of(binder, whole, [name], node)) for name, _ in whole.type.children
        }
        for name, tree in zip(names, values, strict=True):
            old = fields.get(name.lower())
            if old is not None and not update:
                raise binder.context.error(f'the struct has a field called "{name}" already', tree)
            fields[name.lower()] = (name if old is None else old[0], binder.bind(tree))
        arguments = tuple(value for _, value in fields.values())
        return Call("struct_pack", arguments, struct_of((name, value.type) for name, value in fields.values()))

    return bind


def _typed_divide(binder: ExpressionBinder, node: Any, trees: list[Any]) -> Expression:
    """`/` of dialects in which whole numbers divide to whole numbers (see `planner.translate`)."""
    left, right = (binder.bind(tree) for tree in trees)
    whole = left.type.is_integer and right.type.is_integer
    return binder.call("//" if whole else "/", [left, right], node)


NAMED: Final[dict[str, Callable[[ExpressionBinder, Any, list[Any]], Expression]]] = {
    "__typed_divide": _typed_divide,
    "struct_pack": _struct_pack,
    "struct_insert": _changed_struct(update=False),
    "struct_update": _changed_struct(update=True),
}

HANDLERS: Final[dict[type, Callable[[ExpressionBinder, Any], Expression]]] = {
    exp.Array: _list,
    exp.Struct: _struct,
    exp.ToMap: _map_literal,
    exp.Map: _map_of_lists,
    exp.Tuple: _row,
    exp.Bracket: _bracket,
    exp.Dot: _dot,
    exp.Identifier: _parameter,
    exp.ParseJSON: _json_literal,
    exp.JSONExtract: _arrow("->"),
    exp.Lambda: _lambda,
    exp.JSONExtractScalar: _arrow("->>"),
}
