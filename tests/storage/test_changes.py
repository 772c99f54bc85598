"""Files that change: while a query reads them that is an error, between two queries the next one sees it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

import sqlengine
from sqlengine.errors import FileFormatError, FileMissingError
from sqlengine.storage.dataset import open_table

ROWS = 5_000


def _write_json(table: pa.Table, path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))


def _write_hdf5(table: pa.Table, path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["k"] = np.asarray(table["k"])


WRITERS: dict[str, Callable[[pa.Table, Path], None]] = {
    "parquet": lambda table, path: pq.write_table(table, path, row_group_size=1000, compression="none"),
    "csv": pyarrow.csv.write_csv,
    "ndjson": _write_json,
    "arrow": lambda table, path: pyarrow.feather.write_feather(table, path, "uncompressed", chunksize=1000),
    "h5": _write_hdf5,
}


def write(path: Path, first: int) -> None:
    """A file of the same size for all numbers of the same length."""
    WRITERS[path.suffix[1:]](pa.table({"k": pa.array(range(first, first + ROWS))}), path)


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_that_changes_under_a_query_is_an_error(tmp_path: Path, kind: str, in_place: bool) -> None:
    path = tmp_path / f"t.{kind}"
    write(path, 10_000)
    os.utime(path, ns=(0, 1_500_000_000_000_000_000))
    table = open_table(str(path), None, {"task_rows": 1000, "split_bytes": 5000})
    tasks = table.plan_scan(["k"], []).tasks
    assert len(tasks) > 1 or kind == "arrow"
    list(table.read(tasks[0], ["k"], 100))
    # A split that has been begun.
    begun = table.read(tasks[-1], ["k"], 100)
    next(begun)
    changed = path if in_place else tmp_path / f"new.{kind}"
    write(changed, 50_000)
    os.replace(changed, path)
    for rest in (begun, table.read(tasks[-1], ["k"], 100)):
        with pytest.raises(FileFormatError, match=rf"t\.{kind}' changed while the query ran; run the query again"):
            list(rest)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_of_the_same_size_and_time_is_another_file(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever is remembered of big files is remembered of this one.
    monkeypatch.setattr("sqlengine.storage.column_cache.TABLE_BYTES", 0)
    monkeypatch.setattr("sqlengine.storage.column_cache._FILE_BYTES", 0)
    monkeypatch.setattr("sqlengine.storage.zone_maps.TABLE_BYTES", 0)
    monkeypatch.setattr("sqlengine.storage.zone_maps._FILE_BYTES", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / f"t.{kind}"
    connection = sqlengine.connect(scheduler="inline", split_bytes=5000)
    sizes = set()
    for first in (10_000, 50_000):
        write(path, first)
        os.utime(path, ns=(0, 1_500_000_000_000_000_000))
        sizes.add(path.stat().st_size)
        for _ in range(4):
            found = connection.execute(f"SELECT min(k), max(k), count(*) FROM '{path}' WHERE k < {first + 100}")
            assert found.fetchall() == [(first, first + 99, 100)]
    assert len(sizes) == 1


def test_a_registered_path_is_what_lies_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"k": [1, 2, 3]}), path)
    connection = sqlengine.connect(scheduler="inline")
    connection.register("one", "a.parquet")
    connection.register("several", [str(tmp_path / "*.parquet")])
    monkeypatch.chdir("/")
    for name in ("one", "several"):
        assert connection.execute(f"SELECT count(*) FROM {name}").fetchall() == [(3,)]
    pq.write_table(pa.table({"k": [0.5, 1.5]}), path)
    assert connection.execute("FROM one").fetchall() == [(0.5,), (1.5,)]
    pq.write_table(pa.table({"k": [2.5]}), tmp_path / "b.parquet")
    assert connection.execute("SELECT count(*), sum(k) FROM several").fetchall() == [(3, 4.5)]
    path.unlink()
    with pytest.raises(FileMissingError, match=r"a\.parquet"):
        connection.execute("SELECT count(*) FROM one")
    with pytest.raises(FileMissingError):
        connection.register("gone", str(path))
