"""Limit: rows `offset` … `offset + limit` of the task's input.

::

    offset 2, limit 3     input 0 1 | 2 3 | 4 5 | 6 7 …   ->   2 3 | 4      (the batch 6 7 is never pulled)

Buffered: nothing; for a share of the rows, the whole input; with `per`, the values met of these columns. Order: the
input's. Stops pulling as soon as it has
delivered `limit` rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from sqlengine.batch import Batch
from sqlengine.executor.context import TaskContext
from sqlengine.executor.operators.buffer import RowBuffer
from sqlengine.executor.operators.grouping import Groups
from sqlengine.planner.physical import LimitExec


def limit_rows(node: LimitExec, batches: Iterator[Batch], context: TaskContext) -> Iterator[Batch]:
    """Slices of the input's batches; nothing is pulled for `limit` 0."""
    if node.per:
        yield from _limit_per(node, batches)
        return
    if node.percent is None:
        yield from _window(node.limit, node.offset, batches)
        return
    buffer = RowBuffer(node.columns, context.memory, "LIMIT %")
    buffer.extend(batches)
    rows = buffer.rows()
    yield from _window(math.floor(node.percent / 100 * rows.length), node.offset, iter((rows,)))
    buffer.release()


def _window(limit: int | None, offset: int, batches: Iterator[Batch]) -> Iterator[Batch]:
    skip = offset
    left = limit
    while left is None or left > 0:
        batch = next(batches, None)
        if batch is None:
            return
        if skip >= batch.length:
            skip -= batch.length
            continue
        take = batch.length - skip if left is None else min(batch.length - skip, left)
        yield batch if take == batch.length else batch.slice(skip, take)
        skip = 0
        if left is not None:
            left -= take


def _limit_per(node: LimitExec, batches: Iterator[Batch]) -> Iterator[Batch]:
    """The rows whose number among those with equal values of `node.per` is in the window."""
    groups = Groups([column.type for column in node.per])
    met = np.zeros(0, np.int64)
    last = None if node.limit is None else node.offset + node.limit
    for batch in batches:
        numbers = groups.assign([batch.column(column.id) for column in node.per], batch.length)
        met = np.concatenate([met, np.zeros(groups.count - len(met), np.int64)])
        order = np.argsort(numbers, kind="stable")
        in_order = numbers.take(order)
        # Where the run of each row's group starts, in `order`.
        starts = np.searchsorted(in_order, in_order)
        rank = np.empty(batch.length, np.int64)
        rank[order] = np.arange(batch.length) - starts + met.take(in_order)
        met += np.bincount(numbers, minlength=len(met))
        kept = rank >= node.offset
        if last is not None:
            kept &= rank < last
        rows = np.flatnonzero(kept)
        if len(rows):
            yield batch if len(rows) == batch.length else batch.take(rows)
