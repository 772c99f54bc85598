"""Rows that lie group by group, as holistic aggregates take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class GroupedRows:
    """The rows of all groups; those of one group side by side.

    Attributes
    ----------
    starts
        int64[g + 1]: group k has the rows `starts[k]` … `starts[k + 1] - 1`, maybe none.
    arguments
        The aggregate's arguments, n rows each; constants stay constants.
    fresh
        bool[n]: where the value by which the rows are sorted is the first of its kind in its group; None when
        they are not sorted.
    places
        int64[n]: where each row stood before it was sorted; None as `fresh`.
    """

    starts: Words
    arguments: tuple[Vector, ...]
    fresh: Mask | None = None
    places: Words | None = None

    @property
    def group_count(self) -> int:
        """Groups, empty ones included."""
        return len(self.starts) - 1

    @property
    def row_count(self) -> int:
        """Rows of all groups."""
        return int(self.starts[-1])

    @property
    def lengths(self) -> Words:
        """Rows of each group, int64[g]."""
        return np.diff(self.starts)

    def groups(self) -> Words:
        """Group of each row, int64[n]."""
        return np.repeat(np.arange(self.group_count), self.lengths)

    def kept(self, mask: Mask) -> GroupedRows:
        """Only the rows where `mask`, bool[n], is True; no longer known to be sorted."""
        if mask.all():
            return self
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(mask)])
        rows = np.flatnonzero(mask)
        return GroupedRows(before[self.starts], tuple(argument.take(rows) for argument in self.arguments))

    def runs(self) -> tuple[Words, Words]:
        """Of sorted rows: (first row, rows) of each run of equal values, int64[r] both, group by group."""
        assert self.fresh is not None
        firsts = np.flatnonzero(self.fresh)
        return firsts, np.diff(firsts, append=self.row_count)
