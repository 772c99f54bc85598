"""Window: every row with the results of calls over the rows of its partition.

::

    k  x                              sorted by k, x          k  x  sum(x) OVER (PARTITION BY k ORDER BY x)
    b  3                              a 1 | b 2, b 3          b  3  5
    a  1   PARTITION BY k ORDER BY x                    ->    a  1  1
    b  2                                                      b  2  2

Buffered: all rows. Order: the input's; only keys and arguments are ever gathered into window order, and only results
come back from it. NULL: a partition key like any other value; first or last in the window's order as each key says.
Memory: the rows, their keys as words, two numbers a row for each frame, and the results.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.batch import Batch
from sqlengine.errors import InternalError
from sqlengine.executor.context import TaskContext
from sqlengine.executor.evaluate import Evaluator, evaluate
from sqlengine.executor.frame_aggregates import aggregate_frames
from sqlengine.executor.frames import FrameFinder, find_partitions, row_words
from sqlengine.executor.operators.buffer import RowBuffer
from sqlengine.functions.registry import find_aggregate, find_window
from sqlengine.kernels.sorting import sort_rows
from sqlengine.planner.expressions import SortKey
from sqlengine.planner.physical import WindowExec
from sqlengine.planner.window_call import WindowCall
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from sqlengine.functions.window_rows import Rows


def window(node: WindowExec, batches: Iterator[Batch], context: TaskContext) -> Iterator[Batch]:
    """The input's rows in order, with the results of the calls, in batches of `batch_rows`."""
    buffer = RowBuffer(node.input.columns, context.memory, "a window")
    buffer.extend(batches)
    rows = buffer.rows()
    if rows.length:
        results, kept = _results(node, rows)
        size = sum(vector.nbytes for vector in results.values())
        context.memory.reserve(size, "a window")
        whole = rows.with_columns(results)
        whole = whole if kept is None else whole.take(kept)
        for start in range(0, whole.length, context.batch_rows):
            yield whole.slice(start, min(context.batch_rows, whole.length - start))
        context.memory.reserve(-size, "a window")
    buffer.release()


def _results(node: WindowExec, rows: Batch) -> tuple[dict[int, Vector], Rows | None]:
    """The results of each call, in the order of `rows`, by the id of its column; the rows to keep if not all."""
    keys = [*(SortKey(each) for each in node.partition), *node.order]
    vectors = Evaluator(key.expression for key in keys).vectors(rows)
    width = len(node.partition)
    partition = row_words(vectors[:width], keys[:width], rows.length)
    order = row_words(vectors[width:], keys[width:], rows.length)
    words = [*partition, *order]
    sorted_rows = sort_rows(words) if words else np.arange(rows.length)
    places = np.empty(rows.length, np.int64)
    places[sorted_rows] = np.arange(rows.length)
    batch = rows.take(sorted_rows)
    finder = FrameFinder(find_partitions(partition, order, sorted_rows), batch, node.order)
    results = {
        column.id: _result(call, batch, finder).expand(rows.length).take(places)
        for column, call in zip(node.call_columns, node.calls, strict=True)
    }
    if node.first is None:
        return results, None
    before = finder.rows.peer_begin - finder.rows.partition_begin
    return results, np.sort(sorted_rows[before < node.first])


def _result(call: WindowCall, batch: Batch, finder: FrameFinder) -> Vector:
    """The result of a call for each row of `batch`, which is in window order."""
    aggregate = find_aggregate(call.function)
    if aggregate is not None:
        return aggregate_frames(aggregate, call, batch, finder.with_frame(call.frame).frame)
    function = find_window(call.function)
    if function is None:
        raise InternalError(f"the plan calls a function {call.function!r} over a window that is not registered")
    arguments = [evaluate(argument, batch) for argument in call.arguments]
    rows = finder.with_frame(call.frame) if function.uses_frame else finder.rows
    return function.run(rows, arguments, call.ignore_nulls, call.type)
