"""Direct addressing of groups: keys of few possible values become one small number, and that a place in a table.

n: rows, w: words of a key, p: places.

While the words of all groups met so far span little (flags, statuses, dates, dense numbers), a row's place is
computed from its words, and what stands there is its group: no hash, no key to compare. The least int64, as which
many types keep NULL, is far from everything else, so it has the last place of its column whatever the range::

    words       lows  spans    digits = word - low, the span for the least      places
    a  b        0     3        place = digit a * (2 + 1) + digit b              7 -> group 0
    2  1        0     2        2, 1 -> 7                                        8 -> group 1
    2  least                   2, 2 -> 8
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.executor.kernels._jit import kernel, words_at
from sqlengine.executor.kernels.grouping import GroupTable
from sqlengine.executor.kernels.hashing import addresses

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]

_BLOCK = 512
_LEAST = np.int64(-0x8000_0000_0000_0000)
_GREATEST = np.int64(0x7FFF_FFFF_FFFF_FFFF)
# There may be this many places at all (they stay in the core's own cache), or so many for each row met.
_MOST_PLACES: Final = 1 << 16
_PLACES_PER_ROW: Final = 8


@kernel("int64(int64[::1], int64, int64, int64[::1], int64[::1], int32[::1], int64[::1], int64[::1], int64[::1])")
def number_coded(
    columns: Any, n: Any, start: Any, lows: Any, spans: Any, places: Any, count: Any, firsts: Any, groups: Any
) -> Any:
    """Number the rows from `start` on by the place of their words, in blocks, up to a block with a word out of range.

    columns  int64[w]  addresses of int64[n]
    lows     int64[w]  the least word of each column that has a place, leaving out the least int64
    spans    int64[w]  how many words of each column have places, from `lows` on
    places   int32[p]  group, or -1; p is the product of all spans + 1; changed
    count    int64[1]  groups so far, changed
    firsts   int64[n]  written from the front: the first row of each new group
    groups   int64[n]  written for the rows from `start` to before the returned one

    Returns the first row of that block, or n.
    """
    known = count[0]
    number = known
    for begin in range(start, n, _BLOCK):
        # Slices, and rows counted from zero, so that it vectorizes.
        size = min(_BLOCK, n - begin)
        block = groups[begin : begin + size]
        block[:] = 0
        outside: Any = False
        for k in range(columns.size):
            words = words_at(columns[k], n)[begin : begin + size]
            low = np.uint64(lows[k])
            span = np.uint64(spans[k])
            for i in range(size):
                # Unsigned, so that one comparison sees both ends.
                distance = np.uint64(words[i]) - low
                outside |= distance >= span and words[i] != _LEAST
                block[i] = block[i] * (spans[k] + 1) + np.int64(min(distance, span))
        if outside:
            count[0] = number
            return begin
        for i in range(size):
            place = np.uint64(block[i])
            group = np.int64(places[place])
            if group < 0:
                group = number
                places[place] = group
                firsts[number - known] = begin + i
                number += 1
            block[i] = group
    count[0] = number
    return n


class CodedGroups:
    """Numbers distinct keys of `width` words densely, in order of first appearance, as `GroupTable` does.

    By direct addressing for as long as the keys span little; from then on it has a `GroupTable`.

    Parameters
    ----------
    width
        Words of a key, at least one.

    Examples
    --------
    >>> groups = CodedGroups(1)
    >>> groups.assign([np.array([7, 9, 7])]).tolist()
    [0, 1, 0]
    >>> groups.keys(0).tolist()
    [7, 9]
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self._table: GroupTable | None = None
        self._rows = 0
        self._count = np.zeros(1, np.int64)
        # Word k of every group's key, in pieces.
        self._keys: list[list[Words]] = [[] for _ in range(width)]
        # No word has a place yet, except the least.
        self._lows = np.zeros(width, np.int64)
        self._spans = np.zeros(width, np.int64)
        self._places = np.full(1, -1, np.int32)

    @property
    def count(self) -> int:
        """Distinct keys so far."""
        return int(self._count[0]) if self._table is None else self._table.count

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        if self._table is not None:
            return self._table.nbytes
        return self._places.nbytes + self._lows.itemsize * self.width * self.count

    def assign(self, words: Sequence[Words]) -> Words:
        """Group of each row, int64[n]; a key not met before gets the next number."""
        if self._table is not None:
            return self._table.assign(words)
        n = len(words[0])
        self._rows += n
        columns, groups, firsts = addresses(words), np.empty(n, np.int64), np.empty(n, np.int64)
        done = 0
        while True:
            known = self.count
            done = number_coded(columns, n, done, self._lows, self._spans, self._places, self._count, firsts, groups)
            if self.count > known:
                new = firsts[: self.count - known]
                for pieces, column in zip(self._keys, words, strict=True):
                    pieces.append(column.take(new))
            if done == n:
                return groups
            rest = [column[done:] for column in words]
            if not self._widen(rest):
                table = GroupTable(self.width)
                table.assign([self.keys(k) for k in range(self.width)])
                groups[done:] = table.assign(rest)
                self._table, self._keys, self._places = table, [], self._places[:0]
                return groups

    def keys(self, k: int) -> Words:
        """Word `k` of every group's key, int64[count], in order of group number."""
        if self._table is not None:
            return self._table.keys(k)
        if len(self._keys[k]) != 1:
            self._keys[k] = [np.concatenate([np.empty(0, np.int64), *self._keys[k]])]
        return self._keys[k][0]

    def _widen(self, words: Sequence[Words]) -> bool:
        """Give these words places too; False, and nothing is changed, if that would take too many places."""
        ranges = list(map(_widened, self._lows.tolist(), self._spans.tolist(), words))
        most = max(_MOST_PLACES, _PLACES_PER_ROW * self._rows)
        # With room to grow, if there is: keys that rise from batch to batch are not to move all places each time.
        for choice in ([roomy for _, roomy in ranges], [exact for exact, _ in ranges]):
            size = math.prod(span + 1 for _, span in choice)
            if size <= most:
                self._lows, self._spans = (np.array(column, np.int64) for column in zip(*choice, strict=True))
                self._places = np.full(size, -1, np.int32)
                keys = [self.keys(k) for k in range(self.width)]
                count, scratch = self.count, np.empty((2, self.count), np.int64)
                self._count[0] = 0
                number_coded(
                    addresses(keys),
                    count,
                    0,
                    self._lows,
                    self._spans,
                    self._places,
                    self._count,
                    scratch[0],
                    scratch[1],
                )
                return True
        return False


def _widened(low: int, span: int, words: Words) -> tuple[tuple[int, int], tuple[int, int]]:
    """The range (low, span) such that it holds the words, and the same with room beyond the ends that moved."""
    if words.min() == _LEAST:
        words = words[words != _LEAST]
    if not len(words):
        return (low, span), (low, span)
    least, most = int(words.min()), int(words.max())
    if span:
        high = low + span - 1
        room_below, room_above = span if least < low else 0, span if most > high else 0
        least, most = min(low, least), max(high, most)
    else:
        # The first rows seldom have the very least and greatest word of all.
        room_below = room_above = (most - least) // 8
    roomy_least = max(least - room_below, int(_LEAST) + 1)
    roomy_most = min(most + room_above, int(_GREATEST))
    return (least, most - least + 1), (roomy_least, roomy_most - roomy_least + 1)
