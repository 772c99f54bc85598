"""Group, string and join tables, partitioning and sorting, as operators use them."""

import itertools
import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlengine.errors import InternalError
from sqlengine.kernels.grouping import GroupTable
from sqlengine.kernels.hashing import PARTITION_SEED, hash_mask, hash_words
from sqlengine.kernels.joining import JoinTable
from sqlengine.kernels.partitioning import partition_rows
from sqlengine.kernels.sorting import merge_runs, sort_rows, top_rows
from sqlengine.kernels.strings import StringTable

EMPTY = np.empty(0, np.bool_)
spread_hashes = pytest.mark.skipif(not int(hash_mask()), reason="quadratic when all hashes are equal")


@st.composite
def columns(draw, values, width):
    rows = draw(st.lists(st.tuples(*[values] * width), max_size=30))
    return [np.array([row[k] for row in rows], np.int64) for k in range(width)]


@st.composite
def joins(draw):
    """Build and probe words with masks: dense, sparse and two-word keys."""
    width = draw(st.integers(1, 2))
    values = draw(st.sampled_from([st.integers(0, 8), st.sampled_from([-(2**63), -1, 0, 2**40, 2**63 - 1])]))
    sides = [draw(columns(values, width)), draw(columns(values, width))]
    masks = [
        np.array(draw(st.lists(st.booleans(), min_size=len(side[0]), max_size=len(side[0]))), np.bool_)
        if draw(st.booleans())
        else EMPTY
        for side in sides
    ]
    return sides[0], masks[0], sides[1], masks[1]


def pairs_of(build, build_usable, probe, probe_usable):
    return [
        (i, j)
        for i in range(len(probe[0]))
        for j in range(len(build[0]))
        if all(p[i] == b[j] for p, b in zip(probe, build, strict=True))
        and (not len(probe_usable) or probe_usable[i])
        and (not len(build_usable) or build_usable[j])
    ]


@given(joins())
def test_join_gives_all_pairs_in_order(case):
    build, build_usable, probe, probe_usable = case
    expected = pairs_of(*case)
    table = JoinTable.build(build, build_usable)
    shared = {name: array.copy() for name, array in table.arrays().items()}
    for array in shared.values():
        array.setflags(write=False)
    for each in (table, pickle.loads(pickle.dumps(table)), JoinTable.from_arrays(shared)):
        probe_rows, build_rows = each.probe(probe, probe_usable)
        assert list(zip(probe_rows.tolist(), build_rows.tolist(), strict=True)) == expected
        matched = {i for i, _ in expected}
        assert each.matches(probe, probe_usable).tolist() == [i in matched for i in range(len(probe[0]))]
        assert each.nbytes == table.nbytes


@spread_hashes
@pytest.mark.parametrize("spread", [1, 1 << 33])
@pytest.mark.parametrize("distinct", [700, 3000])
def test_join_of_more_rows_than_the_first_table_holds(spread, distinct):
    random = np.random.default_rng(1)
    build = random.permutation(3000) % distinct * spread
    probe = random.integers(-5, distinct + 5, 4000) * spread
    probe_rows, build_rows = JoinTable.build([build], EMPTY).probe([probe], EMPTY)
    expected_probe, expected_build = np.nonzero(probe[:, None] == build[None, :])
    assert (probe_rows == expected_probe).all()
    assert (build_rows == expected_build).all()


@spread_hashes
def test_group_table_grows_over_batches():
    random = np.random.default_rng(2)
    table = GroupTable(2)
    known: dict[tuple[int, int], int] = {}
    for _ in range(4):
        a, b = random.integers(0, 60, 3000), random.integers(-(2**40), 2**40, 50)[random.integers(0, 50, 3000)]
        expected = [known.setdefault(row, len(known)) for row in zip(a.tolist(), b.tolist(), strict=True)]
        assert table.assign([a, b]).tolist() == expected
    assert table.count == len(known)
    assert list(zip(table.keys(0).tolist(), table.keys(1).tolist(), strict=True)) == list(known)
    assert table.nbytes > 0


def test_group_table_of_no_words_has_one_group():
    table = GroupTable(0)
    assert table.assign([], 3).tolist() == [0, 0, 0]
    assert table.count == 1


def test_read_only_words_are_taken():
    column = np.array([3, 1, 3])
    column.setflags(write=False)
    assert GroupTable(1).assign([column]).tolist() == [0, 1, 0]
    assert len(JoinTable.build([column], EMPTY).probe([column], EMPTY)[0]) == 5
    hashes = np.full(3, 5, np.uint64)
    hashes.setflags(write=False)
    order, offsets = partition_rows(hashes, 2)
    assert (order.tolist(), offsets.tolist()) == ([0, 1, 2], [0, 3, 3])


def test_words_of_another_type_are_refused():
    with pytest.raises(InternalError, match="int32"):
        GroupTable(1).assign([np.array([1, 2], np.int32)])
    with pytest.raises(InternalError, match="not a column of words"):
        GroupTable(1).assign([np.arange(6)[::2]])
    with pytest.raises(InternalError, match="large_string"):
        StringTable().intern(pa.array(["a"], pa.large_string()))


@spread_hashes
def test_string_table_grows_in_number_and_in_bytes():
    table = StringTable()
    strings = [str(i % 1500) * (1 + i % 7) for i in range(3000)] + ["x" * 100_000, ""]
    assert table.intern(pa.array(strings)).tolist() == [list(dict.fromkeys(strings)).index(s) for s in strings]
    assert table.values().cast(pa.string()).to_pylist() == list(dict.fromkeys(strings))
    assert table.find(pa.array(["", "y", None])).tolist() == [len(table) - 1, -2, -1]
    assert table.nbytes > 100_000


@given(columns(st.integers(-4, 4), 1), st.integers(1, 9))
def test_partition_rows_keeps_row_order_and_equal_hashes_together(words, buckets):
    hashes = hash_words(words, PARTITION_SEED)
    order, offsets = partition_rows(hashes, buckets)
    assert sorted(order.tolist()) == list(range(len(hashes)))
    assert (len(offsets), offsets[0], offsets[-1]) == (buckets + 1, 0, len(hashes))
    seen: set[int] = set()
    for start, end in itertools.pairwise(offsets):
        bucket = order[start:end]
        assert (np.diff(bucket) > 0).all()
        assert seen.isdisjoint(hashes[bucket].tolist())
        seen.update(hashes[bucket].tolist())


sortable = st.integers(1, 3).flatmap(
    lambda width: st.lists(
        st.tuples(*[st.one_of(st.integers(0, 3), st.integers(0, 2**64 - 1))] * width), min_size=1, max_size=40
    )
)


@given(sortable, st.integers(0, 45), st.lists(st.integers(0, 40), max_size=5))
def test_sort_top_and_merge_agree_with_sorted(rows, k, cuts):
    words = [np.array([row[i] for row in rows], np.uint64) for i in range(len(rows[0]))]
    expected = sorted(range(len(rows)), key=lambda row: rows[row])
    assert sort_rows(words).tolist() == expected
    assert top_rows(words, k).tolist() == expected[:k]
    offsets = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    runs = [row for a, b in itertools.pairwise(offsets) for row in sorted(rows[a:b])]
    words = [np.array([row[i] for row in runs], np.uint64) for i in range(len(rows[0]))]
    assert merge_runs(words, np.array(offsets)).tolist() == sorted(range(len(runs)), key=lambda row: runs[row])


def test_sorting_nothing():
    nothing = [np.empty(0, np.uint64)]
    assert sort_rows(nothing).tolist() == []
    assert top_rows(nothing, 3).tolist() == []
    assert merge_runs(nothing, np.array([0, 0, 0])).tolist() == []
