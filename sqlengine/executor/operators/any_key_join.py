"""Join on alternatives: pairs with equal keys of at least one of several kinds.

::

    probe       build        a.x = b.x OR a.y = b.y    candidates     each once
    x  y        x  y         by x: 0 0, 1 0            0 0
    1  7        1  7         by y: 0 0, 0 1            0 1, 0 0   ->  0 0, 0 1, 1 0
    1  8        2  7                                   1 0

Buffered: the build side and one table for each alternative, once per process if all tasks read the same rows. Order:
as for a hash join. NULL: as for a hash join, alternative by alternative. What else the alternatives demand is asked
of each candidate pair. Memory: the build side, its tables, and the candidates of a thousand probe rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from sqlengine.batch import Batch
from sqlengine.executor.context import TaskContext
from sqlengine.executor.evaluate import Evaluator
from sqlengine.executor.keys import KeyEncoder
from sqlengine.executor.operators.buffer import RowBuffer
from sqlengine.executor.operators.pairing import Pairing
from sqlengine.kernels.joining import JoinTable
from sqlengine.planner.expressions import columns_of
from sqlengine.planner.logical_joins import JoinKind
from sqlengine.planner.physical_joins import AnyKeyJoinExec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

_BLOCK_ROWS: Final = 1024


@dataclass(frozen=True, slots=True)
class BuildTables:
    """The rows of the build side and what finds them by the keys of each alternative."""

    rows: Batch
    tables: tuple[tuple[KeyEncoder, JoinTable], ...]


def build_tables(node: AnyKeyJoinExec, batches: Iterator[Batch], context: TaskContext) -> BuildTables:
    """Read the build side completely and make its tables."""
    expressions = [*node.conditions, *(key for each in node.alternatives for key in each.build)]
    wanted = {column.id for column in node.columns}.union(*map(columns_of, expressions))
    buffer = RowBuffer(
        [column for column in node.build.columns if column.id in wanted], context.memory, "the build side of a join"
    )
    buffer.extend(batches)
    rows = buffer.rows()
    tables = []
    for keys in node.alternatives:
        encoder = KeyEncoder([key.type for key in keys.build], keys.null_equal)
        vectors = Evaluator(keys.build).vectors(rows)
        table = JoinTable.build(encoder.encode(vectors, rows.length), encoder.usable(vectors, rows.length))
        context.memory.reserve(table.nbytes + encoder.nbytes, "a table of a join")
        tables.append((encoder, table))
    return BuildTables(rows, tuple(tables))


def any_key_join(
    node: AnyKeyJoinExec, probe: Iterator[Batch], build: Callable[[], BuildTables], context: TaskContext
) -> Iterator[Batch]:
    """Batches of `node.columns`; `build` is called once, before the first batch of `probe` is pulled."""
    side = build()
    pairing = Pairing(node.kind, node.probe.columns, side.rows, node.conditions, node.columns)
    if side.rows.length == 0 and node.kind in (JoinKind.INNER, JoinKind.RIGHT, JoinKind.SEMI):
        return
    keys = [Evaluator(each.probe) for each in node.alternatives]
    for whole in probe:
        if side.rows.length == 0:
            yield pairing.unmatched(whole)
            continue
        for start in range(0, whole.length, _BLOCK_ROWS):
            context.check()
            batch = whole.slice(start, min(_BLOCK_ROWS, whole.length - start))
            probe_rows, build_rows = pairing.satisfying(batch, *_candidates(side, keys, batch))
            if node.kind in (JoinKind.SEMI, JoinKind.ANTI):
                matched = np.zeros(batch.length, np.bool_)
                matched[probe_rows] = True
                yield from pairing.filtered(batch, matched)
            else:
                yield from pairing.joined(batch, 0, batch.length, probe_rows, build_rows, context.batch_rows)
    yield from pairing.rest(context.batch_rows)


def _candidates(side: BuildTables, keys: list[Evaluator], batch: Batch) -> tuple[Rows, Rows]:
    """(probe rows, build rows) of all pairs that agree on some alternative, each once, by probe row."""
    pairs = []
    for evaluator, (encoder, table) in zip(keys, side.tables, strict=True):
        words, usable = encoder.find(evaluator.vectors(batch), batch.length)
        probe_rows, build_rows = table.probe(words, usable)
        pairs.append(probe_rows * side.rows.length + build_rows)
    return np.divmod(np.unique(np.concatenate(pairs)), side.rows.length)
