"""Keys as words: what GROUP BY, DISTINCT, joins and partitioning compare and hash.

`KeyEncoder` turns key vectors into int64 words such that equal keys are equal words; kernels know words only.
What the words of a type are is told in `key_columns`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.executor.key_columns import make_key_column
from sqlengine.kernels.hashing import PARTITION_SEED, hash_words
from sqlengine.kernels.strings import ABSENT_ID
from sqlengine.types import SqlType
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]
    Mask = NDArray[np.bool_]

# A word of null bits leaves its sign alone.
_BITS = 63


class KeyEncoder:
    """Turns rows of keys into words and back.

    Parameters
    ----------
    types
        Type of each key.
    null_equal
        Per key, or for all: whether NULL equals NULL (GROUP BY, IS NOT DISTINCT FROM). A join key where it does
        not needs no words for NULLs: such rows are not usable.

    Attributes
    ----------
    width
        Words of a key; fixed by the types, whatever the batches bring.

    Examples
    --------
    >>> from sqlengine.types import BIGINT
    >>> from sqlengine.vector import Vector
    >>> encoder = KeyEncoder([BIGINT])
    >>> key = Vector.from_values(np.array([4, 5]), np.array([True, False]), BIGINT)
    >>> [word.tolist() for word in encoder.encode([key], 2)]
    [[4, 0], [0, 1]]
    >>> encoder.decode(encoder.encode([key], 2))[0].arrow().to_pylist()
    [4, None]
    """

    def __init__(self, types: Sequence[SqlType], null_equal: bool | Sequence[bool] = True) -> None:
        equal = [null_equal] * len(types) if isinstance(null_equal, bool) else list(null_equal)
        self._columns = [make_key_column(type_) for type_ in types]
        self._nulls_match = equal
        self._null_bits = [k for k, column in enumerate(self._columns) if column.null_bit and equal[k]]
        self._null_words = -(-len(self._null_bits) // _BITS)
        self.width = sum(column.width for column in self._columns) + self._null_words
        # What stands for the word of null bits of keys without NULL; shared, so nobody writes to it.
        self._no_nulls = np.zeros(0, np.int64)

    @property
    def nbytes(self) -> int:
        """Bytes held by tables of strings."""
        return sum(column.nbytes for column in self._columns)

    def encode(self, vectors: Sequence[Vector], length: int) -> list[Words]:
        """Words of `length` rows of keys, `width` arrays int64[length]; learns strings not met before."""
        return self._encode(vectors, length, grow=True)

    def find(self, vectors: Sequence[Vector], length: int) -> tuple[list[Words], Mask]:
        """Words of keys to probe with, learning nothing.

        Returns
        -------
        words
            As from `encode`.
        usable
            bool[length], or empty when all are: False where the key cannot equal any that was encoded, being NULL
            where NULL equals nothing, or text never met.
        """
        words = self._encode(vectors, length, grow=False)
        usable = self.usable(vectors, length)
        at = 0
        for column in self._columns:
            if column.nbytes and length and words[at].min() == ABSENT_ID:
                known = words[at] != ABSENT_ID
                usable = usable & known if len(usable) else known
            at += column.width
        return words, usable

    def usable(self, vectors: Sequence[Vector], length: int) -> Mask:
        """bool[length], False where a key is NULL that equals nothing; empty when there is none."""
        usable = np.empty(0, np.bool_)
        for vector, nulls_match in zip(vectors, self._nulls_match, strict=True):
            valid = None if nulls_match else vector.valid()
            if valid is not None:
                valid = np.broadcast_to(valid, length)
                usable = usable & valid if len(usable) else valid.copy()
        return usable

    def decode(self, words: Sequence[Words]) -> list[Vector]:
        """The keys whose words these are, one vector each."""
        vectors = []
        at = 0
        for k, column in enumerate(self._columns):
            null = None
            if k in self._null_bits:
                word, bit = divmod(self._null_bits.index(k), _BITS)
                null = (words[self.width - self._null_words + word] >> bit & 1).astype(np.bool_)
            vectors.append(column.decode(words[at : at + column.width], null))
            at += column.width
        return vectors

    def hash_keys(self, vectors: Sequence[Vector], length: int) -> NDArray[np.uint64]:
        """Hash of each row's keys by value, uint64[length]: the same in every task and process, for partitioning."""
        words = []
        for column, vector in zip(self._columns, vectors, strict=True):
            words += column.value_words(vector.expand(length))
        return hash_words(words, PARTITION_SEED) if words else np.zeros(length, np.uint64)

    def _encode(self, vectors: Sequence[Vector], length: int, grow: bool) -> list[Words]:
        words: list[Words] = []
        if len(self._no_nulls) < length:
            self._no_nulls = np.zeros(length, np.int64)
        nulls = [self._no_nulls[:length]] * self._null_words
        for k, (column, vector) in enumerate(zip(self._columns, vectors, strict=True)):
            words += column.encode(vector.expand(length), grow)
            valid = vector.valid() if k in self._null_bits else None
            if valid is not None:
                word, bit = divmod(self._null_bits.index(k), _BITS)
                nulls[word] = nulls[word] | (~valid).astype(np.int64) << bit
        return words + nulls
