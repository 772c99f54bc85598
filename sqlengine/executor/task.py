"""One task: what it reads, and running it."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from sqlengine.batch import Batch
from sqlengine.errors import InternalError
from sqlengine.executor.coalesce import coalesce
from sqlengine.executor.context import TaskContext, TaskMetrics
from sqlengine.executor.exchange import Exchange
from sqlengine.executor.failure import as_error
from sqlengine.executor.output import lay_down
from sqlengine.executor.shared import SharedValues
from sqlengine.planner.physical import ExchangeRead, Exec, ReadPieces, ScanExec, Stage, exec_inputs
from sqlengine.storage.table import ScanReport, ScanTask

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")


class TaskInputs(Protocol):
    """The inputs of one task, leaf by leaf."""

    def scan(self, leaf: ScanExec) -> Iterator[pa.RecordBatch]:
        """Batches of `leaf.read_columns`, in that order, of the splits this task scans; filters not applied."""
        ...

    def pieces(self, leaf: ExchangeRead) -> Iterator[Batch]:
        """All batches of the pieces this task reads, in task order, with the columns `leaf.columns`.

        Small batches of adjacent pieces come joined, none is empty; nothing comes for no rows.
        """
        ...

    def runs(self, leaf: ExchangeRead) -> list[list[Batch]]:
        """As `pieces`, but one list per piece that has rows, for merging sorted runs; in task order."""
        ...

    def shared(self, key: Hashable, build: Callable[[], T]) -> T:
        """What `build` returns, called at most once per process and query for each `key`.

        Concurrent callers wait for the one that builds. Dropped when the query ends. If `build` raises, its
        caller gets the error and the next caller builds again.
        """
        ...

    def is_broadcast(self, leaf: ExchangeRead) -> bool:
        """Whether every task reads the whole of the stage through this leaf, so that what is built of it is shared."""
        ...


@dataclass(frozen=True, slots=True)
class Assignment:
    """A task to run: which, and for each stage it reads the tasks that have delivered rows, in order."""

    stage: Stage
    task: int
    available: Mapping[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class QueryState:
    """What the tasks of one query in one process have in common."""

    exchange: Exchange
    shared: SharedValues = field(default_factory=SharedValues)


class ExchangeInputs:
    """The inputs of one task: files by the leaf's table, pieces by the query's exchange."""

    def __init__(self, assignment: Assignment, query: QueryState, context: TaskContext) -> None:
        self._specs = assignment.stage.tasks[assignment.task].inputs
        self._stage = assignment.stage.id
        self._available = assignment.available
        self._query = query
        self._context = context

    def scan(self, leaf: ScanExec) -> Iterator[pa.RecordBatch]:
        """See `TaskInputs.scan`."""
        spec = self._specs[leaf.leaf]
        if not isinstance(spec, ScanTask):
            raise InternalError(f"leaf {leaf.leaf} of stage {self._stage} scans a table but its task has no splits")
        report = self._context.reports[leaf.leaf] = ScanReport()
        for batch in leaf.table.read(spec, leaf.source_names, self._context.batch_rows, report):
            self._context.check()
            yield batch

    def pieces(self, leaf: ExchangeRead) -> Iterator[Batch]:
        """See `TaskInputs.pieces`."""
        ids = [column.id for column in leaf.columns]
        batches = (batch for run in self._runs(leaf) for batch in run)
        return coalesce(batches, ids, self._context.batch_rows)

    def runs(self, leaf: ExchangeRead) -> list[list[Batch]]:
        """See `TaskInputs.runs`."""
        return [run for run in self._runs(leaf) if run]

    def shared(self, key: Hashable, build: Callable[[], T]) -> T:
        """See `TaskInputs.shared`."""
        return self._query.shared.get(key, build)

    def is_broadcast(self, leaf: ExchangeRead) -> bool:
        """See `TaskInputs.is_broadcast`."""
        return self._pieces_of(leaf) == ReadPieces(None, None)

    def _pieces_of(self, leaf: ExchangeRead) -> ReadPieces:
        spec = self._specs[leaf.leaf]
        if not isinstance(spec, ReadPieces):
            raise InternalError(f"leaf {leaf.leaf} of stage {self._stage} reads an exchange but its task has no pieces")
        return spec

    def _runs(self, leaf: ExchangeRead) -> Iterator[list[Batch]]:
        spec = self._pieces_of(leaf)
        tasks = self._available[leaf.stage]
        renamed = {new.id: old.id for new, old in zip(leaf.columns, leaf.stage_columns, strict=True)}
        if spec.tasks is not None:
            wanted = set(spec.tasks)
            tasks = tuple(task for task in tasks if task in wanted)
        for task in tasks:
            self._context.check()
            batches = self._query.exchange.read(leaf.stage, task, spec.bucket, leaf.stage_columns)
            yield batches if not leaf.sources else [batch.renamed(renamed) for batch in batches]


def run_task(assignment: Assignment, query: QueryState, context: TaskContext, worker: str) -> TaskMetrics:
    """Run one task to its end and publish its output, nothing if it has no rows.

    Raises
    ------
    Error
        Whatever goes wrong, as one of our classes and saying where.
    QueryCancelled
        If `context` says so.
    """
    from sqlengine.executor.operators.run import run_pipeline

    stage = assignment.stage
    started = time.monotonic()
    try:
        batches = run_pipeline(stage.root, ExchangeInputs(assignment, query, context), context)
        pieces = lay_down(stage, batches, context.batch_rows)
        rows = sum(batch.length for piece in pieces for batch in piece)
        size = query.exchange.write(stage.id, assignment.task, stage.root.columns, pieces) if rows else 0
    except Exception as error:
        placed = as_error(error, stage, assignment.task)
        if placed is error:
            raise
        raise placed from placed.__cause__
    return TaskMetrics(
        stage=stage.id,
        task=assignment.task,
        rows=rows,
        seconds=time.monotonic() - started,
        bytes=size,
        peak_memory=context.memory.peak,
        worker=worker,
        started=started,
        operators=tuple(context.operators.get(k, (0, 0.0)) for k in range(_count(stage.root))),
        reports=context.reports,
    )


def _count(node: Exec) -> int:
    return 1 + sum(_count(child) for child in exec_inputs(node))
