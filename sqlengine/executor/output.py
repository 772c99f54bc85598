"""How the rows of a task are laid down for the tasks that read them: whole, or split by the hash of keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from sqlengine.executor.coalesce import coalesce
from sqlengine.planner.physical import Gather, HashPartition, Stage
from sqlengine.vector import Batch, concat_batches

#: Batches partitioned at a time: many, so that a bucket does not fall into crumbs; not all, so that memory is bounded.
PARTITIONED_BATCHES = 8


def lay_down(stage: Stage, batches: Iterable[Batch], batch_rows: int) -> list[list[Batch]]:
    """The pieces of one task's output, in the order of their buckets; one piece for Gather."""
    ids = [column.id for column in stage.root.columns]
    match stage.output:
        case Gather():
            return [list(coalesce(batches, ids, batch_rows))]
        case HashPartition() as partition:
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


def _partition(batch: Batch, ids: list[int], partition: HashPartition) -> Iterator[Batch]:
    from sqlengine.executor.evaluate import evaluate
    from sqlengine.executor.kernels.partitioning import partition_rows
    from sqlengine.executor.keys import KeyEncoder

    keys = [evaluate(key, batch).expand(batch.length) for key in partition.keys]
    hashes = KeyEncoder([key.type for key in partition.keys]).hash_keys(keys, batch.length)
    order, offsets = partition_rows(hashes, partition.buckets)
    sorted_ = batch.select(ids).take(order)
    for bucket in range(partition.buckets):
        start, stop = int(offsets[bucket]), int(offsets[bucket + 1])
        yield sorted_.slice(start, stop - start)
