"""Every kernel equals its plain-Python reference; also with NUMBA_DISABLE_JIT=1 and with all hashes equal."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlengine.kernels import _jit, reference, reference_json, reference_states
from sqlengine.kernels.accumulating import (
    count_rows,
    first_rows,
    min_strings,
    min_words,
    sum_all,
    sum_few,
    sum_floats,
    sum_lanes,
    sum_single_lanes,
    sum_words,
)
from sqlengine.kernels.grouping import GroupTable, move_slots
from sqlengine.kernels.hashing import (
    TABLE_SEED,
    addresses,
    hash_mask,
    hash_rows,
    hash_string_rows,
    string_parts,
)
from sqlengine.kernels.joining import count_matches, match_many, match_unique, place_unique
from sqlengine.kernels.key_ranges import DenseKeys, RankedKeys, find_dense, number_range, set_bits
from sqlengine.kernels.partitioning import choose_buckets, count_buckets, order_buckets
from sqlengine.kernels.sorting import merge_neighbours, sort_digit
from sqlengine.kernels.strings import StringTable

WORD = 1 << 64
EMPTY = np.empty(0, np.bool_)
words = st.one_of(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1))
hashes = st.integers(0, WORD - 1)
texts = st.lists(st.one_of(st.none(), st.binary(max_size=20), st.sampled_from([b"", b"abcdefgh", b"abcdefghi"])))


@st.composite
def rows_of_words(draw, max_size=20):
    width = draw(st.integers(1, 3))
    return width, draw(st.lists(st.tuples(*[words] * width), max_size=max_size))


@st.composite
def grouped(draw, values):
    """(groups with -1 for skipped, validity or None, values, number of groups)."""
    size = draw(st.integers(1, 4))
    n = draw(st.integers(0, 20))
    groups = draw(st.lists(st.integers(-1, size - 1), min_size=n, max_size=n))
    valid = draw(st.one_of(st.none(), st.lists(st.booleans(), min_size=n, max_size=n)))
    return groups, valid, draw(st.lists(values, min_size=n, max_size=n)), size


def columns_of(rows, width):
    return [np.array([row[k] for row in rows], np.int64) for k in range(width)]


def mask(valid):
    return EMPTY if valid is None else np.array(valid, np.bool_)


def int64(items):
    return np.array(items, np.int64)


def test_every_kernel_has_a_reference_and_a_docstring():
    if _jit._jit_disabled():
        for each in _jit._kernels:
            each.load()
    else:
        _jit.preload()
    assert len(_jit._kernels) > 20
    for each in _jit._kernels:
        # What adds to states and what merges them is held against the state of all values.
        state = each.__name__.removeprefix("add_").removeprefix("merge_")
        rooms = (reference, reference_json, reference_states)
        assert any(hasattr(room, f"reference_{name}") for room in rooms for name in (each.__name__, state))
        assert each.__doc__


@given(rows_of_words(), hashes)
def test_hash_rows(case, seed):
    width, rows = case
    columns = columns_of(rows, width)
    out = np.empty(len(rows), np.uint64)
    hash_rows(addresses(columns), len(rows), np.uint64(seed), hash_mask(), out)
    assert out.tolist() == reference.reference_hash_rows(rows, seed, int(hash_mask()))


@given(texts, st.integers(0, 3))
def test_hash_string_rows(strings, offset):
    array = pa.array(strings, pa.binary()).slice(offset)
    out = np.empty(len(array), np.uint64)
    hash_string_rows(*string_parts(array), hash_mask(), out)
    assert out.tolist() == reference.reference_hash_string_rows(strings[offset:], int(hash_mask()))


@given(rows_of_words(), rows_of_words())
def test_assign_and_find_groups(first, second):
    width, known = first
    rows = [(row * 3)[:width] for row in second[1]] + known[::2]
    table = GroupTable(width)
    assert table.assign(columns_of(known, width)).tolist() == reference.reference_assign_groups(known)
    assert table.find(columns_of(rows, width)).tolist() == reference.reference_find_groups(known, rows)
    distinct = list(dict.fromkeys(known))
    assert [table.keys(k).tolist() for k in range(width)] == [[row[k] for row in distinct] for k in range(width)]


@given(st.lists(hashes, max_size=16))
def test_move_slots(values):
    slots = np.zeros(32, np.uint64)
    move_slots(np.array(values, np.uint64), slots)
    assert slots.tolist() == reference.reference_move_slots(values, 32)


@given(texts, texts)
def test_intern_and_find_strings(known, strings):
    table = StringTable()
    assert table.intern(pa.array(known, pa.binary())).tolist() == reference.reference_intern_strings(known)
    strings = strings + known[::2]
    assert table.find(pa.array(strings, pa.binary())).tolist() == reference.reference_find_strings(known, strings)
    assert table.values().to_pylist() == [each for each in dict.fromkeys(known) if each is not None]


@given(st.lists(hashes), st.integers(1, 100))
def test_choose_buckets(values, buckets):
    out = np.empty(len(values), np.int64)
    choose_buckets(np.array(values, np.uint64), np.uint64(buckets), out)
    assert out.tolist() == reference.reference_choose_buckets(values, buckets)


@given(st.lists(st.integers(-1, 5)))
def test_count_and_order_buckets(chosen):
    offsets = np.empty(7, np.int64)
    largest = count_buckets(int64(chosen), offsets)
    assert (offsets.tolist(), largest) == reference.reference_count_buckets(chosen, 6)
    order = np.empty(offsets[-1], np.int64)
    starts = offsets.copy()
    order_buckets(int64(chosen), offsets, order)
    assert order.tolist() == reference.reference_order_buckets(chosen)
    assert offsets[:-1].tolist() == starts[1:].tolist()


near = st.lists(st.integers(-300, 300), min_size=1, max_size=40)


@given(near, st.lists(st.one_of(st.integers(-400, 400), words), max_size=20), st.sampled_from([0, 2**62, -(2**62)]))
def test_set_bits_and_find_ranked(known, asked, shift):
    known = [word + shift for word in known]
    asked = [*asked, *(word + 1 for word in known), *known]
    low, span = min(known), max(known) - min(known) + 1
    bits = np.zeros(-(-span // 64), np.uint64)
    set_bits(int64(known), low, bits)
    assert int.from_bytes(bits.tobytes(), "little") == reference.reference_set_bits(known, low)
    keys = RankedKeys.of(int64(known), low, span)
    assert keys.count == len(set(known))
    for same in (keys, RankedKeys.from_arrays(keys.arrays())):
        assert same.find([int64(asked)]).tolist() == reference.reference_find_ranked(known, asked)


@pytest.mark.parametrize(("step", "kind"), [(1, DenseKeys), (900, RankedKeys), (2**40, type(None))])
def test_number_range_depends_on_the_gaps(step, kind):
    assert type(number_range([np.arange(100) * step])) is kind
    assert number_range([np.arange(2), np.arange(2)]) is None
    assert number_range([np.empty(0, np.int64)]) is None


@given(st.lists(words), words, st.integers(0, 10))
def test_find_dense(values, low, span):
    low = min(low, 2**63 - 11)
    out = np.empty(len(values), np.int64)
    find_dense(int64(values), low, span, out)
    assert out.tolist() == reference.reference_find_dense(values, low, span)


@given(st.one_of(st.lists(st.integers(-1, 9), max_size=6), st.permutations(range(-1, 9))))
def test_place_unique(numbers):
    rows = np.full(10, -1, np.int32)
    expected = reference.reference_place_unique(numbers, 10)
    assert place_unique(int64(numbers), rows) == (expected is not None)
    if expected is not None:
        assert rows.tolist() == expected


@given(st.lists(st.integers(-1, 3)), st.lists(st.integers(-1, 50), min_size=4, max_size=4))
def test_match_unique(numbers, rows):
    probe_rows, build_rows = np.empty(len(numbers), np.int64), np.empty(len(numbers), np.int64)
    count = match_unique(int64(numbers), np.array(rows, np.int32), probe_rows, build_rows)
    pairs = list(zip(probe_rows[:count].tolist(), build_rows[:count].tolist(), strict=True))
    assert pairs == reference.reference_match_unique(numbers, rows)


@given(st.lists(st.integers(-1, 3)), st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_count_and_match_many(numbers, sizes):
    offsets = np.cumsum([0, *sizes])
    rows = int64(range(100, 100 + offsets[-1]))
    count = count_matches(int64(numbers), offsets)
    assert count == reference.reference_count_matches(numbers, offsets.tolist())
    probe_rows, build_rows = np.empty(count, np.int64), np.empty(count, np.int64)
    match_many(int64(numbers), offsets, rows, probe_rows, build_rows)
    pairs = list(zip(probe_rows.tolist(), build_rows.tolist(), strict=True))
    assert pairs == reference.reference_match_many(numbers, offsets.tolist(), rows.tolist())


@given(st.lists(hashes), st.integers(0, 54), st.integers(1, 10))
def test_sort_digit(values, shift, bits):
    order = np.arange(len(values))
    sorted_words, sorted_order = np.empty(len(values), np.uint64), np.empty(len(values), np.int64)
    ends = np.empty(1 << bits, np.int64)
    sort_digit(np.array(values, np.uint64), order, np.uint64(shift), ends, sorted_words, sorted_order)
    pairs = list(zip(sorted_words.tolist(), sorted_order.tolist(), strict=True))
    assert pairs == reference.reference_sort_digit(values, order.tolist(), shift, bits)


@given(rows_of_words(), st.lists(st.integers(0, 20), max_size=4))
def test_merge_neighbours(case, cuts):
    width, rows = case
    rows = [tuple(word % WORD for word in row) for row in rows]
    offsets = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    order = []
    for start, end in itertools.pairwise(offsets):
        order += sorted(range(start, end), key=lambda row: rows[row])
    columns = [np.array([row[k] for row in rows], np.uint64) for k in range(width)]
    merged = np.empty(len(rows), np.int64)
    merge_neighbours(addresses(columns), len(rows), int64(order), int64(offsets), merged)
    assert merged.tolist() == reference.reference_merge_neighbours(rows, order, offsets)


@given(grouped(st.none()))
def test_count_rows(case):
    groups, valid, _, size = case
    counts = np.zeros(size, np.int64)
    count_rows(int64(groups), mask(valid), counts)
    assert counts.tolist() == reference.reference_count_rows(groups, valid, size)


@given(grouped(st.one_of(words, st.integers(-(10**36), 10**36))))
def test_sum_words(case):
    groups, valid, values, size = case
    low = np.array([value % WORD for value in values], np.uint64).view(np.int64)
    narrow = all(-(2**63) <= value < 2**63 for value in values)
    high = np.empty(0, np.int64) if narrow else int64([value >> 64 for value in values])
    totals, seen = np.zeros(2 * size, np.uint64), np.zeros(size, np.bool_)
    assert not sum_words(int64(groups), mask(valid), low, high, totals, seen)
    signed = totals.view(np.int64).tolist()
    sums = [signed[2 * g + 1] * WORD + int(totals[2 * g]) if seen[g] else None for g in range(size)]
    assert sums == reference.reference_sum_words(groups, valid, values, size)


@given(grouped(words))
def test_sum_few(case):
    groups, valid, values, size = case
    totals, seen = np.zeros(2 * size, np.uint64), np.zeros(size, np.bool_)
    scratch = np.empty(8 * size, np.int64)
    # Twice, so that totals are brought forward.
    for _ in range(2):
        assert not sum_few(int64(groups), mask(valid), int64(values), scratch, totals, seen)
    signed = totals.view(np.int64).tolist()
    sums = [signed[2 * g + 1] * WORD + int(totals[2 * g]) if seen[g] else None for g in range(size)]
    once = reference.reference_sum_few(groups, valid, values, size)
    assert sums == [None if total is None else 2 * total for total in once]


def test_sum_few_tells_of_overflow():
    totals = np.array([0, 2**63 - 1], np.uint64)
    scratch = np.empty(8, np.int64)
    high = int64([2**63 - 1] * 5)
    assert not sum_few(int64([0]), EMPTY, high[:1], scratch, totals.copy(), np.zeros(1, np.bool_))
    assert sum_few(int64([0] * 5), EMPTY, high, scratch, totals, np.zeros(1, np.bool_))


@pytest.mark.parametrize("sign", [1, -1])
def test_sum_words_tells_of_overflow(sign):
    value = sign * (2**126 + 2**125)
    low = np.array([value % WORD] * 2, np.uint64).view(np.int64)
    high = int64([value >> 64] * 2)
    assert sum_words(int64([0, 0]), EMPTY, low, high, np.zeros(2, np.uint64), np.zeros(1, np.bool_))
    assert not sum_words(int64([0, 1]), EMPTY, low, high, np.zeros(4, np.uint64), np.zeros(2, np.bool_))


@given(grouped(words))
def test_sum_all(case):
    _, valid, values, _ = case
    halves = np.zeros(2, np.int64)
    count = sum_all(int64(values), mask(valid), halves)
    assert ((int(halves[1]) << 32) + int(halves[0]), count) == reference.reference_sum_all(values, valid)


@given(grouped(st.floats(allow_nan=False)))
def test_sum_floats(case):
    groups, valid, values, size = case
    totals, seen = np.zeros(size), np.zeros(size, np.bool_)
    sum_floats(int64(groups), mask(valid), np.array(values, np.float64), totals, seen)
    sums = [total if some else None for total, some in zip(totals.tolist(), seen.tolist(), strict=True)]
    assert repr(sums) == repr(reference.reference_sum_floats(groups, valid, values, size))


@given(st.lists(st.floats(allow_nan=False), max_size=60), st.lists(st.integers(0, 60)))
def test_sum_lanes(values, cuts):
    lanes, turn = np.zeros(8), 0
    for part in np.split(np.array(values, np.float64), sorted(cuts)):
        turn = sum_lanes(np.ascontiguousarray(part), lanes, turn)
    assert repr(lanes.tolist()) == repr(reference.reference_sum_lanes(values))
    assert turn == len(values) % 8


@given(st.lists(st.floats(allow_nan=False, width=32), max_size=60), st.integers(0, 60))
def test_sum_single_lanes(values, cut):
    lanes, turn = np.zeros(8), 0
    for part in (values[:cut], values[cut:]):
        turn = sum_single_lanes(np.array(part, np.float32), lanes, turn)
    assert repr(lanes.tolist()) == repr(reference.reference_sum_single_lanes(values))


@given(grouped(words), st.sampled_from([0, -1]))
def test_min_words(case, flip):
    groups, valid, values, size = case
    best, seen = np.full(size, 2**63 - 1, np.int64), np.zeros(size, np.bool_)
    min_words(int64(groups), mask(valid), int64(values), flip, best, seen)
    found = [word ^ flip if some else None for word, some in zip(best.tolist(), seen.tolist(), strict=True)]
    assert found == reference.reference_min_words(groups, valid, values, flip, size)


@given(
    grouped(st.one_of(st.binary(max_size=12), st.sampled_from([b"abcdefgh", b"abcdefghi", b"abcdefgi"]))), st.booleans()
)
def test_min_strings(case, largest):
    groups, valid, values, size = case
    strings = [value if valid is None or valid[i] else None for i, value in enumerate(values)]
    array = pa.array(values, pa.large_binary())
    data = np.frombuffer(b"".join(values) + b"\0", np.uint8)
    offsets = np.cumsum([0, *(len(value) for value in values)]).astype(np.int64)
    best = np.full(size, -1, np.int64)
    min_strings(int64(groups), mask(valid), offsets, _jit.address_of(data), 0, largest, best)
    assert len(array) == len(strings)
    assert best.tolist() == reference.reference_min_strings(groups, strings, largest, size)


@given(grouped(st.none()))
def test_first_rows(case):
    groups, _, _, size = case
    first = np.full(size, -1, np.int64)
    first_rows(int64(groups), first)
    assert first.tolist() == reference.reference_first_rows(groups, size)


def test_seeds_make_different_hashes():
    from sqlengine.kernels.hashing import PARTITION_SEED, hash_words

    column = [np.arange(100)]
    if int(hash_mask()):
        assert not (hash_words(column, PARTITION_SEED) == hash_words(column, TABLE_SEED)).any()
        assert len(np.unique(hash_words(column, TABLE_SEED) >> np.uint64(57))) > 30
    else:
        assert not hash_words(column, PARTITION_SEED).any()
