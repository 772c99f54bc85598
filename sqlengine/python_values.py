"""Values as Python objects, for rows of an answer: one column at a time, nested types from the inside out."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import pyarrow as pa

from sqlengine.functions.nested import fields_of, lists_of
from sqlengine.functions.special_text import timetz_parts
from sqlengine.types import TIMETZ, SqlType, TypeKind
from sqlengine.vector import Vector


def python_values(array: pa.Array, type_: SqlType) -> list[Any]:
    """The values of a column.

    They are int, float, Decimal, str (VARCHAR, JSON, ENUM, BIT), bytes, bool, date, time (with a zone for TIMETZ),
    datetime, timedelta (INTERVAL, a month is 30 days), UUID, list (LIST), tuple (ARRAY and rows), dict (STRUCT and
    MAP); None for NULL. A MAP whose keys cannot be keys of a dict is {'key': […], 'value': […]}, as in DuckDB.

    A date or timestamp outside of Python's years 1 to 9999 is text: `'0044-03-15 (BC)'`.
    """
    match type_.kind:
        case TypeKind.HUGEINT | TypeKind.UHUGEINT:
            return [None if value is None else int(value) for value in array.to_pylist()]
        case TypeKind.INTERVAL:
            return [None if value is None else _timedelta(value) for value in array.to_pylist()]
        case TypeKind.TIMESTAMP_NS:
            # Python's datetime ends at microseconds, so does DuckDB's answer.
            return python_values(array.cast(pa.timestamp("us"), safe=False), SqlType(TypeKind.TIMESTAMP))
        case TypeKind.UUID:
            return [None if value is None else uuid.UUID(bytes=value) for value in array.to_pylist()]
        case TypeKind.ENUM:
            return [None if value is None else type_.labels[value] for value in array.to_pylist()]
        case TypeKind.TIMETZ:
            return _zoned_times(array)
        case TypeKind.BIT:
            return _texts(array, type_)
        case TypeKind.LIST | TypeKind.ARRAY | TypeKind.MAP:
            return _lists(array, type_)
        case TypeKind.STRUCT:
            return _structs(array, type_)
        case _ if type_.is_temporal:
            try:
                return list(array.to_pylist())
            except (OverflowError, ValueError):
                return [value for k in range(len(array)) for value in _moment_or_text(array.slice(k, 1), type_)]
        case _:
            return list(array.to_pylist())


def _zoned_times(array: pa.Array) -> list[Any]:
    micros, offsets = timetz_parts(Vector(TIMETZ, array).values())
    midnight = datetime.datetime(1970, 1, 1)
    values = []
    for micro, offset, present in zip(micros.tolist(), offsets.tolist(), array.is_valid().to_pylist(), strict=True):
        clock = (midnight + datetime.timedelta(microseconds=micro)).time()
        zone = datetime.timezone(datetime.timedelta(seconds=offset))
        values.append(clock.replace(tzinfo=zone) if present else None)
    return values


def _lists(array: pa.Array, type_: SqlType) -> list[Any]:
    lists = lists_of(Vector(type_, array))
    items = python_values(lists.child.arrow(), lists.child.type)
    rows: list[Any] = []
    start = 0
    for length, present in zip(lists.lengths.tolist(), lists.present.tolist(), strict=True):
        part = items[start : start + length]
        start += length
        if not present:
            rows.append(None)
        elif type_.kind is TypeKind.MAP:
            rows.append(_dict(part, type_.children[0][1]))
        else:
            rows.append(tuple(part) if type_.kind is TypeKind.ARRAY else part)
    return rows


def _dict(entries: list[dict[str, Any]], key: SqlType) -> dict[Any, Any]:
    if key.kind in (TypeKind.LIST, TypeKind.STRUCT, TypeKind.MAP):
        return {part: [entry[part] for entry in entries] for part in ("key", "value")}
    return {entry["key"]: entry["value"] for entry in entries}


def _structs(array: pa.Array, type_: SqlType) -> list[Any]:
    columns = [python_values(field.arrow(), field.type) for field in fields_of(Vector(type_, array))]
    names = [name for name, _ in type_.children]
    rows = zip(*columns, strict=True) if columns else (() for _ in range(len(array)))
    present = array.is_valid().to_pylist()
    make = tuple if type_.is_row else lambda row: dict(zip(names, row, strict=True))
    return [make(row) if here else None for row, here in zip(rows, present, strict=True)]


def _moment_or_text(one: pa.Array, type_: SqlType) -> list[Any]:
    try:
        return list(one.to_pylist())
    except (OverflowError, ValueError):
        return _texts(one, type_)


def _texts(array: pa.Array, type_: SqlType) -> list[Any]:
    from sqlengine.functions.to_text import cast_to_text

    return list(cast_to_text(Vector(type_, array)).arrow().to_pylist())


def _timedelta(value: Any) -> datetime.timedelta:
    return datetime.timedelta(days=value.months * 30 + value.days, microseconds=value.nanoseconds // 1000)
