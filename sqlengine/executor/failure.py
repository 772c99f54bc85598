"""Errors on their way from a task to the user: which class, what they say of where, how they cross processes."""

from __future__ import annotations

import pickle
import posixpath
import traceback

from sqlengine.errors import DataError, Error, InternalError, MemoryBudgetError, OperationalError, QueryTimeoutError
from sqlengine.planner.physical import Stage
from sqlengine.storage.table import ScanTask

#: Files named in an error before it says how many more there are.
SHOWN_FILES = 3


class RemoteTraceback(Exception):
    """The traceback of an error in a worker, as text: the cause of the same error in the coordinator."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"\n{self.text}"


def describe_task(stage: Stage, task: int) -> str:
    """Where a task stands in the query, for errors: `stage 2 (HashJoin), task 7, reading a.parquet`."""
    text = f"stage {stage.id} ({type(stage.root).__name__.removesuffix('Exec')}), task {task}"
    files = task_files(stage, task)
    return f"{text}, reading {files}" if files else text


def task_files(stage: Stage, task: int) -> str:
    """The names of the files a task scans, or nothing."""
    paths = dict.fromkeys(
        split.path
        for spec in stage.tasks[task].inputs.values()
        if isinstance(spec, ScanTask)
        for split in spec.splits
        if split.path
    )
    names = [posixpath.basename(path) for path in paths]
    more = len(names) - SHOWN_FILES
    return ", ".join(names[:SHOWN_FILES]) + (f" and {more} more" if more > 0 else "")


def as_error(error: Exception, stage: Stage, task: int) -> Error:
    """`error`, raised by a task, as the user should meet it: of our classes, and saying where it happened."""
    match error:
        case QueryTimeoutError():
            return error
        case DataError() | OperationalError() | InternalError():
            files = task_files(stage, task)
            known = any(name in error.message for name in files.split(", ")) if files else True
            placed = error if known else error.with_context(f"while reading {files}")
        case Error():
            return error
        case MemoryError():
            placed = MemoryBudgetError(
                "the machine has no memory left; lower the setting 'workers' or reduce the query's input"
            ).with_context(f"in {describe_task(stage, task)}")
        case _:
            text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            placed = InternalError(text).with_context(f"in {describe_task(stage, task)}")
    if placed is not error:
        placed.__cause__ = error.__cause__ if isinstance(error, Error) else error
        placed.__traceback__ = error.__traceback__
    return placed


def pack(error: Error) -> bytes:
    """`error` with its traceback as text, for `unpack` in another process."""
    text = "".join(traceback.format_exception(error)).rstrip()
    try:
        packed = pickle.dumps((error, text))
        pickle.loads(packed)
    except Exception:
        # An error class whose constructor or attributes do not survive pickling still tells its message.
        packed = pickle.dumps((InternalError(f"{type(error).__name__}: {error.message}"), text))
    return packed


def unpack(packed: bytes) -> Error:
    """The error that `pack` packed, with a `RemoteTraceback` as its cause."""
    error, text = pickle.loads(packed)
    assert isinstance(error, Error)
    error.__cause__ = RemoteTraceback(text)
    return error
