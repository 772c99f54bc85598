"""Project: columns computed row by row.

::

    a  b         a  a + b
    1  2    ->   1  3
    4  5         4  9

Buffered: nothing. Order: the input's. NULL: as each function says. A plain column gets a new id and is not
even gathered until someone asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlengine.batch import Batch
from sqlengine.executor.evaluate import Evaluator
from sqlengine.planner.expressions import Column
from sqlengine.planner.physical import ProjectExec


def project(node: ProjectExec, batches: Iterator[Batch]) -> Iterator[Batch]:
    """One batch of `node.columns` per batch of the input."""
    renamed: dict[int, int] = {}
    computed = []
    for column, expression in zip(node.columns, node.expressions, strict=True):
        if isinstance(expression, Column):
            renamed[column.id] = expression.id
        else:
            computed.append((column.id, expression))
    evaluator = Evaluator(expression for _, expression in computed)
    for batch in batches:
        vectors = evaluator.vectors(batch)
        yield batch.renamed(renamed).with_columns(
            {column_id: vector for (column_id, _), vector in zip(computed, vectors, strict=True)}
        )
