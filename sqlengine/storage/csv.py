"""CSV, plain or compressed (.gz, .zst, .bz2, .lz4, .xz): guessed dialect and types, splits at true record ends.

Plain files are cut into splits of about `split_bytes`; what is read from front to back (see `csv_pieces`) is one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pyarrow as pa

from sqlengine.storage.conform import conform_batch, empty_batch, fit_batch
from sqlengine.storage.csv_errors import explain_failure
from sqlengine.storage.csv_faults import find_faults, without
from sqlengine.storage.csv_header import names_of
from sqlengine.storage.csv_options import OPTION_TYPES, csv_options
from sqlengine.storage.csv_parse import Layout, parse, parse_piece
from sqlengine.storage.csv_pieces import (
    MOST_BYTES,
    Piece,
    header_end,
    is_streamed,
    map_file,
    pieces,
    records_start,
    too_long,
)
from sqlengine.storage.csv_records import cut_records
from sqlengine.storage.csv_sample import first_record, read_head
from sqlengine.storage.csv_schema import guess_schema
from sqlengine.storage.csv_together import groups, records_of
from sqlengine.storage.filesystem import FileInfo, compression_of, file_errors
from sqlengine.storage.format import ColumnStatistics, Field, FileSchema, Options, Split

# What text files compress to, for estimates of rows.
_COMPRESSION_RATIO: Final = 4


class CsvFormat:
    """Reads text files of delimited records (RFC 4180 and what is commonly taken for it).

    What options do not say is guessed from a sample: see `CsvOptions` and docs/formats/csv.md. Types are guessed among
    BOOLEAN, BIGINT, HUGEINT, DOUBLE, TIME, DATE, TIMESTAMP, TIMESTAMP WITH TIME ZONE and VARCHAR; dates that are not in
    ISO form only if all of them can be read in one way alone, for 03/04/2020 has two readings.
    """

    name = "csv"
    extensions: tuple[str, ...] = (".csv", ".tsv")
    has_statistics = False
    options: Mapping[str, type] = {**OPTION_TYPES, "union_by_name": bool}

    def schema(self, files: Sequence[FileInfo], options: Options) -> FileSchema:
        """Columns as options say, the rest guessed from a sample of up to 32 files (never from their order).

        The first record of every file is held against the others.

        Raises
        ------
        FileFormatError
            If files disagree in columns, or a record of the sample has another number of fields.
        SettingError
            If an option does not fit.
        """
        return guess_schema(files, options)

    def splits(self, file: FileInfo, schema: FileSchema, options: Options, target_bytes: int) -> list[Split]:
        """Stretches of whole records, header excluded; rows are estimated from the sample.

        Raises
        ------
        FileFormatError
            If a record is longer than `csv_pieces.MOST_BYTES`.
        """
        layout = layout_of(schema)
        dialect = layout.dialect
        if not file.size:
            return []
        if is_streamed(file.path, dialect):
            ratio = _COMPRESSION_RATIO if compression_of(file.path) is not None else 1
            rows = max(1, int(file.size * ratio / layout.row_bytes))
            return [Split(file.path, 0, file.size, rows, file.size, rows_exact=False)]
        data = map_file(file.path)
        start = header_end(data, records_start(data, dialect), dialect)
        cuts = cut_records(data, start, target_bytes, dialect.delimiter, dialect.quote)
        # The last piece may have a quarter more.
        if any(stop - first > 2 * target_bytes + MOST_BYTES for first, stop in itertools.pairwise(cuts)):
            raise too_long(file.path)
        return [
            Split(file.path, first, stop, max(1, round((stop - first) / layout.row_bytes)), stop - first, False)
            for first, stop in itertools.pairwise(cuts)
        ]

    def statistics(self, split: Split, schema: FileSchema, columns: Sequence[str]) -> Mapping[str, ColumnStatistics]:
        """Nothing is known of text without reading it."""
        return {}

    def reading(self, schema: FileSchema, options: Options) -> str:
        """Dialect, names and formats; not what the sample of all files said of the number of rows."""
        layout = layout_of(schema)
        numbers = (layout.decimal_point, layout.thousands)
        # Which records are left out depends on all types.
        limits = [[str(field.type) for field in schema.fields], sorted(layout.guessed)] if layout.skips_faults else None
        names = [field.name for field in schema.fields]
        formats = sorted((layout.formats or {}).items())
        told = (layout.dialect, names, formats, numbers, sorted(layout.not_null), limits, layout.max_line_size)
        return repr((*told, sorted(layout.by_cast), layout.by_name))

    def read(
        self, splits: Sequence[Split], schema: FileSchema, columns: Sequence[str], options: Options, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Batches of `columns`; others are tokenized but not converted. Repetitive text comes dictionary-encoded.

        Where records that do not fit are left out, all columns are converted: which rows there are does not depend on
        the columns that are asked for.

        Raises
        ------
        FileFormatError
            If a record has too few or too many fields, or text is not in the declared encoding.
        ConversionError
            If a value does not fit its column; names file, line, column, value and a remedy.
        """
        layout = layout_of(schema)
        by_name = {field.name: field for field in schema.fields}
        fields = [by_name[name] for name in columns]
        for group in groups(splits, layout):
            together = _read_together(group, schema, fields) if len(group) > 1 else None
            if together is not None:
                yield from _batches(together, fields, layout, group[0].path, batch_rows)
                continue
            for split in group:
                with file_errors(split.path, "CSV"):
                    stored = stored_fields(split.path, schema, options)
                    for piece in pieces(split.path, split.start, split.stop, layout.dialect):
                        table = _read_piece(split.path, piece, stored, fields, layout)
                        yield from _batches(table, fields, layout, split.path, batch_rows)


def layout_of(schema: FileSchema) -> Layout:
    """What `guess_schema` found out about how files are written."""
    layout = schema.details["layout"]
    assert isinstance(layout, Layout)
    return layout


def stored_fields(path: str, schema: FileSchema, options: Options) -> list[Field]:
    """The columns that the records of one file have, in their order, under the table's names."""
    layout = layout_of(schema)
    if not layout.by_name:
        return list(schema.fields)
    first = first_record(read_head(path, layout.dialect.encoding), layout.dialect)
    known = {field.name.lower(): field for field in schema.fields}
    return [known[name.lower()] for name in names_of(first, layout.dialect, csv_options(options))]


def _read_together(splits: Sequence[Split], schema: FileSchema, fields: Sequence[Field]) -> pa.Table | None:
    """The columns `fields`, and perhaps others, of small files; None if each has to be read by itself, to find a fault.

    Names of columns that files have, in their order, are those of the table.
    """
    layout = layout_of(schema)
    data = records_of(splits, layout)
    names = [field.name for field in schema.fields]
    try:
        return None if data is None else parse(data, names, schema.fields if layout.skips_faults else fields, layout)
    except pa.ArrowInvalid:
        return None


def _batches(
    table: pa.Table, fields: Sequence[Field], layout: Layout, path: str, batch_rows: int
) -> Iterator[pa.RecordBatch]:
    """The columns `fields` of what was read, as the table's types are carried."""
    names = [field.name for field in fields]
    for batch in table.to_batches(batch_rows):
        if not fields:
            yield empty_batch(batch.num_rows)
        elif layout.by_name:
            yield fit_batch(batch, fields, path)
        else:
            yield conform_batch(batch.select(names), fields, path)


def _read_piece(path: str, piece: Piece, stored: Sequence[Field], fields: Sequence[Field], layout: Layout) -> pa.Table:
    """The columns `fields`, as far as a file has them, of one piece of it, and perhaps others."""
    names = [field.name for field in stored]
    wanted = [field for field in fields if field in stored]
    checked = list(stored) if layout.skips_faults else wanted
    try:
        return parse_piece(piece, names, checked, layout)
    except pa.ArrowInvalid as error:
        if not layout.skips_faults:
            raise explain_failure(path, piece, stored, wanted, layout, error) from error
        faults = find_faults(piece.data, stored, checked, layout)
        return parse(without(piece.data, faults), names, checked, layout)
