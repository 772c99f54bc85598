"""Unnest: per row one row per item of its lists, side by side.

::

    k  a       b               k  a     b
    1  [7, 8]  [5]      ->     1  7     5
    2  []      NULL            1  8     NULL
    3  NULL    [6]             3  NULL  6

Buffered: nothing beyond a batch; large lists leave in batches of the usual size. Order: the input's, then the lists'.
NULL: as a list it has no items; as an item it is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sqlengine.batch import Batch
from sqlengine.executor.context import TaskContext
from sqlengine.executor.evaluate import Evaluator
from sqlengine.planner.physical import UnnestExec
from sqlengine.types import BIGINT
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]


def unnest(node: UnnestExec, batches: Iterator[Batch], context: TaskContext) -> Iterator[Batch]:
    """The batches of `node.columns`; none is empty."""
    evaluator = Evaluator(node.lists)
    new = {column.id for column in (*node.item_columns, node.ordinality) if column is not None}
    passed = [column.id for column in node.columns if column.id not in new]
    for batch in batches:
        lists = [vector.expand(batch.length).arrow() for vector in evaluator.vectors(batch)]
        lengths = [_lengths(each) for each in lists]
        counts = np.maximum.reduce(lengths)
        if node.keep_empty:
            counts = np.maximum(counts, 1)
        kept = batch.select(passed)
        for start, stop in _pieces(counts, context.batch_rows):
            context.check()
            rows = np.repeat(np.arange(start, stop), counts[start:stop])
            # The number of each row among those of its input row.
            numbers = np.arange(len(rows)) - np.repeat(
                np.cumsum(counts[start:stop]) - counts[start:stop], counts[start:stop]
            )
            columns = {
                column.id: Vector.from_arrow(each.flatten(), column.type).take(
                    _items(each, length, rows, numbers), True
                )
                for column, each, length in zip(node.item_columns, lists, lengths, strict=True)
                if column in node.columns
            }
            if node.ordinality is not None and node.ordinality in node.columns:
                found = lengths[0][rows] > numbers
                columns[node.ordinality.id] = Vector.from_values(numbers + 1, None if found.all() else found, BIGINT)
            whole = kept.take(rows).with_columns(columns)
            for first in range(0, len(rows), context.batch_rows):
                yield whole.slice(first, min(context.batch_rows, len(rows) - first))


def _lengths(lists: Any) -> Words:
    """Items of each list; a NULL has none."""
    return np.asarray(pc.fill_null(pc.list_value_length(lists), 0).cast(pa.int64()))


def _items(lists: Any, lengths: Words, rows: Words, numbers: Words) -> Words:
    """Where in `lists.flatten()` (which leaves out what NULL lists hold) each item is; -1 where the list has ended."""
    firsts = np.cumsum(lengths) - lengths
    items: Words = np.where(numbers < lengths[rows], firsts[rows] + numbers, -1)
    return items


def _pieces(counts: Words, batch_rows: int) -> Iterator[tuple[int, int]]:
    """Ranges of input rows that give about `batch_rows` rows each, or one input row; none that gives no row."""
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + batch_rows, side="right")))
        if ends[stop - 1] > before:
            yield start, stop
        start = stop
