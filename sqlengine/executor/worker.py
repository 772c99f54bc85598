"""A worker process: runs the tasks it is sent, one at a time, until its connection closes."""

from __future__ import annotations

import contextlib
import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import assert_never

import pyarrow as pa

from sqlengine.errors import Error, InternalError
from sqlengine.executor.cancellation import CancelFlags, StageToken
from sqlengine.executor.context import MemoryAccount, QueryCancelled, TaskContext, TaskMetrics
from sqlengine.executor.failure import pack
from sqlengine.executor.segments import SegmentExchange
from sqlengine.executor.task import Assignment, QueryState, run_task
from sqlengine.planner.physical import Stage

FLAGS = "cancel"


@dataclass(frozen=True, slots=True)
class OpenQuery:
    """Tasks of this query will follow. `stages` is pickled by itself: an error in it is an error of the query.

    `path` is the coordinator's `sys.path`, which may have grown since the workers started.
    """

    query: str
    worker: str
    path: tuple[str, ...]
    stages: bytes
    directories: tuple[Path, ...]
    memory_limit: int | None
    batch_rows: int
    deadline: float | None


@dataclass(frozen=True, slots=True)
class RunTask:
    """Run a task of the open query; `available` as in `Assignment`."""

    stage: int
    task: int
    available: Mapping[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class CloseQuery:
    """Forget the open query."""


@dataclass(frozen=True, slots=True)
class Call:
    """Make the pickled `call`, which concerns no query, and say what it `Returned`."""

    call: bytes


@dataclass(frozen=True, slots=True)
class Returned:
    """The pickled value of a `Call`, or the error that it raised, as `failure.pack` made it."""

    value: bytes
    error: bytes | None = None


Request = OpenQuery | RunTask | CloseQuery | Call


@dataclass(frozen=True, slots=True)
class Reply:
    """The end of a task: metrics, or an error as `failure.pack` made it, or None if it was cancelled."""

    query: str
    stage: int
    task: int
    outcome: TaskMetrics | bytes | None


class _Query:
    """The query a worker is working on. Made when its first task runs: until then its coordinator may give it up."""

    def __init__(self, request: OpenQuery) -> None:
        self._request = request
        sys.path[:] = request.path
        self._flags = CancelFlags.open(request.directories[0] / FLAGS)
        self._state = QueryState(SegmentExchange(request.directories))
        self._stages: dict[int, Stage] = {stage.id: stage for stage in pickle.loads(request.stages)}

    def run(self, request: RunTask) -> TaskMetrics:
        context = TaskContext(
            StageToken(self._flags, request.stage),
            MemoryAccount(self._request.memory_limit),
            self._request.batch_rows,
            self._request.deadline,
        )
        assignment = Assignment(self._stages[request.stage], request.task, request.available)
        return run_task(assignment, self._state, context, self._request.worker)


def work(connection: Connection) -> None:
    """Serve one coordinator until it closes the connection or is gone."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    opened: OpenQuery | None = None
    query: _Query | None = None
    with contextlib.suppress(EOFError, OSError):
        while True:
            request: Request = connection.recv()
            match request:
                case OpenQuery():
                    opened, query = request, None
                case RunTask():
                    assert opened is not None
                    outcome: TaskMetrics | bytes | None
                    try:
                        query = query or _Query(opened)
                        outcome = query.run(request)
                    except QueryCancelled:
                        outcome = None
                    except Error as error:
                        outcome = pack(error)
                    except Exception as error:
                        # Only what run_task is not responsible for: the query could not be opened.
                        outcome = pack(_unopened(error))
                    connection.send(Reply(opened.query, request.stage, request.task, outcome))
                case Call(call=call):
                    connection.send(_called(call))
                case CloseQuery():
                    opened = query = None
                case _:
                    assert_never(request)


def _called(call: bytes) -> Returned:
    try:
        return Returned(pickle.dumps(pickle.loads(call)()))
    except Error as error:
        return Returned(b"", pack(error))
    except Exception as error:
        failure = InternalError(f"{type(error).__name__}: {error}")
        failure.__cause__ = error
        return Returned(b"", pack(failure))


def _unopened(error: Exception) -> InternalError:
    failure = InternalError(f"a worker process could not take the query: {type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure
