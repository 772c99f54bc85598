"""Values of any type as small numbers, equal for equal values: what makes set operations on lists work on words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.functions.order_bytes import comparable_bytes, integer_words, ordered_words
from sqlengine.types import words_dtype
from sqlengine.vector import Vector
from sqlengine.words import words_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes = NDArray[np.int64]
    Mask = NDArray[np.bool_]


def codes_of(vectors: Sequence[Vector]) -> list[Codes]:
    """One int64[n] per vector: equal for equal values over all of them, -1 for NULL; the numbers have no order.

    Parameters
    ----------
    vectors
        Of one type, not constant.
    """
    import pyarrow as pa

    simple = words_dtype(vectors[0].type) is not None and not vectors[0].type.is_float
    if simple and all(vector.has_words() for vector in vectors):
        keys = np.concatenate([integer_words(vector) for vector in vectors])
        _, whole = np.unique(keys, return_inverse=True)
        for_nulls = [vector.valid() for vector in vectors]
    else:
        encoded = pa.concat_arrays([comparable_bytes(vector) for vector in vectors]).dictionary_encode()
        whole = words_of(encoded.indices, np.dtype("int32")).astype(np.int64)
        for_nulls = [vector.valid() for vector in vectors]
    parts = np.split(whole, np.cumsum([len(vector) for vector in vectors])[:-1])
    return [part if valid is None else np.where(valid, part, -1) for part, valid in zip(parts, for_nulls, strict=True)]


def first_seen(rows: Codes, codes: Codes) -> Mask:
    """True at the first of each (row, code) in order."""
    pairs = rows * (int(codes.max(initial=0)) + 2) + codes
    _, first = np.unique(pairs, return_index=True)
    mask = np.zeros(len(rows), np.bool_)
    mask[first] = True
    return mask


def repeated(rows: Codes, values: Vector) -> Mask:
    """True where a value stood before in its row."""
    (codes,) = codes_of([values])
    return ~first_seen(rows, codes)


def ranks_of(vector: Vector) -> Codes:
    """int64[n] in the order of the values, whatever their type; arbitrary where NULL."""
    import pyarrow.compute as pc

    if words_dtype(vector.type) is not None and vector.has_words():
        if vector.type.is_float:
            values = vector.values()
            vector = Vector.from_values(values + values.dtype.type(0), vector.valid(), vector.type)
        return ordered_words(vector)
    encoded = comparable_bytes(vector).dictionary_encode()
    distinct = encoded.dictionary
    ranks = np.zeros(len(distinct) + 1, np.int64)
    ranks[words_of(pc.sort_indices(distinct), np.dtype("uint64")).astype(np.int64)] = np.arange(len(distinct))
    valid = vector.valid()
    codes = words_of(encoded.indices, np.dtype("int32")).astype(np.int64)
    return ranks.take(codes if valid is None else np.where(valid, codes, len(distinct)))
