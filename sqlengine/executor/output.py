"""How the rows of a task are laid down for the tasks that read them: whole, or split by keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, assert_never

from sqlengine.batch import Batch, concat_batches
from sqlengine.executor.coalesce import coalesce
from sqlengine.planner.physical import Gather, HashPartition, RangePartition, Stage
from sqlengine.vector import Vector, concat_vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

#: Batches partitioned at a time: many, so that a bucket does not fall into crumbs; not all, so that memory is bounded.
PARTITIONED_BATCHES = 8


def lay_down(stage: Stage, batches: Iterable[Batch], batch_rows: int) -> list[list[Batch]]:
    """The pieces of one task's output, in the order of their buckets; one piece for Gather."""
    ids = [column.id for column in stage.root.columns]
    match stage.output:
        case Gather():
            return [list(coalesce(batches, ids, batch_rows))]
        case HashPartition() | RangePartition() as partition:
            pieces: list[list[Batch]] = [[] for _ in range(partition.buckets)]
            for batch in _joined(batches, ids, batch_rows * PARTITIONED_BATCHES):
                for bucket, piece in enumerate(_partition(batch, ids, partition)):
                    if piece.length:
                        pieces[bucket].append(piece)
            return pieces
        case _:
            assert_never(stage.output)


def _joined(batches: Iterable[Batch], ids: list[int], rows: int) -> Iterator[Batch]:
    held: list[Batch] = []
    held_rows = 0
    for batch in batches:
        if batch.length:
            held.append(batch)
            held_rows += batch.length
        if held_rows >= rows:
            yield concat_batches(held, ids)
            held, held_rows = [], 0
    if held:
        yield concat_batches(held, ids)


def _partition(batch: Batch, ids: list[int], partition: HashPartition | RangePartition) -> Iterator[Batch]:
    order, offsets = _hashed(batch, partition) if isinstance(partition, HashPartition) else _ranged(batch, partition)
    sorted_ = batch.select(ids).take(order)
    for bucket in range(partition.buckets):
        start, stop = int(offsets[bucket]), int(offsets[bucket + 1])
        yield sorted_.slice(start, stop - start)


def _hashed(batch: Batch, partition: HashPartition) -> tuple[Rows, Rows]:
    """Rows bucket by bucket, and where each bucket starts."""
    from sqlengine.executor.evaluate import evaluate
    from sqlengine.executor.keys import KeyEncoder
    from sqlengine.kernels.partitioning import partition_rows

    keys = [evaluate(key, batch).expand(batch.length) for key in partition.keys]
    hashes = KeyEncoder([key.type for key in partition.keys]).hash_keys(keys, batch.length)
    return partition_rows(hashes, partition.buckets)


def _ranged(batch: Batch, partition: RangePartition) -> tuple[Rows, Rows]:
    """As `_hashed`: the bounds are sorted among the rows, each before rows equal to it."""
    import numpy as np

    from sqlengine.executor.evaluate import evaluate
    from sqlengine.executor.sort_keys import encode_sort_keys
    from sqlengine.kernels.partitioning import group_rows
    from sqlengine.kernels.sorting import sort_rows

    key, count = partition.key, len(partition.bounds)
    bounds = [Vector.from_literal(bound.value, bound.type).expand(1) for bound in partition.bounds]
    both = concat_vectors([*bounds, evaluate(key.expression, batch).expand(batch.length)])
    order = sort_rows(encode_sort_keys([both], [key.descending], [key.nulls_first], len(both)))
    is_bound = order < count
    chosen = np.empty(batch.length, np.int64)
    chosen[order[~is_bound] - count] = np.cumsum(is_bound)[~is_bound]
    grouped, offsets, _ = group_rows(chosen, partition.buckets)
    return grouped, offsets
