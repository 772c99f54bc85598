"""A range of row numbers is read as such where a file can be cut at rows, and the same rows come from any file."""

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sqlengine
from sqlengine.storage.column_cache import COLUMNS
from sqlengine.storage.dataset import open_table
from sqlengine.storage.format import Split
from sqlengine.storage.splits import narrowed
from sqlengine.storage.statistics import within_bounds
from sqlengine.storage.table import Predicate, Table
from sqlengine.storage.zone_maps import Zone

ROWS = 1000
VALUES = np.arange(ROWS) * 3


def _hdf5(path: Path, **storage: object) -> str:
    with h5py.File(path, "w") as file:
        file.create_dataset("v", data=VALUES, **storage)
    return str(path)


def _arrow(path: Path, compression: str) -> str:
    pyarrow.feather.write_feather(pa.table({"v": VALUES}), path, compression=compression, chunksize=300)
    return str(path)


def _parquet(path: Path) -> str:
    pq.write_table(pa.table({"v": VALUES}), path, row_group_size=300)
    return str(path)


FILES: dict[str, tuple[Callable[[Path], str], bool]] = {
    "contiguous.h5": (_hdf5, True),
    "chunks.h5": (lambda path: _hdf5(path, chunks=(70,), compression="gzip"), True),
    "plain.arrow": (lambda path: _arrow(path, "uncompressed"), True),
    "packed.arrow": (lambda path: _arrow(path, "lz4"), True),
    "t.parquet": (_parquet, False),
}
RANGES = [(0, 0), (5, 9), (69, 70), (299, 300), (450, 999), (999, 5000), (-5, 1), (0, 999)]


def _read(table: Table, predicates: list[Predicate]) -> list[tuple[int, int]]:
    columns = ["v", "file_row_number"]
    batches = [batch for task in table.plan_scan(columns, predicates).tasks for batch in table.read(task, columns, 64)]
    return [row for batch in batches for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)]


@pytest.mark.parametrize("name", FILES)
def test_only_the_rows_of_a_range_are_read(tmp_path: Path, name: str) -> None:
    write, is_cut = FILES[name]
    table = open_table(write(tmp_path / name), options={"file_row_number": True, "split_bytes": 2000})
    for low, high in RANGES:
        between = [Predicate("file_row_number", ">=", (low,)), Predicate("file_row_number", "<", (high + 1,))]
        expected = [(int(VALUES[row]), row) for row in range(max(low, 0), min(high, ROWS - 1) + 1)]
        found = _read(table, between)
        assert [row for row in found if low <= row[1] <= high] == expected
        if is_cut:
            assert found == expected


@pytest.mark.parametrize("chunks", [None, (7, 5)])
def test_one_step_of_the_first_dimension_is_read(tmp_path: Path, chunks: tuple[int, int] | None) -> None:
    values = np.arange(300.0).reshape(30, 10)
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("m", data=values, chunks=chunks)
    table = open_table(str(path), options={"layout": "long"})
    for step in (0, 13, 29):
        (task,) = table.plan_scan(["value"], [Predicate("dim0", "in", (step,))]).tasks
        assert task.rows == 10
        found = [value for batch in table.read(task, ["value"], 100) for value in batch.column(0).to_pylist()]
        assert found == values[step].tolist()


def test_parts_are_neither_kept_nor_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("column_cache", "zone_maps"):
        monkeypatch.setattr(f"sqlengine.storage.{module}.TABLE_BYTES", 0)
        monkeypatch.setattr(f"sqlengine.storage.{module}._FILE_BYTES", 0)
    noted: list[Zone] = []
    monkeypatch.setattr("sqlengine.executor.driver.keep_zones", noted.extend)
    path = _hdf5(tmp_path / "t.h5", chunks=(70,), compression="gzip")
    os.utime(path, (0, 10**9))
    COLUMNS.close()
    with sqlengine.connect(scheduler="inline") as connection:
        sql = f"SELECT sum(v), count(*) FROM '{path}' WHERE file_row_number BETWEEN 3 AND 12"
        expected = (int(VALUES[3:13].sum()), 10)
        assert [connection.execute(sql).fetchone() for _ in range(3)] == [expected] * 3
        assert (COLUMNS.size, noted) == (0, [])
        for _ in range(2):
            assert connection.execute(f"SELECT sum(v) FROM '{path}'").fetchall() == [(int(VALUES.sum()),)]
        assert COLUMNS.size > 8 * ROWS
        assert noted
    COLUMNS.close()


@given(
    st.sampled_from(["=", "in", "<", "<=", ">", ">=", "<>"]),
    st.lists(st.integers(-3, 12), min_size=1, max_size=3),
    st.integers(0, 5),
    st.integers(0, 5),
)
def test_bounds_hold_all_that_satisfies(op: str, values: list[int], low: int, more: int) -> None:
    chosen = tuple(values) if op == "in" else (values[0],)
    tests = {
        "=": lambda x: x == values[0],
        "in": lambda x: x in values,
        "<": lambda x: x < values[0],
        "<=": lambda x: x <= values[0],
        ">": lambda x: x > values[0],
        ">=": lambda x: x >= values[0],
        "<>": lambda x: x != values[0],
    }
    first, last = within_bounds(Predicate("k", op, chosen), low, low + more)
    satisfying = [x for x in range(low, low + more + 1) if tests[op](x)]
    assert all(first <= x <= last for x in satisfying)
    if op not in ("in", "<>"):
        assert satisfying == list(range(first, last + 1))


@given(st.integers(0, 40), st.integers(-5, 50), st.integers(-5, 50), st.integers(1, 4))
def test_a_part_has_the_steps_of_the_rows_asked_for(start: int, low: int, high: int, step: int) -> None:
    split = Split("f", start, start + 7, 7 * step, 700, True, 11, step)
    part = narrowed(split, range(low, high))
    rows = set(range(part.first_row, part.first_row + part.rows))
    assert rows
    assert rows >= set(range(11, 11 + split.rows)) & set(range(low, high))
    assert rows <= set(range(11, 11 + split.rows))
    assert part.first_row - 11 == (part.start - start) * step
    assert part.rows == (part.stop - part.start) * step
    assert part.is_part == (part != split)
    assert narrowed(Split("f", 0, 1, 7, 700), range(low, high)) == Split("f", 0, 1, 7, 700)
