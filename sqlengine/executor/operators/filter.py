"""Filter: the rows for which a condition is true.

::

    x      x > 1            x
    1      false            3
    NULL   NULL      ->
    3      true

Buffered: nothing. Order: the input's. NULL: a condition that is NULL drops the row. Conjuncts are asked from left
to right, and one that may raise only about rows that the earlier ones kept.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlengine.batch import Batch
from sqlengine.executor.evaluate import Evaluator
from sqlengine.planner.expressions import conjuncts
from sqlengine.planner.physical import FilterExec


def keep_rows(node: FilterExec, batches: Iterator[Batch]) -> Iterator[Batch]:
    """The input's batches without the rows `node.condition` refuses; none is empty."""
    conditions = Evaluator(conjuncts(node.condition))
    for batch in batches:
        rows = conditions.passing(batch)
        kept = batch if rows is None else batch.take(rows)
        if kept.length:
            yield kept
