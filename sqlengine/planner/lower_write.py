"""Writing: which task writes which rows."""

from __future__ import annotations

from typing import assert_never

from sqlengine.planner.choices import WriteStrategy, choose_buckets, choose_write_strategy
from sqlengine.planner.logical import Filter, Node, Project, Scan, Sort
from sqlengine.planner.physical import RangePartition
from sqlengine.planner.physical_write import WriteExec, WriteSpec
from sqlengine.planner.stages import Fragment, StageBuilder
from sqlengine.storage.writing_formats import find_writing_format
from sqlengine.types import BIGINT, VARCHAR


def sorted_by(plan: Node) -> Sort | None:
    """The sort that decides the order of all rows of `plan`, if there is one."""
    while isinstance(plan, Project):
        plan = plan.input
    return plan if isinstance(plan, Sort) and plan.limit is None and not plan.offset else None


def is_scan(plan: Node) -> bool:
    """Whether `plan` is no more than a table, some of its rows, and expressions over them."""
    while isinstance(plan, Project | Filter):
        plan = plan.input
    return isinstance(plan, Scan)


def sort_in_ranges(plan: Node, spec: WriteSpec, builder: StageBuilder) -> None:
    """Have the sort on top of `plan` done range by range, if bounds are known: tasks, and so files, in order."""
    sort = sorted_by(plan)
    if sort is not None and spec.bounds:
        builder.ranged = sort, RangePartition(sort.keys[0], spec.bounds)


def lower_write(below: Fragment, spec: WriteSpec, builder: StageBuilder) -> Fragment:
    """The rows of `below` in files: every task writes its own files of a folder, or its part of a single file.

    Rows keep their order: task by task in the numbers of the files, and within each file of a partition.
    """
    needed = frozenset(column.id for column in below.root.columns)
    keys = below.root.columns[len(spec.names) :]
    strategy, reason = choose_write_strategy(
        spec.is_folder,
        len(below.tasks),
        below.rows,
        builder.estimator.groups(keys, below.rows) if keys else 1,
        _part_rows(spec),
    )
    match strategy:
        case WriteStrategy.IN_PLACE | WriteStrategy.PARTS:
            rows = below
        case WriteStrategy.GATHER:
            rows = builder.gather(below, needed)
        case WriteStrategy.HASH:
            rows = builder.exchange(below, keys, choose_buckets(below.rows, builder.settings), needed)
        case _:
            assert_never(strategy)
    columns = tuple(
        builder.new_column(name, kind)
        for name, kind in (("folder", VARCHAR), ("file", VARCHAR), ("rows", BIGINT), ("bytes", BIGINT))
    )
    write = WriteExec(rows.root, spec, columns, strategy is WriteStrategy.PARTS, reason)
    return rows.over(write, float(len(rows.tasks)))


def writes_in_parts(spec: WriteSpec) -> bool:
    """Whether several tasks can write what `spec` says, each its own rows."""
    return spec.is_folder or _part_rows(spec) is not None


def _part_rows(spec: WriteSpec) -> int | None:
    joining, options = find_writing_format(spec.format).joining, dict(spec.options)
    if joining is None or joining.part_options(options) is None:
        return None
    return joining.part_rows(options)
