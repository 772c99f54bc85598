"""`FileTable`: files of one format as one table."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any, TypeVar

import pyarrow as pa

from sqlengine.errors import NotSupportedError
from sqlengine.storage import column_cache, zone_maps
from sqlengine.storage.batches import joined
from sqlengine.storage.column_cache import COLUMNS
from sqlengine.storage.file_list import FileList
from sqlengine.storage.file_scan import FileScan
from sqlengine.storage.files.access import FileAccess, each_within, within
from sqlengine.storage.files.isolation import look
from sqlengine.storage.filesystem import FileInfo, in_parallel
from sqlengine.storage.format import ColumnStatistics, Field, FileSchema, Format, Split
from sqlengine.storage.formats import find_format
from sqlengine.storage.path_columns import ROW_NUMBER, PathColumns
from sqlengine.storage.splits import describe_pruning, group_splits, narrowed
from sqlengine.storage.statistics import UNKNOWN, excluding, merge_statistics, widened, within_bounds
from sqlengine.storage.table import Predicate, ScanPlan, ScanReport, ScanTask
from sqlengine.storage.zone_maps import leave_out
from sqlengine.types import SqlType

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Description:
    """What the files were opened as: name of a format, and its options."""

    format: str
    options: tuple[tuple[str, object], ...]


class FileTable:
    """A `Table` over files. Made by `open_table`; pickles small, and reads after unpickling without listing again."""

    def __init__(
        self,
        files: FileList,
        description: Description,
        schema: FileSchema,
        columns: PathColumns,
        access: FileAccess,
        *,
        task_rows: int,
        split_bytes: int,
    ) -> None:
        self._files = files
        self._description = description
        self._schema = schema
        self._columns = columns
        self._access = access
        self._task_rows = task_rows
        self._split_bytes = split_bytes
        self._types = {field.name: field.type for field in (*columns.fields, *columns.hidden)}
        self._format: Format = find_format(description.format)
        self._options = dict(description.options)
        self._splits: dict[str, list[Split]] = {}
        self._statistics: dict[str, ColumnStatistics] = {}
        self._by_split: dict[tuple[Split, str], ColumnStatistics] = {}

    @property
    def fields(self) -> tuple[Field, ...]:
        """Columns of the files, then those that options add, then partition columns; see `place_columns`."""
        return self._columns.fields

    @property
    def hidden_fields(self) -> tuple[Field, ...]:
        """`filename`, `file_index` and `file_row_number`, unless a column is called so."""
        return self._columns.hidden

    @property
    def description(self) -> str:
        """`parquet, 3 files`."""
        count = len(self._files.files)
        text = f"{self._format.name}, {count} file{'s' if count != 1 else ''}"
        if self._columns.partitioning.fields:
            text += f" by {', '.join(field.name for field in self._columns.partitioning.fields)}"
        if unlisted := len(self._files.unlisted):
            text += f", {unlisted} folder{'s' if unlisted != 1 else ''} not listed"
        return text

    @property
    def files(self) -> tuple[FileInfo, ...]:
        """The files, in the order in which they are read."""
        return self._files.files

    @property
    def whole_fields(self) -> tuple[Field, ...]:
        """The columns that the files store, with all fields of their structs."""
        return self._schema.whole or self._schema.fields

    def narrowed(self, types: Mapping[str, SqlType]) -> FileTable | None:
        """The same table, columns of it with fewer fields in their structs; None if its format cannot read it so."""
        if not types.keys() <= self._schema.narrows - self._columns.sources.keys():
            return None

        def narrow(fields: tuple[Field, ...]) -> tuple[Field, ...]:
            return tuple(Field(field.name, types.get(field.name, field.type)) for field in fields)

        schema = replace(self._schema, fields=narrow(self._schema.fields), whole=self.whole_fields)
        columns = replace(self._columns, fields=narrow(self._columns.fields))
        table = FileTable(
            self._files,
            self._description,
            schema,
            columns,
            self._access,
            task_rows=self._task_rows,
            split_bytes=self._split_bytes,
        )
        # Splits and statistics do not depend on fields of structs.
        table._splits, table._statistics, table._by_split = self._splits, self._statistics, self._by_split
        return table

    def look(self, function: Callable[..., T], *arguments: Any) -> T:
        """What a function finds that reads this table while a query is planned; see `isolation.look`."""
        with within(self._access, self._files.find):
            return look([file.path for file in self.files], function, *arguments)

    def row_count(self) -> int:
        """Rows: exact for Parquet, an estimate for text."""
        return self._row_count

    @functools.cached_property
    def _row_count(self) -> int:
        return sum(split.rows for splits in self._all_splits() for split in splits)

    def size(self) -> int:
        """Bytes of all files."""
        return self._size

    @functools.cached_property
    def _size(self) -> int:
        return sum(file.size for file in self.files)

    def statistics(self, column: str) -> ColumnStatistics:
        """Bounds and NULLs over all files, from metadata; kept once computed.

        Nothing is known of a stored column if some files have not even been opened to count their rows.
        """
        known = self._statistics.get(column)
        if known is None:
            splits = [split for of_file in self._all_splits() for split in of_file]
            if column in self._columns.sources or not self._format.has_statistics or all(s.rows_exact for s in splits):
                known = merge_statistics(
                    (split.rows, self._split_statistics(split, [column])[column]) for split in splits
                )
            known = known or UNKNOWN
            if self._columns.sources.get(column, ROW_NUMBER) != ROW_NUMBER:
                known = replace(known, distinct=self._distinct_on_path(column))
            self._statistics[column] = known
        return known

    def _distinct_on_path(self, column: str) -> int:
        """How many values a column has that follows from where files lie."""
        place = self._columns.places([column])
        of_place = {place(file.path): file.path for file in self.files}
        values = {self._columns.values(path, self._files, [column])[column] for path in of_place.values()}
        return max(1, len(values - {None}))

    def plan_scan(self, columns: Sequence[str], predicates: Sequence[Predicate]) -> ScanPlan:
        """Splits that may satisfy all `predicates`, in tasks; partitions are skipped before a file is opened."""
        self._check_readable([*columns, *(predicate.column for predicate in predicates)])
        with within(self._access, self._files.find):
            plan = self._plan(predicates)
        # Tasks are made before zone maps have their say, for sums of doubles depend on how rows are dealt into tasks.
        if self._has_zone_maps():
            plan = self._less_zones(plan, columns, predicates)
        plan = self._with_cache(plan, columns) if self._may_be_kept() else plan
        if generation := COLUMNS.generation:
            plan = replace(plan, tasks=tuple(replace(task, generation=generation) for task in plan.tasks))
        return plan

    def _plan(self, predicates: Sequence[Predicate]) -> ScanPlan:
        names = list(dict.fromkeys(predicate.column for predicate in predicates))
        constant = [name for name in names if self._columns.sources.get(name, ROW_NUMBER) != ROW_NUMBER]
        on_path = [predicate for predicate in predicates if predicate.column in constant]
        kept: list[Split] = []
        used: list[Predicate] = []
        total = 0
        if not on_path:
            self._all_splits()
        place_of = self._columns.places(constant)
        of_place: dict[str, Predicate | None] = {}
        for file in self.files:
            place = place_of(file.path)
            if place not in of_place:
                of_place[place] = excluding(on_path, 1, self._path_statistics(file.path, 1, constant))
            reason = of_place[place]
            if reason is not None:
                total += 1
                used.append(reason)
                continue
            for split in self._splits_of(file):
                total += 1
                reason = excluding(predicates, split.rows, self._split_statistics(split, names)) if names else None
                if reason is None:
                    kept.append(self._narrowed(split, predicates))
                else:
                    used.append(reason)
        return ScanPlan(group_splits(kept, self._task_rows), total, len(used), describe_pruning(used))

    def _narrowed(self, split: Split, predicates: Sequence[Predicate]) -> Split:
        """The part of a split whose rows may satisfy `predicates` on columns that number rows or steps."""
        rows = range(split.first_row, split.first_row + split.rows)
        for predicate in predicates if split.step_rows else ():
            name = predicate.column
            if self._columns.sources.get(name) == ROW_NUMBER:
                low, high = within_bounds(predicate, rows.start, rows.stop - 1)
            elif name in self._schema.ordinals:
                step = split.step_rows
                low, high = within_bounds(predicate, split.start, split.stop - 1)
                low, high = low * step, high * step + step - 1
            else:
                continue
            rows = range(max(low, rows.start), min(high + 1, rows.stop))
        return narrowed(split, rows)

    def _less_zones(self, plan: ScanPlan, columns: Sequence[str], predicates: Sequence[Predicate]) -> ScanPlan:
        from sqlengine.storage.zone_store import known_zones

        scope = self._scope
        if scope is None:
            return plan
        types = {name: self._types[name] for name in columns if name not in self._columns.sources}
        tasks, used = leave_out(plan.tasks, known_zones(scope), self._files.find, predicates, types)
        by = [text for text in (plan.pruned_by, describe_pruning(used)) if text]
        if used:
            by[-1] += " (zone maps)"
        return replace(plan, tasks=tasks, pruned=plan.pruned + len(used), pruned_by=", ".join(by))

    def _with_cache(self, plan: ScanPlan, columns: Sequence[str]) -> ScanPlan:
        # Keeping what is only copied from file to memory would be to have it in memory twice.
        decoded = [name for name in columns if self._scan.is_decoded(name)]
        if not decoded:
            return plan
        tasks = sum(bool(task.splits) for task in plan.tasks)
        use = COLUMNS.plan(self._digest, decoded, self._access.column_cache, tasks)
        return replace(plan, tasks=tuple(replace(task, cache=use) for task in plan.tasks))

    def read(
        self, task: ScanTask, columns: Sequence[str], batch_rows: int, report: ScanReport | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Batches of `columns`, splits in the task's order, rows in file order; those of small files are joined."""
        self._check_readable(columns)
        batches = joined(self._scan.batches(task, columns, batch_rows, report or ScanReport()), batch_rows)
        return each_within(self._access, self._files.find, batches)

    @functools.cached_property
    def _scan(self) -> FileScan:
        return FileScan(
            self._files, self._format, self._schema, self._options, self._columns, self._types, self._scope or ""
        )

    def _has_zone_maps(self) -> bool:
        return self._access.zone_maps and not self._format.has_statistics and self.size() >= zone_maps.TABLE_BYTES

    def _may_be_kept(self) -> bool:
        """Whether decoded columns of this table may be kept."""
        enough = self._access.column_cache > 0 and self.size() >= column_cache.TABLE_BYTES
        return enough and self._scope is not None and column_cache.may_keep(self.files[0])

    @functools.cached_property
    def _digest(self) -> str:
        """Of what decides all values: files and scope."""
        return f"{self._files.digest.hex()}-{self._scope}"

    @functools.cached_property
    def _scope(self) -> str | None:
        """A digest of what decides the values of a split, besides the file and the columns' types; None if unknown."""
        reading = self._format.reading(self._schema, self._options)
        if reading is None:
            return None
        text = repr((version("sqlengine"), self._format.name, reading, self._access.compression))
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, FileTable) and self._identity() == other._identity())

    def __hash__(self) -> int:
        return hash(self._files.digest)

    def __repr__(self) -> str:
        return f"FileTable({self.description})"

    def __reduce__(self) -> tuple[object, ...]:
        arguments = (self._files, self._description, self._schema, self._columns, self._access)
        return (_restore, (*arguments, self._task_rows, self._split_bytes))

    def _identity(self) -> tuple[object, ...]:
        return (
            self._files.digest,
            self._description,
            self.fields,
            self._access,
            self._task_rows,
            self._split_bytes,
        )

    def _all_splits(self) -> list[list[Split]]:
        """The splits of each file; they are looked for at the same time where a network makes that slow."""
        missing = [file for file in self.files if file.path not in self._splits]
        in_parallel(self._splits_of, missing, [file.path for file in missing])
        return [self._splits[file.path] for file in self.files]

    def _splits_of(self, file: FileInfo) -> list[Split]:
        splits = self._splits.get(file.path)
        if splits is None:
            with within(self._access, self._files.find):
                splits = look([file.path], self._format.splits, file, self._schema, self._options, self._split_bytes)
            self._splits[file.path] = splits
        return splits

    def _path_statistics(self, path: str, rows: int, columns: Sequence[str]) -> dict[str, ColumnStatistics]:
        return self._columns.statistics(path, rows, self._files, columns)

    def _split_statistics(self, split: Split, columns: Sequence[str]) -> dict[str, ColumnStatistics]:
        known = self._by_split
        missing = [name for name in columns if (split, name) not in known]
        if missing:
            with within(self._access, self._files.find):
                stored = [name for name in missing if name not in self._columns.sources]
                found = dict(look([split.path], self._format.statistics, split, self._schema, stored)) if stored else {}
            found.update(self._path_statistics(split.path, split.rows, missing))
            found.update(self._columns.row_numbers(split, missing))
            for name in missing:
                known[split, name] = widened(found[name], self._types[name]) if name in found else UNKNOWN
        return {name: known[split, name] for name in columns}

    def _check_readable(self, columns: Sequence[str]) -> None:
        refused = self._schema.details.get("refused")
        if isinstance(refused, Mapping):
            for name in columns:
                if name in refused and name not in self._columns.sources:
                    raise NotSupportedError(
                        f"column {name!r} of {self.files[0].path!r} cannot be read: {refused[name]}"
                    )


def _restore(
    files: FileList,
    description: Description,
    schema: FileSchema,
    columns: PathColumns,
    access: FileAccess,
    task_rows: int,
    split_bytes: int,
) -> FileTable:
    return FileTable(files, description, schema, columns, access, task_rows=task_rows, split_bytes=split_bytes)
