"""CSV, plain or compressed (.gz, .zst, .bz2, .lz4, .xz): guessed dialect and types, splits at true record ends.

Plain files are cut into splits of about `split_bytes`; a compressed file is one split.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.csv as pacsv

from sqlengine.errors import FileFormatError
from sqlengine.storage.conform import conform_batch, empty_batch
from sqlengine.storage.csv_errors import explain_failure
from sqlengine.storage.csv_records import cut_records
from sqlengine.storage.csv_sample import data_start, map_file
from sqlengine.storage.csv_schema import Layout, guess_schema
from sqlengine.storage.csv_types import FALSE_VALUES, TRUE_VALUES, fits, reading_type
from sqlengine.storage.filesystem import FileInfo, compression_of, file_errors, open_stream
from sqlengine.storage.format import ColumnStatistics, Field, FileSchema, Options, Split

# A compressed file is parsed in blocks of this size; no record may be longer.
_STREAM_BLOCK: Final = 16 << 20

# What text files compress to, for estimates of rows.
_COMPRESSION_RATIO: Final = 4


class CsvFormat:
    """Reads text files of delimited records (RFC 4180 and what is commonly taken for it).

    Options; what they do not say is guessed from a sample:

    - `delim` (or `sep`, `delimiter`): one character; guessed among , | ; and tab.
    - `quote` (default "), `escape` (default: the quote, doubled): one character, or '' for none. A file with
      another escape is one split.
    - `header`: whether the first record holds names. `skip`: lines to skip before it.
    - `nullstr` (default empty): the text that means NULL, quoted or not.
    - `encoding`: utf-8 (default), latin-1 or cp1252.
    - `columns`: name -> type of all columns. `types`: name -> type of some. `all_varchar`: no guessing of types.
    - `dateformat`, `timestampformat`: strptime formats, tried before ISO 8601, for DATE and TIMESTAMP columns.
    - `compression`: auto (default: the ending of the name tells), none, gzip, zstd, bz2, lz4 or xz.
    - `sample_rows` (default 20480; -1: all): rows that types are guessed from.

    Types are guessed among BOOLEAN, BIGINT, HUGEINT, DOUBLE, TIME, DATE, TIMESTAMP, TIMESTAMP WITH TIME ZONE
    and VARCHAR; dates in ISO form only, for 03/04/2020 has two readings.
    """

    name = "csv"
    extensions: tuple[str, ...] = (".csv", ".tsv")
    has_statistics = False
    options: Mapping[str, type] = {
        "delim": str,
        "sep": str,
        "delimiter": str,
        "quote": str,
        "escape": str,
        "header": bool,
        "skip": int,
        "nullstr": str,
        "encoding": str,
        "columns": dict,
        "types": dict,
        "all_varchar": bool,
        "dateformat": str,
        "timestampformat": str,
        "compression": str,
        "sample_rows": int,
    }

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
        """Stretches of whole records, header excluded; rows are estimated from the sample."""
        layout = _layout_of(schema)
        dialect = layout.dialect
        if not file.size:
            return []
        if compression_of(file.path) is not None:
            rows = max(1, int(file.size * _COMPRESSION_RATIO / layout.row_bytes))
            return [Split(file.path, 0, file.size, rows, file.size, rows_exact=False)]
        data = map_file(file.path)
        start = data_start(data, dialect)
        if dialect.can_be_cut:
            cuts = cut_records(data, start, target_bytes, dialect.delimiter, dialect.quote)
        else:
            cuts = [start, len(data)] if start < len(data) else []
        return [
            Split(file.path, first, stop, max(1, round((stop - first) / layout.row_bytes)), stop - first, False)
            for first, stop in itertools.pairwise(cuts)
        ]

    def statistics(self, split: Split, schema: FileSchema, columns: Sequence[str]) -> Mapping[str, ColumnStatistics]:
        """Nothing is known of text without reading it."""
        return {}

    def reading(self, schema: FileSchema, options: Options) -> str:
        """Dialect, names and formats; not what the sample of all files said of the number of rows."""
        layout = _layout_of(schema)
        names = [field.name for field in schema.fields]
        return repr((layout.dialect, names, layout.date_format, layout.timestamp_format))

    def read(
        self, splits: Sequence[Split], schema: FileSchema, columns: Sequence[str], options: Options, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Batches of `columns`; others are tokenized but not converted. Repetitive text comes dictionary-encoded.

        Raises
        ------
        FileFormatError
            If a record has too few or too many fields, or text is not in the declared encoding.
        ConversionError
            If a value does not fit its column; names file, line, column, value and a remedy.
        """
        for split in splits:
            yield from _read_split(split, schema, columns, batch_rows)


def _read_split(split: Split, schema: FileSchema, columns: Sequence[str], batch_rows: int) -> Iterator[pa.RecordBatch]:
    layout = _layout_of(schema)
    by_name = {field.name: field for field in schema.fields}
    fields = [by_name[name] for name in columns]
    with file_errors(split.path, "CSV"):
        try:
            for batch in _parse(split, schema, fields, layout):
                for start in range(0, batch.num_rows, batch_rows):
                    part = batch.slice(start, batch_rows)
                    if fields:
                        yield conform_batch(part.select(list(columns)), fields, split.path)
                    else:
                        yield empty_batch(part.num_rows)
        except pa.ArrowInvalid as error:
            positions = {field.name: number for number, field in enumerate(schema.fields)}
            read = [(positions[field.name], field) for field in fields]
            raise explain_failure(
                split.path, split.start, split.stop, layout.dialect, len(schema.fields), read, fits, error
            ) from error


def _parse(split: Split, schema: FileSchema, fields: Sequence[Field], layout: Layout) -> Iterator[pa.RecordBatch]:
    dialect = layout.dialect
    names = [field.name for field in schema.fields]
    if fields:
        wanted = {
            field.name: reading_type(field.type, field.name in layout.dictionaries, layout.date_format is not None)
            for field in fields
        }
    else:
        # Counting rows: Arrow converts at least one column, and bytes are the cheapest.
        wanted = {names[0]: pa.binary()}
    compressed = compression_of(split.path) is not None
    if compressed:
        source = open_stream(split.path)
        block = _STREAM_BLOCK
    else:
        # One block a split: a record can then never straddle two.
        data = map_file(split.path)[split.start : split.stop]
        if len(data) < split.stop - split.start:
            raise FileFormatError(f"{split.path!r} changed while the query ran; run the query again")
        if not bytes(data[:4096]).strip(b"\r\n") and not bytes(data).strip(b"\r\n") and len(names) > 1:
            return
        source = pa.BufferReader(data)
        block = len(data) + 1
    formats = [text for text in (layout.date_format, layout.timestamp_format) if text]
    reader = pacsv.open_csv(
        source,
        read_options=pacsv.ReadOptions(
            use_threads=False,
            block_size=block,
            column_names=names,
            skip_rows=dialect.skip if compressed else 0,
            skip_rows_after_names=1 if compressed and dialect.header else 0,
            encoding=dialect.encoding,
        ),
        parse_options=dialect.parse_options(len(names)),
        convert_options=pacsv.ConvertOptions(
            column_types=wanted,
            include_columns=list(wanted),
            null_values=[dialect.null],
            true_values=[*TRUE_VALUES, "1"],
            false_values=[*FALSE_VALUES, "0"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            timestamp_parsers=[*formats, pacsv.ISO8601] if formats else None,
        ),
    )
    yield from reader


def _layout_of(schema: FileSchema) -> Layout:
    layout = schema.details["layout"]
    assert isinstance(layout, Layout)
    return layout
