"""UNION ALL: the tasks of all inputs side by side, so that no row moves."""

from __future__ import annotations

from sqlengine.planner.logical import Union
from sqlengine.planner.physical import AppendExec, Exec, ReadPieces, ValuesExec, exec_inputs
from sqlengine.planner.physical_aggregates import AggregateExec
from sqlengine.planner.stages import Fragment, Inputs, Lower, Needed, StageBuilder, in_order
from sqlengine.storage.table import ScanTask


def lower_union(union: Union, needed: Needed, lower: Lower, builder: StageBuilder) -> Fragment:
    """One task that appends, if every input is one task; else each task works on one input, the rest reads nothing."""
    positions = [position for position, column in enumerate(union.columns) if column.id in needed]
    below = []
    for node in union.inputs:
        wanted = tuple(node.columns[position] for position in positions)
        below.append(in_order(lower(node, frozenset(column.id for column in wanted)), wanted))
    together = all(fragment.single for fragment in below)
    if not together:
        below = [
            fragment if _is_silent(fragment.root) else builder.separate(fragment, _ids(fragment)) for fragment in below
        ]
    root = AppendExec(
        tuple(fragment.root for fragment in below), tuple(union.columns[position] for position in positions)
    )
    rows = builder.estimator.rows(union)
    if together:
        everything: dict[int, ScanTask | ReadPieces] = {}
        for fragment in below:
            everything.update(fragment.tasks[0])
        return Fragment(root, (everything,), rows)
    nothing = {leaf: _nothing(piece) for fragment in below for leaf, piece in fragment.tasks[0].items()}
    tasks: list[Inputs] = [{**nothing, **inputs} for fragment in below for inputs in fragment.tasks]
    return Fragment(root, tuple(tasks), rows)


def _ids(fragment: Fragment) -> Needed:
    return frozenset(column.id for column in fragment.root.columns)


def _is_silent(root: Exec) -> bool:
    """Whether the tree delivers nothing when its leaves read nothing."""
    if isinstance(root, ValuesExec) or (isinstance(root, AggregateExec) and (not root.keys or root.always)):
        return False
    return all(_is_silent(child) for child in exec_inputs(root))


def _nothing(piece: ScanTask | ReadPieces) -> ScanTask | ReadPieces:
    return ScanTask((), 0) if isinstance(piece, ScanTask) else ReadPieces(tasks=())
