"""Decoded columns in shared memory: what was read and decoded twice need not be a third time.

The coordinator decides which columns of a scan are worth keeping (those that a query before it read, too) and how much
room each task has; the process that runs a task puts the columns of a split there, one Arrow file each, and maps what
it finds. The least lately used ones go when the budget is exceeded, all of them when the process ends.

A column is found by everything that decides its values: the file with its size and time, the stretch of it, the name,
the type, and the options. It is never older than its file.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import sys
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa

from sqlengine.errors import InternalError, OperationalError
from sqlengine.storage.batches import concat_arrays
from sqlengine.storage.files.access import is_of_this_process
from sqlengine.storage.filesystem import FileInfo, file_info
from sqlengine.storage.format import Split
from sqlengine.storage.shared_memory import (
    HEADROOM,
    SHARED_MEMORY,
    free_bytes,
    new_private_folder,
    remove_private_folder,
)
from sqlengine.storage.table import CacheUse, ScanReport
from sqlengine.storage.zone_maps import is_settled
from sqlengine.types import SqlType

# Smaller tables are decoded in no time, and smaller files are not worth files of their own.
TABLE_BYTES: Final = 4 << 20
_FILE_BYTES: Final = 1 << 16

# Columns that the coordinator remembers to have been read.
_MOST_SEEN: Final = 10_000


class SplitColumns:
    """Reads splits of one task with the help of the cache.

    Parameters
    ----------
    use
        What the coordinator lets this task do; it has a folder.
    scope
        What decides the values that are read, the file aside; see `FileTable.scope`.
    types
        Types by name of the columns that may be kept; others are read each time.
    report
        Takes what was used and added.
    """

    def __init__(self, use: CacheUse, scope: str, types: Mapping[str, SqlType], report: ScanReport) -> None:
        self._folder = Path(use.folder or "")
        self._admit = frozenset(use.admit)
        self._room = use.allowance
        self._scope = scope
        self._types = types
        self._report = report

    def each(
        self,
        split: Split,
        columns: Sequence[str],
        read: Callable[[Sequence[str]], Iterator[pa.RecordBatch]],
        batch_rows: int,
    ) -> Iterator[pa.RecordBatch]:
        """Batches of `columns` of `split`; `read` gives those of columns that are not in the cache."""
        before = file_info(split.path)
        if not columns or split.is_part or before.size < _FILE_BYTES:
            yield from read(columns)
            return
        names = self._names(before, split, [column for column in columns if column in self._types])
        found = self._find(names)
        missing = [column for column in columns if column not in found]
        self._report.cached += len(found) == len(names)
        if not missing:
            whole = pa.RecordBatch.from_arrays([found[column] for column in columns], names=list(columns))
            parts = max(1, -(-whole.num_rows // batch_rows))
            for part in range(parts):
                start, stop = (whole.num_rows * number // parts for number in (part, part + 1))
                if stop > start:
                    yield whole.slice(start, stop - start)
            return
        kept: dict[str, list[pa.Array]] = {column: [] for column in missing if column in self._admit}
        start = size = 0
        for batch in read(missing):
            for column in kept:
                kept[column].append(batch.column(column))
                size += kept[column][-1].nbytes
            if size > self._room:
                kept, size = {}, 0
            start += batch.num_rows
            if found:
                _check_lengths(split, found, start)
                rest = {column: array.slice(start - batch.num_rows, batch.num_rows) for column, array in found.items()}
                arrays = [rest[column] if column in rest else batch.column(column) for column in columns]
                yield pa.RecordBatch.from_arrays(arrays, names=list(columns))
            else:
                yield batch
        _check_lengths(split, found, start, start)
        unchanged = kept and start and file_info(split.path) == before and is_settled(before)
        if unchanged and size + HEADROOM <= free_bytes(self._folder):
            for column, arrays in kept.items():
                self._put(names[column], arrays)

    def _names(self, file: FileInfo, split: Split, columns: Sequence[str]) -> dict[str, str]:
        """Under which names columns of a split are kept."""
        common = hashlib.blake2b(repr((self._scope, file, split.start, split.stop)).encode(), digest_size=16)
        names = {}
        for column in columns:
            each = common.copy()
            each.update(f"{self._types[column]} {column}".encode())
            names[column] = each.hexdigest()
        return names

    def _find(self, names: Mapping[str, str]) -> dict[str, pa.Array]:
        """The columns that are there."""
        found = {}
        for column, name in names.items():
            array = _mapped.find(self._folder / name)
            if array is not None:
                found[column] = array
                self._report.used.append(name)
        return found

    def _put(self, name: str, arrays: Sequence[pa.Array]) -> None:
        """Keep a column, if there is room for it."""
        try:
            array = concat_arrays(arrays) if len(arrays) > 1 else arrays[0]
            temporary = self._folder / f"{name}.{os.getpid()}-{threading.get_ident()}"
            batch = pa.RecordBatch.from_arrays([array], names=["column"])
            try:
                with pa.OSFile(str(temporary), "wb") as file:
                    with pa.ipc.new_file(file, batch.schema) as writer:
                        writer.write_batch(batch)
                    size = file.tell()
                temporary.rename(self._folder / name)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        except (OSError, pa.ArrowException):
            # Memory is full, the cache was closed meanwhile, or the texts of a split have more than 2 GiB.
            return
        self._room -= size
        self._report.added.append((name, size))


def _check_lengths(split: Split, found: Mapping[str, pa.Array], least: int, most: int = sys.maxsize) -> None:
    if any(not least <= len(array) <= most for array in found.values()):
        raise InternalError(f"columns of {split.path!r} have different numbers of rows; SET column_cache = 'off'")


class _MappedColumns:
    """Columns that this process has mapped: mapping again, page by page, takes longer than reading the memory."""

    def __init__(self) -> None:
        self._arrays: dict[Path, pa.Array] = {}
        self._generation = 0

    def find(self, path: Path) -> pa.Array | None:
        """The column in the file at `path`, if there is one."""
        array = self._arrays.get(path)
        if array is None:
            try:
                array = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0).column(0)
            except FileNotFoundError:
                return None
            self._arrays[path] = array
        return array

    def follow(self, generation: int) -> None:
        """Let go what has been removed since the coordinator was at another generation."""
        if generation != self._generation:
            for path in list(self._arrays):
                if not path.exists():
                    self._arrays.pop(path, None)
            self._generation = generation


_mapped: Final = _MappedColumns()


class ColumnCache:
    """What the coordinator knows of the cache: what lies in it, and what has been read before."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._folder: Path | None = None
        self._lock = -1
        self._entries: OrderedDict[str, tuple[int, str]] = OrderedDict()
        self._by_table: Counter[str] = Counter()
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._removals = 0

    def plan(self, table: str, columns: Sequence[str], budget: int, tasks: int) -> CacheUse:
        """What each of `tasks` tasks that read `columns` of a table may do."""
        with self._mutex:
            admit = tuple(column for column in columns if (table, column) in self._seen)
            folder = self._open() if admit or self._by_table[table] else None
            if folder is None:
                return CacheUse(table, budget)
            # What other tables have there makes room as this one's columns come in.
            room = max(0, budget - self._by_table[table])
            return CacheUse(table, budget, str(folder), admit, room // max(1, tasks))

    def note(self, report: ScanReport) -> None:
        """Take what a task reports; columns that are over its budget go, those not used for longest first."""
        if not report.table:
            return
        with self._mutex:
            for column in report.columns:
                self._seen[report.table, column] = None
                self._seen.move_to_end((report.table, column))
            while len(self._seen) > _MOST_SEEN:
                self._seen.popitem(last=False)
            for name in report.used:
                if name in self._entries:
                    self._entries.move_to_end(name)
            for name, size in report.added:
                self._forget(name)
                self._entries[name] = (size, report.table)
                self._by_table[report.table] += size
            self._shrink(report.budget)

    def shrink(self, budget: int) -> None:
        """Keep no more than `budget` bytes."""
        with self._mutex:
            self._shrink(budget)

    @property
    def generation(self) -> int:
        """Changes when columns are removed."""
        return self._removals

    @property
    def size(self) -> int:
        """Bytes of all columns."""
        return sum(size for size, _ in self._entries.values())

    def close(self) -> None:
        """Remove everything."""
        with self._mutex:
            if self._folder is not None:
                remove_private_folder(self._folder)
                os.close(self._lock)
            self._clear()

    def forget(self) -> None:
        """In a forked child: leave all to the parent, whose lock must not live on here."""
        if self._folder is not None:
            os.close(self._lock)
        self._mutex = threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self._folder = None
        self._entries.clear()
        self._by_table.clear()
        self._seen.clear()

    def _open(self) -> Path | None:
        """The folder, made when first asked for; None where there is no shared memory."""
        if self._folder is None and os.access(SHARED_MEMORY, os.W_OK):
            with contextlib.suppress(OperationalError, OSError):
                self._folder, self._lock = new_private_folder(SHARED_MEMORY)
        return self._folder

    def _shrink(self, budget: int) -> None:
        total = self._by_table.total()
        while total > budget and self._entries:
            name = next(iter(self._entries))
            total -= self._entries[name][0]
            self._forget(name)
            if self._folder is not None:
                (self._folder / name).unlink(missing_ok=True)
            self._removals += 1
        _mapped.follow(self._removals)

    def _forget(self, name: str) -> None:
        entry = self._entries.pop(name, None)
        if entry is not None:
            size, table = entry
            self._by_table[table] -= size


def let_go(generation: int) -> None:
    """Give the memory back of columns that were removed before the cache had that generation."""
    _mapped.follow(generation)


def may_keep(file: FileInfo) -> bool:
    """Whether columns of a table may be kept by what is known of one of its files."""
    return not is_of_this_process(file.path) and bool(file.mtime_ns or file.version)


COLUMNS: Final = ColumnCache()
atexit.register(COLUMNS.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=COLUMNS.forget)
