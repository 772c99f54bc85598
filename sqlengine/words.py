"""The two forms of a column's values, Arrow arrays and numpy words, and the ways between them.

Words and validity are those of the table in `sqlengine.types`: a validity is bool[n], True where not NULL, or None
when there is no NULL; the word of a NULL is arbitrary. Nothing is copied that need not be.
"""

from __future__ import annotations

import datetime
import decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.types import BIGINT, INTEGER, SqlType, TypeKind, arrow_type, words_dtype

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Words = NDArray[Any]
    Mask = NDArray[np.bool_]
    Indices = NDArray[np.int64]


class _Foreign:
    """Lends foreign memory to numpy as a writable array, so that kernels see one array type.

    Nothing writes through it; `owner` keeps the memory alive.
    """

    __slots__ = ("__array_interface__", "owner")

    def __init__(self, address: int, dtype: np.dtype[Any], length: int, owner: object) -> None:
        self.__array_interface__ = {
            "data": (address, False),
            "shape": (length,),
            "typestr": dtype.str,
            "version": 3,
        }
        self.owner = owner


def buffer_words(buffer: pa.Buffer, dtype: np.dtype[Any], offset: int, length: int) -> Words:
    """A zero-copy numpy view of `length` items of `buffer`, starting at item `offset`."""
    if length == 0:
        return np.empty(0, dtype)
    return np.asarray(_Foreign(buffer.address + offset * dtype.itemsize, dtype, length, buffer))


def combined(array: pa.ChunkedArray) -> pa.Array:
    """The chunks as one array; dictionaries are unified."""
    import pyarrow as pa

    if array.num_chunks == 1:
        return array.chunk(0)
    if pa.types.is_dictionary(array.type):
        array = array.unify_dictionaries()
    combined = array.combine_chunks()
    return combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined


def without_null_entry(array: pa.DictionaryArray) -> pa.DictionaryArray:
    """The same values, NULL being said by the codes alone: Arrow cannot unify dictionaries that hold NULL."""
    import pyarrow as pa

    dictionary = array.dictionary
    if not dictionary.null_count:
        return array
    known = np.flatnonzero(unpack_bits(dictionary.is_valid()))
    places = np.full(len(dictionary), -1, np.int32)
    places[known] = np.arange(len(known))
    codes = np.where(unpack_bits(array.indices.is_valid()), places.take(array.indices.fill_null(0)), -1)
    indices = pa.array(codes.astype(np.int32), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, dictionary.take(pa.array(known)))


def words_of(array: pa.Array, dtype: np.dtype[Any]) -> Words:
    """The values of a fixed-width array as they lie in memory, no copy."""
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(len(array), dtype)
    return buffer_words(buffer, dtype, array.offset, len(array))


def validity_of(array: pa.Array) -> Mask | None:
    """The validity of an array that is not dictionary-encoded."""
    if array.null_count == 0:
        return None
    return unpack_bits(array.is_valid())


def arrow_to_words(array: pa.Array, type_: SqlType) -> Words | None:
    """The words of `array`, or None where its type has none or a DECIMAL or HUGEINT value needs more than 64 bits."""
    dtype = words_dtype(type_)
    if dtype is None:
        return None
    if type_.kind is TypeKind.BOOLEAN:
        return unpack_bits(array)
    if not type_.is_unscaled:
        return words_of(array, dtype)
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(len(array), np.int64)
    pairs = buffer_words(buffer, np.dtype("int64"), array.offset * 2, len(array) * 2)
    low = np.ascontiguousarray(pairs[0::2])
    if type_.is_integer or type_.precision > 18:
        # Wide only if a high word is not the sign of its low word, NULLs aside.
        fits = pairs[1::2] == (low >> 63)
        valid = validity_of(array)
        if valid is not None:
            fits |= ~valid
        if not fits.all():
            return None
    return low


def pick_words(array: pa.Array, type_: SqlType, indices: Indices) -> Words | None:
    """As `arrow_to_words` of the rows at `indices` of a DECIMAL or HUGEINT array."""
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(len(indices), np.int64)
    pairs = buffer_words(buffer, np.dtype("int64"), array.offset * 2, len(array) * 2)
    low = pairs[0::2][indices]
    if type_.is_integer or type_.precision > 18:
        fits = pairs[1::2][indices] == (low >> 63)
        valid = validity_of(array)
        if valid is not None:
            fits |= ~valid.take(indices)
        if not fits.all():
            return None
    return low


def take_codes(array: pa.DictionaryArray, indices: Indices, may_miss: bool) -> pa.DictionaryArray:
    """Rows at `indices` (-1 gives NULL with `may_miss`) over the same dictionary."""
    import pyarrow as pa

    codes = words_of(array.indices, np.dtype("int32"))
    valid = validity_of(array.indices)
    if may_miss:
        hit = indices >= 0
        indices = np.maximum(indices, 0)
        valid = hit if valid is None or not len(codes) else valid.take(indices) & hit
        if not len(codes):
            codes = np.zeros(1, np.int32)
            indices = np.zeros(len(indices), np.int64)
    elif valid is not None:
        valid = valid.take(indices)
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    data = pa.py_buffer(codes.take(indices))
    return pa.DictionaryArray.from_buffers(array.type, len(indices), [bitmap, data], array.dictionary)


def unpack_bits(array: pa.BooleanArray) -> Mask:
    """The values of a boolean array.

    `to_numpy` would do the same, but its first call in a process imports pandas.
    """
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(len(array), np.bool_)
    first = array.offset // 8
    count = (array.offset + len(array) + 7) // 8 - first
    packed = buffer_words(buffer, np.dtype("uint8"), first, count)
    bits = np.unpackbits(packed, bitorder="little")
    skip = array.offset - first * 8
    return bits[skip : skip + len(array)].view(np.bool_)


def words_to_arrow(values: Words, valid: Mask | None, type_: SqlType) -> pa.Array:
    """The inverse of `arrow_to_words`."""
    import pyarrow as pa

    length = len(values)
    bitmap = None
    nulls = 0
    if valid is not None:
        nulls = length - int(np.count_nonzero(valid))
        if nulls:
            bitmap = pa.py_buffer(np.packbits(valid, bitorder="little"))
    if type_.kind is TypeKind.BOOLEAN:
        data = pa.py_buffer(np.packbits(values, bitorder="little"))
    elif type_.is_unscaled:
        pairs = np.empty((length, 2), np.int64)
        pairs[:, 0] = values
        np.right_shift(values, 63, out=pairs[:, 1])
        data = pa.py_buffer(pairs)
    else:
        data = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(arrow_type(type_), length, [bitmap, data], null_count=nulls)


def row_numbers(indices: Words, valid: Mask | None = None) -> pa.Array:
    """int32 or int64 numbers as the Arrow array that `take` and DictionaryArray want; NULL where not valid."""
    return words_to_arrow(indices, valid, INTEGER if indices.dtype == np.int32 else BIGINT)


def numbers_to_arrow(values: Words) -> pa.Array:
    """Numbers of numpy, in the machine's byte order, as they are: no NULL; not copied if they lie one after the other.

    `pa.array` would do the same, but its first call in a process imports pandas (a quarter of a second).
    """
    import pyarrow as pa

    data = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, data], null_count=0)


_EPOCH: Final = datetime.date(1970, 1, 1)
_MICROSECOND: Final = datetime.timedelta(microseconds=1)


def literal_word(value: object, type_: SqlType) -> int | float | bool | None:
    """The word of one Python value as `Literal` holds it; None where it has none or does not fit."""
    dtype = words_dtype(type_)
    word: int | float | bool
    match value:
        case bool():
            return value if type_.kind is TypeKind.BOOLEAN else None
        case int() if type_.is_integer or type_.kind is TypeKind.DECIMAL:
            word = value * 10**type_.scale
        case int() | float():
            return float(value) if type_.is_float else None
        case decimal.Decimal() if type_.is_unscaled and value.is_finite():
            scaled = value.scaleb(type_.scale, _EXACT)
            word = int(scaled)
            if scaled != word:
                return None
        case datetime.datetime():
            if type_.kind is not TypeKind.TIMESTAMP or value.tzinfo is not None:
                return None
            word = (value - datetime.datetime(1970, 1, 1)) // _MICROSECOND
        case datetime.date() if type_.kind is TypeKind.DATE:
            word = (value - _EPOCH).days
        case _:
            return None
    fits = dtype is not None and np.iinfo(dtype).min <= word <= np.iinfo(dtype).max
    return word if fits else None


# Room for every digit: `scaleb` must not round.
_EXACT: Final = decimal.Context(prec=80)
