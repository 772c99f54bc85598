"""Hash aggregation: one row for each distinct key, in order of the key's first appearance.

::

    rows            group ids        accumulators        keys and results
    k  x            k                sum(x)  count       k  avg(x)
    b  1            b -> 0           0: 4    2           b  2
    a  5     ->     a -> 1    ->     1: 5    1     ->    a  5
    b  3

Inputs: rows (PARTIAL, SINGLE), or keys and states (MERGE, FINAL). Buffered: one entry per group; DISTINCT also keeps
one per group and distinct argument, a whole aggregate all its rows. Order: groups as they first appear, so the output
is a function of the input.
NULL: a key like any other value; what an aggregate does with NULL arguments is its states' affair.
Memory: proportional to the groups. A PARTIAL that finds almost as many groups as rows would pay for a table that
saves its readers nothing: it hands over what it has and turns each further row into a group of its own
(adaptive partial aggregation; Larson, "Data Reduction by Partial Preaggregation", ICDE 2002, section 3).
That choice depends on the task's rows only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from sqlengine.batch import Batch
from sqlengine.errors import InternalError
from sqlengine.executor.context import TaskContext
from sqlengine.executor.evaluate import Evaluator
from sqlengine.executor.operators.grouping import Groups
from sqlengine.executor.operators.states import StateAccumulators
from sqlengine.functions.registry import find_aggregate
from sqlengine.planner.physical_aggregates import AggregateExec, AggregateMode
from sqlengine.vector import Vector

# A PARTIAL gives up when it has this many groups and they are more than this share of its rows.
_MANY_GROUPS: Final = 50_000
_POOR_REDUCTION: Final = 0.6
# It looks after so many rows, and only then: batches end elsewhere when splits are left out that hold no row.
_LOOK_ROWS: Final = 131_072


def aggregate(node: AggregateExec, batches: Iterator[Batch], context: TaskContext) -> Iterator[Batch]:
    """Groups of the input as batches of `node.columns`.

    Without keys there is exactly one group, whatever the input.
    """
    states = StateAccumulators(node)
    evaluator = Evaluator((*node.keys, *states.expressions))
    width = len(node.keys)
    groups = Groups([key.type for key in node.keys]) if width else None
    may_give_up = node.mode is AggregateMode.PARTIAL and groups is not None
    rows = reserved = 0
    if may_give_up:
        batches = _cut_at_multiples(batches, _LOOK_ROWS)
    for batch in batches:
        vectors = evaluator.vectors(batch)
        if groups is None:
            states.update(None, 1, vectors, batch.length)
        else:
            group_ids = groups.assign(vectors[:width], batch.length)
            states.update(group_ids, groups.count, vectors[width:], batch.length)
        size = states.nbytes + (groups.nbytes if groups is not None else 0)
        context.memory.reserve(size - reserved, "an aggregation")
        reserved = size
        rows += batch.length
        looks = may_give_up and rows % _LOOK_ROWS == 0
        if looks and groups is not None and groups.count > max(_MANY_GROUPS, _POOR_REDUCTION * rows):
            _add_always(node, groups)
            yield from _output(node, groups.keys(), groups.count, states, context.batch_rows)
            context.memory.reserve(-reserved, "an aggregation")
            yield from _pass_through(node, batches, evaluator)
            return
    if groups is not None:
        _add_always(node, groups)
    if groups is None:
        yield from _output(node, [], 1, states, context.batch_rows)
    elif groups.count:
        yield from _output(node, groups.keys(), groups.count, states, context.batch_rows)
    context.memory.reserve(-reserved, "an aggregation")


def _cut_at_multiples(batches: Iterator[Batch], rows: int) -> Iterator[Batch]:
    """The same rows in the same order, in batches that begin anew at each multiple of `rows`."""
    left = rows
    for batch in batches:
        start = 0
        while batch.length - start > left:
            yield batch.slice(start, left)
            start, left = start + left, rows
        left = left - (batch.length - start) or rows
        yield batch.slice(start, batch.length - start) if start else batch


def _add_always(node: AggregateExec, groups: Groups) -> None:
    """Make sure of the groups that are delivered even without rows."""
    if node.mode is not AggregateMode.FINAL:
        for key in node.always:
            groups.assign([Vector.from_literal(each.value, each.type).expand(1) for each in key], 1)


def _pass_through(node: AggregateExec, batches: Iterator[Batch], evaluator: Evaluator) -> Iterator[Batch]:
    """Every row as a group of its own, for a PARTIAL that does not pay."""
    width = len(node.keys)
    for batch in batches:
        vectors = evaluator.vectors(batch)
        states = StateAccumulators(node)
        states.update(np.arange(batch.length), batch.length, vectors[width:], batch.length)
        keys = [vector.expand(batch.length) for vector in vectors[:width]]
        yield from _output(node, keys, batch.length, states, batch.length)


def _output(
    node: AggregateExec, keys: Sequence[Vector], count: int, states: StateAccumulators, batch_rows: int
) -> Iterator[Batch]:
    """The groups in order, in batches of `batch_rows`."""
    columns = dict(zip((column.id for column in node.key_columns), keys, strict=True))
    values = states.results(count)
    if node.delivers_states:
        columns.update(values)
    else:
        for item in node.aggregates:
            if item.is_whole:
                columns[item.column.id] = values[item.column.id]
                continue
            function = find_aggregate(item.function)
            if function is None:
                raise InternalError(f"the plan calls an aggregate {item.function!r} that is not registered")
            columns[item.column.id] = function.finalize(
                [values[state.column.id] for state in item.states], item.column.type
            )
    whole = Batch(count, columns)
    if count <= batch_rows:
        yield whole
        return
    for start in range(0, count, batch_rows):
        yield whole.slice(start, min(batch_rows, count - start))
