"""Rows brought together by a small number: the counting sort behind partitioning and join tables.

n: rows, p: buckets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sqlengine.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HALF = np.uint64(32)


@kernel("void(uint64[::1], uint64, int64[::1])")
def choose_buckets(hashes: Any, buckets: Any, chosen: Any) -> None:
    """Map each hash to [0, buckets) by its upper half: multiply and shift, no division (Lemire, 2019).

    hashes  uint64[n]
    chosen  int64[n]   written
    """
    for i in range(hashes.size):
        chosen[i] = np.int64(((hashes[i] >> _HALF) * buckets) >> _HALF)


@kernel("int64(int64[::1], int64[::1])")
def count_buckets(chosen: Any, offsets: Any) -> Any:
    """Turn bucket sizes into where each bucket starts.

    chosen   int64[n]    bucket of each row, negative to leave it out
    offsets  int64[p+1]  written

    Returns the size of the largest bucket.
    """
    offsets[:] = 0
    for i in range(chosen.size):
        if chosen[i] >= 0:
            offsets[chosen[i] + 1] += 1
    largest = 0
    for bucket in range(1, offsets.size):
        largest = max(largest, offsets[bucket])
        offsets[bucket] += offsets[bucket - 1]
    return largest


@kernel("void(int64[::1], int64[::1], int64[::1])")
def order_buckets(chosen: Any, offsets: Any, order: Any) -> None:
    """Write the rows bucket by bucket, each bucket in row order.

    chosen   int64[n]    bucket of each row, negative to leave it out
    offsets  int64[p+1]  where each bucket starts; moved on by one bucket: afterwards offsets[b] is where b ends
    order    int64[m]    written; m rows are not left out
    """
    for row in range(chosen.size):
        bucket = chosen[row]
        if bucket >= 0:
            order[offsets[bucket]] = row
            offsets[bucket] += 1


def group_rows(chosen: NDArray[np.int64], buckets: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Stable counting sort by `chosen`, int64[n] in [0, buckets) or negative to leave a row out.

    Returns
    -------
    order, offsets, largest
        Rows bucket by bucket; bucket b is `order[offsets[b]:offsets[b + 1]]`; the largest bucket's size.
    """
    ends = np.empty(buckets + 1, np.int64)
    largest = count_buckets(chosen, ends)
    order = np.empty(ends[-1], np.int64)
    offsets = ends.copy()
    order_buckets(chosen, ends, order)
    return order, offsets, int(largest)


def partition_rows(hashes: NDArray[np.uint64], buckets: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split rows into `buckets` by hash.

    Returns
    -------
    order
        int64[n], rows bucket by bucket, each bucket in row order.
    offsets
        int64[buckets + 1]; bucket b is `order[offsets[b]:offsets[b + 1]]`.
    """
    chosen = np.empty(len(hashes), np.int64)
    choose_buckets(hashes, np.uint64(buckets), chosen)
    order, offsets, _ = group_rows(chosen, buckets)
    return order, offsets
