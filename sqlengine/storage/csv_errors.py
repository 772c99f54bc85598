"""Find what Arrow's CSV reader stumbled over: file, line, column, value, and the option that helps.

Slow (Python's csv module), and only ever run once reading has failed.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import pyarrow as pa

from sqlengine.errors import ConversionError, Error, FileFormatError
from sqlengine.storage.csv_dialect import Dialect
from sqlengine.storage.csv_sample import map_file
from sqlengine.storage.filesystem import compression_of, open_stream
from sqlengine.storage.format import Field
from sqlengine.types import SqlType, TypeKind

Fits = Callable[[pa.Array, SqlType], bool]

_BLOCK: Final = 4096


def explain_failure(
    path: str,
    start: int,
    stop: int,
    dialect: Dialect,
    width: int,
    fields: Sequence[tuple[int, Field]],
    fits: Fits,
    cause: Exception,
) -> Error:
    """The error for a stretch of `path` that Arrow refused with `cause`.

    Parameters
    ----------
    start, stop
        Offsets of the stretch; ignored for compressed files, which are looked at as a whole.
    fields
        (position, column) of those that were read.
    fits
        Whether texts convert to a type.
    """
    block: list[tuple[int, list[str]]] = []
    for line, row in _records(path, start, stop, dialect, width):
        if len(row) != width:
            earlier = _first_unfit(block, fields, dialect, fits)
            return _unfit_error(path, earlier, dialect) if earlier else _ragged_error(path, line, row, width, dialect)
        block.append((line, row))
        if len(block) == _BLOCK:
            if unfit := _first_unfit(block, fields, dialect, fits):
                return _unfit_error(path, unfit, dialect)
            block = []
    if unfit := _first_unfit(block, fields, dialect, fits):
        return _unfit_error(path, unfit, dialect)
    return FileFormatError(f"{path!r} is not a readable CSV file: {str(cause).splitlines()[0]}")


def _records(path: str, start: int, stop: int, dialect: Dialect, width: int) -> Iterator[tuple[int, list[str]]]:
    """(line number, fields) of each record; bytes that are not in the encoding become lone surrogates."""
    if compression_of(path) is None:
        data = map_file(path)
        first = 1 + int((data[:start] == ord("\n")).sum())
        raw = io.BytesIO(data[start:stop].tobytes())
        skip = 0
    else:
        first, skip = 1, dialect.skip
        raw = io.BytesIO(open_stream(path).read())
    lines = io.TextIOWrapper(
        raw, "utf-8-sig" if dialect.encoding == "utf8" else dialect.encoding, errors="surrogateescape", newline=""
    )
    for _ in range(skip):
        lines.readline()
    reader = dialect.reader(lines)
    ends = first + skip
    header = skip == 0 and compression_of(path) is not None and dialect.header
    for row in reader:
        begins, ends = ends, first + skip + reader.line_num
        if not row:
            if width > 1:
                continue
            row = [""]
        if header:
            header = False
            continue
        yield begins, row


def _first_unfit(
    block: Sequence[tuple[int, list[str]]], fields: Sequence[tuple[int, Field]], dialect: Dialect, fits: Fits
) -> tuple[int, Field, str] | None:
    """(line, column, text) of the first value that does not convert."""
    found = []
    for position, field in fields:
        texts = [row[position] for _, row in block]
        low, high = 0, len(texts)
        if _all_fit(texts, field.type, dialect, fits):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            if _all_fit(texts[low:middle], field.type, dialect, fits):
                low = middle
            else:
                high = middle
        found.append((block[low][0], field, texts[low]))
    return min(found, key=lambda one: one[0]) if found else None


def _all_fit(texts: Sequence[str], type_: SqlType, dialect: Dialect, fits: Fits) -> bool:
    if not all(_is_encoded(text) for text in texts):
        return False
    if type_.kind is TypeKind.VARCHAR:
        return True
    return fits(pa.array([None if text == dialect.null else text for text in texts], pa.string()), type_)


def _is_encoded(text: str) -> bool:
    return text.isascii() or not any("\udc80" <= character <= "\udcff" for character in text)


def _unfit_error(path: str, unfit: tuple[int, Field, str], dialect: Dialect) -> Error:
    line, field, text = unfit
    if not _is_encoded(text):
        shown = text.encode("utf-8", "surrogateescape")[:80]
        return FileFormatError(
            f"{path!r}, line {line}, column {field.name!r}: {shown!r} is not UTF-8 text;"
            " convert the file, or name its encoding, for example encoding = 'latin-1'"
        )
    return ConversionError(
        f"{path!r}, line {line}, column {field.name!r}: {_shorten(text)} is not a {field.type};"
        f" fix the value, say that it means NULL (nullstr = {text[:20]!r}),"
        f" or read the column as text (types = {{{field.name!r}: 'VARCHAR'}})"
    )


def _ragged_error(path: str, line: int, row: Sequence[str], width: int, dialect: Dialect) -> Error:
    shown = _shorten(dialect.delimiter.join(row))
    return FileFormatError(
        f"{path!r}, line {line}: the row has {len(row)} field{'s' if len(row) != 1 else ''}, not {width}: {shown};"
        f" fix the line, or say how the file is written (delim = {dialect.delimiter!r}, quote = {dialect.quote!r},"
        f" skip = {dialect.skip} now)"
    )


def _shorten(text: str, most: int = 80) -> str:
    return repr(text if len(text) <= most else text[:most] + "…")
