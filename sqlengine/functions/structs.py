"""Functions of structs and rows: their fields by name or place, and structs made of others."""

from __future__ import annotations

from collections.abc import Sequence

from sqlengine.errors import BindError, did_you_mean
from sqlengine.functions.nested import fields_of
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import Operand, Signature, scalar
from sqlengine.types import NULL, SqlType, TypeKind
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
