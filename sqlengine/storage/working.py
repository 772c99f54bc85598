"""The table of a recursive query's last rows, as long as nobody knows them: it plans, but holds nothing."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlengine.errors import InternalError
from sqlengine.storage.format import ColumnStatistics, Field
from sqlengine.storage.table import Predicate, ScanPlan, ScanReport, ScanTask

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 1000


@dataclass(frozen=True, slots=True)
class WorkingTable:
    """Stands in plans where the rows will be; two are equal if they are the same recursion's."""

    name: str
    fields: tuple[Field, ...]
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def description(self) -> str:
        """What EXPLAIN shows."""
        return "found by recursion"

    @property
    def hidden_fields(self) -> tuple[Field, ...]:
        """None."""
        return ()

    def row_count(self) -> int:
        """A guess."""
        return _ROWS

    def size(self) -> int:
        """A guess."""
        return 8 * _ROWS * len(self.fields)

    def statistics(self, column: str) -> ColumnStatistics:
        """Nothing is known."""
        return ColumnStatistics()

    def plan_scan(self, columns: Sequence[str], predicates: Sequence[Predicate]) -> ScanPlan:
        """Nothing to read yet."""
        return ScanPlan((), 0, 0)

    def read(
        self, task: ScanTask, columns: Sequence[str], batch_rows: int, report: ScanReport | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Never called: the rows take this table's place before a plan runs."""
        raise InternalError(f"the rows of {self.name} are not known yet")
