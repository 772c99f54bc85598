"""Row buffers: what an operator keeps of its input, accounted for in the task's memory budget."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlengine.batch import Batch, concat_batches
from sqlengine.executor.context import MemoryAccount
from sqlengine.planner.expressions import Column
from sqlengine.types import arrow_type
from sqlengine.vector import Vector


class RowBuffer:
    """Batches kept until all rows are there; only `columns` of them, computed so that no source stays alive.

    Parameters
    ----------
    columns
        What is kept of each batch.
    memory
        Where the bytes are reserved; `release` gives them back.
    what
        Who needs them, for the error when the budget is exceeded.
    """

    def __init__(self, columns: Sequence[Column], memory: MemoryAccount, what: str) -> None:
        self._columns = {column.id: column.type for column in columns}
        self._memory = memory
        self._what = what
        self._batches: list[Batch] = []
        self._reserved = 0
        self.length = 0

    def append(self, batch: Batch) -> None:
        """Keep the rows of `batch`, after those kept so far."""
        kept = Batch(batch.length, {column_id: batch.column(column_id) for column_id in self._columns})
        self._batches.append(kept)
        self.length += kept.length
        size = sum(kept.column(column_id).nbytes for column_id in self._columns)
        self._reserved += size
        self._memory.reserve(size, self._what)

    def extend(self, batches: Iterable[Batch]) -> None:
        """Keep the rows of all `batches`."""
        for batch in batches:
            self.append(batch)

    @property
    def nbytes(self) -> int:
        """Bytes that are reserved."""
        return self._reserved

    def rows(self) -> Batch:
        """All rows kept, in order, as one batch without constants."""
        if not self._batches:
            return empty_batch([Column(i, "", type_) for i, type_ in self._columns.items()])
        whole = concat_batches(self._batches, tuple(self._columns))
        whole = Batch(whole.length, {i: whole.column(i).expand(whole.length) for i in self._columns})
        self._batches = [whole]
        return whole

    def replace(self, rows: Batch) -> None:
        """Keep `rows` instead of what was kept."""
        self.release()
        self.append(rows)

    def release(self) -> None:
        """Forget all rows and give their bytes back."""
        self._memory.reserve(-self._reserved, self._what)
        self._reserved = self.length = 0
        self._batches = []


def empty_batch(columns: Sequence[Column]) -> Batch:
    """A batch of no rows that has `columns`."""
    import pyarrow as pa

    return Batch(0, {c.id: Vector(c.type, pa.array([], arrow_type(c.type))) for c in columns})


def null_columns(columns: Sequence[Column]) -> dict[int, Vector]:
    """The constant NULL for each of `columns`."""
    return {column.id: Vector.from_literal(None, column.type) for column in columns}
