"""Read a little of some CSV files: their first records, and rows from beginning, middle and end."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa

from sqlengine.storage.csv_dialect import Dialect
from sqlengine.storage.csv_parse import bounds_of_records, padded, ragged_rows, read_columns, without_records
from sqlengine.storage.csv_pieces import (
    Piece,
    between,
    header_end,
    is_streamed,
    map_file,
    neutral,
    prepared,
    read_start,
    records_start,
)
from sqlengine.storage.csv_records import Bytes, last_record_end
from sqlengine.storage.filesystem import FileInfo

_HEAD_BYTES: Final = 64 << 10
_HEAD_LINES: Final = 3
_MOST_HEAD_BYTES: Final = 32 << 20
_LINE_BYTES: Final = 4 << 10


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


class Unsampled(Exception):
    """Records at the beginning of a file, `piece`, are no rows of the table."""

    def __init__(self, piece: Piece, cause: Exception) -> None:
        super().__init__(str(cause))
        self.piece = piece


def read_head(path: str, encoding: str) -> bytes:
    """The first 64 KiB of a file, decompressed, in UTF-8, up to the last complete line; all of it if it is shorter.

    More if its lines are longer: there are files of ten thousands of columns.
    """
    size = _HEAD_BYTES
    while True:
        head, is_all = read_start(path, size, encoding)
        lines = max(head.count(b"\n"), head.count(b"\r"))
        if is_all or lines >= _HEAD_LINES or size >= _MOST_HEAD_BYTES:
            break
        size *= 8
    if is_all:
        return head
    cut = max(head.rfind(b"\n"), head.rfind(b"\r")) + 1
    return head[:cut] if cut else head


def read_line(path: str, dialect: Dialect) -> bytes | None:
    """The first lines of a file, up to 4 KiB, in UTF-8; None if the first record may be longer."""
    head, is_all = read_start(path, _LINE_BYTES, dialect.encoding)
    if is_all:
        return head
    cut = head.rfind(b"\n") + 1
    quoted = bool(dialect.quote) and dialect.quote.encode() in head
    return head[:cut] if cut and not (quoted or dialect.comment) else None


def first_record(head: bytes, dialect: Dialect) -> tuple[str, ...]:
    """The fields of the first record within `head` that is not an empty line; () if there is none."""
    text = prepared(head, dialect, at_start=True).data.tobytes().decode(errors="replace")
    try:
        return next((tuple(row) for row in dialect.reader(io.StringIO(text, newline="")) if row), ())
    except csv.Error:
        return ()


def widest(heads: Sequence[bytes], dialect: Dialect) -> int:
    """The most fields that a record in `heads` has."""
    most = 0
    for head in heads:
        text = prepared(head, dialect, at_start=True).data.tobytes().decode(errors="replace")
        try:
            most = max(most, *(len(row) for row in dialect.reader(io.StringIO(text, newline=""))), 0)
        except csv.Error:
            continue
    return most


def sample_file(
    file: FileInfo, dialect: Dialect, first: tuple[str, ...], width: int, block_bytes: int, lenient: bool
) -> Sample:
    """Rows from the beginning, middle and end of one file, about `block_bytes` of each; of a stream its beginning.

    Parameters
    ----------
    width
        The number of columns.
    lenient
        Whether ragged records are passed over.

    Raises
    ------
    Unsampled
        If records at the beginning have another number of fields, or are no text.
    """
    # The first record is told apart by the caller, whether it is a header or not.
    headed = replace(dialect, header=True)
    if is_streamed(file.path, dialect):
        text, complete = read_start(file.path, 3 * block_bytes, dialect.encoding)
        # What was decoded for the guess is not decoded again.
        dialect = replace(dialect, encoding="utf8")
        whole = prepared(text, headed, at_start=True)
        start = header_end(whole.data, 0, headed)
        stop = len(whole.data)
        if not complete:
            stop = last_record_end(neutral(whole.data, headed), start, stop, dialect.delimiter, dialect.quote)
        rows = _rows(between(whole, start, stop), dialect, width, lenient)
        return Sample(file.path, first, rows, stop - start)
    data = map_file(file.path)
    size = len(data)
    start = header_end(data, records_start(data, headed), headed)
    if size - start <= 3 * block_bytes:
        return Sample(file.path, first, _rows(_stretch(data, start, size), dialect, width, lenient), size - start)
    stop = last_record_end(data, start, start + block_bytes, dialect.delimiter, dialect.quote)
    tables = [_rows(_stretch(data, start, stop), dialect, width, lenient)]
    total = stop - start
    for begin, end in ((size // 2, size // 2 + block_bytes), (size - block_bytes, size)):
        found = _rows_within(data, begin, end, dialect, width, lenient)
        if found is not None:
            tables.append(found[0])
            total += found[1]
    return Sample(file.path, first, pa.concat_tables(tables), total)


def _stretch(data: Bytes, start: int, stop: int) -> Piece:
    # Slices of a remote file are fetched: no more of it than is looked at.
    part = data[start:stop]
    return Piece(part, part, start)


def pooled(places: Sequence[tuple[Sample, int]], dialect: Dialect, with_first: bool) -> pa.ChunkedArray:
    """The texts of one column, at those positions of samples; with those of the first records if these are data."""
    chunks = [chunk for sample, position in places for chunk in sample.rows.column(position).chunks]
    if with_first:
        texts = [sample.first[position] for sample, position in places]
        chunks.append(pa.array([None if text in dialect.nulls else text for text in texts], pa.string()))
    return pa.chunked_array(chunks, pa.string())


def _rows(piece: Piece, dialect: Dialect, width: int, lenient: bool) -> pa.Table:
    """The records of a piece as `width` text columns `c0`, `c1`, …"""
    if dialect.encoding != "utf8":
        data = np.frombuffer(piece.data.tobytes().decode(dialect.encoding, "replace").encode(), np.uint8)
        piece = Piece(data, data, piece.start, piece.lines)
    names = [f"c{number}" for number in range(width)]
    try:
        data = padded(piece.data, dialect, width) if dialect.pads else piece.data
        if not lenient:
            return read_columns(data, names, dict.fromkeys(names, pa.string()), dialect)
        starts, stops = bounds_of_records(data, dialect, width)
        whole = without_records(data, [(starts[k], stops[k]) for k, _ in ragged_rows(data, dialect, width)])
        table = read_columns(whole, names, dict.fromkeys(names, pa.binary()), dialect)
    except pa.ArrowInvalid as error:
        raise Unsampled(piece, error) from error
    return pa.table([_valid_texts(column) for column in table.columns], names=names)


def _valid_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Bytes as texts; NULL where they are none."""
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        texts = [None if value is None else value.decode(errors="ignore") for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])


def _rows_within(
    data: Bytes, begin: int, end: int, dialect: Dialect, width: int, lenient: bool
) -> tuple[pa.Table, int] | None:
    """Records within a stretch whose start may lie anywhere, even within quotes; None if none can be made out."""
    for start in _possible_starts(data[begin:end], dialect):
        first = begin + start
        stop = last_record_end(data, first, end, dialect.delimiter, dialect.quote) if end < len(data) else end
        if stop <= first:
            continue
        part = data[first:stop]
        try:
            return _rows(Piece(part, part), dialect, width, lenient), stop - first
        except Unsampled:
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


def spread(files: Sequence[FileInfo], most: int) -> list[FileInfo]:
    """At most `most` of `files`, evenly spread over their sorted paths, first and last included."""
    ordered = sorted(files, key=lambda file: file.path)
    if len(ordered) <= most:
        return ordered
    if most == 1:
        return ordered[:1]
    return [ordered[round(k * (len(ordered) - 1) / (most - 1))] for k in range(most)]
