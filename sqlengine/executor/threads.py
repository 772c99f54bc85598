"""The threads scheduler: tasks run in threads of this process. Arrow and the kernels release the GIL."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait

from sqlengine.batch import Batch
from sqlengine.errors import Error
from sqlengine.executor.cancellation import CancelFlags, StageToken
from sqlengine.executor.context import MemoryAccount, QueryCancelled, QueryContext, TaskContext
from sqlengine.executor.driver import Driver
from sqlengine.executor.exchange import LocalExchange
from sqlengine.executor.scheduler import Failed, Finished, Outcome
from sqlengine.executor.task import Assignment, QueryState, run_task
from sqlengine.planner.physical import PhysicalPlan

#: Seconds that the end of a failed or interrupted query waits for its tasks to notice.
GRACE = 0.3


class ThreadScheduler:
    """Runs tasks in `workers` threads, which live for one query: starting them costs less than 0.1 ms each.

    A thread cannot be killed: one that is stuck when its query is interrupted finishes its batch unheeded.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def run(self, plan: PhysicalPlan, context: QueryContext) -> Iterator[Batch]:
        """See `Scheduler.run`."""
        exchange = LocalExchange()
        runner = ThreadRunner(plan, context, QueryState(exchange), self._workers)
        try:
            tasks = Driver(plan, context, runner, exchange).run()
        finally:
            runner.stop()
        for task in tasks:
            yield from exchange.read(plan.result.id, task, None, plan.result.root.columns)

    def close(self) -> None:
        """See `Scheduler.close`."""


class ThreadRunner:
    """Runs as many tasks at a time as there are threads; outcomes come through a queue."""

    def __init__(self, plan: PhysicalPlan, context: QueryContext, query: QueryState, workers: int) -> None:
        self._context = context
        self._query = query
        self._flags = CancelFlags.in_process(1 + max(stage.id for stage in plan.stages))
        self._free = [f"thread-{k}" for k in reversed(range(workers))]
        self._outcomes: queue.SimpleQueue[tuple[str, Outcome | BaseException | None]] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="sqlengine")
        self._futures: set[Future[None]] = set()

    def has_room(self) -> bool:
        """See `TaskRunner.has_room`."""
        return bool(self._free)

    def start(self, assignment: Assignment) -> None:
        """See `TaskRunner.start`."""
        future = self._threads.submit(self._run, assignment, self._free.pop())
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)

    def wait(self, seconds: float) -> list[Outcome]:
        """See `TaskRunner.wait`."""
        outcomes: list[Outcome] = []
        try:
            name, outcome = self._outcomes.get(timeout=seconds)
            while True:
                self._free.append(name)
                if isinstance(outcome, BaseException):
                    raise outcome
                if outcome is not None:
                    outcomes.append(outcome)
                name, outcome = self._outcomes.get_nowait()
        except queue.Empty:
            return outcomes

    def cancel_stage(self, stage: int) -> None:
        """See `TaskRunner.cancel_stage`."""
        self._flags.cancel_stage(stage)

    def stop(self) -> None:
        """Stop all tasks and wait for them a little."""
        self._flags.cancel_query()
        self._threads.shutdown(wait=False, cancel_futures=True)
        wait(set(self._futures), timeout=GRACE)

    def _run(self, assignment: Assignment, name: str) -> None:
        context = self._context
        task = TaskContext(
            StageToken(self._flags, assignment.stage.id, context.cancel),
            MemoryAccount(context.memory_limit),
            context.batch_rows,
            context.deadline,
        )
        outcome: Outcome | BaseException | None
        try:
            outcome = Finished(run_task(assignment, self._query, task, name))
        except Error as error:
            outcome = Failed(assignment.stage.id, assignment.task, error)
        except QueryCancelled:
            outcome = None
        except BaseException as error:
            outcome = error
        self._outcomes.put((name, outcome))
