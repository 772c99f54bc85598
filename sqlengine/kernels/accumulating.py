"""Loops that bring rows into running aggregates, one for each kind of state.

n: rows, g: groups. `groups` is int64[n], a negative group skips the row; `valid` is bool[n], False marks NULL, or
empty when nothing is NULL. Rows are taken in order, so float sums depend on the order of the input only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sqlengine.kernels._jit import inner, kernel, load_uint8, load_uint64

_LOW = np.int64(0xFFFFFFFF)
_SIGN_SHIFT = np.uint64(63)


@kernel("void(int64[::1], boolean[::1], int64[::1])")
def count_rows(groups: Any, valid: Any, counts: Any) -> None:
    """Count the rows of each group that are not NULL.

    counts  int64[g]  changed
    """
    for i in range(groups.size):
        if groups[i] >= 0 and (valid.size == 0 or valid[i]):
            counts[groups[i]] += 1


@kernel("boolean(int64[::1], boolean[::1], int64[::1], int64[::1], uint64[::1], boolean[::1])")
def sum_words(groups: Any, valid: Any, low: Any, high: Any, totals: Any, seen: Any) -> Any:
    """Add integers to 128-bit totals.

    low     int64[n]
    high    int64[n], or empty when it is the sign of `low`
    totals  uint64[2*g]  low and high word of each group, side by side, changed
    seen    bool[g]      set for groups that got a value

    Returns whether a total left the 128 bits.
    """
    overflow = np.uint64(0)
    for i in range(groups.size):
        group = groups[i]
        if group < 0 or (valid.size > 0 and not valid[i]):
            continue
        upper = np.uint64(high[i]) if high.size > 0 else np.uint64(low[i] >> 63)
        before_low = totals[2 * group]
        before_high = totals[2 * group + 1]
        after_low = before_low + np.uint64(low[i])
        after_high = before_high + upper + np.uint64(after_low < before_low)
        totals[2 * group] = after_low
        totals[2 * group + 1] = after_high
        seen[group] = True
        # Two of one sign gave the other sign.
        overflow |= ~(before_high ^ upper) & (before_high ^ after_high)
    return overflow >> _SIGN_SHIFT != np.uint64(0)


@kernel("boolean(int64[::1], boolean[::1], int64[::1], int64[::1], uint64[::1], boolean[::1])")
def sum_few(groups: Any, valid: Any, low: Any, halves: Any, totals: Any, seen: Any) -> Any:
    """As `sum_words` of integers that fit one word, for few groups.

    Adding to one place row after row waits for memory; so four places take turns, and the halves of a word are added
    apart, so that nothing overflows (n < 2**31).

    halves  int64[8*g]  scratch
    """
    size = seen.size
    halves[:] = 0
    checked = valid.size > 0
    for i in range(groups.size):
        group = groups[i]
        if group < 0 or (checked and not valid[i]):
            continue
        place = 2 * ((i & 3) * size + group)
        halves[place] += low[i] & _LOW
        halves[place + 1] += low[i] >> 32
        seen[group] = True
    overflow = np.uint64(0)
    for group in range(size):
        lower = 0
        upper = 0
        for turn in range(4):
            lower += halves[2 * (turn * size + group)]
            upper += halves[2 * (turn * size + group) + 1]
        shifted = np.uint64(upper) << np.uint64(32)
        add_low = shifted + np.uint64(lower)
        add_high = np.uint64(upper >> 32) + np.uint64(add_low < shifted)
        before_high = totals[2 * group + 1]
        after_low = totals[2 * group] + add_low
        after_high = before_high + add_high + np.uint64(after_low < add_low)
        totals[2 * group] = after_low
        totals[2 * group + 1] = after_high
        overflow |= ~(before_high ^ add_high) & (before_high ^ after_high)
    return overflow >> _SIGN_SHIFT != np.uint64(0)


@kernel("int64(int64[::1], boolean[::1], int64[::1])")
def sum_all(low: Any, valid: Any, halves: Any) -> Any:
    """Add all integers as one group; the halves of a word apart, so that nothing overflows and it vectorizes.

    low     int64[n]  n < 2**31
    halves  int64[2]  sums of the lower 32 bits (unsigned) and of the upper 32 bits, written

    Returns the number of values that are not NULL.
    """
    lower = 0
    upper = 0
    if valid.size == 0:
        for i in range(low.size):
            lower += low[i] & _LOW
            upper += low[i] >> 32
        count = low.size
    else:
        count = 0
        for i in range(low.size):
            # A product, not a branch: it vectorizes too.
            keep = np.int64(valid[i])
            lower += keep * (low[i] & _LOW)
            upper += keep * (low[i] >> 32)
            count += keep
    halves[0] = lower
    halves[1] = upper
    return count


@kernel("void(int64[::1], boolean[::1], float64[::1], float64[::1], boolean[::1])")
def sum_floats(groups: Any, valid: Any, values: Any, totals: Any, seen: Any) -> None:
    """Add floats to their groups' totals, in row order.

    groups  int64[n]
    totals  float64[g]  changed
    seen    bool[g]     set for groups that got a value
    """
    for i in range(groups.size):
        if groups[i] >= 0 and (valid.size == 0 or valid[i]):
            totals[groups[i]] += values[i]
            seen[groups[i]] = True


@inner
def add_lanes(values: Any, lanes: Any, turn: Any) -> Any:
    """See `sum_lanes`."""
    size = values.size
    start = 0
    while start < size and turn & 7:
        lanes[turn & 7] += values[start]
        start += 1
        turn += 1
    blocks = (size - start) // 8
    # Eight names: an array would be written back to memory in each round.
    sum0, sum1, sum2, sum3 = lanes[0], lanes[1], lanes[2], lanes[3]
    sum4, sum5, sum6, sum7 = lanes[4], lanes[5], lanes[6], lanes[7]
    for block in range(blocks):
        i = start + 8 * block
        sum0 += values[i]
        sum1 += values[i + 1]
        sum2 += values[i + 2]
        sum3 += values[i + 3]
        sum4 += values[i + 4]
        sum5 += values[i + 5]
        sum6 += values[i + 6]
        sum7 += values[i + 7]
    if blocks > 0:
        lanes[0], lanes[1], lanes[2], lanes[3] = sum0, sum1, sum2, sum3
        lanes[4], lanes[5], lanes[6], lanes[7] = sum4, sum5, sum6, sum7
    for i in range(start + 8 * blocks, size):
        lanes[turn & 7] += values[i]
        turn += 1
    return turn & 7


@kernel("int64(float64[::1], float64[::1], int64)")
def sum_lanes(values: Any, lanes: Any, turn: Any) -> Any:
    """Add all floats as one group, in eight sums that take turns, so that no addition waits for the one before.

    lanes  float64[8]  changed
    turn   0 … 7: the lane of the first value

    Returns the lane whose turn is next. Which value goes to which lane depends on its number in the sequence alone,
    not on the batches it comes in.
    """
    return add_lanes(values, lanes, turn)


@kernel("int64(float32[::1], float64[::1], int64)")
def sum_single_lanes(values: Any, lanes: Any, turn: Any) -> Any:
    """As `sum_lanes`, of single precision."""
    return add_lanes(values, lanes, turn)


@kernel("void(int64[::1], boolean[::1], int64[::1], int64, int64[::1], boolean[::1])")
def min_words(groups: Any, valid: Any, words: Any, flip: Any, best: Any, seen: Any) -> None:
    """Keep the smallest word of each group; with `flip` -1 instead of 0 the largest, both kept flipped.

    words  int64[n]
    best   int64[g]  words xor flip, the largest int64 where nothing was seen; changed
    seen   bool[g]   set for groups that got a value
    """
    for i in range(groups.size):
        group = groups[i]
        if group >= 0 and (valid.size == 0 or valid[i]):
            best[group] = min(best[group], words[i] ^ flip)
            seen[group] = True


@inner
def bytes_before(a: Any, a_length: Any, b: Any, b_length: Any) -> Any:
    """Whether the bytes at address `a` sort before those at `b`, as unsigned bytes, a prefix first."""
    common = min(a_length, b_length)
    at = 0
    while at + 8 <= common and load_uint64(a + at) == load_uint64(b + at):
        at += 8
    while at < common:
        left = load_uint8(a + at)
        right = load_uint8(b + at)
        if left != right:
            return left < right
        at += 1
    return a_length < b_length


@kernel("void(int64[::1], boolean[::1], int64[::1], int64, int64, boolean, int64[::1])")
def min_strings(groups: Any, valid: Any, offsets: Any, data: Any, first: Any, largest: Any, best: Any) -> None:
    """Keep the number of the smallest (or largest) string of each group; of equal ones the earlier.

    offsets  int64[s+1]  where each string starts, from address `data`
    first    row i of the batch is string `first + i`; earlier strings are the best so far
    best     int64[g]    number of a string, or -1; changed
    """
    for i in range(groups.size):
        group = groups[i]
        if group < 0 or (valid.size > 0 and not valid[i]):
            continue
        new = first + i
        old = best[group]
        if old >= 0:
            new_length = offsets[new + 1] - offsets[new]
            old_length = offsets[old + 1] - offsets[old]
            if largest:
                better = bytes_before(data + offsets[old], old_length, data + offsets[new], new_length)
            else:
                better = bytes_before(data + offsets[new], new_length, data + offsets[old], old_length)
            if not better:
                continue
        best[group] = new


@kernel("void(int64[::1], int64[::1])")
def first_rows(groups: Any, first: Any) -> None:
    """Keep the first row of each group.

    first  int64[g]  row, or -1 before; a group with another number keeps it; changed
    """
    for i in range(groups.size):
        if groups[i] >= 0 and first[groups[i]] == -1:
            first[groups[i]] = i


@kernel("void(int64[::1], int64[::1], int64, int64[::1], int64[::1])")
def best_rows(groups: Any, words: Any, flip: Any, best: Any, rows: Any) -> None:
    """Keep the row with the smallest word of each group, of equal ones the earlier; with `flip` -1 the largest.

    words  int64[n]
    best   int64[g]  words xor flip; changed
    rows   int64[g]  the row, -1 when `best` is of an earlier batch, -2 when the group has none; changed
    """
    for i in range(groups.size):
        group = groups[i]
        if group >= 0:
            word = words[i] ^ flip
            if rows[group] == -2 or word < best[group]:
                best[group] = word
                rows[group] = i


@kernel("void(int64[::1], boolean[::1], int64[::1], int64, int64[::1], boolean[::1])")
def fold_bits(groups: Any, valid: Any, words: Any, operation: Any, folded: Any, seen: Any) -> None:
    """Combine the words of each group bit by bit.

    words      int64[n]
    operation  0: and, 1: or, 2: exclusive or
    folded     int64[g]  changed
    seen       bool[g]   set for groups that got a value
    """
    for i in range(groups.size):
        group = groups[i]
        if group < 0 or (valid.size > 0 and not valid[i]):
            continue
        if operation == 0:
            folded[group] &= words[i]
        elif operation == 1:
            folded[group] |= words[i]
        else:
            folded[group] ^= words[i]
        seen[group] = True
