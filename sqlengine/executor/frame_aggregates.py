"""Aggregates over frames.

Three ways, from fast to general:

1. States that are counts, sums or extremes of words: differences of running totals, and trees of partial folds
   (`frame_words`), O(1) or O(log n) a frame in machine code.
2. States of any kind: a tree of mergeable partial states over runs of 4, 16, 64 … rows, built and read with the
   accumulators of an ordinary aggregation; a frame is a group that merges O(log n) states (Leis et al., VLDB 2015,
   section 4.3).
3. All rows of each frame as a group: holistic aggregates, ORDER BY in the call, DISTINCT over frames that move, and
   frames that hold few rows altogether. Quadratic in the worst case, a block of frames at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from sqlengine.batch import Batch
from sqlengine.executor.accumulators.make import make_accumulator
from sqlengine.executor.evaluate import Evaluator, evaluate, truth_of
from sqlengine.executor.frame_words import word_state
from sqlengine.executor.frames import row_words
from sqlengine.executor.operators.buffer import empty_batch
from sqlengine.executor.operators.grouping import Groups
from sqlengine.executor.whole import aggregate_rows
from sqlengine.functions.grouped_rows import GroupedRows
from sqlengine.functions.registry import AggregateFunction, Operand, State
from sqlengine.functions.window_rows import KeptRows
from sqlengine.kernels.sorting import sort_rows
from sqlengine.planner.expressions import Column, Expression, Literal
from sqlengine.planner.window_call import WindowCall
from sqlengine.types import SqlType
from sqlengine.vector import Vector, concat_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sqlengine.functions.window_rows import Rows, Segment

    # int64[f, p]: p ranges for each of f frames.
    Ranges = tuple[NDArray[np.int64], NDArray[np.int64]]

_FANOUT: Final = 4
# Rows, or states, that are fed to accumulators at a time.
_BLOCK: Final = 1 << 20
# Frames of so many rows altogether, per row of input, are not worth a tree.
_SMALL_FRAMES: Final = 8


def aggregate_frames(function: AggregateFunction, call: WindowCall, batch: Batch, frame: tuple[Segment, ...]) -> Vector:
    """The aggregate of the rows in the frame of each row.

    Parameters
    ----------
    function, call
        What is computed; FILTER, DISTINCT and ORDER BY are those of the call.
    batch
        The rows in window order.
    frame
        Segments of the frame of each row, in rows of `batch`.
    """
    if call.filter is not None:
        kept = KeptRows.where(truth_of(evaluate(call.filter, batch), batch.length))
        batch, frame = batch.take(kept.rows), kept.segments(frame)
    length = batch.length
    evaluator = Evaluator((*call.arguments, *(key.expression for key in call.order)))
    # Constants stay such: a separator is asked for even if no row has one.
    vectors = evaluator.vectors(batch) if length else _of_no_rows(evaluator.expressions)
    count = len(call.arguments)
    arguments, keys = vectors[:count], vectors[count:]
    earlier = None
    if call.distinct and arguments:
        earlier = _earlier_occurrence(arguments, length)
        first = _first_in_frame(earlier, frame)
        if first is not None:
            kept = KeptRows.where(first)
            arguments, keys = ([vector.take(kept.rows) for vector in each] for each in (arguments, keys))
            earlier, frame, length = None, kept.segments(frame), len(kept.rows)
    places = None
    if keys:
        order = sort_rows(row_words(keys, call.order, length) or [np.zeros(length, np.uint64)])
        places = np.empty(length, np.uint64)
        places[order] = np.arange(length, dtype=np.uint64)
    return _Fold(function, call.type, arguments, length, earlier, places).over(frame)


def _of_no_rows(expressions: Sequence[Expression]) -> list[Vector]:
    """The values of expressions where no row is left to compute them on."""
    columns = [Column(k, "", each.type) for k, each in enumerate(expressions)]
    empty = empty_batch(columns)
    return [
        Vector.from_literal(each.value, each.type) if isinstance(each, Literal) else empty.column(column.id)
        for column, each in zip(columns, expressions, strict=True)
    ]


@dataclass(slots=True)
class _Fold:
    """One aggregate over ranges of rows.

    Attributes
    ----------
    arguments, length
        What is aggregated, and the number of rows.
    earlier
        For DISTINCT: the last row before each with the same arguments, -1 if there is none.
    places
        For ORDER BY in the call: the place of each row in that order.
    """

    function: AggregateFunction
    type: SqlType
    arguments: Sequence[Vector]
    length: int
    earlier: Rows | None
    places: NDArray[np.uint64] | None

    def over(self, frame: tuple[Segment, ...]) -> Vector:
        """The aggregate of each frame."""
        signature = self.function.resolve([Operand(argument.type) for argument in self.arguments])
        mergeable = signature.rows is None and self.earlier is None and self.places is None
        if mergeable:
            words = [
                word_state(state, [self.arguments[k].expand(self.length) for k in state.arguments], frame)
                for state in signature.states
            ]
            known = [word for word in words if word is not None]
            if len(known) == len(words):
                return self.function.finalize(known, self.type)
        begins, ends = np.stack([begin for begin, _ in frame], 1), np.stack([end for _, end in frame], 1)
        # Peers, and all rows of a partition, often have one frame.
        new = np.ones(len(begins), np.bool_)
        new[1:] = ((begins[1:] != begins[:-1]) | (ends[1:] != ends[:-1])).any(1)
        ranges = begins[new], ends[new]
        rows = int((ranges[1] - ranges[0]).sum())
        if not mergeable or rows <= _SMALL_FRAMES * self.length + _FANOUT:
            results = concat_vectors([self._of_rows(ranges, block) for block in _blocks(ranges)])
        else:
            results = self._of_states(signature.states, ranges)
        return results.take(np.cumsum(new) - 1)

    def _of_rows(self, ranges: Ranges, block: slice) -> Vector:
        """The aggregate of some frames from all their rows."""
        groups, picked = _picked(ranges, block)
        if self.earlier is not None:
            # The first of its value in the frame: those before it are before the frame, or in what it excludes.
            numbers = Groups([argument.type for argument in self.arguments])
            values = [argument.take(picked).expand(len(picked)) for argument in self.arguments]
            ids = numbers.assign(values, len(picked))
            order = np.lexsort((ids, groups))
            repeats = np.zeros(len(picked), np.bool_)
            repeats[order[1:]] = (ids[order[1:]] == ids[order[:-1]]) & (groups[order[1:]] == groups[order[:-1]])
            groups, picked = groups[~repeats], picked[~repeats]
        if self.places is not None:
            picked = picked.take(sort_rows([groups.view(np.uint64), self.places.take(picked)]))
        count = block.stop - block.start
        starts = np.searchsorted(groups, np.arange(count + 1))
        rows = GroupedRows(starts, tuple(argument.take(picked) for argument in self.arguments))
        return aggregate_rows(self.function, rows, self.type)

    def _of_states(self, states: Sequence[State], ranges: Ranges) -> Vector:
        """The aggregate of all frames from partial states, O(log n) of them a frame."""
        trees = [self._tree(state) for state in states]
        nodes = _tree_ranges(ranges, _level_offsets(self.length))
        merged: list[list[Vector]] = [[] for _ in states]
        for block in _blocks(nodes):
            groups, picked = _picked(nodes, block)
            count = block.stop - block.start
            for state, tree, results in zip(states, trees, merged, strict=True):
                accumulator = make_accumulator(state.op, state.type)
                accumulator.merge(groups, count, tree.take(picked), len(picked))
                results.append(accumulator.result(count))
        return self.function.finalize([concat_vectors(results) for results in merged], self.type)

    def _tree(self, state: State) -> Vector:
        """Partial states of single rows, then of runs of 4, of 16, …"""
        accumulator = make_accumulator(state.op, state.type)
        arguments = [self.arguments[number] for number in state.arguments]
        accumulator.update(np.arange(self.length), self.length, arguments, self.length)
        levels = [accumulator.result(self.length)]
        offsets = _level_offsets(self.length)
        for begin, end, stop in zip(offsets, offsets[1:], offsets[2:], strict=False):
            size, count = end - begin, stop - end
            accumulator = make_accumulator(state.op, state.type)
            accumulator.merge(np.arange(size) // _FANOUT, count, levels[-1], size)
            levels.append(accumulator.result(count))
        return concat_vectors([level.expand(len(level)) for level in levels])


def _level_offsets(length: int) -> list[int]:
    """Where each level of the tree begins among its nodes, and where the last one ends."""
    offsets, size = [0, length], length
    while size > _FANOUT:
        size = -(-size // _FANOUT)
        offsets.append(offsets[-1] + size)
    return offsets


def _blocks(ranges: Ranges) -> Iterator[slice]:
    """Some frames at a time, of not too many rows; a frame is never cut."""
    total = np.cumsum((ranges[1] - ranges[0]).sum(1))
    first = 0
    while first < len(total):
        done = 0 if first == 0 else int(total[first - 1])
        # At least one frame, however large.
        last = max(first + 1, int(np.searchsorted(total, done + _BLOCK, "right")))
        yield slice(first, last)
        first = last


def _picked(ranges: Ranges, block: slice) -> tuple[Rows, Rows]:
    """(number of the frame within the block, row) of each row of these frames, frame by frame, in order."""
    begins, ends = ranges[0][block], ranges[1][block]
    lengths = (ends - begins).ravel()
    picked = np.repeat(begins.ravel() - (np.cumsum(lengths) - lengths), lengths)
    picked += np.arange(len(picked))
    return np.repeat(np.arange(len(begins)), (ends - begins).sum(1)), picked


def _tree_ranges(ranges: Ranges, offsets: Sequence[int]) -> Ranges:
    """Ranges of rows as ranges of nodes of the tree, in the rows' order.

    From level to level both ends move inwards to a multiple of the fan-out; what they pass is taken from this level.
    """
    all_begins, all_ends = [], []
    levels = len(offsets) - 1
    for k in range(ranges[0].shape[1]):
        begin, end = ranges[0][:, k], ranges[1][:, k]
        left: list[Segment] = []
        right: list[Segment] = []
        for level in range(levels):
            offset = offsets[level]
            inner_begin = -(-begin // _FANOUT) * _FANOUT
            inner_end = end // _FANOUT * _FANOUT
            # Without a whole node of the next level in between, all is taken from this one.
            whole = (inner_begin < inner_end) & (level + 1 < levels)
            stop = np.where(whole, inner_begin, end)
            left.append((begin + offset, stop + offset))
            right.append((np.where(whole, inner_end, end) + offset, end + offset))
            begin = np.where(whole, inner_begin // _FANOUT, 0)
            end = np.where(whole, inner_end // _FANOUT, 0)
        for piece_begin, piece_end in (*left, *reversed(right)):
            all_begins.append(piece_begin)
            all_ends.append(piece_end)
    return np.stack(all_begins, 1), np.stack(all_ends, 1)


def _earlier_occurrence(arguments: Sequence[Vector], length: int) -> Rows:
    """int64[n]: the last row before each with the same arguments, -1 if there is none."""
    values = [argument.expand(length) for argument in arguments]
    ids = Groups([argument.type for argument in arguments]).assign(values, length)
    order = np.argsort(ids, kind="stable")
    earlier = np.full(length, -1, np.int64)
    same = ids[order[1:]] == ids[order[:-1]]
    earlier[order[1:][same]] = order[:-1][same]
    return earlier


def _first_in_frame(earlier: Rows, frame: tuple[Segment, ...]) -> NDArray[np.bool_] | None:
    """Whether each row is the first of its value in every frame that has it; None if that differs between frames.

    So it is when the frames that share rows begin at the same row: then duplicates can be dropped once and for all
    (Wesley and Xu, "Incremental Computation of Common Windowed Holistic Aggregates", VLDB 2016, section 4).
    """
    if len(frame) != 1:
        return None
    begin, end = frame[0]
    used = end > begin
    starts = np.unique(begin[used])
    reach = np.zeros(len(starts), np.int64)
    np.maximum.at(reach, np.searchsorted(starts, begin[used]), end[used])
    if (reach[:-1] > starts[1:]).any():
        return None
    if not len(starts):
        return np.ones(len(earlier), np.bool_)
    at = np.searchsorted(starts, np.arange(len(earlier)), "right") - 1
    return earlier < np.where(at >= 0, starts.take(np.maximum(at, 0)), 0)
