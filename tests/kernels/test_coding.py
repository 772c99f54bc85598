"""Direct addressing of groups: the kernel equals its reference, the numbers equal a hash table's."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlengine.executor.kernels import coding, reference
from sqlengine.executor.kernels.coding import CodedGroups, number_coded
from sqlengine.executor.kernels.grouping import GroupTable
from sqlengine.executor.kernels.hashing import addresses

LEAST, GREATEST = -(2**63), 2**63 - 1
EXTREMES = st.sampled_from([LEAST, LEAST + 1, GREATEST - 1, GREATEST])


def columns_of(rows, width):
    return [np.array([row[k] for row in rows], np.int64) for k in range(width)]


def number(rows, lows, spans, start=0, known=()):
    """(numbers, first rows of new groups, the row it stopped at, groups in the end) with `known` groups before."""
    places = np.full(math.prod(span + 1 for span in spans), -1, np.int32)
    count, groups, firsts = np.zeros(1, np.int64), np.full(len(rows), -7), np.full(max(len(rows), len(known)), -7)
    for each in (known, rows):
        columns = columns_of(each, len(lows))
        begin = start if each is rows else 0
        before = count[0]
        arguments = np.array(lows), np.array(spans), places, count, firsts, np.empty(len(each), np.int64)
        done = number_coded(addresses(columns), len(each), begin, *arguments)
    groups = arguments[-1]
    return groups[start:done].tolist(), firsts[: count[0] - before].tolist(), done, int(count[0])


@pytest.mark.parametrize("bad_row", [None, 0, coding._BLOCK - 1, coding._BLOCK, 2 * coding._BLOCK + 3])
@pytest.mark.parametrize("bad", [(3, 5), (-2, 5), (0, 4), (0, 7), (GREATEST, 5), (LEAST + 1, 6), (LEAST, 7)])
def test_number_coded_stops_at_a_block_with_a_word_out_of_range(bad_row, bad):
    lows, spans = [-1, 5], [4, 2]
    rows = [(LEAST if row % 7 == 3 else row % 3 - 1, 5 + row % 2) for row in range(2 * coding._BLOCK + 10)]
    if bad_row is not None:
        rows[bad_row] = bad
    numbers, firsts, done, count = number(rows, lows, spans)
    assert numbers == reference.reference_number_coded(rows, lows, spans, coding._BLOCK)
    assert done == len(numbers)
    assert [numbers[row] for row in firsts] == list(range(count))


WORDS = st.one_of(st.integers(-3, 3), EXTREMES)


@given(
    rows=st.lists(st.tuples(WORDS, WORDS), max_size=40),
    known=st.lists(st.tuples(st.integers(-2, 1), st.sampled_from([0, 1, LEAST])), max_size=9),
    start=st.integers(0, 40),
)
def test_number_coded_equals_its_reference(rows, known, start):
    lows, spans = [-2, 0], [4, 2]
    start = min(start, len(rows))
    expected = reference.reference_number_coded([*known, *rows[start:]], lows, spans, 1)
    numbers, firsts, done, count = number(rows, lows, spans, start, known)
    if len(expected) == len(known) + len(rows) - start:
        assert (numbers, done) == (expected[len(known) :], len(rows))
        assert [rows[row] for row in firsts] == list(dict.fromkeys(row for row in rows[start:] if row not in known))
        assert count == len(set(expected))
    else:
        assert (numbers, firsts, done, count) == ([], [], start, len(set(known)))


@given(
    batches=st.lists(st.lists(st.tuples(WORDS, st.integers(0, 300)), max_size=30), max_size=5),
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
    # From 4 - 2 to 100 + 2, because both ends moved and the span was 2; and the place of the least.
    assert groups._places.size == 102
    assert groups.assign([np.array([102, 2])]).tolist() == [5, 6]
    assert groups._places.size == 102
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
    keys = np.random.default_rng(3).permutation(100_000) * 3
    groups = CodedGroups(1)
    assert groups.assign([keys]).tolist() == list(range(len(keys)))
    # The range, an eighth of it beyond each end, and the place of the least.
    assert groups._places.size == 299_998 + 2 * (299_997 // 8) + 1
    # Without room for the eighths; and without room for a table that pays.
    for rows, places in ((40_000, 299_999), (30_000, 0)):
        groups = CodedGroups(1)
        groups.assign([np.append(keys[keys % 299_997 != 0][: rows - 2], [0, 299_997])])
        assert groups._places.size == places
