"""Guess the columns of CSV files: header, names and types, held against each other and against options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from sqlengine.errors import SettingError, did_you_mean
from sqlengine.storage.csv_dialect import Dialect
from sqlengine.storage.csv_errors import explain_failure
from sqlengine.storage.csv_guess import guess_dialect
from sqlengine.storage.csv_header import check_names, check_widths, have_header, in_other_order, names_of
from sqlengine.storage.csv_options import CsvOptions, csv_options
from sqlengine.storage.csv_parse import Layout
from sqlengine.storage.csv_sample import (
    Sample,
    Unsampled,
    first_record,
    pooled,
    read_head,
    read_line,
    sample_file,
    spread,
    widest,
)
from sqlengine.storage.csv_types import AS_CAST, guess_type, needs_cast
from sqlengine.storage.filesystem import FileInfo, file_errors, in_parallel
from sqlengine.storage.format import Field, FileSchema, Options
from sqlengine.storage.schema import unique_names
from sqlengine.types import VARCHAR, SqlType, TypeKind

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
        return _schema(fields, [], dialect, settings, {}, set(), 1.0, False)
    by_name = bool(options.get("union_by_name")) and not settings.columns
    if not by_name:
        check_widths(firsts, len(settings.columns) or len(firsts[chosen[0].path]), dialect)
    else:
        chosen = _covering(chosen, filled, firsts)
    samples = _samples(chosen, firsts, heads, dialect, settings)
    if settings.header is None:
        dialect = replace(dialect, header=have_header(samples, settings, dialect))
    by_name = dialect.header and (by_name or (not settings.columns and in_other_order(firsts, dialect, settings)))
    if not by_name:
        check_names(firsts, dialect, settings)
    columns = _columns(samples, firsts, dialect, settings, by_name)
    declared = settings.columns or _declared(columns, settings)
    fields_, formats, by_cast = [], {}, set()
    for column in columns:
        type_, format_ = _type_and_format(column, declared, settings)
        fields_.append(Field(column.name, type_))
        if format_ == AS_CAST or needs_cast(type_):
            by_cast.add(column.name)
        elif format_ is not None:
            formats[column.name] = format_
    rows = sum(sample.rows.num_rows for sample in samples)
    size = sum(sample.size for sample in samples)
    _check_not_null(settings, fields_)
    return _schema(
        fields_, columns, dialect, settings, formats, by_cast, max(1.0, size / max(1, rows)), by_name, declared
    )


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


def _schema(
    fields: Sequence[Field],
    columns: Sequence[_Column],
    dialect: Dialect,
    settings: CsvOptions,
    formats: Mapping[str, str],
    by_cast: AbstractSet[str],
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
        by_cast=frozenset(by_cast),
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
            _Column(name, pooled([(sample, position) for sample in samples], dialect, with_first))
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
    return [_Column(name, pooled(places[key], dialect, False)) for key, name in spelled.items()]


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


def _is_repetitive(texts: pa.ChunkedArray) -> bool:
    """Whether a dictionary pays: at least a hundred rows, each value twenty times on average."""
    return len(texts) >= 100 and pc.count_distinct(texts).as_py() * 20 <= len(texts)
