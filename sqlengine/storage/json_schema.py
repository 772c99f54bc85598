"""Guess the columns of JSON files from a sample that is spread over files and within each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlengine.errors import FileFormatError, SettingError
from sqlengine.storage.filesystem import FileInfo
from sqlengine.storage.format import Field, FileSchema
from sqlengine.storage.json_arrow import VALUE_COLUMN
from sqlengine.storage.json_options import JsonOptions
from sqlengine.storage.json_sample import sample_values, spread_files
from sqlengine.storage.json_structure import Structure
from sqlengine.storage.json_texts import Formats, agree, declared_formats
from sqlengine.storage.schema import unique_names
from sqlengine.types import JSON, SqlType, TypeKind

# Bytes of a value, for estimates of rows, if nothing was sampled.
_VALUE_BYTES: Final = 100.0


@dataclass(frozen=True, slots=True)
class Layout:
    """What reading needs to know beyond the fields; `FileSchema.details["layout"]`.

    Attributes
    ----------
    keys
        Column name -> key of its values in the records; None: the column holds the values themselves.
    record
        The type of the values if members outside of it are an error: those of a table whose columns were guessed.
    row_bytes
        Bytes of a value, on average over the sample.
    """

    options: JsonOptions
    keys: dict[str, str | None]
    formats: Formats
    record: SqlType | None
    row_bytes: float


def guess_schema(files: Sequence[FileInfo], options: JsonOptions) -> FileSchema:
    """The columns of `files`; see `JsonFormat.schema`."""
    filled = [file for file in files if file.size]
    guess = not options.columns and not options.objects
    # Where nothing is to be guessed, a look at one file says how long values are.
    sampled = spread_files(filled, (-1 if options.union_by_name else options.sample_files) if guess else 1)
    structure = Structure()
    rows, size = 0, 0
    values: list[Any] = []
    for file in sampled:
        for sample in sample_values(file, options, len(sampled)):
            if options.columns:
                values += sample.values
            rows += len(sample.values)
            size += sample.size
            if guess:
                structure.add(sample.values, options)
    row_bytes = max(1.0, size / rows) if rows else _VALUE_BYTES
    if options.objects:
        return _schema([(None, VALUE_COLUMN, JSON)], options, declared_formats(options), None, row_bytes)
    if options.columns:
        return _declared(options, _are_records(values), row_bytes)
    formats = agree(list(structure.texts()))
    type_ = structure.type(options)
    is_record = type_.kind is TypeKind.STRUCT
    if options.records and not is_record and rows:
        raise FileFormatError(
            f"{sampled[0].path!r}: the values are no records but {type_};"
            " leave out records = true to read them as one column"
        )
    strict = None if options.ignore_errors or options.union_by_name else type_
    if is_record and options.records is not False:
        names = unique_names([key for key, _ in type_.children])
        columns = [(key, name, child) for name, (key, child) in zip(names, type_.children, strict=True)]
        return _schema(columns, options, formats, strict, row_bytes)
    return _schema([(None, VALUE_COLUMN, type_)], options, formats, strict, row_bytes)


def _are_records(values: Sequence[Any]) -> bool:
    """Whether values are objects, and have members if there are any."""
    known = [value for value in values if value is not None]
    return all(isinstance(value, dict) for value in known) and (not known or any(known))


def _declared(options: JsonOptions, records: bool, row_bytes: float) -> FileSchema:
    """Columns as declared: members of records, or the values themselves if those of the sample are no `records`."""
    values = options.records is False or (options.records is None and not records and len(options.columns) == 1)
    if values and len(options.columns) != 1:
        raise SettingError(f"values that are no records are one column, not {', '.join(options.columns)}")
    columns = [(None if values else name, name, type_) for name, type_ in options.columns.items()]
    return _schema(columns, options, declared_formats(options), None, row_bytes)


def _schema(
    columns: Sequence[tuple[str | None, str, SqlType]],
    options: JsonOptions,
    formats: Formats,
    record: SqlType | None,
    row_bytes: float,
) -> FileSchema:
    keys = {name: key for key, name, _ in columns}
    layout = Layout(options, keys, formats, record, row_bytes)
    narrows = frozenset(name for name, key in keys.items() if key is not None)
    return FileSchema(tuple(Field(name, type_) for _, name, type_ in columns), {"layout": layout}, narrows=narrows)
