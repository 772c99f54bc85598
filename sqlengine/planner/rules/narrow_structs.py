"""Fields of structs that nobody asks for are not read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sqlengine.planner.expressions import Call, Column, Expression, Literal, children, transform
from sqlengine.planner.logical import (
    Node,
    Project,
    Recursion,
    Scan,
    Union,
    Unnest,
    expressions_of,
    inputs_of,
    with_inputs,
)
from sqlengine.planner.rewriting import map_expressions
from sqlengine.storage.table import NarrowingTable
from sqlengine.types import SqlType, TypeKind, list_of, struct_of

# What is used of a value: all of it (None), or of these fields of a struct, of the elements of a list, so much.
_Use = Mapping[str, "_Use"] | None

_ELEMENTS: Final = "[]"
_NULL_TESTS: Final = frozenset({"is_null", "is_not_null"})
_LENGTHS: Final = frozenset({"array_length", "len", "cardinality"})


def narrow_structs(plan: Node) -> Node:
    """Let scans read only the fields of structs that are extracted above, also of structs in lists, unnested or not.

    Formats that store fields apart (Parquet), or skip what is not asked for (JSON), read less. Not legal where a
    struct is used as a whole: delivered, compared, given to any function but those that take one field out of it.
    Sees the whole plan: a column keeps its fields if any node above needs them all. Last of the rules, since types of
    columns change.

    Before:
        Project: struct_extract(s, 'x') + 1 AS y
        └─ Scan: deep; s; where struct_extract(struct_extract(s, 'in'), 'p') > 3

    After:
        Project: struct_extract(s, 'x') + 1 AS y
        └─ Scan: deep; s.x, s.in.p; where struct_extract(struct_extract(s, 'in'), 'p') > 3
    """
    uses: dict[int, _Use] = {column.id: None for column in plan.columns}
    _collect(plan, uses)
    return _rewrite(plan, uses, {})


def _collect(node: Node, uses: dict[int, _Use]) -> None:
    """Note what the plan uses of the columns below; nodes that use a column come before the one that makes it."""
    match node:
        case Project():
            for column, expression in zip(node.columns, node.expressions, strict=True):
                _use(expression, uses.get(column.id, {}), uses)
        case Unnest():
            for item, items in zip(node.item_columns, node.lists, strict=True):
                _use(items, {_ELEMENTS: uses.get(item.id, {})}, uses)
        case Union() | Recursion():
            for each in inputs_of(node):
                uses.update((column.id, None) for column in each.columns)
        case _:
            for expression in expressions_of(node):
                _use(expression, None, uses)
    for each in inputs_of(node):
        _collect(each, uses)


def _use(expression: Expression, use: _Use, uses: dict[int, _Use]) -> None:
    match expression:
        case Column():
            known = uses.get(expression.id, {})
            uses[expression.id] = _together(known, use)
        case Call("struct_extract", (whole, Literal(str(name)))) if _is_narrowable(whole.type):
            _use(whole, {name.lower(): use}, uses)
        case Call("list_extract", (whole, index)) if whole.type.kind is TypeKind.LIST:
            _use(whole, {_ELEMENTS: use}, uses)
            _use(index, None, uses)
        case Call(function, (whole,)) if function in _NULL_TESTS:
            _use(whole, {}, uses)
        case Call(function, (whole,)) if function in _LENGTHS and whole.type.kind is TypeKind.LIST:
            _use(whole, {}, uses)
        case _:
            for child in children(expression):
                _use(child, None, uses)


def _together(one: _Use, other: _Use) -> _Use:
    if one is None or other is None:
        return None
    return {key: _together(one.get(key, {}), other.get(key, {})) for key in (*one, *(k for k in other if k not in one))}


def _is_narrowable(type_: SqlType) -> bool:
    return type_.kind is TypeKind.STRUCT and not type_.is_row


def _narrowed(type_: SqlType, use: _Use) -> SqlType:
    """The part of a type that is used; of a struct of which nothing is, one field, to know where it is NULL."""
    if use is None:
        return type_
    if type_.kind is TypeKind.LIST:
        return list_of(_narrowed(type_.element, use.get(_ELEMENTS, {})))
    if not _is_narrowable(type_) or not type_.children:
        return type_
    kept = [(name, child, use[name.lower()]) for name, child in type_.children if name.lower() in use]
    if not kept:
        name, child = min(type_.children, key=lambda each: each[1].is_nested)
        kept = [(name, child, {})]
    return struct_of([(name, _narrowed(child, inner)) for name, child, inner in kept])


def _rewrite(node: Node, uses: Mapping[int, _Use], types: dict[int, SqlType]) -> Node:
    """The plan over narrower scans; `types` takes the columns whose type has changed."""
    node = with_inputs(node, tuple(_rewrite(each, uses, types) for each in inputs_of(node)))
    if isinstance(node, Scan):
        node = _narrow_scan(node, uses, types)
    if not types:
        return node
    node = map_expressions(node, lambda expression: transform(expression, lambda part: _retyped(part, types)))
    match node:
        case Project():
            columns = tuple(
                _column(column, expression.type, types)
                for column, expression in zip(node.columns, node.expressions, strict=True)
            )
            return node if columns == node.columns else replace(node, columns=columns)
        case Unnest():
            items = tuple(
                _column(item, each.type.element, types)
                for item, each in zip(node.item_columns, node.lists, strict=True)
            )
            return node if items == node.item_columns else replace(node, item_columns=items)
        case _:
            return node


def _column(column: Column, type_: SqlType, types: dict[int, SqlType]) -> Column:
    if column.type == type_:
        return column
    types[column.id] = type_
    return replace(column, type=type_)


def _retyped(part: Expression, types: Mapping[int, SqlType]) -> Expression:
    match part:
        case Column() if part.id in types:
            return replace(part, type=types[part.id])
        case Call("struct_extract", (whole, Literal(str(name)))) if _is_narrowable(whole.type):
            type_ = next(child for field, child in whole.type.children if field.lower() == name.lower())
            return part if type_ == part.type else replace(part, type=type_)
        case Call("list_extract", (whole, _)) if whole.type.kind is TypeKind.LIST:
            return part if whole.type.element == part.type else replace(part, type=whole.type.element)
        case _:
            return part


def _narrow_scan(scan: Scan, uses: Mapping[int, _Use], types: dict[int, SqlType]) -> Scan:
    if not isinstance(scan.table, NarrowingTable):
        return scan
    changed = {}
    for column, name in zip(scan.columns, scan.source_names, strict=True):
        type_ = _narrowed(column.type, uses.get(column.id, {}))
        if type_ != column.type:
            changed[name] = type_
    table = scan.table.narrowed(changed) if changed else None
    if table is None:
        return scan
    types.update(
        (c.id, changed[name]) for c, name in zip(scan.columns, scan.source_names, strict=True) if name in changed
    )
    columns = tuple(replace(column, type=types.get(column.id, column.type)) for column in scan.columns)
    return replace(scan, table=table, columns=columns)
