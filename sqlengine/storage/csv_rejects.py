"""The records that `ignore_errors` leaves out of CSV files, as a table: what is wrong with each, and where.

It is found by reading the files again when it is asked for, in parallel as any table is; so it does not depend on
what a query used of the files, nor on who ran it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pyarrow as pa

from sqlengine.storage import csv_faults
from sqlengine.storage.csv import CsvFormat, layout_of, stored_fields
from sqlengine.storage.csv_about import CsvAbout, table_of
from sqlengine.storage.csv_faults import Fault, find_faults
from sqlengine.storage.csv_parse import Layout, parse_piece
from sqlengine.storage.csv_pieces import BLOCK, Piece, is_streamed, map_file, pieces, with_lines
from sqlengine.storage.csv_records import cut_records
from sqlengine.storage.filesystem import FileInfo, file_errors
from sqlengine.storage.format import Field, FileSchema, Options, Split
from sqlengine.types import UBIGINT, VARCHAR

FIELDS: Final = (
    Field("line", UBIGINT),
    Field("line_byte_position", UBIGINT),
    Field("byte_position", UBIGINT),
    Field("column_idx", UBIGINT),
    Field("column_name", VARCHAR),
    Field("error_type", VARCHAR),
    Field("csv_line", VARCHAR),
    Field("error_message", VARCHAR),
)


class CsvRejectsFormat(CsvAbout):
    """Reads the faults of records: columns of DuckDB's `reject_errors`."""

    name = "csv_rejects"
    fields = FIELDS

    def splits(self, file: FileInfo, schema: FileSchema, options: Options, target_bytes: int) -> list[Split]:
        """Those of the file as a table; with a limit to the rejects of a file, it is one."""
        table = table_of(schema)
        splits = CsvFormat().splits(file, table, options, target_bytes)
        if layout_of(table).rejects_limit and len(splits) > 1:
            first, last = splits[0], splits[-1]
            return [replace(first, stop=last.stop, size=last.stop - first.start)]
        return splits

    def rows(self, split: Split, table: FileSchema, options: Options) -> Iterator[dict[str, Any]]:
        """A row for each fault, in the order of records and columns."""
        found = (row for part in _parts(split, layout_of(table)) for row in _rejects(part, table, options))
        return itertools.islice(found, layout_of(table).rejects_limit or None)


def _parts(split: Split, layout: Layout) -> Iterator[Split]:
    """A split in stretches that are small enough to be looked at as a whole."""
    dialect = layout.dialect
    if is_streamed(split.path, dialect) or split.size <= BLOCK:
        yield split
        return
    cuts = cut_records(map_file(split.path)[: split.stop], split.start, BLOCK, dialect.delimiter, dialect.quote)
    for start, stop in itertools.pairwise(cuts):
        yield replace(split, start=start, stop=stop, size=stop - start)


def _rejects(split: Split, table: FileSchema, options: Options) -> Iterator[dict[str, Any]]:
    layout = layout_of(table)
    with file_errors(split.path, "CSV"):
        stored = stored_fields(split.path, table, options)
        names = [field.name for field in stored]
        for piece in pieces(split.path, split.start, split.stop, layout.dialect):
            try:
                parse_piece(piece, names, stored, layout)
            except pa.ArrowInvalid:
                told = with_lines(split.path, piece, layout.dialect)
                for fault in find_faults(piece.data, stored, stored, layout):
                    yield _row(told, fault, len(stored), layout)


def _row(piece: Piece, fault: Fault, width: int, layout: Layout) -> dict[str, Any]:
    record = piece.data[fault.start : fault.stop].tobytes().rstrip(b"\r\n")
    start = piece.start + piece.offset(fault.start)
    return {
        "line": piece.line(fault.start),
        # Positions count from 1.
        "line_byte_position": start + 1,
        "byte_position": start + 1 + _place(record, fault, layout),
        "column_idx": fault.position if fault.kind == csv_faults.MISSING_COLUMNS else fault.position + 1,
        "column_name": None if fault.field is None else fault.field.name,
        "error_type": fault.kind,
        "csv_line": record.decode(errors="replace").replace("\ufffd", "?"),
        "error_message": _message(fault, width, layout),
    }


def _place(record: bytes, fault: Fault, layout: Layout) -> int:
    """Where in a record the fault lies: at its value, its end, or the delimiter before what is too many."""
    delimiter = layout.dialect.delimiter.encode()
    match fault.kind:
        case csv_faults.MISSING_COLUMNS:
            return len(record)
        case csv_faults.TOO_MANY_COLUMNS:
            parts = record.split(delimiter)
            return len(delimiter.join(parts[: fault.position]))
        case _:
            before = record.split(delimiter)[: fault.position]
            return sum(len(part) + 1 for part in before)


def _message(fault: Fault, width: int, layout: Layout) -> str:
    name = None if fault.field is None else fault.field.name
    match fault.kind:
        case csv_faults.MISSING_COLUMNS | csv_faults.TOO_MANY_COLUMNS:
            return f"Expected Number of Columns: {width} Found: {fault.width}"
        case csv_faults.TOO_LONG:
            return f"Maximum line size of {layout.max_line_size} bytes exceeded. Actual Size:{len(fault.text)} bytes."
        case csv_faults.UNCLOSED:
            return "Value with unterminated quote found."
        case csv_faults.INVALID_ENCODING:
            return "Invalid unicode (byte sequence mismatch) detected."
    text = fault.text.decode(errors="replace")
    assert fault.field is not None
    return f'Error when converting column "{name}". Could not convert string "{text}" to \'{fault.field.type}\''
