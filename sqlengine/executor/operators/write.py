"""Write: the rows of a task become files under hidden names; what comes out is one row per file.

::

    k  x                    folder  file   rows  bytes
    1  a     by k           k=1     5f0c…     2     17
    2  b     ->             k=2     91ab…     1     15
    1  c

Buffered: without partitions what the writer of the format holds back (a row group of Parquet). With partitions the rows
of the task, up to `BUFFERED_BYTES`, which are then written partition by partition: one file is open at a time, however
many partitions there are. Order: within a file that of the input. A task that fails removes its files; a task that
runs again writes new ones, and only files that a finished task has told of are ever published.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from sqlengine.batch import Batch
from sqlengine.executor.context import TaskContext
from sqlengine.executor.operators.buffer import RowBuffer
from sqlengine.executor.sort_keys import encode_sort_keys
from sqlengine.functions.export import export_array, export_type
from sqlengine.kernels.sorting import sort_rows
from sqlengine.planner.expressions import Column
from sqlengine.planner.physical_write import WriteExec
from sqlengine.storage.format import Options
from sqlengine.storage.hive import folder_of
from sqlengine.storage.output_files import OutputFile, output_errors
from sqlengine.storage.writing import Cells, Writer
from sqlengine.storage.writing_formats import find_writing_format
from sqlengine.types import BIGINT, VARCHAR
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Rows of all partitions that are held to be written together.
BUFFERED_BYTES: Final = 256 << 20


def write(node: WriteExec, batches: Iterator[Batch], context: TaskContext) -> Iterator[Batch]:
    """Write all batches; then one batch that tells of the files, if there are any."""
    files = _Files(node)
    try:
        if node.partition:
            _write_partitions(node, batches, context, files)
        else:
            if not (node.spec.is_folder or node.is_part):
                files.begin("")
            for batch in batches:
                files.append("", batch)
            files.finish()
    except BaseException:
        files.abandon()
        raise
    told = files.told()
    if told.length:
        yield told


def write_nothing(node: WriteExec) -> Batch:
    """One whole file without rows, told of as by `write`."""
    files = _Files(replace(node, is_part=False))
    files.begin("")
    files.finish()
    return files.told()


def _write_partitions(node: WriteExec, batches: Iterator[Batch], context: TaskContext, files: _Files) -> None:
    buffer = RowBuffer(node.input.columns, context.memory, "writing partitions")
    # Sorting holds the rows a second time.
    most = min(BUFFERED_BYTES, (context.memory.limit or 4 * BUFFERED_BYTES) // 4)
    for batch in batches:
        buffer.append(batch)
        if buffer.nbytes >= most:
            _write_buffered(node, buffer, context, files)
    _write_buffered(node, buffer, context, files)


def _write_buffered(node: WriteExec, buffer: RowBuffer, context: TaskContext, files: _Files) -> None:
    if not buffer.length:
        return
    rows = buffer.rows()
    keys = [rows.column(column.id) for column in node.partition]
    flags = [False] * len(keys)
    words = encode_sort_keys(keys, flags, flags, rows.length)
    order = sort_rows(words)
    starts = _starts([word.take(order) for word in words])
    names = [key.take(order.take(starts)).arrow().to_pylist() for key in keys]
    rows = rows.take(order)
    for start, stop, *values in zip(starts.tolist(), [*starts[1:].tolist(), rows.length], *names, strict=True):
        folder = folder_of(node.spec.partition_names, values)
        for begin in range(start, stop, context.batch_rows):
            context.check()
            files.append(folder, rows.slice(begin, min(stop - begin, context.batch_rows)))
        files.finish()
    buffer.release()


def _starts(words: Sequence[NDArray[np.uint64]]) -> NDArray[np.int64]:
    """Where sorted rows begin to differ from the one before."""
    fresh = np.zeros(len(words[0]), np.bool_)
    fresh[0] = True
    for word in words:
        fresh[1:] |= word[1:] != word[:-1]
    return np.flatnonzero(fresh)


class _Files:
    """The files of one task: one open at most, and what is to be told of the finished ones."""

    def __init__(self, node: WriteExec) -> None:
        self._spec = node.spec
        self._columns = node.columns
        self._data: tuple[Column, ...] = node.data
        self._format = find_writing_format(node.spec.format)
        self._options: Options = dict(node.spec.options)
        if node.is_part and self._format.joining is not None:
            self._options = self._format.joining.part_options(self._options) or self._options
        self._tagged = self._format.cells is Cells.VALUES
        self._schema = pa.schema(
            [
                pa.field(name, export_type(column.type, self._tagged))
                for name, column in zip(node.spec.names, node.data, strict=True)
            ]
        )
        self._open: tuple[str, OutputFile, Writer] | None = None
        self._rows = 0
        self._done: list[tuple[str, str, int, int]] = []

    def begin(self, folder: str) -> None:
        """Open a file; it may stay without rows."""
        file = OutputFile(self._spec.folder, self._spec.target)
        self._rows = 0
        try:
            with output_errors(self._spec.target):
                writer = self._format.writer(file.stream, self._schema, self._options)
        except BaseException:
            file.abandon()
            raise
        self._open = folder, file, writer

    def append(self, folder: str, batch: Batch) -> None:
        """Write rows that belong into `folder`, where all since the last `finish` belong."""
        if self._open is None:
            self.begin(folder)
        assert self._open is not None
        _, file, writer = self._open
        arrays = [
            export_array(batch.column(column.id).expand(batch.length).arrow(), column.type, self._tagged)
            for column in self._data
        ]
        with output_errors(self._spec.target):
            writer.write(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._rows += batch.length
        if self._spec.file_bytes is not None and file.stream.tell() >= self._spec.file_bytes:
            self.finish()

    def finish(self) -> None:
        """Close the open file, if there is one."""
        if self._open is not None:
            folder, file, writer = self._open
            with output_errors(self._spec.target):
                writer.close()
            size = file.finish()
            self._open = None
            self._done.append((folder, file.path, self._rows, size))

    def abandon(self) -> None:
        """Close the open file and leave it to whoever removes the folder."""
        if self._open is not None:
            _, file, writer = self._open
            # Writers that are not closed close themselves when they are collected, into a file that is gone.
            with contextlib.suppress(Exception):
                writer.close()
            file.abandon()

    def told(self) -> Batch:
        """The finished files, one a row."""
        types = [pa.string(), pa.string(), pa.int64(), pa.int64()]
        arrays = [pa.array([row[k] for row in self._done], type_) for k, type_ in enumerate(types)]
        kinds = (VARCHAR, VARCHAR, BIGINT, BIGINT)
        vectors = {c.id: Vector(kind, array) for c, kind, array in zip(self._columns, kinds, arrays, strict=True)}
        return Batch(len(self._done), vectors)
