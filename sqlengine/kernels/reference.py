"""What every kernel computes, in plain Python: `reference_<kernel>` for each, held equal to it by property tests.

Made to be read, not run: lists in, lists out, no tables and no cleverness. A kernel that brings arrays forward has
a reference that returns them anew. `valid` is a list of bools or None; NULL is where it is False.
"""

from __future__ import annotations

from collections.abc import Sequence

_WORD = 1 << 64
_MULTIPLY = 0x9E3779B97F4A7C15
_FINISH = 0xD6E8FEB86659FD93
_NULL_HASH = 0xA0761D6478BD642F

Row = tuple[int, ...]
Strings = Sequence[bytes | None]


# -- hashing --------------------------------------------------------------------------------------


def _mix(state: int, word: int) -> int:
    state = (state ^ word % _WORD) * _MULTIPLY % _WORD
    return state ^ state >> 32


def _finish(state: int) -> int:
    state = state * _FINISH % _WORD
    return state ^ state >> 29


def reference_hash_rows(rows: Sequence[Row], seed: int, mask: int) -> list[int]:
    """The hash of each row of words."""
    hashes = []
    for row in rows:
        state = seed
        for word in row:
            state = _mix(state, word)
        hashes.append(_finish(state) & mask)
    return hashes


def reference_hash_string_rows(strings: Strings, mask: int) -> list[int]:
    """The hash of each string."""
    return [_NULL_HASH & mask if string is None else _hash_bytes(string) & mask for string in strings]


def _hash_bytes(string: bytes) -> int:
    length = len(string)
    state = length
    if length >= 8:
        # Full words, then the last 8 bytes, which may overlap them.
        starts = [*range(0, length - 8, 8), length - 8]
        for start in starts:
            state = _mix(state, int.from_bytes(string[start : start + 8], "little"))
    elif length >= 4:
        first, last = int.from_bytes(string[:4], "little"), int.from_bytes(string[-4:], "little")
        state = _mix(state, first << 32 | last)
    elif length:
        state = _mix(state, string[0] << 16 | string[length // 2] << 8 | string[-1])
    return _finish(state)


# -- grouping and strings -------------------------------------------------------------------------


def reference_assign_groups(rows: Sequence[Row]) -> list[int]:
    """Numbers of the rows, equal for equal rows, in order of first appearance."""
    numbers: dict[Row, int] = {}
    return [numbers.setdefault(row, len(numbers)) for row in rows]


def reference_find_groups(known: Sequence[Row], rows: Sequence[Row]) -> list[int]:
    """Numbers that `known` gave to the rows, or -1."""
    numbers = dict(zip(known, reference_assign_groups(known), strict=True))
    return [numbers.get(row, -1) for row in rows]


def reference_number_coded(rows: Sequence[Row], ranges: Sequence[range], block: int) -> list[int]:
    """Numbers of the rows, as `reference_assign_groups`, before the first block of rows that has a word out of range.

    `ranges` are those of the columns; the least int64 is always in range.
    """
    for at, row in enumerate(rows):
        if any(word != -(1 << 63) and word not in each for word, each in zip(row, ranges, strict=True)):
            return reference_assign_groups(rows[: at // block * block])
    return reference_assign_groups(rows)


def reference_move_slots(hashes: Sequence[int], slots: int) -> list[int]:
    """Slots by linear probing from each hash's top bits: its low half, and the group's number plus one."""
    table = [0] * slots
    shift = 64 - (slots.bit_length() - 1)
    for group, hash_ in enumerate(hashes):
        slot = hash_ >> shift
        while table[slot]:
            slot = (slot + 1) % slots
        table[slot] = hash_ % (1 << 32) << 32 | group + 1
    return table


def reference_intern_strings(strings: Strings) -> list[int]:
    """Numbers of the strings, equal for equal strings, in order of first appearance; -1 for NULL."""
    numbers: dict[bytes, int] = {}
    return [-1 if string is None else numbers.setdefault(string, len(numbers)) for string in strings]


def reference_find_strings(known: Strings, strings: Strings) -> list[int]:
    """Numbers that `known` gave to the strings; -2 for unknown ones, -1 for NULL."""
    numbers = dict(zip(known, reference_intern_strings(known), strict=True))
    return [-1 if string is None else numbers.get(string, -2) for string in strings]


# -- partitioning ---------------------------------------------------------------------------------


def reference_choose_buckets(hashes: Sequence[int], buckets: int) -> list[int]:
    """The upper half of the hash as a fraction of its range, times `buckets`."""
    return [(hash_ >> 32) * buckets >> 32 for hash_ in hashes]


def reference_count_buckets(chosen: Sequence[int], buckets: int) -> tuple[list[int], int]:
    """Where each bucket starts, the end of the last one, and the size of the largest."""
    sizes = [list(chosen).count(bucket) for bucket in range(buckets)]
    return [sum(sizes[:bucket]) for bucket in range(buckets + 1)], max(sizes, default=0)


def reference_order_buckets(chosen: Sequence[int]) -> list[int]:
    """Rows by bucket, then by number; without those of negative buckets."""
    return sorted((row for row, bucket in enumerate(chosen) if bucket >= 0), key=lambda row: chosen[row])


# -- joining --------------------------------------------------------------------------------------


def reference_set_bits(words: Sequence[int], low: int) -> int:
    """One number with bit `word - low` set for each word."""
    bits = 0
    for word in words:
        bits |= 1 << (word - low)
    return bits


def reference_find_ranked(known: Sequence[int], words: Sequence[int]) -> list[int]:
    """How many distinct known words are smaller, or -1 for a word that is not known."""
    ranks = {word: rank for rank, word in enumerate(sorted(set(known)))}
    return [ranks.get(word, -1) for word in words]


def reference_find_dense(words: Sequence[int], low: int, span: int) -> list[int]:
    """Distance of each word from `low`, or -1 unless it is less than `span`."""
    return [word - low if low <= word < low + span else -1 for word in words]


def reference_place_unique(numbers: Sequence[int], size: int) -> list[int] | None:
    """The row of each number, or -1; None if a number repeats."""
    used = [number for number in numbers if number >= 0]
    if len(set(used)) < len(used):
        return None
    return [list(numbers).index(number) if number in used else -1 for number in range(size)]


def reference_match_unique(numbers: Sequence[int], rows: Sequence[int]) -> list[tuple[int, int]]:
    """(probe row, build row) of every probe row whose number has a build row."""
    return [(i, rows[number]) for i, number in enumerate(numbers) if number >= 0 and rows[number] >= 0]


def reference_match_many(numbers: Sequence[int], offsets: Sequence[int], rows: Sequence[int]) -> list[tuple[int, int]]:
    """(probe row, build row) for every build row of each probe row's number."""
    return [
        (i, row)
        for i, number in enumerate(numbers)
        if number >= 0
        for row in rows[offsets[number] : offsets[number + 1]]
    ]


def reference_count_matches(numbers: Sequence[int], offsets: Sequence[int]) -> int:
    """The number of pairs that match."""
    return sum(offsets[number + 1] - offsets[number] for number in numbers if number >= 0)


# -- sorting --------------------------------------------------------------------------------------


def reference_sort_digit(words: Sequence[int], order: Sequence[int], shift: int, bits: int) -> list[tuple[int, int]]:
    """(word, row) by the digit of `bits` bits from bit `shift` on; equal digits stay in order."""
    return sorted(zip(words, order, strict=True), key=lambda pair: pair[0] >> shift & ((1 << bits) - 1))


def reference_merge_neighbours(rows: Sequence[Row], order: Sequence[int], offsets: Sequence[int]) -> list[int]:
    """Each even run of `order` together with the next, sorted by row; of equal rows the even run's first."""
    merged: list[int] = []
    for run in range(0, len(offsets) - 1, 2):
        end = offsets[min(run + 2, len(offsets) - 1)]
        merged += sorted(order[offsets[run] : end], key=lambda row: rows[row])
    return merged


# -- accumulating ---------------------------------------------------------------------------------


def _members(groups: Sequence[int], valid: Sequence[bool] | None, group: int) -> list[int]:
    return [i for i, g in enumerate(groups) if g == group and (valid is None or valid[i])]


def reference_count_rows(groups: Sequence[int], valid: Sequence[bool] | None, size: int) -> list[int]:
    """Rows of each group that are not NULL."""
    return [len(_members(groups, valid, group)) for group in range(size)]


def reference_sum_words(
    groups: Sequence[int], valid: Sequence[bool] | None, values: Sequence[int], size: int
) -> list[int | None]:
    """Exact sum of each group, None for no values."""
    sums: list[int | None] = []
    for group in range(size):
        members = _members(groups, valid, group)
        sums.append(sum(values[i] for i in members) if members else None)
    return sums


def reference_sum_few(
    groups: Sequence[int], valid: Sequence[bool] | None, values: Sequence[int], size: int
) -> list[int | None]:
    """As `reference_sum_words`."""
    return reference_sum_words(groups, valid, values, size)


def reference_sum_all(values: Sequence[int], valid: Sequence[bool] | None) -> tuple[int, int]:
    """(exact sum, number) of the values that are not NULL."""
    kept = [value for i, value in enumerate(values) if valid is None or valid[i]]
    return sum(kept), len(kept)


def reference_sum_floats(
    groups: Sequence[int], valid: Sequence[bool] | None, values: Sequence[float], size: int
) -> list[float | None]:
    """Sum of each group, added in row order from 0.0; None for no values."""
    sums: list[float | None] = []
    for group in range(size):
        members = _members(groups, valid, group)
        total = 0.0
        for i in members:
            total += values[i]
        sums.append(total if members else None)
    return sums


def reference_sum_lanes(values: Sequence[float]) -> list[float]:
    """Eight sums: of the values 0, 8, 16 …, of 1, 9, 17 …, and so on, each in order from 0.0."""
    lanes = [0.0] * 8
    for place, value in enumerate(values):
        lanes[place % 8] += value
    return lanes


def reference_sum_single_lanes(values: Sequence[float]) -> list[float]:
    """As `reference_sum_lanes`."""
    return reference_sum_lanes(values)


def reference_min_words(
    groups: Sequence[int], valid: Sequence[bool] | None, words: Sequence[int], flip: int, size: int
) -> list[int | None]:
    """Smallest word of each group, or with `flip` -1 the largest; None for no values."""
    best: list[int | None] = []
    for group in range(size):
        members = [words[i] for i in _members(groups, valid, group)]
        best.append(None if not members else max(members) if flip else min(members))
    return best


def reference_min_strings(groups: Sequence[int], strings: Strings, largest: bool, size: int) -> list[int]:
    """First row of each group's smallest (or largest) string, -1 for no values."""
    best: list[int] = []
    for group in range(size):
        members = {i: string for i, string in enumerate(strings) if groups[i] == group and string is not None}
        wanted = (max if largest else min)(members.values(), default=b"")
        best.append(next((i for i, string in members.items() if string == wanted), -1))
    return best


def reference_first_rows(groups: Sequence[int], size: int) -> list[int]:
    """First row of each group, or -1."""
    return [list(groups).index(group) if group in groups else -1 for group in range(size)]


def reference_search_runs(
    runs: Sequence[Sequence[int]], numbers: Sequence[int], wanted: Sequence[int], after: bool
) -> list[int]:
    """For each row the place, counted over all `runs`, of the first value of its run that is large enough."""
    places = []
    for number, bound in zip(numbers, wanted, strict=True):
        before = sum(len(run) for run in runs[: max(number, 0)])
        small = [value for value in runs[number] if value < bound or (after and value == bound)] if number >= 0 else []
        places.append(before + len(small) if number >= 0 else 0)
    return places


def reference_fill_maxima(leaves: Sequence[int]) -> list[int]:
    """The inner nodes of a tree of maxima, from the root down; a power of two of leaves."""
    levels = [list(leaves)]
    while len(levels[0]) > 1:
        levels.insert(0, [max(levels[0][k], levels[0][k + 1]) for k in range(0, len(levels[0]), 2)])
    return [value for level in levels[:-1] for value in level]


def reference_count_reaching(
    values: Sequence[int], lows: Sequence[int], highs: Sequence[int], wanted: Sequence[int], most: int
) -> list[int]:
    """How many values of each row's places are large enough, at most `most`."""
    return [min(most, len(places)) for places in _reaching(values, lows, highs, wanted)]


def reference_write_reaching(
    values: Sequence[int], lows: Sequence[int], highs: Sequence[int], wanted: Sequence[int]
) -> list[tuple[int, int]]:
    """(row, place) of each of them."""
    return [(row, place) for row, places in enumerate(_reaching(values, lows, highs, wanted)) for place in places]


def _reaching(
    values: Sequence[int], lows: Sequence[int], highs: Sequence[int], wanted: Sequence[int]
) -> list[list[int]]:
    return [
        [place for place in range(low, high) if values[place] >= bound]
        for low, high, bound in zip(lows, highs, wanted, strict=True)
    ]


# -- framing --------------------------------------------------------------------------------------


def reference_mark_changes(rows: Sequence[Row], order: Sequence[int], changed: Sequence[bool]) -> list[bool]:
    """Rows, in the order given, that differ from the one before, or were marked."""
    different = [i > 0 and rows[order[i]] != rows[order[i - 1]] for i in range(len(order))]
    return [a or b for a, b in zip(changed, different, strict=True)]


def reference_search_bounds(
    keys: Sequence[Row], edges: Sequence[Row], low: Sequence[int], high: Sequence[int], after: bool
) -> list[int]:
    """First row in low … high whose key is at or above (`after`: above) the edge."""
    return [
        next((row for row in range(a, b) if keys[row] > edge or (keys[row] == edge and not after)), max(a, b))
        for edge, a, b in zip(edges, low, high, strict=True)
    ]


def reference_build_sums(values: Sequence[float]) -> list[float]:
    """Node k is the sum of nodes 2k and 2k + 1; the values are the second half."""
    tree = [0.0] * len(values) + list(values)
    for k in range(len(values) - 1, 0, -1):
        tree[k] = tree[2 * k] + tree[2 * k + 1]
    return tree


def reference_sum_frames(values: Sequence[float], frames: Sequence[Sequence[tuple[int, int]]]) -> list[float]:
    """The sum of the values in the segments of each frame (up to rounding)."""
    return [sum((v for begin, end in frame for v in values[begin:end]), 0.0) for frame in frames]


def reference_build_minima(words: Sequence[int]) -> list[int]:
    """Node k is the smaller of nodes 2k and 2k + 1; the words are the second half."""
    tree = [0] * len(words) + list(words)
    for k in range(len(words) - 1, 0, -1):
        tree[k] = min(tree[2 * k], tree[2 * k + 1])
    return tree


def reference_min_frames(words: Sequence[int], frames: Sequence[Sequence[tuple[int, int]]]) -> list[int]:
    """The smallest word in the segments of each frame."""
    return [min((w for begin, end in frame for w in words[begin:end]), default=2**63 - 1) for frame in frames]
