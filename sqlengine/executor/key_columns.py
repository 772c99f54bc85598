"""One key column as words: how values of each kind of type become int64 words, and come back.

A NULL gets a word that no value has where the type leaves one free, so that most keys need no word for NULLs:

===============================  =======================================  =====================
type                             words                                    NULL
===============================  =======================================  =====================
BOOLEAN, up to 32 bits, DATE,    the value                                the least int64
TIME, DECIMAL up to 18 digits
BIGINT, UBIGINT, TIMESTAMPs      the value                                a bit of another word
FLOAT, DOUBLE                    the bits of the double; one zero, one    a NaN that no value has
                                 NaN
HUGEINT, wider DECIMALs          low, high                                the least 128-bit value
VARCHAR, BLOB, JSON, UUID, BIT   number in a `StringTable`                -1
INTERVAL, LIST, ARRAY, STRUCT,   number in a `StringTable` of their       -1
MAP                              comparable bytes
===============================  =======================================  =====================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from sqlengine.executor.ordering import (
    integer_words,
    is_wide,
    wide_vector,
    wide_words,
)
from sqlengine.functions.order_bytes import comparable_bytes
from sqlengine.kernels.hashing import hash_strings
from sqlengine.kernels.strings import NULL_ID, StringTable
from sqlengine.types import INTEGER_KINDS, SqlType, TypeKind, arrow_type, words_dtype
from sqlengine.vector import Vector
from sqlengine.words import row_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    Words = NDArray[np.int64]
    Mask = NDArray[np.bool_]

_LEAST: Final = np.int64(-0x8000_0000_0000_0000)
_NULL_FLOAT: Final = np.int64(-1)
_HASHED_NULL: Final = np.int64(0x2545F4914F6CDD1D)


class KeyColumn(Protocol):
    """Encoder of one key column.

    `width` is its number of words; with `null_bit`, NULL and some value share a word, and the caller keeps a bit.
    """

    width: int
    null_bit: bool

    def encode(self, vector: Vector, grow: bool) -> list[Words]:
        """Words of a vector that is not constant; without `grow`, values not met before give words of no value."""
        ...

    def value_words(self, vector: Vector) -> list[Words]:
        """Words that depend on the values only, to be hashed: equal for equal values, everywhere."""
        ...

    def decode(self, words: Sequence[Words], null: Mask | None) -> Vector:
        """The inverse of `encode`; `null` only with `null_bit`."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes held by tables."""
        ...


def make_key_column(type_: SqlType) -> KeyColumn:
    """The encoder for keys of `type_`."""
    if type_.is_text:
        return TextKey(type_)
    if is_wide(type_):
        return WideKey(type_)
    if type_.is_nested or type_.kind is TypeKind.INTERVAL:
        return NestedKey(type_)
    return WordKey(type_)


class WordKey:
    """A key of one word that is the value itself."""

    width = 1
    nbytes = 0

    def __init__(self, type_: SqlType) -> None:
        self._type = type_
        self.null_bit = type_.is_timestamp or INTEGER_KINDS.get(type_.kind, (0, True))[0] == 64
        self._null = np.int64(0) if self.null_bit else _NULL_FLOAT if type_.is_float else _LEAST

    def encode(self, vector: Vector, grow: bool) -> list[Words]:
        """See `KeyColumn`."""
        return [self._words(vector, self._null)]

    def value_words(self, vector: Vector) -> list[Words]:
        """See `KeyColumn`."""
        return [self._words(vector, _HASHED_NULL)]

    def decode(self, words: Sequence[Words], null: Mask | None) -> Vector:
        """See `KeyColumn`."""
        (column,) = words
        dtype = words_dtype(self._type)
        if dtype is None:
            import pyarrow as pa

            return Vector(self._type, pa.nulls(len(column)))
        if null is None and not self.null_bit:
            null = column == self._null
        valid = None if null is None or not null.any() else ~null
        if self._type.is_float:
            return Vector.from_values(column.view(np.float64).astype(dtype), valid, self._type)
        values = column.view(np.uint64) if dtype == np.uint64 else column
        if valid is not None:
            # The least int64 must not stand under a NULL: narrower types cannot hold it.
            values = np.where(valid, values, values.dtype.type(0))
        return Vector.from_values(values.astype(dtype, copy=False), valid, self._type)

    def _words(self, vector: Vector, null: np.int64) -> Words:
        if self._type.kind is TypeKind.NULL:
            return np.full(len(vector), null)
        if self._type.is_float:
            # Adding zero turns -0.0 into 0.0.
            values = vector.values().astype(np.float64) + 0.0
            values[np.isnan(values)] = np.nan
            words = values.view(np.int64)
        else:
            words = integer_words(vector)
        valid = vector.valid()
        return words if valid is None else np.where(valid, words, null)


class WideKey:
    """A 128-bit key: two words, low and high."""

    width = 2
    null_bit = False
    nbytes = 0

    def __init__(self, type_: SqlType) -> None:
        self._type = type_

    def encode(self, vector: Vector, grow: bool) -> list[Words]:
        """See `KeyColumn`."""
        low, high = wide_words(vector)
        valid = vector.valid()
        if valid is not None:
            low, high = np.where(valid, low, 0), np.where(valid, high, _LEAST)
        return [low, high]

    def value_words(self, vector: Vector) -> list[Words]:
        """See `KeyColumn`."""
        return self.encode(vector, grow=False)

    def decode(self, words: Sequence[Words], null: Mask | None) -> Vector:
        """See `KeyColumn`."""
        low, high = words
        valid = high != _LEAST
        if valid.all():
            return wide_vector(low, high, None, self._type)
        return wide_vector(low, np.where(valid, high, 0), valid, self._type)


@dataclass(frozen=True, slots=True)
class _DictionaryIds:
    """Ids of a dictionary's values, interned or found when the table had `known` strings.

    `dictionary` is kept so that its addresses, the `identity`, cannot become those of another.
    """

    dictionary: pa.Array
    identity: tuple[object, ...]
    ids: Words
    interned: bool
    known: int


class TextKey:
    """A VARCHAR or BLOB key: its number in a table of strings.

    Of dictionary-encoded text only the dictionary is looked up; batches often share one, so the last is kept.
    """

    width = 1
    null_bit = False

    def __init__(self, type_: SqlType) -> None:
        self._type = type_
        self._table = StringTable()
        self._last: _DictionaryIds | None = None
        self._values: pa.Array | None = None

    @property
    def nbytes(self) -> int:
        """Bytes held by the table of strings."""
        return self._table.nbytes

    def encode(self, vector: Vector, grow: bool) -> list[Words]:
        """See `KeyColumn`."""
        parts = dictionary_worth_using(vector)
        if parts is None:
            array = vector.arrow()
            return [self._table.intern(array) if grow else self._table.find(array)]
        codes, valid, dictionary = parts
        return [take_codes(self._dictionary_ids(dictionary, grow), codes, valid, NULL_ID)]

    def value_words(self, vector: Vector) -> list[Words]:
        """See `KeyColumn`."""
        parts = dictionary_worth_using(vector)
        if parts is None:
            array = vector.arrow()
            hashes = hash_strings(array).view(np.int64)
            valid = vector.valid()
            return [hashes if valid is None else np.where(valid, hashes, _HASHED_NULL)]
        codes, valid, dictionary = parts
        hashes = hash_strings(dictionary).view(np.int64)
        return [take_codes(hashes, codes, valid, _HASHED_NULL)]

    def decode(self, words: Sequence[Words], null: Mask | None) -> Vector:
        """See `KeyColumn`; dictionary-encoded when that is smaller."""
        import pyarrow as pa

        (ids,) = words
        if self._values is None or len(self._values) != len(self._table):
            self._values = self._table.values().view(arrow_type(self._type))
        missing = ids == NULL_ID
        codes = row_numbers(ids.astype(np.int32), ~missing if missing.any() else None)
        if 2 * len(self._values) > len(ids):
            return Vector(self._type, self._values.take(codes))
        return Vector(self._type, pa.DictionaryArray.from_arrays(codes, self._values))

    def _dictionary_ids(self, dictionary: pa.Array, grow: bool) -> Words:
        buffers = tuple(buffer and buffer.address for buffer in dictionary.buffers())
        identity = (buffers, dictionary.offset, len(dictionary))
        last = self._last
        # Interned ids hold for good, those of `find` until the table has learned something.
        if (
            last is not None
            and (last.interned or (not grow and last.known == len(self._table)))
            # A reader may make the dictionary of a row group anew for each batch.
            and (last.identity == identity or last.dictionary.equals(dictionary))
        ):
            return last.ids
        ids = self._table.intern(dictionary) if grow else self._table.find(dictionary)
        self._last = _DictionaryIds(dictionary, identity, ids, interned=grow, known=len(self._table))
        return ids


class NestedKey:
    """A key of an INTERVAL or a nested type: its comparable bytes, and those interned like text.

    Keys come back as the first value met of each: '1 month' and '30 days' are equal, but not the same.
    """

    width = 1
    null_bit = False

    def __init__(self, type_: SqlType) -> None:
        self._type = type_
        self._table = StringTable()
        self._firsts: list[pa.Array] = []

    @property
    def nbytes(self) -> int:
        """Bytes held by the table and the first values."""
        return self._table.nbytes + sum(int(array.nbytes) for array in self._firsts)

    def encode(self, vector: Vector, grow: bool) -> list[Words]:
        """See `KeyColumn`."""
        if not grow:
            return [self._table.find(comparable_bytes(vector))]
        known = len(self._table)
        ids = self._table.intern(comparable_bytes(vector))
        new = np.flatnonzero(ids >= known)
        if len(new):
            _, first = np.unique(ids[new], return_index=True)
            self._firsts.append(vector.arrow().take(row_numbers(new[first])))
        return [ids]

    def value_words(self, vector: Vector) -> list[Words]:
        """See `KeyColumn`."""
        hashes = hash_strings(comparable_bytes(vector)).view(np.int64)
        valid = vector.valid()
        return [hashes if valid is None else np.where(valid, hashes, _HASHED_NULL)]

    def decode(self, words: Sequence[Words], null: Mask | None) -> Vector:
        """See `KeyColumn`."""
        import pyarrow as pa

        (ids,) = words
        firsts = pa.concat_arrays(self._firsts or [pa.nulls(0, arrow_type(self._type))])
        return Vector(self._type, firsts.take(row_numbers(ids, ids != NULL_ID)))


def dictionary_worth_using(vector: Vector) -> tuple[NDArray[np.int32], Mask | None, pa.Array] | None:
    """(codes, validity of the codes, dictionary) unless the dictionary is much longer than the vector."""
    parts = vector.dictionary()
    return None if parts is None or len(parts[2]) > 4 * len(vector) else parts


def take_codes(items: Words, codes: NDArray[np.integer], valid: Mask | None, null: int | np.int64) -> Words:
    """items[codes], and `null` where a code is not valid."""
    if len(items) == 0:
        return np.full(len(codes), null, np.int64)
    if valid is None:
        return items.take(codes)
    return np.where(valid, items.take(np.where(valid, codes, 0)), null)
