"""Growing stages: a `Fragment` is a stage still open at the top, `StageBuilder` closes it with an exchange."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace

from sqlengine.config import Settings
from sqlengine.planner.expressions import Column, Expression, SortKey, columns_of
from sqlengine.planner.logical import Node, Sort
from sqlengine.planner.physical import (
    ExchangeRead,
    Exec,
    Gather,
    HashPartition,
    Output,
    ProjectExec,
    RangePartition,
    ReadPieces,
    Stage,
    Task,
    pre_order,
)
from sqlengine.planner.rewriting import next_column_id
from sqlengine.planner.same_work import work_of
from sqlengine.planner.statistics import Estimator
from sqlengine.storage.table import ScanTask
from sqlengine.types import SqlType

Inputs = Mapping[int, ScanTask | ReadPieces]
Needed = frozenset[int]


@dataclass(frozen=True, slots=True)
class Fragment:
    """An operator tree and what each of its tasks reads, before its output is decided.

    `partitioned`: rows that agree on these keys are in the same task, and the task is their bucket's number; after an
    inner join either side's keys say so.
    `rows` is the estimate for all tasks together.
    """

    root: Exec
    tasks: tuple[Inputs, ...]
    rows: float
    partitioned: tuple[HashPartition, ...] = ()

    @property
    def single(self) -> bool:
        """Whether one task does it all."""
        return len(self.tasks) == 1

    def over(self, root: Exec, rows: float | None = None) -> Fragment:
        """The fragment with another operator on top that keeps rows in their tasks."""
        return replace(self, root=root, rows=self.rows if rows is None else rows)


class StageBuilder:
    """Collects the stages of one plan; numbers stages, leaves and the columns the planner adds."""

    def __init__(self, plan: Node, settings: Settings) -> None:
        self.settings = settings
        self.estimator = Estimator(plan)
        self.stages: list[Stage] = []
        self.scanned_bytes = 0
        # The sort whose rows stay in several tasks, each with a range of them.
        self.ranged: tuple[Sort, RangePartition] | None = None
        self._leaves = 0
        self._by_work: dict[Hashable, Stage] = {}
        # By identity, since hashing an operator walks its tree; the operator is kept so its id stays its own.
        self._estimates: dict[int, tuple[Exec, float]] = {}
        self._next_column = next_column_id(plan)

    def new_leaf(self) -> int:
        """The number of a new leaf; unique in the plan, so fragments can be merged into one stage."""
        self._leaves += 1
        return self._leaves - 1

    def new_column(self, name: str, sql_type: SqlType) -> Column:
        """A column that the logical plan does not have."""
        self._next_column += 1
        return Column(self._next_column - 1, name, sql_type)

    def estimate(self, root: Exec, rows: float) -> None:
        """Remember how many rows `root` is expected to deliver in all tasks together."""
        self._estimates.setdefault(id(root), (root, rows))

    def close(self, fragment: Fragment, output: Output, limit: int | None = None) -> Stage:
        """Make a stage of `fragment`."""
        tasks = tuple(Task(dict(inputs)) for inputs in fragment.tasks)
        known = [self._estimates.get(id(each)) for each in pre_order(fragment.root)]
        estimates = tuple(None if each is None else round(each[1]) for each in known)
        stage = Stage(len(self.stages), fragment.root, tasks, output, limit, round(fragment.rows), estimates)
        self.stages.append(stage)
        return stage

    def read(
        self,
        fragment: Fragment,
        output: Output,
        needed: Needed,
        merge: tuple[SortKey, ...] = (),
        limit: int | None = None,
    ) -> ExchangeRead:
        """A leaf that reads the `needed` columns of `fragment` from a stage; from an earlier one if that does the same.

        What a query names twice (a CTE, a dimension, the domain of a subquery) is computed once: its parts are planned
        each for itself, and their stages found to be equal from the scans upwards.
        """
        narrowed = narrow(fragment, needed)
        columns = narrowed.root.columns
        work = work_of(narrowed.root, narrowed.tasks, output, limit)
        stage = self._by_work.get(work)
        if stage is None:
            stage = self._by_work[work] = self.close(narrowed, output, limit)
        sources = stage.root.columns
        return ExchangeRead(self.new_leaf(), stage.id, columns, merge, () if sources == columns else sources)

    def gather(
        self, fragment: Fragment, needed: Needed, merge: tuple[SortKey, ...] = (), limit: int | None = None
    ) -> Fragment:
        """One task that reads all rows of `fragment`, in task order or merged; the fragment itself if it is that."""
        if fragment.single:
            return fragment
        for key in merge:
            needed |= columns_of(key.expression)
        root = self.read(fragment, Gather(), needed, merge, limit)
        self.estimate(root, fragment.rows)
        return Fragment(root, ({root.leaf: ReadPieces()},), fragment.rows)

    def exchange(self, fragment: Fragment, keys: tuple[Expression, ...], buckets: int, needed: Needed) -> Fragment:
        """`buckets` tasks, each with all rows of its keys."""
        for key in keys:
            needed |= columns_of(key)
        root = self.read(fragment, HashPartition(keys, buckets), needed)
        self.estimate(root, fragment.rows)
        tasks = tuple({root.leaf: ReadPieces(bucket=bucket)} for bucket in range(buckets))
        return Fragment(root, tasks, fragment.rows, (HashPartition(keys, buckets),))

    def exchange_ranges(self, fragment: Fragment, partition: RangePartition, needed: Needed) -> Fragment:
        """A task for each range of a sort key, in the key's order; rows keep their order within it."""
        root = self.read(fragment, partition, needed | columns_of(partition.key.expression))
        self.estimate(root, fragment.rows)
        tasks = tuple({root.leaf: ReadPieces(bucket=bucket)} for bucket in range(partition.buckets))
        return Fragment(root, tasks, fragment.rows)

    def separate(self, fragment: Fragment, needed: Needed) -> Fragment:
        """The same rows in as many tasks, read from a stage of their own."""
        root = self.read(fragment, Gather(), needed)
        tasks = tuple({root.leaf: ReadPieces(tasks=(task,))} for task in range(len(fragment.tasks)))
        return Fragment(root, tasks, fragment.rows, fragment.partitioned)


def narrow(fragment: Fragment, needed: Needed) -> Fragment:
    """The fragment delivering only its columns in `needed`."""
    columns = fragment.root.columns
    kept = tuple(column for column in columns if column.id in needed)
    return fragment if len(kept) == len(columns) else fragment.over(ProjectExec(fragment.root, kept, kept))


def in_order(fragment: Fragment, columns: tuple[Column, ...]) -> Fragment:
    """The fragment delivering `columns` and in that order: where position counts, not the id."""
    return fragment if fragment.root.columns == columns else fragment.over(ProjectExec(fragment.root, columns, columns))


Lower = Callable[[Node, Needed], Fragment]
