"""CSV, plain or compressed (.gz, .zst, .bz2): guessed dialect and types, splits at true record ends.

Plain files are cut into splits of about `split_bytes`; a compressed file is one split.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from sqlengine.errors import FileFormatError, SettingError, did_you_mean
from sqlengine.storage.conform import conform_batch, empty_batch
from sqlengine.storage.csv_dialect import Dialect, dialect_from_options
from sqlengine.storage.csv_errors import explain_failure
from sqlengine.storage.csv_records import cut_records
from sqlengine.storage.csv_sample import (
    Sample,
    data_start,
    first_record,
    map_file,
    read_head,
    records_start,
    sample_file,
    spread,
)
from sqlengine.storage.csv_types import FALSE_VALUES, TRUE_VALUES, fits, guess_type, reading_type
from sqlengine.storage.filesystem import FileInfo, compression_of, file_errors, open_stream
from sqlengine.storage.format import ColumnStatistics, Field, FileSchema, Options, Split
from sqlengine.storage.schema import unique_names
from sqlengine.storage.type_names import parse_type_name
from sqlengine.types import VARCHAR, SqlType, TypeKind

_SAMPLED_FILES: Final = 32
_SAMPLE_ROWS: Final = 20_480
_LEAST_BLOCK: Final = 8 << 10

# A compressed file is parsed in blocks of this size; no record may be longer.
_STREAM_BLOCK: Final = 16 << 20

# What text files compress to, for estimates of rows.
_COMPRESSION_RATIO: Final = 4


@dataclass(frozen=True, slots=True)
class _Layout:
    """What reading needs to know beyond the fields."""

    dialect: Dialect
    dictionaries: frozenset[str]
    row_bytes: float
    date_format: str | None
    timestamp_format: str | None


class CsvFormat:
    """Reads text files of delimited records (RFC 4180 and what is commonly taken for it)."""

    name = "csv"
    extensions: tuple[str, ...] = (".csv", ".tsv")
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
        filled = [file for file in files if file.size]
        heads = {file.path: read_head(file) for file in filled}
        sampled = spread(filled, _SAMPLED_FILES)
        dialect = dialect_from_options(
            options, [heads[file.path].decode("utf-8", errors="replace") for file in sampled]
        )
        firsts = {file.path: first_record(heads[file.path], dialect) for file in filled}
        sampled = [file for file in sampled if firsts[file.path]]
        declared = _declared(options, "columns")
        if not sampled:
            fields = tuple(Field(name, type_) for name, type_ in declared.items()) or (Field("column0", VARCHAR),)
            return FileSchema(fields, {"layout": _layout(dialect, frozenset(), 1.0, options)})
        _check_widths(firsts, len(declared) or len(firsts[sampled[0].path]), dialect)
        samples = [_sample(file, dialect, firsts[file.path], _block_bytes(heads, sampled, options)) for file in sampled]
        if "header" not in options:
            dialect = dataclasses.replace(dialect, header=_have_header(samples, declared, dialect))
        names = list(declared) or _names(samples[0].first, dialect)
        if not declared:
            _check_names(firsts, dialect, files)
        types = _types(samples, names, declared, options, dialect)
        rows = sum(sample.rows.num_rows for sample in samples)
        size = sum(sample.size for sample in samples)
        dictionaries = frozenset(
            name
            for position, name in enumerate(names)
            if types[position].kind is TypeKind.VARCHAR and _is_repetitive(samples, position)
        )
        fields = tuple(Field(name, type_) for name, type_ in zip(names, types, strict=True))
        return FileSchema(fields, {"layout": _layout(dialect, dictionaries, max(1.0, size / max(1, rows)), options)})

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

    def statistics(self, split: Split, columns: Sequence[str]) -> Mapping[str, ColumnStatistics]:
        """Nothing is known of text without reading it."""
        return {}

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


def _parse(split: Split, schema: FileSchema, fields: Sequence[Field], layout: _Layout) -> Iterator[pa.RecordBatch]:
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


def _layout(dialect: Dialect, dictionaries: frozenset[str], row_bytes: float, options: Options) -> _Layout:
    formats = [options.get(name) for name in ("dateformat", "timestampformat")]
    date_format, timestamp_format = (None if text is None else str(text) for text in formats)
    return _Layout(dialect, dictionaries, row_bytes, date_format, timestamp_format)


def _layout_of(schema: FileSchema) -> _Layout:
    layout = schema.details["layout"]
    assert isinstance(layout, _Layout)
    return layout


def _declared(options: Options, name: str) -> dict[str, SqlType]:
    """Option `columns` or `types`: column name -> type."""
    given = options.get(name)
    if not isinstance(given, Mapping):
        return {}
    return {str(column): parse_type_name(text) for column, text in given.items()}


def _block_bytes(heads: Mapping[str, bytes], sampled: Sequence[FileInfo], options: Options) -> int:
    """Bytes of each of a file's three blocks, so that all blocks have about `sample_rows` rows."""
    rows = options.get("sample_rows", _SAMPLE_ROWS)
    if not isinstance(rows, int) or rows < -1 or rows == 0:
        raise SettingError(f"option 'sample_rows' takes a number of rows, or -1 for all; not {rows!r}")
    if rows == -1:
        return max(file.size for file in sampled) * 100
    text = b"".join(heads[file.path] for file in sampled)
    row_bytes = len(text) / max(1, text.count(b"\n"))
    return max(_LEAST_BLOCK, int(rows * row_bytes / (3 * len(sampled))))


def _sample(file: FileInfo, dialect: Dialect, first: tuple[str, ...], block_bytes: int) -> Sample:
    with file_errors(file.path, "CSV"):
        try:
            return sample_file(file, dialect, first, block_bytes)
        except pa.ArrowInvalid as error:
            fields = [(number, Field(name.strip(), VARCHAR)) for number, name in enumerate(first)]
            start = 0 if compression_of(file.path) else records_start(map_file(file.path), dialect)
            raise explain_failure(file.path, start, file.size, dialect, len(first), fields, fits, error) from error


def _have_header(samples: Sequence[Sample], declared: Mapping[str, SqlType], dialect: Dialect) -> bool:
    """Whether first records are names: a text where the column holds something else, or texts everywhere.

    Raises
    ------
    FileFormatError
        If this holds for some files only.
    """
    width = len(samples[0].first)
    if declared:
        types = list(declared.values())
    else:
        types = [guess_type(_pooled(samples, position)) for position in range(width)]
    alone = not any(sample.rows.num_rows for sample in samples)
    verdicts = {sample.path: _is_header(sample.first, types, declared, alone, dialect) for sample in samples}
    with_header = [path for path, verdict in verdicts.items() if verdict]
    without = [path for path, verdict in verdicts.items() if not verdict]
    if with_header and without:
        raise FileFormatError(
            f"{with_header[0]!r} seems to start with a header but {without[0]!r} does not;"
            " say which: header = true or header = false"
        )
    return bool(with_header)


def _is_header(
    first: Sequence[str], types: Sequence[SqlType], declared: Mapping[str, SqlType], alone: bool, dialect: Dialect
) -> bool:
    own = [guess_type(pa.array([None if text == dialect.null else text], pa.string())) for text in first]
    if declared and [text.strip().lower() for text in first] == [name.lower() for name in declared]:
        return True
    if alone and not declared:
        return all(type_ == VARCHAR for type_ in own)
    if all(type_ == VARCHAR for type_ in types):
        return not declared and all(type_ == VARCHAR for type_ in own)
    return any(
        type_ != VARCHAR and mine == VARCHAR and text != dialect.null
        for type_, mine, text in zip(types, own, first, strict=True)
    )


def _names(first: Sequence[str], dialect: Dialect) -> list[str]:
    """Names from the header, trimmed; columns without one are numbered, as in DuckDB."""
    digits = len(str(len(first) - 1))
    numbered = [f"column{number:0{digits}}" for number in range(len(first))]
    if not dialect.header:
        return numbered
    return unique_names([text.strip() or name for text, name in zip(first, numbered, strict=True)])


def _types(
    samples: Sequence[Sample], names: Sequence[str], declared: Mapping[str, SqlType], options: Options, dialect: Dialect
) -> list[SqlType]:
    if declared:
        return list(declared.values())
    given = {name.lower(): type_ for name, type_ in _declared(options, "types").items()}
    for name in given:
        if name not in [known.lower() for known in names]:
            raise SettingError(f"option 'types' names a column {name!r} that is not there.{did_you_mean(name, names)}")
    types = []
    for position, name in enumerate(names):
        if name.lower() in given:
            types.append(given[name.lower()])
        elif options.get("all_varchar"):
            types.append(VARCHAR)
        else:
            types.append(guess_type(_pooled(samples, position, None if dialect.header else dialect)))
    return types


def _pooled(samples: Sequence[Sample], position: int, with_firsts: Dialect | None = None) -> pa.ChunkedArray:
    """The texts of one column in all samples; with those of the first records if a dialect is given."""
    chunks = [chunk for sample in samples for chunk in sample.rows.column(position).chunks]
    if with_firsts is not None:
        texts = [sample.first[position] for sample in samples]
        chunks.append(pa.array([None if text == with_firsts.null else text for text in texts], pa.string()))
    return pa.chunked_array(chunks, pa.string())


def _is_repetitive(samples: Sequence[Sample], position: int) -> bool:
    """Whether a dictionary pays: at least a hundred rows, each value twenty times on average."""
    texts = _pooled(samples, position)
    return len(texts) >= 100 and pc.count_distinct(texts).as_py() * 20 <= len(texts)


def _check_widths(firsts: Mapping[str, tuple[str, ...]], width: int, dialect: Dialect) -> None:
    reference = next((path for path, first in firsts.items() if len(first) == width), None)
    for path, first in firsts.items():
        if first and len(first) != width:
            expected = f"{width} as in {reference!r}" if reference else f"{width}"
            raise FileFormatError(
                f"{path!r} has {len(first)} columns, not {expected}: {', '.join(first)[:200]};"
                " rewrite it, query it as a table of its own,"
                f" or say how it is written (delim = {dialect.delimiter!r} now)"
            )


def _check_names(firsts: Mapping[str, tuple[str, ...]], dialect: Dialect, files: Sequence[FileInfo]) -> None:
    if not dialect.header:
        return
    reference: tuple[str, list[str]] | None = None
    for file in files:
        first = firsts.get(file.path)
        if not first:
            continue
        names = _names(first, dialect)
        if reference is None:
            reference = (file.path, names)
        elif names != reference[1]:
            position = next(k for k, (one, other) in enumerate(zip(names, reference[1], strict=True)) if one != other)
            raise FileFormatError(
                f"files of one table disagree: column {position + 1} is {reference[1][position]!r} in {reference[0]!r}"
                f" but {names[position]!r} in {file.path!r}; rewrite one of them, or query them as two tables"
            )
