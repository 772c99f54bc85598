"""Kernels that keep states of aggregates: they agree with plain Python, and merged states with those of all rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlengine.kernels import moments, reference_states
from sqlengine.kernels.accumulating import best_rows, fold_bits
from sqlengine.kernels.sketching import add_registers, merge_registers

NOTHING = np.empty(0, np.bool_)
NO_GROUPS = np.empty(0, np.int64)
START = {
    "products": [0.0, 1.0],
    "kahan": [0.0] * 3,
    "moments": [0.0] * 3,
    "shapes": [0.0] * 5,
    "comoments": [0.0] * 6,
}
REFERENCE = {
    "products": reference_states.reference_products,
    "kahan": reference_states.reference_kahan,
    "moments": reference_states.reference_moments,
    "shapes": reference_states.reference_shapes,
    "comoments": reference_states.reference_comoments,
}

numbers = st.integers(-1000, 1000).map(lambda i: i / 8)
rows = st.lists(st.tuples(st.integers(-1, 2), st.booleans(), numbers, numbers), max_size=30)
WORDS = st.integers(-(2**63), 2**63 - 1)


def added(name, made, ungrouped=False):
    groups = np.array([group for group, _, _, _ in made], np.int64)
    valid = np.array([each for _, each, _, _ in made], np.bool_)
    columns = [np.array([row[k] for row in made], np.float64) for k in ((2, 3) if name == "comoments" else (2,))]
    states = np.array(START[name] * 3)
    getattr(moments, f"add_{name}")(NO_GROUPS if ungrouped else groups, valid, *columns, states)
    return states


def expected(name, made, group):
    kept = [row for row in made if row[1] and group in (None, row[0])]
    columns = [[row[k] for row in kept] for k in ((2, 3) if name == "comoments" else (2,))]
    return REFERENCE[name](*columns)


@pytest.mark.parametrize("name", START)
@given(rows)
def test_states_of_doubles(name, made):
    states = added(name, made).reshape(3, -1)
    for group in range(3):
        wanted = expected(name, made, group)
        assert states[group][: len(wanted)] == pytest.approx(wanted, rel=1e-9, abs=1e-6)
    alone = added(name, made, ungrouped=True).reshape(3, -1)[0]
    wanted = expected(name, made, None)
    assert alone[: len(wanted)] == pytest.approx(wanted, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("name", START)
@given(rows, rows)
def test_merged_states_of_doubles(name, first, second):
    merged = added(name, first)
    getattr(moments, f"merge_{name}")(np.arange(3), added(name, second), merged)
    merged = merged.reshape(3, -1)
    for group in range(3):
        wanted = expected(name, first + second, group)
        assert merged[group][: len(wanted)] == pytest.approx(wanted, rel=1e-9, abs=1e-6)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=40), st.lists(st.integers(0, 2**64 - 1), max_size=40))
def test_registers(first, second):
    made = []
    for hashes in (first, second):
        registers = np.zeros(16, np.uint8)
        add_registers(np.zeros(len(hashes), np.int64), NOTHING, np.array(hashes, np.uint64), np.int64(16), registers)
        assert registers.tolist() == reference_states.reference_registers(hashes, 16)
        made.append(registers)
    merge_registers(np.zeros(1, np.int64), made[1], np.int64(16), made[0])
    assert made[0].tolist() == reference_states.reference_registers(first + second, 16)


@given(st.lists(WORDS, max_size=20), st.booleans())
def test_best_row(words, largest):
    found = np.full(1, -2, np.int64)
    best = np.zeros(1, np.int64)
    best_rows(np.zeros(len(words), np.int64), np.array(words, np.int64), np.int64(-1 if largest else 0), best, found)
    assert found[0] == reference_states.reference_best_rows(words, largest)


@given(st.lists(WORDS, max_size=20), st.sampled_from([0, 1, 2]))
def test_fold_bits(words, operation):
    folded = np.full(1, -1 if operation == 0 else 0, np.int64)
    fold_bits(
        np.zeros(len(words), np.int64), NOTHING, np.array(words, np.int64), operation, folded, np.zeros(1, np.bool_)
    )
    assert folded[0] == reference_states.reference_fold_bits(words, operation)
