"""Ordered tables: from a key and bounds to the build rows between the bounds.

n: probe rows, b: build rows, d: numbers that keys can have, m: matches, s: leaves of the tree, a power of two.

The build rows lie side by side by the number of their key and, within a number, by a first value, so that a bound on
it is a binary search and leaves a run of places. A bound on a second value is answered by a tree of maxima over the
places (a segment tree): from any place the next one whose value is large enough is found in O(log b), so all
matches of a row cost O(matches x log b) whatever the order of the second values. This is the idea of McCreight's
priority search tree ("Priority Search Trees", SIAM J. Comput. 1985), flattened.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.kernels._jit import inner, kernel
from sqlengine.kernels.partitioning import group_rows
from sqlengine.kernels.sorting import sort_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]

_LEAST: Final = np.iinfo(np.int64).min


@kernel("void(int64[::1], int64[::1], int64[::1], int64[::1], int64, int64[::1])")
def search_runs(values: Any, starts: Any, numbers: Any, wanted: Any, after: Any, places: Any) -> None:
    """First place of each row's run whose value is at least (`after` 1: greater than) the row's wanted value.

    values   int64[b]    ascending within each run
    starts   int64[d+1]  run k is the places starts[k] … starts[k+1] - 1
    numbers  int64[n]    in [0, d), or -1 for a row without a run: place 0
    wanted   int64[n]
    places   int64[n]    written; the run's end if no value is
    """
    for i in range(numbers.size):
        number = numbers[i]
        if number < 0:
            places[i] = 0
            continue
        low = starts[number]
        high = starts[number + 1]
        while low < high:
            middle = (low + high) >> 1
            value = values[middle]
            if value < wanted[i] or (after == 1 and value == wanted[i]):
                low = middle + 1
            else:
                high = middle
        places[i] = low


@kernel("void(int64[::1])")
def fill_maxima(tree: Any) -> None:
    """Make each inner node of the tree the larger of its two children: tree[k] = max(tree[2k], tree[2k+1]).

    tree  int64[2s]  the leaves tree[s:] given, tree[1:s] written
    """
    for k in range(tree.size // 2 - 1, 0, -1):
        tree[k] = max(tree[2 * k], tree[2 * k + 1])


@inner
def next_place(tree: Any, place: Any, wanted: Any) -> Any:
    """First place from `place` on whose value is at least `wanted`; the number of leaves if there is none."""
    leaves = tree.size // 2
    node = leaves + place
    while tree[node] < wanted:
        # Up from every right child, then over to the next subtree; past the last one all bits but one are gone.
        while node & 1:
            node >>= 1
        if node == 0:
            return leaves
        node += 1
    while node < leaves:
        node *= 2
        if tree[node] < wanted:
            node += 1
    return node - leaves


@kernel("void(int64[::1], int64[::1], int64[::1], int64[::1], int64, int64[::1])")
def count_reaching(tree: Any, lows: Any, highs: Any, wanted: Any, most: Any, counts: Any) -> None:
    """Places of [low, high) whose value is at least the row's wanted one, counted up to `most`.

    tree         int64[2s]  see `fill_maxima`
    lows, highs  int64[n]
    wanted       int64[n]
    counts       int64[n]   written
    """
    for i in range(lows.size):
        count = 0
        place = lows[i]
        while place < highs[i] and count < most:
            place = next_place(tree, place, wanted[i])
            if place < highs[i]:
                count += 1
                place += 1
        counts[i] = count


@kernel("void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def write_reaching(tree: Any, lows: Any, highs: Any, wanted: Any, probe_rows: Any, places: Any) -> None:
    """The places that `count_reaching` counts, row by row.

    tree, lows, highs, wanted  as there
    probe_rows, places         int64[m]  written
    """
    match = 0
    for i in range(lows.size):
        place = lows[i]
        while place < highs[i]:
            place = next_place(tree, place, wanted[i])
            if place < highs[i]:
                probe_rows[match] = i
                places[match] = place
                match += 1
                place += 1


class OrderedTable:
    """Build rows by number and value, for candidates between bounds.

    Parameters
    ----------
    numbers
        int64[b]: the number of each build row's key, -1 to leave the row out.
    count
        Numbers there can be.
    first
        int64[b]: values in whose order the rows of a number lie; equal ones in row order, or against it.
    reverse_ties
        Rows of equal first values come last row first.
    second
        int64[b]: values for a second bound, or None.

    Examples
    --------
    >>> table = OrderedTable(np.array([0, 0, 0]), 1, np.array([5, 1, 3]), False, np.array([9, 2, 7]))
    >>> one = np.array([0])
    >>> lows, highs = table.places(one, np.array([1]), after=True), table.places(one, np.array([9]), after=True)
    >>> [rows.tolist() for _, _, *rows in table.blocks(lows, highs, np.array([8]), 100)]
    [[[0], [0]]]
    """

    __slots__ = ("_starts", "_tree", "_values", "rows")

    def __init__(
        self, numbers: Words, count: int, first: Words, reverse_ties: bool = False, second: Words | None = None
    ) -> None:
        rows = np.flatnonzero(numbers >= 0)
        if reverse_ties:
            rows = rows[::-1]
        order = rows[sort_rows([first[rows].view(np.uint64) ^ np.uint64(1 << 63)])]
        by_number, self._starts, _ = group_rows(np.ascontiguousarray(numbers[order]), count)
        self.rows: Words = order[by_number]
        self._values = first[self.rows]
        self._tree: Words | None = None
        if second is not None:
            leaves = 1 << max(0, len(self.rows) - 1).bit_length()
            self._tree = np.full(2 * leaves, _LEAST, np.int64)
            self._tree[leaves : leaves + len(self.rows)] = second[self.rows]
            fill_maxima(self._tree)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        tree = 0 if self._tree is None else self._tree.nbytes
        return self.rows.nbytes + self._starts.nbytes + self._values.nbytes + tree

    def places(self, numbers: Words, wanted: Words, after: bool) -> Words:
        """See `search_runs`; int64[n]."""
        places = np.empty(len(numbers), np.int64)
        search_runs(self._values, self._starts, numbers, wanted, int(after), places)
        return places

    def ends(self, numbers: Words) -> tuple[Words, Words]:
        """(first place of each row's run, the place after its last), int64[n] each; 0, 0 for a row without a run."""
        known = np.maximum(numbers, 0)
        inside = numbers >= 0
        return np.where(inside, self._starts[known], 0), np.where(inside, self._starts[known + 1], 0)

    def counts(self, lows: Words, highs: Words, wanted: Words | None, most: int | None = None) -> Words:
        """Matches of each row, int64[n], counted up to `most`; `wanted` is the least second value, if it counts."""
        if wanted is None or self._tree is None:
            widths: Words = np.maximum(highs - lows, 0)
            return widths
        counts = np.empty(len(lows), np.int64)
        count_reaching(self._tree, lows, highs, wanted, len(self.rows) if most is None else most, counts)
        return counts

    def blocks(
        self, lows: Words, highs: Words, wanted: Words | None, most: int
    ) -> Iterator[tuple[int, int, Words, Words]]:
        """All matches, cut between probe rows into blocks of at most `most`, or one probe row if it has more.

        Yields
        ------
        start, stop, probe_rows, build_rows
            All matches of the probe rows [start, stop), by probe row, then place; the blocks cover all n rows.
        """
        counts = self.counts(lows, highs, wanted)
        ends = np.cumsum(counts)
        start = before = 0
        while start < len(counts):
            stop = max(start + 1, int(np.searchsorted(ends, before + most, side="right")))
            part = slice(start, stop)
            if wanted is None or self._tree is None:
                probe_rows = np.repeat(np.arange(start, stop), counts[part])
                first = np.repeat(lows[part] - (ends[part] - counts[part] - before), counts[part])
                places = first + np.arange(len(probe_rows))
            else:
                probe_rows = np.empty(int(ends[stop - 1]) - before, np.int64)
                places = np.empty_like(probe_rows)
                write_reaching(self._tree, lows[part], highs[part], wanted[part], probe_rows, places)
                probe_rows += start
            yield start, stop, probe_rows, self.rows[places]
            start, before = stop, int(ends[stop - 1])
