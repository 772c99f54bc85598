"""Faults of CSV files as errors: file, line, column, value, and the option that helps."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Final

from sqlengine.errors import ConversionError, Error, FileFormatError
from sqlengine.storage import csv_faults
from sqlengine.storage.csv_faults import Fault, find_faults
from sqlengine.storage.csv_parse import Layout
from sqlengine.storage.csv_pieces import Piece, read_start, with_lines
from sqlengine.storage.format import Field
from sqlengine.types import TypeKind

# Texts that may be said to mean NULL: a whole sentence hardly does.
_SHORT: Final = 20


def explain_failure(
    path: str, piece: Piece, columns: Sequence[Field], checked: Sequence[Field], layout: Layout, cause: Exception
) -> Error:
    """The error for a piece of `path` that Arrow refused with `cause`; see `find_faults` for the parameters."""
    faults = find_faults(piece.data, columns, checked, layout)
    if not faults:
        return FileFormatError(f"{path!r} is not a readable CSV file: {str(cause).splitlines()[0]}")
    line = with_lines(path, piece, layout.dialect).line(faults[0].start)
    return _error(path, line, faults[0], len(columns), layout)


def _error(path: str, line: int, fault: Fault, width: int, layout: Layout) -> Error:
    place = f"{path!r}, line {line}"
    dialect = layout.dialect
    name = "" if fault.field is None else fault.field.name
    shown = _shorten(fault.text.decode(errors="replace"))
    match fault.kind:
        case csv_faults.TOO_LONG:
            return FileFormatError(
                f"{place}: the row has {len(fault.text)} bytes: {shown}; allow for it (max_line_size ="
                f" {len(fault.text)}), or skip such rows (ignore_errors = true)"
            )
        case csv_faults.UNCLOSED:
            return FileFormatError(
                f"{place}: a quote is opened and never closed: {shown}; close it, say that quotes are text"
                " (quote = ''), or skip the row (ignore_errors = true)"
            )
        case csv_faults.MISSING_COLUMNS | csv_faults.TOO_MANY_COLUMNS:
            padding = ""
            if fault.kind == csv_faults.MISSING_COLUMNS:
                padding = " take what is missing as NULL (null_padding = true),"
            elif fault.width == width + 1 and fault.text.endswith(dialect.delimiter.encode()):
                padding = " take what follows the last delimiter as one more column (null_padding = true),"
            return FileFormatError(
                f"{place}: the row has {fault.width} field{'s' if fault.width != 1 else ''}, not {width}: {shown};"
                f" fix the line, say how the file is written (delim = {dialect.delimiter!r}, quote = {dialect.quote!r},"
                f" skip = {dialect.skip} now),{padding} or skip such rows (ignore_errors = true)"
            )
        case csv_faults.INVALID_ENCODING:
            return FileFormatError(
                f"{place}, column {name!r}: {fault.text[:80]!r} is not UTF-8 text; convert the file, name its encoding,"
                f" for example encoding = {_likely_encoding(path)!r}, or skip such rows (ignore_errors = true)"
            )
    assert fault.field is not None
    text = fault.text.decode(errors="replace")
    format_ = layout.format_of(fault.field)
    form = f" in the format {format_}" if format_ is not None else ""
    option = {TypeKind.DATE: "dateformat = '%d/%m/%Y'", TypeKind.TIMESTAMP: "timestampformat = '%d/%m/%Y %H:%M'"}
    kind = fault.field.type.kind
    written = f" say how the column is written (such as {option[kind]})," if kind in option else ""
    missing = ""
    if len(text) <= _SHORT:
        others = [_quoted(null) for null in dialect.nulls]
        nulls = ", ".join([*others, _quoted(text)])
        missing = f" say that it means NULL (nullstr = {f'[{nulls}]' if others else nulls}),"
    larger = ", guess types from all rows (sample_size = -1)" if name in layout.guessed else ""
    return ConversionError(
        f"{place}, column {name!r}: {shown} is not a {fault.field.type}{form}; fix the value,{written}{missing}"
        f" read the column as text (types = {{{_quoted(name)}: 'VARCHAR'}}){larger}, or skip such rows"
        " (ignore_errors = true)"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _likely_encoding(path: str) -> str:
    return "utf-16" if read_start(path, 2, "utf8")[0] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "latin-1"


def _shorten(text: str, most: int = 80) -> str:
    return repr(text if len(text) <= most else text[:most] + "…")
