"""Sequences and strings of variable length: their declared lengths, looked at before HDF5 allocates them.

In the file such a value is a reference of 16 bytes: length (4), address of a heap (8), number in the heap (4). HDF5
believes the length and allocates up to 4 GiB for each before it finds that the heap holds less.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from sqlengine.errors import FileFormatError
from sqlengine.storage.hdf5_file import Place, h5py_module

_REFERENCE_BYTES: Final = 16
_MOST_PLACES: Final = 1000

#: Offset within a stored element, and bytes of an item.
Places = list[tuple[int, int]]


def references(place: Place) -> tuple[int, Places]:
    """(bytes of an element of the dataset as it is stored, where in it references to sequences lie).

    No places if there are none, or too many of them, or the file has addresses of another width.
    """
    if place.file.root.id.get_create_plist().get_sizes() != (8, 8):
        return 0, []
    size, places = _stored(place.item.id.get_type())
    return size, places if len(places) <= _MOST_PLACES else []


def check_lengths(data: Any, size: int, places: Places, place: Place) -> None:
    """FileFormatError if the sequences that the elements in `data` refer to are larger than the whole file."""
    count = len(data) // size
    elements = np.frombuffer(data, np.uint8, count * size).reshape(count, size)
    for offset, width in places:
        lengths = np.ascontiguousarray(elements[:, offset : offset + 4]).view("<u4")
        total = int(lengths.sum(dtype=np.int64)) * width
        if total > place.file.size:
            raise FileFormatError(
                f"{place.name!r} of {place.file.path!r} is damaged: it declares sequences of {total:,} bytes,"
                f" but the file has {place.file.size:,}"
            )


def _stored(type_id: Any) -> tuple[int, Places]:
    """As `references`; h5py says how elements lie in memory, where a string of variable length takes 8 bytes."""
    h5t = h5py_module().h5t
    size = int(type_id.get_size())
    match type_id:
        case h5t.TypeStringID() if type_id.is_variable_str():
            return _REFERENCE_BYTES, [(0, 1)]
        case h5t.TypeVlenID():
            return _REFERENCE_BYTES, [(0, int(type_id.get_super().get_size()))]
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
