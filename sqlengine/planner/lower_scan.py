"""Leaves of the physical plan: scans, with the splits their filters leave, and literal rows."""

from __future__ import annotations

from sqlengine.planner.expressions import columns_of
from sqlengine.planner.logical import Scan, Values
from sqlengine.planner.physical import ScanExec, ValuesExec
from sqlengine.planner.predicates import predicates_of
from sqlengine.planner.stages import Fragment, Needed, StageBuilder
from sqlengine.storage.table import ScanTask


def lower_scan(scan: Scan, needed: Needed, builder: StageBuilder) -> Fragment:
    """One task per group of splits that may hold rows; one task that reads nothing if none may."""
    filtered = frozenset(column for condition in scan.filters for column in columns_of(condition))
    read = [
        (column, name)
        for column, name in zip(scan.columns, scan.source_names, strict=True)
        if column.id in needed or column.id in filtered
    ]
    names = {column.id: name for column, name in read}
    plan = scan.table.plan_scan([name for _, name in read], predicates_of(scan.filters, names))
    builder.scanned_bytes += sum(split.size for task in plan.tasks for split in task.splits)
    leaf = builder.new_leaf()
    root = ScanExec(
        leaf,
        scan.name,
        scan.table,
        tuple(column for column, _ in read),
        tuple(name for _, name in read),
        tuple(column for column, _ in read if column.id in needed),
        scan.filters,
        plan.total,
        plan.pruned,
        plan.pruned_by,
    )
    tasks = tuple({leaf: task} for task in plan.tasks or (ScanTask((), 0),))
    return Fragment(root, tasks, builder.estimator.rows(scan))


def lower_values(values: Values, needed: Needed, builder: StageBuilder) -> Fragment:
    """One task."""
    kept = [position for position, column in enumerate(values.columns) if column.id in needed]
    columns = tuple(values.columns[position] for position in kept)
    rows = tuple(tuple(row[position] for position in kept) for row in values.rows)
    return Fragment(ValuesExec(builder.new_leaf(), columns, rows), ({},), float(len(rows)))
