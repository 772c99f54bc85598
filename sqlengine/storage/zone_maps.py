"""Zone maps: what scans found out about splits of files that say nothing of their values themselves.

A scan that reads all of a split notes the bounds and NULLs of each column it reads, texts only if it filters by them;
later ones skip splits by them ("small materialized aggregates": G. Moerkotte, VLDB 1998). What is known decides only
which splits a task leaves out, never how tasks are made or joins are ordered: an answer has the same bits whether or
not anything is known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from sqlengine.storage.column_bounds import ColumnBounds, has_bounds
from sqlengine.storage.files.access import is_of_this_process
from sqlengine.storage.filesystem import FileInfo, file_info
from sqlengine.storage.format import ColumnStatistics, Split
from sqlengine.storage.statistics import excluding
from sqlengine.storage.table import Predicate, ScanTask
from sqlengine.types import VARCHAR, SqlType

if TYPE_CHECKING:
    import pyarrow as pa

# Below these sizes reading again costs less than remembering.
TABLE_BYTES: Final = 1 << 20
_FILE_BYTES: Final = 1 << 16

# A file that changes twice within this time may look the same afterwards, so it has to be older than that. File
# systems that count in whole seconds need more.
_TICK_NS: Final = 50_000_000
_SECOND_NS: Final = 1_000_000_000

Key = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Zone:
    """What is known of the rows of one split.

    Attributes
    ----------
    scope
        What decides the values that are read, the file aside; see `FileTable.scope`.
    columns
        Name -> type as text, and statistics.
    """

    scope: str
    file: FileInfo
    start: int
    stop: int
    rows: int
    columns: Mapping[str, tuple[str, ColumnStatistics]] = field(hash=False)

    @property
    def key(self) -> Key:
        """Which split it is, within its scope."""
        return self.file.path, self.start, self.stop

    def with_columns_of(self, older: Zone | None) -> Zone:
        """The same, with what was known before of other columns of the same rows."""
        if older is None or (older.file, older.rows) != (self.file, self.rows):
            return self
        return replace(self, columns={**older.columns, **self.columns})

    def statistics(self, types: Mapping[str, SqlType]) -> dict[str, ColumnStatistics]:
        """Statistics of those of the columns `types` (name -> type) that are known."""
        return {
            name: self.columns[name][1]
            for name, type_ in types.items()
            if name in self.columns and self.columns[name][0] == str(type_)
        }


def leave_out(
    tasks: Iterable[ScanTask],
    zones: Mapping[Key, Zone],
    find: Callable[[str], FileInfo | None],
    predicates: Sequence[Predicate],
    types: Mapping[str, SqlType],
) -> tuple[tuple[ScanTask, ...], list[Predicate]]:
    """The tasks without the splits of which no row satisfies `predicates`, and for each of these the one it fails.

    Parameters
    ----------
    zones
        What is known of splits.
    find
        Tells what a file is like now.
    types
        Types of the columns that the scan reads.

    Returns
    -------
    tuple
        As many tasks as before, each with the columns that are worth watching; and the predicates.
    """
    used: list[Predicate] = []
    left = []
    asked = {predicate.column for predicate in predicates}
    # Bounds of numbers cost next to nothing, those of texts a tenth of parsing them: no more than filtering by them.
    wanted = [name for name, type_ in types.items() if has_bounds(type_) and (type_ != VARCHAR or name in asked)]
    for task in tasks:
        splits = []
        unknown: set[str] = set()
        for split in task.splits:
            zone = zones.get((split.path, split.start, split.stop))
            file = find(split.path)
            if zone is None or zone.file != file:
                is_worth = file is not None and file.size >= _FILE_BYTES and not split.is_part
                unknown.update(wanted if is_worth else ())
                splits.append(split)
                continue
            known = zone.statistics(types)
            reason = excluding(predicates, zone.rows, {name: known[name] for name in asked & known.keys()})
            if reason is None:
                unknown.update(name for name in wanted if name not in known)
                splits.append(split)
            else:
                used.append(reason)
        rows = sum(split.rows for split in splits)
        left.append(ScanTask(tuple(splits), rows, tuple(name for name in wanted if name in unknown)))
    return tuple(left), used


class SplitWatch:
    """Looks at the batches of the splits of one task, and notes what bounds the columns of those read in full.

    Parameters
    ----------
    scope
        That of the zones.
    types
        The columns to watch, with their types; all batches have them.
    """

    def __init__(self, scope: str, types: Mapping[str, SqlType]) -> None:
        self._scope = scope
        self._types = types
        self.zones: list[Zone] = []

    def each(self, split: Split, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The `batches` of `split`; when all have been taken, the split is noted."""
        before = file_info(split.path)
        if split.is_part or before.size < _FILE_BYTES or is_of_this_process(split.path):
            yield from batches
            return
        bounds = {name: ColumnBounds(type_) for name, type_ in self._types.items()}
        rows = 0
        for batch in batches:
            rows += batch.num_rows
            for name, column in bounds.items():
                column.add(batch.column(name))
            yield batch
        if file_info(split.path) == before and is_settled(before):
            columns = {name: (str(self._types[name]), column.result()) for name, column in bounds.items()}
            self.zones.append(Zone(self._scope, before, split.start, split.stop, rows, columns))


def is_settled(file: FileInfo) -> bool:
    """Whether the file would look different if it changed from now on."""
    if not file.mtime_ns:
        return file.is_versioned
    least = _TICK_NS if file.mtime_ns % _SECOND_NS else 2 * _SECOND_NS
    return time.time_ns() - file.mtime_ns > least
