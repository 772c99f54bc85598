"""Reading the splits of one task: from the files or the cache of columns, watched for zone maps, with columns of paths.

::

    files ── format ──┬── SplitColumns (cache) ── SplitWatch (zones) ── PathColumns ── batches
    cached columns ───┘
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from sqlengine.storage import column_cache
from sqlengine.storage.batches import joined
from sqlengine.storage.column_cache import SplitColumns
from sqlengine.storage.file_list import FileList
from sqlengine.storage.filesystem import changed, fetch_files, is_unchanged
from sqlengine.storage.format import FileSchema, Format, Options, Split
from sqlengine.storage.path_columns import PathColumns
from sqlengine.storage.table import ScanReport, ScanTask
from sqlengine.storage.zone_maps import SplitWatch
from sqlengine.types import SqlType


@dataclass(frozen=True, slots=True)
class FileScan:
    """What reading the splits of a table needs to know of it.

    Attributes
    ----------
    files, format, schema, options
        The files, and how they are read.
    columns
        Those that follow from where a row lies.
    types
        Of all columns by name.
    scope
        What decides the values that are read, the files aside; '' if unknown.
    """

    files: FileList
    format: Format
    schema: FileSchema
    options: Options
    columns: PathColumns
    types: Mapping[str, SqlType]
    scope: str

    def is_decoded(self, column: str) -> bool:
        """Whether reading a column is more than copying bytes."""
        return column not in self.columns.sources and column not in self.schema.plain

    def batches(
        self, task: ScanTask, columns: Sequence[str], batch_rows: int, report: ScanReport
    ) -> Iterator[pa.RecordBatch]:
        """Batches of `columns`, splits in the task's order; `report` takes what is found out on the way."""
        fetch_files(list(dict.fromkeys(split.path for split in task.splits)))
        stored = [name for name in columns if name not in self.columns.sources]
        report.is_plain = bool(stored) and not any(map(self.is_decoded, stored))
        watch = SplitWatch(self.scope, {name: self.types[name] for name in task.watch}) if task.watch else None
        cache = None
        column_cache.let_go(task.generation)
        if task.cache is not None:
            types = {name: self.types[name] for name in stored if self.is_decoded(name)}
            report.table, report.columns, report.budget = task.cache.table, tuple(types), task.cache.budget
            report.splits = len(task.splits)
            cache = SplitColumns(task.cache, self.scope, types, report) if task.cache.folder is not None else None
        if len(stored) == len(columns):
            yield from self._stored(task.splits, stored, batch_rows, watch, cache)
        else:
            for splits in self.columns.pieces(task.splits, columns):
                values = self.columns.values(splits[0].path, self.files, columns)
                row = splits[0].first_row
                for batch in joined(self._stored(splits, stored, batch_rows, watch, cache), batch_rows):
                    yield self.columns.complete(batch, columns, values, row)
                    row += batch.num_rows
        if watch is not None:
            report.zones += watch.zones

    def _stored(
        self,
        splits: Sequence[Split],
        columns: Sequence[str],
        batch_rows: int,
        watch: SplitWatch | None,
        cache: SplitColumns | None,
    ) -> Iterator[pa.RecordBatch]:
        """Batches of columns that the files store."""

        def read(splits: Sequence[Split], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
            self._check_unchanged(splits)
            yield from self.format.read(splits, self.schema, columns, self.options, batch_rows)
            self._check_unchanged(splits)

        if watch is None and cache is None:
            yield from read(splits, columns)
            return
        for split in splits:
            if cache is None:
                batches = read((split,), columns)
            else:
                batches = cache.each(split, columns, functools.partial(read, (split,)), batch_rows)
            yield from batches if watch is None else watch.each(split, batches)

    def _check_unchanged(self, splits: Sequence[Split]) -> None:
        """FileFormatError if a local file is not what it was when listed; readers of remote ones look themselves."""
        for path in dict.fromkeys(split.path for split in splits):
            listed = self.files.find(path)
            if listed is not None and listed.mtime_ns and not is_unchanged(listed):
                raise changed(path)
