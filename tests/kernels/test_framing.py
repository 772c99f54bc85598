"""The kernels of window frames equal their plain-Python references."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sqlengine.kernels import reference
from sqlengine.kernels.framing import (
    build_minima,
    build_sums,
    mark_changes,
    min_frames,
    search_bounds,
    sum_frames,
)
from sqlengine.kernels.hashing import addresses

unsigned = st.one_of(st.integers(0, 3), st.integers(0, 2**64 - 1))
# Whole numbers: their sums are exact, so that the association does not show.
floats = st.one_of(st.integers(-1000, 1000).map(float), st.sampled_from([math.inf, -math.inf, math.nan]))


def columns_of(rows, width):
    return [np.array([row[k] for row in rows], np.uint64) for k in range(width)]


@st.composite
def rows_of_words(draw, width, size):
    return draw(st.lists(st.tuples(*[unsigned] * width), min_size=size, max_size=size))


@st.composite
def frames_over(draw, n):
    """Frames of one number of segments each; some of them grow from one row, as running totals do."""
    segments = draw(st.integers(1, 3))
    frames = []
    for _ in range(draw(st.integers(0, 12))):
        if frames and segments == 1 and draw(st.booleans()):
            begin, end = frames[-1][0]
            frames.append([(begin, draw(st.integers(end, n)))])
            continue
        cuts = sorted(draw(st.lists(st.integers(0, n), min_size=2 * segments, max_size=2 * segments)))
        frames.append(list(zip(cuts[::2], cuts[1::2], strict=True)))
    return segments, frames


def flat(segments, frames, side):
    return np.array([frame[k][side] for k in range(segments) for frame in frames], np.int64)


@given(st.data(), st.integers(1, 2), st.integers(0, 15))
def test_mark_changes(data, width, size):
    rows = data.draw(rows_of_words(width, size))
    order = data.draw(st.permutations(range(size)))
    marks = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    changed = np.array(marks, np.bool_)
    columns = columns_of(rows, width)
    mark_changes(addresses(columns), size, np.array(order, np.int64), changed)
    assert changed.tolist() == reference.reference_mark_changes(rows, order, marks)


@given(st.data(), st.integers(1, 2), st.integers(0, 30), st.booleans())
def test_search_bounds(data, width, size, after):
    keys = sorted(data.draw(rows_of_words(width, size)))
    count = data.draw(st.integers(0, 10))
    edges = data.draw(rows_of_words(width, count))
    ranges = [sorted(data.draw(st.tuples(st.integers(0, size), st.integers(0, size)))) for _ in range(count)]
    low, high = [pair[0] for pair in ranges], [pair[1] for pair in ranges]
    bounds = np.empty(count, np.int64)
    key_columns, edge_columns = columns_of(keys, width), columns_of(edges, width)
    search_bounds(
        addresses(key_columns),
        size,
        addresses(edge_columns),
        np.array(low, np.int64),
        np.array(high, np.int64),
        after,
        bounds,
    )
    assert bounds.tolist() == reference.reference_search_bounds(keys, edges, low, high, after)


@given(st.data(), st.lists(floats, max_size=40))
def test_sum_frames(data, values):
    segments, frames = data.draw(frames_over(len(values)))
    tree = np.concatenate([np.zeros(len(values)), np.array(values, np.float64)])
    build_sums(tree)
    np.testing.assert_array_equal(tree[1:], reference.reference_build_sums(values)[1:])
    sums = np.empty(len(frames), np.float64)
    sum_frames(tree, flat(segments, frames, 0), flat(segments, frames, 1), sums)
    np.testing.assert_array_equal(sums, reference.reference_sum_frames(values, frames))


@given(st.data(), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=40))
def test_min_frames(data, words):
    segments, frames = data.draw(frames_over(len(words)))
    tree = np.concatenate([np.zeros(len(words), np.int64), np.array(words, np.int64)])
    build_minima(tree)
    assert tree.tolist()[1:] == reference.reference_build_minima(words)[1:]
    minima = np.empty(len(frames), np.int64)
    min_frames(tree, flat(segments, frames, 0), flat(segments, frames, 1), minima)
    assert minima.tolist() == reference.reference_min_frames(words, frames)
