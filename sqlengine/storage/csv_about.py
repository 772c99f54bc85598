"""What tables about CSV files have in common: how these are written, which of their rows do not fit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from sqlengine.storage.conform import empty_batch
from sqlengine.storage.csv import CsvFormat
from sqlengine.storage.filesystem import FileInfo
from sqlengine.storage.format import ColumnStatistics, Field, FileSchema, Options, Split
from sqlengine.types import arrow_type


class CsvAbout(ABC):
    """A `Format` that reads, with the options of `CsvFormat`, something of CSV files besides their rows."""

    name: str
    fields: tuple[Field, ...]
    extensions: tuple[str, ...] = ()
    has_statistics = False
    options: Mapping[str, type] = CsvFormat.options

    @abstractmethod
    def rows(self, split: Split, table: FileSchema, options: Options) -> Iterable[Mapping[str, Any]]:
        """What there is to tell of a split, by the names of `fields`; `table` is the schema of the files as a table."""

    def schema(self, files: Sequence[FileInfo], options: Options) -> FileSchema:
        """The same columns for all files; what the guess finds out about these is kept."""
        return FileSchema(self.fields, {"table": CsvFormat().schema(files, options)})

    def splits(self, file: FileInfo, schema: FileSchema, options: Options, target_bytes: int) -> list[Split]:
        """One, of one row."""
        return [Split(file.path, 0, file.size, 1, file.size)]

    def statistics(self, split: Split, schema: FileSchema, columns: Sequence[str]) -> Mapping[str, ColumnStatistics]:
        """Nothing is known."""
        return {}

    def reading(self, schema: FileSchema, options: Options) -> str | None:
        """Nothing is to be remembered."""
        return None

    def read(
        self, splits: Sequence[Split], schema: FileSchema, columns: Sequence[str], options: Options, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Batches of what `rows` tells of each split."""
        types = {field.name: arrow_type(field.type) for field in self.fields}
        for split in splits:
            rows = list(self.rows(split, table_of(schema), options))
            for start in range(0, len(rows), batch_rows):
                some = rows[start : start + batch_rows]
                arrays = [pa.array([row[name] for row in some], types[name]) for name in columns]
                yield pa.RecordBatch.from_arrays(arrays, names=list(columns)) if columns else empty_batch(len(some))


def table_of(schema: FileSchema) -> FileSchema:
    """The schema of the files as a table."""
    table = schema.details["table"]
    assert isinstance(table, FileSchema)
    return table
