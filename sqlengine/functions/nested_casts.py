"""Casts between nested types: element by element, field by field; and to and from text (`nested_text`)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sqlengine.errors import BindError, ConversionError
from sqlengine.functions.nested import fields_of, list_vector, lists_of, relabelled, struct_vector
from sqlengine.functions.validity import null_vector
from sqlengine.types import SqlType, TypeKind, entries_of
from sqlengine.vector import Vector

CastFunction = Callable[[Vector, SqlType, bool], Vector]


def cast_nested(vector: Vector, target: SqlType, attempt: bool, cast: CastFunction) -> Vector:
    """A nested vector as another nested type.

    Parameters
    ----------
    vector, target, attempt
        As of `casts.cast`, which `cast` is.

    Raises
    ------
    ConversionError
        An element does not fit, a list is not as long as an ARRAY, or there is no such conversion.
    """
    source = vector.type
    if source.is_list and target.is_list:
        return _cast_list(vector, target, attempt, cast)
    if source.kind is TypeKind.STRUCT and target.kind is TypeKind.STRUCT:
        return _cast_struct(vector, target, attempt, cast)
    if source.kind is TypeKind.MAP and target.kind is TypeKind.MAP:
        entries = cast(relabelled(vector, entries_of(source)), entries_of(target), attempt)
        return relabelled(entries, target)
    if source.kind is TypeKind.MAP and target.kind is TypeKind.LIST and target.element.kind is TypeKind.STRUCT:
        return cast(relabelled(vector, entries_of(source)), target, attempt)
    if attempt:
        return null_vector(target, [vector])
    raise ConversionError(f"Unimplemented type for cast ({source} -> {target})")


def _cast_list(vector: Vector, target: SqlType, attempt: bool, cast: CastFunction) -> Vector:
    lists = lists_of(vector)
    valid = lists.valid
    fixed = target.kind is TypeKind.ARRAY
    if fixed and vector.type.kind is TypeKind.ARRAY and vector.type.size != target.size:
        raise BindError(f"cannot cast an array of length {vector.type.size} to one of length {target.size}")
    if fixed:
        wrong = lists.present & (lists.lengths != target.size)
        if wrong.any():
            if not attempt:
                length = int(lists.lengths[wrong][0])
                raise ConversionError(f"Cannot cast list with length {length} to array with length {target.size}")
            lists = lists_of(null_where(vector, wrong))
            valid = lists.valid
    child = lists.child if len(lists.child) else null_vector(target.element).expand(1).slice(0, 0)
    return list_vector(lists.lengths, cast(child, target.element, attempt), valid, target, vector.constant)


def null_where(vector: Vector, mask: np.ndarray) -> Vector:
    """The vector with NULL where `mask`."""
    rows = np.where(mask, -1, np.arange(len(vector)))
    taken = Vector(vector.type, vector.arrow()).take(rows, may_miss=True)
    return Vector(vector.type, taken.arrow(), constant=vector.constant)


def matching_fields(source: SqlType, target: SqlType) -> list[int | None]:
    """For each field of `target` the number of the field of `source` that it is made of: by name, of rows by place.

    Raises
    ------
    BindError
        Nothing matches.
    """
    count = len(target.children)
    if source.is_row or target.is_row:
        if len(source.children) != count:
            raise BindError(f"cannot cast {source} to {target}: they have not the same number of fields")
        return list(range(count))
    places = {name.lower(): place for place, (name, _) in enumerate(source.children)}
    found = [places.get(name.lower()) for name, _ in target.children]
    if count and all(place is None for place in found):
        raise BindError(f"cannot cast {source} to {target}: they have no field in common")
    return found


def _cast_struct(vector: Vector, target: SqlType, attempt: bool, cast: CastFunction) -> Vector:
    fields = [Vector(field.type, field.encoded()) for field in fields_of(vector)]
    parts = []
    for place, (_, type_) in zip(matching_fields(vector.type, target), target.children, strict=True):
        parts.append(null_vector(type_) if place is None else cast(fields[place], type_, attempt))
    return struct_vector(parts, vector.valid(), target, len(vector), vector.constant)
