"""Expand: every row once for each grouping set, the keys that the set lacks being NULL.

::

    a  b                          a     b     set
    1  2   sets (a, b), (a)  ->   1     2     0
                                  1     NULL  1

Buffered: nothing beyond a batch. Order: batch by batch, in each all rows of the first set, then of the next.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlengine.batch import Batch
from sqlengine.executor.evaluate import Evaluator
from sqlengine.planner.physical_aggregates import ExpandExec
from sqlengine.vector import Vector


def expand(node: ExpandExec, batches: Iterator[Batch]) -> Iterator[Batch]:
    """One batch of `node.columns` per batch of the input and set; what is not in the set is a constant NULL."""
    evaluator = Evaluator(node.keys)
    new = {column.id for column in (*node.key_columns, node.set_column)}
    passed = [column.id for column in node.columns if column.id not in new]
    for batch in batches:
        values = evaluator.vectors(batch)
        kept = batch.select(passed)
        for number, members in enumerate(node.sets):
            columns = {
                column.id: values[k] if k in members else Vector.from_literal(None, column.type)
                for k, column in enumerate(node.key_columns)
            }
            columns[node.set_column.id] = Vector.from_literal(number, node.set_column.type)
            yield kept.with_columns(columns)
