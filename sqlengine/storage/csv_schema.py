"""Guess the columns of CSV files: header, names and types, held against each other and against options."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from sqlengine.errors import FileFormatError, SettingError, did_you_mean
from sqlengine.keywords import KEYWORDS
from sqlengine.storage.csv_dialect import Dialect
from sqlengine.storage.csv_errors import explain_failure
from sqlengine.storage.csv_guess import guess_dialect
from sqlengine.storage.csv_options import CsvOptions, csv_options
from sqlengine.storage.csv_parse import Layout
from sqlengine.storage.csv_sample import (
    Sample,
    Unsampled,
    first_record,
    read_head,
    read_line,
    sample_file,
    spread,
    widest,
)
from sqlengine.storage.csv_types import guess_type
from sqlengine.storage.filesystem import FileInfo, file_errors, in_parallel
from sqlengine.storage.format import Field, FileSchema, Options
from sqlengine.storage.schema import unique_names
from sqlengine.types import BOOLEAN, VARCHAR, SqlType, TypeKind

_LEAST_BLOCK: Final = 8 << 10


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the table, and its texts in the samples."""

    name: str
    texts: pa.ChunkedArray


def guess_schema(files: Sequence[FileInfo], options: Options) -> FileSchema:
    """The columns of `files`; see `CsvFormat.schema`."""
    settings = csv_options(options)
    filled = [file for file in files if file.size]
    paths = [file.path for file in filled]
    chosen = spread(filled, settings.sample_files or len(filled))
    heads = _heads([file.path for file in chosen], settings)
    dialect = guess_dialect(settings, list(heads.values()))
    # Of all files, for each has to have the columns.
    firsts = {path: first for path, first in _firsts(paths, heads, dialect).items() if first}
    if settings.null_padding and firsts:
        most = max(widest([heads[file.path] for file in chosen], dialect), len(settings.columns))
        firsts = {path: (*first, *[""] * (most - len(first))) for path, first in firsts.items()}
    chosen = [file for file in chosen if file.path in firsts]
    if not chosen:
        dialect = replace(dialect, header=bool(settings.header))
        fields = tuple(Field(name, type_) for name, type_ in settings.columns.items()) or (Field("column0", VARCHAR),)
        return _schema(fields, [], dialect, settings, {}, 1.0, False)
    by_name = bool(options.get("union_by_name")) and not settings.columns
    if not by_name:
        _check_widths(firsts, len(settings.columns) or len(firsts[chosen[0].path]), dialect)
    else:
        chosen = _covering(chosen, filled, firsts)
    samples = _samples(chosen, firsts, heads, dialect, settings)
    if settings.header is None:
        dialect = replace(dialect, header=_have_header(samples, settings, dialect))
    by_name = dialect.header and (by_name or (not settings.columns and _in_other_order(firsts, dialect, settings)))
    if not by_name:
        _check_names(firsts, dialect, settings)
    columns = _columns(samples, firsts, dialect, settings, by_name)
    declared = settings.columns or _declared(columns, settings)
    fields_, formats = [], {}
    for column in columns:
        type_, format_ = _type_and_format(column, declared, settings)
        fields_.append(Field(column.name, type_))
        if format_ is not None:
            formats[column.name] = format_
    rows = sum(sample.rows.num_rows for sample in samples)
    size = sum(sample.size for sample in samples)
    _check_not_null(settings, fields_)
    return _schema(fields_, columns, dialect, settings, formats, max(1.0, size / max(1, rows)), by_name, declared)


def _heads(paths: Sequence[str], settings: CsvOptions) -> dict[str, bytes]:
    found = in_parallel(lambda path: read_head(path, settings.encoding), paths, paths)
    return dict(zip(paths, found, strict=True))


def _firsts(paths: Sequence[str], heads: Mapping[str, bytes], dialect: Dialect) -> dict[str, tuple[str, ...]]:
    """The first record of each file; of those that are not in `heads` as little is read as will do."""

    def read(path: str) -> tuple[str, ...]:
        if path in heads:
            return first_record(heads[path], dialect)
        if dialect.skip == 0 and (head := read_line(path, dialect)) is not None:
            return first_record(head, dialect)
        return first_record(read_head(path, dialect.encoding), dialect)

    return dict(zip(paths, in_parallel(read, paths, paths), strict=True))


def names_of(first: Sequence[str], dialect: Dialect, settings: CsvOptions) -> list[str]:
    """The columns of a file with the first record `first`: names from the header, trimmed; numbered without one."""
    digits = len(str(len(first) - 1))
    names = [f"column{number:0{digits}}" for number in range(len(first))]
    if dialect.header:
        names = [text.strip() or name for text, name in zip(first, names, strict=True)]
        if settings.normalize_names:
            names = [_normal(name) for name in names]
    if len(settings.names) > len(names):
        raise SettingError(f"option 'names' has {len(settings.names)} names for {len(names)} columns")
    return unique_names([*settings.names, *names[len(settings.names) :]])


def _schema(
    fields: Sequence[Field],
    columns: Sequence[_Column],
    dialect: Dialect,
    settings: CsvOptions,
    formats: Mapping[str, str],
    row_bytes: float,
    by_name: bool,
    declared: Mapping[str, SqlType] | None = None,
) -> FileSchema:
    repetitive = {column.name for column in columns if _is_repetitive(column.texts)}
    told = {name.lower() for name in declared or settings.columns}
    layout = Layout(
        dialect=dialect,
        dictionaries=frozenset(
            field.name for field in fields if field.type.kind is TypeKind.VARCHAR and field.name in repetitive
        ),
        row_bytes=row_bytes,
        formats=dict(formats),
        decimal_point=settings.decimal_point,
        thousands=settings.thousands,
        not_null=frozenset(
            field.name for field in fields if field.name.lower() in {name.lower() for name in settings.not_null}
        ),
        guessed=frozenset(field.name for field in fields if field.name.lower() not in told),
        skips_faults=settings.ignore_errors,
        rejects_limit=settings.rejects_limit,
        max_line_size=settings.max_line_size,
        by_name=by_name,
    )
    return FileSchema(tuple(fields), {"layout": layout})


def _samples(
    files: Sequence[FileInfo],
    firsts: Mapping[str, tuple[str, ...]],
    heads: Mapping[str, bytes],
    dialect: Dialect,
    settings: CsvOptions,
) -> list[Sample]:
    text = b"".join(heads.values())
    row_bytes = len(text) / max(1, text.count(b"\n"))
    # Each file's three blocks together have about as many rows as the sample is to have.
    block = max(_LEAST_BLOCK, int(settings.sample_rows * row_bytes / (3 * len(files))))
    if settings.sample_rows == -1:
        block = max(file.size for file in files) * 100
    return [_sample(file, dialect, firsts[file.path], block, settings) for file in files]


def _sample(file: FileInfo, dialect: Dialect, first: tuple[str, ...], block: int, settings: CsvOptions) -> Sample:
    with file_errors(file.path, "CSV"):
        try:
            return sample_file(file, dialect, first, len(first), block, settings.ignore_errors)
        except Unsampled as error:
            names = unique_names([name.strip() or f"column{number}" for number, name in enumerate(first)])
            fields = [Field(name, VARCHAR) for name in names]
            raise explain_failure(file.path, error.piece, fields, fields, Layout(dialect), error) from error


def _columns(
    samples: Sequence[Sample],
    firsts: Mapping[str, tuple[str, ...]],
    dialect: Dialect,
    settings: CsvOptions,
    by_name: bool,
) -> list[_Column]:
    if not by_name:
        names = list(settings.columns) or names_of(samples[0].first, dialect, settings)
        # Without a header the first records are data, and may widen a type.
        with_first = not dialect.header
        return [
            _Column(name, _pooled([(sample, position) for sample in samples], dialect, with_first))
            for position, name in enumerate(names)
        ]
    spelled: dict[str, str] = {}
    for first in firsts.values():
        for name in names_of(first, dialect, settings):
            spelled.setdefault(name.lower(), name)
    places: dict[str, list[tuple[Sample, int]]] = {key: [] for key in spelled}
    for sample in samples:
        for position, name in enumerate(names_of(sample.first, dialect, settings)):
            places[name.lower()].append((sample, position))
    return [_Column(name, _pooled(places[key], dialect, False)) for key, name in spelled.items()]


def _covering(
    chosen: Sequence[FileInfo], files: Sequence[FileInfo], firsts: Mapping[str, tuple[str, ...]]
) -> list[FileInfo]:
    """`chosen`, and of the other files those with names in their first records that no file before has."""
    known = {name.strip().lower() for file in chosen for name in firsts[file.path]}
    more = list(chosen)
    for file in sorted(files, key=lambda each: each.path):
        names = {name.strip().lower() for name in firsts.get(file.path, ())}
        if not names <= known:
            known |= names
            more.append(file)
    return more


def _type_and_format(
    column: _Column, declared: Mapping[str, SqlType], settings: CsvOptions
) -> tuple[SqlType, str | None]:
    type_ = {name.lower(): each for name, each in declared.items()}.get(column.name.lower())
    if type_ is None and settings.all_varchar:
        return VARCHAR, None
    if type_ is None:
        return guess_type(column.texts, settings)
    if type_.kind is TypeKind.DATE and settings.date_format is not None:
        return type_, settings.date_format
    if type_.kind is TypeKind.TIMESTAMP and settings.timestamp_format is not None:
        return type_, settings.timestamp_format
    if type_.kind in (TypeKind.DATE, TypeKind.TIMESTAMP):
        # The type is declared, the way it is written still has to be found.
        guess, format_ = guess_type(column.texts, replace(settings, candidates=(type_,)))
        return type_, format_ if guess == type_ else None
    return type_, None


def _declared(columns: Sequence[_Column], settings: CsvOptions) -> dict[str, SqlType]:
    """Option `types`: column name -> type.

    Raises
    ------
    SettingError
        If a column is not there, or there are more types than columns.
    """
    names = [column.name for column in columns]
    if not isinstance(settings.types, Mapping):
        if len(settings.types) > len(names):
            raise SettingError(f"option 'types' has {len(settings.types)} types for {len(names)} columns")
        return dict(zip(names, settings.types, strict=False))
    for name in settings.types:
        if name not in [known.lower() for known in names]:
            raise SettingError(f"option 'types' names a column {name!r} that is not there.{did_you_mean(name, names)}")
    return dict(settings.types)


def _check_not_null(settings: CsvOptions, fields: Sequence[Field]) -> None:
    names = [field.name for field in fields]
    for name in settings.not_null:
        if name.lower() not in [known.lower() for known in names]:
            raise SettingError(
                f"option 'force_not_null' names a column {name!r} that is not there.{did_you_mean(name, names)}"
            )


def _have_header(samples: Sequence[Sample], settings: CsvOptions, dialect: Dialect) -> bool:
    """Whether first records are names: a text where the column holds something else, or texts everywhere.

    Raises
    ------
    FileFormatError
        If this holds for some files only.
    """
    alone = not any(sample.rows.num_rows for sample in samples)
    alike = len({len(sample.first) for sample in samples}) == 1
    pooled = _types_by_position(samples, settings, dialect) if alike else []
    known: dict[str, SqlType] = {}
    verdicts = {
        sample.path: _is_header(
            sample.first, pooled or _types_by_position([sample], settings, dialect), settings, alone, dialect, known
        )
        for sample in samples
    }
    with_header = [path for path, verdict in verdicts.items() if verdict]
    without = [path for path, verdict in verdicts.items() if not verdict]
    if with_header and without:
        raise FileFormatError(
            f"{with_header[0]!r} seems to start with a header but {without[0]!r} does not;"
            " say which: header = true or header = false"
        )
    return bool(with_header)


def _types_by_position(samples: Sequence[Sample], settings: CsvOptions, dialect: Dialect) -> list[SqlType]:
    if settings.columns:
        return list(settings.columns.values())
    width = len(samples[0].first)
    return [
        guess_type(_pooled([(sample, position) for sample in samples], dialect, False), settings)[0]
        for position in range(width)
    ]


def _is_header(
    first: Sequence[str],
    types: Sequence[SqlType],
    settings: CsvOptions,
    alone: bool,
    dialect: Dialect,
    known: dict[str, SqlType],
) -> bool:
    """As `_have_header`, of one file; `alone` says that no file has more records, `known` is filled with types."""
    declared = settings.columns
    own = [_own_type(text, settings, known) for text in first]
    lowered = [text.strip().lower() for text in first]
    if declared and lowered == [name.lower() for name in declared]:
        return True
    if isinstance(settings.types, Mapping) and settings.types and set(settings.types) <= set(lowered):
        return True
    if alone and not declared:
        return all(type_ == VARCHAR for type_ in own)
    if all(type_ == VARCHAR for type_ in types):
        return not declared and all(type_ in (VARCHAR, BOOLEAN) for type_ in own)
    return any(
        # `t` over dates is a name, though it could be a BOOLEAN.
        type_ != VARCHAR and mine in (VARCHAR, BOOLEAN) and mine != type_ and text not in dialect.nulls
        for type_, mine, text in zip(types, own, first, strict=True)
    )


def _own_type(text: str, settings: CsvOptions, known: dict[str, SqlType]) -> SqlType:
    if text not in known:
        texts = pa.array([None if text in settings.nulls else text], pa.string())
        known[text] = guess_type(texts, settings)[0]
    return known[text]


def _normal(name: str) -> str:
    """A name that needs no quotes, as DuckDB makes it."""
    plain = re.sub(r"[^a-z0-9_]", "_", name.lower())
    return f"_{plain}" if not plain or plain[0].isdigit() or plain in KEYWORDS else plain


def _pooled(places: Sequence[tuple[Sample, int]], dialect: Dialect, with_first: bool) -> pa.ChunkedArray:
    """The texts of one column, at those positions of samples; with those of the first records if these are data."""
    chunks = [chunk for sample, position in places for chunk in sample.rows.column(position).chunks]
    if with_first:
        texts = [sample.first[position] for sample, position in places]
        chunks.append(pa.array([None if text in dialect.nulls else text for text in texts], pa.string()))
    return pa.chunked_array(chunks, pa.string())


def _is_repetitive(texts: pa.ChunkedArray) -> bool:
    """Whether a dictionary pays: at least a hundred rows, each value twenty times on average."""
    return len(texts) >= 100 and pc.count_distinct(texts).as_py() * 20 <= len(texts)


def _check_widths(firsts: Mapping[str, tuple[str, ...]], width: int, dialect: Dialect) -> None:
    reference = next((path for path, first in firsts.items() if len(first) == width), None)
    for path, first in firsts.items():
        if len(first) != width:
            expected = f"{width} as in {reference!r}" if reference else f"{width}"
            raise FileFormatError(
                f"{path!r} has {len(first)} columns, not {expected}: {', '.join(first)[:200]};"
                " rewrite it, query it as a table of its own, take columns by their names (union_by_name = true),"
                f" or say how it is written (delim = {dialect.delimiter!r} now)"
            )


def _in_other_order(firsts: Mapping[str, tuple[str, ...]], dialect: Dialect, settings: CsvOptions) -> bool:
    """Whether all files have the same columns, but not all in the same order."""
    orders = {tuple(name.lower() for name in names_of(first, dialect, settings)) for first in firsts.values()}
    return len(orders) > 1 and len({frozenset(order) for order in orders}) == 1


def _check_names(firsts: Mapping[str, tuple[str, ...]], dialect: Dialect, settings: CsvOptions) -> None:
    if not dialect.header or settings.columns:
        return
    reference: tuple[str, list[str]] | None = None
    for path, first in firsts.items():
        names = names_of(first, dialect, settings)
        if reference is None:
            reference = (path, names)
        elif [name.lower() for name in names] != [name.lower() for name in reference[1]]:
            position = next(
                k
                for k, (one, other) in enumerate(zip(names, reference[1], strict=True))
                if one.lower() != other.lower()
            )
            raise FileFormatError(
                f"files of one table disagree: column {position + 1} is {reference[1][position]!r} in {reference[0]!r}"
                f" but {names[position]!r} in {path!r}; union_by_name = true has both, NULL where a file lacks one"
            )
