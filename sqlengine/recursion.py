"""Runs the recursive parts of a plan, round by round, before the rest of it is planned.

Each round is a query of its own whose working table is an Arrow table in memory: it is planned with the true number of
rows and may use every worker. Rows come in the order in which rounds find them, whatever runs them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlengine.errors import MemoryBudgetError
from sqlengine.executor.context import QueryContext
from sqlengine.planner.expressions import Call, Column
from sqlengine.planner.logical import (
    Aggregate,
    Filter,
    Limit,
    Node,
    Project,
    Recursion,
    Scan,
    Unnest,
    inputs_of,
    with_inputs,
)
from sqlengine.planner.logical_joins import Join, JoinKind
from sqlengine.planner.rewriting import next_column_id
from sqlengine.storage.memory import ArrowTable
from sqlengine.storage.table import Table
from sqlengine.types import BOOLEAN

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Recursions:
    """Runs recursive queries.

    Parameters
    ----------
    run
        Optimizes and runs a plan without recursions; its rows, columns by position.
    context
        Of the whole query: rounds end when it is cancelled, at its deadline and at its memory limit.
    task_rows
        Rows of a scan task.
    """

    run: Callable[[Node], pa.Table]
    context: QueryContext
    task_rows: int

    def resolve(self, node: Node) -> Node:
        """`node` with a scan of the rows found in place of each recursion.

        A recursion right below a LIMIT stops when it has found enough for it, so it need not end by itself.
        """
        if isinstance(node, Recursion):
            return self._scan(node, self._solve(node, None))
        if isinstance(node, Limit) and node.limit is not None and not node.per:
            path = _path(node.input)
            if path:
                enough = _Enough(self, node.input, path[-1], node.limit + node.offset)
                return _replaced(node, path[-1], self._scan(path[-1], self._solve(path[-1], enough)))
        return with_inputs(node, tuple(map(self.resolve, inputs_of(node))))

    def scan(self, name: str, columns: tuple[Column, ...], rows: pa.Table) -> Scan:
        """A scan of rows in memory."""
        table = ArrowTable(name, rows, self.task_rows, [column.type for column in columns])
        return Scan(name, table, columns, tuple(field.name for field in table.fields))

    def _scan(self, recursion: Recursion, rows: pa.Table) -> Scan:
        return self.scan(recursion.name, recursion.columns, rows)

    def _solve(self, recursion: Recursion, enough: _Enough | None) -> pa.Table:
        import pyarrow as pa

        start = self.resolve(recursion.start)
        last = self.run(_distinct(start) if recursion.distinct else start)
        found = last
        while last.num_rows and not (enough is not None and enough.after(last)):
            self.context.check()
            limit = self.context.memory_limit
            if limit is not None and found.nbytes > limit:
                raise MemoryBudgetError(
                    f"the recursive query {recursion.name} finds more rows than the memory budget of {limit:,} bytes"
                    " holds; raise the setting 'memory_limit', or let the recursion end earlier"
                )
            step = self.resolve(_reading(recursion.step, recursion.working, self._table(recursion, last)))
            if recursion.distinct:
                step = self._unseen(_distinct(step), recursion, found)
            last = self.run(step)
            found = pa.concat_tables([found, last])
        return found

    def _table(self, recursion: Recursion, rows: pa.Table) -> ArrowTable:
        names = [field.name for field in recursion.working.fields]
        return ArrowTable(recursion.name, rows.rename_columns(names), self.task_rows, _types(recursion))

    def _unseen(self, step: Node, recursion: Recursion, found: pa.Table) -> Node:
        """The rows of `step` that are not among `found`."""
        first = next_column_id(step)
        columns = tuple(Column(first + k, column.name, column.type) for k, column in enumerate(recursion.columns))
        conditions = tuple(
            Call("is_not_distinct_from", (new, old), BOOLEAN) for new, old in zip(step.columns, columns, strict=True)
        )
        return Join(JoinKind.ANTI, step, self.scan(recursion.name, columns, found), conditions)


class _Enough:
    """Counts what comes out at the top of a plan for the rows that a recursion finds at its bottom."""

    def __init__(self, recursions: Recursions, top: Node, recursion: Recursion, wanted: int) -> None:
        self._recursions = recursions
        self._top = top
        self._recursion = recursion
        self._wanted = wanted
        self._rows = 0

    def after(self, last: pa.Table) -> bool:
        """Whether the rows found so far suffice, `last` among them."""
        if self._rows < self._wanted and self._top is not self._recursion:
            scan = self._recursions.scan(self._recursion.name, self._recursion.columns, last)
            last = self._recursions.run(_replaced(self._top, self._recursion, scan))
        self._rows += last.num_rows
        return self._rows >= self._wanted


def without_rows(node: Node) -> Node:
    """`node` with scans of nothing in place of recursions: for EXPLAIN."""
    if isinstance(node, Recursion):
        return Scan(node.name, node.working, node.columns, tuple(field.name for field in node.working.fields))
    return with_inputs(node, tuple(map(without_rows, inputs_of(node))))


def recursions_in(node: Node) -> list[Recursion]:
    """The recursions of a plan, inner ones first."""
    if isinstance(node, Recursion):
        return [*recursions_in(node.start), *recursions_in(node.step), node]
    return [found for child in inputs_of(node) for found in recursions_in(child)]


def _path(node: Node) -> list[Any]:
    """From `node` to the one recursion below it, through nodes that work row by row; empty if there is none such."""
    match node:
        case Recursion():
            return [node]
        case Filter(input=below) | Project(input=below) | Unnest(input=below):
            path = _path(below)
        case Join(kind=JoinKind.INNER | JoinKind.LEFT | JoinKind.SEMI | JoinKind.ANTI, left=below, right=right):
            path = [] if recursions_in(right) else _path(below)
        case _:
            return []
    return [node, *path] if path else []


def _replaced(node: Node, old: Node, new: Node) -> Node:
    return new if node is old else with_inputs(node, tuple(_replaced(child, old, new) for child in inputs_of(node)))


def _reading(node: Node, working: Table, rows: Table) -> Node:
    """`node` with scans of `rows` in place of those of `working`, in recursions inside too."""
    match node:
        case Scan(table=table) if table == working:
            return Scan(node.name, rows, node.columns, node.source_names, node.filters)
        case Recursion():
            start, step = (_reading(part, working, rows) for part in (node.start, node.step))
            return Recursion(node.name, node.columns, start, step, node.working, node.distinct)
        case _:
            return with_inputs(node, tuple(_reading(child, working, rows) for child in inputs_of(node)))


def _distinct(node: Node) -> Node:
    return Aggregate(node, node.columns, node.columns, (), ())


def _types(recursion: Recursion) -> list[Any]:
    return [column.type for column in recursion.columns]
