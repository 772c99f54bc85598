"""The exchange between processes: one Arrow IPC file per task, in memory where there is room, else on disk.

A segment holds all pieces of a task, bucket after bucket. Its schema's metadata says which record batches belong to
which bucket. It appears under its name by an atomic rename, so that a reader sees all of it or nothing, and is read
by memory map: what tasks of other processes wrote is not copied.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path

import pyarrow as pa

from sqlengine.batch import Batch
from sqlengine.errors import InternalError, OperationalError
from sqlengine.planner.expressions import Column
from sqlengine.storage.shared_memory import HEADROOM, free_bytes

_OFFSETS = b"pieces"
# Smaller segments are written without asking for free memory first, which takes longer than writing them.
_SMALL = 1 << 16


class SegmentExchange:
    """Keeps pieces as files in `directories`, the first one that has room: memory first, then disk.

    Every process that takes part in a query opens its own; what makes them one are the directories.
    """

    def __init__(self, directories: Sequence[Path]) -> None:
        self._directories = tuple(directories)
        self._open: dict[tuple[int, int], _Segment] = {}
        self._lock = threading.Lock()

    def write(self, stage: int, task: int, columns: Sequence[Column], pieces: Sequence[Sequence[Batch]]) -> int:
        """See `Exchange.write`.

        Raises
        ------
        OperationalError
            No directory has room.
        """
        ids = [column.id for column in columns]
        batches = _one_dictionary_each([batch.to_arrow(ids) for piece in pieces for batch in piece])
        offsets = accumulate((len(piece) for piece in pieces), initial=0)
        schema = batches[0].schema.with_metadata({_OFFSETS: ",".join(map(str, offsets)).encode()})
        size = sum(batch.nbytes for batch in batches)
        for directory in self._directories:
            last = directory == self._directories[-1]
            if not last and size > _SMALL and free_bytes(directory) < size + HEADROOM:
                continue
            try:
                return _publish(directory, _name(stage, task), schema, batches)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                    raise
                if last:
                    raise OperationalError(
                        f"no room for intermediate results in {' or '.join(str(d.parent) for d in self._directories)};"
                        " free space there, or point the environment variable TMPDIR to a larger disk"
                    ) from error
        raise InternalError("an exchange needs at least one directory")

    def read(self, stage: int, task: int, bucket: int | None, columns: Sequence[Column]) -> list[Batch]:
        """See `Exchange.read`; the batches hold on to the mapped file, also after it is removed."""
        with self._lock:
            segment = self._open.get((stage, task))
            if segment is None:
                segment = self._open[stage, task] = _Segment(self._find(_name(stage, task)))
        return segment.read(bucket, columns)

    def drop(self, stage: int) -> None:
        """See `Exchange.drop`."""
        with self._lock:
            for key in [key for key in self._open if key[0] == stage]:
                del self._open[key]
        for directory in self._directories:
            for path in directory.glob(f"{stage}-*.arrow"):
                path.unlink(missing_ok=True)

    def _find(self, name: str) -> Path:
        for directory in self._directories:
            if (path := directory / name).exists():
                return path
        raise InternalError(f"intermediate result {name} is gone from {self._directories[0].parent}")


class _Segment:
    """One open file."""

    def __init__(self, path: Path) -> None:
        self._reader = pa.ipc.open_file(pa.memory_map(str(path)))
        offsets = [int(offset) for offset in self._reader.schema.metadata[_OFFSETS].split(b",")]
        self._ranges = [range(start, stop) for start, stop in pairwise(offsets)]
        # One reader is not safe for several threads.
        self._lock = threading.Lock()

    def read(self, bucket: int | None, columns: Sequence[Column]) -> list[Batch]:
        chosen = range(self._reader.num_record_batches) if bucket is None else self._ranges[bucket]
        with self._lock:
            batches = [self._reader.get_batch(k) for k in chosen]
        wanted = [(column.id, column.type) for column in columns]
        names = [str(column.id) for column in columns]
        return [
            Batch.from_arrow(batch.select(names), wanted) if names else Batch(batch.num_rows, {}) for batch in batches
        ]


def _name(stage: int, task: int) -> str:
    return f"{stage}-{task}.arrow"


def _publish(directory: Path, name: str, schema: pa.Schema, batches: Sequence[pa.RecordBatch]) -> int:
    temporary = directory / f"{name}.{os.getpid()}"
    try:
        with pa.OSFile(str(temporary), "wb") as file:
            with pa.ipc.new_file(file, schema) as writer:
                for batch in batches:
                    writer.write_batch(batch)
            size = file.tell()
        temporary.rename(directory / name)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    return int(size)


def _one_dictionary_each(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """The batches with, per column, either one dictionary for all of them, as the IPC file format wants, or none.

    A dictionary that is not clearly smaller than the rows is not worth its bytes: such a column is decoded.
    """
    rows = sum(batch.num_rows for batch in batches)
    columns = [_unify([batch.column(k) for batch in batches], rows) for k in range(batches[0].num_columns)]
    names = batches[0].schema.names
    return [pa.RecordBatch.from_arrays([column[k] for column in columns], names=names) for k in range(len(batches))]


def _unify(arrays: list[pa.Array], rows: int) -> list[pa.Array]:
    encoded = [array for array in arrays if isinstance(array, pa.DictionaryArray)]
    if not encoded:
        return arrays
    first = encoded[0].dictionary
    if len(encoded) == len(arrays):
        if all(array.dictionary is first or array.dictionary.equals(first) for array in encoded):
            unified = encoded
        else:
            unified = pa.chunked_array(encoded).unify_dictionaries().chunks
        if len(unified[0].dictionary) * 2 <= rows:
            return list(unified)
    return [array.dictionary_decode() if isinstance(array, pa.DictionaryArray) else array for array in arrays]
