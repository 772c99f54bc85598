"""Dense numbers for the keys of a join table when they are whole numbers within a range: no hash, no key to compare.

n: rows, b: build rows, s: span of the range, d: distinct keys.

`DenseKeys` subtracts the smallest key; numbers in between belong to no row. `RankedKeys` serves ranges with more
gaps: a bit per possible key tells whether it is there, and its number is how many set bits come before it::

    keys  low+1 low+4 low+70      bits    0 1 0 0 1 0 …  |  0 0 0 0 0 0 1 …      (64 a word)
                                  ranks   0              |  2
    low+70 -> word 1, bit 6 is set: number 2 + 0; low+5 -> bit 5 of word 0 is not: no such key
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.kernels._jit import inner, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]

# A direct-addressed table may have this many places for each row, or this many at all.
_DENSE_FACTOR: Final = 4
_DENSE_SPAN: Final = 1 << 16
# The same for the bits of a ranked one, which are to stay in a core's second cache or close to it.
_RANKED_FACTOR: Final = 1024
_RANKED_SPAN: Final = 1 << 27
_WORD_BITS: Final = 64

_WORD_SHIFT = np.uint64(6)
_BIT_MASK = np.uint64(63)
_ONE = np.uint64(1)
_TWO = np.uint64(2)
_FOUR = np.uint64(4)
_TOP_BYTE = np.uint64(56)
_PAIRS = np.uint64(0x5555555555555555)
_NIBBLES = np.uint64(0x3333333333333333)
_BYTES = np.uint64(0x0F0F0F0F0F0F0F0F)
_SUM = np.uint64(0x0101010101010101)


@kernel("void(int64[::1], int64, int64, int64[::1])")
def find_dense(words: Any, low: Any, span: Any, numbers: Any) -> None:
    """numbers[i] = words[i] - low, or -1 where that is not in [0, span).

    words    int64[n]
    numbers  int64[n]  written
    """
    for i in range(words.size):
        # Unsigned, so that one comparison sees both ends and a wrapped difference is out of range.
        distance = np.uint64(words[i]) - np.uint64(low)
        numbers[i] = np.int64(distance) if distance < np.uint64(span) else -1


@kernel("void(int64[::1], int64, uint64[::1])")
def set_bits(words: Any, low: Any, bits: Any) -> None:
    """Set bit words[i] - low of `bits`, 64 to a word.

    words  int64[b]
    bits   uint64[s/64]  changed
    """
    for i in range(words.size):
        distance = np.uint64(words[i]) - np.uint64(low)
        bits[np.int64(distance >> _WORD_SHIFT)] |= _ONE << (distance & _BIT_MASK)


@inner
def _set_bits_of(word: Any) -> Any:
    """Number of set bits (Warren, Hacker's Delight, 5-1); one instruction once compiled."""
    word = word - ((word >> _ONE) & _PAIRS)
    word = (word & _NIBBLES) + ((word >> _TWO) & _NIBBLES)
    word = (word + (word >> _FOUR)) & _BYTES
    return (word * _SUM) >> _TOP_BYTE


@kernel("void(int64[::1], int64, uint64[::1], int64[::1], int64[::1])")
def find_ranked(words: Any, low: Any, bits: Any, ranks: Any, numbers: Any) -> None:
    """numbers[i] = how many bits are set before bit words[i] - low, or -1 where that bit is not set.

    words    int64[n]
    bits     uint64[s/64]
    ranks    int64[s/64]  bits set in the words before
    numbers  int64[n]     written
    """
    span = np.uint64(bits.size) << _WORD_SHIFT
    for i in range(words.size):
        distance = np.uint64(words[i]) - np.uint64(low)
        numbers[i] = -1
        if distance < span:
            at = np.int64(distance >> _WORD_SHIFT)
            word = bits[at]
            bit = _ONE << (distance & _BIT_MASK)
            if word & bit:
                numbers[i] = ranks[at] + np.int64(_set_bits_of(word & (bit - _ONE)))


class DenseKeys:
    """Number of a key = key - low, for `count` possible keys; they need not all be there."""

    kind = 1

    def __init__(self, low: int, count: int) -> None:
        self.low = low
        self.count = count

    def find(self, words: Sequence[Words]) -> Words:
        """Number of each row's key, int64[n], or -1 outside the range."""
        numbers = np.empty(len(words[0]), np.int64)
        find_dense(words[0], self.low, self.count, numbers)
        return numbers

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """What `from_arrays` wants."""
        return {"range": np.array([self.low, self.count], np.int64)}

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> DenseKeys:
        """The inverse of `arrays`."""
        return DenseKeys(*(int(item) for item in arrays["range"]))


class RankedKeys:
    """Number of a key = how many smaller keys there are."""

    kind = 2

    def __init__(self, low: int, bits: NDArray[np.uint64], ranks: Words) -> None:
        self.low = low
        self._bits = bits
        self._ranks = ranks

    @staticmethod
    def of(words: Words, low: int, span: int) -> RankedKeys:
        """Numbers for the keys `words`, all in [low, low + span)."""
        bits = np.zeros(-(-span // _WORD_BITS), np.uint64)
        set_bits(words, low, bits)
        ends = np.cumsum(np.bitwise_count(bits), dtype=np.int64)
        return RankedKeys(low, bits, np.concatenate([np.zeros(1, np.int64), ends]))

    @property
    def count(self) -> int:
        """Distinct keys."""
        return int(self._ranks[-1])

    def find(self, words: Sequence[Words]) -> Words:
        """Number of each row's key, int64[n], or -1 if it is not there."""
        numbers = np.empty(len(words[0]), np.int64)
        find_ranked(words[0], self.low, self._bits, self._ranks, numbers)
        return numbers

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """What `from_arrays` wants."""
        return {"low": np.array([self.low], np.int64), "bits": self._bits, "ranks": self._ranks}

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> RankedKeys:
        """The inverse of `arrays`; nothing is copied."""
        return RankedKeys(int(arrays["low"][0]), arrays["bits"], arrays["ranks"])


def number_range(words: Sequence[Words]) -> DenseKeys | RankedKeys | None:
    """Numbers for these keys, or None if they are not one word each or range too widely."""
    if len(words) != 1 or not len(words[0]):
        return None
    low, high = int(words[0].min()), int(words[0].max())
    span, rows = high - low + 1, len(words[0])
    if span <= max(_DENSE_SPAN, _DENSE_FACTOR * rows):
        return DenseKeys(low, span)
    if span <= min(_RANKED_SPAN, _RANKED_FACTOR * rows):
        return RankedKeys.of(words[0], low, span)
    return None
