"""The driver: what runs when, what is skipped, retried and raised. Outcomes are scripted; nothing is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from sqlengine.errors import DivisionByZeroError, QueryTimeoutError, WorkerError
from sqlengine.executor.context import Progress, QueryCancelled, QueryContext, TaskMetrics
from sqlengine.executor.driver import Driver
from sqlengine.executor.exchange import LocalExchange
from sqlengine.executor.scheduler import Failed, Finished, Lost, Outcome
from sqlengine.executor.task import Assignment
from sqlengine.planner.physical import (
    ExchangeRead,
    Exec,
    Gather,
    PhysicalPlan,
    ReadPieces,
    Stage,
    Task,
    ValuesExec,
)


def finished(stage: int, task: int, rows: int = 1) -> Finished:
    return Finished(TaskMetrics(stage, task, rows, 0.0, 0, 0, "test", 0.0))


@dataclass
class ScriptedRunner:
    """Ends tasks in the order `pick` says, with the outcome `end` gives; `room` run at a time."""

    end: Callable[[Assignment], Outcome] = lambda a: finished(a.stage.id, a.task)
    room: int = 1
    pick: Callable[[Sequence[Assignment]], int] = lambda running: 0
    started: list[tuple[int, int]] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    running: list[Assignment] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)

    def has_room(self) -> bool:
        return len(self.running) < self.room

    def start(self, assignment: Assignment) -> None:
        self.started.append((assignment.stage.id, assignment.task))
        self.assignments.append(assignment)
        self.running.append(assignment)

    def wait(self, seconds: float) -> list[Outcome]:
        return [self.end(self.running.pop(self.pick(self.running)))] if self.running else []

    def cancel_stage(self, stage: int) -> None:
        self.cancelled.append(stage)


def stage(number: int, tasks: int, inputs: Sequence[int] = (), limit: int | None = None) -> Stage:
    root: Exec = ValuesExec(0, (), ())
    if len(inputs) == 1:
        root = ExchangeRead(0, inputs[0], ())
    elif inputs:
        from sqlengine.planner.physical import AppendExec

        root = AppendExec(tuple(ExchangeRead(k, source, ()) for k, source in enumerate(inputs)), ())
    specs = {k: ReadPieces() for k in range(len(inputs))}
    return Stage(number, root, tuple(Task(dict(specs)) for _ in range(tasks)), Gather(), limit)


def drive(runner: ScriptedRunner, *stages: Stage, context: QueryContext | None = None) -> tuple[int, ...]:
    context = context or QueryContext("test")
    return Driver(PhysicalPlan(stages, ()), context, runner, LocalExchange()).run()


def test_stages_run_after_their_inputs_and_independent_ones_overlap() -> None:
    runner = ScriptedRunner(room=3)
    assert drive(runner, stage(0, 2), stage(1, 2), stage(2, 1, [0, 1])) == (0,)
    assert runner.started == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]


def test_reader_gets_the_tasks_with_rows_in_task_order_whatever_ended_first() -> None:
    runner = ScriptedRunner(
        end=lambda a: finished(a.stage.id, a.task, rows=0 if a.task == 1 else 5),
        room=4,
        pick=lambda running: len(running) - 1,
    )
    drive(runner, stage(0, 4), stage(1, 1, [0]))
    assert runner.assignments[-1].available == {0: (0, 2, 3)}


def test_stage_without_tasks_is_complete_at_once() -> None:
    runner = ScriptedRunner()
    assert drive(runner, stage(0, 0), stage(1, 1, [0])) == (0,)
    assert runner.assignments[0].available == {0: ()}


def test_limit_skips_the_tasks_behind_the_prefix_that_has_enough() -> None:
    runner = ScriptedRunner(end=lambda a: finished(a.stage.id, a.task, 10))
    events: list[Progress] = []
    context = QueryContext("test", on_progress=events.append)
    assert drive(runner, stage(0, 100, limit=25), stage(1, 1, [0]), context=context) == (0,)
    assert runner.started == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert runner.assignments[-1].available == {0: (0, 1, 2)}
    assert runner.cancelled == [0]
    assert (events[-1].done, events[-1].total) == (101, 101)


def test_limit_counts_in_task_order_and_takes_the_same_tasks_whatever_ended_first() -> None:
    runner = ScriptedRunner(
        end=lambda a: finished(a.stage.id, a.task, 10), room=4, pick=lambda running: len(running) - 1
    )
    drive(runner, stage(0, 4, limit=15), stage(1, 1, [0]))
    assert runner.assignments[-1].available == {0: (0, 1)}


def test_error_behind_a_satisfied_limit_does_not_matter() -> None:
    def end(assignment: Assignment) -> Outcome:
        if assignment.task == 1 and assignment.stage.id == 0:
            return Failed(0, 1, DivisionByZeroError("division by zero"))
        return finished(assignment.stage.id, assignment.task, 10)

    last_first = ScriptedRunner(end=end, room=2, pick=lambda running: len(running) - 1)
    assert drive(last_first, stage(0, 2, limit=5), stage(1, 1, [0])) == (0,)
    with pytest.raises(DivisionByZeroError):
        drive(ScriptedRunner(end=end, room=2), stage(0, 2, limit=15), stage(1, 1, [0]))


def test_error_of_a_task_ends_the_query() -> None:
    def end(assignment: Assignment) -> Outcome:
        return Failed(assignment.stage.id, assignment.task, DivisionByZeroError("division by zero"))

    runner = ScriptedRunner(end=end)
    with pytest.raises(DivisionByZeroError):
        drive(runner, stage(0, 3))
    assert runner.started == [(0, 0)]


def test_lost_task_is_started_again_twice() -> None:
    losses = [2]

    def end(assignment: Assignment) -> Outcome:
        if assignment.task == 1 and losses[0]:
            losses[0] -= 1
            return Lost(0, 1, "killed by SIGKILL")
        return finished(0, assignment.task)

    runner = ScriptedRunner(end=end)
    assert drive(runner, stage(0, 3)) == (0, 1, 2)
    assert runner.started == [(0, 0), (0, 1), (0, 1), (0, 1), (0, 2)]


def test_task_lost_three_times_is_an_error_that_names_it() -> None:
    runner = ScriptedRunner(end=lambda a: Lost(a.stage.id, a.task, "killed by SIGKILL"))
    with pytest.raises(WorkerError, match=r"stage 0 \(Values\), task 0: .* died 3 times.*killed by SIGKILL.*memory"):
        drive(runner, stage(0, 2))
    runner = ScriptedRunner(end=lambda a: Lost(a.stage.id, a.task, "killed by SIGSEGV"))
    with pytest.raises(WorkerError, match=r"died 3 times.*killed by SIGSEGV\. A file may be damaged"):
        drive(runner, stage(0, 2))


def test_deadline_and_cancellation_are_seen_between_outcomes() -> None:
    with pytest.raises(QueryTimeoutError):
        drive(ScriptedRunner(), stage(0, 1), context=QueryContext("test", deadline=0.0))
    context = QueryContext("test")
    context.on_progress = lambda _: context.cancel.cancel()
    runner = ScriptedRunner()
    with pytest.raises(QueryCancelled):
        drive(runner, stage(0, 5), context=context)
    assert runner.started == [(0, 0)]


def test_metrics_and_progress_of_every_task() -> None:
    events: list[Progress] = []
    context = QueryContext("test", on_progress=events.append)
    drive(ScriptedRunner(), stage(0, 3), stage(1, 2, [0]), context=context)
    assert [(event.done, event.total) for event in events] == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    assert [(m.stage, m.task) for m in context.metrics] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
