"""Direct addressing of groups: the kernel equals its reference, the table equals a hash table."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlengine.executor.kernels import reference
from sqlengine.executor.kernels.coding import _BLOCK, CodedGroups, find_coded
from sqlengine.executor.kernels.grouping import GroupTable
from sqlengine.executor.kernels.hashing import addresses

EXTREMES = st.sampled_from([-(2**63), 2**63 - 1])


def columns_of(rows, width):
    return [np.array([row[k] for row in rows], np.int64) for k in range(width)]


@pytest.mark.parametrize("bad_row", [None, 0, _BLOCK - 1, _BLOCK, 2 * _BLOCK + 3])
@pytest.mark.parametrize("bad", [(9, 0), (0, -(2**63)), (2, 1)])
def test_find_coded(bad_row, bad):
    lows, spans = [-1, 5], [4, 2]
    places = [3, 1, 4, 0, 5, 9, -1, 2]
    # (2, 6) is the place without a group; the others have one.
    rows = [(row % 3 - 1, 5 + row % 2) for row in range(2 * _BLOCK + 10)]
    if bad_row is not None:
        rows[bad_row] = bad
    groups = np.empty(len(rows), np.int64)
    columns = columns_of(rows, 2)
    done = find_coded(
        addresses(columns), len(rows), np.array(lows), np.array(spans), np.array(places, np.int32), groups
    )
    assert groups[:done].tolist() == reference.reference_find_coded(rows, lows, spans, places, _BLOCK)


@given(
    batches=st.lists(
        st.lists(st.tuples(st.one_of(st.integers(-2, 2), EXTREMES), st.integers(0, 300)), max_size=30), max_size=5
    ),
    most=st.sampled_from([1, 600, 1 << 16]),
    step=st.sampled_from([1, 2, 4096]),
)
def test_coded_groups_equal_a_hash_table(batches, most, step):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sqlengine.executor.kernels.coding._MOST_PLACES", most)
        patch.setattr("sqlengine.executor.kernels.coding._FIRST_STEP", step)
        table = GroupTable(2)
        coded = CodedGroups(table)
        numbers = [number for rows in batches for number in coded.assign(columns_of(rows, 2)).tolist()]
    assert numbers == reference.reference_assign_groups([row for rows in batches for row in rows])
    assert table.count == len(set(numbers))


def test_a_growing_range_is_followed_until_it_is_too_wide():
    table = GroupTable(1)
    coded = CodedGroups(table)
    assert coded.assign([np.array([5, 6, 5])]).tolist() == [0, 1, 0]
    assert coded.assign([np.array([4, 6, 100])]).tolist() == [2, 1, 3]
    assert coded.nbytes > table.nbytes
    assert coded.assign([np.array([2**62, 4])]).tolist() == [4, 2]
    # Gave up: no places any more.
    assert coded.nbytes == table.nbytes
    assert coded.assign([np.array([2**62, 5])]).tolist() == [4, 0]
