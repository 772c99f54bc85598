"""All schedulers: the same rows in the same order, the same errors, and survival of what befalls workers."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from sqlengine.errors import DivisionByZeroError, InternalError, QueryTimeoutError, WorkerError
from sqlengine.executor.context import QueryCancelled, QueryContext
from sqlengine.executor.failure import RemoteTraceback
from sqlengine.executor.pool import pool_memory, shared_pool
from tests.executor.plans import ActingTable, gathered, rows_of, shuffled

PROCESSES = pytest.param("processes", marks=pytest.mark.processes)
SCHEDULERS = pytest.mark.parametrize("scheduler", ["inline", "threads", PROCESSES])
PARALLEL = pytest.mark.parametrize("scheduler", ["threads", PROCESSES])


@SCHEDULERS
@pytest.mark.parametrize("make_plan", [gathered, shuffled])
def test_same_rows_in_the_same_order(scheduler: str, make_plan) -> None:
    plan = make_plan(ActingTable())
    rows = rows_of(plan, scheduler)
    assert len(rows) == 4000
    assert rows == rows_of(plan, "inline")
    assert sorted(rows, key=repr) == sorted(rows_of(gathered(ActingTable()), "inline"), key=repr)


def test_buckets_split_by_key() -> None:
    plan = shuffled(ActingTable())
    keys = [row[0] for row in rows_of(plan, "inline")]
    # Each key lies in one bucket: equal keys are not apart by rows of another bucket that holds them too.
    context = QueryContext("test")
    rows_of(plan, "inline", context)
    ends = [metrics.rows for metrics in context.metrics if metrics.stage == 1]
    seen: set[object] = set()
    start = 0
    for rows in ends:
        bucket = set(keys[start : start + rows])
        assert not bucket & seen
        seen |= bucket
        start += rows
    assert len(ends) == 5
    assert seen == set(range(101))


@SCHEDULERS
def test_limit_delivers_the_same_prefix(scheduler: str) -> None:
    assert len(rows_of(gathered(ActingTable(), limit=1500), scheduler)) == 2000


@pytest.mark.parametrize("scheduler", ["inline", PROCESSES])
def test_stuck_task_behind_a_limit_does_not_hold_the_query_up(scheduler: str) -> None:
    started = time.monotonic()
    rows = rows_of(gathered(ActingTable(at=1, action="stick"), limit=500), scheduler)
    assert len(rows) == 1000
    assert time.monotonic() - started < 10
    if scheduler == "processes":
        shared_pool(2).stop()


@SCHEDULERS
def test_error_comes_back_with_its_class_and_the_file(scheduler: str) -> None:
    with pytest.raises(DivisionByZeroError, match=r"division by zero\nwhile reading part-1.parquet") as caught:
        rows_of(shuffled(ActingTable(action="divide")), scheduler)
    if scheduler == "processes":
        assert isinstance(caught.value.__cause__, RemoteTraceback)
        assert "in act" in str(caught.value.__cause__)
    assert len(rows_of(gathered(ActingTable()), scheduler)) == 4000


@SCHEDULERS
def test_unknown_exception_is_an_internal_error_that_says_where(scheduler: str) -> None:
    expected = r"ValueError: never mind\nin stage 0 \(Scan\), task 1, reading part-1.parquet"
    with pytest.raises(InternalError, match=expected) as caught:
        rows_of(gathered(ActingTable(action="bug")), scheduler)
    assert caught.value.__cause__ is not None
    assert "never mind" in str(caught.value.__cause__)


@PARALLEL
def test_deadline_ends_a_query_whose_tasks_are_stuck(scheduler: str) -> None:
    rows_of(gathered(ActingTable()), scheduler)
    started = time.monotonic()
    context = QueryContext("test", deadline=started + 0.3)
    table = ActingTable(action="stick") if scheduler == "processes" else ActingTable(tasks=2000, rows=40_000)
    with pytest.raises(QueryTimeoutError):
        rows_of(gathered(table), scheduler, context)
    assert time.monotonic() - started < 1.5


@SCHEDULERS
def test_cancelled_query_raises_and_the_next_one_runs(scheduler: str) -> None:
    context = QueryContext("test")
    context.on_progress = lambda _: context.cancel.cancel()
    with pytest.raises(QueryCancelled):
        rows_of(shuffled(ActingTable(tasks=50)), scheduler, context)
    assert len(context.metrics) < 50
    assert len(rows_of(shuffled(ActingTable()), scheduler)) == 4000


@SCHEDULERS
def test_metrics_say_what_each_task_did(scheduler: str) -> None:
    context = QueryContext("test")
    rows_of(shuffled(ActingTable()), scheduler, context)
    scans = sorted((m for m in context.metrics if m.stage == 0), key=lambda m: m.task)
    assert [m.task for m in scans] == [0, 1, 2, 3]
    for metrics in scans:
        assert metrics.rows == 1000
        assert metrics.bytes > 16_000
        assert metrics.seconds > 0
        assert metrics.operators[0][0] == 1000


@pytest.mark.processes
@pytest.mark.parametrize("action", ["kill once", "kill twice"])
@pytest.mark.parametrize("make_plan", [gathered, shuffled])
def test_query_survives_the_death_of_a_worker(tmp_path: Path, action: str, make_plan) -> None:
    rows = rows_of(make_plan(ActingTable(action=action, marker=str(tmp_path))), "processes")
    assert len(list(tmp_path.iterdir())) == (1 if action == "kill once" else 2)
    assert rows == rows_of(make_plan(ActingTable()), "inline")


@pytest.mark.processes
def test_task_that_kills_every_worker_is_an_error_that_names_it() -> None:
    expected = r"stage 0 \(Scan\), task 1, reading part-1.parquet: .* died 3 times.* killed by SIGKILL"
    with pytest.raises(WorkerError, match=expected):
        rows_of(gathered(ActingTable(action="kill")), "processes")
    assert len(rows_of(gathered(ActingTable()), "processes")) == 4000


@pytest.mark.processes
def test_pool_is_reused_and_survives_the_death_of_everything() -> None:
    rows_of(gathered(ActingTable()), "processes")
    pool = shared_pool(2)
    before = {worker.pid for worker in pool.workers}
    rows_of(gathered(ActingTable()), "processes")
    assert {worker.pid for worker in pool.workers} == before
    assert set(pool_memory()) >= {"process-0", "process-1"}
    for pid in before:
        os.kill(pid, 9)
    assert len(rows_of(shuffled(ActingTable()), "processes")) == 4000
    pool._server._process.kill()
    assert len(rows_of(shuffled(ActingTable()), "processes")) == 4000
    pool.close()
    assert len(rows_of(shuffled(ActingTable()), "processes")) == 4000


@pytest.mark.processes
@pytest.mark.parametrize("how", ["to its end", "closed early", "error"])
def test_no_query_leaves_files(how: str) -> None:
    from sqlengine.config import default_settings
    from sqlengine.executor.execute import execute

    settings = default_settings({}).replaced({"workers": 2})
    table = ActingTable(action="divide" if how == "error" else "")
    batches = execute(shuffled(table), settings, QueryContext("test"))
    if how == "to its end":
        list(batches)
    elif how == "closed early":
        next(batches)
        batches.close()
    else:
        with pytest.raises(DivisionByZeroError):
            next(batches)
    for root in shared_pool(2).workspace._roots:
        assert list(root.iterdir()) == []
