"""A table that is never stored: numbers at equal steps, made while they are read (`FROM range(10)`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from sqlengine.storage.conform import empty_batch
from sqlengine.storage.format import ColumnStatistics, Field, Split
from sqlengine.storage.splits import group_splits
from sqlengine.storage.table import Predicate, ScanPlan, ScanReport, ScanTask
from sqlengine.types import BIGINT, SqlType, arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

# Rows of one split.
_SPLIT_ROWS: Final = 131_072
_VALUE_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class SeriesTable:
    """One column `name`: `start`, `start + step`, … `rows` values, as words of `type` (BIGINT or TIMESTAMP)."""

    name: str
    start: int
    step: int
    rows: int
    type: SqlType
    task_rows: int

    @property
    def fields(self) -> tuple[Field, ...]:
        """The one column."""
        return (Field(self.name, self.type),)

    @property
    def description(self) -> str:
        """What EXPLAIN shows."""
        return f"{self.rows} values"

    @property
    def hidden_fields(self) -> tuple[Field, ...]:
        """None."""
        return ()

    def row_count(self) -> int:
        """Rows, exact."""
        return self.rows

    def size(self) -> int:
        """Bytes of the values."""
        return self.rows * _VALUE_BYTES

    def statistics(self, column: str) -> ColumnStatistics:
        """Exact for numbers."""
        if self.type != BIGINT or not self.rows:
            return ColumnStatistics(nulls=0, distinct=self.rows)
        last = self.start + self.step * (self.rows - 1)
        return ColumnStatistics(min(self.start, last), max(self.start, last), 0, self.rows)

    def plan_scan(self, columns: Sequence[str], predicates: Sequence[Predicate]) -> ScanPlan:
        """All values, in ranges; nothing is pruned."""
        splits = [
            Split(self.name, first, stop, stop - first, (stop - first) * _VALUE_BYTES)
            for first, stop in _ranges(0, self.rows, max(_SPLIT_ROWS, self.rows // 4096))
        ]
        return ScanPlan(group_splits(splits, self.task_rows), len(splits), 0)

    def read(
        self, task: ScanTask, columns: Sequence[str], batch_rows: int, report: ScanReport | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The values of the task's ranges."""
        import pyarrow as pa

        for split in task.splits:
            for first, stop in _ranges(split.start, split.stop, batch_rows):
                if not columns:
                    yield empty_batch(stop - first)
                    continue
                # Products may leave 64 bits on the way; the sum comes back.
                values = np.int64(self.start) + np.arange(first, stop) * np.int64(self.step)
                array = pa.array(values).view(arrow_type(self.type))
                yield pa.RecordBatch.from_arrays([array] * len(columns), names=list(columns))


def _ranges(start: int, stop: int, most: int) -> Iterator[tuple[int, int]]:
    for first in range(start, stop, most):
        yield first, min(first + most, stop)
