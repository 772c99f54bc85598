"""Direct addressing of groups: keys of few possible values become one small number, and that a place in a table.

n: rows, w: words of a key, p: places.

While the words of all groups met so far span little (flags, statuses, dates, dense numbers), a row's place is
computed from its words, and what stands there is its group: no hash, no key to compare. Words may also be a step
apart (the first days of months in microseconds, prices in whole dollars). The least int64, as which many types keep
NULL, is far from everything else, so it has the last place of its column whatever the range::

    words       lows  spans    digits = (word - low) / step, or the span for the least    places
    a  b        0     3        place = digit a * (2 + 1) + digit b                        7 -> group 0
    2  1        0     2        2, 1 -> 7                                                  8 -> group 1
    2  least                   2, 2 -> 8

A division by an odd number is a multiplication by its inverse modulo 2**64, by a power of two a rotation; what the
step does not divide comes out beyond every span (Warren, Hacker's Delight, 10-17: Test for Zero Remainder).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from sqlengine.kernels._jit import kernel, words_at
from sqlengine.kernels.grouping import GroupTable
from sqlengine.kernels.hashing import addresses

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]

_BLOCK = 512
_LEAST = np.int64(-0x8000_0000_0000_0000)
_GREATEST: Final = 0x7FFF_FFFF_FFFF_FFFF
_WORD_BITS: Final = 64
_ROTATIONS = np.uint64(63)
# There may be this many places at all (they stay in the core's own cache), or so many for each row met.
_MOST_PLACES: Final = 1 << 16
_PLACES_PER_ROW: Final = 8
# So many words show whether it is worth looking for a step.
_SAMPLE: Final = 256


@kernel("int64(int64[::1], int64, int64, int64[::1], int32[::1], int64[::1], int64[::1], int64[::1])")
def number_coded(
    columns: Any, n: Any, start: Any, ranges: Any, places: Any, count: Any, firsts: Any, groups: Any
) -> Any:
    """Number the rows from `start` on by the place of their words, in blocks, up to a block with a word out of range.

    columns  int64[w]    addresses of int64[n]
    ranges   int64[4*w]  of each column: the least word with a place, leaving out the least int64; how many words have
                         places; the inverse of the odd part of the step between them; how often 2 divides the step
    places   int32[p]    group, or -1; p is the product of all spans + 1; changed
    count    int64[1]    groups so far, changed
    firsts   int64[n]    written from the front: the first row of each new group
    groups   int64[n]    written for the rows from `start` to before the returned one

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
            low = np.uint64(ranges[4 * k])
            span = np.uint64(ranges[4 * k + 1])
            inverse = np.uint64(ranges[4 * k + 2])
            right = np.uint64(ranges[4 * k + 3])
            left = (np.uint64(_WORD_BITS) - right) & _ROTATIONS
            radix = ranges[4 * k + 1] + 1
            for i in range(size):
                product = (np.uint64(words[i]) - low) * inverse
                # Unsigned, so that one comparison sees both ends, and what lies between two steps.
                distance = (product >> right) | (product << left)
                outside |= distance >= span and words[i] != _LEAST
                block[i] = block[i] * radix + np.int64(min(distance, span))
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


class WordRange(NamedTuple):
    """The words low, low + step, …, `span` of them."""

    low: int
    span: int
    step: int = 1

    @property
    def high(self) -> int:
        """The last of the words."""
        return self.low + (self.span - 1) * self.step

    def parameters(self) -> tuple[int, int, int, int]:
        """As `number_coded` takes them."""
        twos = (self.step & -self.step).bit_length() - 1
        inverse = pow(self.step >> twos, -1, 1 << _WORD_BITS)
        return self.low, self.span, inverse - (inverse >> (_WORD_BITS - 1) << _WORD_BITS), twos

    @staticmethod
    def of(words: Words) -> WordRange:
        """The least range of these words, whatever the step between them."""
        if not len(words):
            return WordRange(0, 0)
        low = int(words.min())
        step = max(_common_step(words, low), 1)
        return WordRange(low, (int(words.max()) - low) // step + 1, step)

    def widened(self, words: Words) -> WordRange:
        """The least range of step 1 that holds this one and these words."""
        if not len(words):
            return self
        low, high = int(words.min()), int(words.max())
        if self.span:
            low, high = min(low, self.low), max(high, self.high)
        return WordRange(low, high - low + 1)

    def with_room(self, before: WordRange) -> WordRange:
        """With room beyond the ends that have moved since the range was `before`."""
        if before.span:
            below = self.span if self.low < before.low else 0
            above = self.span if self.high > before.high else 0
        else:
            # The first rows seldom have the very least and greatest word of all.
            below = above = self.span // 8
        below = min(below, (self.low - int(_LEAST) - 1) // self.step)
        above = min(above, (_GREATEST - self.high) // self.step)
        return WordRange(self.low - below * self.step, below + self.span + above, self.step)


def _common_step(words: Words, low: int) -> int:
    """The greatest number that divides the distances of all words from `low`, their least; 0 if all are equal."""
    # Unsigned, since a distance may exceed int64.
    distances = words.view(np.uint64) - np.int64(low).view(np.uint64)
    step = int(np.gcd.reduce(distances[:_SAMPLE])) or int(distances.max())
    while step > 1 and (rest := int((distances % np.uint64(step)).max())):
        step = math.gcd(step, rest)
    return step


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
        self._ranges = [WordRange(0, 0)] * width
        self._parameters = _parameters(self._ranges)
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
        return self._places.nbytes + _LEAST.nbytes * self.width * self.count

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
            done = number_coded(columns, n, done, self._parameters, self._places, self._count, firsts, groups)
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
        most = max(_MOST_PLACES, _PLACES_PER_ROW * self._rows)
        for exact in self._wider(words):
            # With room to grow, if there is: keys that rise from batch to batch are not to move all places each time.
            roomy = [each.with_room(before) for each, before in zip(exact, self._ranges, strict=True)]
            for ranges in (roomy, exact):
                size = math.prod(each.span + 1 for each in ranges)
                if size <= most:
                    self._lay_out(ranges, size)
                    return True
        return False

    def _wider(self, words: Sequence[Words]) -> Iterator[list[WordRange]]:
        """The ranges with these words too: of step 1, which is found faster, then of whatever steps there are."""
        if all(each.step == 1 for each in self._ranges):
            yield [each.widened(_but_least(column)) for each, column in zip(self._ranges, words, strict=True)]
        keys = (self.keys(k) for k in range(self.width))
        yield [WordRange.of(_but_least(np.append(*pair))) for pair in zip(keys, words, strict=True)]

    def _lay_out(self, ranges: list[WordRange], size: int) -> None:
        """Give the groups so far their places within these ranges."""
        self._ranges, self._parameters = ranges, _parameters(ranges)
        self._places = np.full(size, -1, np.int32)
        keys = [self.keys(k) for k in range(self.width)]
        count = self.count
        firsts, groups = np.empty((2, count), np.int64)
        self._count[0] = 0
        number_coded(addresses(keys), count, 0, self._parameters, self._places, self._count, firsts, groups)


def _but_least(words: Words) -> Words:
    return words if words.min() != _LEAST else words[words != _LEAST]


def _parameters(ranges: Sequence[WordRange]) -> Words:
    return np.array([each.parameters() for each in ranges], np.int64).reshape(-1)
