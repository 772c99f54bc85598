"""One pipeline: the operators of a stage as a chain of iterators, each metered.

::

    Limit ── pulls ── Aggregate ── pulls ── HashJoin ── pulls ── Scan      (probe side)
                                               └─ pulls first ── pieces    (build side)

A batch is pulled through the whole chain before the next one is read. Operators know neither time nor rows: both are
taken at every link, where the task also notices that it was cancelled.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar, assert_never

from sqlengine.batch import Batch
from sqlengine.executor.context import TaskContext
from sqlengine.executor.operators.aggregate import aggregate
from sqlengine.executor.operators.any_key_join import any_key_join, build_tables
from sqlengine.executor.operators.append import append
from sqlengine.executor.operators.expand import expand
from sqlengine.executor.operators.filter import keep_rows
from sqlengine.executor.operators.hash_join import build_side, hash_join
from sqlengine.executor.operators.limit import limit_rows
from sqlengine.executor.operators.merge import merge
from sqlengine.executor.operators.nested_loop_join import build_rows, nested_loop_join
from sqlengine.executor.operators.positional_join import positional_join
from sqlengine.executor.operators.project import project
from sqlengine.executor.operators.scan import scan
from sqlengine.executor.operators.sort import sort
from sqlengine.executor.operators.sorted_join import ordered_side, sorted_join
from sqlengine.executor.operators.unnest import unnest
from sqlengine.executor.operators.values import literal_rows
from sqlengine.executor.operators.window import window
from sqlengine.executor.operators.write import write
from sqlengine.executor.task import TaskInputs
from sqlengine.planner.physical import (
    AppendExec,
    ExchangeRead,
    Exec,
    FilterExec,
    LimitExec,
    ProjectExec,
    ScanExec,
    SortExec,
    UnnestExec,
    ValuesExec,
    WindowExec,
    exec_inputs,
    leaves,
    pre_order,
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

T = TypeVar("T")


class _Pipeline:
    """Opens the operators of one tree and keeps what each has delivered and how long it took."""

    def __init__(self, root: Exec, inputs: TaskInputs, context: TaskContext) -> None:
        self._inputs = inputs
        self._context = context
        self._nodes = pre_order(root)
        self._rows = [0] * len(self._nodes)
        self._seconds = [0.0] * len(self._nodes)

    def operators(self) -> dict[int, tuple[int, float]]:
        """(rows delivered, seconds spent, inputs excluded) of each operator, by position in pre-order."""
        own = list(self._seconds)
        for position, node in enumerate(self._nodes):
            for child in _child_positions(node, position):
                own[position] -= self._seconds[child]
        return dict(enumerate(zip(self._rows, own, strict=True)))

    def open(self, node: Exec, position: int) -> Iterator[Batch]:
        """The batches of the operator at this position in pre-order, metered."""
        return self._metered(self._operator(node, position), position)

    def _operator(self, node: Exec, position: int) -> Iterator[Batch]:
        context = self._context
        children = _child_positions(node, position)
        match node:
            case ScanExec():
                return scan(node, self._inputs.scan(node))
            case ExchangeRead(merge=()):
                return self._inputs.pieces(node)
            case ExchangeRead():
                return merge(node, self._inputs.runs(node), context)
            case ValuesExec():
                return literal_rows(node, context.batch_rows)
            case FilterExec():
                return keep_rows(node, self.open(node.input, children[0]))
            case ProjectExec():
                return project(node, self.open(node.input, children[0]))
            case AggregateExec():
                return aggregate(node, self.open(node.input, children[0]), context)
            case SortExec():
                return sort(node, self.open(node.input, children[0]), context)
            case WindowExec():
                return window(node, self.open(node.input, children[0]), context)
            case LimitExec():
                return limit_rows(node, self.open(node.input, children[0]), context)
            case WriteExec():
                return write(node, self.open(node.input, children[0]), context)
            case ExpandExec():
                return expand(node, self.open(node.input, children[0]))
            case UnnestExec():
                return unnest(node, self.open(node.input, children[0]), context)
            case AppendExec():
                opened = [self.open(child, at) for child, at in zip(node.inputs, children, strict=True)]
                return append(node, opened)
            case HashJoinExec():
                join = node
                build = self._once(node, lambda: build_side(join, self.open(join.build, children[1]), context))
                return hash_join(node, self.open(node.probe, children[0]), build, context)
            case NestedLoopJoinExec():
                loop = node
                inner = self._once(node, lambda: build_rows(loop, self.open(loop.build, children[1]), context))
                return nested_loop_join(node, self.open(node.probe, children[0]), inner, context)
            case SortedJoinExec():
                ordered = node
                side = self._once(node, lambda: ordered_side(ordered, self.open(ordered.build, children[1]), context))
                return sorted_join(node, self.open(node.probe, children[0]), side, context)
            case AnyKeyJoinExec():
                either = node
                tables = self._once(node, lambda: build_tables(either, self.open(either.build, children[1]), context))
                return any_key_join(node, self.open(node.probe, children[0]), tables, context)
            case PositionalJoinExec():
                opened = [self.open(child, at) for child, at in zip(node.inputs, children, strict=True)]
                return positional_join(node, opened, context)
            case _:
                assert_never(node)

    def _once(self, node: _Building, build: Callable[[], T]) -> Callable[[], T]:
        """`build`, but once per process if every task would build of the same rows."""
        for leaf in leaves(node.build):
            if isinstance(leaf, ScanExec) or (isinstance(leaf, ExchangeRead) and not self._inputs.is_broadcast(leaf)):
                return build
        # The text tells apart what equality of nodes does not (0.0 and -0.0), and literals may be unhashable.
        key = repr((type(node).__name__, node.build, node.columns, _build_details(node)))
        return lambda: self._inputs.shared(key, build)

    def _metered(self, batches: Iterator[Batch], position: int) -> Iterator[Batch]:
        clock = time.perf_counter
        while True:
            self._context.check()
            started = clock()
            batch = next(batches, None)
            self._seconds[position] += clock() - started
            if batch is None:
                return
            self._rows[position] += batch.length
            yield batch


def run_pipeline(root: Exec, inputs: TaskInputs, context: TaskContext) -> Iterator[Batch]:
    """The batches that `root` delivers in one task, none of them empty.

    Nothing is read before the first batch is asked for. When the iteration ends, `context.operators` says what each
    operator did.

    Raises
    ------
    QueryCancelled, QueryTimeoutError
        Between batches, when the query should stop.
    MemoryBudgetError
        When an operator would hold more than the task's budget.
    """
    pipeline = _Pipeline(root, inputs, context)
    try:
        yield from pipeline.open(root, 0)
    finally:
        context.operators.update(pipeline.operators())


_Building = HashJoinExec | NestedLoopJoinExec | SortedJoinExec | AnyKeyJoinExec


def _build_details(node: _Building) -> object:
    match node:
        case HashJoinExec():
            return node.build_keys, node.null_equal, node.residual
        case NestedLoopJoinExec():
            return node.conditions
        case AnyKeyJoinExec():
            return node.conditions, node.alternatives
        case SortedJoinExec():
            return node.build_keys, node.null_equal, node.residual, node.bounds, node.nearest
        case _:
            assert_never(node)


def _child_positions(node: Exec, position: int) -> list[int]:
    """Pre-order positions of the direct inputs of the node at `position`."""
    positions = []
    following = position + 1
    for child in exec_inputs(node):
        positions.append(following)
        following += len(pre_order(child))
    return positions
