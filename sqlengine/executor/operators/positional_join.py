"""Positional join: row k of each input side by side.

::

    a  b        c           a     b     c
    1  x        7           1     x     7
    2  y   +    8     ->    2     y     8
                9           NULL  NULL  9

Buffered: all rows of all inputs. Order: that of the inputs. NULL: where an input has ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sqlengine.batch import Batch
from sqlengine.executor.context import TaskContext
from sqlengine.executor.operators.buffer import RowBuffer
from sqlengine.planner.physical_joins import PositionalJoinExec


def positional_join(
    node: PositionalJoinExec, inputs: Sequence[Iterator[Batch]], context: TaskContext
) -> Iterator[Batch]:
    """Batches of `node.columns`, as many rows as the longest input has."""
    wanted = {column.id for column in node.columns}
    sides: list[Batch] = []
    for child, batches in zip(node.inputs, inputs, strict=True):
        columns = [column for column in child.columns if column.id in wanted]
        buffer = RowBuffer(columns, context.memory, "a positional join")
        buffer.extend(batches)
        sides.append(buffer.rows())
    length = max(side.length for side in sides)
    for start in range(0, length, context.batch_rows):
        rows = np.arange(start, min(start + context.batch_rows, length))
        batch = Batch(len(rows), {})
        for side in sides:
            batch = batch.merged(side.take(np.where(rows < side.length, rows, -1), may_miss=True))
        yield batch.select([column.id for column in node.columns])
