"""Files of a COPY appear all at once or not at all, whatever happens to the processes that write them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import sqlengine
from sqlengine.errors import DivisionByZeroError, OperationalError, QueryInterruptedError, WorkerError
from sqlengine.storage import joining, output_files, parquet_joining
from sqlengine.storage.filesystem import list_files
from tests.executor.plans import ActingTable

TARGETS = {
    "file": "'out.csv'",
    "folder": "'out/' (FORMAT parquet)",
    "partitions": "'out' (FORMAT csv, PARTITION_BY (text))",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "here").mkdir()
    (tmp_path / "marker").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def connect(scheduler: str, table: ActingTable) -> sqlengine.Connection:
    connection = sqlengine.connect(scheduler=scheduler, workers=2, inline_bytes=0)
    connection._session.catalog._registered["acting"] = ("acting", table)
    return connection


def rows(connection: sqlengine.Connection, source: str) -> list[tuple[object, ...]]:
    return connection.execute(f"SELECT key, value, text FROM {source} ORDER BY ALL").fetchall()


@pytest.mark.processes
@pytest.mark.parametrize("target", TARGETS)
def test_a_worker_that_dies_leaves_no_trace(target: str, here: Path) -> None:
    connection = connect("processes", ActingTable(action="kill once", marker=str(here.parent / "marker")))
    assert connection.execute(f"COPY acting TO {TARGETS[target]}").fetchall() == [(4000,)]
    assert os.listdir(here.parent / "marker")
    assert os.listdir(here) == ["out.csv" if target == "file" else "out"]
    written = "'out.csv'" if target == "file" else "'out'"
    assert rows(connection, written) == rows(connection, "acting")


@pytest.mark.processes
def test_a_task_that_kills_every_worker_leaves_nothing(here: Path) -> None:
    with pytest.raises(WorkerError):
        connect("processes", ActingTable(action="kill")).execute("COPY acting TO 'out/' (FORMAT parquet)")
    assert os.listdir(here) == []


@pytest.mark.parametrize("scheduler", ["inline", "threads", pytest.param("processes", marks=pytest.mark.processes)])
@pytest.mark.parametrize("target", TARGETS)
def test_an_error_leaves_what_was_there(target: str, scheduler: str, here: Path) -> None:
    before = {"file": here / "out.csv", "folder": here / "out" / "old.parquet", "partitions": here / "out" / "old"}
    before[target].parent.mkdir(exist_ok=True)
    before[target].write_text("old")
    statement = f"COPY acting TO {TARGETS[target]}"
    if target != "file":
        statement = statement[:-1] + ", OVERWRITE)"
    with pytest.raises(DivisionByZeroError):
        connect(scheduler, ActingTable(action="divide")).execute(statement)
    assert [path for path in here.rglob("*") if path.is_file()] == [before[target]]
    assert before[target].read_text() == "old"


@pytest.mark.processes
def test_interrupted(here: Path) -> None:
    marker = here.parent / "marker"
    connection = connect("processes", ActingTable(action="announce and stick", marker=str(marker)))

    def interrupt() -> None:
        while not list(marker.iterdir()):
            time.sleep(0.01)
        seen.extend(os.listdir(here))
        connection.interrupt()

    seen: list[str] = []
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(QueryInterruptedError):
        connection.execute("COPY acting TO 'out/' (FORMAT csv)")
    thread.join()
    assert [name.startswith(".tmp-") for name in seen] == [True]
    assert os.listdir(here) == []


@pytest.mark.parametrize("target", ["'out.csv'", "'out.parquet' (ROW_GROUP_SIZE 500)"])
def test_interrupted_while_parts_are_joined(target: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connect("inline", ActingTable())
    copied = joining.copy_bytes

    def interrupting(*arguments: Any) -> None:
        copied(*arguments)
        connection.interrupt()

    for module in (joining, parquet_joining):
        monkeypatch.setattr(module, "copy_bytes", interrupting)
    with pytest.raises(QueryInterruptedError):
        connection.execute(f"COPY acting TO {target}")
    assert os.listdir(here) == []


def test_a_killed_process_leaves_what_the_next_copy_clears_away(here: Path) -> None:
    code = """
import sqlengine
rows = "SELECT range, md5(range::VARCHAR) FROM range(50_000_000)"
sqlengine.connect(scheduler="inline").execute(f"COPY ({rows}) TO 'out/'")
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not any(here.glob(".tmp-*/parts/*")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with sqlengine.connect(scheduler="inline") as connection:
        connection.execute("COPY (SELECT 1 a) TO 'other.csv'")
        assert len(list(here.glob(".tmp-*"))) == 1, "the folder of a process that runs is its own"
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert [Path(file.path).name for file in list_files(str(here))] == ["other.csv"]
        connection.execute("COPY (SELECT 2 a) TO 'other.csv'")
    assert os.listdir(here) == ["other.csv"]
    assert (here / "other.csv").read_text() == "a\n2\n"


def test_a_folder_is_put_back_if_its_replacement_was_killed_in_between(here: Path) -> None:
    hidden = here / f".tmp-{'0' * 32}"
    (hidden / "parts").mkdir(parents=True)
    (hidden / "old" / "out").mkdir(parents=True)
    (hidden / "old" / "out" / "data.csv").write_text("a\n1\n")
    (here / ".tmp-mine" / "parts").mkdir(parents=True)
    with sqlengine.connect(scheduler="inline") as connection:
        connection.execute("COPY (SELECT 1 a) TO 'other.csv'")
        assert connection.execute("FROM 'out'").fetchall() == [(1,)]
    assert sorted(os.listdir(here)) == [".tmp-mine", "other.csv", "out"]


def test_publishing_that_fails_is_undone(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = sqlengine.connect(scheduler="inline")
    sql = "COPY (SELECT range a, range % 3 b FROM range(9)) TO 'out' (PARTITION_BY (b)"
    connection.execute(f"{sql})")
    before = sorted(here.rglob("*"))
    replaced = os.replace

    def failing(source: str, target: str) -> None:
        if "b=2" in str(target):
            raise OSError(28, "No space left on device")
        replaced(source, target)

    monkeypatch.setattr(output_files.os, "replace", failing)
    for mode in ("APPEND", "OVERWRITE"):
        with pytest.raises(OperationalError, match="No space left"):
            connection.execute(f"{sql}, {mode})")
        assert sorted(here.rglob("*")) == before


def test_a_query_may_read_what_it_replaces(here: Path) -> None:
    connection = sqlengine.connect(scheduler="inline")
    connection.execute("COPY (SELECT range a FROM range(1000)) TO 'a.parquet'")
    connection.execute("COPY (SELECT a + 1 AS a FROM 'a.parquet') TO 'a.parquet'")
    assert connection.execute("SELECT min(a), max(a), count(*) FROM 'a.parquet'").fetchall() == [(1, 1000, 1000)]
    connection.execute("COPY (SELECT a, a % 2 b FROM 'a.parquet') TO 'out' (FORMAT parquet, PARTITION_BY (b))")
    connection.execute("COPY (SELECT a * 2 AS a, b FROM 'out') TO 'out' (FORMAT parquet, PARTITION_BY (b), OVERWRITE)")
    assert connection.execute("SELECT b, sum(a) FROM 'out' GROUP BY b ORDER BY b").fetchall() == [
        (0, 501000),
        (1, 500000),
    ]


def test_what_is_appended_at_the_same_time_is_all_there(here: Path) -> None:
    def append(number: int) -> None:
        with sqlengine.connect(scheduler="inline") as connection:
            connection.execute(f"COPY (SELECT {number} AS k) TO 'out/' (FORMAT csv, APPEND)")

    threads = [threading.Thread(target=append, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(os.listdir(here / "out")) == [f"data_{number}.csv" for number in range(8)]
    assert rows_of(here, "out") == [(number,) for number in range(8)]


def rows_of(here: Path, source: str) -> list[tuple[object, ...]]:
    with sqlengine.connect(scheduler="inline") as connection:
        return connection.execute(f"FROM '{here / source}' ORDER BY ALL").fetchall()


def test_overwrite_modes(here: Path) -> None:
    connection = sqlengine.connect(scheduler="inline")

    def copy(value: int, rest: str = "") -> None:
        connection.execute(f"COPY (SELECT {value} a) TO 'out/' (FORMAT csv{rest})")

    def held() -> dict[str, str]:
        return {path.name: path.read_text() for path in (here / "out").iterdir()}

    copy(1)
    (here / "out" / "mine.txt").write_text("mine")
    with pytest.raises(OperationalError, match="not empty"):
        copy(2)
    copy(3, ", APPEND")
    assert held() == {"data_0.csv": "a\n1\n", "data_1.csv": "a\n3\n", "mine.txt": "mine"}
    copy(4, ", OVERWRITE_OR_IGNORE")
    assert held() == {"data_0.csv": "a\n4\n", "data_1.csv": "a\n3\n", "mine.txt": "mine"}
    copy(5, ", OVERWRITE")
    assert held() == {"data_0.csv": "a\n5\n"}
    with pytest.raises(OperationalError, match="would remove"):
        connection.execute("COPY (SELECT 1 a) TO '../here/' (FORMAT csv, OVERWRITE)")
    assert held() == {"data_0.csv": "a\n5\n"}


FULL_DISK = """
import os, resource, sqlengine
from sqlengine.errors import OperationalError

connection = sqlengine.connect(scheduler="inline", task_rows=1)
rows = "SELECT range AS a, md5(range::VARCHAR) AS b FROM range(262_144)"
connection.execute(f"COPY ({rows} LIMIT 10) TO 'warm.parquet'")
everything = ("a.csv", "a.json.gz", "a.csv.zst", "a.parquet", "a.arrow", "a.h5")
# With the second limit each of two parts has room, but not the file that they become.
for limit, targets in ((1 << 20, everything), (5_500_000, ("a.csv", "a.parquet"))):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    for target in targets:
        try:
            connection.execute(f"COPY ({rows}) TO '{target}'")
        except OperationalError as error:
            assert f"'{target}' cannot be written: File too large" in error.message, error.message
        else:
            raise AssertionError(f"{target} was written")
        assert os.listdir() == ["warm.parquet"], os.listdir()
"""


def test_a_full_disk_is_an_error_in_every_format(here: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK], capture_output=True, text=True, cwd=here)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
