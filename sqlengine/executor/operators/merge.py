"""Merge: runs that are each sorted become one sorted stream.

::

    run 0   1 4 4            1 (run 0)  2 (run 1)  4 4 (run 0)  4 (run 1)
    run 1   2 4       ->

Buffered: all runs, because text is compared by its rank among the values of all of them. Order: by the keys; equal rows
by number of the run, then in the run's order. NULL: first or last as each key says. Memory: as for a sort, but the
time is that of merging.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sqlengine.batch import Batch
from sqlengine.executor.context import TaskContext
from sqlengine.executor.operators.buffer import RowBuffer
from sqlengine.executor.operators.sort import RowOrder
from sqlengine.kernels.sorting import merge_runs
from sqlengine.planner.physical import ExchangeRead


def merge(node: ExchangeRead, runs: Sequence[Sequence[Batch]], context: TaskContext) -> Iterator[Batch]:
    """The rows of all runs, each sorted by `node.merge`, in that order, in batches of `batch_rows`."""
    if len(runs) == 1:
        yield from runs[0]
        return
    buffer = RowBuffer(node.columns, context.memory, "merging sorted runs")
    offsets = [0]
    for run in runs:
        buffer.extend(run)
        offsets.append(buffer.length)
    rows = buffer.rows()
    words = RowOrder(node.merge).words(rows)
    order = merge_runs(words, np.array(offsets, np.int64)) if words else np.arange(rows.length)
    for start in range(0, rows.length, context.batch_rows):
        yield rows.take(order[start : start + context.batch_rows])
    buffer.release()
