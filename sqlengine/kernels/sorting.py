"""Sorting rows by words: least-significant-digit radix sort, and merging of sorted runs.

n: rows, w: words of a key (uint64, most significant first), r: runs, d: values of a digit.

Words are first packed: the range of each takes as many bits as it needs, and several share a word, so that two
dates and a flag are one word of 30 bits and three passes. A pass moves word and row number together; gathering the
words by row instead would read memory at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sqlengine.kernels._jit import inner, kernel, words_at
from sqlengine.kernels.hashing import addresses

if TYPE_CHECKING:
    from numpy.typing import NDArray

    SortWords = NDArray[np.uint64]
    Order = NDArray[np.int64]

_WORD_BITS = 64
# 1024 places are written to at once, about what the processor can hold open: 7 passes of 10 bits over 1M words take
# 30 ms, 6 of 11 bits 47 ms.
_DIGIT_BITS = 10


@kernel("void(uint64[::1], int64[::1], uint64, int64[::1], uint64[::1], int64[::1])")
def sort_digit(words: Any, order: Any, shift: Any, ends: Any, sorted_words: Any, sorted_order: Any) -> None:
    """Stable counting sort by one digit, the bits from `shift` on that number the items of `ends`.

    words, order                uint64[n], int64[n]
    ends                        int64[d]  scratch; d is a power of two
    sorted_words, sorted_order  uint64[n], int64[n]  written
    """
    mask = np.uint64(ends.size - 1)
    ends[:] = 0
    for i in range(words.size):
        ends[np.int64(words[i] >> shift & mask)] += 1
    start = np.int64(0)
    for digit in range(ends.size):
        size = ends[digit]
        ends[digit] = start
        start += size
    for i in range(words.size):
        value = np.int64(words[i] >> shift & mask)
        place = ends[value]
        ends[value] = place + 1
        sorted_words[place] = words[i]
        sorted_order[place] = order[i]


@inner
def _is_before(columns: Any, n: Any, a: Any, b: Any) -> Any:
    """Whether row `a` sorts strictly before row `b`."""
    for k in range(columns.size):
        column = words_at(columns[k], n)
        left = np.uint64(column[a])
        right = np.uint64(column[b])
        if left != right:
            return left < right
    return False


@kernel("void(int64[::1], int64, int64[::1], int64[::1], int64[::1])")
def merge_neighbours(columns: Any, n: Any, order: Any, offsets: Any, merged: Any) -> None:
    """Merge each even run of `order` with the next; of equal rows the even run's come first.

    columns  int64[w]    addresses of uint64[n]
    offsets  int64[r+1]  run k is order[offsets[k]:offsets[k+1]]
    merged   int64[n]    written
    """
    runs = offsets.size - 1
    for run in range(0, runs, 2):
        left = offsets[run]
        left_end = offsets[run + 1]
        right = left_end
        right_end = offsets[min(run + 2, runs)]
        for place in range(left, right_end):
            if right < right_end and (left == left_end or _is_before(columns, n, order[right], order[left])):
                merged[place] = order[right]
                right += 1
            else:
                merged[place] = order[left]
                left += 1


def sort_rows(words: Sequence[SortWords]) -> Order:
    """Rows in ascending order of the first word, then of the second, …; equal rows stay in row order.

    Returns
    -------
    order
        int64[n]: `words[0][order]` ascends.
    """
    order: Order = np.arange(len(words[0]))
    spare = np.empty_like(order)
    packed = _packed(words)
    for k, (word, bits) in reversed(list(enumerate(packed))):
        # All words but the last sort rows that the later ones have moved already.
        current = word if k == len(packed) - 1 else word.take(order)
        sorted_ = np.empty_like(current)
        passes = -(-bits // _DIGIT_BITS)
        for number in range(passes):
            low, high = bits * number // passes, bits * (number + 1) // passes
            sort_digit(current, order, np.uint64(low), np.empty(1 << (high - low), np.int64), sorted_, spare)
            current, sorted_ = sorted_, current
            order, spare = spare, order
    return order


def merge_runs(words: Sequence[SortWords], run_offsets: Order) -> Order:
    """Order of all rows, given that each run is sorted: what `sort_rows` gives, with fewer steps.

    Parameters
    ----------
    words
        One or more uint64[n], most significant first.
    run_offsets
        int64[r + 1]; run k is rows run_offsets[k] … run_offsets[k + 1] - 1.
    """
    packed = [word for word, _ in _packed(words)]
    columns = addresses(packed)
    offsets = np.ascontiguousarray(run_offsets, np.int64)
    order = np.arange(len(words[0]))
    spare = np.empty_like(order)
    while len(offsets) > 2:
        merge_neighbours(columns, len(order), order, offsets, spare)
        order, spare = spare, order
        offsets = np.append(offsets[:-1:2], offsets[-1])
    return order


def top_rows(words: Sequence[SortWords], k: int) -> Order:
    """The first `k` rows of `sort_rows(words)`, int64[min(k, n)], sorting little more than those."""
    n = len(words[0])
    if k <= 0:
        return np.empty(0, np.int64)
    if k < n:
        first, _ = _packed(words)[0]
        threshold = np.partition(first, k - 1)[k - 1]
        candidates = np.flatnonzero(first <= threshold)
        if len(candidates) < n:
            order: Order = candidates[sort_rows([word[candidates] for word in words])][:k]
            return order
    return sort_rows(words)[:k]


def _packed(words: Sequence[SortWords]) -> list[tuple[SortWords, int]]:
    """Words of the same order, as few as hold them, each with the number of its bits in use; at least one."""
    packed: list[tuple[SortWords, int]] = []
    for word in words:
        if not len(word):
            continue
        low = word.min()
        bits = int(word.max() - low).bit_length()
        if not bits:
            continue
        if packed and packed[-1][1] + bits <= _WORD_BITS:
            previous, used = packed[-1]
            packed[-1] = (previous << np.uint64(bits) | (word - low), used + bits)
        else:
            packed.append((word - low, bits))
    return packed or [(words[0], 0)]
