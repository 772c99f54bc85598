"""Decoded columns are kept from the second reading on: the same answers, never stale, within the budget."""

from __future__ import annotations

import datetime
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

import sqlengine
from sqlengine.errors import InternalError, SettingError
from sqlengine.executor.pool import shared_pool
from sqlengine.storage.column_cache import COLUMNS, ColumnCache, SplitColumns
from sqlengine.storage.format import Split
from sqlengine.storage.table import CacheUse, ScanReport
from sqlengine.types import BIGINT

ROWS = 9_000
FORMATS = ("csv", "ndjson", "parquet", "h5", "arrow")


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty cache that is meant for small tables, too."""
    COLUMNS.close()
    monkeypatch.setattr("sqlengine.storage.column_cache.TABLE_BYTES", 0)
    yield
    COLUMNS.close()


def _table() -> pa.Table:
    numbers = range(ROWS)
    return pa.table(
        {
            "k": pa.array(numbers, pa.int64()),
            "x": pa.array([None if k % 7 == 0 else k / 3 for k in numbers]),
            "s": pa.array([None if k % 5 == 0 else f"text {k % 50}" for k in numbers]),
            "long": pa.array([f"text number {k}" for k in numbers]),
        }
    )


def _write(folder: Path, kind: str) -> Path:
    path = folder / f"t.{kind}"
    table = _table()
    if kind == "csv":
        pyarrow.csv.write_csv(table, path)
    elif kind == "ndjson":
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    elif kind == "parquet":
        pq.write_table(table, path, row_group_size=2000)
    elif kind == "arrow":
        pyarrow.feather.write_feather(table, path, compression="lz4", chunksize=2000)
    else:
        import h5py

        with h5py.File(path, "w") as file:
            for name in ("k", "x"):
                file.create_dataset(name, data=table[name].fill_null(0).to_numpy(), chunks=(1000,))
            file.create_dataset("s", data=[text or "" for text in table["s"].to_pylist()], chunks=(1000,))
    _age(path)
    return path


def _age(path: Path, seconds: int = 60) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - seconds * 10**9))


def _connect(scheduler: str = "inline", **settings: object) -> sqlengine.Connection:
    changes = {"split_bytes": 100_000, "task_rows": 3_000, "inline_bytes": 0, "column_cache": "1GB", **settings}
    return sqlengine.connect(scheduler=scheduler, **changes)


def _cached(connection: sqlengine.Connection, sql: str) -> tuple[int, int]:
    """Splits that came from the cache, and all of them."""
    ((text,),) = connection.execute(f"EXPLAIN ANALYZE {sql}").fetchall()
    found = re.search(r"cache: (\d+) of (\d+) splits", str(text))
    return (int(found[1]), int(found[2])) if found else (0, 0)


@pytest.mark.parametrize("kind", FORMATS)
def test_answers_are_the_same_and_come_from_the_cache(tmp_path: Path, kind: str) -> None:
    path = _write(tmp_path, kind)
    queries = [
        f"SELECT sum(x), count(x), sum(k), count(*), count(s), min(s) FROM '{path}'",
        f"SELECT s, sum(x), count(*) FROM '{path}' WHERE k % 3 = 1 GROUP BY s ORDER BY s",
        f"SELECT * FROM '{path}' WHERE k IN (1, 17, 8999) ORDER BY k",
        f"SELECT count(*) FROM '{path}'",
    ]
    with _connect(column_cache="off") as plain, _connect(batch_rows=1500) as cached:
        for sql in queries:
            expected = plain.execute(sql).fetchall()
            for _ in range(3):
                assert cached.execute(sql).fetchall() == expected, sql
        assert COLUMNS.size > 0
        hits, splits = _cached(cached, queries[0])
        assert hits == splits > 0
        assert _cached(plain, queries[0]) == (0, 0)


def test_nothing_is_kept_before_the_second_reading(tmp_path: Path) -> None:
    path = _write(tmp_path, "parquet")
    sql = f"SELECT sum(x) FROM '{path}'"
    with _connect() as connection:
        connection.execute("EXPLAIN " + sql)
        connection.execute(sql)
        assert COLUMNS.size == 0
        connection.execute(sql)
        assert COLUMNS.size > 8 * ROWS
        first = COLUMNS.size
        # k is new: x comes from the cache, and fits the rows of k.
        rows = connection.execute(f"SELECT k, x FROM '{path}' ORDER BY k").fetchall()
        assert rows == list(zip(*(_table()[name].to_pylist() for name in ("k", "x")), strict=True))
        assert COLUMNS.size == first
        assert connection.execute(f"SELECT k, x FROM '{path}' ORDER BY k").fetchall() == rows
        assert COLUMNS.size > first
        assert _cached(connection, f"SELECT k, x FROM '{path}'")[0] == 5


@pytest.mark.parametrize("kind", ["h5", "arrow"])
def test_what_files_hold_as_memory_does_is_not_kept(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"t.{kind}"
    table = _table().select(["k", "long"])
    if kind == "arrow":
        pyarrow.feather.write_feather(table, path, compression="uncompressed", chunksize=2000)
    else:
        import h5py

        with h5py.File(path, "w") as file:
            file["k"], file["long"] = table["k"].to_numpy(), table["long"].to_pylist()
    _age(path)
    with _connect() as connection:
        for _ in range(3):
            assert connection.execute(f"SELECT sum(k) FROM '{path}'").fetchall() == [(sum(range(ROWS)),)]
        assert COLUMNS.size == 0
        ((text,),) = connection.execute(f"EXPLAIN ANALYZE SELECT sum(k) FROM '{path}'").fetchall()
        assert "nothing to decode" in text
        for _ in range(3):
            (row,) = connection.execute(f"SELECT sum(k), min(long) FROM '{path}'").fetchall()
            assert row == (sum(range(ROWS)), "text number 0")
        # Text is: its offsets and bytes are looked through, or it lies in heaps.
        assert 13 * ROWS < COLUMNS.size < 30 * ROWS
        hits, splits = _cached(connection, f"SELECT sum(k), min(long) FROM '{path}'")
        assert hits == splits > 0


def test_every_type_survives(tmp_path: Path) -> None:
    count = 3000
    moment = datetime.datetime(2020, 2, 29, 23, 59, 59, 999999)
    values = {
        "b": [True, False, None],
        "d": [Decimal("1.50"), None, Decimal("-99999999999999.99")],
        "day": [datetime.date(1, 1, 1), None, datetime.date(9999, 12, 31)],
        "ts": [moment, None, datetime.datetime(1, 1, 1)],
        "list": [[1, None], None, []],
        "struct": [{"a": 1, "b": "x"}, None, {"a": None, "b": ""}],
        "blob": [b"\0\xff", b"", None],
        "nothing": [None, None, None],
    }
    table = pa.table({name: each * count for name, each in values.items()} | {"k": list(range(3 * count))})
    path = tmp_path / "t.parquet"
    pq.write_table(table, path, row_group_size=4000, compression="none")
    _age(path)
    with _connect() as connection:
        found = [connection.execute(f"SELECT * FROM '{path}' ORDER BY k").fetchall() for _ in range(3)]
        assert _cached(connection, f"SELECT * FROM '{path}'")[0] == 3
    assert found[0] == found[1] == found[2]


def test_workers_share_what_they_keep(tmp_path: Path) -> None:
    path = _write(tmp_path, "csv")
    sql = f"SELECT s, sum(x), count(*) FROM '{path}' GROUP BY s ORDER BY s"
    with _connect("processes", workers=2) as connection, _connect("threads", workers=2) as threads:
        answers = [connection.execute(sql).fetchall() for _ in range(3)]
        assert answers[0] == answers[1] == answers[2] == threads.execute(sql).fetchall()
        hits, splits = _cached(connection, sql)
        assert hits == splits > 1
        assert _cached(threads, sql) == (hits, splits)


@pytest.mark.processes
@pytest.mark.skipif(sys.platform != "linux", reason="tells mappings by /proc")
def test_memory_of_columns_that_went_is_given_back(tmp_path: Path) -> None:
    path = _write(tmp_path, "csv")
    sql = f"SELECT s, sum(x), count(*) FROM '{path}' GROUP BY s ORDER BY s"
    for scheduler in ("inline", "processes"):
        with _connect(scheduler, workers=2) as connection:
            for _ in range(4):
                connection.execute(sql)
            workers = [worker.pid for worker in shared_pool(2).workers]
            pids = workers if scheduler == "processes" else [os.getpid()]
            assert sum(map(_mapped_columns, pids)) > 0
            connection.execute("SET column_cache = 'off'")
            # Workers hear of it with their next task.
            for _ in range(2):
                connection.execute(sql)
            assert sum(map(_mapped_columns, pids)) == 0


def _mapped_columns(pid: int) -> int:
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return sum("/dev/shm/sqlengine-" in line and re.search(r"/[0-9a-f]{32}( |$)", line) is not None for line in lines)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = _write(tmp_path, "csv")
    sql = f"SELECT count(*) FROM '{path}' WHERE s = 'text 49'"
    with _connect(zone_maps=False) as connection:
        for _ in range(3):
            assert connection.execute(sql).fetchall() == [(180,)]
        path.write_bytes(path.read_bytes().replace(b'"text 48"', b'"text 49"'))
        _age(path, 30)
        for _ in range(3):
            assert connection.execute(sql).fetchall() == [(360,)]
        # Too young to be kept: it could change again and look the same.
        os.utime(path, ns=(0, 2**62))
        for _ in range(3):
            assert connection.execute(sql).fetchall() == [(360,)]
        assert _cached(connection, sql) == (0, 0)


def test_what_has_been_removed_is_read_again(tmp_path: Path) -> None:
    path = _write(tmp_path, "parquet")
    sql = f"SELECT sum(x), max(s) FROM '{path}'"
    with _connect() as connection:
        answers = [connection.execute(sql).fetchall() for _ in range(3)]
        COLUMNS.shrink(0)
        assert COLUMNS.size == 0
        answers += [connection.execute(sql).fetchall() for _ in range(2)]
        assert _cached(connection, sql)[0] == 5
        connection.execute("SET column_cache = 'off'")
        assert COLUMNS.size == 0
        answers.append(connection.execute(sql).fetchall())
    assert all(answer == answers[0] for answer in answers)


def test_the_budget_is_kept(tmp_path: Path) -> None:
    path = _write(tmp_path, "parquet")
    budget = 200_000
    with _connect(column_cache=budget) as connection:
        for columns in ("sum(k)", "sum(k), sum(x)", "sum(k), sum(x), max(long)", "max(long)"):
            expected = connection.execute(f"SELECT {columns} FROM '{path}'").fetchall()
            for _ in range(3):
                assert connection.execute(f"SELECT {columns} FROM '{path}'").fetchall() == expected
                assert COLUMNS.size <= budget
    assert COLUMNS.size > 0
    with _connect(memory_limit=10_000_000, column_cache="100%") as connection:
        from sqlengine.storage.files.access import FileAccess

        assert FileAccess.of(connection._session.settings).column_cache == 10_000_000


def test_least_lately_used_columns_go_first() -> None:
    cache = ColumnCache()

    def note(table: str, used: list[str], added: list[tuple[str, int]]) -> None:
        cache.note(ScanReport(table=table, columns=("c",), budget=100, used=used, added=added))

    note("t", [], [("a", 40), ("b", 40)])
    note("t", ["a"], [])
    note("u", [], [("c", 40)])
    assert list(cache._entries) == ["a", "c"]
    assert cache.size == 80
    note("u", [], [("c", 50), ("d", 200)])
    assert cache.size == 0


def test_columns_of_different_lengths_are_never_put_together(tmp_path: Path) -> None:
    path = _write(tmp_path, "csv")
    split = Split(str(path), 0, 100, 3, 100)
    use = CacheUse("t", 1 << 20, str(tmp_path), ("a", "b"), 1 << 20)
    columns = SplitColumns(use, "scope", {"a": BIGINT, "b": BIGINT}, ScanReport())

    def rows(names: Sequence[str], count: int) -> list[int]:
        def read(names: Sequence[str]) -> Iterator[pa.RecordBatch]:
            yield pa.RecordBatch.from_arrays([pa.array(range(count))] * len(names), names=list(names))

        return [batch.num_rows for batch in columns.each(split, names, read, 2)]

    assert rows(["a"], 3) == [3]
    assert rows(["a"], 0) == [1, 2]
    with pytest.raises(InternalError, match="different numbers of rows"):
        rows(["a", "b"], 4)
    with pytest.raises(InternalError, match="different numbers of rows"):
        rows(["b", "a"], 2)


def test_settings() -> None:
    with _connect() as connection:
        for value in ("25%", "off", "512MB", 0, False, 1_000_000):
            connection._session.change_setting("column_cache", value)
        for wrong in ("many", "-5", "0.0%", "101%", "x%"):
            with pytest.raises(SettingError, match="column_cache"):
                connection._session.change_setting("column_cache", wrong)


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no shared memory")
def test_nothing_is_left_behind(tmp_path: Path) -> None:
    path = _write(tmp_path, "parquet")
    program = f"""
import sqlengine
from sqlengine.storage import column_cache
column_cache.TABLE_BYTES = 0
with sqlengine.connect(scheduler="inline") as connection:
    for _ in range(2):
        connection.execute("SELECT sum(x) FROM '{path}'").fetchall()
print(column_cache.COLUMNS._folder, column_cache.COLUMNS._folder.exists(), column_cache.COLUMNS.size)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    folder, existed, size = done.stdout.split()
    assert existed == "True"
    assert int(size) > 0
    assert not Path(folder).exists()
