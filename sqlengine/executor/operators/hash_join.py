"""Hash join: pairs of rows with equal keys, found through a table of one side.

::

    build side (read first, whole)        probe side (batch by batch)
    key  b                                key  p
    1    x   ─┐                           2    q   -> 2 y, 2 z
    2    y    ├─> table: 1 -> 0           5    r   -> no partner
    2    z   ─┘          2 -> 1, 2        1    s   -> 1 x

Buffered: the build side's delivered columns and its table, built once per process if all tasks read the same rows.
Order: probe rows in the input's order, the partners of each in the build side's order; unmatched build rows last.
NULL: matches nothing, unless `null_equal` says so for its key. A pair counts only if the residual conditions are
true of it, so an outer join keeps a row whose pairs all failed them. Memory: the build side, plus one block of
about `batch_rows` pairs at a time (a single probe row may exceed it by its own number of partners).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

import numpy as np

from sqlengine.batch import Batch
from sqlengine.executor.context import TaskContext
from sqlengine.executor.evaluate import Evaluator
from sqlengine.executor.keys import KeyEncoder
from sqlengine.executor.operators.buffer import RowBuffer
from sqlengine.executor.operators.pairing import Pairing
from sqlengine.kernels.joining import JoinTable
from sqlengine.planner.expressions import Column, columns_of
from sqlengine.planner.logical_joins import JoinKind
from sqlengine.planner.physical_joins import HashJoinExec

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class BuildSide:
    """The rows of the build side and the table that finds them by key."""

    rows: Batch
    encoder: KeyEncoder
    table: JoinTable


def build_side(node: HashJoinExec, batches: Iterator[Batch], context: TaskContext) -> BuildSide:
    """Read the build side completely and make its table."""
    buffer = RowBuffer(needed_columns(node), context.memory, "the build side of a join")
    encoder = KeyEncoder([key.type for key in node.build_keys], node.null_equal or False)
    keys = Evaluator(node.build_keys)
    words: list[list[NDArray[np.int64]]] = [[np.empty(0, np.int64)] * encoder.width]
    usable = [np.empty(0, np.bool_)]
    for batch in batches:
        vectors = keys.vectors(batch)
        words.append(encoder.encode(vectors, batch.length))
        mask = encoder.usable(vectors, batch.length)
        usable.append(mask if len(mask) else np.ones(batch.length, np.bool_))
        buffer.append(batch)
    rows = buffer.rows()
    table = JoinTable.build([np.concatenate(parts) for parts in zip(*words, strict=True)], np.concatenate(usable))
    context.memory.reserve(table.nbytes + encoder.nbytes, "the table of a join")
    return BuildSide(rows, encoder, table)


def needed_columns(node: HashJoinExec) -> list[Column]:
    """Columns of the build side that are delivered or that the residual conditions read."""
    wanted = {column.id for column in node.columns}.union(*(columns_of(part) for part in node.residual))
    return [column for column in node.build.columns if column.id in wanted]


def hash_join(
    node: HashJoinExec, probe: Iterator[Batch], build: Callable[[], BuildSide], context: TaskContext
) -> Iterator[Batch]:
    """Batches of `node.columns`; `build` is called once, before the first batch of `probe` is pulled."""
    side = build()
    pairing = Pairing(node.kind, node.probe.columns, side.rows, node.residual, node.columns)
    if side.rows.length == 0 and node.kind in (JoinKind.INNER, JoinKind.RIGHT, JoinKind.SEMI):
        return
    keys = Evaluator(node.probe_keys)
    for batch in probe:
        if side.rows.length == 0:
            yield pairing.unmatched(batch)
            continue
        words, usable = side.encoder.find(keys.vectors(batch), batch.length)
        match node.kind:
            case JoinKind.SEMI | JoinKind.ANTI if not node.residual:
                matched = side.table.matches(words, usable)
                yield from pairing.filtered(batch, matched)
            case JoinKind.SEMI | JoinKind.ANTI:
                matched = np.zeros(batch.length, np.bool_)
                for _, _, probe_rows, build_rows in side.table.probe_blocks(words, usable, context.batch_rows):
                    context.check()
                    probe_rows, _ = pairing.satisfying(batch, probe_rows, build_rows)
                    matched[probe_rows] = True
                yield from pairing.filtered(batch, matched)
            case JoinKind.INNER | JoinKind.LEFT | JoinKind.RIGHT | JoinKind.FULL:
                for start, stop, probe_rows, build_rows in side.table.probe_blocks(words, usable, context.batch_rows):
                    context.check()
                    probe_rows, build_rows = pairing.satisfying(batch, probe_rows, build_rows)
                    yield from pairing.joined(batch, start, stop, probe_rows, build_rows, context.batch_rows)
            case _:
                assert_never(node.kind)
    yield from pairing.rest(context.batch_rows)
