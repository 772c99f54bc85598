"""Distinct values guessed from a sample: near enough to order joins by, read once, never an error."""

import numpy as np
import pyarrow as pa
import pytest

from sqlengine.storage.memory import ArrowTable
from sqlengine.storage.sampling import sampled_distinct

ROWS = 200_000
RANDOM = np.random.default_rng(1)


@pytest.mark.parametrize(
    "values",
    [
        np.arange(ROWS),
        np.arange(ROWS) // 4,
        RANDOM.integers(0, 30, ROWS),
        RANDOM.integers(0, 20_000, ROWS),
        RANDOM.permutation(ROWS),
    ],
    ids=["unique in order", "runs in order", "few", "many", "unique in disorder"],
)
def test_estimate_is_near(values: np.ndarray) -> None:
    table = ArrowTable("t", pa.table({"x": values}), task_rows=20_000)
    estimate = sampled_distinct(table, "x")
    assert estimate is not None
    truth = len(np.unique(values))
    assert truth / 1.5 <= estimate <= truth * 1.5


def test_small_tables_are_counted_and_nulls_are_no_value() -> None:
    table = ArrowTable(
        "t", pa.table({"x": ["a", "b", None, "a"], "y": pa.array([None] * 4, pa.int64()), "z": [[1], [2], None, [1]]})
    )
    assert sampled_distinct(table, "x") == 2
    assert sampled_distinct(table, "y") == 0
    assert sampled_distinct(table, "z") in (None, 2)
    assert sampled_distinct(ArrowTable("e", pa.table({"x": pa.array([], pa.int64())})), "x") is None


def test_a_sample_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    table = ArrowTable("t", pa.table({"x": [1, 2, 3]}))
    first = sampled_distinct(table, "x")
    monkeypatch.setattr(ArrowTable, "read", None)
    assert sampled_distinct(table, "x") == first
