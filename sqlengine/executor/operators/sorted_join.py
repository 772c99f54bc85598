"""Sorted join: pairs of rows related by inequalities, found by search in one side, put in order.

::

    build side, in order of lo       probe    bounds: lo <= t, hi >= t
    lo  hi                           t
    1   9   ─┐                       4   ->   places up to lo = 3; of these hi >= 4: (1, 9)
    3   3    │ search on lo,         3   ->   (1, 9), (3, 3)
    7   8   ─┘ tree of hi

With keys, rows of equal keys are searched only. ASOF (`nearest`) keeps, of the partners of a probe row that meet all
conditions, the one closest by the first bound; of equally close ones the first of the build side.

Buffered: the build side, its order and its values, once per process if all tasks read the same rows. Order: probe rows
in the input's order, the partners of each by the first bound's build value; unmatched build rows last. NULL: meets
no bound. Time: O((b + n) log b), plus O(log b) for each partner if there are two bounds; values of more than one
word (text, wide decimals) are ranked anew for each batch, which takes O(b log b) each. Memory: the build side, four
words a row, and one block of about `batch_rows` pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, assert_never

import numpy as np

from sqlengine.batch import Batch
from sqlengine.executor.bound_words import fixed_words, has_fixed_words, ranks
from sqlengine.executor.context import TaskContext
from sqlengine.executor.evaluate import Evaluator
from sqlengine.executor.keys import KeyEncoder
from sqlengine.executor.operators.buffer import RowBuffer
from sqlengine.executor.operators.pairing import Pairing
from sqlengine.kernels.joining import KeyNumbers, number_keys
from sqlengine.kernels.searching import OrderedTable
from sqlengine.planner.expressions import columns_of
from sqlengine.planner.logical_joins import JoinKind
from sqlengine.planner.physical_joins import SortedJoinExec
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]

_GREATEST: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class OrderedSide:
    """The rows of the build side, the number of each one's key (-1: it has no partner), and the values to search.

    `table` is None when words of the values compare only with those ranked together with them.
    """

    rows: Batch
    encoder: KeyEncoder
    keys: KeyNumbers | None
    numbers: Words
    values: tuple[Vector, ...]
    table: OrderedTable | None


def ordered_side(node: SortedJoinExec, batches: Iterator[Batch], context: TaskContext) -> OrderedSide:
    """Read the build side completely and put it in order."""
    wanted = {column.id for column in node.columns}.union(
        *(columns_of(part) for part in (*node.residual, *node.build_keys, *(bound.build for bound in node.bounds)))
    )
    columns = [column for column in node.build.columns if column.id in wanted]
    buffer = RowBuffer(columns, context.memory, "the build side of a join")
    buffer.extend(batches)
    rows = buffer.rows()
    values = tuple(Evaluator([bound.build for bound in node.bounds]).vectors(rows))
    encoder = KeyEncoder([key.type for key in node.build_keys], node.null_equal or False)
    numbers = np.zeros(rows.length, np.int64)
    keys: KeyNumbers | None = None
    if node.build_keys:
        vectors = Evaluator(node.build_keys).vectors(rows)
        keys, numbers = number_keys(encoder.encode(vectors, rows.length))
        usable = encoder.usable(vectors, rows.length)
        if len(usable):
            numbers = np.where(usable, numbers, -1)
    numbers = _without_nulls(numbers, values)
    table = None
    if all(has_fixed_words(value.type) for value in values):
        table = _table(node, keys, numbers, [fixed_words(value, rows.length) for value in values])
        context.memory.reserve(table.nbytes, "the order of a join")
    return OrderedSide(rows, encoder, keys, numbers, values, table)


def sorted_join(
    node: SortedJoinExec, probe: Iterator[Batch], build: Callable[[], OrderedSide], context: TaskContext
) -> Iterator[Batch]:
    """Batches of `node.columns`; `build` is called once, before the first batch of `probe` is pulled."""
    side = build()
    pairing = Pairing(node.kind, node.probe.columns, side.rows, node.residual, node.columns)
    if side.rows.length == 0 and node.kind in (JoinKind.INNER, JoinKind.RIGHT, JoinKind.SEMI):
        return
    search = _Search(node, side)
    for batch in probe:
        if side.rows.length == 0:
            yield pairing.unmatched(batch)
            continue
        table, lows, highs, wanted = search.candidates(batch)
        match node.kind:
            case JoinKind.SEMI | JoinKind.ANTI if not node.residual:
                yield from pairing.filtered(batch, table.counts(lows, highs, wanted, most=1) > 0)
            case JoinKind.SEMI | JoinKind.ANTI:
                matched = np.zeros(batch.length, np.bool_)
                for _, _, probe_rows, build_rows in table.blocks(lows, highs, wanted, context.batch_rows):
                    context.check()
                    probe_rows, _ = pairing.satisfying(batch, probe_rows, build_rows)
                    matched[probe_rows] = True
                yield from pairing.filtered(batch, matched)
            case JoinKind.INNER | JoinKind.LEFT | JoinKind.RIGHT | JoinKind.FULL:
                for start, stop, probe_rows, build_rows in table.blocks(lows, highs, wanted, context.batch_rows):
                    context.check()
                    probe_rows, build_rows = pairing.satisfying(batch, probe_rows, build_rows)
                    if node.nearest:
                        kept = _nearest(probe_rows, _from_above(node))
                        probe_rows, build_rows = probe_rows[kept], build_rows[kept]
                    yield from pairing.joined(batch, start, stop, probe_rows, build_rows, context.batch_rows)
            case _:
                assert_never(node.kind)
    yield from pairing.rest(context.batch_rows)


class _Search:
    """Finds, for batch after batch, the candidates of each row in the ordered build side."""

    def __init__(self, node: SortedJoinExec, side: OrderedSide) -> None:
        self._node = node
        self._side = side
        self._keys = Evaluator(node.probe_keys)
        self._bounds = Evaluator([bound.probe for bound in node.bounds])

    def candidates(self, batch: Batch) -> tuple[OrderedTable, Words, Words, Words | None]:
        """(table, first place, place after the last, least second value) of each row; the last if it decides."""
        node, side = self._node, self._side
        numbers = np.zeros(batch.length, np.int64)
        if side.keys is not None:
            words, usable = side.encoder.find(self._keys.vectors(batch), batch.length)
            numbers = side.keys.find(words)
            if len(usable):
                numbers = np.where(usable, numbers, -1)
        vectors = self._bounds.vectors(batch)
        numbers = _without_nulls(numbers, vectors)
        table = side.table
        if table is not None:
            wanted = [fixed_words(vector, batch.length) for vector in vectors]
        else:
            pairs = [ranks(pair, (side.rows.length, batch.length)) for pair in zip(side.values, vectors, strict=True)]
            table = _table(node, side.keys, side.numbers, [built for built, _ in pairs])
            wanted = [probed for _, probed in pairs]
        least: Words | None = None
        if len(node.bounds) == 2 and not _one_order(node):
            operator = node.bounds[1].operator
            least = wanted[1] if operator in (">", ">=") else ~wanted[1]
            if operator in ("<", ">"):
                numbers = np.where(least == _GREATEST, -1, numbers)
                least = least + (least != _GREATEST)
        lows, highs = table.ends(numbers)
        for bound, words_ in zip(node.bounds if least is None else node.bounds[:1], wanted, strict=False):
            if bound.operator in ("<", "<="):
                highs = np.minimum(highs, table.places(numbers, words_, after=bound.operator == "<="))
            else:
                lows = np.maximum(lows, table.places(numbers, words_, after=bound.operator == ">"))
        if node.nearest and not node.residual:
            if _from_above(node):
                lows = np.maximum(lows, highs - 1)
            else:
                highs = np.minimum(highs, lows + 1)
        return table, lows, highs, least


def _table(node: SortedJoinExec, keys: KeyNumbers | None, numbers: Words, words: Sequence[Words]) -> OrderedTable:
    second: Words | None = None
    if len(words) == 2 and not _one_order(node):
        second = words[1] if node.bounds[1].operator in (">", ">=") else ~words[1]
    count = 1 if keys is None else keys.count
    return OrderedTable(numbers, count, words[0], node.nearest and _from_above(node), second)


def _one_order(node: SortedJoinExec) -> bool:
    """Whether both bounds are on the same build values: then partners lie side by side."""
    return len({bound.build for bound in node.bounds}) == 1


def _from_above(node: SortedJoinExec) -> bool:
    """Whether the closest partner is the last in order."""
    return node.bounds[0].operator in ("<", "<=")


def _nearest(probe_rows: Words, last: bool) -> Words:
    """Positions of the last (or first) pair of each probe row, which lie side by side."""
    changes = probe_rows[1:] != probe_rows[:-1]
    ends = np.ones(len(probe_rows), np.bool_)
    if last:
        ends[:-1] = changes
    else:
        ends[1:] = changes
    return np.flatnonzero(ends)


def _without_nulls(numbers: Words, vectors: Sequence[Vector]) -> Words:
    """The numbers, -1 where some vector is NULL."""
    for vector in vectors:
        valid = vector.valid()
        if valid is not None:
            numbers = np.where(valid, numbers, -1)
    return numbers
