"""Partitions, peers and frames of sorted rows: where each begins and ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, assert_never

import numpy as np

from sqlengine.batch import Batch
from sqlengine.errors import OutOfRangeError
from sqlengine.executor.evaluate import evaluate
from sqlengine.executor.sort_keys import encode_sort_keys
from sqlengine.functions.window_rows import WindowRows, valid_rows
from sqlengine.kernels.framing import mark_changes, search_bounds
from sqlengine.kernels.hashing import addresses
from sqlengine.planner.expressions import Expression, SortKey
from sqlengine.planner.window_call import Direction, Exclusion, Frame, FrameBound, FrameUnit
from sqlengine.vector import Vector, concat_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sqlengine.functions.window_rows import Mask, Rows, Segment

    SortWords = NDArray[np.uint64]


def find_partitions(partition: Sequence[SortWords], order: Sequence[SortWords], rows: Rows) -> WindowRows:
    """Partitions and peers of rows taken in the order `rows`, in which they are sorted by both kinds of words."""
    length = len(rows)
    starts = np.zeros(length, np.bool_)
    starts[:1] = True
    if partition:
        mark_changes(addresses(list(partition)), length, rows, starts)
    partition_offsets = np.append(np.flatnonzero(starts), length)
    if order:
        mark_changes(addresses(list(order)), length, rows, starts)
    group_offsets = np.append(np.flatnonzero(starts), length)
    sizes = np.diff(partition_offsets)
    return WindowRows(
        np.repeat(partition_offsets[:-1], sizes),
        np.repeat(partition_offsets[1:], sizes),
        np.repeat(np.arange(len(group_offsets) - 1), np.diff(group_offsets)),
        group_offsets,
    )


@dataclass(slots=True)
class FrameFinder:
    """Finds frames of one window's rows; a frame that several calls have is found once.

    Attributes
    ----------
    rows
        Partitions and peers.
    batch
        The rows in window order.
    order
        ORDER BY of the window.
    """

    rows: WindowRows
    batch: Batch
    order: tuple[SortKey, ...]
    _known: list[tuple[Frame, WindowRows]] = field(default_factory=list)

    def with_frame(self, frame: Frame) -> WindowRows:
        """The rows, each with its frame."""
        for known, rows in self._known:
            if known == frame:
                return rows
        begin = self._bound(frame, frame.start, is_end=False)
        end = np.maximum(begin, self._bound(frame, frame.end, is_end=True))
        rows = replace(self.rows, frame=self._without_excluded(begin, end, frame.exclusion))
        self._known.append((frame, rows))
        return rows

    def _without_excluded(self, begin: Rows, end: Rows, exclusion: Exclusion) -> tuple[Segment, ...]:
        rows = self.rows
        here = np.arange(rows.length)
        match exclusion:
            case Exclusion.NOTHING:
                return ((begin, end),)
            case Exclusion.CURRENT:
                return _outside(begin, end, here, here + 1)
            case Exclusion.GROUP:
                return _outside(begin, end, rows.peer_begin, rows.peer_end)
            case Exclusion.TIES:
                before, after = _outside(begin, end, rows.peer_begin, rows.peer_end)
                inside = (begin <= here) & (here < end)
                return (before, (here, here + inside), after)
            case _:
                assert_never(exclusion)

    # -- bounds -------------------------------------------------------------------------------

    def _bound(self, frame: Frame, bound: FrameBound, is_end: bool) -> Rows:
        """int64[n]: where the frame of each row begins, or ends."""
        rows = self.rows
        if bound.is_unbounded:
            return rows.partition_end if is_end else rows.partition_begin
        if frame.unit is FrameUnit.ROWS:
            place = np.arange(rows.length) + self._distance(bound) + is_end
            inside: Rows = np.clip(place, rows.partition_begin, rows.partition_end)
            return inside
        if bound.offset is None:
            return rows.peer_end if is_end else rows.peer_begin
        if frame.unit is FrameUnit.RANGE:
            assert frame.key is not None
            return self._at_edge(frame.key, bound, is_end)
        place = rows.group + self._distance(bound) + is_end
        first = rows.group.take(rows.partition_begin)
        last = rows.group.take(rows.partition_end - 1) + 1
        groups: Rows = np.clip(place, first, last)
        return rows.group_offsets.take(groups)

    def _distance(self, bound: FrameBound) -> Rows:
        """How many rows or groups further on the bound lies, int64[n] or int64[1]."""
        if bound.offset is None:
            return np.zeros(1, np.int64)
        offset = evaluate(bound.offset, self.batch)
        counts = offset.values()
        if not valid_rows(offset, len(counts)).all():
            raise OutOfRangeError(f"the number of rows or groups before {bound.direction.value} cannot be NULL")
        if (counts < 0).any():
            raise OutOfRangeError(f"the number of rows or groups before {bound.direction.value} cannot be negative")
        # No partition has more rows, and sums do not overflow.
        counts = np.minimum(counts, self.rows.length + 1)
        return -counts if bound.direction is Direction.PRECEDING else counts

    def _at_edge(self, key: Expression, bound: FrameBound, is_end: bool) -> Rows:
        """The bound of a RANGE: the first row with a key not below the edge, or above it if the frame ends there."""
        assert bound.offset is not None
        rows, length = self.rows, self.rows.length
        (order,) = self.order
        keys = evaluate(key, self.batch).expand(length)
        edges = evaluate(bound.offset, self.batch).expand(length)
        # In one call, for words of different calls need not compare.
        words = encode_sort_keys([concat_vectors([keys, edges])], [order.descending], [False], 2 * length)
        has_nulls = keys.valid() is not None or edges.valid() is not None
        parts = [np.split(word, [length]) for word in words[has_nulls:]]
        key_words, edge_words = [part[0] for part in parts], [part[1] for part in parts]
        known = valid_rows(edges, length)
        low, high = self._with_key(valid_rows(keys, length), order.nulls_first)
        if bound.direction is Direction.PRECEDING:
            beyond = _is_before([word.take(high - 1) for word in key_words], edge_words)
        else:
            beyond = _is_before(edge_words, [word.take(low, mode="clip") for word in key_words])
        if (beyond & known & (low < high)).any():
            raise OutOfRangeError(f"the offset of a RANGE before {bound.direction.value} cannot be negative")
        bounds = np.empty(length, np.int64)
        search_bounds(addresses(key_words), length, addresses(edge_words), low, high, is_end, bounds)
        return bounds if known.all() else np.where(known, bounds, rows.peer_end if is_end else rows.peer_begin)

    def _with_key(self, known: Mask, nulls_first: bool) -> Segment:
        """The rows of each row's partition whose key is not NULL."""
        rows = self.rows
        if known.all():
            return rows.partition_begin, rows.partition_end
        before = np.zeros(rows.length + 1, np.int64)
        np.cumsum(~known, out=before[1:])
        nulls = before.take(rows.partition_end) - before.take(rows.partition_begin)
        if nulls_first:
            return rows.partition_begin + nulls, rows.partition_end
        return rows.partition_begin, rows.partition_end - nulls


def _is_before(words: Sequence[SortWords], others: Sequence[SortWords]) -> Mask:
    """bool[n]: where the key of the first is smaller, row by row."""
    before = np.zeros(len(words[0]), np.bool_)
    equal = np.ones(len(words[0]), np.bool_)
    for word, other in zip(words, others, strict=True):
        before |= equal & (word < other)
        equal &= word == other
    return before


def _outside(begin: Rows, end: Rows, hole_begin: Rows, hole_end: Rows) -> tuple[Segment, Segment]:
    """What is left of each range on both sides of a hole."""
    before = np.clip(hole_begin, begin, end)
    after = np.clip(hole_end, begin, end)
    return (begin, before), (after, end)


def row_words(vectors: Sequence[Vector], keys: Sequence[SortKey], length: int) -> list[SortWords]:
    """Words of the vectors of ORDER BY keys; none for constants, which tell no rows apart."""
    told = [(vector, key) for vector, key in zip(vectors, keys, strict=True) if not vector.constant]
    return encode_sort_keys(
        [vector for vector, _ in told],
        [key.descending for _, key in told],
        [key.nulls_first for _, key in told],
        length,
    )
