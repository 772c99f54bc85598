"""How many distinct values a column has, from a small sample of its rows."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Final

from sqlengine.errors import Error
from sqlengine.storage.file_table import FileTable
from sqlengine.storage.filesystem import is_url
from sqlengine.storage.memory import ArrowTable
from sqlengine.storage.table import ScanTask, Table

if TYPE_CHECKING:
    import pyarrow as pa

_PIECES: Final = 4
_ROWS: Final = 4096

_known: weakref.WeakKeyDictionary[Table, dict[str, float | None]] = weakref.WeakKeyDictionary()


def sampled_distinct(table: Table, column: str) -> float | None:
    """Distinct values of a column, an estimate; None if it cannot be sampled. Read once per table and column.

    The first rows of a few splits, spread evenly over the table, are read: always the same ones. Where the pieces share
    no value (a column that follows the order of the rows) the table has as many times more values as it has more rows.
    Else it is Chao's lower bound, d + f1 (f1 - 1) / 2 (f2 + 1), of d values seen, f1 of them once and f2 twice
    (A. Chao, "Nonparametric estimation of the number of classes in a population", 1984).
    """
    if not isinstance(table, FileTable | ArrowTable):
        return None
    if isinstance(table, FileTable) and any(is_url(file.path) for file in table.files):
        # It would cost more to fetch than a better plan saves.
        return None
    columns = _known.setdefault(table, {})
    if column not in columns:
        try:
            if isinstance(table, FileTable):
                columns[column] = table.look(_estimate, table, column)
            else:
                columns[column] = _estimate(table, column)
        except Error:
            # Whoever reads those rows will say what is wrong with them.
            columns[column] = None
    return columns[column]


def _estimate(table: Table, column: str) -> float | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = table.row_count()
    pieces = [piece for piece in _pieces(table, column) if len(piece)]
    if not pieces:
        return None
    try:
        sample = pa.concat_arrays(pieces)
        counts = pc.value_counts(sample.drop_null()).field("counts")
        values = len(counts)
        apart = sum(pc.count_distinct(piece).as_py() for piece in pieces)
    except pa.ArrowNotImplementedError:
        # Nested values, which Arrow does not count.
        return None
    size = len(sample)
    if size >= rows or values == 0:
        return float(values)
    if len(pieces) > 1 and values == apart:
        return min(rows, values * rows / size)
    once, twice = (pc.sum(pc.equal(counts, times)).as_py() or 0 for times in (1, 2))
    return float(min(rows, values + once * (once - 1) / (2 * (twice + 1))))


def _pieces(table: Table, column: str) -> list[pa.Array]:
    splits = [split for task in table.plan_scan([column], ()).tasks for split in task.splits]
    count = min(_PIECES, len(splits))
    pieces = []
    for number in range(count):
        split = splits[number * len(splits) // count]
        batch = next(table.read(ScanTask((split,), split.rows), [column], _ROWS), None)
        if batch is not None:
            array = batch.column(0)
            pieces.append(array.dictionary_decode() if hasattr(array, "dictionary_decode") else array)
    return pieces
