"""Nested-loop join: every probe row against every build row, for conditions that are no equalities.

::

    probe 1 5        pairs of a block      condition p < b
    build 2 4 6      1 2, 1 4, 1 6    ->   1 2, 1 4, 1 6
                     5 2, 5 4, 5 6    ->   5 6

Buffered: the build side, once per process if all tasks read the same rows. Order: as for a hash join. NULL: a pair
whose condition is NULL does not count. Memory: the build side and one block of at most a million pairs, of
which only the row numbers and the columns that the conditions read are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from sqlengine.batch import Batch
from sqlengine.executor.context import TaskContext
from sqlengine.executor.operators.buffer import RowBuffer
from sqlengine.executor.operators.pairing import Pairing
from sqlengine.planner.expressions import columns_of
from sqlengine.planner.logical_joins import JoinKind
from sqlengine.planner.physical_joins import NestedLoopJoinExec
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

_BLOCK_PAIRS: Final = 1 << 20


def build_rows(node: NestedLoopJoinExec, batches: Iterator[Batch], context: TaskContext) -> Batch:
    """All rows of the build side, the columns that are delivered or that conditions read."""
    wanted = {column.id for column in node.columns}.union(*(columns_of(part) for part in node.conditions))
    columns = [column for column in node.build.columns if column.id in wanted]
    buffer = RowBuffer(columns, context.memory, "the inner side of a join")
    buffer.extend(batches)
    return buffer.rows()


def nested_loop_join(
    node: NestedLoopJoinExec, probe: Iterator[Batch], build: Callable[[], Batch], context: TaskContext
) -> Iterator[Batch]:
    """Batches of `node.columns`; `build` is called once, before the first batch of `probe` is pulled."""
    rows = build()
    pairing = Pairing(node.kind, node.probe.columns, rows, node.conditions, node.columns)
    if rows.length == 0 and node.kind in (JoinKind.INNER, JoinKind.RIGHT, JoinKind.SEMI):
        return
    if rows.length == 1 and node.kind is JoinKind.INNER and not node.conditions:
        constants = {i: _as_constant(rows.column(i)) for i in rows.ids}
        for batch in probe:
            yield batch.with_columns(constants).select([column.id for column in node.columns])
        return
    for batch in probe:
        if rows.length == 0:
            yield pairing.unmatched(batch)
        elif node.kind in (JoinKind.SEMI, JoinKind.ANTI):
            matched = np.zeros(batch.length, np.bool_)
            for _, _, left, _ in _surviving(pairing, batch, rows.length, context):
                matched[left] = True
            yield from pairing.filtered(batch, matched)
        else:
            for start, stop, left, right in _surviving(pairing, batch, rows.length, context):
                yield from pairing.joined(batch, start, stop, left, right, context.batch_rows)
    yield from pairing.rest(context.batch_rows)


def _surviving(
    pairing: Pairing, batch: Batch, build_length: int, context: TaskContext
) -> Iterator[tuple[int, int, Rows, Rows]]:
    """(start, stop, probe rows, build rows): all pairs of the probe rows [start, stop) that satisfy the conditions."""
    step = max(1, _BLOCK_PAIRS // build_length)
    width = min(build_length, _BLOCK_PAIRS)
    for start in range(0, batch.length, step):
        stop = min(start + step, batch.length)
        kept = []
        for first in range(0, build_length, width):
            context.check()
            build_part = np.arange(first, min(first + width, build_length))
            left = np.repeat(np.arange(start, stop), len(build_part))
            kept.append(pairing.satisfying(batch, left, np.tile(build_part, stop - start)))
        # Several parts only if a block is a single probe row, so the pairs stay ordered.
        yield start, stop, np.concatenate([left for left, _ in kept]), np.concatenate([right for _, right in kept])


def _as_constant(vector: Vector) -> Vector:
    """The one row of `vector`, to stand for every row."""
    if vector.has_words():
        return Vector.from_values(vector.values(), vector.valid(), vector.type, constant=True)
    return Vector(vector.type, vector.encoded(), constant=True)
