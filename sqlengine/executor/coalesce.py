"""Batches of a useful size from batches of any size: per-batch work is a cost of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sqlengine.batch import Batch, concat_batches


def coalesce(batches: Iterable[Batch], ids: Sequence[int], target: int) -> Iterator[Batch]:
    """The same rows in the same order, columns `ids`, none empty: runs of small batches joined, big ones cut.

    A batch of at least half of `target` rows passes unchanged (and uncopied); none comes out with more than
    twice `target`. The cuts depend on the lengths of the batches only.
    """
    held: list[Batch] = []
    rows = 0
    for batch in batches:
        if held and (batch.length * 2 >= target or rows + batch.length > target):
            yield concat_batches(held, ids)
            held, rows = [], 0
        if batch.length > 2 * target:
            for start in range(0, batch.length, target):
                yield batch.slice(start, min(target, batch.length - start)).select(ids)
        elif batch.length * 2 >= target > 0:
            yield batch.select(ids)
        elif batch.length:
            held.append(batch)
            rows += batch.length
    if held:
        yield concat_batches(held, ids)
