"""Columns that no file stores: partition columns, the file's name and number, the row's number in its file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from sqlengine.errors import FileFormatError
from sqlengine.storage.file_list import FileList
from sqlengine.storage.format import ColumnStatistics, Field, Split
from sqlengine.storage.hive import Partitioning
from sqlengine.types import BIGINT, UBIGINT, VARCHAR, SqlType, arrow_type
from sqlengine.words import numbers_to_arrow

FILENAME: Final = "filename"
FILE_INDEX: Final = "file_index"
ROW_NUMBER: Final = "file_row_number"

_TYPES: Final[Mapping[str, SqlType]] = {FILENAME: VARCHAR, FILE_INDEX: UBIGINT, ROW_NUMBER: BIGINT}


@dataclass(frozen=True, slots=True)
class PathColumns:
    """What is known of a row from where it lies.

    Attributes
    ----------
    partitioning
        The columns out of `key=value` folders.
    fields
        All columns of the table, those of the files included.
    hidden
        Columns that stand in no `*` and are found by name all the same, as in DuckDB.
    sources
        Name of a column that is not stored -> partition key, `filename`, `file_index` or `file_row_number`.
    """

    partitioning: Partitioning
    fields: tuple[Field, ...]
    hidden: tuple[Field, ...]
    sources: Mapping[str, str]

    def values(self, path: str, files: FileList, columns: Sequence[str]) -> dict[str, object]:
        """Those of `columns` that have one value in all rows of the file at `path`, with it."""
        keys = self.partitioning.values(path)
        found: dict[str, object] = {}
        for name in columns:
            match self.sources.get(name):
                case None:
                    continue
                case key if key in keys:
                    found[name] = keys[key]
                case "filename":
                    found[name] = files.shown(path)
                case "file_index":
                    found[name] = files.position(path)
        return found

    def places(self, columns: Sequence[str]) -> Callable[[str], str]:
        """Tells of a file's path what `columns` depend on: its folder (files share those), or the path."""
        keys = {field.name for field in self.partitioning.fields}
        if all(self.sources[name] in keys for name in columns):
            return lambda path: path.rpartition("/")[0]
        return lambda path: path

    def statistics(self, path: str, rows: int, files: FileList, columns: Sequence[str]) -> dict[str, ColumnStatistics]:
        """What is known of `rows` rows of the file at `path`."""
        return {
            name: ColumnStatistics(nulls=rows) if value is None else ColumnStatistics(value, value, 0, 1)
            for name, value in self.values(path, files, columns).items()
        }

    def row_numbers(self, split: Split, columns: Sequence[str]) -> dict[str, ColumnStatistics]:
        """Bounds of the column that numbers rows, within a split, if it is one of `columns`."""
        if not split.rows_exact:
            return {}
        last = split.first_row + split.rows - 1
        return {
            name: ColumnStatistics(split.first_row, last, 0, split.rows)
            for name in columns
            if self.sources.get(name) == ROW_NUMBER
        }

    def pieces(self, splits: Sequence[Split], columns: Sequence[str]) -> Iterator[list[Split]]:
        """Adjacent splits whose rows have the same values of the `columns` that have one in all rows of a file.

        If rows are to be numbered, only such as lie one behind the other in a file.
        """
        numbered = any(self.sources.get(name) == ROW_NUMBER for name in columns)
        place = self.places([name for name in columns if self.sources.get(name, ROW_NUMBER) != ROW_NUMBER])
        group: list[Split] = []
        for split in splits:
            if group:
                last = group[-1]
                if numbered:
                    joins = last.path == split.path and last.first_row + last.rows == split.first_row
                else:
                    joins = last.path == split.path or place(last.path) == place(split.path)
                if not joins:
                    yield group
                    group = []
            group.append(split)
        if group:
            yield group

    def complete(
        self, batch: pa.RecordBatch, columns: Sequence[str], values: Mapping[str, object], first_row: int
    ) -> pa.RecordBatch:
        """A batch of a file with all of `columns`; `values` as of `values`, `first_row` the number of its first row."""
        types = {field.name: field.type for field in (*self.fields, *self.hidden)}
        arrays = []
        for name in columns:
            if name in values:
                arrays.append(_constant(values[name], types[name], batch.num_rows))
            elif name in self.sources:
                arrays.append(numbers_to_arrow(np.arange(first_row, first_row + batch.num_rows)))
            else:
                arrays.append(batch.column(name))
        return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def place_columns(
    stored: Sequence[Field], partitioning: Partitioning, shown: Mapping[str, str], numbers_rows: bool
) -> PathColumns:
    """The columns of a table whose files store `stored`.

    They are in this order, with partition columns in the place of namesakes; then those of `shown` (name -> `filename`
    or `file_row_number`), then the other partition columns. `numbers_rows`: whether the format knows numbers of rows.

    Raises
    ------
    FileFormatError
        If a column of `shown` is there already.
    """
    by_key = {field.name.lower(): field for field in partitioning.fields}
    names = {field.name.lower() for field in stored}
    sources: dict[str, str] = {}
    fields = []
    for field in stored:
        partition = by_key.get(field.name.lower())
        if partition is not None:
            sources[field.name] = partition.name
        fields.append(field if partition is None else Field(field.name, partition.type))
    for name, what in shown.items():
        if name.lower() in names | by_key.keys():
            raise FileFormatError(f"option {what} adds a column {name!r}, but the files already have one")
        sources[name] = what
        fields.append(Field(name, _TYPES[what]))
    for key, partition in by_key.items():
        if key not in names:
            sources[partition.name] = partition.name
            fields.append(partition)
    taken = {field.name.lower() for field in fields}
    hidden = tuple(
        Field(what, type_)
        for what, type_ in _TYPES.items()
        if what not in taken and what not in shown.values() and (numbers_rows or what != ROW_NUMBER)
    )
    return PathColumns(partitioning, tuple(fields), hidden, sources | {field.name: field.name for field in hidden})


def _constant(value: object, type_: SqlType, rows: int) -> pa.Array:
    """`rows` times `value`; text as one dictionary entry."""
    target = arrow_type(type_)
    if type_ == VARCHAR:
        codes = pa.repeat(pa.scalar(None if value is None else 0, pa.int32()), rows)
        return pa.DictionaryArray.from_arrays(codes, pa.array([] if value is None else [value], target))
    return pa.repeat(pa.scalar(value, target), rows)
