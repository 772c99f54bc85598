"""Small plans over tables that misbehave on demand; importable by worker processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from sqlengine.config import default_settings
from sqlengine.errors import DivisionByZeroError
from sqlengine.executor.context import QueryContext
from sqlengine.executor.execute import execute
from sqlengine.planner.expressions import Column
from sqlengine.planner.physical import (
    ExchangeRead,
    Gather,
    HashPartition,
    LimitExec,
    PhysicalPlan,
    ReadPieces,
    ScanExec,
    Stage,
    Task,
)
from sqlengine.storage.format import ColumnStatistics, Field, Split
from sqlengine.storage.table import Predicate, ScanPlan, ScanTask
from sqlengine.types import SqlType, TypeKind

BIGINT = SqlType(TypeKind.BIGINT)
DOUBLE = SqlType(TypeKind.DOUBLE)
VARCHAR = SqlType(TypeKind.VARCHAR)
KEY, VALUE, TEXT = Column(1, "key", BIGINT), Column(2, "value", DOUBLE), Column(3, "text", VARCHAR)
COLUMNS = (KEY, VALUE, TEXT)
BATCHES = 4


@dataclass(frozen=True)
class ActingTable:
    """`tasks` x `rows` rows, computed from their number. Task `at` does `action` before its second batch."""

    tasks: int = 4
    rows: int = 1000
    at: int = 1
    action: str = ""
    marker: str = ""

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(Field(column.name, column.type) for column in COLUMNS)

    @property
    def description(self) -> str:
        return "acting"

    @property
    def hidden_fields(self) -> tuple[Field, ...]:
        return ()

    def row_count(self) -> int:
        return self.tasks * self.rows

    def size(self) -> int:
        return self.row_count() * 20

    def statistics(self, column: str) -> ColumnStatistics:
        return ColumnStatistics()

    def plan_scan(self, columns: Sequence[str], predicates: Sequence[Predicate]) -> ScanPlan:
        splits = [Split(f"/data/part-{t}.parquet", t, t + 1, self.rows, self.rows * 20) for t in range(self.tasks)]
        return ScanPlan(tuple(ScanTask((split,), split.rows) for split in splits), self.tasks, 0)

    def read(
        self, task: ScanTask, columns: Sequence[str], batch_rows: int, report: object = None
    ) -> Iterator[pa.RecordBatch]:
        for split in task.splits:
            for batch in range(BATCHES):
                if batch == 1 and split.start == self.at:
                    self.act()
                step = self.rows // BATCHES
                first = split.start * self.rows + batch * step
                numbers = range(first, first + step)
                arrays = {
                    "key": pa.array([k * 7919 % 101 for k in numbers]),
                    "value": pa.array([k * 0.1 if k % 13 else None for k in numbers]),
                    # Dictionaries that differ from batch to batch.
                    "text": pa.array([f"t{k % (3 + batch)}" for k in numbers]).dictionary_encode(),
                }
                yield pa.RecordBatch.from_arrays([arrays[name] for name in columns], names=list(columns))

    def act(self) -> None:
        match self.action:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "kill once" | "kill twice":
                lives = 1 if self.action == "kill once" else 2
                if len(list(Path(self.marker).iterdir())) < lives:
                    (Path(self.marker) / str(os.getpid())).touch()
                    os.kill(os.getpid(), signal.SIGKILL)
            case "divide":
                raise DivisionByZeroError("division by zero")
            case "bug":
                raise ValueError("never mind")
            case "announce":
                (Path(self.marker) / str(os.getpid())).touch()
            case "announce and stick":
                (Path(self.marker) / str(os.getpid())).touch()
                time.sleep(60)
            case "stick":
                time.sleep(60)


def scan_stage(table: ActingTable, output: Gather | HashPartition, limit: int | None = None) -> Stage:
    scanned = table.plan_scan([], [])
    names = tuple(column.name for column in COLUMNS)
    root = ScanExec(0, "acting", table, COLUMNS, names, COLUMNS, (), scanned.total, 0)
    return Stage(0, root, tuple(Task({0: task}) for task in scanned.tasks), output, limit)


def gathered(table: ActingTable, limit: int | None = None) -> PhysicalPlan:
    """One stage that scans."""
    return PhysicalPlan((scan_stage(table, Gather(), limit),), ("key", "value", "text"))


def shuffled(table: ActingTable, buckets: int = 5) -> PhysicalPlan:
    """A scan, partitioned by `key`, and a stage that reads bucket by bucket."""
    scan = scan_stage(table, HashPartition((KEY,), buckets))
    read = LimitExec(ExchangeRead(0, 0, COLUMNS), None)
    tasks = tuple(Task({0: ReadPieces(None, bucket)}) for bucket in range(buckets))
    return PhysicalPlan((scan, Stage(1, read, tasks, Gather())), ("key", "value", "text"))


def rows_of(plan: PhysicalPlan, scheduler: str, context: QueryContext | None = None) -> list[tuple[object, ...]]:
    """All rows of the result, in order."""
    settings = default_settings({}).replaced({"scheduler": scheduler, "workers": 2})
    context = context or QueryContext("test", batch_rows=100)
    rows: list[tuple[object, ...]] = []
    for batch in execute(plan, settings, context):
        columns = [batch.column(c.id).expand(batch.length).arrow().to_pylist() for c in plan.result.root.columns]
        rows.extend(zip(*columns, strict=True))
    return rows
