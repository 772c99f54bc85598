"""What a window function sees: the rows of all partitions in window order, their peers and their frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]
    Mask = NDArray[np.bool_]

    # Ranges of rows: int64[n] where each begins, and where it ends (exclusive, never before the begin).
    Segment = tuple[Rows, Rows]


@dataclass(frozen=True, slots=True)
class WindowRows:
    """n rows sorted by PARTITION BY, then ORDER BY; every range is of row numbers in that order, its end exclusive.

    Attributes
    ----------
    partition_begin, partition_end
        int64[n]: the partition of each row.
    group
        int64[n]: the group of peers (rows that ORDER BY does not tell apart) of each row, counted over all partitions.
    group_offsets
        int64[g + 1]: group k is rows group_offsets[k] … group_offsets[k + 1] - 1.
    frame
        The frame of each row as one to three segments in ascending order.
    """

    partition_begin: Rows
    partition_end: Rows
    group: Rows
    group_offsets: Rows
    frame: tuple[Segment, ...] = ()

    @property
    def length(self) -> int:
        """n."""
        return len(self.partition_begin)

    @property
    def peer_begin(self) -> Rows:
        """int64[n]: first row of each row's peers."""
        return self.group_offsets.take(self.group)

    @property
    def peer_end(self) -> Rows:
        """int64[n]: the row after each row's peers."""
        return self.group_offsets.take(self.group + 1)


@dataclass(frozen=True, slots=True)
class KeptRows:
    """Some of the rows, renumbered without gaps: those that a FILTER keeps, those that are not NULL.

    Attributes
    ----------
    rows
        int64[k]: the kept rows, ascending.
    before
        int64[n + 1]: how many are kept before each row.
    """

    rows: Rows
    before: Rows

    @staticmethod
    def where(mask: Mask) -> KeptRows:
        """The rows where `mask` is True."""
        before = np.zeros(len(mask) + 1, np.int64)
        np.cumsum(mask, out=before[1:])
        return KeptRows(np.flatnonzero(mask), before)

    def segments(self, segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
        """The same ranges in the new numbers."""
        return tuple((self.before.take(begin), self.before.take(end)) for begin, end in segments)


def nth_row(segments: tuple[Segment, ...], number: Rows) -> Rows:
    """int64[n]: the row `number[i]` (from 0 on) of the ranges of row i taken together, -1 if they have fewer rows."""
    found = np.full(len(number), -1, np.int64)
    left = number
    for begin, end in segments:
        size = end - begin
        found = np.where((left >= 0) & (left < size), begin + left, found)
        # Below zero from then on.
        left = np.where(left < size, -1, left - size)
    return found


def last_row(segments: tuple[Segment, ...], length: int) -> Rows:
    """int64[n]: the last row of the ranges of each row, -1 if they are empty."""
    found = np.full(length, -1, np.int64)
    for begin, end in segments:
        found = np.where(end > begin, end - 1, found)
    return found


def valid_rows(vector: Vector, length: int) -> Mask:
    """bool[n]: where `vector`, which may be constant, is not NULL."""
    valid = vector.valid()
    return np.ones(length, np.bool_) if valid is None else np.broadcast_to(valid, (length,))
