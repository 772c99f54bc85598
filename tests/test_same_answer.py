"""Sums of doubles depend on the order of addition; ours come out with the same bits however the query runs."""

from __future__ import annotations

import struct
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet
import pytest

import sqlengine
from tests.properties.answers import exact

FILES, ROWS = 5, 4_000
SUMS = "SELECT sum(x), avg(x), sum(x) FILTER (WHERE k > 3), sum(x * x), avg(x / 3) FROM numbers"
GROUPED = "SELECT k, sum(x), avg(x), count(*), min(s), max(x) FROM numbers GROUP BY k"
UNORDERED = (
    "SELECT k, s, x FROM numbers WHERE x > 0",
    "SELECT DISTINCT k, s FROM numbers",
    GROUPED,
    "SELECT a.s, b.x FROM numbers a JOIN numbers b ON a.id = b.id + 1 WHERE a.k = 3",
    "SELECT k, count(DISTINCT s), sum(DISTINCT x) FROM numbers GROUP BY k",
    "SELECT s, x FROM numbers ORDER BY k LIMIT 50",
    "SELECT s FROM numbers WHERE k = 1 UNION SELECT s FROM numbers WHERE k = 2",
)
CONFIGURATIONS = [(scheduler, workers) for scheduler in ("threads", "processes") for workers in (1, 2, 3, 5)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`numbers`: doubles of very different size, so that every order of addition gives another sum."""
    rng = Random(7)
    target = tmp_path_factory.mktemp("same") / "numbers"
    target.mkdir()
    for number in range(FILES):
        table = pa.table(
            {
                "id": pa.array(range(number * ROWS, (number + 1) * ROWS), pa.int64()),
                "x": pa.array([rng.uniform(-1, 1) * 10 ** rng.randint(-8, 12) for _ in range(ROWS)], pa.float64()),
                "k": pa.array([rng.choice((None, *range(9))) for _ in range(ROWS)], pa.int32()),
                "s": pa.array([f"name {rng.randint(0, 300)}" for _ in range(ROWS)], pa.string()),
            }
        )
        pyarrow.parquet.write_table(table, target / f"part-{number}.parquet", row_group_size=500)
    return target.parent


def _connect(folder: Path, scheduler: str, workers: int) -> sqlengine.Connection:
    return sqlengine.connect(str(folder), scheduler=scheduler, workers=workers, inline_bytes=0, task_rows=700)


def _bits(rows: list[tuple[object, ...]]) -> list[bytes]:
    return [struct.pack("5d", *row) for row in rows]


def test_order_of_addition_matters_here(folder: Path) -> None:
    with _connect(folder, "inline", 1) as connection:
        values = [row[0] for row in connection.execute("SELECT x FROM numbers").fetchall()]
    assert sum(values) != sum(reversed(values))


@pytest.mark.parametrize(("scheduler", "workers"), CONFIGURATIONS)
def test_same_bits_and_same_order(folder: Path, scheduler: str, workers: int) -> None:
    with _connect(folder, "inline", 1) as inline, _connect(folder, scheduler, workers) as connection:
        assert _bits(connection.execute(SUMS).fetchall()) == _bits(inline.execute(SUMS).fetchall())
        for sql in UNORDERED:
            assert exact(connection.execute(sql).fetchall()) == exact(inline.execute(sql).fetchall()), sql
