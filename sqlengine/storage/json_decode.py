"""Blocks of JSON to Arrow arrays: by Arrow's parser where all values are as expected, else by Python's.

Arrow's parser is taken at its word only where it reads what the slow path would: an object per line, types that it
converts exactly. Whatever it refuses, the slow path reads, or says what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.json as pajson

from sqlengine.errors import ConversionError
from sqlengine.storage.format import Field
from sqlengine.storage.json_blocks import Block, as_objects
from sqlengine.storage.json_options import ARRAY, NEWLINE_DELIMITED
from sqlengine.storage.json_texts import Formats
from sqlengine.storage.json_values import columns_of, parse_values
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
from sqlengine.vector import Vector

# The column of a table of values that are no records.
VALUE_COLUMN: Final = "json"

_NOTHING: Final = pa.schema([("", pa.null())])
_AS_TEXT: Final = frozenset({TypeKind.DATE, TypeKind.TIME, TypeKind.UUID, TypeKind.ENUM})
_AS_IS: Final = frozenset({TypeKind.BOOLEAN, TypeKind.DOUBLE, TypeKind.VARCHAR, TypeKind.NULL})


@dataclass(frozen=True, slots=True)
class Decoder:
    """Makes columns of blocks.

    Attributes
    ----------
    fields
        Of each column the key of its values in the objects, None for whole values; and name and type.
    texts
        Whether the only column is the text of the values.
    lenient
        Values and lines that do not fit are NULL.
    known
        The type of the values, if they may have no other members than it names.
    """

    path: str
    fields: tuple[tuple[str | None, Field], ...]
    formats: Formats
    texts: bool = False
    lenient: bool = False
    known: SqlType | None = None

    def decode(self, block: Block) -> tuple[int, list[pa.Array]]:
        """The number of values in a block, and the columns.

        Raises
        ------
        FileFormatError, ConversionError
            The block is no JSON, a value does not fit.
        """
        if self.texts and self.fields:
            return self._texts(block)
        found: dict[str, pa.Array] = {}
        parsed = self._quickly(block, False) or (self._quickly(block, True) if self._may_be_wide() else None)
        if parsed is not None:
            rows, found = parsed
            if len(found) == len(self.fields):
                return rows, [found[field.name] for _, field in self.fields]
        values = parse_values(self.path, block, self.lenient)
        rest = [(key, field) for key, field in self.fields if field.name not in found]
        arrays = columns_of(self.path, values, rest, self.formats, self.lenient, self.known)
        found.update((field.name, array) for (_, field), array in zip(rest, arrays, strict=True))
        return len(values.trees), [found[field.name] for _, field in self.fields]

    def _may_be_wide(self) -> bool:
        return any(raw_type(field.type, True) != raw_type(field.type, False) for _, field in self.fields)

    def _quickly(self, block: Block, wide: bool) -> tuple[int, dict[str, pa.Array]] | None:
        """What Arrow makes of a block; None where the slow path must look."""
        raws = ((key, field, raw_type(field.type, wide)) for key, field in self.fields)
        wanted = [(key, field, raw) for key, field, raw in raws if raw is not None]
        if self.fields and not wanted:
            return None
        whole = bool(wanted) and wanted[0][0] is None
        data = _objects(block, whole)
        if data is None:
            return None
        schema = pa.schema([(key or VALUE_COLUMN, arrow_type(raw)) for key, _, raw in wanted]) if wanted else _NOTHING
        # Put in an object, the line `1, "x": 2` would be a value with a member behind it.
        strict = whole or (self.known is not None and len(wanted) == len(self.fields))
        try:
            table = pajson.read_json(
                pa.BufferReader(data),
                read_options=pajson.ReadOptions(use_threads=False, block_size=len(data) + 1),
                parse_options=pajson.ParseOptions(
                    explicit_schema=schema,
                    newlines_in_values=False,
                    unexpected_field_behavior="error" if strict else "ignore",
                ),
            )
            if block.layout == NEWLINE_DELIMITED and not _has_lines(block.data, table.num_rows):
                return None
            return table.num_rows, {
                field.name: self._typed(table.column(place), raw, field.type)
                for place, (_, field, raw) in enumerate(wanted)
            }
        except (pa.ArrowInvalid, ConversionError):
            return None

    def _texts(self, block: Block) -> tuple[int, list[pa.Array]]:
        """Values as they are written, blanks around them aside."""
        values = parse_values(self.path, block, self.lenient)
        return len(values.trees), [pa.array(values.texts(), pa.string())]

    def _typed(self, column: pa.ChunkedArray, raw: SqlType, type_: SqlType) -> pa.Array:
        vector = Vector.from_arrow(column, raw)
        return vector.arrow() if raw == type_ else self.formats.cast(vector, type_).arrow()


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


def _objects(block: Block, whole: bool) -> bytes | None:
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
        objects = as_objects(data)
        if objects is None:
            return None
        data = objects
    if not data[:4096].lstrip().startswith(b"{") or not _is_utf8(data):
        return None
    if not data.endswith(b"\n"):
        # Arrow looks at what stands behind the last line end on its own.
        data = data.rstrip() + b"\n"
    return data


def _is_utf8(data: bytes) -> bool:
    offsets = np.array([0, len(data)], np.int64)
    text = pa.LargeStringArray.from_buffers(1, pa.py_buffer(offsets), pa.py_buffer(data))
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _has_lines(data: bytes, rows: int) -> bool:
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
