"""Small record batches made into larger ones: what runs per batch costs more than ten rows do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

# Batches with less than this part of the rows that a batch may have are joined with their neighbours.
_SMALL = 8


def joined(batches: Iterable[pa.RecordBatch], batch_rows: int) -> Iterator[pa.RecordBatch]:
    """The same rows of the same columns in the same order; at most `batch_rows` in a batch if that held before.

    Holds back about a quarter of a batch. A column that is a dictionary in some batches only becomes plain.
    """
    small = max(1, batch_rows // _SMALL)
    pending: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        if batch.num_rows < small:
            pending.append(batch)
            rows += batch.num_rows
            if rows < 2 * small:
                continue
            batch = None
        if pending:
            yield _one(pending)
            pending, rows = [], 0
        if batch is not None:
            yield batch
    if pending:
        yield _one(pending)


def _one(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    if all(batch.schema.equals(batches[0].schema) for batch in batches):
        return pa.concat_batches(batches)
    columns = [concat_arrays([batch.column(number) for batch in batches]) for number in range(batches[0].num_columns)]
    return pa.RecordBatch.from_arrays(columns, names=batches[0].schema.names)


def concat_arrays(arrays: Sequence[pa.Array]) -> pa.Array:
    """One array of all; dictionaries of one type are unified, and decoded if some of the arrays have none."""
    types = {array.type for array in arrays}
    if len(types) > 1:
        arrays = [array.dictionary_decode() if isinstance(array, pa.DictionaryArray) else array for array in arrays]
    return pa.concat_arrays(arrays)
