"""Where the record batches of an Arrow IPC file lie and how many rows each has, read without touching their bodies.

Arrow's own readers tell the rows of a batch only by decoding it, which for compressed bodies costs what a query does.
The metadata are flatbuffers; of these we need four numbers (Apache Arrow, `format/File.fbs` and `format/Message.fbs`;
flatbuffers' internals page for the encoding).
"""

from __future__ import annotations

import struct
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from sqlengine.errors import FileFormatError, NotSupportedError
from sqlengine.storage.filesystem import (
    FileInfo,
    check_ratio,
    compression_of,
    file_errors,
    is_url,
    open_input,
    open_stream,
)
from sqlengine.storage.format import Field
from sqlengine.storage.schema import unique_names
from sqlengine.types import NULL, arrow_type, from_arrow

FILE_MAGIC: Final = b"ARROW1"
_FEATHER_V1: Final = b"FEA1"
_CONTINUATION: Final = 0xFFFFFFFF
_RECORD_BATCH: Final = 3
_MOST_KEPT: Final = 16_384
# What compressed text or numbers shrink to, for estimates of rows.
_COMPRESSION_RATIO: Final = 3


@dataclass(frozen=True, slots=True)
class ArrowLayout:
    """What one file is made of.

    Attributes
    ----------
    fields
        Columns in file order, names made unique. One without an SQL type has type NULL and an entry in `refused`.
    starts
        Number of the first row of each batch, and at last the number of rows.
    is_stream
        Whether it can only be read from front to back.
    compressed
        Whether bodies are compressed, so that part of a batch costs as much as all of it.
    exact
        Whether `starts` is known; for a compressed stream it is one estimate.
    plain
        Columns whose values are mapped as they are; what is of variable length is looked through first.
    """

    fields: tuple[Field, ...]
    refused: dict[str, str]
    starts: tuple[int, ...]
    is_stream: bool
    compressed: bool = False
    exact: bool = True
    plain: frozenset[str] = frozenset()


_layouts: OrderedDict[FileInfo, ArrowLayout] = OrderedDict()
_lock = threading.Lock()


def load_layout(file: FileInfo) -> ArrowLayout:
    """The layout of `file`, from memory if the file has not changed since it was read.

    Raises
    ------
    FileFormatError
        If the file is damaged, or no Arrow IPC file or stream.
    NotSupportedError
        If it is a Feather V1 file.
    """
    with _lock:
        known = _layouts.get(file)
        if known is not None:
            _layouts.move_to_end(file)
            return known
    with file_errors(file.path, "Arrow IPC"):
        try:
            layout = _read_layout(file)
        except struct.error as error:
            raise FileFormatError(f"{file.path!r} is not a readable Arrow IPC file: its metadata is cut off") from error
        except (ValueError, OverflowError) as error:
            raise FileFormatError(f"{file.path!r} is not a readable Arrow IPC file: {error}") from error
    with _lock:
        _layouts[file] = layout
        if len(_layouts) > _MOST_KEPT:
            _layouts.popitem(last=False)
    return layout


def open_batches(path: str, columns: Sequence[int] = ()) -> pa.RecordBatchReader:
    """A reader from front to back, of a stream or of a compressed file (which is a stream between two marks).

    `columns` are the numbers of those to read, ascending; default: all.
    """
    stream = open_stream(path)
    head = stream.read(8)
    if head[:6] != FILE_MAGIC:
        stream.close()
        stream = open_stream(path)
    options = pa.ipc.IpcReadOptions(included_fields=list(columns), use_threads=False)
    return pa.ipc.open_stream(stream, options=options)


def _read_layout(file: FileInfo) -> ArrowLayout:
    if compression_of(file.path) is not None:
        with open_batches(file.path) as reader:
            fields, refused = _columns(reader.schema)
        width = sum(8 for _ in fields) or 1
        return ArrowLayout(fields, refused, (0, file.size * _COMPRESSION_RATIO // width), True, True, exact=False)
    with open_input(file.path) as source:
        magic = source.read_at(min(8, file.size), 0)
        if magic[:4] == _FEATHER_V1:
            raise NotSupportedError(
                f"{file.path!r} is a Feather V1 file, a format that Arrow has given up;"
                " rewrite it once: pyarrow.feather.write_feather(pyarrow.feather.read_table(old), new)"
            )
        is_stream = magic[:6] != FILE_MAGIC
        reader = pa.ipc.open_stream(source) if is_stream else pa.ipc.open_file(source)
        fields, refused = _columns(reader.schema)
        places = _stream_batches(source, file) if is_stream else _file_batches(source, file)
        starts = [0]
        compressed = False
        for rows, packed in places:
            if rows < 0:
                raise ValueError("a batch of fewer than no rows")
            starts.append(starts[-1] + rows)
            compressed = compressed or packed
    is_mapped = not compressed and not is_stream and not is_url(file.path)
    types = zip(fields, reader.schema.types, strict=True)
    plain = (field.name for field, type_ in types if pa.types.is_primitive(type_) and type_ == arrow_type(field.type))
    return ArrowLayout(
        fields, refused, tuple(starts), is_stream, compressed, True, frozenset(plain if is_mapped else ())
    )


def _columns(schema: pa.Schema) -> tuple[tuple[Field, ...], dict[str, str]]:
    if not len(schema):
        raise ValueError("no columns")
    fields = []
    refused = {}
    for name, column in zip(unique_names(schema.names), schema, strict=True):
        try:
            fields.append(Field(name, from_arrow(column.type)))
        except NotSupportedError as error:
            refused[name] = error.message
            fields.append(Field(name, NULL))
    return tuple(fields), refused


def _file_batches(source: pa.NativeFile, file: FileInfo) -> Iterator[tuple[int, bool]]:
    """Rows of each batch, and whether its body is compressed, in the order of the footer."""
    length = struct.unpack("<i", source.read_at(4, file.size - 10))[0]
    footer = _Flatbuffer(source.read_at(length, file.size - 10 - length))
    blocks, count = footer.vector(footer.root, 3)
    for number in range(count):
        offset, size = struct.unpack_from("<qi", footer.data, blocks + 24 * number)
        message = source.read_at(size, offset)
        skipped = 8 if message[:4] == b"\xff\xff\xff\xff" else 4
        yield _batch(_Flatbuffer(message[skipped:]), source, offset + size, file)


def _stream_batches(source: pa.NativeFile, file: FileInfo) -> Iterator[tuple[int, bool]]:
    """The same of a stream, which is walked from message to message.

    A stream that just stops may have lost its end, so the mark of the end is required.
    """
    position = 0
    while True:
        if position + 8 > file.size:
            raise FileFormatError(
                f"{file.path!r} is not a readable Arrow IPC stream: it stops without the mark of its end;"
                " it is truncated, or its writer was not closed"
            )
        first, second = struct.unpack("<II", source.read_at(8, position))
        # Before Arrow 0.15 the continuation mark was missing.
        prefix, length = (8, second) if first == _CONTINUATION else (4, first)
        if length == 0:
            return
        message = _Flatbuffer(source.read_at(length, position + prefix))
        if message.scalar(message.root, 1, "<B") == _RECORD_BATCH:
            yield _batch(message, source, position + prefix + length, file)
        body = message.scalar(message.root, 3, "<q")
        if body < 0:
            raise ValueError("a body of negative length")
        position += prefix + length + body


def _batch(message: _Flatbuffer, source: pa.NativeFile, body: int, file: FileInfo) -> tuple[int, bool]:
    header = message.table(message.root, 2)
    compressed = message.place(header, 3) != 0
    if compressed and not is_url(file.path):
        _check_buffers(message, header, source, body, file)
    return message.scalar(header, 0, "<q"), compressed


def _check_buffers(message: _Flatbuffer, header: int, source: pa.NativeFile, body: int, file: FileInfo) -> None:
    """FileFormatError if the buffers of a batch would become too large: each declares its size in its first bytes."""
    places, count = message.vector(header, 2)
    size = stored = 0
    for number in range(count):
        offset, length = struct.unpack_from("<qq", message.data, places + 16 * number)
        if length >= 8 and 0 <= body + offset <= file.size - 8:
            size += max(length, struct.unpack("<q", source.read_at(8, body + offset))[0])
            stored += length
    check_ratio(file.path, size, stored)


class _Flatbuffer:
    """Reads fields of tables; a position beyond the data raises `struct.error` or ValueError."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.root = self._at(0, "<I")

    def place(self, table: int, field: int) -> int:
        """Where field number `field` of a table lies; 0 if it has the default value."""
        vtable = table - self._at(table, "<i")
        entry = 4 + 2 * field
        if entry >= self._at(vtable, "<H"):
            return 0
        offset = self._at(vtable + entry, "<H")
        return table + offset if offset else 0

    def scalar(self, table: int, field: int, kind: str) -> int:
        place = self.place(table, field)
        return self._at(place, kind) if place else 0

    def table(self, table: int, field: int) -> int:
        place = self.place(table, field)
        if not place:
            raise ValueError("a required table is missing")
        return place + self._at(place, "<I")

    def vector(self, table: int, field: int) -> tuple[int, int]:
        """Position of the first element, and how many there are."""
        place = self.place(table, field)
        if not place:
            return 0, 0
        start = place + self._at(place, "<I")
        return start + 4, self._at(start, "<I")

    def _at(self, position: int, kind: str) -> int:
        if position < 0:
            raise ValueError("a position before the start")
        value: int = struct.unpack_from(kind, self.data, position)[0]
        return value
