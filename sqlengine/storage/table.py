"""`Table`: what the planner and the executor know of a source of rows, whatever it is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from sqlengine.storage.format import ColumnStatistics, Field, Split
from sqlengine.types import SqlType

if TYPE_CHECKING:
    import pyarrow as pa

    from sqlengine.storage.zone_maps import Zone


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition simple enough to skip data by: `column op values`, implied by the query's WHERE.

    `op` is one of = <> < <= > >= in is_null is_not_null; `values` are Python values of the column's type.
    """

    column: str
    op: str
    values: tuple[object, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.column, self.op.replace("_", " "), ", ".join(map(str, self.values))]).strip()


@dataclass(frozen=True, slots=True)
class CacheUse:
    """How a task uses the cache of decoded columns.

    Attributes
    ----------
    table, budget
        A digest of the table, and bytes that may be kept of all: for the task's report.
    folder
        Where it looks for columns; None: nowhere, for there are none.
    admit, allowance
        Columns that it puts there, and bytes of them at most.
    """

    table: str
    budget: int
    folder: str | None = None
    admit: tuple[str, ...] = ()
    allowance: int = 0


@dataclass(frozen=True, slots=True)
class ScanTask:
    """What one task scans: some splits, in order; `rows` is their (estimated) number of rows.

    `watch`: columns whose bounds the scan should find out. `cache`: how it uses the cache of columns, if it does.
    `generation` of that cache: whoever runs the task lets go of the columns that have been removed up to then.
    """

    splits: tuple[Split, ...]
    rows: int
    watch: tuple[str, ...] = ()
    cache: CacheUse | None = None
    generation: int = 0


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """The outcome of planning a scan: its tasks, and how many splits predicates removed."""

    tasks: tuple[ScanTask, ...]
    total: int
    pruned: int
    pruned_by: str = ""


@dataclass(slots=True)
class ScanReport:
    """What reading a task found out on the way.

    Attributes
    ----------
    zones
        Those of splits that were read in full.
    table, columns, budget
        Which columns of which table were read (a digest of it; '' if none are kept), and bytes that may be kept.
    used, added
        Names of columns in the cache, the latter with bytes.
    splits, cached
        Number of splits, and of those of which the cache had all it could have.
    is_plain
        Whether nothing that was read had to be decoded, so that nothing is kept.
    """

    zones: list[Zone] = field(default_factory=list)
    table: str = ""
    columns: tuple[str, ...] = ()
    budget: int = 0
    used: list[str] = field(default_factory=list)
    added: list[tuple[str, int]] = field(default_factory=list)
    splits: int = 0
    cached: int = 0
    is_plain: bool = False


@runtime_checkable
class NarrowingTable(Protocol):
    """A table that can leave fields of structs out."""

    @property
    def whole_fields(self) -> tuple[Field, ...]:
        """Its columns with all of their fields."""
        ...

    def narrowed(self, types: Mapping[str, SqlType]) -> Table | None:
        """The same table, columns of it with fewer fields in their structs; None if it cannot."""
        ...


class Table(Protocol):
    """A source of rows. Picklable (workers get it), immutable, hashable by identity of its description."""

    def __hash__(self) -> int:
        """Equal tables have equal hashes."""
        ...

    @property
    def fields(self) -> tuple[Field, ...]:
        """Columns in order; hive partition columns last."""
        ...

    @property
    def hidden_fields(self) -> tuple[Field, ...]:
        """Columns that can be read and stand in no `*`."""
        ...

    @property
    def description(self) -> str:
        """A few words for EXPLAIN: format and number of files; no absolute path."""
        ...

    def row_count(self) -> int:
        """Rows, exact where metadata tells, else an estimate."""
        ...

    def size(self) -> int:
        """Bytes on disk (or in memory) of the whole table."""
        ...

    def statistics(self, column: str) -> ColumnStatistics:
        """What is known of a column over the whole table, from metadata only."""
        ...

    def plan_scan(self, columns: Sequence[str], predicates: Sequence[Predicate]) -> ScanPlan:
        """Splits that may hold rows satisfying all predicates, grouped into tasks (see `storage.splits`)."""
        ...

    def read(
        self, task: ScanTask, columns: Sequence[str], batch_rows: int, report: ScanReport | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Batches of `columns` in that order, rows in file order; text may be dictionary-encoded.

        With no columns the batches still carry the number of rows. `report` takes what is found out on the way.
        """
        ...
