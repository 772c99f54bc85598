"""Read a little of some CSV files: their first records, and rows from beginning, middle and end."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from sqlengine.storage.csv_dialect import Dialect
from sqlengine.storage.csv_records import Bytes, first_record_end, last_record_end
from sqlengine.storage.filesystem import FileInfo, compression_of, file_bytes, file_errors, open_stream

_BOM: Final = b"\xef\xbb\xbf"
_HEAD_BYTES: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class Sample:
    """Some of one file.

    Attributes
    ----------
    first
        The fields of the first record, which may be a header.
    rows
        Text columns `c0`, `c1`, … of records after the first; NULL where the dialect says so.
    size
        Bytes that `rows` take in the file.
    """

    path: str
    first: tuple[str, ...]
    rows: pa.Table
    size: int


def read_head(file: FileInfo) -> bytes:
    """The first 64 KiB of a file, decompressed, up to the last complete line; all of it if it is shorter."""
    with file_errors(file.path, "CSV"), open_stream(file.path) as stream:
        head = bytes(stream.read(_HEAD_BYTES + 1))
    if len(head) <= _HEAD_BYTES:
        return head
    cut = max(head.rfind(b"\n"), head.rfind(b"\r")) + 1
    return head[:cut] if cut else head


def map_file(path: str) -> Bytes:
    """The bytes of an uncompressed file."""
    with file_errors(path, "CSV"):
        return file_bytes(path)


def records_start(data: Bytes, dialect: Dialect) -> int:
    """The offset of the first record (the header, if there is one): behind byte order mark and skipped lines."""
    start = 3 if bytes(data[:3]) == _BOM else 0
    for _ in range(dialect.skip):
        start = first_record_end(data, start, dialect.delimiter, "")
    return start


def data_start(data: Bytes, dialect: Dialect) -> int:
    """The offset of the first record that is not the header."""
    start = records_start(data, dialect)
    if not dialect.header:
        return start
    while start < len(data):
        end = first_record_end(data, start, dialect.delimiter, dialect.quote)
        # The header is the first record that is not an empty line.
        if bytes(data[start:end]).strip(b"\r\n"):
            return end
        start = end
    return start


def first_record(head: bytes, dialect: Dialect) -> tuple[str, ...]:
    """The fields of the first record within `head` that is not an empty line; () if there is none."""
    text = head.removeprefix(_BOM).decode(dialect.encoding, errors="replace")
    lines = io.StringIO(text, newline="")
    for _ in range(dialect.skip):
        lines.readline()
    return next((tuple(row) for row in dialect.reader(lines) if row), ())


def sample_file(file: FileInfo, dialect: Dialect, first: tuple[str, ...], block_bytes: int) -> Sample:
    """Rows from the beginning, middle and end of one file, about `block_bytes` of each.

    Raises
    ------
    pyarrow.ArrowInvalid
        If records at the beginning have another number of fields than the first one.
    """
    if compression_of(file.path) is not None:
        with file_errors(file.path, "CSV"), open_stream(file.path) as stream:
            data = np.frombuffer(bytes(stream.read(3 * block_bytes)), np.uint8)
        complete = len(data) < 3 * block_bytes
    else:
        data = map_file(file.path)
        complete = True
    width = len(first)
    size = len(data)
    # The first record is told apart by the caller, whether it is a header or not.
    start = data_start(data, _with_header(dialect))
    if size - start <= 3 * block_bytes:
        stop = size if complete else last_record_end(data, start, size, dialect.delimiter, dialect.quote)
        return Sample(file.path, first, parse_rows(data[start:stop], dialect, width), stop - start)
    stop = last_record_end(data, start, start + block_bytes, dialect.delimiter, dialect.quote)
    tables = [parse_rows(data[start:stop], dialect, width)]
    total = stop - start
    for begin, end in ((size // 2, size // 2 + block_bytes), (size - block_bytes, size)):
        found = _rows_within(data, begin, end, dialect, width)
        if found is not None:
            tables.append(found[0])
            total += found[1]
    return Sample(file.path, first, pa.concat_tables(tables), total)


def parse_rows(data: Bytes, dialect: Dialect, width: int) -> pa.Table:
    """Whole records as `width` text columns `c0`, `c1`, …

    Raises
    ------
    pyarrow.ArrowInvalid
        If a record has another number of fields, or text is not in the dialect's encoding.
    """
    names = [f"c{number}" for number in range(width)]
    types = dict.fromkeys(names, pa.string())
    if not bytes(data[:4096]).strip() and not bytes(data).strip():
        return pa.table({name: pa.array([], pa.string()) for name in names})
    return pc.read_csv(
        pa.BufferReader(data),
        read_options=pc.ReadOptions(
            use_threads=False, block_size=len(data) + 1, column_names=names, encoding=dialect.encoding
        ),
        parse_options=dialect.parse_options(width),
        convert_options=pc.ConvertOptions(
            column_types=types,
            null_values=[dialect.null],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )


def _rows_within(data: Bytes, begin: int, end: int, dialect: Dialect, width: int) -> tuple[pa.Table, int] | None:
    """Records within a stretch whose start may lie anywhere, even within quotes; None if none can be made out."""
    for start in _possible_starts(data[begin:end], dialect):
        first = begin + start
        stop = last_record_end(data, first, end, dialect.delimiter, dialect.quote) if end < len(data) else end
        if stop <= first:
            continue
        try:
            return parse_rows(data[first:stop], dialect, width), stop - first
        except pa.ArrowInvalid:
            continue
    return None


def _possible_starts(block: Bytes, dialect: Dialect) -> Iterator[int]:
    """Behind the first line end if the block starts outside quotes, behind the one after a quote if inside."""
    text = bytes(block)
    first = text.find(b"\n") + 1
    if first:
        yield first
    quote = text.find(dialect.quote.encode()) if dialect.quote else -1
    second = text.find(b"\n", quote) + 1 if quote >= 0 else 0
    if second and second != first:
        yield second


def _with_header(dialect: Dialect) -> Dialect:
    return dataclasses.replace(dialect, header=True)


def spread(files: Sequence[FileInfo], most: int) -> list[FileInfo]:
    """At most `most` of `files`, evenly spread over their sorted paths, first and last included."""
    ordered = sorted(files, key=lambda file: file.path)
    if len(ordered) <= most:
        return ordered
    return [ordered[round(k * (len(ordered) - 1) / (most - 1))] for k in range(most)]
