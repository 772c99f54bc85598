"""Bounds and NULLs of Arrow columns, found in a small part of the time that it takes to parse them from text."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sqlengine.sql_type import TIMESTAMP_UNITS
from sqlengine.storage.format import ColumnStatistics
from sqlengine.types import SqlType, TypeKind
from sqlengine.words import row_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EPOCH: Final = datetime.datetime(1970, 1, 1)
# Characters of a text that a bound keeps.
_MOST_CHARACTERS: Final = 32
_LAST_CODE_POINT: Final = 0x10FFFF
_SURROGATES: Final = (0xD800, 0xE000)
_WORD: Final = 8
# The texts of one first word are compared whole if they are no more than this part of all.
_FEW: Final = 8
# Texts looked at together, so that what is made of them stays in the core's cache.
_BLOCK: Final = 16_384


def has_bounds(type_: SqlType) -> bool:
    """Whether `ColumnBounds` tells anything of columns of `type_`."""
    kinds = (TypeKind.BOOLEAN, TypeKind.VARCHAR, TypeKind.DATE, TypeKind.FLOAT, TypeKind.DOUBLE, TypeKind.DECIMAL)
    return type_.kind in kinds or type_.is_integer or type_.is_timestamp


class ColumnBounds:
    """Takes arrays of one column, one after the other, and tells what bounds all of them.

    Texts longer than 32 characters are bounded by their beginnings.
    """

    def __init__(self, type_: SqlType) -> None:
        self._type = type_
        self._nulls: int | None = 0
        self._low: Any = None
        self._high: Any = None
        self._known = True

    def add(self, array: pa.Array) -> None:
        """Take one more array of the column."""
        if isinstance(array, pa.DictionaryArray):
            self._count(None if array.dictionary.null_count else array.null_count)
            # Entries that no row refers to widen the bounds, which need not be attained.
            array = array.dictionary if array.null_count < len(array) else array.dictionary.slice(0, 0)
        else:
            self._count(array.null_count)
        if not self._known or array.null_count == len(array):
            return
        if pa.types.is_string(array.type):
            array = array.drop_null() if array.null_count else array
            for start in range(0, len(array), _BLOCK):
                self._include(*_text_extremes(array.slice(start, _BLOCK)))
        else:
            self._include(*_extremes(array))

    def result(self) -> ColumnStatistics:
        """Bounds as `ColumnStatistics` has them, and the number of NULLs."""
        if not self._known or self._low is None:
            return ColumnStatistics(nulls=self._nulls)
        try:
            low, high = _as_python(self._low, self._high, self._type)
        except (ValueError, OverflowError):
            # A time that Python cannot express (year 10000).
            return ColumnStatistics(nulls=self._nulls)
        return ColumnStatistics(low, high, self._nulls)

    def _include(self, low: Any, high: Any) -> None:
        if high is None:
            self._known = False
        elif self._low is None:
            # NaN, which bounds leave aside, is neither less nor greater.
            self._low, self._high = (low, high) if low == low else (None, None)
        else:
            self._low, self._high = min(self._low, low), max(self._high, high)

    def _count(self, nulls: int | None) -> None:
        self._nulls = None if self._nulls is None or nulls is None else self._nulls + nulls


def _extremes(array: pa.Array) -> tuple[Any, Any]:
    """Bounds of the values of an array: numbers as they are stored, decimals as Python has them."""
    type_ = array.type
    if pa.types.is_floating(type_):
        values = (array.drop_null() if array.null_count else array).to_numpy()
        low, high = values.min(), values.max()
        if low != low:
            low, high = np.fmin.reduce(values), np.fmax.reduce(values)
        return float(low), float(high)
    if pa.types.is_timestamp(type_):
        array = array.view(pa.int64())
    elif pa.types.is_date32(type_):
        array = array.view(pa.int32())
    found = pc.min_max(array)
    return found["min"].as_py(), found["max"].as_py()


def _text_extremes(array: pa.Array) -> tuple[str, str | None]:
    """Bounds of texts. Where many begin with the same eight bytes, those eight have to do."""
    words = _first_words(array)
    if words is None:
        return _compared(array)
    low, high = words.min(), words.max()
    least = _texts_of(array, words == low)
    greatest = _texts_of(array, words == high)
    first = _prefix(low) if least is None else _compared(least)[0]
    last = _next(_prefix(high)) if greatest is None else _compared(greatest)[1]
    return first, last


def _first_words(array: pa.Array) -> NDArray[np.uint64] | None:
    """The first eight bytes of each text as a number, NULs behind shorter ones; None if there are too few bytes."""
    buffers: Sequence[Any] = array.buffers()
    if buffers[2] is None or buffers[2].size < _WORD:
        return None
    offsets = np.frombuffer(buffers[1], np.int32)[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(buffers[2], np.uint8)
    starts = offsets[:-1]
    # A word that would end behind the data is read further to the front.
    at = np.minimum(starts, len(data) - _WORD)
    loaded = np.ndarray((len(data) - _WORD + 1,), ">u8", data, strides=(1,))[at].astype(np.uint64)
    loaded <<= ((starts - at) * 8).astype(np.uint64) & np.uint64(63)
    lengths = np.diff(offsets)
    # Shifting by 64 is undefined, so that of an empty text is done in two steps.
    missing = ((_WORD - np.minimum(lengths, _WORD)) * 4).astype(np.uint64)
    return (loaded >> missing >> missing) << missing << missing


def _texts_of(array: pa.Array, chosen: NDArray[np.bool_]) -> pa.Array | None:
    rows = np.flatnonzero(chosen)
    return array.take(row_numbers(rows)) if len(rows) * _FEW <= len(array) + _FEW else None


def _compared(array: pa.Array) -> tuple[str, str | None]:
    found = pc.min_max(array)
    low, high = found["min"].as_py(), found["max"].as_py()
    return low[:_MOST_CHARACTERS], high if len(high) <= _MOST_CHARACTERS else _next(high[:_MOST_CHARACTERS])


def _prefix(word: Any) -> str:
    """The whole characters at the front of a word, up to the first NUL."""
    return int(word).to_bytes(_WORD, "big").split(b"\0", 1)[0].decode(errors="ignore")


def _next(prefix: str) -> str | None:
    """A text behind all that begin with `prefix`; None if there is none."""
    while prefix:
        code = ord(prefix[-1]) + 1
        if _SURROGATES[0] <= code < _SURROGATES[1]:
            code = _SURROGATES[1]
        if code <= _LAST_CODE_POINT:
            return prefix[:-1] + chr(code)
        prefix = prefix[:-1]
    return None


def _as_python(low: Any, high: Any, type_: SqlType) -> tuple[object, object]:
    """Stored numbers as values of `type_`; parts of microseconds are rounded outwards."""
    if type_.kind is TypeKind.DATE:
        day = _EPOCH.date()
        return day + datetime.timedelta(days=low), day + datetime.timedelta(days=high)
    if not type_.is_timestamp:
        return low, high
    zoned = type_.kind is TypeKind.TIMESTAMPTZ
    epoch = _EPOCH.replace(tzinfo=datetime.UTC) if zoned else _EPOCH
    per_second = 1_000_000 if zoned else TIMESTAMP_UNITS[type_.kind]
    return (
        epoch + datetime.timedelta(microseconds=low * 1_000_000 // per_second),
        epoch + datetime.timedelta(microseconds=-(-high * 1_000_000 // per_second)),
    )
