"""Sort: all rows of the task in order of some keys; with a limit, only the first of them.

::

    x  y         ORDER BY x DESC        x  y
    1  a                                3  b
    3  b    ->   order 1 2 0       ->   3  c
    3  c                                1  a

Buffered: all rows; with a limit, never more than a few times the limit plus one batch. Order: by the keys, equal rows
in the input's order. NULL: first or last as each key says. Memory: the rows, one or two words per key and row,
and the row numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from sqlengine.batch import Batch
from sqlengine.executor.context import TaskContext
from sqlengine.executor.evaluate import Evaluator
from sqlengine.executor.operators.buffer import RowBuffer
from sqlengine.executor.sort_keys import encode_sort_keys
from sqlengine.kernels.sorting import sort_rows, top_rows
from sqlengine.planner.expressions import SortKey
from sqlengine.planner.physical import SortExec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# How many times the limit is buffered before the rows that cannot be among the first are dropped.
_SLACK: Final = 4


class RowOrder:
    """Sort keys as words to compare, for batch after batch; words of different batches are not comparable."""

    def __init__(self, keys: Sequence[SortKey]) -> None:
        self._keys = keys
        self._evaluator = Evaluator(key.expression for key in keys)

    def words(self, batch: Batch) -> list[NDArray[np.uint64]]:
        """One or more uint64[batch.length], most significant first; none if every row compares equal."""
        # A constant cannot tell rows apart.
        told = [
            (vector, key)
            for vector, key in zip(self._evaluator.vectors(batch), self._keys, strict=True)
            if not vector.constant
        ]
        if not told:
            return []
        return encode_sort_keys(
            [vector for vector, _ in told],
            [key.descending for _, key in told],
            [key.nulls_first for _, key in told],
            batch.length,
        )

    def first_rows(self, batch: Batch, count: int) -> Batch:
        """The first `count` rows in order, sorted."""
        words = self.words(batch)
        if not words:
            return batch.slice(0, min(count, batch.length))
        return batch.take(top_rows(words, count))


def sort(node: SortExec, batches: Iterator[Batch], context: TaskContext) -> Iterator[Batch]:
    """The rows in order, in batches of `batch_rows`."""
    order = RowOrder(node.keys)
    if node.limit == 0:
        return
    buffer = RowBuffer(node.columns, context.memory, "a sort")
    if node.limit is None:
        buffer.extend(batches)
    else:
        _keep_first(buffer, order, node.limit, batches, context.batch_rows)
    rows = buffer.rows()
    words = order.words(rows)
    sorted_order = sort_rows(words) if words else None
    stop = rows.length if node.limit is None else min(node.limit, rows.length)
    for start in range(0, stop, context.batch_rows):
        length = min(context.batch_rows, stop - start)
        if sorted_order is None:
            yield rows.slice(start, length)
        else:
            yield rows.take(sorted_order[start : start + length])
    buffer.release()


def _keep_first(buffer: RowBuffer, order: RowOrder, limit: int, batches: Iterator[Batch], batch_rows: int) -> None:
    """Buffer rows among which are the first `limit`, dropping others whenever there are many."""
    for batch in batches:
        buffer.append(order.first_rows(batch, limit) if batch.length > limit else batch)
        if buffer.length > max(_SLACK * limit, limit + batch_rows):
            buffer.replace(order.first_rows(buffer.rows(), limit))
