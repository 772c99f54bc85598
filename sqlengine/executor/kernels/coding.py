"""Direct addressing of groups: keys of few possible values become one small number, and that a place in a table.

n: rows, w: words of a key, p: places.

When the words of all groups met so far span little (flags, statuses, years), a row's place is computed from its
words, and what stands there is its group: no hash, no key to compare.

::

    words     lows  spans     code = (a - lowA) * spanB + (b - lowB)     places
    a b       0     3                                                    0  -> group 1
    2 1       0     2         2 1 -> 5                                   5  -> group 0
"""

from __future__ import annotations

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
# Rows that the table numbers when a key without a place is met.
_FIRST_STEP: Final = 4096
# The table of places stays in the core's own cache.
_MOST_PLACES: Final = 1 << 16


@kernel("int64(int64[::1], int64, int64[::1], int64[::1], int32[::1], int64[::1])")
def find_coded(columns: Any, n: Any, lows: Any, spans: Any, places: Any, groups: Any) -> Any:
    """Number the rows by the place of their words, in blocks, up to a block that holds a row without a number.

    columns      int64[w]  addresses of int64[n]
    lows, spans  int64[w]  word k of a group's key lies in [lows[k], lows[k] + spans[k])
    places       int32[p]  group, or -1; p is the product of the spans
    groups       int64[n]  written for the rows before the returned one

    Returns the first row of that block, or n.
    """
    for begin in range(0, n, _BLOCK):
        end = min(begin + _BLOCK, n)
        for row in range(begin, end):
            groups[row] = 0
        outside: Any = False
        for k in range(columns.size):
            words = words_at(columns[k], n)
            low = np.uint64(lows[k])
            span = np.uint64(spans[k])
            for row in range(begin, end):
                # Unsigned, so that one comparison sees both ends.
                distance = np.uint64(words[row]) - low
                outside |= distance >= span
                groups[row] = groups[row] * spans[k] + np.int64(distance)
        if outside:
            return begin
        for row in range(begin, end):
            group = np.int64(places[groups[row]])
            outside |= group < 0
            groups[row] = group
        if outside:
            return begin
    return n


class CodedGroups:
    """A `GroupTable` whose groups are found by direct addressing for as long as their keys span little.

    Parameters
    ----------
    table
        Numbers keys not met before; at least one word wide.
    """

    def __init__(self, table: GroupTable) -> None:
        self._table = table
        self._lows = np.zeros(table.width, np.int64)
        self._spans = np.zeros(table.width, np.int64)
        self._places = np.empty(0, np.int32)
        self._gave_up = False

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._table.nbytes + self._places.nbytes

    def assign(self, words: Sequence[Words]) -> Words:
        """As `GroupTable.assign`."""
        n = len(words[0])
        groups = np.empty(n, np.int64)
        done, step = 0, _FIRST_STEP
        while not self._gave_up:
            rest = [column[done:] for column in words]
            done += find_coded(addresses(rest), n - done, self._lows, self._spans, self._places, groups[done:])
            if done == n:
                return groups
            # A rare key: the table numbers it and some rows behind it, more and more of them if that happens often.
            part = slice(done, min(done + step, n))
            groups[part] = self._table.assign([column[part] for column in words])
            done, step = part.stop, 2 * step
            self._learn()
        groups[done:] = self._table.assign([column[done:] for column in words])
        return groups

    def _learn(self) -> None:
        """Give every group its place, or give up if they span too much."""
        keys = [self._table.keys(k) for k in range(self._table.width)]
        lows = [int(column.min()) for column in keys]
        spans = [int(column.max()) - low + 1 for column, low in zip(keys, lows, strict=True)]
        size = 1
        for span in spans:
            size *= span
        if size > _MOST_PLACES:
            self._gave_up = True
            self._places = np.empty(0, np.int32)
            return
        self._lows, self._spans = np.array(lows, np.int64), np.array(spans, np.int64)
        codes = np.zeros(self._table.count, np.int64)
        for column, low, span in zip(keys, lows, spans, strict=True):
            codes = codes * span + (column - low)
        self._places = np.full(size, -1, np.int32)
        self._places[codes] = np.arange(len(codes))
