"""ORDER BY keys as unsigned words: ascending words are rows in the order asked for.

A key becomes a word that says where its NULLs go, only if it has any, and one word for the value (two for 128-bit
numbers and intervals). Text becomes the rank of each distinct value among those of the vector, in bytewise
order of UTF-8, and so do nested values by their comparable bytes; words of text from different calls do not compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from sqlengine.executor.key_columns import dictionary_worth_using, take_codes
from sqlengine.executor.ordering import integer_words, interval_words, is_wide, ordered_words, wide_words
from sqlengine.functions.order_bytes import comparable_bytes
from sqlengine.kernels.strings import NULL_ID, StringTable
from sqlengine.types import BLOB, TypeKind
from sqlengine.vector import Vector
from sqlengine.words import words_of

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    SortWords = NDArray[np.uint64]

_SIGN: Final = np.uint64(1 << 63)


def encode_sort_keys(
    vectors: Sequence[Vector], descending: Sequence[bool], nulls_first: Sequence[bool], length: int
) -> list[SortWords]:
    """Words whose ascending order, first word first, is that of ORDER BY.

    Parameters
    ----------
    vectors
        One per key, most significant first; constants are allowed.
    descending, nulls_first
        Per key. NaN is greater than every number, -0.0 equals 0.0.
    length
        Number of rows.

    Returns
    -------
    words
        One or more uint64[length], for `sort_rows`; empty if there are no keys.
    """
    words: list[SortWords] = []
    for vector, down, first in zip(vectors, descending, nulls_first, strict=True):
        if vector.constant or vector.type.kind is TypeKind.NULL:
            # The same for every row: decides nothing.
            words.append(np.zeros(length, np.uint64))
            continue
        values = [~word for word in _ascending(vector)] if down else _ascending(vector)
        valid = vector.valid()
        if valid is not None:
            words.append((valid if first else ~valid).astype(np.uint64))
            # Equal words for all NULLs, or what lies under them would decide before the next key.
            values = [np.where(valid, word, np.uint64(0)) for word in values]
        words += values
    return words


def _ascending(vector: Vector) -> list[SortWords]:
    """The values of one key as words in ascending order; arbitrary where NULL."""
    if vector.type.is_text:
        return [_text_ranks(vector)]
    if is_wide(vector.type):
        low, high = wide_words(vector)
        return [_unsigned(high), low.view(np.uint64)]
    if vector.type.kind is TypeKind.INTERVAL:
        return [_unsigned(word) for word in interval_words(vector)]
    if vector.type.is_nested:
        return [_text_ranks(Vector(BLOB, comparable_bytes(vector)))]
    if vector.type.is_float:
        # Adding zero turns -0.0 into 0.0, which sort as equals.
        plain = Vector.from_values(vector.values() + vector.values().dtype.type(0), None, vector.type)
        return [_unsigned(ordered_words(plain))]
    if vector.type.kind is TypeKind.UBIGINT:
        return [integer_words(vector).view(np.uint64)]
    return [_unsigned(ordered_words(vector))]


def _unsigned(words: NDArray[np.int64]) -> SortWords:
    """Signed words as unsigned ones of the same order."""
    return cast("SortWords", words.view(np.uint64) ^ _SIGN)


def _text_ranks(vector: Vector) -> SortWords:
    """Rank of each value among the distinct ones; 0 where NULL."""
    # Distinct values first: a dictionary may hold duplicates, and there are fewer strings to compare.
    table = StringTable()
    parts = dictionary_worth_using(vector)
    if parts is None:
        ids = table.intern(vector.arrow())
        return take_codes(_ranks(table.values()), ids, ids != NULL_ID, 0).view(np.uint64)
    codes, valid, dictionary = parts
    ids = table.intern(dictionary)
    ranks = take_codes(_ranks(table.values()), ids, ids != NULL_ID, 0)
    return take_codes(ranks, codes, valid, 0).view(np.uint64)


def _ranks(distinct: pa.Array) -> NDArray[np.int64]:
    """Rank of each of some distinct values, in bytewise order."""
    import pyarrow.compute as pc

    ranks = np.empty(len(distinct), np.int64)
    ranks[words_of(pc.sort_indices(distinct), np.dtype("uint64"))] = np.arange(len(distinct))
    return ranks
