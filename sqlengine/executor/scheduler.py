"""The interfaces of scheduling: a `Scheduler` runs a plan, a `TaskRunner` runs single tasks for the driver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from sqlengine.batch import Batch
from sqlengine.errors import Error
from sqlengine.executor.context import QueryContext, TaskMetrics
from sqlengine.executor.task import Assignment
from sqlengine.planner.physical import PhysicalPlan


class Scheduler(Protocol):
    """Runs plans; may be used for many queries, one after the other, from any thread."""

    def run(self, plan: PhysicalPlan, context: QueryContext) -> Iterator[Batch]:
        """The batches of the result stage in task order; everything has run when the first one comes.

        Closing the iterator early, an error, and Ctrl-C all stop the tasks and remove what they wrote.

        Raises
        ------
        Error
            The first error of a task, saying where it happened; QueryTimeoutError at the deadline; WorkerError
            if a task's worker died more often than is retried.
        KeyboardInterrupt
            As itself, after the tasks have been stopped.
        """
        ...

    def close(self) -> None:
        """Free what the scheduler holds; it may be used again, and then starts anew."""
        ...


@dataclass(frozen=True, slots=True)
class Finished:
    """A task ended well."""

    metrics: TaskMetrics


@dataclass(frozen=True, slots=True)
class Failed:
    """A task raised."""

    stage: int
    task: int
    error: Error


@dataclass(frozen=True, slots=True)
class Lost:
    """A task's worker died under it, for `reason`; the task may be started again."""

    stage: int
    task: int
    reason: str


Outcome = Finished | Failed | Lost


class TaskRunner(Protocol):
    """Runs the tasks of one query that the driver starts; used by one thread."""

    def has_room(self) -> bool:
        """Whether another task can be started now."""
        ...

    def start(self, assignment: Assignment) -> None:
        """Start a task; only when there is room."""
        ...

    def wait(self, seconds: float) -> list[Outcome]:
        """Outcomes of started tasks, in any order; none if nothing ends within `seconds`."""
        ...

    def cancel_stage(self, stage: int) -> None:
        """Ask the running tasks of a stage to stop; their outcomes no longer matter, and need not come."""
        ...
