"""Blocks of JSON to Arrow arrays: by Arrow's parser and compiled loops where values are as expected, else by Python.

Whatever the quick ways refuse, the slow one reads, or says what is wrong.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from sqlengine.errors import ConversionError
from sqlengine.storage.format import Field
from sqlengine.storage.json_arrow import VALUE_COLUMN, has_lines, is_utf8, objects_of, raw_type, read_objects
from sqlengine.storage.json_blocks import SCANNED_BYTES, Block
from sqlengine.storage.json_extents import Extents, UnfitError, find_extents
from sqlengine.storage.json_options import NEWLINE_DELIMITED
from sqlengine.storage.json_scan import Scan, can_scan, scanned_columns
from sqlengine.storage.json_texts import Formats
from sqlengine.storage.json_values import columns_of, parse_values
from sqlengine.types import BIGINT, SqlType
from sqlengine.vector import Vector

_Columns = tuple[int, dict[str, pa.Array]]


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
        read = self._scanned(block) or self._parsed(block)
        if read is not None:
            rows, found = read
            if len(found) == len(self.fields):
                return rows, [found[field.name] for _, field in self.fields]
        values = parse_values(self.path, block, self.lenient)
        rest = [(key, field) for key, field in self.fields if field.name not in found]
        arrays = columns_of(self.path, values, rest, self.formats, self.lenient, self.known)
        found.update((field.name, array) for (_, field), array in zip(rest, arrays, strict=True))
        return len(values.trees), [found[field.name] for _, field in self.fields]

    def _scanned(self, block: Block) -> _Columns | None:
        """All columns, those that Arrow's parser cannot make from extents; None if there are none, or it cannot be."""
        whole = bool(self.fields) and self.fields[0][0] is None
        hard = [
            (key, field)
            for key, field in self.fields
            if raw_type(field.type, False) is None or (whole and block.layout != NEWLINE_DELIMITED)
        ]
        if not hard or len(block.data) < SCANNED_BYTES or not all(can_scan(field.type) for _, field in hard):
            return None
        if not is_utf8(block.data):
            return None
        scan = Scan(self.path, self.formats, self.known is not None)
        keys = [key for key, _ in self.fields if key is not None] if self.known is not None else []
        try:
            found = find_extents(block)
            columns, extents = scanned_columns(scan, found, [(key, field.type) for key, field in hard], keys)
        except (UnfitError, ConversionError, pa.ArrowInvalid):
            return None
        arrays = {field.name: column for (_, field), column in zip(hard, columns, strict=True)}
        if len(hard) == len(self.fields):
            return len(found), arrays
        hidden = [key for key, _ in hard if key is not None]
        parsed = self._parsed(_without(block, extents), hidden)
        if parsed is None or parsed[0] != len(found):
            return None
        return len(found), {**parsed[1], **arrays}

    def _parsed(self, block: Block, hidden: list[str] | None = None) -> _Columns | None:
        """What Arrow makes of a block; None where the slow path must look. The members `hidden` are whole numbers."""
        wide = any(raw_type(field.type, True) != raw_type(field.type, False) for _, field in self.fields)
        return self._quickly(block, False, hidden) or (self._quickly(block, True, hidden) if wide else None)

    def _quickly(self, block: Block, wide: bool, hidden: list[str] | None) -> _Columns | None:
        raws = ((key, field, raw_type(field.type, wide)) for key, field in self.fields)
        wanted = [(key, field, raw) for key, field, raw in raws if raw is not None]
        if self.fields and not wanted:
            return None
        whole = bool(wanted) and wanted[0][0] is None
        data = objects_of(block, whole)
        if data is None:
            return None
        types = {key or VALUE_COLUMN: raw for key, _, raw in wanted} | dict.fromkeys(hidden or (), BIGINT)
        # Put in an object, the line `1, "x": 2` would be a value with a member behind it.
        strict = whole or (self.known is not None and len(types) == len(self.fields))
        try:
            table = read_objects(data, types, strict)
            if block.layout == NEWLINE_DELIMITED and not has_lines(block.data, table.num_rows):
                return None
            return table.num_rows, {
                field.name: self._typed(table.column(place), raw, field.type)
                for place, (_, field, raw) in enumerate(wanted)
            }
        except (pa.ArrowInvalid, ConversionError):
            return None

    def _texts(self, block: Block) -> tuple[int, list[pa.Array]]:
        """Values as they are written, blanks around them aside."""
        if len(block.data) >= SCANNED_BYTES and is_utf8(block.data):
            try:
                found = find_extents(block)
                return len(found), [found.texts()]
            except UnfitError:
                pass
        values = parse_values(self.path, block, self.lenient)
        return len(values.trees), [pa.array(values.texts(), pa.string())]

    def _typed(self, column: pa.ChunkedArray, raw: SqlType, type_: SqlType) -> pa.Array:
        vector = Vector.from_arrow(column, raw)
        return vector.arrow() if raw == type_ else self.formats.cast(vector, type_).arrow()


def _without(block: Block, extents: list[Extents]) -> Block:
    """The block with a 0 in place of each of the values."""
    data = np.frombuffer(block.data, np.uint8).copy()
    for each in extents:
        Extents(data, each.starts, each.stops).blanked()
    return dataclasses.replace(block, data=data.tobytes())
