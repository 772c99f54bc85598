"""One HDF5 dataset, read by ranges of its first dimension.

::

                     contiguous            chunks, plain, deflated, shuffled      virtual          the rest
    where values lie one stretch of bytes  asked of HDF5, chunk by chunk          other datasets   HDF5's business
    who reads them   the storage layer     the storage layer, zlib, numpy         hdf5_virtual     h5py

HDF5 lets one thread of a process in at a time. So it is asked where bytes lie, and its reader only for what this
module cannot decode: other filters, strings of variable length, numbers in unusual forms. Every chunk is read and
decoded once for a range, whatever number of columns is wanted of it.
"""

from __future__ import annotations

import functools
import itertools
import math
import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import FileFormatError, NotSupportedError
from sqlengine.storage.filesystem import open_input, prefetch
from sqlengine.storage.hdf5_file import Place, check_filters, h5py_module
from sqlengine.storage.hdf5_plain import Extent, PlainArray, Stretch, picked, read_bytes
from sqlengine.storage.hdf5_sequences import Heaps, references
from sqlengine.storage.hdf5_virtual import VirtualArray

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyarrow import NativeFile

# A chunk, and a row of the first dimension, are held in memory as a whole.
_LARGEST_CHUNK: Final = 1 << 30
# No filter makes data smaller than this in earnest (deflate: 1032), so a file that declares more declares nothing.
_MOST_INFLATED: Final = 1100
_SMALL: Final = 1 << 30
# Chunks of a remote file that are fetched at the same time.
_AHEAD_BYTES: Final = 32 << 20

_DEFLATE: Final = 1
_SHUFFLE: Final = 2


class StoredArray:
    """A dataset of at least one dimension.

    Parameters
    ----------
    place
        The dataset.
    checked
        Whether its declared size was held against what it stores before; HDF5 looks through all chunks for that.

    Attributes
    ----------
    shape
        Lengths of the dimensions.
    dtype
        What its values are read as.
    chunk
        Lengths of a chunk; None if it has none.
    extent
        Where its values lie, if they lie in stretches as they are in memory.

    Raises
    ------
    NotSupportedError
        For values in other files unless allowed, and filters that are not installed.
    FileFormatError
        If it declares far more than it stores.
    """

    def __init__(self, place: Place, checked: bool = False) -> None:
        h5py = h5py_module()
        self.place = place
        self._dataset = place.item
        self._id = place.item.id
        self.shape: tuple[int, ...] = tuple(map(int, place.item.shape))
        self.dtype: np.dtype[Any] = place.item.dtype
        properties = self._id.get_create_plist()
        layout = properties.get_layout()
        self.chunk: tuple[int, ...] | None = None
        self.extent: Extent | None = None
        self._raw = _is_raw(place)
        self._is_decodable = False
        self._filters: list[tuple[int, tuple[int, ...]]] = []
        self._element, self._references = references(place) if self.dtype.hasobject else (0, [])
        self._heaps = Heaps(place.file)
        self._virtual: VirtualArray | None = None
        if layout == h5py.h5d.VIRTUAL:
            self._virtual = VirtualArray(place, self._fill(), StoredArray)
        elif layout == h5py.h5d.CHUNKED:
            self.chunk = tuple(map(int, properties.get_chunk()))
            check_filters(place)
            found = [properties.get_filter(k) for k in range(properties.get_nfilters())]
            self._filters = [(int(number), tuple(values)) for number, _, values, _ in found]
            self._is_decodable = all(number in (_DEFLATE, _SHUFFLE) for number, _ in self._filters)
            self._raw = self._raw and self._is_decodable
        elif properties.get_external_count():
            self.extent = self._extent(self._elsewhere(properties))
        elif layout == h5py.h5d.CONTIGUOUS and self._raw:
            offset = self._id.get_offset()
            size = self.row_bytes * self.shape[0]
            self.extent = self._extent([] if offset is None else [Stretch(place.file.path, int(offset), size)])
        self._check_atoms()
        if not checked and not properties.get_external_count():
            self._check_size()

    @property
    def row_bytes(self) -> int:
        """Bytes of one step of the first dimension."""
        return max(1, self.dtype.itemsize * math.prod(self.shape[1:]))

    @property
    def unit(self) -> int:
        """Steps of the first dimension that are best read together."""
        if self._virtual is not None:
            return self._virtual.unit()
        return 1 if self.chunk is None else max(1, min(self.chunk[0], self.shape[0]))

    @property
    def is_plain(self) -> bool:
        """Whether its values are numbers that lie in the file as Arrow has them in memory."""
        dtype = self.dtype
        is_number = dtype.kind in "iu" or (dtype.kind == "f" and dtype.itemsize >= np.dtype("f4").itemsize)
        return self.extent is not None and is_number and dtype.isnative and dtype.metadata is None

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Values of the steps `start` to `stop` of the first dimension, shape (stop - start, …)."""
        if self.extent is not None:
            return self._plain.rows(start, stop)
        if self._virtual is not None:
            return self._virtual.rows(start, stop)
        if self.chunk is None:
            return self._sequence_rows(start, stop)
        whole = np.empty((stop - start, *self.shape[1:]), self._memory_dtype)
        for origin, block in self._chunks(start, stop, None):
            first = max(origin[0], start)
            last = min(origin[0] + len(block), stop)
            target = (
                slice(first - start, last - start),
                *(slice(low, low + size) for low, size in zip(origin[1:], block.shape[1:], strict=True)),
            )
            whole[target] = block[first - origin[0] : last - origin[0]]
        return whole

    def cells(self, start: int, stop: int, cells: NDArray[np.int64]) -> NDArray[Any]:
        """Of a dataset of two dimensions, the columns `cells` (ascending): shape (len(cells), stop - start)."""
        if self.extent is not None:
            return self._plain.cells(start, stop, cells)
        if self.chunk is None:
            return picked(self.rows, start, stop, cells, self.row_bytes)
        columns = np.empty((len(cells), stop - start), self._memory_dtype)
        for origin, block in self._chunks(start, stop, cells):
            first, last = max(origin[0], start), min(origin[0] + len(block), stop)
            low, high = np.searchsorted(cells, [origin[1], origin[1] + block.shape[1]])
            wanted = block[first - origin[0] : last - origin[0], cells[low:high] - origin[1]]
            columns[low:high, first - start : last - start] = wanted.T
        return columns

    @property
    def _title(self) -> str:
        return f"{self.place.name!r} of {self.place.file.path!r}"

    @property
    def _memory_dtype(self) -> np.dtype[Any]:
        return np.dtype(object) if self.dtype.hasobject and self.dtype.names is None else self.dtype

    def _check_size(self) -> None:
        declared = self.row_bytes * self.shape[0]
        if self._virtual is not None:
            stored = self._virtual.source_bytes()
        else:
            stored = self._id.get_storage_size() if declared > _SMALL else declared
        if declared > _MOST_INFLATED * stored + _SMALL:
            raise FileFormatError(f"{self._title} declares {declared:,} bytes of values, but stores only {stored:,}")
        for stretch in self.extent.stretches if self.extent is not None else ():
            if stretch.offset + stretch.size > self.place.file.size:
                raise FileFormatError(f"{self.place.file.path!r} is truncated: it ends within {self.place.name!r}")

    def _check_atoms(self) -> None:
        """Refuse what would have to be held in memory as a whole and is too large for that."""
        atom = self.row_bytes if self.chunk is None else self.dtype.itemsize * math.prod(self.chunk)
        if atom > _LARGEST_CHUNK:
            what = "rows" if self.chunk is None else "chunks"
            raise NotSupportedError(f"{self._title} has {what} of {atom:,} bytes; at most {_LARGEST_CHUNK:,} are read")

    @property
    def _plain(self) -> PlainArray:
        assert self.extent is not None
        return PlainArray(self.extent, self._opened)

    def _opened(self, path: str) -> NativeFile:
        file = self.place.file
        return file.source if path == file.path else open_input(path, mapped=False)

    def _extent(self, stretches: Sequence[Stretch]) -> Extent:
        return Extent(self.place.name, self.shape, self.dtype, tuple(stretches), None if stretches else self._fill())

    def _elsewhere(self, properties: Any) -> list[Stretch]:
        """Where in other files the values lie, as far as there are values."""
        left = self.row_bytes * self.shape[0]
        stretches = []
        for k in range(properties.get_external_count()):
            name, offset, size = properties.get_external(k)
            path = self.place.file.sibling(name.decode("utf-8", "surrogateescape"), f"{self.place.name!r}")
            taken = min(left, size)
            stretches.append(Stretch(path, int(offset), taken))
            left -= taken
        if left or not self._raw:
            raise NotSupportedError(f"{self._title} keeps its values in other files in a way that cannot be read")
        return stretches

    def _sequence_rows(self, start: int, stop: int) -> NDArray[Any]:
        """Rows of a dataset without chunks that HDF5 has to convert, or that refer to heaps."""
        inside = (slice(start, stop),)
        row = self._element * math.prod(self.shape[1:])
        offset = self._id.get_offset() if self._references else None
        if offset is None or self._id.get_storage_size() != row * self.shape[0]:
            return np.asarray(self._dataset[inside])
        data = self._bytes(int(offset) + start * row, (stop - start) * row)
        return self._sequences(data, (stop - start, *self.shape[1:]), inside)

    def _sequences(self, data: Any, shape: tuple[int, ...], inside: tuple[slice, ...]) -> NDArray[Any]:
        """The values whose stored form is `data`: strings from their heaps, the rest by HDF5 if the heaps are sound."""
        found = [self._heaps.values(data, self._element, place) for place in self._references]
        if self.dtype.names is not None or self._references != [(0, 1)]:
            return np.asarray(self._dataset[inside])
        values = np.empty(len(found[0]), object)
        values[:] = found[0]
        return values.reshape(shape)

    def _bytes(self, offset: int, size: int) -> Any:
        """Bytes of the dataset's own file."""
        file = self.place.file
        return read_bytes(file.source, offset, size, self.place.name, file.path)

    def _fill(self) -> Any:
        value = self._dataset.fillvalue
        return np.zeros((), self.dtype)[()] if value is None else value

    def _chunks(
        self, start: int, stop: int, cells: NDArray[np.int64] | None
    ) -> Iterator[tuple[tuple[int, ...], NDArray[Any]]]:
        """The chunks that hold something wanted, with where they begin; of a remote file some at a time."""
        assert self.chunk is not None
        origins = self._origins(start, stop, cells)
        together = max(1, _AHEAD_BYTES // (self.dtype.itemsize * math.prod(self.chunk)))
        while group := list(itertools.islice(origins, together)):
            if self._raw:
                prefetch(self.place.file.source, functools.partial(self._ranges, group))
            for origin in group:
                yield origin, self._chunk_at(origin)

    def _ranges(self, origins: Sequence[tuple[int, ...]]) -> list[tuple[int, int]]:
        """The bytes [start, stop) of chunks, as far as they lie within the file."""
        found = [self._id.get_chunk_info_by_coord(origin) for origin in origins]
        ranges = [(each.byte_offset, each.byte_offset + each.size) for each in found if each.byte_offset is not None]
        return [each for each in ranges if each[1] <= self.place.file.size]

    def _origins(self, start: int, stop: int, cells: NDArray[np.int64] | None) -> Iterator[tuple[int, ...]]:
        """Where the chunks begin that hold something wanted."""
        assert self.chunk is not None
        axes: list[Sequence[int]] = [range(start - start % self.chunk[0], stop, self.chunk[0])]
        for size, step in zip(self.shape[1:], self.chunk[1:], strict=True):
            axes.append(range(0, size, step))
        if cells is not None:
            axes[1] = [int(number) * self.chunk[1] for number in np.unique(cells // self.chunk[1])]
        return itertools.product(*axes)

    def _chunk_at(self, origin: tuple[int, ...]) -> NDArray[Any]:
        """The values of one chunk, as far as it lies within the dataset."""
        assert self.chunk is not None
        inside = tuple(
            slice(low, min(low + step, size)) for low, step, size in zip(origin, self.chunk, self.shape, strict=True)
        )
        if not (self._raw or (self._references and self._is_decodable)):
            return np.asarray(self._dataset[inside])
        kept = tuple(slice(0, part.stop - part.start) for part in inside)
        found = self._id.get_chunk_info_by_coord(origin)
        if found.byte_offset is None:
            return np.asarray(self._dataset[inside]) if not self._raw else np.full([k.stop for k in kept], self._fill())
        size = (self.dtype.itemsize if self._raw else self._element) * math.prod(self.chunk)
        partial = any(part.stop < step for part, step in zip(kept, self.chunk, strict=True))
        if partial and self._filters and found.size == size:
            # Chunks at the edge may be kept unfiltered; only HDF5 knows.
            return np.asarray(self._dataset[inside])
        if found.size > size + size // 8 + 4096:
            raise FileFormatError(f"a chunk of {self._title} is larger than what it holds")
        data = self._decoded(found, size)
        if not self._raw:
            values = self._sequences(data, self.chunk, inside)
            return values[kept] if values.shape == self.chunk else values
        return np.frombuffer(data, self.dtype).reshape(self.chunk)[kept]

    def _decoded(self, found: Any, size: int) -> Any:
        """The `size` bytes of a chunk that HDF5 found, with the filters undone."""
        data = self._bytes(int(found.byte_offset), int(found.size))
        for position in reversed(range(len(self._filters))):
            number, values = self._filters[position]
            if found.filter_mask >> position & 1:
                continue
            data = _inflate(data, size) if number == _DEFLATE else _unshuffle(data, values[0])
        if len(data) != size:
            raise FileFormatError(f"a chunk of {self._title} holds {len(data):,} bytes instead of {size:,}")
        return data


def _is_raw(place: Place) -> bool:
    """Whether the bytes in the file are those of an array of the dataset's dtype."""
    h5py = h5py_module()
    dtype = place.item.dtype
    if dtype.hasobject or place.file.root.userblock_size:
        return False
    return bool(h5py.h5t.py_create(dtype, logical=True) == place.item.id.get_type())


def _inflate(data: Any, size: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        values = inflater.decompress(data, size)
        # The check sum at the end is looked at when more is asked for than there is.
        beyond = inflater.decompress(inflater.unconsumed_tail, 1)
    except zlib.error as error:
        raise FileFormatError(f"a chunk cannot be decompressed: {error}") from error
    if beyond or not inflater.eof:
        raise FileFormatError("a chunk cannot be decompressed: it is of another size than declared")
    return values


def _unshuffle(data: Any, width: int) -> bytes | NDArray[np.uint8]:
    """Undo HDF5's shuffle: all first bytes of the elements, then all second ones, …, then what is left over."""
    count = len(data) // width if width else 0
    if width <= 1 or count <= 1:
        return data  # type: ignore[no-any-return]
    shuffled = np.frombuffer(data, np.uint8)
    values = np.empty(len(data), np.uint8)
    for place in range(width):
        values[place : count * width : width] = shuffled[place * count : (place + 1) * count]
    values[count * width :] = shuffled[count * width :]
    return values
