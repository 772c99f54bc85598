"""Strings and sequences of variable length: found in the file's heaps here, before HDF5 is let near them.

::

    element      length (4), address of a heap (8), number in it (4)
    heap         "GCOL", version, size (8); then objects: number (2), uses (2), 4 unused, size (8), bytes, padded

HDF5 believes what they say: it allocates up to 4 GiB for a length before it finds that the heap holds less, and some
damage of a heap keeps it busy for ever. Strings are read here altogether; for sequences of numbers and for those
within compound types the heaps are looked through, then HDF5 reads them. (HDF5 File Format Specification, section
III.E, Global Heap.)
"""

from __future__ import annotations

import math
import struct
from collections import OrderedDict
from typing import Any, Final

import numpy as np

from sqlengine.errors import FileFormatError
from sqlengine.storage.hdf5_file import Hdf5File, Place, h5py_module

_REFERENCE: Final = np.dtype([("length", "<u4"), ("address", "<u8"), ("number", "<u4")])
_OBJECT: Final = struct.Struct("<HH4xQ")
_HEAP_HEAD: Final = 16
_MOST_HEAPS: Final = 64
_MOST_PLACES: Final = 1000

#: Offset within a stored element, and bytes of an item.
Places = list[tuple[int, int]]


def references(place: Place) -> tuple[int, Places]:
    """(bytes of an element of the dataset as it is stored, where in it references to sequences lie).

    No places if there are none, or too many of them, or the file has addresses of another width
    or from another origin.
    """
    if place.file.root.id.get_create_plist().get_sizes() != (8, 8) or place.file.root.userblock_size:
        return 0, []
    size, places = _stored(place.item.id.get_type())
    return size, places if len(places) <= _MOST_PLACES else []


class Heaps:
    """The heaps of one file, those read last kept."""

    def __init__(self, file: Hdf5File) -> None:
        self._file = file
        self._known: OrderedDict[int, tuple[bytes, dict[int, tuple[int, int]]]] = OrderedDict()

    def values(self, data: Any, size: int, place: tuple[int, int]) -> list[bytes]:
        """What the elements in `data`, of `size` bytes each, refer to at one place of theirs; a loop in Python.

        Raises
        ------
        FileFormatError
            If a heap does not hold it.
        """
        offset, width = place
        count = len(data) // size
        elements = np.frombuffer(data, np.uint8, count * size).reshape(count, size)
        found = np.ascontiguousarray(elements[:, offset : offset + _REFERENCE.itemsize]).view(_REFERENCE).reshape(-1)
        total = int(found["length"].sum(dtype=np.int64)) * width
        if total > self._file.size:
            # Values share no object of a heap, so there is room for all of them.
            raise self._damaged(f"it declares values of {total:,} bytes")
        values = []
        columns = [found[name].tolist() for name in ("length", "address", "number")]
        for length, address, number in zip(*columns, strict=True):
            if not length:
                values.append(b"")
                continue
            heap, objects = self._known.get(address) or self._load(address)
            start, stored = objects.get(number, (0, 0))
            if stored < length * width:
                raise self._damaged(f"a value of {length * width:,} bytes is not in its heap")
            values.append(heap[start : start + length * width])
        return values

    def _load(self, address: int) -> tuple[bytes, dict[int, tuple[int, int]]]:
        """The bytes of a heap and where in them its objects lie: number -> (start, size)."""
        head = self._bytes(address, _HEAP_HEAD)
        (size,) = struct.unpack_from("<Q", head, 8)
        if head[:4] != b"GCOL" or not _HEAP_HEAD <= size <= self._file.size - address:
            raise self._damaged("a value lies in no heap")
        heap = self._bytes(address, size)
        objects: dict[int, tuple[int, int]] = {}
        place = _HEAP_HEAD
        while place + _OBJECT.size <= size:
            number, _, stored = _OBJECT.unpack_from(heap, place)
            # Number 0 is free space, which counts its own head.
            step = _OBJECT.size + -(-stored // 8) * 8 if number else stored
            if step < _OBJECT.size or place + step > size:
                raise self._damaged("the objects of a heap overlap its end")
            if number:
                objects[number] = place + _OBJECT.size, stored
            place += step
        self._known[address] = heap, objects
        if len(self._known) > _MOST_HEAPS:
            self._known.popitem(last=False)
        return heap, objects

    def _bytes(self, address: int, size: int) -> bytes:
        if address + size > self._file.size:
            raise self._damaged("a heap lies beyond its end")
        return bytes(self._file.source.read_at(size, address))

    def _damaged(self, what: str) -> FileFormatError:
        return FileFormatError(f"{self._file.path!r} is damaged: {what}")


def _stored(type_id: Any) -> tuple[int, Places]:
    """As `references`; h5py says how elements lie in memory, where a string of variable length takes 8 bytes."""
    h5t = h5py_module().h5t
    size = int(type_id.get_size())
    match type_id:
        case h5t.TypeStringID() if type_id.is_variable_str():
            return _REFERENCE.itemsize, [(0, 1)]
        case h5t.TypeVlenID():
            return _REFERENCE.itemsize, [(0, int(type_id.get_super().get_size()))]
        case h5t.TypeArrayID():
            each, inside = _stored(type_id.get_super())
            number = math.prod(type_id.get_array_dims())
            if len(inside) * number > _MOST_PLACES:
                return each * number, []
            return each * number, [(k * each + offset, width) for k in range(number) for offset, width in inside]
        case h5t.TypeCompoundID():
            places: Places = []
            shift = 0
            members = range(type_id.get_nmembers())
            for member in sorted(members, key=type_id.get_member_offset):
                each, inside = _stored(type_id.get_member_type(member))
                start = int(type_id.get_member_offset(member)) + shift
                places += [(start + offset, width) for offset, width in inside]
                shift += each - int(type_id.get_member_type(member).get_size())
            return size + shift, places
        case _:
            return size, []
