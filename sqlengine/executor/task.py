"""What a task reads: the protocol between the runtime, which provides it, and the operators, which ask it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import TYPE_CHECKING, Protocol, TypeVar

from sqlengine.planner.physical import ExchangeRead, ScanExec
from sqlengine.vector import Batch

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
