"""Groups: dense numbers for key values, in order of first appearance, and the key values back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.executor.keys import KeyEncoder
from sqlengine.kernels.coding import CodedGroups
from sqlengine.types import SqlType
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]
    Mask = NDArray[np.bool_]


class Groups:
    """Numbers the distinct combinations of some key columns; NULL is a value like any other.

    Parameters
    ----------
    types
        Types of the keys, at least one.
    """

    def __init__(self, types: Sequence[SqlType]) -> None:
        self._encoder = KeyEncoder(types)
        self._table = CodedGroups(self._encoder.width)

    @property
    def count(self) -> int:
        """Groups met so far."""
        return self._table.count

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._encoder.nbytes + self._table.nbytes

    def assign(self, keys: Sequence[Vector], length: int) -> Words:
        """Group of each of `length` rows, int64[length]."""
        return self._table.assign(self._encoder.encode(keys, length))

    def keys(self) -> list[Vector]:
        """The key values of each group, one vector per key, in order of group number."""
        return self._encoder.decode([self._table.keys(k) for k in range(self._table.width)])


class FirstOccurrences:
    """Tells, for DISTINCT, which rows bring a combination of group and argument values not met before."""

    def __init__(self, types: Sequence[SqlType]) -> None:
        self._encoder = KeyEncoder(types)
        # The group is a word of its own.
        self._table = CodedGroups(1 + self._encoder.width)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._encoder.nbytes + self._table.nbytes

    def among(self, groups: Words | None, arguments: Sequence[Vector], length: int) -> Words:
        """`groups` (None: all rows in group 0) with -1 on rows that repeat an earlier one; -1 stays."""
        rows = None
        if groups is None:
            groups = np.zeros(length, np.int64)
        elif len(groups) and groups.min() < 0:
            rows = np.flatnonzero(groups >= 0)
        vectors = arguments
        chosen = groups
        if rows is not None:
            vectors = [argument.take(rows) for argument in arguments]
            chosen = groups.take(rows)
        words = [chosen, *self._encoder.encode(vectors, len(chosen))]
        before = self._table.count
        numbers = self._table.assign(words)
        result = np.full(length, -1, np.int64)
        # New numbers are dense in order of appearance, so a row is a first one iff it exceeds all before it.
        highest = np.maximum.accumulate(np.concatenate([np.array([before - 1]), numbers]))
        first = np.flatnonzero(numbers > highest[:-1])
        result[first if rows is None else rows.take(first)] = chosen.take(first)
        return result
