"""How rows get from one stage to the next: tasks write pieces, later tasks read them.

A piece is the rows of one task that go to one place: its whole output (Gather), or one bucket of it
(HashPartition). Pieces are addressed by stage, task and bucket, and can be read any number of times until
their stage is dropped: that is what lets a task run again after its worker has died.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlengine.batch import Batch
from sqlengine.planner.expressions import Column


class Exchange(Protocol):
    """Where pieces are kept."""

    def write(self, stage: int, task: int, columns: Sequence[Column], pieces: Sequence[Sequence[Batch]]) -> int:
        """Publish the pieces of one task at once, replacing what an earlier attempt left; the bytes written."""
        ...

    def read(self, stage: int, task: int, bucket: int | None, columns: Sequence[Column]) -> list[Batch]:
        """The batches of one bucket of a task's output (None: of all buckets, in order), only `columns`."""
        ...

    def drop(self, stage: int) -> None:
        """Forget all pieces of a stage: every task that reads them has finished."""
        ...


class LocalExchange:
    """Keeps batches in the memory of this process; for tasks that run in its threads."""

    def __init__(self) -> None:
        self._pieces: dict[int, dict[int, list[list[Batch]]]] = {}

    def write(self, stage: int, task: int, columns: Sequence[Column], pieces: Sequence[Sequence[Batch]]) -> int:
        """See `Exchange.write`; bytes are an estimate, and may count shared memory more than once."""
        kept = [[_computed(batch, columns) for batch in piece] for piece in pieces]
        self._pieces.setdefault(stage, {})[task] = kept
        return sum(batch.column(i).nbytes for piece in kept for batch in piece for i in batch.ids)

    def read(self, stage: int, task: int, bucket: int | None, columns: Sequence[Column]) -> list[Batch]:
        """See `Exchange.read`."""
        pieces = self._pieces[stage][task]
        chosen = pieces if bucket is None else [pieces[bucket]]
        ids = [column.id for column in columns]
        return [batch.select(ids) for piece in chosen for batch in piece]

    def drop(self, stage: int) -> None:
        """See `Exchange.drop`."""
        self._pieces.pop(stage, None)


def _computed(batch: Batch, columns: Sequence[Column]) -> Batch:
    # A pending column holds on to the rows it will be picked from, and would be picked by a reader.
    return Batch(batch.length, {column.id: batch.column(column.id) for column in columns})
