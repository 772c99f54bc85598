"""The logical plan: what to compute, said in a dozen kinds of node.

Every node's `columns` are the columns it delivers, in order. Nodes are data: they print, compare, hash
(tables by identity of their description) and pickle; nothing here runs.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_never

from sqlengine.errors import InternalError
from sqlengine.planner.expressions import AggregateCall, Column, Expression, Literal, SortKey
from sqlengine.planner.logical_joins import AsofJoin, Join, JoinKind, PositionalJoin
from sqlengine.planner.window_call import WindowCall, expressions_of_call
from sqlengine.storage.table import Table


@dataclass(frozen=True, slots=True)
class Scan:
    """Rows of a table: `source_names[k]` of the file is delivered as `columns[k]`.

    `filters` are conjuncts every delivered row satisfies; the scan also uses them to skip splits.
    `name` is how the query calls the table.
    """

    name: str
    table: Table
    columns: tuple[Column, ...]
    source_names: tuple[str, ...]
    filters: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Values:
    """Literal rows; `SELECT 1` stands on one row of no columns."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Expression, ...], ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """Rows for which `condition` is true (not false, not NULL)."""

    input: Node
    condition: Expression

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those of the input."""
        return self.input.columns


@dataclass(frozen=True, slots=True)
class Project:
    """`columns[k]` computed as `expressions[k]`, row by row."""

    input: Node
    columns: tuple[Column, ...]
    expressions: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One row per distinct `keys`; without keys, exactly one row. Delivers keys, then aggregates.

    Without aggregates it is DISTINCT. `always` are keys of groups that are delivered even without rows: the grand
    totals of GROUPING SETS.
    """

    input: Node
    key_columns: tuple[Column, ...]
    keys: tuple[Expression, ...]
    aggregate_columns: tuple[Column, ...]
    aggregates: tuple[AggregateCall, ...]
    always: tuple[tuple[Literal, ...], ...] = ()

    @property
    def columns(self) -> tuple[Column, ...]:
        """Keys, then aggregates."""
        return self.key_columns + self.aggregate_columns


@dataclass(frozen=True, slots=True)
class Sort:
    """Rows in order of `keys`; equal rows keep the input's order. `limit` + `offset` make it a top-k."""

    input: Node
    keys: tuple[SortKey, ...]
    limit: int | None = None
    offset: int = 0

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those of the input."""
        return self.input.columns


@dataclass(frozen=True, slots=True)
class Limit:
    """Rows `offset` … `offset + limit` of the input (`limit` None: all after the offset).

    With `percent`, the limit is that share of the input's rows, rounded down.
    With `per`, so many of the rows that agree on those columns; NULL agrees with NULL.
    """

    input: Node
    limit: int | None
    offset: int = 0
    percent: float | None = None
    per: tuple[Column, ...] = ()

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those of the input."""
        return self.input.columns


@dataclass(frozen=True, slots=True)
class Union:
    """All rows of all inputs, in order; `columns` are fresh, position by position (UNION ALL).

    The binder has cast every input to the common types, so inputs differ in column ids only.
    """

    inputs: tuple[Node, ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Unnest:
    """Per input row as many rows as its longest list has items: `item_columns[k]` holds those of `lists[k]`.

    Shorter lists are filled up with NULL; an empty list and NULL have no items, and a row without items vanishes
    unless `keep_empty` (then it stays, with NULL items). `ordinality` numbers the items from 1.
    """

    input: Node
    lists: tuple[Expression, ...]
    item_columns: tuple[Column, ...]
    ordinality: Column | None = None
    keep_empty: bool = False

    @property
    def new_columns(self) -> tuple[Column, ...]:
        """What stands beside the input's columns: the items, then their number."""
        return self.item_columns if self.ordinality is None else (*self.item_columns, self.ordinality)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those of the input, then the new ones."""
        return self.input.columns + self.new_columns


@dataclass(frozen=True, slots=True)
class Expand:
    """Every row once for each of `sets`, for GROUPING SETS to group.

    `key_columns[k]` holds `keys[k]` where k is among the set's numbers, else NULL; `set_column`, an INTEGER, is the
    position of the set.
    """

    input: Node
    keys: tuple[Expression, ...]
    key_columns: tuple[Column, ...]
    set_column: Column
    sets: tuple[tuple[int, ...], ...]

    @property
    def new_columns(self) -> tuple[Column, ...]:
        """What stands beside the input's columns."""
        return (*self.key_columns, self.set_column)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those of the input, then the new ones."""
        return self.input.columns + self.new_columns


@dataclass(frozen=True, slots=True)
class Recursion:
    """WITH RECURSIVE: the rows of `start`, then those of `step` over the rows found last, until there are none.

    `step` reads the rows found last by scans of `working`. `distinct` (UNION) drops rows that were found before.
    For rules it is a leaf: `start` and `step` are plans of their own, optimized and run before the rest of the query
    (see `sqlengine.recursion`), which then scans what was found. Column by column `columns` are those of both.
    """

    name: str
    columns: tuple[Column, ...]
    start: Node
    step: Node
    working: Table
    distinct: bool


@dataclass(frozen=True, slots=True)
class Window:
    """Every row of the input, with the results of `calls` over the rows that agree with it on `partition`.

    Calls of one PARTITION BY and ORDER BY share a node; each has its own frame. Delivers the input's columns, then
    `call_columns`. The order of the rows is not specified. With `first`, rows that so many others of their partition
    come before may be left out.
    """

    input: Node
    partition: tuple[Expression, ...]
    order: tuple[SortKey, ...]
    call_columns: tuple[Column, ...]
    calls: tuple[WindowCall, ...]
    first: int | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The input's, then the results."""
        return self.input.columns + self.call_columns


Node = (
    Scan
    | Values
    | Filter
    | Project
    | Join
    | AsofJoin
    | PositionalJoin
    | Aggregate
    | Sort
    | Limit
    | Union
    | Unnest
    | Expand
    | Recursion
    | Window
)


def inputs_of(node: Node) -> tuple[Node, ...]:
    """Direct inputs, left to right."""
    match node:
        case Scan() | Values() | Recursion():
            return ()
        case Filter() | Project() | Aggregate() | Sort() | Limit() | Unnest() | Window() | Expand():
            return (node.input,)
        case Join() | AsofJoin():
            return (node.left, node.right)
        case Union() | PositionalJoin():
            return node.inputs
        case _:
            assert_never(node)


def with_inputs(node: Node, inputs: tuple[Node, ...]) -> Node:
    """The node over other inputs; the same object when they are the same objects."""
    if all(map(operator.is_, inputs, inputs_of(node))):
        return node
    match node:
        case Scan() | Values() | Recursion():
            raise InternalError("a leaf has no inputs")
        case Filter() | Project() | Aggregate() | Sort() | Limit() | Unnest() | Window() | Expand():
            return replace(node, input=inputs[0])
        case Join() | AsofJoin():
            return replace(node, left=inputs[0], right=inputs[1])
        case Union() | PositionalJoin():
            return replace(node, inputs=inputs)
        case _:
            assert_never(node)


def transform_up(node: Node, change: Callable[[Node], Node]) -> Node:
    """Apply `change` to every node, inputs first."""
    return change(with_inputs(node, tuple([transform_up(child, change) for child in inputs_of(node)])))


def transform_down(node: Node, change: Callable[[Node], Node]) -> Node:
    """Apply `change` to every node, before its inputs."""
    changed = change(node)
    return with_inputs(changed, tuple([transform_down(child, change) for child in inputs_of(changed)]))


def expressions_of(node: Node) -> tuple[Expression, ...]:
    """Every expression that stands in the node itself (not in its inputs)."""
    match node:
        case Scan(filters=filters):
            return filters
        case Values(rows=rows):
            return tuple(value for row in rows for value in row)
        case Filter(condition=condition):
            return (condition,)
        case Project(expressions=expressions):
            return expressions
        case Join(conditions=conditions):
            return conditions
        case AsofJoin():
            return (node.left_at, node.right_at, *node.conditions)
        case Expand(keys=keys):
            return keys
        case Aggregate(keys=keys, aggregates=aggregates):
            arguments = tuple(a for call in aggregates for a in call.arguments)
            filters = tuple(call.filter for call in aggregates if call.filter is not None)
            order = tuple(key.expression for call in aggregates for key in call.order)
            return keys + arguments + filters + order
        case Sort(keys=keys):
            return tuple(key.expression for key in keys)
        case Unnest(lists=lists):
            return lists
        case Window(partition=partition, order=order, calls=window_calls):
            in_calls = tuple(each for call in window_calls for each in expressions_of_call(call))
            return partition + tuple(key.expression for key in order) + in_calls
        case Limit(per=per):
            return per
        case Union() | Recursion() | PositionalJoin():
            return ()
        case _:
            assert_never(node)


ONE_ROW = Values((), ((),))

__all__ = [
    "ONE_ROW",
    "Aggregate",
    "AsofJoin",
    "Expand",
    "Filter",
    "Join",
    "JoinKind",
    "Limit",
    "Literal",
    "Node",
    "PositionalJoin",
    "Project",
    "Recursion",
    "Scan",
    "Sort",
    "Union",
    "Unnest",
    "Values",
    "Window",
    "expressions_of",
    "inputs_of",
    "transform_down",
    "transform_up",
    "with_inputs",
]
