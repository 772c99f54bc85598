"""The small parts of the runtime: directories, flags, shared values, tables on their way, errors on theirs."""

from __future__ import annotations

import gc
import os
import pickle
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest

from sqlengine.errors import (
    DataError,
    Error,
    FileFormatError,
    InternalError,
    MemoryBudgetError,
    OperationalError,
    QueryTimeoutError,
)
from sqlengine.executor import workspace
from sqlengine.executor.cancellation import CancelFlags, StageToken
from sqlengine.executor.context import Flag
from sqlengine.executor.failure import RemoteTraceback, as_error, describe_task, pack, unpack
from sqlengine.executor.shared import SharedValues
from sqlengine.executor.sharing import pickle_stages
from sqlengine.executor.workspace import Workspace
from sqlengine.planner.expressions import Column
from sqlengine.planner.physical import Gather, ScanExec, Stage, Task
from sqlengine.storage.memory import ArrowTable, MappedTable
from sqlengine.storage.table import Table
from sqlengine.types import SqlType, TypeKind
from tests.executor.plans import ActingTable, scan_stage


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    found = [tmp_path / "memory", tmp_path / "disk"]
    for place in found:
        place.mkdir()
    monkeypatch.setattr(workspace, "_places", lambda: found)
    return found


def test_workspace_is_private_and_leaves_nothing(places: list[Path]) -> None:
    space = Workspace()
    with space.query_directories("q1") as directories:
        assert [d.parents[2] for d in directories] == places
        for directory in directories:
            assert directory.stat().st_mode & 0o077 == 0
            assert directory.parent.parent.stat().st_mode & 0o077 == 0
        (directories[0] / "0-0.arrow").touch()
    assert not directories[0].exists()
    space.close()
    assert [list(place.iterdir()) for place in places] == [[], []]


def test_abandoned_directories_go_and_living_ones_stay(places: list[Path]) -> None:
    living = Workspace()
    abandoned = places[0] / f"sqlengine-{os.getuid()}" / "1-abc"
    (abandoned / "q").mkdir(parents=True)
    other = Workspace()
    assert not abandoned.exists()
    with living.query_directories("q"):
        pass
    other.close()
    with living.query_directories("q"):
        pass
    living.close()


def test_directory_of_somebody_else_is_refused(places: list[Path]) -> None:
    root = places[0] / f"sqlengine-{os.getuid()}"
    root.mkdir(mode=0o755)
    root.chmod(0o755)
    with pytest.raises(OperationalError, match="only you can open"):
        Workspace()
    root.rmdir()
    root.symlink_to(places[1])
    with pytest.raises(OperationalError, match="only you can open"):
        Workspace()


def test_flags_reach_those_who_opened_the_file(tmp_path: Path) -> None:
    flags = CancelFlags.create(tmp_path / "cancel", 3)
    seen = CancelFlags.open(tmp_path / "cancel")
    (tmp_path / "cancel").unlink()
    tokens = [StageToken(seen, stage) for stage in range(3)]
    flags.cancel_stage(1)
    assert [token.is_cancelled() for token in tokens] == [False, True, False]
    flags.cancel_query()
    assert all(token.is_cancelled() for token in tokens)
    assert StageToken(CancelFlags.in_process(1), 0, Flag(cancelled=True)).is_cancelled()


def test_shared_value_is_built_once() -> None:
    shared = SharedValues()
    built: list[int] = []

    def build() -> object:
        built.append(1)
        time.sleep(0.02)
        return object()

    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(shared.get("k", build))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert len(set(map(id, found))) == 1
    assert shared.get("other", lambda: None) is None


def test_shared_value_whose_builder_fails_is_built_by_the_next() -> None:
    shared = SharedValues()
    with pytest.raises(ZeroDivisionError):
        shared.get("k", lambda: 1 // 0)
    assert shared.get("k", lambda: 5) == 5


def scan_of(table: Table) -> Stage:
    column = Column(0, "n", SqlType(TypeKind.BIGINT))
    tasks = tuple(Task({0: task}) for task in table.plan_scan(["n"], []).tasks)
    return Stage(0, ScanExec(0, "t", table, (column,), ("n",), (column,), (), 1, 0), tasks, Gather())


def test_big_table_travels_as_a_file_that_goes_with_it(places: list[Path]) -> None:
    space = Workspace()
    table = ArrowTable("t", pa.table({"n": pa.array(range(300_000))}))
    stages = (scan_of(table),)
    packed = pickle_stages(stages, space)
    assert len(packed) < 10_000
    (stage,) = pickle.loads(packed)
    assert isinstance(stage.root.table, MappedTable)
    read = [b for task in stage.tasks for b in stage.root.table.read(task.inputs[0], ["n"], 100_000)]
    assert sum(b.num_rows for b in read) == 300_000
    path = Path(stage.root.table.path)
    changed = path.stat().st_mtime_ns
    pickle_stages(stages, space)
    assert path.stat().st_mtime_ns == changed
    path.unlink()
    pickle_stages(stages, space)
    assert path.exists()
    del table, stages
    gc.collect()
    assert not path.exists()
    space.close()


def test_small_table_travels_with_the_plan(places: list[Path]) -> None:
    space = Workspace()
    (stage,) = pickle.loads(pickle_stages((scan_of(ArrowTable("t", pa.table({"n": [1]}))),), space))
    assert isinstance(stage.root.table, ArrowTable)
    space.close()


STAGE = scan_stage(ActingTable(), Gather())


def test_errors_of_data_name_the_file_once() -> None:
    placed = as_error(DataError("bad value"), STAGE, 2)
    assert type(placed) is DataError
    assert placed.message == "bad value\nwhile reading part-2.parquet"
    known = FileFormatError("/data/part-2.parquet is truncated")
    assert as_error(known, STAGE, 2) is known
    late = QueryTimeoutError("too late")
    assert as_error(late, STAGE, 2) is late


def test_foreign_errors_become_ours() -> None:
    bug = as_error(KeyError("x"), STAGE, 0)
    assert type(bug) is InternalError
    assert bug.message == "KeyError: 'x'\nin stage 0 (Scan), task 0, reading part-0.parquet"
    assert isinstance(as_error(pa.ArrowMemoryError("malloc of size 1"), STAGE, 0), MemoryBudgetError)
    assert describe_task(STAGE, 1) == "stage 0 (Scan), task 1, reading part-1.parquet"


class _Unpicklable(Error):
    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.lock = threading.Lock()

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("no")


def test_errors_cross_processes_with_their_traceback() -> None:
    def fail(error: Error) -> bytes:
        try:
            raise error
        except Error as caught:
            return pack(caught)

    error = unpack(fail(DataError("bad value")))
    assert type(error) is DataError
    assert error.message == "bad value"
    assert isinstance(error.__cause__, RemoteTraceback)
    assert "in fail" in str(error.__cause__)
    assert unpack(fail(_Unpicklable("odd"))).message == "_Unpicklable: odd"
