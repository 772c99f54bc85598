"""The types of HDF5 datasets as SQL types, and their values as Arrow arrays.

=====================================  ==================================================
HDF5 (as h5py sees it)                 SQL
=====================================  ==================================================
integers of 1 to 8 bytes, any order    TINYINT … BIGINT, UTINYINT … UBIGINT
floats of 2 and 4 bytes; of 8          FLOAT; DOUBLE. NaN stays NaN, it is not NULL
enumeration FALSE = 0, TRUE = 1        BOOLEAN
other enumerations                     ENUM, labels in the order of their numbers
strings of fixed or variable length    VARCHAR
compound                               STRUCT
complex                                STRUCT(r, i)
array, rest of a dataset's shape       ARRAY, nested if of several dimensions
sequences of variable length           LIST
opaque with h5py's tag of datetime64   DATE, TIMESTAMP_S … TIMESTAMP_NS; NaT is NULL
opaque with h5py's tag of timedelta64  INTERVAL; NaT is NULL
=====================================  ==================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sqlengine.errors import ConversionError, NotSupportedError
from sqlengine.storage.conform import conform_array
from sqlengine.storage.hdf5_file import h5py_module
from sqlengine.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    INTERVAL,
    TIMESTAMP,
    TIMESTAMP_MS,
    TIMESTAMP_NS,
    TIMESTAMP_S,
    VARCHAR,
    SqlType,
    TypeKind,
    array_of,
    arrow_type,
    enum_of,
    list_of,
    struct_of,
)
from sqlengine.words import numbers_to_arrow, words_to_arrow

if TYPE_CHECKING:
    from numpy.typing import NDArray

_INTEGERS: Final[dict[str, TypeKind]] = {
    "i1": TypeKind.TINYINT,
    "i2": TypeKind.SMALLINT,
    "i4": TypeKind.INTEGER,
    "i8": TypeKind.BIGINT,
    "u1": TypeKind.UTINYINT,
    "u2": TypeKind.USMALLINT,
    "u4": TypeKind.UINTEGER,
    "u8": TypeKind.UBIGINT,
}
_MOMENTS: Final[dict[str, SqlType]] = {
    "s": TIMESTAMP_S,
    "ms": TIMESTAMP_MS,
    "us": TIMESTAMP,
    "ns": TIMESTAMP_NS,
    "D": DATE,
}
_NAT: Final = np.iinfo(np.int64).min
_DEEPEST: Final = 32
# An ARRAY of more elements than this is a matrix, and better read in another layout.
_LARGEST_ARRAY: Final = 1 << 24


def sql_type_of(dtype: np.dtype[Any], depth: int = 0) -> SqlType:
    """The SQL type of values that h5py reads as `dtype`.

    Raises
    ------
    NotSupportedError
        For references, opaque bytes, pickled objects, and numbers of more than 8 bytes; says which it is.
    """
    h5py = h5py_module()
    if depth > _DEEPEST:
        raise NotSupportedError(f"a type nested deeper than {_DEEPEST}")
    if dtype.subdtype is not None:
        element, shape = dtype.subdtype
        return nested_array(sql_type_of(element, depth + 1), shape)
    if dtype.names is not None:
        return struct_of((name, sql_type_of(dtype[name], depth + 1)) for name in dtype.names)
    if h5py.check_string_dtype(dtype) is not None:
        return VARCHAR
    if h5py.check_ref_dtype(dtype) is not None:
        raise NotSupportedError("an object or region reference")
    labels = h5py.check_enum_dtype(dtype)
    if labels is not None:
        return enum_of(sorted(labels, key=lambda label: labels[label]))
    element_dtype = h5py.check_vlen_dtype(dtype)
    if element_dtype is not None:
        if np.dtype(element_dtype).hasobject:
            raise NotSupportedError("a sequence of strings or sequences")
        return list_of(sql_type_of(np.dtype(element_dtype), depth + 1))
    code = f"{dtype.kind}{dtype.itemsize}"
    if code in _INTEGERS:
        return SqlType(_INTEGERS[code])
    unit = np.datetime_data(dtype) if dtype.kind in "mM" else ("", 1)
    match dtype.kind:
        case "b":
            return BOOLEAN
        case "f" if dtype.itemsize <= 8:
            return DOUBLE if dtype.itemsize == 8 else FLOAT
        case "c" if dtype.itemsize <= 16:
            part = DOUBLE if dtype.itemsize == 16 else FLOAT
            return struct_of((("r", part), ("i", part)))
        case "M" if unit[0] in _MOMENTS and unit[1] == 1:
            return _MOMENTS[unit[0]]
        case "m" if unit[0] in ("s", "ms", "us", "ns") and unit[1] == 1:
            return INTERVAL
        case "V":
            raise NotSupportedError("opaque bytes")
        case _:
            raise NotSupportedError(f"numbers of {dtype.itemsize} bytes ({dtype})")


def nested_array(element: SqlType, shape: tuple[int, ...]) -> SqlType:
    """ARRAY of ARRAYs … of `element`, `shape` from the outermost; NotSupportedError beyond 16 million elements."""
    if np.prod([float(size) for size in shape]) > _LARGEST_ARRAY:
        raise NotSupportedError(f"an array of {' x '.join(map(str, shape))} elements in each row")
    if 0 in shape:
        raise NotSupportedError("arrays of no elements")
    for size in reversed(shape):
        element = array_of(element, size)
    return element


def to_arrow(values: NDArray[Any], dtype: np.dtype[Any]) -> pa.Array:
    """The values of shape (n, …), as h5py reads them, as n values of `arrow_type(sql_type_of(dtype))`.

    The dimensions after the first become nested ARRAYs. Numbers of the machine's byte order are not copied.

    Raises
    ------
    ConversionError
        For text that is not UTF-8, and a number that its enumeration does not name.
    """
    if dtype.kind in "fiu" and dtype.metadata is None and values.ndim == 1:
        return _simple(values)
    h5py = h5py_module()
    if dtype.subdtype is not None:
        dtype = dtype.subdtype[0]
    if values.ndim > 1:
        inner = to_arrow(np.ascontiguousarray(values).reshape(-1), dtype)
        for size in reversed(values.shape[1:]):
            inner = pa.ListArray.from_arrays(np.arange(0, len(inner) + 1, size, dtype=np.int32), inner)
        return inner
    if dtype.names is not None:
        children = [to_arrow(values[name], dtype[name]) for name in dtype.names]
        return pa.StructArray.from_arrays(children, fields=list(arrow_type(sql_type_of(dtype))))
    if h5py.check_string_dtype(dtype) is not None:
        return _text(values)
    labels = h5py.check_enum_dtype(dtype)
    if labels is not None:
        return _positions(values, labels)
    element = h5py.check_vlen_dtype(dtype)
    if element is not None:
        return _lists(values, np.dtype(element))
    return _simple(values)


@dataclass(frozen=True, slots=True)
class Reading:
    """What stored numbers or text mean, if not themselves.

    Attributes
    ----------
    type
        SQL type of the outcome.
    unit
        Of a time (`moments`): s, ms, us or ns.
    null_text
        The text that means NULL.
    labels
        The values that numbers are positions of; a negative one is NULL.
    """

    type: SqlType
    unit: str = ""
    null_text: str | None = None
    labels: tuple[object, ...] | None = None


def reread(array: pa.Array, reading: Reading) -> pa.Array:
    """`array` as `reading` says, carrying its type; text by labels is dictionary-encoded."""
    if reading.labels is not None:
        codes = array.cast(pa.int32())
        if len(codes) and pc.max(codes).as_py() >= len(reading.labels):
            raise ConversionError(f"category {pc.max(codes)} of {len(reading.labels)}")
        codes = pc.if_else(pc.less(codes, 0), pa.scalar(None, pa.int32()), codes)
        values = pa.array(reading.labels, arrow_type(reading.type))
        return pa.DictionaryArray.from_arrays(codes, values) if reading.type.is_text else values.take(codes)
    if reading.unit:
        return moments(array.to_numpy(), reading.type, reading.unit)
    if reading.type == BOOLEAN:
        return array if pa.types.is_boolean(array.type) else pc.not_equal(array, 0)
    if reading.null_text is not None:
        return pc.if_else(pc.equal(array, reading.null_text), pa.scalar(None, array.type), array)
    return array


def _simple(values: NDArray[Any]) -> pa.Array:
    """Numbers, BOOLEAN and times."""
    dtype = values.dtype
    if not values.flags.aligned or not dtype.isnative:
        values = values.astype(dtype.newbyteorder("="))
    match dtype.kind:
        case "c":
            parts = [numbers_to_arrow(part) for part in (values.real, values.imag)]
            return pa.StructArray.from_arrays(parts, fields=list(arrow_type(sql_type_of(dtype))))
        case "f" if dtype.itemsize == 2:
            return numbers_to_arrow(values.astype(np.float32))
        case "b":
            # Any byte but 0 is true, whatever a damaged file holds.
            return words_to_arrow(np.ascontiguousarray(values).view(np.uint8) != 0, None, BOOLEAN)
        case "M" | "m":
            return moments(values.astype(np.int64), sql_type_of(dtype), np.datetime_data(dtype)[0])
        case _:
            return numbers_to_arrow(values)


def moments(ticks: NDArray[np.int64], type_: SqlType, unit: str) -> pa.Array:
    """Ticks of `unit` since 1970 (DATE, any TIMESTAMP) or of duration (INTERVAL); numpy's NaT is NULL."""
    plain = words_to_arrow(ticks, ticks != _NAT, BIGINT)
    if type_ == DATE:
        return plain.cast(pa.int32()).cast(pa.date32())
    if type_ == INTERVAL:
        return conform_array(plain.cast(pa.duration(unit)), INTERVAL)
    zone = "UTC" if type_.kind is TypeKind.TIMESTAMPTZ else None
    return conform_array(plain.cast(pa.timestamp(unit, zone)), type_)


def _text(values: NDArray[Any]) -> pa.Array:
    """Bytes as text; the bytes after a first NUL do not count, as HDF5 says."""
    try:
        return pa.array(np.ascontiguousarray(values), pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        for row, value in enumerate(values):
            try:
                bytes(value).decode()
            except UnicodeDecodeError as error:
                raise ConversionError(f"text that is not UTF-8, {bytes(value)[:40]!r}, in row {row}") from error
        raise


def _positions(values: NDArray[Any], labels: dict[str, int]) -> pa.Array:
    """Numbers of an enumeration as positions of their labels; as many rows as there are."""
    numbers = np.array(sorted(labels.values()))
    positions = np.searchsorted(numbers, values).clip(max=len(numbers) - 1)
    strange = np.flatnonzero(numbers[positions] != values)
    if len(strange):
        raise ConversionError(f"number {values[strange[0]]}, which its enumeration does not name, in row {strange[0]}")
    return numbers_to_arrow(positions.astype(np.int32))


def _lists(values: NDArray[Any], element: np.dtype[Any]) -> pa.Array:
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    flat = np.concatenate([*values, np.empty(0, element)]).astype(element, copy=False)
    child = to_arrow(flat, element)
    return pc.cast(pa.LargeListArray.from_arrays(pa.array(offsets), child), pa.list_(arrow_type(sql_type_of(element))))
