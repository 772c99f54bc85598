"""The one type that holds the values of columns of several files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlengine.types import (
    DOUBLE,
    FLOAT,
    HUGEINT,
    MAX_DECIMAL_PRECISION,
    NULL,
    SqlType,
    TypeKind,
    array_of,
    decimal,
    integer_range,
    list_of,
    map_of,
    struct_of,
)

# Each holds every value of those before it.
_INSTANTS: Final = (
    TypeKind.DATE,
    TypeKind.TIMESTAMP_S,
    TypeKind.TIMESTAMP_MS,
    TypeKind.TIMESTAMP,
    TypeKind.TIMESTAMP_NS,
)
_SIGNED: Final = (TypeKind.SMALLINT, TypeKind.INTEGER, TypeKind.BIGINT)


def widest(types: Sequence[SqlType]) -> SqlType | None:
    """The type that all of `types` widen to; None if two of them have nothing in common.

    Whole numbers widen to bigger ones, to DECIMAL, FLOAT and DOUBLE (rounded there, as in DuckDB), DATE to the
    timestamps, coarse timestamps to finer ones, NULL to anything; lists and maps element-wise, structs by the names
    of their fields, which are NULL where a file has none. Texts are never made of other values. The order of `types`
    matters for the order of struct fields alone.
    """
    # Decimals that fit no common DECIMAL do fit a float, in whatever order they come.
    first, *others = sorted(types, key=lambda type_: type_.kind not in (TypeKind.DOUBLE, TypeKind.FLOAT))
    wide = first
    for type_ in others:
        found = wider(wide, type_)
        if found is None:
            return None
        wide = found
    return wide


def wider(one: SqlType, other: SqlType) -> SqlType | None:
    """The type that both widen to, or None; see `widest`."""
    if one == other or other.kind is TypeKind.NULL:
        return one
    if one.kind is TypeKind.NULL:
        return other
    if one.is_numeric and other.is_numeric:
        return _wider_number(one, other)
    if one.kind in _INSTANTS and other.kind in _INSTANTS:
        return max(one, other, key=lambda type_: _INSTANTS.index(type_.kind))
    match one.kind, other.kind:
        case ((TypeKind.LIST | TypeKind.ARRAY), (TypeKind.LIST | TypeKind.ARRAY)):
            element = wider(one.element, other.element)
            if element is None:
                return None
            same = one.kind is other.kind is TypeKind.ARRAY and one.size == other.size
            return array_of(element, one.size) if same else list_of(element)
        case TypeKind.MAP, TypeKind.MAP:
            pair = [wider(mine, its) for (_, mine), (_, its) in zip(one.children, other.children, strict=True)]
            return None if pair[0] is None or pair[1] is None else map_of(pair[0], pair[1])
        case TypeKind.STRUCT, TypeKind.STRUCT:
            return _wider_struct(one, other)
        case _:
            return None


def _wider_number(one: SqlType, other: SqlType) -> SqlType | None:
    kinds = {one.kind, other.kind}
    if TypeKind.DOUBLE in kinds:
        return DOUBLE
    if TypeKind.FLOAT in kinds:
        return FLOAT
    if TypeKind.DECIMAL in kinds:
        shapes = [_digits(type_) for type_ in (one, other)]
        scale = max(scale for _, scale in shapes)
        precision = max(whole for whole, _ in shapes) + scale
        return decimal(precision, scale) if precision <= MAX_DECIMAL_PRECISION else None
    (low, high), (its_low, its_high) = (integer_range(type_.kind) for type_ in (one, other))
    if low <= its_low and its_high <= high:
        return one
    if its_low <= low and high <= its_high:
        return other
    low, high = min(low, its_low), max(high, its_high)
    for kind in _SIGNED:
        least, most = integer_range(kind)
        if least <= low and high <= most:
            return SqlType(kind)
    return HUGEINT


def _digits(type_: SqlType) -> tuple[int, int]:
    """Digits before and behind the point."""
    if type_.kind is TypeKind.DECIMAL:
        return type_.precision - type_.scale, type_.scale
    return len(str(integer_range(type_.kind)[1])), 0


def _wider_struct(one: SqlType, other: SqlType) -> SqlType | None:
    fields = dict(one.children)
    for name, type_ in other.children:
        wide = wider(fields.get(name, NULL), type_)
        if wide is None:
            return None
        fields[name] = wide
    # Arrow's cast of structs takes fields by name, case included.
    return struct_of(fields.items()) if len({name.lower() for name in fields}) == len(fields) else None
