"""Guess the columns of CSV files: header, names and types, held against each other and against options."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from sqlengine.errors import FileFormatError, SettingError, did_you_mean
from sqlengine.storage.csv_dialect import Dialect, dialect_from_options
from sqlengine.storage.csv_errors import explain_failure
from sqlengine.storage.csv_sample import (
    Sample,
    first_record,
    map_file,
    read_head,
    records_start,
    sample_file,
    spread,
)
from sqlengine.storage.csv_types import fits, guess_type
from sqlengine.storage.filesystem import FileInfo, compression_of, file_errors
from sqlengine.storage.format import Field, FileSchema, Options
from sqlengine.storage.schema import unique_names
from sqlengine.storage.type_names import parse_type_name
from sqlengine.types import VARCHAR, SqlType, TypeKind

_SAMPLED_FILES: Final = 32
_SAMPLE_ROWS: Final = 20_480
_LEAST_BLOCK: Final = 8 << 10


@dataclass(frozen=True, slots=True)
class Layout:
    """What reading needs to know beyond the fields; `FileSchema.details["layout"]`.

    Attributes
    ----------
    dictionaries
        Names of text columns that are read as dictionaries.
    row_bytes
        Bytes of text a record takes, on average over the sample.
    """

    dialect: Dialect
    dictionaries: frozenset[str]
    row_bytes: float
    date_format: str | None
    timestamp_format: str | None


def guess_schema(files: Sequence[FileInfo], options: Options) -> FileSchema:
    """The columns of `files`; see `CsvFormat.schema`."""
    filled = [file for file in files if file.size]
    sampled = spread(filled, _SAMPLED_FILES)
    heads = {file.path: read_head(file) for file in sampled}
    dialect = dialect_from_options(options, [head.decode("utf-8", errors="replace") for head in heads.values()])
    firsts = {file.path: first_record(heads.get(file.path) or read_head(file), dialect) for file in filled}
    sampled = [file for file in sampled if firsts[file.path]]
    declared = _declared(options, "columns")
    if not sampled:
        fields = tuple(Field(name, type_) for name, type_ in declared.items()) or (Field("column0", VARCHAR),)
        return FileSchema(fields, {"layout": _layout(dialect, frozenset(), 1.0, options)})
    _check_widths(firsts, len(declared) or len(firsts[sampled[0].path]), dialect)
    block = _block_bytes(heads, sampled, options)
    samples = [_sample(file, dialect, firsts[file.path], block) for file in sampled]
    guesses = list(declared.values()) or _guesses(samples)
    if "header" not in options:
        dialect = dataclasses.replace(dialect, header=_have_header(samples, guesses, declared, dialect))
    names = list(declared) or _names(samples[0].first, dialect)
    if not declared:
        _check_names(firsts, dialect, files)
        # Without a header the first records are data, and may widen a type.
        guesses = guesses if dialect.header else _guesses(samples, dialect)
    types = list(declared.values()) or _types(names, guesses, options)
    rows = sum(sample.rows.num_rows for sample in samples)
    size = sum(sample.size for sample in samples)
    dictionaries = frozenset(
        name
        for position, name in enumerate(names)
        if types[position].kind is TypeKind.VARCHAR and _is_repetitive(samples, position)
    )
    fields = tuple(Field(name, type_) for name, type_ in zip(names, types, strict=True))
    return FileSchema(fields, {"layout": _layout(dialect, dictionaries, max(1.0, size / max(1, rows)), options)})


def _layout(dialect: Dialect, dictionaries: frozenset[str], row_bytes: float, options: Options) -> Layout:
    formats = [options.get(name) for name in ("dateformat", "timestampformat")]
    date_format, timestamp_format = (None if text is None else str(text) for text in formats)
    return Layout(dialect, dictionaries, row_bytes, date_format, timestamp_format)


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


def _guesses(samples: Sequence[Sample], with_firsts: Dialect | None = None) -> list[SqlType]:
    return [guess_type(_pooled(samples, position, with_firsts)) for position in range(len(samples[0].first))]


def _have_header(
    samples: Sequence[Sample], types: Sequence[SqlType], declared: Mapping[str, SqlType], dialect: Dialect
) -> bool:
    """Whether first records are names: a text where the column holds something else, or texts everywhere.

    Raises
    ------
    FileFormatError
        If this holds for some files only.
    """
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


def _types(names: Sequence[str], guesses: Sequence[SqlType], options: Options) -> list[SqlType]:
    """The guesses, overruled by options `types` and `all_varchar`."""
    given = {name.lower(): type_ for name, type_ in _declared(options, "types").items()}
    for name in given:
        if name not in [known.lower() for known in names]:
            raise SettingError(f"option 'types' names a column {name!r} that is not there.{did_you_mean(name, names)}")
    all_varchar = bool(options.get("all_varchar"))
    return [
        given.get(name.lower(), VARCHAR if all_varchar else guess) for name, guess in zip(names, guesses, strict=True)
    ]


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
