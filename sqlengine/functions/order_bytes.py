"""Values as integers or bytes whose natural order is SQL's order: for comparing, keys, MIN/MAX and sorting.

Numbers of at most 64 bits become one int64. What is wider becomes bytes that compare bytewise: text as it is,
128-bit numbers and intervals as big-endian words, nested values as the bytes of their parts::

    [1, NULL]        01 <bytes of 1>  02  00        01 before a value, 02 a NULL (last, as in DuckDB), 00 the end
    {'a': 1, 'b': x}  01 <bytes of 1>  01 <bytes of x>

Inside a nested value text ends with 00 00 and a 00 of its own is written 00 FF. Equal values have equal bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import numpy as np

from sqlengine.errors import NotSupportedError
from sqlengine.functions.nested import fields_of, list_vector, lists_of
from sqlengine.types import BLOB, SqlType, TypeKind, list_of
from sqlengine.vector import Vector, buffer_words

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Words = NDArray[np.int64]
    Mask = NDArray[np.bool_]

_DAYS_PER_MONTH: Final = 30
_NANOS_PER_DAY: Final = 86_400_000_000_000
_BELOW_SIGN: Final = np.int64(0x7FFF_FFFF_FFFF_FFFF)
_SIGN: Final = np.int64(-0x8000_0000_0000_0000)
# What stands before the parts of a nested value, and after the last element of a list.
_END, _VALUE, _NULL = b"\x00", b"\x01", b"\x02"


def is_wide(type_: SqlType) -> bool:
    """Whether values may need 128 bits: HUGEINT, UHUGEINT, and DECIMAL of more than 18 digits."""
    return type_.kind in (TypeKind.HUGEINT, TypeKind.UHUGEINT) or (
        type_.kind is TypeKind.DECIMAL and type_.precision > 18
    )


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


def interval_words(vector: Vector) -> tuple[Words, Words]:
    """(days, nanoseconds of the day) of intervals: equal and ordered by length, a month being 30 days as in DuckDB."""
    array = vector.arrow()
    parts = buffer_words(array.buffers()[1], np.dtype(np.int32), array.offset * 4, len(array) * 4)
    months, days = parts[0::4].astype(np.int64), parts[1::4].astype(np.int64)
    days_of_nanos, nanos = np.divmod(parts.view(np.int64)[1::2], _NANOS_PER_DAY)
    return months * _DAYS_PER_MONTH + days + days_of_nanos, nanos


def ordered_bytes(vector: Vector) -> pa.Array:
    """Binary array whose bytewise order is that of the values: text, 128-bit numbers, intervals, nested values.

    `executor.ordering.from_ordered_bytes` gets the values back exactly: an interval's own months, days and nanoseconds
    follow its comparable form.
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
    return comparable_bytes(vector)


def comparable_bytes(vector: Vector) -> pa.Array:
    """Binary array, NULL where NULL, whose bytewise order and equality are those of the values, whatever their type."""
    import pyarrow as pa

    type_ = vector.type
    if type_.is_text:
        return vector.arrow().view(pa.binary())
    if type_.kind is TypeKind.NULL:
        return pa.nulls(len(vector), pa.binary())
    if type_.kind is TypeKind.STRUCT:
        return _struct_bytes(vector)
    if type_.is_nested:
        return _list_bytes(vector)
    if is_wide(type_):
        low, high = wide_words(vector)
        words = [_big_endian(high), low.byteswap()]
    elif type_.kind is TypeKind.INTERVAL:
        words = [_big_endian(word) for word in interval_words(vector)]
    else:
        if type_.is_float:
            # Adding zero turns -0.0 into 0.0, its equal.
            values = vector.values()
            vector = Vector.from_values(values + values.dtype.type(0), vector.valid(), type_, vector.constant)
        words = [_big_endian(ordered_words(vector))]
    return words_as_bytes(words, vector.valid())


def _list_bytes(vector: Vector) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    lists = lists_of(vector)
    elements = list_vector(lists.lengths, Vector(BLOB, _part_bytes(lists.child)), lists.valid, list_of(BLOB))
    joined = pc.binary_join(elements.arrow(), pa.scalar(b"", pa.binary()))
    return pc.binary_join_element_wise(joined, _constant(_END), _constant(b""))


def _struct_bytes(vector: Vector) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    fields = [_part_bytes(field) for field in fields_of(vector)]
    joined = pc.binary_join_element_wise(*fields, _constant(b"")) if fields else _constant(b"")
    valid = vector.valid()
    if not fields:
        joined = pa.repeat(joined, len(vector))
    return joined if valid is None else pc.if_else(pa.array(valid), joined, pa.scalar(None, pa.binary()))


def _part_bytes(vector: Vector) -> pa.Array:
    """Values as parts of a nested one: never NULL, and none the beginning of another."""
    import pyarrow.compute as pc

    data = comparable_bytes(vector)
    if vector.type.is_text:
        escaped = pc.replace_substring(data, b"\x00", b"\x00\xff")
        data = pc.binary_join_element_wise(escaped, _constant(b"\x00\x00"), _constant(b""))
    return pc.fill_null(pc.binary_join_element_wise(_constant(_VALUE), data, _constant(b"")), _NULL)


def _constant(value: bytes) -> pa.Scalar:
    import pyarrow as pa

    return pa.scalar(value, pa.binary())


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
