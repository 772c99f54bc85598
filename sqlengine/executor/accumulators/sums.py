"""Counts and sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from sqlengine.errors import OutOfRangeError
from sqlengine.executor.accumulators.accumulator import ALL_VALID, NO_WORDS, grown, mask_of
from sqlengine.executor.ordering import integer_words, wide_vector, wide_words
from sqlengine.kernels.accumulating import (
    count_rows,
    sum_all,
    sum_few,
    sum_floats,
    sum_lanes,
    sum_single_lanes,
    sum_words,
)
from sqlengine.types import SqlType, TypeKind, integer_range, words_dtype
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]
    Mask = NDArray[np.bool_]

_WORD: Final = 1 << 64
# Up to this many groups the places that `sum_few` adds to stay in the core's first cache.
_FEW_GROUPS: Final = 256


class Count:
    """COUNT(*) and COUNT(x): 0 for no rows."""

    def __init__(self, type_: SqlType) -> None:
        self._type = type_
        self._counts = np.zeros(1, np.int64)

    def update(self, groups: Words | None, group_count: int, arguments: Sequence[Vector], length: int) -> None:
        """See `Accumulator`."""
        self._counts = grown(self._counts, group_count, 0)
        valid = mask_of(arguments[0], length) if arguments else ALL_VALID
        if groups is None:
            self._counts[0] += np.count_nonzero(valid) if len(valid) else length
        else:
            count_rows(groups, valid, self._counts)

    def merge(self, groups: Words | None, group_count: int, state: Vector, length: int) -> None:
        """See `Accumulator`."""
        self._counts = grown(self._counts, group_count, 0)
        counts = np.broadcast_to(state.values(), length)
        if groups is None:
            self._counts[0] += counts.sum()
        else:
            kept = groups >= 0
            np.add.at(self._counts, groups[kept], counts[kept])

    def result(self, group_count: int) -> Vector:
        """See `Accumulator`."""
        counts = grown(self._counts, group_count, 0)[:group_count].copy()
        return Vector.from_values(counts, None, self._type)

    @property
    def nbytes(self) -> int:
        """See `Accumulator`."""
        return self._counts.nbytes


class ExactSum:
    """SUM of integers and decimals, exact in 128 bits; NULL for no values."""

    def __init__(self, type_: SqlType) -> None:
        self._type = type_
        self._totals = np.zeros(2, np.uint64)
        self._seen = np.zeros(1, np.bool_)

    def update(self, groups: Words | None, group_count: int, arguments: Sequence[Vector], length: int) -> None:
        """See `Accumulator`; OutOfRangeError when a sum leaves 128 bits."""
        (argument,) = arguments
        self._totals = grown(self._totals, 2 * group_count, 0)
        self._seen = grown(self._seen, group_count, False)
        argument = argument.expand(length)
        valid = mask_of(argument, length)
        if argument.type.kind is TypeKind.UBIGINT:
            low, high = integer_words(argument), np.zeros(length, np.int64)
        elif argument.has_words():
            low, high = integer_words(argument), NO_WORDS
        else:
            low, high = wide_words(argument)
        if groups is None:
            if not len(high):
                low, high, valid = self._one_value(low, valid)
            groups = np.zeros(len(low), np.int64)
        if not len(high) and group_count <= _FEW_GROUPS:
            totals, seen = self._totals[: 2 * group_count], self._seen[:group_count]
            overflow = sum_few(groups, valid, low, np.empty(8 * group_count, np.int64), totals, seen)
        else:
            overflow = sum_words(groups, valid, low, high, self._totals, self._seen)
        if overflow:
            raise self._overflow()

    def merge(self, groups: Words | None, group_count: int, state: Vector, length: int) -> None:
        """See `Accumulator`."""
        self.update(groups, group_count, (state,), length)

    def result(self, group_count: int) -> Vector:
        """See `Accumulator`; OutOfRangeError when a sum does not fit the type."""
        totals = grown(self._totals, 2 * group_count, 0)[: 2 * group_count].view(np.int64)
        seen = grown(self._seen, group_count, False)[:group_count]
        low, high = totals[0::2].copy(), totals[1::2].copy()
        valid = None if seen.all() else seen.copy()
        if not self._fits(low, high):
            raise self._overflow()
        if self._type.is_unscaled:
            return wide_vector(low, high, valid, self._type)
        dtype = words_dtype(self._type)
        assert dtype is not None
        return Vector.from_values(low.astype(dtype, copy=False), valid, self._type)

    @property
    def nbytes(self) -> int:
        """See `Accumulator`."""
        return self._totals.nbytes + self._seen.nbytes

    @staticmethod
    def _one_value(low: Words, valid: Mask) -> tuple[Words, Words, Mask]:
        """The batch as one 128-bit value, or none if all are NULL."""
        halves = np.zeros(2, np.int64)
        if not sum_all(low, valid, halves):
            return NO_WORDS, NO_WORDS, ALL_VALID
        total = (int(halves[1]) << 32) + int(halves[0])
        pair = np.array([total % _WORD, (total >> 64) % _WORD], np.uint64).view(np.int64)
        return pair[:1].copy(), pair[1:].copy(), ALL_VALID

    def _fits(self, low: Words, high: Words) -> bool:
        if self._type.kind is TypeKind.DECIMAL:
            bound = 10**self._type.precision - 1
            least, greatest = -bound, bound
        else:
            least, greatest = integer_range(self._type.kind)
        unsigned = low.view(np.uint64)
        for limit, sign in ((greatest, 1), (least, -1)):
            limit_high, limit_low = limit >> 64, limit % _WORD
            beyond = unsigned > limit_low if sign > 0 else unsigned < limit_low
            further = high > limit_high if sign > 0 else high < limit_high
            if (further | ((high == limit_high) & beyond)).any():
                return False
        return True

    def _overflow(self) -> OutOfRangeError:
        return OutOfRangeError(f"a SUM does not fit {self._type}; cast its argument to DOUBLE for an approximate sum")


class FloatSum:
    """SUM of FLOAT and DOUBLE, added as doubles in row order; NULL for no values.

    A sum of all rows is kept in eight lanes that take turns, added up in the end: up to eight values are added in
    row order.
    """

    def __init__(self, type_: SqlType) -> None:
        self._type = type_
        self._lanes = np.zeros(8)
        self._turn = 0
        self._totals = np.zeros(1, np.float64)
        self._seen = np.zeros(1, np.bool_)

    def update(self, groups: Words | None, group_count: int, arguments: Sequence[Vector], length: int) -> None:
        """See `Accumulator`."""
        (argument,) = arguments
        self._totals = grown(self._totals, group_count, 0.0)
        self._seen = grown(self._seen, group_count, False)
        argument = argument.expand(length)
        values = np.ascontiguousarray(argument.values())
        if not length:
            return
        valid = mask_of(argument, length)
        if groups is None:
            kept = values[valid] if len(valid) else values
            add = sum_single_lanes if kept.dtype == np.float32 else sum_lanes
            self._turn = add(kept, self._lanes, self._turn)
            self._seen[0] |= len(kept) > 0
        else:
            sum_floats(groups, valid, values.astype(np.float64, copy=False), self._totals, self._seen)

    def merge(self, groups: Words | None, group_count: int, state: Vector, length: int) -> None:
        """See `Accumulator`."""
        self.update(groups, group_count, (state,), length)

    def result(self, group_count: int) -> Vector:
        """See `Accumulator`."""
        dtype = words_dtype(self._type)
        assert dtype is not None
        totals = grown(self._totals, group_count, 0.0)[:group_count].copy()
        if group_count:
            with np.errstate(invalid="ignore", over="ignore"):
                for lane in self._lanes:
                    totals[0] += lane
        totals = totals.astype(dtype, copy=False)
        seen = grown(self._seen, group_count, False)[:group_count]
        return Vector.from_values(totals, None if seen.all() else seen.copy(), self._type)

    @property
    def nbytes(self) -> int:
        """See `Accumulator`."""
        return self._totals.nbytes + self._seen.nbytes
