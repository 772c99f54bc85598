"""BIT_AND, BIT_OR and BIT_XOR of whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from sqlengine.executor.accumulators.accumulator import grown, mask_of
from sqlengine.executor.ordering import integer_words, is_wide, wide_vector, wide_words
from sqlengine.functions.registry import StateOp
from sqlengine.kernels.accumulating import fold_bits
from sqlengine.types import SqlType, words_dtype
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]

_CODES: Final = {StateOp.BIT_AND: 0, StateOp.BIT_OR: 1, StateOp.BIT_XOR: 2}


class BitFold:
    """One or, for HUGEINT, two words a group; NULL for no values."""

    def __init__(self, op: StateOp, type_: SqlType) -> None:
        self._type = type_
        self._code = _CODES[op]
        self._start = -1 if op is StateOp.BIT_AND else 0
        self._words = [np.full(1, self._start, np.int64) for _ in range(2 if is_wide(type_) else 1)]
        self._seen = np.zeros(1, np.bool_)

    def update(self, groups: Words | None, group_count: int, arguments: Sequence[Vector], length: int) -> None:
        """See `Accumulator`."""
        argument = arguments[0].expand(length)
        self._seen = grown(self._seen, group_count, False)
        if groups is None:
            groups = np.zeros(length, np.int64)
        valid = mask_of(argument, length)
        words = wide_words(argument) if len(self._words) == 2 else (integer_words(argument),)
        for k, each in enumerate(words):
            self._words[k] = grown(self._words[k], group_count, self._start)
            fold_bits(groups, valid, each, self._code, self._words[k], self._seen)

    def merge(self, groups: Words | None, group_count: int, state: Vector, length: int) -> None:
        """See `Accumulator`."""
        self.update(groups, group_count, (state,), length)

    def result(self, group_count: int) -> Vector:
        """See `Accumulator`."""
        seen = grown(self._seen, group_count, False)[:group_count]
        valid = None if seen.all() else seen.copy()
        words = [grown(each, group_count, self._start)[:group_count].copy() for each in self._words]
        if len(words) == 2:
            return wide_vector(words[0], words[1], valid, self._type)
        dtype = words_dtype(self._type)
        assert dtype is not None
        return Vector.from_values(words[0].astype(dtype), valid, self._type)

    @property
    def nbytes(self) -> int:
        """See `Accumulator`."""
        return self._seen.nbytes + sum(each.nbytes for each in self._words)
