"""Values as integers or bytes whose natural order is SQL's order, shared by keys, MIN/MAX and sorting.

Numbers of at most 64 bits become one int64. What is wider becomes bytes that compare bytewise: text as it is,
128-bit numbers and intervals as big-endian words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import numpy as np

from sqlengine.errors import NotSupportedError
from sqlengine.types import SqlType, TypeKind, arrow_type, words_dtype
from sqlengine.vector import Vector, buffer_words
from sqlengine.words import unpack_bits

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Words = NDArray[np.int64]
    Mask = NDArray[np.bool_]

_DAYS_PER_MONTH: Final = 30
_NANOS_PER_DAY: Final = 86_400_000_000_000
_BELOW_SIGN: Final = np.int64(0x7FFF_FFFF_FFFF_FFFF)
_SIGN: Final = np.int64(-0x8000_0000_0000_0000)


def is_wide(type_: SqlType) -> bool:
    """Whether values may need 128 bits: HUGEINT, and DECIMAL of more than 18 digits."""
    return type_.kind is TypeKind.HUGEINT or (type_.kind is TypeKind.DECIMAL and type_.precision > 18)


def integer_words(vector: Vector) -> Words:
    """Words of a fixed-width vector that is not FLOAT or DOUBLE as int64[n]; UBIGINT keeps its bits.

    A copy only where the words are narrower; the words of NULLs are arbitrary.
    """
    words = np.ascontiguousarray(vector.values())
    return words.view(np.int64) if words.dtype == np.uint64 else words.astype(np.int64, copy=False)


def wide_words(vector: Vector) -> tuple[Words, Words]:
    """(low, high) words int64[n] of a DECIMAL or HUGEINT vector, whether its values fit 64 bits or not."""
    if vector.has_words():
        low = integer_words(vector)
        return low, low >> 63
    array = vector.arrow()
    pairs = buffer_words(array.buffers()[1], np.dtype(np.int64), array.offset * 2, len(array) * 2)
    return np.ascontiguousarray(pairs[0::2]), np.ascontiguousarray(pairs[1::2])


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


def ordered_words(vector: Vector) -> Words:
    """int64[n] in the order of the values of a type with words; NaN is greatest and -0.0 just below 0.0."""
    kind = vector.type.kind
    if vector.type.is_float:
        values = vector.values().astype(np.float64)
        values[np.isnan(values)] = np.nan
        bits = values.view(np.int64)
        # Negative floats count downwards in their bits.
        return cast("Words", bits ^ (bits >> 63 & _BELOW_SIGN))
    words = integer_words(vector)
    return words ^ _SIGN if kind is TypeKind.UBIGINT else words


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


def ordered_bytes(vector: Vector) -> pa.Array:
    """Binary array whose bytewise order is that of the values: text, 128-bit numbers, intervals.

    `from_ordered_bytes` gets the values back exactly: an interval's own months, days and nanoseconds follow its
    comparable form.
    """
    import pyarrow as pa

    if vector.type.is_text:
        return vector.arrow().view(pa.binary())
    if is_wide(vector.type):
        low, high = wide_words(vector)
        return words_as_bytes([_big_endian(high), low.byteswap()], vector.valid())
    if vector.type.kind is TypeKind.INTERVAL:
        array = vector.arrow()
        own = buffer_words(array.buffers()[1], np.dtype(np.int64), array.offset * 2, len(array) * 2)
        comparable = [_big_endian(word) for word in interval_words(vector)]
        return words_as_bytes([*comparable, own[0::2], own[1::2]], vector.valid())
    raise NotSupportedError(f"values of type {vector.type} cannot be ordered")


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


def interval_words(vector: Vector) -> tuple[Words, Words]:
    """(days, nanoseconds of the day) of intervals: equal and ordered by length, a month being 30 days as in DuckDB."""
    array = vector.arrow()
    parts = buffer_words(array.buffers()[1], np.dtype(np.int32), array.offset * 4, len(array) * 4)
    months, days = parts[0::4].astype(np.int64), parts[1::4].astype(np.int64)
    days_of_nanos, nanos = np.divmod(parts.view(np.int64)[1::2], _NANOS_PER_DAY)
    return months * _DAYS_PER_MONTH + days + days_of_nanos, nanos


def words_as_bytes(words: list[Words], valid: Mask | None, lengths: Words | None = None) -> pa.Array:
    """Rows of words, side by side in memory order, as a binary array.

    `lengths` gathers several rows into one value: value i is the next `lengths[i]` rows; default: one row each.
    """
    import pyarrow as pa

    width = len(words) * 8
    length = len(words[0]) if lengths is None else len(lengths)
    rows = np.empty((len(words[0]), len(words)), np.int64)
    for k, column in enumerate(words):
        rows[:, k] = column
    ends = np.zeros(length + 1, np.int64)
    ends[1:] = width * (np.arange(1, length + 1) if lengths is None else np.cumsum(lengths))
    if ends[-1] > np.iinfo(np.int32).max:
        raise NotSupportedError(f"{ends[-1]:,} bytes of keys in one batch; at most 2 GiB fit")
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    buffers = [bitmap, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(rows)]
    return pa.Array.from_buffers(pa.binary(), length, buffers)


def _big_endian(words: Words) -> Words:
    """Signed words, so that their bytes in memory compare like the values."""
    return (words ^ _SIGN).byteswap()
