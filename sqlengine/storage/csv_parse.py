"""Pieces of CSV files to Arrow columns: Arrow's own reader, and what it cannot read done on texts afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from sqlengine.functions.date_parsing import read_moments
from sqlengine.storage.csv_dialect import Dialect
from sqlengine.storage.csv_pieces import Piece, is_left_open, neutral
from sqlengine.storage.csv_records import Bytes, Offsets, record_starts
from sqlengine.storage.csv_types import (
    FALSE_VALUES,
    TRUE_VALUES,
    is_readable,
    numbers_as_text,
    read_as_cast,
    reading_type,
)
from sqlengine.storage.format import Field
from sqlengine.types import TIMESTAMPTZ, VARCHAR, TypeKind

_LINE_ENDS: Final = b"\r\n"
# What CAST makes of a text without an offset depends on the session's zone.
_NOT_BY_CAST: Final = (VARCHAR, TIMESTAMPTZ)


@dataclass(frozen=True, slots=True)
class Layout:
    """What reading needs to know beyond the fields; `FileSchema.details["layout"]`.

    Attributes
    ----------
    dictionaries
        Names of text columns that are read as dictionaries.
    row_bytes
        Bytes of text a record takes, on average over the sample.
    formats
        Name of a DATE or TIMESTAMP column -> strptime format of its texts; CAST's where there is none.
    not_null
        Names of text columns in which what means NULL is an empty text.
    guessed
        Names of the columns whose types are guesses.
    skips_faults
        Whether records that do not fit are left out; otherwise they are errors.
    by_cast
        Names of columns whose texts CAST reads, because Arrow would refuse them. It is asked, too, where Arrow refuses
        a value of a type that is no guess.
    by_name
        Whether each file's own header says which columns it has.
    """

    dialect: Dialect
    dictionaries: frozenset[str] = frozenset()
    row_bytes: float = 1.0
    formats: Mapping[str, str] | None = None
    decimal_point: str = "."
    thousands: str = ""
    not_null: frozenset[str] = frozenset()
    guessed: frozenset[str] = frozenset()
    skips_faults: bool = False
    rejects_limit: int = 0
    max_line_size: int | None = None
    by_cast: frozenset[str] = frozenset()
    by_name: bool = False

    def format_of(self, field: Field) -> str | None:
        """The strptime format of a column's texts, or None."""
        return None if self.formats is None else self.formats.get(field.name)

    def reads_as_text(self, field: Field) -> bool:
        """Whether Arrow cannot convert a column's texts by itself."""
        if field.name in self.by_cast:
            return True
        if field.type.is_numeric:
            return self.decimal_point != "." or bool(self.thousands)
        return self.format_of(field) is not None

    def with_casts(self, fields: Sequence[Field]) -> Layout:
        """The same, with CAST for those of `fields` whose types were told; for no more where these depend on a zone."""
        told = {field.name for field in fields if field.name not in self.guessed and field.type not in _NOT_BY_CAST}
        return replace(self, by_cast=self.by_cast | (told - (self.formats or {}).keys()))


def parse_piece(piece: Piece, names: Sequence[str], fields: Sequence[Field], layout: Layout) -> pa.Table:
    """As `parse`, of a piece of a file, whose last quote must be closed."""
    if piece.is_last and is_left_open(piece.data, layout.dialect):
        raise pa.ArrowInvalid("a quote is never closed")
    return parse(piece.data, names, fields, layout)


def parse(data: Bytes, names: Sequence[str], fields: Sequence[Field], layout: Layout) -> pa.Table:
    """The columns `fields` of whole records with the columns `names`; without fields, some column of bytes.

    Raises
    ------
    pyarrow.ArrowInvalid
        If a record is ragged or too long, or a value does not fit.
    """
    dialect = layout.dialect
    if dialect.pads:
        data = padded(data, dialect, len(names))
    if layout.max_line_size is not None and (record_lengths(data, dialect, len(names)) > layout.max_line_size).any():
        raise pa.ArrowInvalid(f"a record has more than {layout.max_line_size} bytes")
    try:
        return _parsed(data, names, fields, layout)
    except pa.ArrowInvalid:
        lenient = layout.with_casts(fields)
        if lenient.by_cast == layout.by_cast:
            raise
        return _parsed(data, names, fields, lenient)


def _parsed(data: Bytes, names: Sequence[str], fields: Sequence[Field], layout: Layout) -> pa.Table:
    wanted = {
        field.name: reading_type(field.type, field.name in layout.dictionaries, layout.reads_as_text(field))
        for field in fields
    }
    # Counting rows: Arrow converts at least one column, and bytes are the cheapest.
    table = read_columns(data, names, wanted or {names[0]: pa.binary()}, layout.dialect)
    for position, field in enumerate(fields):
        if layout.reads_as_text(field):
            column = _converted(table.column(position).combine_chunks(), field, layout)
        elif field.name in layout.not_null and field.type.kind is TypeKind.VARCHAR:
            column = table.column(position)
            column = column.cast(pa.string()).fill_null("") if column.null_count else column
        else:
            continue
        table = table.set_column(position, field.name, column)
    return table


def read_columns(
    data: Bytes, names: Sequence[str], types: Mapping[str, pa.DataType], dialect: Dialect, on_ragged: object = None
) -> pa.Table:
    """Arrow's reading of whole records as some of the columns `names`; `on_ragged`: see pyarrow.csv.ParseOptions."""
    if _is_blank(data) and (len(names) > 1 or not len(data)):
        return pa.table({name: pa.array([], type_) for name, type_ in types.items()})
    # A quarter of the time of `read_csv` for small files, which starts threads all the same.
    reader = pacsv.open_csv(
        pa.BufferReader(data),
        # One block: a record can then never straddle two.
        read_options=pacsv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=list(names)),
        parse_options=dialect.parse_options(len(names), on_ragged),
        convert_options=pacsv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=list(dialect.nulls),
            true_values=[*TRUE_VALUES, "1"],
            false_values=[*FALSE_VALUES, "0"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=dialect.quoted_nulls,
        ),
    )
    return reader.read_all()


def ragged_rows(data: Bytes, dialect: Dialect, width: int) -> list[tuple[int, int]]:
    """(number of the record from 0, number of its fields) of records that have not `width` fields."""
    found: list[tuple[int, int]] = []

    def note(row: pacsv.InvalidRow) -> str:
        found.append((row.number - 1, row.actual_columns))
        return "skip"

    names = [str(number) for number in range(width)]
    # What is noted is made text, so it has to be some; the shape of records is in ASCII.
    read_columns(np.where(data < 128, data, ord("x")), names, {names[0]: pa.binary()}, dialect, note)
    return found


def bounds_of_records(data: Bytes, dialect: Dialect, width: int) -> tuple[Offsets, Offsets]:
    """Where each record starts and stops, line end included."""
    starts = record_starts(neutral(data, dialect), dialect.delimiter, dialect.quote, keep_empty=width == 1)
    return starts, np.append(starts[1:], len(data))


def without_records(data: Bytes, bounds: Iterable[tuple[int, int]]) -> Bytes:
    """`data` without the records between those offsets."""
    kept = np.ones(len(data), np.bool_)
    for start, stop in bounds:
        kept[start:stop] = False
    return data[kept]


def padded(data: Bytes, dialect: Dialect, width: int) -> Bytes:
    """`data` with delimiters at the end of the records that have too few fields."""
    short = [(number, fields) for number, fields in ragged_rows(data, dialect, width) if fields < width]
    if not short:
        return data
    text = data.tobytes()
    starts, stops = bounds_of_records(data, dialect, width)
    parts, last = [], 0
    for number, fields in short:
        record = text[starts[number] : stops[number]]
        end = int(starts[number]) + len(record.rstrip(_LINE_ENDS))
        parts += [text[last:end], dialect.delimiter.encode() * (width - fields)]
        last = end
    return np.frombuffer(b"".join([*parts, text[last:]]), np.uint8)


def record_lengths(data: Bytes, dialect: Dialect, width: int) -> Offsets:
    """Bytes of each record, line end included."""
    starts, stops = bounds_of_records(data, dialect, width)
    return stops - starts


def _converted(texts: pa.Array, field: Field, layout: Layout) -> pa.Array:
    if field.type.is_numeric and (layout.decimal_point != "." or layout.thousands):
        texts = numbers_as_text(texts, layout.decimal_point, layout.thousands)
        if field.name not in layout.by_cast:
            return texts.cast(reading_type(field.type, False, False))
    if field.name in layout.by_cast:
        if field.name in layout.guessed and not is_readable(texts.drop_null(), field.type, guessed=True):
            raise pa.ArrowInvalid(f"a text is no {field.type}")
        return read_as_cast(texts, field.type)
    format_ = layout.format_of(field)
    assert format_ is not None
    words, fits = read_moments(texts, format_)
    missing = ~np.asarray(texts.is_valid().to_numpy(zero_copy_only=False))
    if not (fits | missing).all():
        raise pa.ArrowInvalid(f"a text is not in the format {format_}")
    moments = pa.array(words, pa.int64(), mask=missing).cast(pa.timestamp("us"))
    return moments.cast(pa.date32(), safe=False) if field.type.kind is TypeKind.DATE else moments


def _is_blank(data: Bytes) -> bool:
    """Whether there is nothing but line ends."""
    return not bytes(data[:4096]).strip(_LINE_ENDS) and not bytes(data).strip(_LINE_ENDS)
