"""`FileTable`: files of one format, of one folder or pattern, as one table."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from sqlengine.errors import FileFormatError, NotSupportedError, SettingError
from sqlengine.storage.file_list import FileList, list_sources
from sqlengine.storage.files.access import FileAccess, current_access, each_within, within
from sqlengine.storage.filesystem import FileInfo
from sqlengine.storage.format import ColumnStatistics, Field, FileSchema, Format, Split
from sqlengine.storage.formats import check_options, choose_format, find_format
from sqlengine.storage.hive import Partitioning, detect_partitioning
from sqlengine.storage.splits import TASK_ROWS, by_file, describe_pruning, group_splits
from sqlengine.storage.statistics import UNKNOWN, excluding, merge_statistics, widened
from sqlengine.storage.table import Predicate, ScanPlan, ScanTask
from sqlengine.types import VARCHAR, arrow_type

SPLIT_BYTES: Final = 16 << 20

_MOST_TABLES: Final = 64
_tables: OrderedDict[Hashable, FileTable] = OrderedDict()
_tables_lock = threading.Lock()

# Options of every table of files, whatever its format.
OPTIONS: Final[Mapping[str, type]] = {
    "hive_partitioning": bool,
    "hive_types_autocast": bool,
    "filename": bool,
    "task_rows": int,
    "split_bytes": int,
}


def open_table(
    source: str | Sequence[str],
    format: str | None = None,  # noqa: A002 - the word of SQL's FORMAT
    options: Mapping[str, object] | None = None,
) -> FileTable:
    """The table that a file, folder or pattern holds, or several of them one after the other.

    Parameters
    ----------
    source
        See `storage.filesystem.list_files`.
    format
        Name of a format; by default the files' extensions tell.
    options
        Options of the format, and of every table: `hive_partitioning` (default: if all paths have the same
        `key=value` folders), `hive_types_autocast` (default true), `filename` (adds a column of that name),
        `task_rows` (rows a scan task covers, about), `split_bytes` (bytes of text a split covers, about),
        `storage_options` (of fsspec, for URLs). The files are opened under the access now in force.

    Raises
    ------
    FileMissingError
        If nothing is there.
    FileFormatError
        If a file is unreadable, disagrees with its siblings, or is of another format than they.
    SettingError
        On an unknown option or an unfit value.
    """
    sources = [source] if isinstance(source, str) else list(source)
    options = dict(options or {})
    # Credentials are no option of the table any more from here on: nothing may show them.
    access = current_access().with_options(options.pop("storage_options", None), None)
    with within(access):
        listed = list_sources(sources)
    shown = source if isinstance(source, str) else ", ".join(sources)
    chosen = find_format(format) if format else choose_format(listed.files, shown)
    check_options(chosen, options, OPTIONS)
    access = access.with_options(None, options.pop("compression", None))
    with within(access, listed.find):
        return _known_table(
            (listed.digest, chosen.name, repr(sorted(options.items())), access),
            lambda: _open(chosen, listed, options),
        )


def _known_table(key: Hashable, make: Callable[[], FileTable]) -> FileTable:
    """The table last made for `key`, which names the files with sizes and times: guesses and statistics are kept."""
    with _tables_lock:
        table = _tables.get(key)
        if table is not None:
            _tables.move_to_end(key)
            return table
    table = make()
    with _tables_lock:
        _tables[key] = table
        if len(_tables) > _MOST_TABLES:
            _tables.popitem(last=False)
    return table


def _open(chosen: Format, listed: FileList, options: dict[str, object]) -> FileTable:
    files = listed.files
    partitioning = detect_partitioning(
        [file.path for file in files],
        _flag(options.pop("hive_partitioning", None)),
        options.pop("hive_types_autocast", True) is not False,
    )
    filename = bool(options.pop("filename", False))
    task_rows = _positive(options, "task_rows", TASK_ROWS)
    split_bytes = _positive(options, "split_bytes", SPLIT_BYTES)
    schema = chosen.schema(files, options)
    description = _Description(chosen.name, tuple(sorted(options.items(), key=lambda item: item[0])))
    return FileTable(
        listed,
        description,
        schema,
        partitioning,
        filename,
        current_access(),
        task_rows=task_rows,
        split_bytes=split_bytes,
    )


@dataclass(frozen=True, slots=True)
class _Description:
    format: str
    options: tuple[tuple[str, object], ...]


class FileTable:
    """A `Table` over files. Made by `open_table`; pickles small, and reads after unpickling without listing again."""

    def __init__(
        self,
        files: FileList,
        description: _Description,
        schema: FileSchema,
        partitioning: Partitioning,
        filename: bool,
        access: FileAccess,
        *,
        task_rows: int,
        split_bytes: int,
    ) -> None:
        self._files = files
        self._description = description
        self._schema = schema
        self._partitioning = partitioning
        self._filename = filename
        self._access = access
        self._task_rows = task_rows
        self._split_bytes = split_bytes
        self._fields = _table_fields(schema.fields, partitioning.fields, filename)
        self._types = {field.name: field.type for field in self._fields}
        self._format: Format = find_format(description.format)
        self._options = dict(description.options)
        self._splits: dict[str, list[Split]] = {}
        self._statistics: dict[str, ColumnStatistics] = {}
        self._by_split: dict[tuple[Split, str], ColumnStatistics] = {}

    @property
    def fields(self) -> tuple[Field, ...]:
        """Columns of the files, then `filename` if asked for, then partition columns.

        A partition column that the files have too stands at its place in the files.
        """
        return self._fields

    @property
    def description(self) -> str:
        """`parquet, 3 files`."""
        count = len(self._files.files)
        text = f"{self._format.name}, {count} file{'s' if count != 1 else ''}"
        if self._partitioning.fields:
            text += f" by {', '.join(field.name for field in self._partitioning.fields)}"
        return text

    @property
    def files(self) -> tuple[FileInfo, ...]:
        """The files, in the order in which they are read."""
        return self._files.files

    def with_task_rows(self, task_rows: int) -> FileTable:
        """The same table, scanned in tasks of about `task_rows` rows."""
        if task_rows == self._task_rows:
            return self
        return self._copy(self._access, task_rows)

    def under(self, access: FileAccess) -> FileTable:
        """The same table, opened under the rules of `access` and its own storage options.

        Raises
        ------
        OperationalError
            If a file is not within the allowed paths.
        """
        ruled = self._access.under(access)
        if ruled == self._access:
            return self
        for file in self.files:
            ruled.check(file.path)
        return self._copy(ruled, self._task_rows)

    def row_count(self) -> int:
        """Rows: exact for Parquet, an estimate for text."""
        return sum(split.rows for file in self.files for split in self._splits_of(file))

    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def statistics(self, column: str) -> ColumnStatistics:
        """Bounds and NULLs over all files, from metadata; kept once computed."""
        known = self._statistics.get(column)
        if known is None:
            known = self._statistics[column] = merge_statistics(
                (split.rows, self._split_statistics(split, [column])[column])
                for file in self.files
                for split in self._splits_of(file)
            )
        return known

    def plan_scan(self, columns: Sequence[str], predicates: Sequence[Predicate]) -> ScanPlan:
        """Splits that may satisfy all `predicates`, in tasks; partitions are skipped before a file is opened."""
        self._check_readable([*columns, *(predicate.column for predicate in predicates)])
        names = list(dict.fromkeys(predicate.column for predicate in predicates))
        virtual = self._virtual_names()
        on_path = [predicate for predicate in predicates if predicate.column in virtual]
        kept: list[Split] = []
        used: list[Predicate] = []
        total = 0
        for file in self.files:
            reason = excluding(on_path, 1, self._path_statistics(file.path, 1)) if on_path else None
            if reason is not None:
                total += 1
                used.append(reason)
                continue
            for split in self._splits_of(file):
                total += 1
                reason = excluding(predicates, split.rows, self._split_statistics(split, names)) if names else None
                if reason is None:
                    kept.append(split)
                else:
                    used.append(reason)
        return ScanPlan(group_splits(kept, self._task_rows), total, len(used), describe_pruning(used))

    def read(self, task: ScanTask, columns: Sequence[str], batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Batches of `columns`, splits in the task's order, rows in file order."""
        self._check_readable(columns)
        return each_within(self._access, self._files.find, self._batches(task, columns, batch_rows))

    def _batches(self, task: ScanTask, columns: Sequence[str], batch_rows: int) -> Iterator[pa.RecordBatch]:
        virtual = self._virtual_names()
        stored = [name for name in columns if name not in virtual]
        if len(stored) == len(columns):
            yield from self._format.read(task.splits, self._schema, stored, self._options, batch_rows)
            return
        for path, splits in by_file(task.splits):
            values = self._path_values(path)
            for batch in self._format.read(splits, self._schema, stored, self._options, batch_rows):
                arrays = [
                    _constant(values[name], virtual[name], batch.num_rows) if name in virtual else batch.column(name)
                    for name in columns
                ]
                yield pa.RecordBatch.from_arrays(arrays, names=list(columns))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FileTable) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._files.digest)

    def __repr__(self) -> str:
        return f"FileTable({self.description})"

    def __reduce__(self) -> tuple[object, ...]:
        arguments = (self._files, self._description, self._schema, self._partitioning, self._filename, self._access)
        return (_restore, (*arguments, self._task_rows, self._split_bytes))

    def _identity(self) -> tuple[object, ...]:
        return (
            self._files.digest,
            self._description,
            self._fields,
            self._access,
            self._task_rows,
            self._split_bytes,
        )

    def _copy(self, access: FileAccess, task_rows: int) -> FileTable:
        table = FileTable(
            self._files,
            self._description,
            self._schema,
            self._partitioning,
            self._filename,
            access,
            task_rows=task_rows,
            split_bytes=self._split_bytes,
        )
        # Splits and statistics do not depend on how they are dealt into tasks.
        table._splits, table._statistics, table._by_split = self._splits, self._statistics, self._by_split
        return table

    def _splits_of(self, file: FileInfo) -> list[Split]:
        splits = self._splits.get(file.path)
        if splits is None:
            with within(self._access, self._files.find):
                splits = self._format.splits(file, self._schema, self._options, self._split_bytes)
            self._splits[file.path] = splits
        return splits

    def _virtual_names(self) -> dict[str, Field]:
        """Columns whose values are read off the path, by name."""
        keys = {field.name.lower() for field in self._partitioning.fields}
        if self._filename:
            keys.add("filename")
        return {field.name: field for field in self._fields if field.name.lower() in keys}

    def _path_values(self, path: str) -> dict[str, object]:
        by_key: dict[str, object] = {key.lower(): v for key, v in self._partitioning.values(path).items()}
        by_key["filename"] = by_key.get("filename", path)
        return {name: by_key[name.lower()] for name in self._virtual_names()}

    def _path_statistics(self, path: str, rows: int) -> dict[str, ColumnStatistics]:
        return {
            name: ColumnStatistics(nulls=rows) if value is None else ColumnStatistics(value, value, 0, 1)
            for name, value in self._path_values(path).items()
        }

    def _split_statistics(self, split: Split, columns: Sequence[str]) -> dict[str, ColumnStatistics]:
        known = self._by_split
        missing = [name for name in columns if (split, name) not in known]
        if missing:
            with within(self._access, self._files.find):
                found = dict(self._format.statistics(split, self._schema, missing))
            found.update(self._path_statistics(split.path, split.rows))
            for name in missing:
                known[split, name] = widened(found[name], self._types[name]) if name in found else UNKNOWN
        return {name: known[split, name] for name in columns}

    def _check_readable(self, columns: Sequence[str]) -> None:
        refused = self._schema.details.get("refused")
        if isinstance(refused, Mapping):
            for name in columns:
                if name in refused and name not in self._virtual_names():
                    raise NotSupportedError(
                        f"column {name!r} of {self.files[0].path!r} cannot be read: {refused[name]}"
                    )


def _restore(
    files: FileList,
    description: _Description,
    schema: FileSchema,
    partitioning: Partitioning,
    filename: bool,
    access: FileAccess,
    task_rows: int,
    split_bytes: int,
) -> FileTable:
    return FileTable(
        files, description, schema, partitioning, filename, access, task_rows=task_rows, split_bytes=split_bytes
    )


def _table_fields(stored: Sequence[Field], partitions: Sequence[Field], filename: bool) -> tuple[Field, ...]:
    """Stored columns with partition columns in the place of namesakes, the other partition columns last."""
    by_key = {field.name.lower(): field for field in partitions}
    names = {field.name.lower() for field in stored}
    if filename and "filename" in names | by_key.keys():
        raise FileFormatError("option filename=true adds a column 'filename', but the files already have one")
    fields = [
        Field(field.name, by_key[field.name.lower()].type) if field.name.lower() in by_key else field
        for field in stored
    ]
    if filename:
        fields.append(Field("filename", VARCHAR))
    return (*fields, *(field for key, field in by_key.items() if key not in names))


def _constant(value: object, field: Field, rows: int) -> pa.Array:
    """`rows` times `value`; text as one dictionary entry."""
    target = arrow_type(field.type)
    if field.type == VARCHAR:
        codes = pa.repeat(pa.scalar(None if value is None else 0, pa.int32()), rows)
        return pa.DictionaryArray.from_arrays(codes, pa.array([] if value is None else [value], target))
    return pa.repeat(pa.scalar(value, target), rows)


def _positive(options: dict[str, object], name: str, default: int) -> int:
    value = options.pop(name, default)
    if not isinstance(value, int) or value < 1:
        raise SettingError(f"option {name!r} takes a whole number of at least 1, not {value!r}")
    return value


def _flag(value: object) -> bool | None:
    return None if value is None else bool(value)
