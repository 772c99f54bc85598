"""What must hold of every physical plan: each operator finds its columns and its rows where it needs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from sqlengine.errors import InternalError
from sqlengine.planner.expressions import Column, Expression, walk
from sqlengine.planner.logical_joins import JoinKind
from sqlengine.planner.physical import (
    AppendExec,
    ExchangeRead,
    Exec,
    FilterExec,
    Gather,
    HashPartition,
    LimitExec,
    PhysicalPlan,
    ProjectExec,
    RangePartition,
    ReadPieces,
    ScanExec,
    SortExec,
    Stage,
    UnnestExec,
    ValuesExec,
    WindowExec,
    exec_inputs,
    leaves,
)
from sqlengine.planner.physical_aggregates import AggregateExec, ExpandExec
from sqlengine.planner.physical_joins import (
    AnyKeyJoinExec,
    HashJoinExec,
    NestedLoopJoinExec,
    PositionalJoinExec,
    SortedJoinExec,
)
from sqlengine.planner.physical_write import WriteExec
from sqlengine.planner.window_call import expressions_of_call
from sqlengine.storage.table import ScanTask

# What can be read of a stage: a task's whole output (bucket None) or a bucket of it.
_Piece = tuple[int, int | None]


def check_physical(plan: PhysicalPlan) -> None:
    """Check columns, leaves and pieces of every stage.

    Raises
    ------
    InternalError
        Naming the stage and what does not fit.
    """
    for position, stage in enumerate(plan.stages):
        where = f"stage {stage.id}"
        _require(stage.id == position, f"{where} stands at position {position}")
        _require(bool(stage.tasks), f"{where} has no task")
        _check_columns(stage.root, where)
        if isinstance(stage.output, HashPartition):
            _check_read(stage.output.keys, stage.root.columns, f"{where}: output")
        if isinstance(stage.output, RangePartition):
            _check_read((stage.output.key.expression,), stage.root.columns, f"{where}: output")
        _check_leaves(plan, stage, where)
        _check_joins(stage, where)
    _require(isinstance(plan.result.output, Gather), "the result is not gathered")
    _require(len(plan.names) == len(plan.result.root.columns), "the header and the result's columns differ in number")


def _check_columns(node: Exec, where: str) -> None:
    available = [column for child in exec_inputs(node) for column in child.columns]
    if isinstance(node, ScanExec):
        available = list(node.read_columns)
    if not isinstance(node, ValuesExec | ExchangeRead):
        _check_read(_expressions(node), available, f"{where}: {type(node).__name__}")
    ids = [column.id for column in node.columns]
    _require(len(ids) == len(set(ids)), f"{where}: {type(node).__name__} delivers a column twice")
    for child in exec_inputs(node):
        _check_columns(child, where)


def _expressions(node: Exec) -> Iterator[Expression]:
    """Everything the operator reads of its inputs (of its file, for a scan)."""
    match node:
        case ScanExec():
            yield from node.filters
            yield from node.columns
        case ExchangeRead():
            yield from (key.expression for key in node.merge)
        case ValuesExec():
            return
        case LimitExec():
            yield from node.per
        case FilterExec():
            yield node.condition
        case ProjectExec():
            yield from node.expressions
        case AggregateExec():
            yield from node.keys
            for aggregate in node.aggregates:
                if aggregate.filter is not None:
                    yield aggregate.filter
                for state in aggregate.states:
                    if node.reads_states:
                        yield state.column
                    else:
                        yield from state.arguments
                yield from aggregate.arguments
                yield from (key.expression for key in aggregate.order)
        case HashJoinExec():
            yield from (*node.probe_keys, *node.build_keys, *node.residual, *node.columns)
        case NestedLoopJoinExec():
            yield from (*node.conditions, *node.columns)
        case SortedJoinExec():
            yield from (*node.probe_keys, *node.build_keys, *node.residual, *node.columns)
            for bound in node.bounds:
                yield from (bound.probe, bound.build)
        case AnyKeyJoinExec():
            yield from (*node.conditions, *node.columns)
            for each in node.alternatives:
                yield from (*each.probe, *each.build)
        case PositionalJoinExec():
            yield from node.columns
        case SortExec():
            yield from (key.expression for key in node.keys)
        case ExpandExec():
            yield from node.keys
        case UnnestExec():
            yield from node.lists
        case WindowExec():
            yield from node.partition
            yield from (key.expression for key in node.order)
            yield from (each for call in node.calls for each in expressions_of_call(call))
        case WriteExec():
            yield from (*node.data, *node.partition)
        case AppendExec():
            for child in node.inputs:
                types = [column.type for column in child.columns]
                _require(types == [column.type for column in node.columns], "an input of AppendExec has other types")
        case _:
            assert_never(node)


def _check_read(expressions: Iterable[Expression], available: Iterable[Column], where: str) -> None:
    known = {column.id: column.type for column in available}
    for part in (part for expression in expressions for part in walk(expression) if isinstance(part, Column)):
        _require(part.id in known, f"{where} reads {part.name} (#{part.id}), which its input does not deliver")
        _require(known[part.id] == part.type, f"{where} reads {part.name} as {part.type}, not {known[part.id]}")


def _check_leaves(plan: PhysicalPlan, stage: Stage, where: str) -> None:
    """Every task says what each leaf reads; together the tasks read every piece once, or each task reads all."""
    reading = [leaf for leaf in leaves(stage.root) if not isinstance(leaf, ValuesExec)]
    numbers = {leaf.leaf for leaf in reading}
    _require(len(numbers) == len(reading), f"{where} has two leaves of one number")
    for task in stage.tasks:
        _require(set(task.inputs) == numbers, f"{where} has a task that leaves a leaf without input")
    for leaf in reading:
        pieces = [task.inputs[leaf.leaf] for task in stage.tasks]
        if isinstance(leaf, ScanExec):
            _require(all(isinstance(piece, ScanTask) for piece in pieces), f"{where}: a scan reads an exchange")
            continue
        _require(0 <= leaf.stage < stage.id, f"{where} reads stage {leaf.stage}, which does not come before it")
        source = plan.stages[leaf.stage]
        delivered = {column.id for column in source.root.columns}
        wanted = leaf.stage_columns
        _require({column.id for column in wanted} <= delivered, f"{where} reads columns that its source has not")
        types = [column.type for column in wanted]
        _require([column.type for column in leaf.columns] == types, f"{where} reads columns as other types")
        _check_read(tuple(_expressions(leaf)), leaf.columns, f"{where}: merge")
        read = [piece for piece in pieces if isinstance(piece, ReadPieces)]
        _require(len(read) == len(pieces), f"{where}: an exchange reads splits")
        if all(piece in (ReadPieces(), ReadPieces(tasks=())) for piece in read):
            continue
        found = [each for piece in read for each in _pieces(piece, source)]
        _require(len(found) == len(set(found)), f"{where} reads a piece of stage {source.id} twice")
        _require(set(found) == _all_pieces(source), f"{where} does not read every piece of stage {source.id}")


def _pieces(piece: ReadPieces, source: Stage) -> Iterator[_Piece]:
    tasks = range(len(source.tasks)) if piece.tasks is None else piece.tasks
    yield from ((task, piece.bucket) for task in tasks)


def _all_pieces(source: Stage) -> set[_Piece]:
    buckets = range(source.output.buckets) if not isinstance(source.output, Gather) else (None,)
    return {(task, bucket) for task in range(len(source.tasks)) for bucket in buckets}


def _check_joins(stage: Stage, where: str) -> None:
    """Both sides of a shuffled join read the same bucket; unmatched build rows are known to one task only."""
    for task in stage.tasks:
        buckets = {
            piece.bucket for piece in task.inputs.values() if isinstance(piece, ReadPieces) and piece.bucket is not None
        }
        _require(len(buckets) <= 1, f"{where} has a task that joins different buckets")
    if len(stage.tasks) == 1:
        return
    for node in _walk(stage.root):
        if isinstance(node, HashJoinExec | NestedLoopJoinExec | SortedJoinExec | AnyKeyJoinExec) and node.kind in (
            JoinKind.RIGHT,
            JoinKind.FULL,
        ):
            _require(
                not _is_repeated(node.build, stage),
                f"{where}: every task would deliver the unmatched build rows of a {node.kind.value} join",
            )


def _is_repeated(node: Exec, stage: Stage) -> bool:
    """Whether every task of the stage has all rows of `node`."""
    match node:
        case ExchangeRead():
            return all(task.inputs[node.leaf] == ReadPieces() for task in stage.tasks)
        case HashJoinExec() | NestedLoopJoinExec() | SortedJoinExec() | AnyKeyJoinExec():
            # A broadcast build side does not repeat the probe rows that it meets.
            match node.kind:
                case JoinKind.INNER:
                    return _is_repeated(node.probe, stage) and _is_repeated(node.build, stage)
                case JoinKind.RIGHT:
                    return _is_repeated(node.build, stage)
                case JoinKind.FULL:
                    return _is_repeated(node.probe, stage) or _is_repeated(node.build, stage)
                case _:
                    return _is_repeated(node.probe, stage)
        case _:
            return any(_is_repeated(each, stage) for each in exec_inputs(node))


def _walk(node: Exec) -> Iterator[Exec]:
    yield node
    for child in exec_inputs(node):
        yield from _walk(child)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InternalError(f"physical plan: {message}")
