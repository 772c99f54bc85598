"""Values: literal rows of the query itself.

::

    VALUES (1, 'x'), (2, 'y')   ->   one batch of two rows
    SELECT 1                    ->   stands on one row of no columns

Buffered: all rows, as one batch per `batch_rows`. Order: as written. NULL: as written.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlengine.batch import Batch
from sqlengine.executor.evaluate import Evaluator
from sqlengine.planner.expressions import Expression
from sqlengine.planner.physical import ValuesExec
from sqlengine.vector import Vector, concat_vectors

_NO_INPUT = Batch(1, {})


def literal_rows(node: ValuesExec, batch_rows: int) -> Iterator[Batch]:
    """The rows of `node`, which read no columns; no batch for no rows."""
    for start in range(0, len(node.rows), batch_rows):
        rows = node.rows[start : start + batch_rows]
        columns = {column.id: _stack([row[k] for row in rows]) for k, column in enumerate(node.columns)}
        yield Batch(len(rows), columns)


def _stack(expressions: list[Expression]) -> Vector:
    """One row per expression, each evaluated over one row of no columns."""
    return concat_vectors([vector.expand(1) for vector in Evaluator(expressions).vectors(_NO_INPUT)])
