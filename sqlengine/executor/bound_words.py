"""Values of several vectors as words that compare like them: what a sorted join searches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.batch import Batch, concat_batches
from sqlengine.executor.ordering import is_wide, ordered_words
from sqlengine.executor.sort_keys import encode_sort_keys
from sqlengine.kernels.sorting import sort_rows
from sqlengine.types import SqlType, words_dtype
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]


def has_fixed_words(type_: SqlType) -> bool:
    """Whether each value of the type is one word, whatever vector it stands in."""
    return words_dtype(type_) is not None and not is_wide(type_)


def fixed_words(vector: Vector, length: int) -> Words:
    """int64[length] in the order of the values, arbitrary where NULL; for types with fixed words."""
    whole = vector.expand(length)
    if whole.type.is_float:
        # Adding zero turns -0.0 into 0.0, which are equal.
        whole = Vector.from_values(whole.values() + whole.values().dtype.type(0), None, whole.type)
    return ordered_words(whole)


def ranks(vectors: Sequence[Vector], lengths: Sequence[int]) -> list[Words]:
    """For each vector int64[its length], in the order of the values of all of them; arbitrary where NULL."""
    whole = concat_batches([Batch(n, {0: each.expand(n)}) for each, n in zip(vectors, lengths, strict=True)], (0,))
    words = encode_sort_keys([whole.column(0)], [False], [False], whole.length)
    order = sort_rows(words)
    starts = np.zeros(whole.length, np.bool_)
    for word in words:
        ordered = word[order]
        starts[1:] |= ordered[1:] != ordered[:-1]
    joint = np.empty(whole.length, np.int64)
    joint[order] = np.cumsum(starts)
    return np.split(joint, np.cumsum(lengths)[:-1])
