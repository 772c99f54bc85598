"""Direct addressing of groups: the kernel equals its reference, the numbers equal a hash table's."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlengine.kernels import coding, reference
from sqlengine.kernels.coding import CodedGroups, WordRange, number_coded
from sqlengine.kernels.grouping import GroupTable
from sqlengine.kernels.hashing import addresses

LEAST, GREATEST = -(2**63), 2**63 - 1
EXTREMES = st.sampled_from([LEAST, LEAST + 1, GREATEST - 1, GREATEST])


def columns_of(rows, width):
    return [np.array([row[k] for row in rows], np.int64) for k in range(width)]


def number(rows, ranges, start=0, known=()):
    """(numbers, first rows of new groups, the row it stopped at, groups in the end) with `known` groups before."""
    places = np.full(math.prod(len(each) + 1 for each in ranges), -1, np.int32)
    parameters = np.array([WordRange(each.start, len(each), each.step).parameters() for each in ranges]).reshape(-1)
    count = np.zeros(1, np.int64)
    for each, begin in ((known, 0), (rows, start)):
        before = count[0]
        groups, firsts = np.empty((2, len(each)), np.int64)
        columns = columns_of(each, len(ranges))
        done = number_coded(addresses(columns), len(each), begin, parameters, places, count, firsts, groups)
    return groups[start:done].tolist(), firsts[: count[0] - before].tolist(), done, int(count[0])


@pytest.mark.parametrize("bad_row", [None, 0, coding._BLOCK - 1, coding._BLOCK, 2 * coding._BLOCK + 3])
@pytest.mark.parametrize("bad", [(3, 5), (-2, 5), (0, -1), (0, 11), (GREATEST, 5), (LEAST + 1, 11), (LEAST, 8)])
def test_number_coded_stops_at_a_block_with_a_word_out_of_range(bad_row, bad):
    ranges = [range(-1, 3), range(5, 17, 6)]
    rows = [(LEAST if row % 7 == 3 else row % 3 - 1, 5 + row % 2 * 6) for row in range(2 * coding._BLOCK + 10)]
    # (0, 11) alone is in range.
    if bad_row is not None:
        rows[bad_row] = bad
    numbers, firsts, done, count = number(rows, ranges)
    assert numbers == reference.reference_number_coded(rows, ranges, coding._BLOCK)
    assert done == len(numbers)
    assert [numbers[row] for row in firsts] == list(range(count))


WORDS = st.one_of(st.integers(-3, 3), EXTREMES)


@given(
    rows=st.lists(st.tuples(WORDS, WORDS), max_size=40),
    known=st.lists(st.tuples(st.sampled_from([-2, 0, 2]), st.sampled_from([0, 1, LEAST])), max_size=9),
    start=st.integers(0, 40),
    steps=st.sampled_from([(1, 1), (2, 1)]),
)
def test_number_coded_equals_its_reference(rows, known, start, steps):
    ranges = [range(-2, 4, steps[0]), range(0, 2, steps[1])]
    start = min(start, len(rows))
    expected = reference.reference_number_coded([*known, *rows[start:]], ranges, 1)
    numbers, firsts, done, count = number(rows, ranges, start, known)
    if len(expected) == len(known) + len(rows) - start:
        assert (numbers, done) == (expected[len(known) :], len(rows))
        assert [rows[row] for row in firsts] == list(dict.fromkeys(row for row in rows[start:] if row not in known))
        assert count == len(set(expected))
    else:
        assert (numbers, firsts, done, count) == ([], [], start, len(set(known)))


@given(
    low=st.integers(LEAST + 1, GREATEST),
    step=st.one_of(st.sampled_from([1, 2, 3, 86_400_000_000, 1 << 62, 1 << 63]), st.integers(1, 1 << 64)),
    span=st.integers(1, 50),
    word=st.one_of(st.integers(-60, 60), st.integers(LEAST, GREATEST)),
    near=st.booleans(),
)
def test_words_of_a_range_are_told_from_all_others(low, step, span, word, near):
    span = min(span, (GREATEST - low) // step + 1)
    word = word if not near else min(max(low + word * step + word % 3 - 1, LEAST), GREATEST)
    ranges = [range(low, low + span * step, step)]
    numbers, _, done, _ = number([(word,)], ranges)
    assert done == (1 if word == LEAST or word in ranges[0] else 0)
    numbers, *_ = number([(each,) for each in ranges[0]], ranges)
    assert numbers == list(range(span))


@given(
    batches=st.lists(
        st.lists(
            st.tuples(WORDS, st.one_of(st.integers(0, 300), st.integers(-9, 9).map(lambda n: n * 10**12))), max_size=30
        ),
        max_size=5,
    ),
    most=st.sampled_from([1, 600, 4000, 1 << 16]),
    per_row=st.sampled_from([0, 50]),
)
def test_coded_groups_equal_a_hash_table(batches, most, per_row):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coding, "_MOST_PLACES", most)
        patch.setattr(coding, "_PLACES_PER_ROW", per_row)
        groups = CodedGroups(2)
        numbers = [number for rows in batches for number in groups.assign(columns_of(rows, 2)).tolist()]
    rows = [row for rows in batches for row in rows]
    assert numbers == reference.reference_assign_groups(rows)
    assert list(zip(groups.keys(0).tolist(), groups.keys(1).tolist(), strict=True)) == list(dict.fromkeys(rows))
    assert groups.count == len(set(numbers))


def test_a_growing_range_is_followed_until_it_is_too_wide():
    groups = CodedGroups(1)
    assert groups.assign([np.array([5, 6, LEAST, 5])]).tolist() == [0, 1, 2, 0]
    assert groups._places.size == 3
    assert groups.assign([np.array([4, 6, 100])]).tolist() == [3, 1, 4]
    # 97 words from 4 to 100, as many beyond both ends, because both have moved, and the place of the least.
    assert groups._places.size == 3 * 97 + 1
    assert groups.assign([np.array([102, 2])]).tolist() == [5, 6]
    assert groups._places.size == 3 * 97 + 1
    assert groups.assign([np.array([GREATEST, 4, LEAST])]).tolist() == [7, 3, 2]
    # Gave up: no places any more.
    assert groups.nbytes == GroupTable(1).nbytes
    assert groups.assign([np.array([GREATEST, 5, 7])]).tolist() == [7, 0, 8]
    assert groups.keys(0).tolist() == [5, 6, LEAST, 4, 100, 102, 2, GREATEST, 7]


def test_room_to_grow_ends_where_words_do():
    groups = CodedGroups(1)
    groups.assign([np.array([GREATEST - 3, GREATEST - 2])])
    assert groups.assign([np.array([GREATEST - 1, GREATEST])]).tolist() == [2, 3]
    assert groups._places.size == 5
    groups = CodedGroups(1)
    groups.assign([np.array([LEAST + 3, LEAST + 4])])
    assert groups.assign([np.array([LEAST + 2, LEAST, LEAST + 1])]).tolist() == [2, 3, 4]
    assert groups._places.size == 5


def test_many_rows_may_have_many_places():
    words = np.append([0, 299_999], np.random.default_rng(3).permutation(299_998) + 1)
    # The range, an eighth of it beyond each end, and the place of the least. Then without room for the eighths; and
    # without room for a table that pays.
    for rows, places in ((100_000, 375_001), (40_000, 300_001), (30_000, 0)):
        groups = CodedGroups(1)
        assert groups.assign([words[:rows]]).tolist() == list(range(rows))
        assert groups._places.size == places


def test_words_a_step_apart_have_places_next_to_each_other():
    groups = CodedGroups(2)
    day = 86_400_000_000
    flags = np.array([0, 1, 1, 0, 1])
    days = np.array([9, 3, 9, 9, 5])
    assert groups.assign([days * day + 7, flags]).tolist() == [0, 1, 2, 0, 3]
    # Two days apart.
    assert groups._ranges == [WordRange(3 * day + 7, 4, 2 * day), WordRange(0, 2)]
    days = np.array([9, 10, 3])
    assert groups.assign([np.append(days * day + 7, LEAST), np.array([1, 1, 1, 0])]).tolist() == [2, 4, 1, 5]
    # Eight days now, and as many more.
    assert groups._ranges == [WordRange(3 * day + 7, 16, day), WordRange(0, 2)]
    assert groups.keys(0).tolist() == [9 * day + 7, 3 * day + 7, 9 * day + 7, 5 * day + 7, 10 * day + 7, LEAST]
    # A microsecond more, and the range is too wide.
    assert groups.assign([days * day + 8, np.array([1, 1, 1])]).tolist() == [6, 7, 8]
    assert groups._places.size == 0


def test_a_step_is_found_when_the_range_grows_too_wide_without():
    groups = CodedGroups(1)
    groups.assign([np.arange(0, 50_000, 100)])
    assert groups._ranges == [WordRange(-6237, 62_375)]
    assert groups.assign([np.array([4_000_000, 100, LEAST])]).tolist() == [500, 1, 501]
    assert groups._ranges == [WordRange(0, 40_001, 100)]
