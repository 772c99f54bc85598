"""Which splits a query must read, and how they are dealt into tasks.

Both depend on the files and the query alone, never on the number of workers: answers, sums of floats
included, are then the same for any number of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sqlengine.storage.format import Split
from sqlengine.storage.table import Predicate, ScanTask

TASK_ROWS: Final = 524_288

# A medium table is cut into about this many tasks, if each then still has enough rows to be worth its overhead.
_TASKS: Final = 8
_LEAST_ROWS: Final = 65_536

# What opening a file costs, in rows that could be read instead (about 0.15 ms): without it, ten thousand files
# of ten rows would be one task.
_ROWS_PER_FILE: Final = 4_096

# Rows wider than this on disk count as more: reading 64 bytes of text costs about what a row of Parquet does.
_BYTES_PER_ROW: Final = 64


def group_splits(splits: Iterable[Split], task_rows: int) -> tuple[ScanTask, ...]:
    """Splits in order, cut into tasks of about `task_rows` rows; a task ends where it comes nearest to that.

    A table of few such tasks is cut finer, so that several workers share it.
    """
    chosen = list(splits)
    weight = sum(map(_cost, chosen)) + _ROWS_PER_FILE * len({split.path for split in chosen})
    target = min(task_rows, max(_LEAST_ROWS, weight // _TASKS))
    return tuple(_task(group) for group in _groups(chosen, target))


def narrowed(split: Split, rows: range) -> Split:
    """The part of `split` that has its rows with numbers in `rows`: whole steps, at least one; all if it has none."""
    steps = split.stop - split.start
    if not split.step_rows or not steps:
        return split
    first = min(max(rows.start - split.first_row, 0) // split.step_rows, steps - 1)
    stop = max(min(-(-(rows.stop - split.first_row) // split.step_rows), steps), first + 1)
    if stop - first == steps:
        return split
    return Split(
        split.path,
        split.start + first,
        split.start + stop,
        (stop - first) * split.step_rows,
        -(-split.size * (stop - first) // steps),
        split.rows_exact,
        split.first_row + first * split.step_rows,
        split.step_rows,
        is_part=True,
    )


def _cost(split: Split) -> int:
    return max(split.rows, split.size // _BYTES_PER_ROW)


def describe_pruning(used: Iterable[Predicate]) -> str:
    """The predicates that removed splits, each once, in the order in which they first did."""
    distinct = {id(predicate): predicate for predicate in used}
    return ", ".join(dict.fromkeys(map(str, distinct.values())))


def _groups(splits: Iterable[Split], task_rows: int) -> Iterator[list[Split]]:
    group: list[Split] = []
    weight = 0
    for split in splits:
        cost = _cost(split)
        opening = 0
        if not group or group[-1].path != split.path:
            opening = min(_ROWS_PER_FILE, task_rows)
        if group and weight + opening + cost - task_rows > task_rows - weight:
            yield group
            group, weight = [], 0
        group.append(split)
        weight += opening + cost
    if group:
        yield group


def _task(splits: Sequence[Split]) -> ScanTask:
    return ScanTask(tuple(splits), sum(split.rows for split in splits))
