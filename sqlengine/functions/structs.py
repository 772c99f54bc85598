"""Functions of structs and rows: their fields by name or place, and structs made of others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sqlengine.errors import BindError, InternalError, did_you_mean
from sqlengine.functions.coercion import common_type
from sqlengine.functions.element_codes import codes_of
from sqlengine.functions.nested import aligned, empty_vector, fields_of, interleaved, list_vector, struct_vector
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import Operand, Resolve, Signature, scalar
from sqlengine.functions.validity import combined_valid
from sqlengine.types import BOOLEAN, INTEGER, NULL, VARCHAR, SqlType, TypeKind, list_of, struct_of
from sqlengine.vector import Vector


def field_position(type_: SqlType, name: object) -> int:
    """The number, from 0, of a field by its name (case does not count), or of a row's by its place from 1.

    Raises
    ------
    BindError
        There is none.
    """
    if isinstance(name, int):
        if not type_.is_row:
            raise BindError("the fields of a struct with names are read by name, not by number")
        if not 1 <= name <= len(type_.children):
            raise BindError(f"the row has {len(type_.children)} fields, there is no field {name}")
        return name - 1
    if not type_.is_row:
        for position, (field, _) in enumerate(type_.children):
            if field.lower() == str(name).lower():
                return position
    names = [field for field, _ in type_.children if field]
    raise BindError(f'there is no field "{name}" in {type_}.{did_you_mean(str(name), names)}')


def _resolve_extract(operands: Sequence[Operand]) -> Signature:
    if len(operands) == 2:
        whole, name = operands
        if whole.type.kind is TypeKind.NULL:
            return Signature((NULL, name.type), NULL)
        if whole.type.kind is TypeKind.STRUCT:
            if not isinstance(name.literal, str | int):
                raise BindError("the field of a struct must be named by a constant")
            position = field_position(whole.type, name.literal)
            return Signature((whole.type, name.type), whole.type.children[position][1])
    raise BindError(f"{describe_call('struct_extract', operands)}: it takes a struct and the name of a field")


@scalar(
    "struct_extract",
    _resolve_extract,
    aliases=("struct_extract_at",),
    example=("SELECT struct_extract({'a': 1, 'b': 2}, 'b')", "2"),
    summary="A field of a struct by its name, or of a row by its place from 1.",
    usage="struct_extract(struct, name)",
)
def _struct_extract(arguments: Sequence[Vector], result: SqlType) -> Vector:
    whole, name = arguments
    if whole.type.kind is TypeKind.NULL:
        return whole
    key = name.arrow()[0].as_py()
    return fields_of(whole)[field_position(whole.type, key)]


def _resolve_concat(operands: Sequence[Operand]) -> Signature:
    types = [operand.type for operand in operands]
    if not types or any(type_.kind is not TypeKind.STRUCT for type_ in types):
        raise BindError(f"{describe_call('struct_concat', operands)} does not exist; it takes structs")
    fields = [field for type_ in types for field in type_.children]
    names = [name.lower() for name, _ in fields if name]
    if len(set(names)) < len(names) or 0 < len(names) < len(fields):
        raise BindError("struct_concat: the structs have a field in common, or only some of their fields have names")
    return Signature(tuple(types), struct_of(fields))


@scalar(
    "struct_concat",
    _resolve_concat,
    example=("SELECT struct_concat({'a': 1}, {'b': 2})", "{'a': 1, 'b': 2}"),
    summary="One struct of the fields of several.",
    usage="struct_concat(struct, ...)",
)
def _struct_concat(arguments: Sequence[Vector], result: SqlType) -> Vector:
    columns, length, constant = aligned(arguments)
    fields = [field for column in columns for field in fields_of(column)]
    return struct_vector(fields, None, result, length, constant)


def _resolve_keys(operands: Sequence[Operand]) -> Signature:
    if len(operands) != 1 or operands[0].type.kind is not TypeKind.STRUCT or operands[0].type.is_row:
        raise BindError(f"{describe_call('struct_keys', operands)} does not exist; it takes a struct with names")
    return Signature((operands[0].type,), list_of(VARCHAR))


@scalar(
    "struct_keys",
    _resolve_keys,
    example=("SELECT struct_keys({'a': 1, 'b': 2})", "[a, b]"),
    summary="The names of the fields of a struct.",
    usage="struct_keys(struct)",
)
def _struct_keys(arguments: Sequence[Vector], result: SqlType) -> Vector:
    whole = arguments[0]
    names = [Vector.from_literal(name, VARCHAR) for name, _ in whole.type.children]
    present = np.ones(len(whole), np.bool_) if whole.valid() is None else whole.valid()
    assert present is not None
    rows = int(present.sum())
    child = interleaved(names, rows) if rows else empty_vector(VARCHAR)
    return list_vector(present * np.int64(len(names)), child, whole.valid(), result, whole.constant)


def _resolve_values(operands: Sequence[Operand]) -> Signature:
    if len(operands) != 1 or operands[0].type.kind is not TypeKind.STRUCT:
        raise BindError(f"{describe_call('struct_values', operands)} does not exist; it takes a struct")
    type_ = operands[0].type
    return Signature((type_,), struct_of(("", child) for _, child in type_.children))


@scalar(
    "struct_values",
    _resolve_values,
    example=("SELECT struct_values({'a': 1, 'b': 'x'})", "(1, x)"),
    summary="The fields of a struct as a row without names.",
    usage="struct_values(struct)",
)
def _struct_values(arguments: Sequence[Vector], result: SqlType) -> Vector:
    whole = arguments[0]
    return struct_vector(fields_of(whole), whole.valid(), result, len(whole), whole.constant)


def _resolve_member(name: str, result: SqlType) -> Resolve:
    def resolve(operands: Sequence[Operand]) -> Signature:
        if len(operands) == 2 and operands[0].type.is_row:
            types = [Operand(child) for _, child in operands[0].type.children]
            common = common_type([*types, operands[1]])
            if common is not None:
                row = struct_of(("", common) for _ in types)
                return Signature((row, common), result)
        raise BindError(f"{describe_call(name, operands)}: it takes a row of values of one type, and such a value")

    return resolve


@scalar(
    "struct_position",
    _resolve_member("struct_position", INTEGER),
    aliases=("struct_indexof",),
    example=("SELECT struct_position((10, 20), 20)", "2"),
    summary="The place, from 1, of a value in a row; NULL if it is not there.",
    usage="struct_position(row, value)",
)
def _struct_position(arguments: Sequence[Vector], result: SqlType) -> Vector:
    (whole, wanted), length, constant = aligned(arguments)
    fields = fields_of(whole)
    *codes, sought = codes_of([*(Vector(field.type, field.encoded()) for field in fields), wanted])
    found = np.zeros(length, np.int32)
    for place in range(len(fields), 0, -1):
        found[codes[place - 1] == sought] = place
    if (valid := whole.valid()) is not None:
        found[~valid] = 0
    return Vector.from_values(found, found > 0, INTEGER, constant)


@scalar(
    "struct_contains",
    _resolve_member("struct_contains", BOOLEAN),
    aliases=("struct_has",),
    example=("SELECT struct_contains((10, 20), 20)", "true"),
    summary="Whether a row has a value.",
    usage="struct_contains(row, value)",
)
def _struct_contains(arguments: Sequence[Vector], result: SqlType) -> Vector:
    places = _struct_position(arguments, INTEGER)
    valid = combined_valid(arguments)
    mask = None if valid is None else np.array(np.broadcast_to(valid, len(places)))
    return Vector.from_values(places.values() > 0, mask, BOOLEAN, places.constant)


def _resolve_named(operands: Sequence[Operand]) -> Signature:
    raise BindError("this function takes a struct and named values: struct_insert(s, b := 2)")


def _inserted(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """The binder writes these calls as `struct_pack` of fields."""
    raise InternalError("struct_insert and struct_update are bound as struct_pack")


scalar(
    "struct_insert",
    _resolve_named,
    example=("SELECT struct_insert({'a': 1}, b := 2)", "{'a': 1, 'b': 2}"),
    summary="The struct with further fields.",
    usage="struct_insert(struct, name := value, ...)",
)(_inserted)
scalar(
    "struct_update",
    _resolve_named,
    example=("SELECT struct_update({'a': 1, 'b': 2}, a := 'x')", "{'a': x, 'b': 2}"),
    summary="The struct with fields replaced or added.",
    usage="struct_update(struct, name := value, ...)",
)(_inserted)
