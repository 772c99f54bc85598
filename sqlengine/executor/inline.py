"""The inline scheduler: tasks run one after the other in the caller's thread. For small inputs, and debugging."""

from __future__ import annotations

from collections.abc import Iterator

from sqlengine.batch import Batch
from sqlengine.errors import Error
from sqlengine.executor.context import MemoryAccount, QueryContext, TaskContext
from sqlengine.executor.driver import Driver
from sqlengine.executor.exchange import LocalExchange
from sqlengine.executor.scheduler import Failed, Finished, Outcome
from sqlengine.executor.task import Assignment, QueryState, run_task
from sqlengine.planner.physical import PhysicalPlan


class InlineScheduler:
    """Runs every task in the thread that asks for the result. Holds nothing between queries."""

    def run(self, plan: PhysicalPlan, context: QueryContext) -> Iterator[Batch]:
        """See `Scheduler.run`."""
        exchange = LocalExchange()
        result = plan.result
        for task in Driver(plan, context, InlineRunner(QueryState(exchange), context), exchange).run():
            yield from exchange.read(result.id, task, None, result.root.columns)

    def close(self) -> None:
        """See `Scheduler.close`."""


class InlineRunner:
    """Runs the one task that was started when the driver waits for it."""

    def __init__(self, query: QueryState, context: QueryContext) -> None:
        self._query = query
        self._context = context
        self._next: Assignment | None = None

    def has_room(self) -> bool:
        """See `TaskRunner.has_room`."""
        return self._next is None

    def start(self, assignment: Assignment) -> None:
        """See `TaskRunner.start`."""
        self._next = assignment

    def wait(self, seconds: float) -> list[Outcome]:
        """See `TaskRunner.wait`; runs the task to its end, however long it takes."""
        assignment, self._next = self._next, None
        if assignment is None:
            return []
        context = self._context
        task = TaskContext(context.cancel, MemoryAccount(context.memory_limit), context.batch_rows, context.deadline)
        try:
            return [Finished(run_task(assignment, self._query, task, "inline"))]
        except Error as error:
            return [Failed(assignment.stage.id, assignment.task, error)]

    def cancel_stage(self, stage: int) -> None:
        """See `TaskRunner.cancel_stage`; no task runs while the driver decides."""
