"""Nested values made of others: lists and arrays, rows, structs, and maps of two lists."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sqlengine.errors import BindError, DataError
from sqlengine.functions.coercion import common_type
from sqlengine.functions.element_codes import repeated
from sqlengine.functions.nested import aligned, empty_vector, interleaved, list_vector, lists_of, struct_vector
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import Operand, Resolve, Signature, scalar
from sqlengine.types import NULL, SqlType, TypeKind, array_of, list_of, map_of, struct_of
from sqlengine.vector import Vector


def _resolve_list(name: str, fixed: bool) -> Resolve:
    def resolve(operands: Sequence[Operand]) -> Signature:
        element: SqlType | None = NULL
        if operands:
            element = common_type(operands)
        elif fixed:
            raise BindError("array_value() needs at least one value")
        if element is None:
            raise BindError(f"{describe_call(name, operands)}: these values have no common type; add a cast")
        result = array_of(element, len(operands)) if fixed else list_of(element)
        return Signature((element,) * len(operands), result)

    return resolve


@scalar(
    "list_value",
    _resolve_list("list_value", fixed=False),
    aliases=("list_pack",),
    example=("SELECT list_value(1, 2)", "[1, 2]"),
    summary="A list of the arguments, which are brought to one type.",
    usage="list_value(value, ...)",
)
def _list_value(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if not arguments:
        return list_vector(np.zeros(1, np.int64), empty_vector(NULL), None, result, True)
    columns, length, constant = aligned(arguments)
    child = interleaved(columns, length)
    return list_vector(np.full(length, len(columns)), child, None, result, constant)


scalar(
    "array_value",
    _resolve_list("array_value", fixed=True),
    example=("SELECT array_value(1, 2)", "[1, 2]"),
    summary="An array of fixed length of the arguments.",
    usage="array_value(value, ...)",
)(_list_value)


def _resolve_row(operands: Sequence[Operand]) -> Signature:
    if not operands:
        raise BindError("row() needs at least one value")
    types = tuple(operand.type for operand in operands)
    return Signature(types, struct_of(("", type_) for type_ in types))


@scalar(
    "row",
    _resolve_row,
    example=("SELECT row(1, 'a')", "(1, a)"),
    summary="A row of values without names.",
    usage="row(value, ...)",
)
def _row(arguments: Sequence[Vector], result: SqlType) -> Vector:
    columns, length, constant = aligned(arguments)
    return struct_vector(columns, None, result, length, constant)


def _resolve_pack(operands: Sequence[Operand]) -> Signature:
    raise BindError("struct_pack() takes named values: struct_pack(a := 1, b := 'x')")


@scalar(
    "struct_pack",
    _resolve_pack,
    example=("SELECT struct_pack(a := 1, b := 'x')", "{'a': 1, 'b': x}"),
    summary="A struct of named values; {'a': 1, 'b': 'x'} is the same.",
    usage="struct_pack(name := value, ...)",
)
def _struct_pack(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """The binder knows the names; here the result type does."""
    return _row(arguments, result)


def _resolve_map(operands: Sequence[Operand]) -> Signature:
    if not operands:
        return Signature((), map_of(NULL, NULL))
    types = [operand.type for operand in operands]
    if len(types) == 2 and any(type_.kind is TypeKind.NULL for type_ in types):
        return Signature(tuple(types), NULL)
    if len(types) != 2 or not all(type_.is_list for type_ in types):
        raise BindError(f"{describe_call('map', operands)}: it takes a list of keys and a list of values")
    key, value = (type_.element for type_ in types)
    return Signature((list_of(key), list_of(value)), map_of(key, value))


@scalar(
    "map",
    _resolve_map,
    example=("SELECT map(['a', 'b'], [1, 2])", "{a=1, b=2}"),
    summary="A map of a list of keys and a list of values; NULL if one of them is.",
    usage="map(keys, values)",
)
def _map(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if not arguments:
        empty = empty_vector(NULL)
        entries = struct_vector([empty, empty], None, struct_of(result.children), 0, False)
        return list_vector(np.zeros(1, np.int64), entries, None, result, True)
    if result.kind is TypeKind.NULL:
        return Vector.from_literal(None, NULL)
    columns, _, constant = aligned(arguments)
    keys, values = (lists_of(column) for column in columns)
    valid = None
    if keys.valid is not None or values.valid is not None:
        valid = keys.present & values.present
    both = keys.present & values.present
    if (keys.lengths != values.lengths)[both].any():
        raise DataError("The map key list does not align with the map value list.")
    kept_keys, kept_values = (
        part.child if valid is None else part.child.take(np.flatnonzero(np.repeat(valid, part.lengths)))
        for part in (keys, values)
    )
    lengths = keys.lengths if valid is None else np.where(valid, keys.lengths, 0)
    return map_of_entries(kept_keys, kept_values, lengths, valid, result, constant)


def map_of_entries(
    keys: Vector, values: Vector, lengths: np.ndarray, valid: np.ndarray | None, result: SqlType, constant: bool
) -> Vector:
    """A MAP vector of the keys and values of all rows.

    Raises
    ------
    DataError
        A key is NULL, or stands twice in one row.
    """
    if keys.valid() is not None:
        raise DataError("Map keys can not be NULL.")
    rows = np.repeat(np.arange(len(lengths)), lengths)
    if len(rows) > 1 and repeated(rows, keys).any():
        raise DataError("Map keys must be unique.")
    entries = struct_vector([keys, values], None, struct_of(result.children), len(rows), False)
    return list_vector(lengths, entries, valid, result, constant)
