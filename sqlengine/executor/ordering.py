"""Values back from the words and bytes of `sqlengine.functions.order_bytes`, for keys, MIN/MAX and sorting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sqlengine.errors import NotSupportedError
from sqlengine.functions.order_bytes import integer_words as integer_words
from sqlengine.functions.order_bytes import interval_words as interval_words
from sqlengine.functions.order_bytes import is_wide as is_wide
from sqlengine.functions.order_bytes import ordered_bytes as ordered_bytes
from sqlengine.functions.order_bytes import ordered_words as ordered_words
from sqlengine.functions.order_bytes import wide_words as wide_words
from sqlengine.types import SqlType, TypeKind, arrow_type, words_dtype
from sqlengine.vector import Vector, buffer_words
from sqlengine.words import unpack_bits

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Words = NDArray[np.int64]
    Mask = NDArray[np.bool_]

_BELOW_SIGN: Final = np.int64(0x7FFF_FFFF_FFFF_FFFF)
_SIGN: Final = np.int64(-0x8000_0000_0000_0000)


def wide_vector(low: Words, high: Words, valid: Mask | None, type_: SqlType) -> Vector:
    """The inverse of `wide_words`."""
    import pyarrow as pa

    fits = high == low >> 63
    if valid is not None:
        fits |= ~valid
    if fits.all():
        return Vector.from_values(low, valid, type_)
    pairs = np.empty((len(low), 2), np.int64)
    pairs[:, 0], pairs[:, 1] = low, high
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return Vector(type_, pa.Array.from_buffers(arrow_type(type_), len(low), [bitmap, pa.py_buffer(pairs)]))


def from_ordered_words(words: Words, valid: Mask | None, type_: SqlType) -> Vector:
    """The inverse of `ordered_words`."""
    dtype = words_dtype(type_)
    if dtype is None:
        raise NotSupportedError(f"{type_} has no words")
    if type_.is_float:
        return Vector.from_values((words ^ (words >> 63 & _BELOW_SIGN)).view(np.float64).astype(dtype), valid, type_)
    if type_.kind is TypeKind.UBIGINT:
        return Vector.from_values((words ^ _SIGN).view(np.uint64), valid, type_)
    return Vector.from_values(words.astype(dtype, copy=False), valid, type_)


def from_ordered_bytes(array: pa.Array, type_: SqlType) -> Vector:
    """The inverse of `ordered_bytes`."""
    import pyarrow as pa

    if type_.is_text:
        return Vector(type_, array.view(arrow_type(type_)))
    valid = unpack_bits(array.is_valid())
    words = 2 if is_wide(type_) else 4
    rows = np.zeros((len(array), words), np.int64)
    rows[valid] = (
        buffer_words(array.drop_null().buffers()[2], np.dtype(np.int64), 0, int(valid.sum()) * words).reshape(-1, words)
        if valid.any()
        else 0
    )
    if is_wide(type_):
        return wide_vector(rows[:, 1].byteswap(), rows[:, 0].byteswap() ^ _SIGN, valid, type_)
    bitmap = pa.py_buffer(np.packbits(valid, bitorder="little"))
    data = pa.py_buffer(np.ascontiguousarray(rows[:, 2:]))
    return Vector(type_, pa.Array.from_buffers(arrow_type(type_), len(array), [bitmap, data]))
