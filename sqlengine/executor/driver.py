"""The order of things in a query: which tasks may run when, and what becomes of their outcomes.

Shared by all schedulers. A stage is ready when the stages it reads are complete; ready tasks start in the order
(stage, task), so that stages which do not read each other overlap. Nothing a reader sees depends on the order
in which tasks end.
"""

from __future__ import annotations

import heapq
from typing import assert_never

from sqlengine.errors import Error, WorkerError
from sqlengine.executor.context import Progress, QueryContext, TaskMetrics
from sqlengine.executor.exchange import Exchange
from sqlengine.executor.failure import describe_task
from sqlengine.executor.scheduler import Failed, Finished, Lost, Outcome, TaskRunner
from sqlengine.executor.task import Assignment
from sqlengine.planner.physical import PhysicalPlan, Stage
from sqlengine.storage.column_cache import COLUMNS
from sqlengine.storage.zone_maps import Zone
from sqlengine.storage.zone_store import keep_zones

#: How often a task whose worker died is started again.
RETRIES = 2
#: How a process ends in which native code went wrong.
CRASHES = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGILL")
#: The longest time, in seconds, for which the driver does not look at cancellation and deadline.
POLL = 0.05


class StageProgress:
    """How far one stage is. With a limit, outcomes count in task order only: what lies behind a task that is
    still running may not be needed at all, an error there included.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.complete = False
        self.available: tuple[int, ...] = ()
        self._outcomes: dict[int, int | Error] = {}
        self._prefix = 0
        self._prefix_rows = 0

    @property
    def ended(self) -> int:
        """Tasks that have ended or will never be needed."""
        return len(self.stage.tasks) if self.complete else len(self._outcomes)

    def record(self, task: int, outcome: int | Error) -> None:
        """Note that `task` delivered so many rows, or failed; raises the error if the stage cannot do without."""
        if isinstance(outcome, Error) and self.stage.limit is None:
            raise outcome
        self._outcomes[task] = outcome
        self.update()

    def update(self) -> None:
        """Find out whether the stage is complete; raises the error of the first task that was needed and failed."""
        limit = self.stage.limit
        enough = False
        while self._prefix in self._outcomes and not enough:
            outcome = self._outcomes[self._prefix]
            if isinstance(outcome, Error):
                raise outcome
            self._prefix += 1
            self._prefix_rows += outcome
            enough = limit is not None and self._prefix_rows >= limit
        if enough or self._prefix == len(self.stage.tasks):
            self.complete = True
            self.available = tuple(task for task in range(self._prefix) if self._outcomes[task])


class Driver:
    """Runs one plan on one `TaskRunner`."""

    def __init__(self, plan: PhysicalPlan, context: QueryContext, runner: TaskRunner, exchange: Exchange) -> None:
        self._context = context
        self._runner = runner
        self._exchange = exchange
        self._stages = {stage.id: StageProgress(stage) for stage in plan.stages}
        self._order = {stage.id: position for position, stage in enumerate(plan.stages)}
        self._by_order = [self._stages[stage.id] for stage in plan.stages]
        self._missing = {stage.id: set(stage.inputs) for stage in plan.stages}
        self._readers = {stage.id: {r.id for r in plan.stages if stage.id in r.inputs} for stage in plan.stages}
        self._losses: dict[tuple[int, int], int] = {}
        self._ready: list[tuple[int, int]] = []
        self._result = self._stages[plan.result.id]
        self._zones: list[Zone] = []

    def run(self) -> tuple[int, ...]:
        """Run all tasks that are needed; the tasks of the result stage that delivered rows, in order.

        Raises whatever ends the query; stopping the tasks that still run is the caller's.
        """
        for progress in self._by_order:
            if not progress.stage.inputs:
                self._open(progress)
        while not self._result.complete:
            self._context.check()
            while self._ready and self._runner.has_room():
                self._start(*heapq.heappop(self._ready))
            outcomes = self._runner.wait(POLL)
            for outcome in sorted(outcomes, key=self._place):
                self._handle(outcome)
        if self._zones:
            keep_zones(self._zones)
        return self._result.available

    def _open(self, progress: StageProgress) -> None:
        for task in range(len(progress.stage.tasks)):
            heapq.heappush(self._ready, (self._order[progress.stage.id], task))
        progress.update()
        if progress.complete:
            self._close(progress)

    def _start(self, position: int, task: int) -> None:
        progress = self._by_order[position]
        if progress.complete:
            return
        stage = progress.stage
        available = {source: self._stages[source].available for source in stage.inputs}
        self._runner.start(Assignment(stage, task, available))

    def _handle(self, outcome: Outcome) -> None:
        progress = self._stages[_stage_and_task(outcome)[0]]
        if progress.complete:
            return
        match outcome:
            case Finished(metrics):
                progress.record(metrics.task, metrics.rows)
                self._context.metrics.append(metrics)
                for report in metrics.reports.values():
                    self._zones += report.zones
                    COLUMNS.note(report)
                if progress.complete:
                    self._close(progress)
                self._report(metrics)
            case Failed(_, task, error):
                progress.record(task, error)
            case Lost():
                self._retry(progress.stage, outcome)
            case _:
                assert_never(outcome)

    def _close(self, progress: StageProgress) -> None:
        stage = progress.stage
        if stage.limit is not None:
            self._runner.cancel_stage(stage.id)
        for source in stage.inputs:
            self._readers[source].discard(stage.id)
            if not self._readers[source]:
                self._exchange.drop(source)
        for reader in sorted(self._readers[stage.id], key=self._order.__getitem__):
            self._missing[reader].discard(stage.id)
            if not self._missing[reader]:
                self._open(self._stages[reader])

    def _retry(self, stage: Stage, lost: Lost) -> None:
        losses = self._losses[lost.stage, lost.task] = self._losses.get((lost.stage, lost.task), 0) + 1
        if losses > RETRIES:
            hint = "If the machine ran out of memory, lower the setting 'workers' or set 'memory_limit'"
            if any(signal in lost.reason for signal in CRASHES):
                hint = "A file may be damaged, or made to do harm"
            raise WorkerError(
                f"{describe_task(stage, lost.task)}: its worker process died {losses} times, the last time"
                f" {lost.reason}. {hint}"
            )
        heapq.heappush(self._ready, (self._order[lost.stage], lost.task))

    def _report(self, metrics: TaskMetrics) -> None:
        if self._context.on_progress is not None:
            done = sum(progress.ended for progress in self._by_order)
            total = sum(len(progress.stage.tasks) for progress in self._by_order)
            self._context.on_progress(Progress(done, total, metrics))

    def _place(self, outcome: Outcome) -> tuple[int, int]:
        stage, task = _stage_and_task(outcome)
        return self._order[stage], task


def _stage_and_task(outcome: Outcome) -> tuple[int, int]:
    if isinstance(outcome, Finished):
        return outcome.metrics.stage, outcome.metrics.task
    return outcome.stage, outcome.task
