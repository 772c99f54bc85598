"""The processes scheduler: tasks run in worker processes that exchange rows through shared memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from multiprocessing.connection import wait
from pathlib import Path
from time import monotonic

from sqlengine.batch import Batch
from sqlengine.errors import WorkerError
from sqlengine.executor.cancellation import CancelFlags
from sqlengine.executor.context import QueryContext, TaskMetrics
from sqlengine.executor.driver import Driver
from sqlengine.executor.failure import unpack
from sqlengine.executor.forkserver import import_path
from sqlengine.executor.pool import Worker, WorkerPool, shared_pool
from sqlengine.executor.scheduler import Failed, Finished, Lost, Outcome
from sqlengine.executor.segments import SegmentExchange
from sqlengine.executor.sharing import pickle_stages
from sqlengine.executor.task import Assignment
from sqlengine.executor.worker import FLAGS, CloseQuery, OpenQuery, Returned, RunTask
from sqlengine.planner.physical import PhysicalPlan

#: Seconds that workers get to notice that their query was cancelled before they are killed.
GRACE = 0.3
#: Workers in a row that die before they take a task until the query gives up.
ATTEMPTS = 3

_runs = itertools.count()


class ProcessScheduler:
    """Runs tasks in the pool of `workers` processes that all such schedulers of this process share."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def run(self, plan: PhysicalPlan, context: QueryContext) -> Iterator[Batch]:
        """See `Scheduler.run`."""
        pool = shared_pool(self._workers)
        name = f"{context.query_id}-{next(_runs)}"
        with pool.lease(context.check), pool.workspace.query_directories(name) as directories:
            exchange = SegmentExchange(directories)
            runner = ProcessRunner(plan, context, pool, name, directories)
            try:
                tasks = Driver(plan, context, runner, exchange).run()
                runner.finish()
            except BaseException:
                runner.abort()
                raise
            # Batches keep the files they lie in mapped; the names are gone before the first one is used.
            columns = plan.result.root.columns
            batches = [batch for task in tasks for batch in exchange.read(plan.result.id, task, None, columns)]
        yield from batches

    def close(self) -> None:
        """See `Scheduler.close`; ends the pool for all who share it."""
        shared_pool(self._workers).close()


class ProcessRunner:
    """Sends the tasks of one query to idle workers, one task each.

    A worker may still be busy with a task of an earlier query that no longer mattered; its reply makes it idle.
    """

    def __init__(
        self,
        plan: PhysicalPlan,
        context: QueryContext,
        pool: WorkerPool,
        query: str,
        directories: tuple[Path, ...],
    ) -> None:
        self._context = context
        self._pool = pool
        self._query = query
        self._directories = directories
        self._flags = CancelFlags.create(directories[0] / FLAGS, 1 + max(stage.id for stage in plan.stages))
        self._stages = pickle_stages(plan.stages, pool.workspace)
        self._running: dict[tuple[int, int], Worker] = {}

    def has_room(self) -> bool:
        """See `TaskRunner.has_room`."""
        return any(not worker.busy for worker in self._pool.workers)

    def start(self, assignment: Assignment) -> None:
        """See `TaskRunner.start`."""
        request = RunTask(assignment.stage.id, assignment.task, assignment.available)
        for _ in range(ATTEMPTS):
            worker = next(worker for worker in self._pool.workers if not worker.busy)
            try:
                if worker.query != self._query:
                    worker.send(self._opening(worker))
                worker.send(request)
            except OSError:
                # It died idle, so the task is not to blame.
                self._pool.bury(worker)
                self._pool.fill(self._context.check)
            else:
                self._running[request.stage, request.task] = worker
                return
        raise WorkerError(f"{ATTEMPTS} worker processes in a row died before they got a task")

    def wait(self, seconds: float) -> list[Outcome]:
        """See `TaskRunner.wait`."""
        outcomes: list[Outcome] = []
        busy = {worker.connection: worker for worker in self._pool.workers if worker.busy}
        for connection in wait(list(busy), seconds):
            outcome = self._outcome(busy[connection])  # type: ignore[index]
            if outcome is not None:
                outcomes.append(outcome)
        for (stage, task), worker in list(self._running.items()):
            # Its death may have been found elsewhere, or the whole pool has been restarted.
            if worker not in self._pool.workers:
                del self._running[stage, task]
                outcomes.append(Lost(stage, task, worker.death))
        if len(self._pool.workers) < self._pool.size:
            self._pool.fill(self._context.check)
        return outcomes

    def cancel_stage(self, stage: int) -> None:
        """See `TaskRunner.cancel_stage`."""
        self._flags.cancel_stage(stage)

    def finish(self) -> None:
        """End the query well; tasks that still run do not matter, and stop on their own."""
        self._flags.cancel_query()
        for worker in self._pool.workers:
            if worker.query == self._query:
                try:
                    worker.send(CloseQuery())
                except OSError:
                    self._pool.bury(worker)

    def abort(self) -> None:
        """End the query in whatever state it is: what does not stop within `GRACE` is killed."""
        try:
            self._flags.cancel_query()
            deadline = monotonic() + GRACE
            while self._running and monotonic() < deadline:
                self._drain(deadline)
            for worker in self._pool.workers:
                if worker.in_transit or worker in self._running.values():
                    self._pool.discard(worker)
            self.finish()
        except BaseException:
            # Interrupted once more: no time for niceties.
            self._pool.stop()
            raise

    def _drain(self, deadline: float) -> None:
        connections = {
            worker.connection: worker for worker in self._running.values() if not worker.in_transit and worker.alive
        }
        if not connections:
            self._running = {key: worker for key, worker in self._running.items() if worker.in_transit}
            return
        for connection in wait(list(connections), max(0.0, deadline - monotonic())):
            self._outcome(connections[connection])  # type: ignore[index]

    def _outcome(self, worker: Worker) -> Outcome | None:
        """What a worker has to say; None if it is nothing of this query's concern."""
        try:
            reply = worker.receive()
        except (EOFError, OSError):
            self._pool.bury(worker)
            return None
        if isinstance(reply, Returned) or reply.query != self._query:
            return None
        self._running.pop((reply.stage, reply.task), None)
        match reply.outcome:
            case TaskMetrics() as metrics:
                return Finished(metrics)
            case bytes() as packed:
                return Failed(reply.stage, reply.task, unpack(packed))
            case None:
                return None

    def _opening(self, worker: Worker) -> OpenQuery:
        return OpenQuery(
            query=self._query,
            worker=worker.name,
            path=import_path(),
            stages=self._stages,
            directories=self._directories,
            memory_limit=self._context.memory_limit,
            batch_rows=self._context.batch_rows,
            deadline=self._context.deadline,
        )
