"""From the logical to the physical plan: the one module family that decides partitioning and cuts stages.

`lower` walks the logical tree and returns a `Fragment`: a stage still open at the top. Filters, projections,
probe sides and partial aggregates grow the fragment of their input; where rows of several tasks must meet, an
exchange closes it into a `Stage` and starts a new one. The choices themselves are pure functions in `choices`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from sqlengine.config import Settings
from sqlengine.errors import InternalError
from sqlengine.planner.choices import choose_small
from sqlengine.planner.expressions import Column, Expression, columns_of, transform
from sqlengine.planner.logical import (
    Aggregate,
    Expand,
    Filter,
    Limit,
    Node,
    Project,
    Recursion,
    Scan,
    Sort,
    Union,
    Unnest,
    Values,
    Window,
)
from sqlengine.planner.logical_joins import AsofJoin, Join, PositionalJoin
from sqlengine.planner.lower_aggregate import expand_rows, lower_aggregate
from sqlengine.planner.lower_join import lower_join, lower_positional_join
from sqlengine.planner.lower_scan import lower_scan, lower_values
from sqlengine.planner.lower_sort import lower_limit, lower_sort
from sqlengine.planner.lower_union import lower_union
from sqlengine.planner.lower_window import lower_window
from sqlengine.planner.lower_write import lower_write, sort_in_ranges
from sqlengine.planner.physical import (
    ExchangeRead,
    FilterExec,
    Gather,
    HashPartition,
    PhysicalPlan,
    ProjectExec,
    UnnestExec,
)
from sqlengine.planner.physical_write import WriteSpec
from sqlengine.planner.repeated import repeated_parts
from sqlengine.planner.stages import Fragment, Needed, StageBuilder, in_order
from sqlengine.planner.verify_physical import check_physical


def parallelize(plan: Node, names: Sequence[str], settings: Settings, write: WriteSpec | None = None) -> PhysicalPlan:
    """The physical plan of `plan`; `names` is the header of its columns, of which `write` makes files.

    Depends on the plan, on statistics and on settings, never on the number of workers.

    Raises
    ------
    InternalError
        With the setting `verify_plans`: the outcome breaks an invariant of `verify_physical`.
    """
    builder = StageBuilder(plan, settings)
    needed = frozenset(column.id for column in plan.columns)

    repeated = repeated_parts(plan, builder.estimator)

    def lower(node: Node, needed: Needed) -> Fragment:
        if id(node) in repeated:
            # All its columns, so that its stages are the same wherever it stands.
            needed = frozenset(column.id for column in node.columns)
        fragment = lower_node(node, needed)
        if id(node) in repeated and not isinstance(fragment.root, ExchangeRead):
            fragment = builder.separate(fragment, needed)
        builder.estimate(fragment.root, fragment.rows)
        return fragment

    def lower_node(node: Node, needed: Needed) -> Fragment:
        match node:
            case Scan():
                return lower_scan(node, needed, builder)
            case Recursion():
                raise InternalError(f"{node.name} must have run before the rest of the query is planned")
            case Values():
                return lower_values(node, needed, builder)
            case Filter():
                below = lower(node.input, needed | columns_of(node.condition))
                return below.over(FilterExec(below.root, node.condition), builder.estimator.rows(node))
            case Project():
                return _lower_project(node, needed, lower(node.input, _needed_by_project(node, needed)))
            case Join() | AsofJoin():
                return lower_join(node, needed, lower, builder)
            case PositionalJoin():
                return lower_positional_join(node, needed, lower, builder)
            case Aggregate():
                return lower_aggregate(node, needed, lower, builder)
            case Sort():
                return lower_sort(node, needed, lower, builder)
            case Limit():
                return lower_limit(node, needed, lower, builder)
            case Expand():
                wanted = needed.union(*map(columns_of, node.keys))
                return expand_rows(node, needed, lower(node.input, wanted), builder)
            case Unnest():
                wanted = needed.union(*map(columns_of, node.lists))
                return _lower_unnest(node, needed, lower(node.input, wanted), builder)
            case Union():
                return lower_union(node, needed, lower, builder)
            case Window():
                return lower_window(node, needed, lower, builder)
            case _:
                assert_never(node)

    if write is not None:
        sort_in_ranges(plan, write, builder)
    result = in_order(lower(plan, needed), plan.columns)
    if write is not None:
        result = lower_write(result, write, builder)
        names = [column.name for column in result.root.columns]
    builder.close(result, Gather())
    rows = max(float(stage.estimated_rows or 0) for stage in builder.stages)
    small, reason = choose_small(builder.scanned_bytes, rows, settings)
    physical = PhysicalPlan(tuple(builder.stages), tuple(names), small, reason)
    if settings.get_bool("verify_plans"):
        check_physical(physical)
    return physical


def _needed_by_project(project: Project, needed: Needed) -> Needed:
    used = (e for c, e in zip(project.columns, project.expressions, strict=True) if c.id in needed)
    return frozenset(column for expression in used for column in columns_of(expression))


def _lower_project(project: Project, needed: Needed, below: Fragment) -> Fragment:
    kept = [(c, e) for c, e in zip(project.columns, project.expressions, strict=True) if c.id in needed]
    columns = tuple(column for column, _ in kept)
    expressions = tuple(expression for _, expression in kept)
    if columns == expressions and set(columns) == set(below.root.columns):
        return below
    return Fragment(
        ProjectExec(below.root, columns, expressions),
        below.tasks,
        below.rows,
        _renamed(below.partitioned, columns, expressions),
    )


def _lower_unnest(unnest: Unnest, needed: Needed, below: Fragment, builder: StageBuilder) -> Fragment:
    """Rows stay in their tasks, and so do the keys that tasks agree on."""
    columns = (*(c for c in below.root.columns if c.id in needed), *(c for c in unnest.new_columns if c.id in needed))
    root = UnnestExec(
        below.root, unnest.lists, unnest.item_columns, unnest.ordinality, unnest.keep_empty, tuple(columns)
    )
    kept = frozenset(column.id for column in columns)
    partitioned = tuple(p for p in below.partitioned if all(columns_of(key) <= kept for key in p.keys))
    return Fragment(root, below.tasks, builder.estimator.rows(unnest), partitioned)


def _renamed(
    partitioned: tuple[HashPartition, ...], columns: tuple[Column, ...], expressions: tuple[Expression, ...]
) -> tuple[HashPartition, ...]:
    """The partitionings that can be said in the columns of a projection."""
    names = dict(zip(expressions, columns, strict=True))
    kept = {column.id for column in columns}
    renamed = []
    for each in partitioned:
        keys = tuple(transform(key, lambda part: names.get(part, part)) for key in each.keys)
        if all(columns_of(key) <= kept for key in keys):
            renamed.append(HashPartition(keys, each.buckets))
    return tuple(renamed)
