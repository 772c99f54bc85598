"""Search kernels against their plain-Python meaning, and ordered tables as sorted joins use them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sqlengine.kernels import reference
from sqlengine.kernels.searching import (
    OrderedTable,
    count_reaching,
    fill_maxima,
    search_runs,
    write_reaching,
)

VALUES = st.one_of(st.integers(-3, 3), st.sampled_from([-(2**63), 2**63 - 1]))


def int64(items):
    return np.array(items, np.int64)


@given(
    st.lists(st.lists(VALUES, max_size=6).map(sorted), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(-1, 3), VALUES), max_size=10),
    st.booleans(),
)
def test_search_runs(runs, rows, after):
    rows = [(number if number < len(runs) else -1, bound) for number, bound in rows]
    numbers, wanted = [number for number, _ in rows], [bound for _, bound in rows]
    places = np.empty(len(rows), np.int64)
    starts = int64([0, *np.cumsum([len(run) for run in runs])])
    values = int64([value for run in runs for value in run])
    search_runs(values, starts, int64(numbers), int64(wanted), int(after), places)
    assert places.tolist() == reference.reference_search_runs(runs, numbers, wanted, after)


@st.composite
def trees(draw):
    """Leaves, and rows of (low, high, wanted) over them."""
    leaves = draw(st.lists(VALUES, min_size=1, max_size=1 << draw(st.integers(0, 4))))
    size = 1 << max(0, len(leaves) - 1).bit_length()
    leaves += [-(2**63)] * (size - len(leaves))
    places = st.integers(0, size)
    rows = draw(st.lists(st.tuples(places, places, VALUES).filter(lambda row: row[0] <= row[1]), max_size=8))
    return leaves, rows


@given(trees(), st.sampled_from([1, 2, 100]))
def test_reaching(case, most):
    leaves, rows = case
    lows, highs, wanted = ([row[k] for row in rows] for k in range(3))
    tree = np.zeros(2 * len(leaves), np.int64)
    tree[len(leaves) :] = leaves
    fill_maxima(tree)
    assert tree[1 : len(leaves)].tolist() == reference.reference_fill_maxima(leaves)
    counts = np.empty(len(rows), np.int64)
    count_reaching(tree, int64(lows), int64(highs), int64(wanted), most, counts)
    assert counts.tolist() == reference.reference_count_reaching(leaves, lows, highs, wanted, most)
    expected = reference.reference_write_reaching(leaves, lows, highs, wanted)
    probe_rows, places = np.empty(len(expected), np.int64), np.empty(len(expected), np.int64)
    write_reaching(tree, int64(lows), int64(highs), int64(wanted), probe_rows, places)
    assert list(zip(probe_rows.tolist(), places.tolist(), strict=True)) == expected


@given(
    st.lists(st.tuples(st.integers(-1, 2), VALUES, VALUES), max_size=12),
    st.lists(st.tuples(st.integers(-1, 2), VALUES, VALUES), max_size=8),
    st.booleans(),
    st.booleans(),
    st.integers(1, 5),
)
def test_table_finds_rows_between_bounds(build, probe, after, reverse, most):
    """Rows of the same number with first <= (or <) the row's first bound and second >= its second one."""
    numbers, first, second = (int64([row[k] for row in build]) for k in range(3))
    table = OrderedTable(numbers, 3, first, reverse, second)
    probed, wanted, least = (int64([row[k] for row in probe]) for k in range(3))
    lows, _ = table.ends(probed)
    highs = table.places(probed, wanted, after)
    blocks = list(table.blocks(lows, highs, least, most))
    found = [pair for _, _, *rows in blocks for pair in zip(*(each.tolist() for each in rows), strict=True)]
    expected = [
        (i, j)
        for i, (number, bound, other) in enumerate(probe)
        for j in sorted(range(len(build)), key=lambda j: (build[j][1], -j if reverse else j))
        if number == build[j][0] >= 0
        and (build[j][1] <= bound if after else build[j][1] < bound)
        and build[j][2] >= other
    ]
    assert found == expected
    assert [start for start, *_ in blocks] == [0, *[stop for _, stop, *_ in blocks]][: len(blocks)]
    assert all(len(rows) <= most or stop == start + 1 for start, stop, rows, _ in blocks)
    counts = table.counts(lows, highs, least, most=1)
    assert (counts > 0).tolist() == [any(i == row for i, _ in expected) for row in range(len(probe))]
