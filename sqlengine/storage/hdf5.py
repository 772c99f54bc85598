"""HDF5 (.h5, .hdf5, .hdf) through h5py: datasets as columns, splits at chunks."""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from sqlengine.errors import ConversionError
from sqlengine.storage.conform import empty_batch, fit_batch
from sqlengine.storage.filesystem import FileInfo, changed, file_errors, file_info, is_url, open_input
from sqlengine.storage.format import ColumnStatistics, Field, FileSchema, Options, Split
from sqlengine.storage.hdf5_array import StoredArray
from sqlengine.storage.hdf5_columns import Layout, Position, Stored
from sqlengine.storage.hdf5_file import open_hdf5
from sqlengine.storage.hdf5_layout import layout_of
from sqlengine.storage.hdf5_plain import EXTENTS, PlainArray
from sqlengine.storage.hdf5_types import reread, to_arrow
from sqlengine.storage.schema import merge_schemas
from sqlengine.words import numbers_to_arrow

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyarrow import NativeFile

    Arrays = dict[str, StoredArray | PlainArray]

# Bytes of columns that are held at once, chunks permitting.
_BLOCK_BYTES: Final = 32 << 20
# Asking for narrow columns costs more than reading a batch of them.
_BATCHES_AT_ONCE: Final = 4
# Splits that need no decoding are up to so many times as long, if a dataset then still has so many of them: a task of
# 16 MB would take as long to hand out as to run.
_PLAIN_TIMES: Final = 4
_PLAIN_SPLITS: Final = 16
# A row of so many bytes is narrow.
_NARROW_BYTES: Final = 4


class Hdf5Format:
    """Reads HDF5 files.

    Options:

    - `dataset`: path of the dataset to read; `group`: path of the group whose datasets are the columns. By default
      the only dataset, or the only group if its datasets have one dimension and equal lengths.
    - `layout`: of a dataset of several dimensions: 'columns' (default; c0, c1, … for two dimensions), 'array' (the
      rest as ARRAY) or 'long' (dim0, dim1, …, value).
    - `union_by_name` (default false): the columns of all files, NULL where a file has none.
    - `allow_external` (default false): follow links to other files, and read values kept in other files.
    """

    name = "hdf5"
    extensions: tuple[str, ...] = (".h5", ".hdf5", ".hdf")
    has_statistics = False
    options: Mapping[str, type] = {
        "dataset": str,
        "group": str,
        "layout": str,
        "allow_external": bool,
        "union_by_name": bool,
    }

    def schema(self, files: Sequence[FileInfo], options: Options) -> FileSchema:
        """The columns all `files` have; each is opened."""
        layouts = [layout_of(file, options) for file in files]
        fields = merge_schemas(
            [(file.path, each.fields) for file, each in zip(files, layouts, strict=True)],
            bool(options.get("union_by_name")),
        )
        refused = {name: reason for each in layouts for name, reason in each.refused.items()}
        plain = frozenset.intersection(*(each.plain for each in layouts))
        is_remote = any(is_url(file.path) for file in files)
        return FileSchema(fields, {"refused": refused}, frozenset() if is_remote else plain, layouts[0].ordinals)

    def splits(self, file: FileInfo, schema: FileSchema, options: Options, target_bytes: int) -> list[Split]:
        """Ranges of the first dimension that begin at chunks; rows exact. `start` and `stop` count steps of it."""
        layout = layout_of(file, options)
        if len(layout.plain) == len(layout.fields):
            most = max(target_bytes, layout.steps * layout.step_bytes // _PLAIN_SPLITS)
            target_bytes = min(most, _PLAIN_TIMES * target_bytes)
        steps = max(1, target_bytes // layout.step_bytes // layout.unit) * layout.unit
        # The file may hold other tables, and may be compressed.
        share = min(file.size / max(1, layout.steps), layout.step_bytes)
        splits = []
        for start in range(0, layout.steps, steps):
            stop = min(start + steps, layout.steps)
            rows = (stop - start) * layout.rows_per_step
            size = math.ceil((stop - start) * share)
            if rows:
                first = start * layout.rows_per_step
                splits.append(Split(file.path, start, stop, rows, size, True, first, layout.rows_per_step))
        return splits

    def statistics(self, split: Split, schema: FileSchema, columns: Sequence[str]) -> Mapping[str, ColumnStatistics]:
        """Bounds of the columns that number the first dimension."""
        numbers = ColumnStatistics(split.start, split.stop - 1, 0, split.stop - split.start)
        return dict.fromkeys(schema.ordinals.intersection(columns), numbers)

    def reading(self, schema: FileSchema, options: Options) -> str | None:
        """The options; values kept in other files may change without this one."""
        return None if options.get("allow_external") else repr(sorted(options.items()))

    def read(
        self, splits: Sequence[Split], schema: FileSchema, columns: Sequence[str], options: Options, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Batches of `columns`; each chunk is read and decoded once, whatever number of columns it holds.

        Raises
        ------
        FileFormatError
            If the file is damaged or changed since it was planned.
        """
        by_name = {field.name: field for field in schema.fields}
        fields = [by_name[name] for name in columns]
        wanted = {name.lower() for name in columns}
        for path, group in itertools.groupby(splits, key=lambda split: split.path):
            file = file_info(path)
            layout = layout_of(file, options)
            own = [field.name for field in layout.fields if field.name.lower() in wanted]
            if not own:
                yield from _count(sum(split.rows for split in group), batch_rows, fields, path)
                continue
            with _arrays(file, layout, own, bool(options.get("allow_external"))) as arrays, file_errors(path, "HDF5"):
                reader = _Reader(path, layout, own, arrays)
                for split in group:
                    if split.stop > layout.steps:
                        raise changed(path)
                    for batch in reader.read(split, batch_rows):
                        yield fit_batch(batch, fields, path)


@contextlib.contextmanager
def _arrays(file: FileInfo, layout: Layout, columns: Sequence[str], allow_external: bool) -> Iterator[Arrays]:
    """The datasets that hold `columns`, by their paths; HDF5 is asked only of those whose extents are not known."""
    sources = [layout.sources[name] for name in columns]
    paths = list(dict.fromkeys(source.dataset for source in sources if isinstance(source, Stored)))
    known = {path: EXTENTS.find(file, path) for path in paths}
    arrays: Arrays = {}
    with contextlib.ExitStack() as stack:

        @functools.cache
        def opened(path: str) -> NativeFile:
            return stack.enter_context(open_input(path, mapped=False))

        root = stack.enter_context(open_hdf5(file.path, allow_external)) if None in known.values() else None
        for path, extent in known.items():
            if extent is not None:
                arrays[path] = PlainArray(extent, opened)
                continue
            assert root is not None
            place = root.find(path)
            if place is None or not place.is_dataset:
                raise changed(file.path)
            array = arrays[path] = StoredArray(place, checked=True)
            if array.extent is not None and place.file is root and array.extent.is_within(file.path):
                EXTENTS.keep(file, path, array.extent)
        yield arrays


class _Reader:
    """Some columns of one file."""

    def __init__(self, path: str, layout: Layout, columns: Sequence[str], arrays: Arrays) -> None:
        self._layout = layout
        self._columns = list(columns)
        self._sources = [layout.sources[name] for name in columns]
        self._path = path
        self._arrays = arrays
        cells: dict[str, set[int]] = defaultdict(set)
        for source in self._sources:
            if isinstance(source, Stored) and source.cell is not None and not source.fields:
                cells[source.dataset].add(source.cell)
        self._cells = {dataset: np.array(sorted(found)) for dataset, found in cells.items()}

    def read(self, split: Split, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """The rows of one split, in batches of at most `batch_rows`; a single narrow column comes a block at a time."""
        steps = self._steps(batch_rows)
        # What a batch costs to hand on is then more than half of what its values cost.
        narrow = self._step_bytes() <= _NARROW_BYTES * self._layout.rows_per_step
        rows = _BATCHES_AT_ONCE * batch_rows if narrow else batch_rows
        start = split.start
        while start < split.stop:
            # Blocks end at chunks, whatever the split begins with.
            stop = min((start // steps + 1) * steps, split.stop)
            batch = self._block(start, stop)
            start = stop
            for first in range(0, batch.num_rows, rows):
                yield batch.slice(first, rows)

    def _steps(self, batch_rows: int) -> int:
        """Steps of the first dimension to read at once: whole chunks, some batches, in bounded memory."""
        layout = self._layout
        most = _BLOCK_BYTES // max(1, self._step_bytes())
        wanted = min(max(1, _BATCHES_AT_ONCE * batch_rows // max(1, layout.rows_per_step)), max(1, most))
        unit = max((array.unit for array in self._arrays.values()), default=1)
        return max(1, wanted // unit) * unit

    def _step_bytes(self) -> int:
        """Bytes of one step of what is kept of each dataset, positions included."""
        total = 8 * self._layout.rows_per_step * sum(isinstance(source, Position) for source in self._sources)
        for path, array in self._arrays.items():
            cells = self._cells.get(path)
            total += array.row_bytes if cells is None else len(cells) * array.dtype.itemsize
        return total

    def _block(self, start: int, stop: int) -> pa.RecordBatch:
        values: dict[str, NDArray[Any]] = {}
        for path, array in self._arrays.items():
            cells = self._cells.get(path)
            values[path] = array.rows(start, stop) if cells is None else array.cells(start, stop, cells)
        columns = []
        for name, source in zip(self._columns, self._sources, strict=True):
            if isinstance(source, Position):
                columns.append(numbers_to_arrow(self._numbers(source.axis, start, stop)))
                continue
            try:
                columns.append(self._column(source, values[source.dataset]))
            except ConversionError as error:
                raise error.with_context(f"in column {name!r}, rows from {start} on, of {self._path!r}") from error
        return pa.RecordBatch.from_arrays(columns, names=self._columns)

    def _column(self, source: Stored, values: NDArray[Any]) -> pa.Array:
        array = self._arrays[source.dataset]
        dtype = array.dtype
        for field in source.fields:
            values, dtype = values[field], dtype[field]
        if source.cell is not None and source.fields:
            values = values[:, source.cell]
        elif source.cell is not None:
            values = values[np.searchsorted(self._cells[source.dataset], source.cell)]
        elif self._layout.inner:
            values = values.reshape(-1, *values.shape[len(array.shape) :])
        column = to_arrow(values, dtype)
        return column if source.reading is None else reread(column, source.reading)

    def _numbers(self, axis: int, start: int, stop: int) -> NDArray[np.int64]:
        """Which step of dimension `axis` each row is of."""
        inner = self._layout.inner
        if axis == 0:
            return np.repeat(np.arange(start, stop), self._layout.rows_per_step)
        below = math.prod(inner[axis:])
        once = np.repeat(np.arange(inner[axis - 1]), below)
        return np.tile(once, (stop - start) * math.prod(inner[: axis - 1]))


def _count(rows: int, batch_rows: int, fields: Sequence[Field], path: str) -> Iterator[pa.RecordBatch]:
    """Rows without a value: nothing is asked for, or nothing that this file has."""
    while rows > 0:
        batch = empty_batch(min(rows, batch_rows))
        yield fit_batch(batch, fields, path) if fields else batch
        rows -= batch_rows
