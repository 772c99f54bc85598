"""What running a query carries along: cancellation, deadline, memory, progress. Present from the first day."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from sqlengine.errors import MemoryBudgetError, QueryTimeoutError
from sqlengine.storage.table import ScanReport


class QueryCancelled(BaseException):
    """Raised inside a task whose query was cancelled; never reaches the user as such."""


class CancelToken(Protocol):
    """Asked between batches; cheap (a few microseconds)."""

    def is_cancelled(self) -> bool:
        """Whether the query should stop."""
        ...


@dataclass(slots=True)
class Flag:
    """A cancel token within one process."""

    cancelled: bool = False

    def cancel(self) -> None:
        """Ask every task that holds this token to stop."""
        self.cancelled = True

    def is_cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self.cancelled


@dataclass(slots=True)
class MemoryAccount:
    """Bytes that operators of one task hold in buffers and tables; `limit` None = unlimited."""

    limit: int | None = None
    used: int = 0
    peak: int = 0

    def reserve(self, size: int, what: str) -> None:
        """Count `size` more bytes (negative: give back); MemoryBudgetError when the budget is exceeded."""
        self.used += size
        self.peak = max(self.peak, self.used)
        if self.limit is not None and self.used > self.limit:
            raise MemoryBudgetError(
                f"{what} needs more than the memory budget of {self.limit:,} bytes;"
                " raise the setting 'memory_limit' or reduce the query's input"
            )


@dataclass(frozen=True, slots=True)
class TaskMetrics:
    """What one task did: rows out, rows in by scans, seconds, bytes written, peak reserved memory, and per operator
    (pre-order position in the stage's tree) rows out and seconds spent in it, its inputs excluded; what its scans
    report, by number of the leaf.
    """

    stage: int
    task: int
    rows: int
    seconds: float
    bytes: int
    peak_memory: int
    worker: str
    started: float
    operators: tuple[tuple[int, float], ...] = ()
    reports: dict[int, ScanReport] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """An event: tasks finished of all, and the metrics of the one that just ended."""

    done: int
    total: int
    task: TaskMetrics


@dataclass(slots=True)
class QueryContext:
    """Shared by everything that runs one query in the coordinator.

    `deadline` is a `time.monotonic()` instant. `on_progress` is called in the coordinator after each task.
    """

    query_id: str
    cancel: Flag = field(default_factory=Flag)
    deadline: float | None = None
    memory_limit: int | None = None
    batch_rows: int = 131_072
    on_progress: Callable[[Progress], None] | None = None
    metrics: list[TaskMetrics] = field(default_factory=list)

    def check(self) -> None:
        """Raise if the query was cancelled or its deadline has passed."""
        if self.cancel.is_cancelled():
            raise QueryCancelled
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise QueryTimeoutError(
                "the query exceeded its time limit; raise the setting 'timeout' or narrow the query"
            )


@dataclass(slots=True)
class TaskContext:
    """What operators of one task see.

    `operators` is filled by the pipeline: pre-order position in the stage's tree -> (rows out, seconds spent);
    `reports` by scans: number of the leaf -> what it found out.
    """

    cancel: CancelToken
    memory: MemoryAccount
    batch_rows: int = 131_072
    deadline: float | None = None
    operators: dict[int, tuple[int, float]] = field(default_factory=dict)
    reports: dict[int, ScanReport] = field(default_factory=dict)

    def check(self) -> None:
        """Called between batches: raise if the query should stop."""
        if self.cancel.is_cancelled():
            raise QueryCancelled
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise QueryTimeoutError(
                "the query exceeded its time limit; raise the setting 'timeout' or narrow the query"
            )
