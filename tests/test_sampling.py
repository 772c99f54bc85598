"""Samples: the same under every way to run a query, as large as they should be, and of no preference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

import sqlengine
from sqlengine.functions.registry import find_scalar
from sqlengine.types import BIGINT, DOUBLE
from sqlengine.vector import Vector

ROWS = 20_000

SAMPLES = (
    "TABLESAMPLE BERNOULLI(10%) REPEATABLE (7)",
    "TABLESAMPLE SYSTEM(60%) REPEATABLE (8)",
    "TABLESAMPLE RESERVOIR(50 ROWS) REPEATABLE (7)",
    "TABLESAMPLE RESERVOIR(1%) REPEATABLE (7)",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sampled")
    (folder / "t").mkdir()
    for number in range(4):
        rows = pa.table({"x": pa.array(range(number * ROWS // 4, (number + 1) * ROWS // 4))})
        pyarrow.parquet.write_table(rows, folder / "t" / f"{number}.parquet", row_group_size=1000)
    return folder


def sample(folder: Path, clause: str, **settings: object) -> list[int]:
    with sqlengine.connect(str(folder), **({"scheduler": "inline"} | settings)) as connection:
        return sorted(x for (x,) in connection.execute(f"SELECT x FROM t {clause}").fetchall())


@pytest.mark.parametrize("clause", SAMPLES)
def test_a_seeded_sample_is_the_same_however_it_is_drawn(folder: Path, clause: str) -> None:
    drawn = sample(folder, clause)
    assert 0 < len(drawn) < ROWS
    assert sample(folder, clause, batch_rows=97) == drawn
    assert sample(folder, clause, optimizer=False) == drawn
    assert sample(folder, clause, task_rows=1) == drawn
    assert sample(folder, clause, scheduler="threads", workers=2, inline_bytes=0) == drawn


@pytest.mark.parametrize("clause", SAMPLES)
def test_a_filter_above_a_sample_changes_no_draw(folder: Path, clause: str) -> None:
    drawn = sample(folder, clause)
    assert sample(folder, f"{clause} WHERE x >= 15000") == [x for x in drawn if x >= 15000]


def test_sizes_and_seeds(folder: Path) -> None:
    assert len(sample(folder, SAMPLES[2])) == 50
    assert len(sample(folder, SAMPLES[3])) == ROWS // 100
    # Five standard deviations about the mean of a binomial distribution.
    assert abs(len(sample(folder, SAMPLES[0])) - ROWS / 10) < 5 * (ROWS * 0.09) ** 0.5
    assert sample(folder, SAMPLES[2]) != sample(folder, SAMPLES[2].replace("7", "8"))
    # Whole blocks.
    blocks = {x // 2048 for x in sample(folder, SAMPLES[1])}
    assert len(sample(folder, SAMPLES[1])) > 2000 * (len(blocks) - 2)


def test_without_a_seed_every_query_draws_anew(folder: Path) -> None:
    drawn = {tuple(sample(folder, "TABLESAMPLE RESERVOIR(50 ROWS)")) for _ in range(3)}
    assert len(drawn) == 3


def test_draws_are_spread_evenly() -> None:
    function = find_scalar("__draw")
    assert function is not None
    positions = Vector.from_values(np.arange(100_000), None, BIGINT)
    for seed in (0, 1, 2**31 - 1):
        numbers = function.run([positions, Vector.from_literal(seed, BIGINT)], DOUBLE).values()
        counts = np.histogram(numbers, 100, (0, 1))[0]
        assert numbers.min() >= 0
        assert numbers.max() < 1
        # Chi-square with 99 degrees of freedom: beyond 170 once in a hundred thousand.
        assert ((counts - 1000) ** 2 / 1000).sum() < 170
        assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.02
