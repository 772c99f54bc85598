"""JSON objects by Arrow's parser: taken at its word only where it reads what Python's would.

An object per line, types that it converts exactly. Whatever it refuses, others read, or say what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.json as pajson

from sqlengine.storage.json_blocks import SCANNED_BYTES, Block, as_objects
from sqlengine.storage.json_extents import UnfitError, find_extents
from sqlengine.storage.json_options import ARRAY, NEWLINE_DELIMITED
from sqlengine.types import (
    BIGINT,
    DOUBLE,
    FLOAT,
    HUGEINT,
    UHUGEINT,
    VARCHAR,
    SqlType,
    TypeKind,
    arrow_type,
    list_of,
    struct_of,
)

# The column of a table of values that are no records.
VALUE_COLUMN: Final = "json"

_NOTHING: Final = pa.schema([("", pa.null())])
_AS_TEXT: Final = frozenset({TypeKind.DATE, TypeKind.TIME, TypeKind.UUID, TypeKind.ENUM})
_AS_IS: Final = frozenset({TypeKind.BOOLEAN, TypeKind.DOUBLE, TypeKind.VARCHAR, TypeKind.NULL})


def raw_type(type_: SqlType, wide: bool) -> SqlType | None:
    """As what Arrow's parser reads values that are cast to `type_` then; None if it cannot.

    `wide`: HUGEINT is read as such, not as the BIGINT that it mostly is.
    """
    if type_.kind is TypeKind.LIST:
        element = raw_type(type_.element, wide)
        return None if element is None else list_of(element)
    if type_.kind is TypeKind.STRUCT:
        fields = [(name, raw_type(child, wide)) for name, child in type_.children]
        return None if any(raw is None for _, raw in fields) else struct_of((name, raw) for name, raw in fields if raw)
    if type_ == FLOAT:
        return DOUBLE
    if type_ == HUGEINT:
        return HUGEINT if wide else BIGINT
    if type_.kind in _AS_TEXT or type_.is_timestamp:
        return VARCHAR
    exact = type_.kind in _AS_IS or type_.kind is TypeKind.DECIMAL or type_.is_integer
    return type_ if exact and type_ != UHUGEINT else None


def read_objects(data: Any, types: Mapping[str, SqlType], strict: bool) -> pa.Table:
    """The members of objects, one object behind the other, as columns.

    Parameters
    ----------
    data
        Bytes that `objects_of` made, or other valid UTF-8 that begins with an object and ends with a line end.
    strict
        Other members, in objects within others, too, are an error.

    Raises
    ------
    pyarrow.ArrowInvalid
        Something else, or values that do not fit.
    """
    schema = pa.schema([(key, arrow_type(raw)) for key, raw in types.items()]) if types else _NOTHING
    return pajson.read_json(
        pa.BufferReader(data),
        read_options=pajson.ReadOptions(use_threads=False, block_size=len(data) + 1),
        parse_options=pajson.ParseOptions(
            explicit_schema=schema,
            newlines_in_values=False,
            unexpected_field_behavior="error" if strict else "ignore",
        ),
    )


def objects_of(block: Block, whole: bool) -> bytes | None:
    """The block as objects that Arrow's parser reads: values that are none are put in one each.

    None if it is not safe: the parser crashes on a null before the first object, and takes any bytes for text.
    """
    data = block.data
    if whole:
        if block.layout != NEWLINE_DELIMITED:
            return None
        data = b'{"%b":%b}\n' % (
            VALUE_COLUMN.encode(),
            data.strip().replace(b"\n", b'}\n{"%b":' % VALUE_COLUMN.encode()),
        )
    elif block.layout == ARRAY:
        objects = as_objects(data) if len(data) < SCANNED_BYTES else _without_commas(block)
        if objects is None:
            return None
        data = objects
    if not data[:4096].lstrip().startswith(b"{") or not is_utf8(data):
        return None
    if not data.endswith(b"\n"):
        # Arrow looks at what stands behind the last line end on its own.
        data = data.rstrip() + b"\n"
    return data


def _without_commas(block: Block) -> bytes | None:
    """As `as_objects`, of elements found by a compiled loop."""
    try:
        found = find_extents(block)
    except UnfitError:
        return None
    data = found.data.copy()
    if len(found) and not (data[found.starts] == ord("{")).all():
        return None
    commas = np.flatnonzero(data == ord(","))
    element = np.searchsorted(found.starts, commas, "right") - 1
    data[commas[commas >= found.stops[element]]] = ord(" ")
    return data.tobytes()


def is_utf8(data: bytes) -> bool:
    """Whether the bytes are UTF-8."""
    offsets = np.array([0, len(data)], np.int64)
    text = pa.LargeStringArray.from_buffers(1, pa.py_buffer(offsets), pa.py_buffer(data))
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def has_lines(data: bytes, rows: int) -> bool:
    """Whether there are so many lines that are not empty."""
    ends = data.count(b"\n")
    lines = ends + (not data.endswith(b"\n"))
    if lines == rows or not ends:
        return lines == rows
    array = np.frombuffer(data, np.uint8)
    places = np.flatnonzero(array == ord("\n"))
    lengths = np.diff(places, prepend=-1) - 1
    lone = (lengths == 1) & (array[np.maximum(places - 1, 0)] == ord("\r"))
    lines -= int(((lengths == 0) | lone).sum())
    lines -= not data.endswith(b"\n") and not data[int(places[-1]) + 1 :].strip()
    return lines == rows
