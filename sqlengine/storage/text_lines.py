"""Columns of strings to lines of bytes, for the writers of text formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

# Rows and bytes joined at a time: enough to be vectorized, few enough to stay far below Arrow's 2 GB an array.
ROWS: Final = 16_384
_BYTES: Final = 32 << 20


def slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """`batch` in pieces of `ROWS` rows, of fewer where rows are large."""
    step = max(1, min(ROWS, _BYTES * batch.num_rows // max(1, batch.nbytes)))
    for start in range(0, batch.num_rows, step):
        yield batch.slice(start, step)


def content(array: pa.Array) -> memoryview:
    """The bytes of all strings of a non-empty array, one after the other."""
    _, places, data = array.buffers()
    offsets = memoryview(places).cast("i")
    first, last = offsets[array.offset], offsets[array.offset + len(array)]
    return memoryview(data)[first:last] if last > first else memoryview(b"")


def write_lines(stream: IO[bytes], lines: pa.Array, end: str) -> None:
    """Each line and `end` after it; none may be NULL."""
    stream.write(content(pc.binary_join_element_wise(lines, end, "")))
