"""The physical plan: how to compute it, as stages cut at exchanges.

A *stage* is one operator tree run by a number of independent *tasks*; its leaves read splits of a table
(`ScanExec`), the output of earlier stages (`ExchangeRead`), or literal rows (`ValuesExec`). How tasks and
outputs line up:

- A stage's `tasks` say, per leaf, which piece task *t* reads. The leaf whose pieces differ from task to task
  drives; broadcast leaves read everything in every task.
- A stage's `output` says how the rows of each task are laid down for the readers.

Task contents and their order depend on the files and the query only, never on workers or timing; readers
take pieces in task order. That is what makes answers bit-identical on every scheduler.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from sqlengine.planner.expressions import Column, Expression, Literal, SortKey
from sqlengine.planner.physical_aggregates import AggregateExec, ExpandExec
from sqlengine.planner.physical_joins import (
    AnyKeyJoinExec,
    HashJoinExec,
    NestedLoopJoinExec,
    PositionalJoinExec,
    SortedJoinExec,
)
from sqlengine.planner.physical_write import WriteExec
from sqlengine.planner.window_call import WindowCall
from sqlengine.storage.table import ScanTask, Table


@dataclass(frozen=True, slots=True)
class ScanExec:
    """Reads the splits of its task, keeps rows that satisfy all `filters`.

    `read_columns[k]` is read from the file's `source_names[k]`; `columns` (a subset) is delivered, so a column
    that only the filter needs is dropped. `total` and `pruned` count splits, for EXPLAIN.
    """

    leaf: int
    name: str
    table: Table
    read_columns: tuple[Column, ...]
    source_names: tuple[str, ...]
    columns: tuple[Column, ...]
    filters: tuple[Expression, ...]
    total: int
    pruned: int
    pruned_by: str = ""


@dataclass(frozen=True, slots=True)
class ExchangeRead:
    """Reads what stage `stage` wrote. If `merge` is set, each piece is sorted so and they are merged.

    `columns[k]` is the stage's column `sources[k]`, or without `sources` the one of the same id: a stage that
    several parts of a query read has columns of its own for each but the first of them.
    """

    leaf: int
    stage: int
    columns: tuple[Column, ...]
    merge: tuple[SortKey, ...] = ()
    sources: tuple[Column, ...] = ()

    @property
    def stage_columns(self) -> tuple[Column, ...]:
        """What is read, as the stage calls it."""
        return self.sources or self.columns


@dataclass(frozen=True, slots=True)
class ValuesExec:
    """Literal rows."""

    leaf: int
    columns: tuple[Column, ...]
    rows: tuple[tuple[Expression, ...], ...]


@dataclass(frozen=True, slots=True)
class FilterExec:
    """Keeps rows for which `condition` is true."""

    input: Exec
    condition: Expression

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those of the input."""
        return self.input.columns


@dataclass(frozen=True, slots=True)
class ProjectExec:
    """Computes `columns[k]` as `expressions[k]`."""

    input: Exec
    columns: tuple[Column, ...]
    expressions: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class SortExec:
    """Sorts all rows of the task; with `limit`, keeps only the first `limit` (offset included by the planner)."""

    input: Exec
    keys: tuple[SortKey, ...]
    limit: int | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those of the input."""
        return self.input.columns


@dataclass(frozen=True, slots=True)
class LimitExec:
    """Rows `offset` … `offset + limit` of the task's input; with `per`, of those that agree on these columns.

    The limit may be a share of the input's rows, in `percent`.
    """

    input: Exec
    limit: int | None
    offset: int = 0
    percent: float | None = None
    per: tuple[Column, ...] = ()

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those of the input."""
        return self.input.columns


@dataclass(frozen=True, slots=True)
class AppendExec:
    """All rows of all inputs, in order; `columns` are fresh, position by position (UNION ALL).

    In a stage of several tasks each task works on one input: the leaves of the others read nothing there
    (a ScanTask or ReadPieces that names no split and no task).
    """

    inputs: tuple[Exec, ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class UnnestExec:
    """Per input row one row per item of its longest list; see `logical.Unnest`. `columns` is what is delivered."""

    input: Exec
    lists: tuple[Expression, ...]
    item_columns: tuple[Column, ...]
    ordinality: Column | None
    keep_empty: bool
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class WindowExec:
    """Every row of the task with the results of `calls` (see `logical.Window`); rows of a partition share a task.

    With `first`, rows are left out that so many others of their partition in the task come before.

    `reason` says in EXPLAIN why rows meet as they do.
    """

    input: Exec
    partition: tuple[Expression, ...]
    order: tuple[SortKey, ...]
    call_columns: tuple[Column, ...]
    calls: tuple[WindowCall, ...]
    first: int | None = None
    reason: str = ""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The input's, then the results."""
        return self.input.columns + self.call_columns


Exec = (
    ScanExec
    | ExchangeRead
    | ValuesExec
    | FilterExec
    | ProjectExec
    | AggregateExec
    | HashJoinExec
    | NestedLoopJoinExec
    | SortedJoinExec
    | AnyKeyJoinExec
    | PositionalJoinExec
    | SortExec
    | LimitExec
    | AppendExec
    | UnnestExec
    | WindowExec
    | ExpandExec
    | WriteExec
)


def exec_inputs(node: Exec) -> tuple[Exec, ...]:
    """Direct inputs; for joins the probe side first."""
    match node:
        case ScanExec() | ExchangeRead() | ValuesExec():
            return ()
        case (
            FilterExec()
            | ProjectExec()
            | AggregateExec()
            | SortExec()
            | LimitExec()
            | UnnestExec()
            | WindowExec()
            | ExpandExec()
            | WriteExec()
        ):
            return (node.input,)
        case HashJoinExec() | NestedLoopJoinExec() | SortedJoinExec() | AnyKeyJoinExec():
            return (node.probe, node.build)
        case AppendExec() | PositionalJoinExec():
            return node.inputs
        case _:
            assert_never(node)


@dataclass(frozen=True, slots=True)
class Gather:
    """Each task's output is one piece, numbered by task. Readers ask for pieces by task number."""


@dataclass(frozen=True, slots=True)
class HashPartition:
    """Each task's rows are split into `buckets` pieces by the hash of `keys`; NULL is a value like any other."""

    keys: tuple[Expression, ...]
    buckets: int


@dataclass(frozen=True, slots=True)
class RangePartition:
    """Each task's rows are split at `bounds`, which are in the order of `key`: a bound is the first of its piece."""

    key: SortKey
    bounds: tuple[Literal, ...]

    @property
    def buckets(self) -> int:
        """The number of pieces."""
        return len(self.bounds) + 1


Output = Gather | HashPartition | RangePartition


@dataclass(frozen=True, slots=True)
class ReadPieces:
    """What one task reads through an ExchangeRead leaf.

    bucket None: the whole outputs of `tasks` (None = of all tasks of the stage); else that bucket of all tasks.
    """

    tasks: tuple[int, ...] | None = None
    bucket: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One unit of scheduling: `inputs[leaf]` says what each leaf reads (ValuesExec leaves are absent)."""

    inputs: dict[int, ScanTask | ReadPieces]


@dataclass(frozen=True, slots=True)
class Stage:
    """An operator tree, its tasks, and how its output is laid down.

    `limit`: no reader needs more than that many rows, counted over tasks in order; a scheduler may skip the
    tasks after the prefix that has delivered them. `estimated_rows` is the planner's guess for the whole stage,
    `estimates` that for each operator in pre-order, None where it made none.
    """

    id: int
    root: Exec
    tasks: tuple[Task, ...]
    output: Output
    limit: int | None = None
    estimated_rows: int | None = None
    estimates: tuple[int | None, ...] = ()

    @property
    def inputs(self) -> tuple[int, ...]:
        """Ids of the stages this one reads, each once."""
        return tuple(dict.fromkeys(leaf.stage for leaf in leaves(self.root) if isinstance(leaf, ExchangeRead)))


def leaves(node: Exec) -> tuple[ScanExec | ExchangeRead | ValuesExec, ...]:
    """The leaves of an operator tree, left to right."""
    if isinstance(node, ScanExec | ExchangeRead | ValuesExec):
        return (node,)
    return tuple(leaf for child in exec_inputs(node) for leaf in leaves(child))


def pre_order(node: Exec) -> list[Exec]:
    """An operator before its inputs, those left to right: the order in which metrics are told."""
    return [node, *(below for child in exec_inputs(node) for below in pre_order(child))]


@dataclass(frozen=True, slots=True)
class PhysicalPlan:
    """Stages in an order in which each comes after its inputs; the last one makes the result.

    `names` are the result's header, beside the last stage's root columns. `small`: so little input that
    waking workers costs more than it saves; `small_reason` says why in EXPLAIN.
    """

    stages: tuple[Stage, ...]
    names: tuple[str, ...]
    small: bool = False
    small_reason: str = ""

    @property
    def result(self) -> Stage:
        """The stage whose output, pieces in task order, is the answer."""
        return self.stages[-1]
