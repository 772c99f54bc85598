"""Functions of maps, which lie in memory as lists of STRUCT(key, value)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.errors import BindError
from sqlengine.functions.coercion import common_type
from sqlengine.functions.element_codes import codes_of
from sqlengine.functions.list_making import map_of_entries
from sqlengine.functions.nested import Lists, aligned, fields_of, list_vector, lists_of, relabelled
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import Operand, Resolve, Signature, scalar
from sqlengine.functions.validity import combined_valid, null_vector
from sqlengine.types import BOOLEAN, NULL, UBIGINT, SqlType, TypeKind, entries_of, list_of, map_of
from sqlengine.vector import Vector, concat_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Indices = NDArray[np.int64]


def _resolve(name: str, parts: Sequence[int], result: Callable[[SqlType], SqlType]) -> Resolve:
    """A map, then for each of `parts` a key (0) or a value (1); the result from the map's type."""

    def resolve(operands: Sequence[Operand]) -> Signature:
        if len(operands) != len(parts) + 1:
            raise BindError(f"{describe_call(name, operands)}: it takes {len(parts) + 1} arguments")
        type_ = operands[0].type
        if type_.kind is TypeKind.NULL:
            return Signature(tuple(operand.type for operand in operands), NULL)
        if type_.kind is not TypeKind.MAP:
            raise BindError(f"{describe_call(name, operands)} does not exist; {name} takes a map")
        children = [child for _, child in type_.children]
        for part, operand in zip(parts, operands[1:], strict=True):
            common = common_type([Operand(children[part]), operand])
            if common is None:
                raise BindError(f"{describe_call(name, operands)}: {operand.type} is no {children[part]}; add a cast")
            children[part] = common
        wanted = map_of(*children)
        return Signature((wanted, *(children[part] for part in parts)), result(wanted))

    return resolve


def _key(type_: SqlType) -> SqlType:
    return type_.children[0][1]


def _value(type_: SqlType) -> SqlType:
    return type_.children[1][1]


def _found(arguments: Sequence[Vector]) -> tuple[Lists, Vector, Indices, bool]:
    """(entries, values, for each row the place of the key's value or -1, constant)."""
    (whole, wanted), _, constant = aligned(arguments)
    lists = lists_of(whole)
    keys, values = fields_of(lists.child)
    codes, sought = codes_of([keys, wanted])
    matches = np.flatnonzero((codes == sought[lists.rows]) & (codes >= 0))
    places = np.full(len(lists.lengths), -1, np.int64)
    places[lists.rows[matches]] = matches
    return lists, values, places, constant


@scalar(
    "map_extract_value",
    _resolve("map_extract_value", (0,), _value),
    example=("SELECT map_extract_value(MAP {'a': 1}, 'a')", "1"),
    summary="The value of a key, NULL if the map has none.",
    usage="map_extract_value(map, key)",
)
def _extract_value(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if result.kind is TypeKind.NULL:
        return null_vector(NULL, arguments)
    _, values, places, constant = _found(arguments)
    taken = values.take(places, may_miss=True)
    return Vector(result, taken.encoded(), constant=True) if constant else taken


@scalar(
    "map_extract",
    _resolve("map_extract", (0,), lambda type_: list_of(_value(type_))),
    aliases=("element_at",),
    example=("SELECT map_extract(MAP {'a': 1}, 'a')", "[1]"),
    summary="A list of the value of a key, empty if the map has none.",
    usage="map_extract(map, key)",
)
def _extract(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if result.kind is TypeKind.NULL:
        return null_vector(NULL, arguments)
    lists, values, places, constant = _found(arguments)
    hit = places >= 0
    return list_vector(hit.astype(np.int64), values.take(places[hit]), lists.valid, result, constant)


@scalar(
    "map_contains",
    _resolve("map_contains", (0,), lambda type_: BOOLEAN),
    example=("SELECT map_contains(MAP {'a': 1}, 'a')", "true"),
    summary="Whether a map has a key.",
    usage="map_contains(map, key)",
)
def _contains(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if result.kind is TypeKind.NULL:
        return null_vector(BOOLEAN, arguments)
    _, _, places, constant = _found(arguments)
    valid = combined_valid(arguments)
    mask = None if valid is None else np.array(np.broadcast_to(valid, len(places)))
    return Vector.from_values(places >= 0, mask, BOOLEAN, constant)


def _contains_parts(name: str, parts: tuple[int, ...], shown: str, summary: str, usage: str) -> None:
    """Register whether an entry has these parts: keys (0), values (1); NULL is in no map."""
    of_map = _resolve(name, parts, lambda type_: BOOLEAN)

    def resolve(operands: Sequence[Operand]) -> Signature:
        return replace(of_map(operands), result=BOOLEAN)

    @scalar(name, resolve, example=(shown, "true"), summary=summary, usage=usage)
    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        if any(argument.type.kind is TypeKind.NULL or argument.is_null_constant() for argument in arguments):
            return null_vector(BOOLEAN, arguments)
        (whole, *wanted), length, constant = aligned(arguments)
        lists = lists_of(whole)
        fields = fields_of(lists.child)
        matches = np.ones(len(lists.child), np.bool_)
        for part, each in zip(parts, wanted, strict=True):
            codes, sought = codes_of([fields[part], each])
            matches &= (codes == sought[lists.rows]) & (codes >= 0)
        found = np.zeros(length, np.bool_)
        found[lists.rows[matches]] = True
        valid = combined_valid(arguments)
        mask = None if valid is None else np.array(np.broadcast_to(valid, length))
        return Vector.from_values(found, mask, BOOLEAN, constant)


_contains_parts(
    "map_contains_value",
    (1,),
    "SELECT map_contains_value(MAP {'a': 1}, 1)",
    "Whether a map has a value.",
    "map_contains_value(map, value)",
)
_contains_parts(
    "map_contains_entry",
    (0, 1),
    "SELECT map_contains_entry(MAP {'a': 1}, 'a', 1)",
    "Whether a map has a key with this value.",
    "map_contains_entry(map, key, value)",
)


def _side(name: str, side: int, word: str, shown: str) -> None:
    @scalar(
        name,
        _resolve(name, (), lambda type_: list_of(type_.children[side][1])),
        example=(f"SELECT {name}(MAP {{'a': 1, 'b': 2}})", shown),
        summary=f"The {word} of a map as a list.",
        usage=f"{name}(map)",
    )
    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        if result.kind is TypeKind.NULL:
            return arguments[0]
        lists = lists_of(arguments[0])
        child = fields_of(lists.child)[side]
        return list_vector(lists.lengths, child, lists.valid, result, arguments[0].constant)


_side("map_keys", 0, "keys", "[a, b]")
_side("map_values", 1, "values", "[1, 2]")


@scalar(
    "map_entries",
    _resolve("map_entries", (), entries_of),
    example=("SELECT map_entries(MAP {'a': 1})", "[{'key': a, 'value': 1}]"),
    summary="The entries of a map as a list of structs.",
    usage="map_entries(map)",
)
def _entries(arguments: Sequence[Vector], result: SqlType) -> Vector:
    return arguments[0] if result.kind is TypeKind.NULL else relabelled(arguments[0], result)


def _resolve_cardinality(operands: Sequence[Operand]) -> Signature:
    types = tuple(operand.type for operand in operands)
    if len(types) != 1 or not (types[0].is_list or types[0].kind in (TypeKind.MAP, TypeKind.NULL)):
        raise BindError(f"{describe_call('cardinality', operands)} does not exist; it takes a map or a list")
    return Signature(types, UBIGINT)


@scalar(
    "cardinality",
    _resolve_cardinality,
    example=("SELECT cardinality(MAP {'a': 1})", "1"),
    summary="The number of entries of a map, or elements of a list.",
    usage="cardinality(map)",
)
def _cardinality(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if arguments[0].type.kind is TypeKind.NULL:
        return null_vector(UBIGINT, arguments)
    lists = lists_of(arguments[0])
    return Vector.from_values(lists.lengths.astype(np.uint64), lists.valid, UBIGINT, arguments[0].constant)


def _resolve_from_entries(operands: Sequence[Operand]) -> Signature:
    if len(operands) == 1:
        type_ = operands[0].type
        if type_.kind is TypeKind.NULL:
            return Signature((NULL,), NULL)
        if type_.is_list and type_.element.kind is TypeKind.STRUCT and len(type_.element.children) == 2:
            pair = [child for _, child in type_.element.children]
            return Signature((list_of(type_.element),), map_of(*pair))
    raise BindError(f"{describe_call('map_from_entries', operands)}: it takes a list of pairs of key and value")


@scalar(
    "map_from_entries",
    _resolve_from_entries,
    example=("SELECT map_from_entries([('a', 1), ('b', 2)])", "{a=1, b=2}"),
    summary="A map of a list of pairs.",
    usage="map_from_entries(entries)",
)
def _from_entries(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if result.kind is TypeKind.NULL:
        return arguments[0]
    lists = lists_of(arguments[0])
    keys, values = fields_of(lists.child)
    return map_of_entries(keys, values, lists.lengths, lists.valid, result, arguments[0].constant)


def _resolve_concat(operands: Sequence[Operand]) -> Signature:
    types = [operand.type for operand in operands if operand.type.kind is not TypeKind.NULL]
    if len(operands) < 2 or any(type_.kind is not TypeKind.MAP for type_ in types):
        raise BindError(f"{describe_call('map_concat', operands)}: it takes two or more maps")
    common = common_type([Operand(type_) for type_ in types]) if types else NULL
    if common is None:
        raise BindError(f"{describe_call('map_concat', operands)}: these maps have no common type")
    return Signature((common,) * len(operands), common)


@scalar(
    "map_concat",
    _resolve_concat,
    example=("SELECT map_concat(MAP {'a': 1}, MAP {'a': 2, 'b': 3})", "{a=2, b=3}"),
    summary="One map of the entries of several; of equal keys the last one's value counts. NULL maps are skipped.",
    usage="map_concat(map, ...)",
)
def _concat(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if result.kind is TypeKind.NULL:
        return null_vector(NULL, arguments)
    columns, length, constant = aligned(arguments)
    parts = [lists_of(column) for column in columns]
    rows = np.concatenate([part.rows for part in parts])
    order = np.argsort(rows, kind="stable")
    child = concat_vectors([part.child for part in parts]).take(order)
    rows = rows[order]
    keys, values = fields_of(child)
    (codes,) = codes_of([keys])
    # The last entry of each key in the place of its first.
    pairs = rows * (int(codes.max(initial=0)) + 1) + codes
    _, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
    last = np.zeros(len(first), np.int64)
    np.maximum.at(last, inverse, np.arange(len(pairs)))
    places = np.argsort(first, kind="stable")
    kept = last[places]
    present = np.any([part.present for part in parts], axis=0)
    lengths = np.bincount(rows[first], minlength=length)
    valid = None if present.all() else present
    return map_of_entries(keys.take(kept), values.take(kept), lengths, valid, result, constant)
