"""Scan: record batches of a table's splits become batches of vectors, filtered.

::

    read_columns   a  b  c        filters: c > 0       columns: a b
    file batch     1  x  5                             1  x
                   2  y -1             ->              (row 2 is gone)
                   3  z  7                             3  z

Inputs: what the task's splits hold. Buffered: nothing beyond one batch. Order: that of the files. NULL: a filter
that is NULL drops the row. Columns are converted when first asked for, so one that only refused rows would
have needed costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sqlengine.batch import Batch
from sqlengine.executor.evaluate import Evaluator
from sqlengine.planner.physical import ScanExec
from sqlengine.types import SqlType
from sqlengine.vector import Vector

if TYPE_CHECKING:
    import pyarrow as pa


def scan(node: ScanExec, batches: Iterator[pa.RecordBatch]) -> Iterator[Batch]:
    """Batches of `node.columns` with the rows that satisfy all of `node.filters`; none is empty."""
    filters = Evaluator(node.filters)
    delivered = [column.id for column in node.columns]
    for record_batch in batches:
        batch = Batch(
            record_batch.num_rows,
            {},
            {
                column.id: _conversion(record_batch, position, column.type)
                for position, column in enumerate(node.read_columns)
            },
        )
        rows = filters.passing(batch)
        if rows is not None:
            batch = batch.take(rows)
        if batch.length:
            yield batch.select(delivered)


def _conversion(batch: pa.RecordBatch, position: int, type_: SqlType) -> Callable[[], Vector]:
    return lambda: Vector.from_arrow(batch.column(position), type_)
