"""Virtual HDF5 datasets, made of parts of others: put together here, never by HDF5.

::

    /v (4, 3)   0 0 0   <- part 0: /x (3) of a.h5, all of it, as step 0
                1 1 1   <- part 1: /y (2, 3) of b.h5, as steps 1 and 2
                1 1 1
                f f f   <- no part: the fill value

HDF5 would open whatever files the dataset names, and give fill values for those it does not find. Here the storage
layer opens them, if files may name other files at all and they are within the allowed paths; a missing one is an error.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from sqlengine.errors import FileFormatError, NotSupportedError
from sqlengine.storage.filesystem import file_info
from sqlengine.storage.hdf5_file import Place, h5py_module

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_PARTS: Final = 100_000
# HDF5's name of the file that a dataset is in itself.
_SAME_FILE: Final = "."
# Larger numbers of HDF5 mean that a selection has no end.
_LARGEST: Final = 1 << 62

Box = tuple[slice, ...]


class Source(Protocol):
    """A dataset that parts are of; see `StoredArray`."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def unit(self) -> int:
        """Steps of the first dimension that are best read together."""
        ...

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Values of the steps `start` to `stop` of the first dimension."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """The values `target` of a virtual dataset are those of `dataset` in the file at `path`: `source`, None for all."""

    path: str
    dataset: str
    source: Box | None
    target: Box


class VirtualArray:
    """A virtual dataset, read by ranges of its first dimension.

    Parameters
    ----------
    place
        The dataset.
    fill
        The value where no part is.
    opened
        Makes a `Source` of a dataset.

    Raises
    ------
    NotSupportedError
        If values in other files may not be read, or some part is not made of evenly spaced steps.
    """

    def __init__(self, place: Place, fill: Any, opened: Callable[[Place], Source]) -> None:
        self._place = place
        self._shape: tuple[int, ...] = tuple(map(int, place.item.shape))
        self._dtype: np.dtype[Any] = place.item.dtype
        self._fill = fill
        self._opened = opened
        self._parts = _parts(place)

    def source_bytes(self) -> int:
        """Bytes of all files that parts are of; an error if one is missing or not allowed."""
        return sum(file_info(path).size for path in dict.fromkeys(part.path for part in self._parts))

    def unit(self) -> int:
        """Steps of the first dimension that are best read together: as of the dataset that the first part is of."""
        for part in self._parts[:1]:
            with self._visited(part) as place:
                return min(self._opened(place).unit, len(_range(part.target[0])))
        return 1

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Values of the steps `start` to `stop` of the first dimension."""
        whole = np.full((stop - start, *self._shape[1:]), self._fill, self._dtype)
        for part in self._parts:
            steps = part.target[0]
            # Of its steps, those with the numbers `first` to `last` are wanted.
            first = max(0, -((steps.start - start) // steps.step))
            last = min(len(_range(steps)), -((steps.start - stop) // steps.step))
            if first < last:
                low = steps.start + first * steps.step - start
                target = slice(low, low + (last - first - 1) * steps.step + 1, steps.step)
                with self._visited(part) as place:
                    whole[(target, *part.target[1:])] = self._values(part, place, first, last)
        return whole

    @property
    def _title(self) -> str:
        return f"{self._place.name!r} of {self._place.file.path!r}"

    @contextlib.contextmanager
    def _visited(self, part: Part) -> Iterator[Place]:
        """The dataset that a part is of; its file is closed afterwards, for there may be thousands."""
        with self._place.file.visited(part.path) as file:
            place = file.find(part.dataset)
            if place is None or not place.is_dataset:
                raise FileFormatError(f"{part.path!r} has no dataset {part.dataset!r}, a part of {self._title}")
            yield place

    def _values(self, part: Part, place: Place, first: int, last: int) -> NDArray[Any]:
        """The steps `first` to `last` of a part, in the shape that they have in the virtual dataset."""
        source = self._opened(place)
        title = f"{place.name!r} of {place.file.path!r}, a part of {self._title}"
        box = part.source or tuple(slice(0, size, 1) for size in source.shape)
        if len(box) != len(source.shape) or source.dtype != self._dtype:
            raise NotSupportedError(f"{title}, is not of {len(box)} dimensions and the same type, {self._dtype}")
        lengths, wanted = _lengths(box), _lengths(part.target)
        if _squeezed(lengths) != _squeezed(wanted) or any(
            side.stop > size for side, size in zip(box, source.shape, strict=True)
        ):
            raise FileFormatError(f"{title}, is of another shape ({source.shape}) than what is taken of it")
        begin, step, inner = box[0].start, box[0].step, box[1:]
        if lengths[0] == wanted[0]:
            # Step for step, so that only those wanted need to be read.
            values = source.rows(begin + first * step, begin + (last - 1) * step + 1)
            return values[(slice(None, None, step), *inner)].reshape(last - first, *wanted[1:])
        values = source.rows(begin, box[0].stop)
        return values[(slice(None, None, step), *inner)].reshape(wanted)[first:last]


def _parts(place: Place) -> list[Part]:
    properties = place.item.id.get_create_plist()
    count = properties.get_virtual_count()
    what = f"{place.name!r} of {place.file.path!r} is a virtual dataset"
    if count > _MOST_PARTS:
        raise NotSupportedError(f"{what} of more than {_MOST_PARTS:,} parts")
    parts = []
    for number in range(count):
        name, dataset = properties.get_virtual_filename(number), properties.get_virtual_dsetname(number)
        path = place.file.path if name == _SAME_FILE else place.file.sibling(name, f"a part of {place.name!r}")
        source_space = properties.get_virtual_srcspace(number)
        # All of a dataset is said so, without its shape, which only it knows.
        source = _box(source_space) if source_space.shape else None
        target = _box(properties.get_virtual_vspace(number))
        if target is None or (source is None and source_space.shape) or "%" in name + dataset:
            raise NotSupportedError(f"{what} whose parts are not made of evenly spaced steps")
        parts.append(Part(path, dataset, source, target))
    return parts


def _box(space: Any) -> Box | None:
    """What is selected of a space, as slices; None if that is not what slices select."""
    if space.get_select_type() == h5py_module().h5s.SEL_ALL:
        return tuple(slice(0, int(size), 1) for size in space.shape)
    if space.get_select_type() != h5py_module().h5s.SEL_HYPERSLABS or not space.is_regular_hyperslab():
        return None
    sides = []
    for start, stride, count, block in zip(*space.get_regular_hyperslab(), strict=True):
        if max(start, stride, count, block) > _LARGEST:
            return None
        if count == 1 or stride == block:
            sides.append(slice(int(start), int(start + count * block), 1))
        elif block == 1:
            sides.append(slice(int(start), int(start + (count - 1) * stride + 1), int(stride)))
        else:
            return None
    return tuple(sides)


def _range(side: slice) -> range:
    return range(side.start, side.stop, side.step)


def _lengths(box: Box) -> tuple[int, ...]:
    return tuple(len(_range(side)) for side in box)


def _squeezed(lengths: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in lengths if length != 1)
