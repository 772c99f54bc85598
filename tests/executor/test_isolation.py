"""Readers in workers: a crash in one costs one error, and the session lives."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sqlengine
from sqlengine.errors import FileFormatError, FileMissingError, SettingError, WorkerError
from sqlengine.executor.isolation import call_in_worker
from sqlengine.executor.pool import shared_pool
from sqlengine.storage.files.access import FileAccess, current_access
from sqlengine.storage.files.isolation import Look
from sqlengine.storage.filesystem import file_info

pytestmark = pytest.mark.processes


def test_a_reader_that_crashes_costs_one_error() -> None:
    crash = Look("'bad.h5'", FileAccess(), None, ctypes.string_at, (0,))
    with pytest.raises(WorkerError, match=r"reading 'bad\.h5' crashed 2 worker processes.*SIGSEGV.*damaged"):
        call_in_worker(2, crash)
    assert call_in_worker(2, Look("", FileAccess(), None, os.getpid, ())) in [w.pid for w in shared_pool(2).workers]
    with pytest.raises(FileMissingError, match="gone"):
        call_in_worker(2, Look("", FileAccess(), None, file_info, ("/gone",)))


def test_looks_take_their_access_along() -> None:
    access = FileAccess(roots=("/x",), compression="zstd")
    assert call_in_worker(2, Look("", access, None, current_access, ())) == access


def test_every_look_at_a_file_is_a_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(pa.table({"i": list(range(1000)), "k": [1] * 1000}), tmp_path / "a.parquet", row_group_size=100)
    (tmp_path / "b.csv").write_text("i,s\n1,x\n2,y\n")
    (tmp_path / "c.ndjson").write_text('{"i": 1, "l": [1]}\n')
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and then nothing PAR1")
    expected = {
        f"SELECT sum(i), count(*) FROM '{tmp_path}/a.parquet' WHERE i < 150": [(11175, 150)],
        f"SELECT s FROM '{tmp_path}/b.csv' WHERE i = 2": [("y",)],
        f"SELECT i, l FROM '{tmp_path}/c.ndjson'": [(1, [1])],
        "SELECT 1": [(1,)],
        "SELECT sum(range) FROM range(10)": [(45,)],
    }
    connection = sqlengine.connect(workers=2, isolate_readers=True)

    # Whatever opened a file here would be seen.
    def guarded(path: str, *arguments: object) -> object:
        assert not path.startswith(str(tmp_path)), f"{path} is opened in the coordinator"
        return original(path, *arguments)

    original = pa.memory_map
    monkeypatch.setattr(pa, "memory_map", guarded)
    for sql, rows in expected.items():
        assert connection.execute(sql).fetchall() == rows
    with pytest.raises(FileFormatError, match=r"bad\.parquet"):
        connection.execute(f"FROM '{tmp_path}/bad.parquet'")
    assert connection.execute(f"SELECT count(*) FROM '{tmp_path}/a.parquet'").fetchall() == [(1000,)]
    for scheduler in ("inline", "threads"):
        connection.set("scheduler", scheduler)
        with pytest.raises(SettingError, match="scheduler = 'processes'"):
            connection.execute(f"FROM '{tmp_path}/a.parquet'")
        assert connection.execute("SELECT 1").fetchall() == [(1,)]
