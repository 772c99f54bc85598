"""HDF5 datasets whose values lie in the file as they lie in memory: once known where, they are read without HDF5.

::

    /x (6)       file 0 ─┐                      rows 1 to 5: one stretch of bytes, never asked of HDF5
                         ▼ offset
                 .......[x0 x1 x2 x3 x4 x5].....

Where they lie is kept for the datasets met last: asking HDF5 takes about a millisecond, as long as reading a million
values.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import FileFormatError
from sqlengine.storage.filesystem import FileInfo
from sqlengine.storage.zone_maps import is_settled

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyarrow import NativeFile

# Bytes read at once where only some columns of them are kept.
_STRIP_BYTES: Final = 4 << 20
_MOST_KNOWN: Final = 256


@dataclass(frozen=True, slots=True)
class Stretch:
    """`size` bytes of the file at `path`, from `offset` on."""

    path: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Extent:
    """Where the values of a dataset lie.

    Attributes
    ----------
    name
        Its path in its file, for errors.
    shape, dtype
        What the bytes are, in C order.
    stretches
        They hold the values one after the other; none: nothing is stored, every value is `fill`.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    stretches: tuple[Stretch, ...]
    fill: Any = field(compare=False)

    @property
    def row_bytes(self) -> int:
        """Bytes of one step of the first dimension."""
        return max(1, self.dtype.itemsize * math.prod(self.shape[1:]))

    def is_within(self, path: str) -> bool:
        """Whether all values lie in the file at `path`."""
        return all(stretch.path == path for stretch in self.stretches)


class PlainArray:
    """A dataset that is read by ranges of its first dimension.

    Parameters
    ----------
    extent
        Where it lies.
    opened
        Gives the open file at a path; whoever made it closes it.
    """

    unit: Final = 1

    def __init__(self, extent: Extent, opened: Callable[[str], NativeFile]) -> None:
        self._extent = extent
        self._opened = opened
        self.shape = extent.shape
        self.dtype = extent.dtype
        self.row_bytes = extent.row_bytes

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """See `StoredArray.rows`."""
        extent = self._extent
        shape = (stop - start, *extent.shape[1:])
        if not extent.stretches:
            return np.full(shape, extent.fill)
        parts = []
        first, last = start * extent.row_bytes, stop * extent.row_bytes
        for stretch in extent.stretches:
            low, high = max(first, 0), min(last, stretch.size)
            if low < high:
                source = self._opened(stretch.path)
                parts.append(read_bytes(source, stretch.offset + low, high - low, extent.name, stretch.path))
            first, last = first - stretch.size, last - stretch.size
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        return np.frombuffer(data, extent.dtype, math.prod(shape)).reshape(shape)

    def cells(self, start: int, stop: int, cells: NDArray[np.int64]) -> NDArray[Any]:
        """See `StoredArray.cells`."""
        return picked(self.rows, start, stop, cells, self.row_bytes)


def picked(
    rows: Callable[[int, int], NDArray[Any]], start: int, stop: int, cells: NDArray[np.int64], row_bytes: int
) -> NDArray[Any]:
    """The columns `cells` of the steps `start` to `stop`, which `rows` gives with all columns: a strip at a time."""
    step = max(1, _STRIP_BYTES // row_bytes)
    strips = [rows(first, min(first + step, stop))[:, cells].T for first in range(start, stop, step)]
    return np.concatenate(strips, axis=1)


def read_bytes(source: NativeFile, offset: int, size: int, name: str, path: str) -> Any:
    """Exactly `size` bytes at `offset`, as a buffer; FileFormatError if the file ends before."""
    source.seek(offset)
    data = source.read_buffer(size)
    if len(data) != size:
        raise FileFormatError(f"{path!r} is truncated: it ends within {name!r}")
    return data


class KnownExtents:
    """Extents of the datasets met last, by their file as it was, and their path in it."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._extents: OrderedDict[tuple[FileInfo, str], Extent] = OrderedDict()

    def find(self, file: FileInfo, dataset: str) -> Extent | None:
        """The extent of a dataset, if it is known and the file the same."""
        with self._mutex:
            found = self._extents.get((file, dataset))
            if found is not None:
                self._extents.move_to_end((file, dataset))
            return found

    def keep(self, file: FileInfo, dataset: str, extent: Extent) -> None:
        """Remember an extent that `file` itself tells, unless the file may change and look the same."""
        if not is_settled(file):
            return
        with self._mutex:
            self._extents[file, dataset] = extent
            if len(self._extents) > _MOST_KNOWN:
                self._extents.popitem(last=False)


EXTENTS: Final = KnownExtents()
