"""Running aggregates: one state per group, brought forward batch by batch.

`make_accumulator` picks one by `StateOp` and type. Which rows belong to which group is the caller's business
(`GroupTable`); a group without rows has the state of an empty input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, assert_never

import numpy as np

from sqlengine.errors import NotSupportedError, OutOfRangeError
from sqlengine.executor.kernels.accumulating import (
    count_rows,
    first_rows,
    min_strings,
    min_words,
    sum_all,
    sum_few,
    sum_floats,
    sum_words,
)
from sqlengine.executor.ordering import (
    from_ordered_bytes,
    from_ordered_words,
    integer_words,
    is_wide,
    ordered_bytes,
    ordered_words,
    wide_vector,
    wide_words,
)
from sqlengine.functions.registry import StateOp
from sqlengine.types import SqlType, TypeKind, arrow_type, integer_range, words_dtype
from sqlengine.vector import Vector, buffer_words, concat_vectors
from sqlengine.words import unpack_bits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]
    Mask = NDArray[np.bool_]

_ALL_VALID: Final = np.empty(0, np.bool_)
_NO_WORDS: Final = np.empty(0, np.int64)
_WORD: Final = 1 << 64
# Up to this many groups the places that `sum_few` adds to stay in the core's first cache.
_FEW_GROUPS: Final = 256


class Accumulator(Protocol):
    """The states of one aggregate for all groups."""

    def update(self, groups: Words | None, group_count: int, argument: Vector | None, length: int) -> None:
        """Bring `length` rows in.

        Parameters
        ----------
        groups
            Group of each row, int64[length], negative to skip the row; None: all rows are of group 0.
        group_count
            Groups so far; never less than before.
        argument
            What is aggregated, possibly a constant; None only for COUNT_ALL.
        """
        ...

    def result(self, group_count: int) -> Vector:
        """The state of groups 0 … group_count - 1."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        ...


def make_accumulator(op: StateOp, type: SqlType) -> Accumulator:  # noqa: A002 - the field's word
    """The accumulator of `op` whose state is of `type`.

    Raises
    ------
    NotSupportedError
        For MIN or MAX of a type that has no order here (LIST, STRUCT, MAP).
    """
    match op:
        case StateOp.COUNT | StateOp.COUNT_ALL:
            return Count(type)
        case StateOp.SUM:
            return FloatSum(type) if type.is_float else ExactSum(type)
        case StateOp.MIN | StateOp.MAX:
            if type.kind is TypeKind.NULL:
                return First(type)
            if type.is_text or is_wide(type) or type.kind is TypeKind.INTERVAL:
                return BytesExtreme(type, largest=op is StateOp.MAX)
            if words_dtype(type) is None:
                raise NotSupportedError(f"{op.name} of {type} is not supported")
            return WordExtreme(type, largest=op is StateOp.MAX)
        case StateOp.FIRST:
            return First(type)
        case _:
            assert_never(op)


class Count:
    """COUNT(*) and COUNT(x): 0 for no rows."""

    def __init__(self, type_: SqlType) -> None:
        self._type = type_
        self._counts = np.zeros(1, np.int64)

    def update(self, groups: Words | None, group_count: int, argument: Vector | None, length: int) -> None:
        """See `Accumulator`."""
        self._counts = grown(self._counts, group_count, 0)
        valid = _ALL_VALID if argument is None else mask_of(argument, length)
        if groups is None:
            self._counts[0] += np.count_nonzero(valid) if len(valid) else length
        else:
            count_rows(groups, valid, self._counts)

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

    def update(self, groups: Words | None, group_count: int, argument: Vector | None, length: int) -> None:
        """See `Accumulator`; OutOfRangeError when a sum leaves 128 bits."""
        assert argument is not None
        self._totals = grown(self._totals, 2 * group_count, 0)
        self._seen = grown(self._seen, group_count, False)
        argument = argument.expand(length)
        valid = mask_of(argument, length)
        if argument.type.kind is TypeKind.UBIGINT:
            low, high = integer_words(argument), np.zeros(length, np.int64)
        elif argument.has_words():
            low, high = integer_words(argument), _NO_WORDS
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
            return _NO_WORDS, _NO_WORDS, _ALL_VALID
        total = (int(halves[1]) << 32) + int(halves[0])
        pair = np.array([total % _WORD, (total >> 64) % _WORD], np.uint64).view(np.int64)
        return pair[:1].copy(), pair[1:].copy(), _ALL_VALID

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
    """SUM of FLOAT and DOUBLE, added as doubles in row order; NULL for no values."""

    def __init__(self, type_: SqlType) -> None:
        self._type = type_
        self._totals = np.zeros(1, np.float64)
        self._seen = np.zeros(1, np.bool_)

    def update(self, groups: Words | None, group_count: int, argument: Vector | None, length: int) -> None:
        """See `Accumulator`."""
        assert argument is not None
        self._totals = grown(self._totals, group_count, 0.0)
        self._seen = grown(self._seen, group_count, False)
        argument = argument.expand(length)
        values = np.ascontiguousarray(argument.values(), np.float64)
        if groups is None:
            groups = _NO_WORDS
        elif not length:
            return
        sum_floats(groups, mask_of(argument, length), values, self._totals, self._seen)

    def result(self, group_count: int) -> Vector:
        """See `Accumulator`."""
        dtype = words_dtype(self._type)
        assert dtype is not None
        totals = grown(self._totals, group_count, 0.0)[:group_count].astype(dtype)
        seen = grown(self._seen, group_count, False)[:group_count]
        return Vector.from_values(totals, None if seen.all() else seen.copy(), self._type)

    @property
    def nbytes(self) -> int:
        """See `Accumulator`."""
        return self._totals.nbytes + self._seen.nbytes


class WordExtreme:
    """MIN or MAX of a type with words; NaN is the greatest; NULL for no values."""

    def __init__(self, type_: SqlType, largest: bool) -> None:
        self._type = type_
        self._flip = np.int64(-1 if largest else 0)
        self._start = np.iinfo(np.int64).max
        self._best = np.full(1, self._start, np.int64)
        self._seen = np.zeros(1, np.bool_)

    def update(self, groups: Words | None, group_count: int, argument: Vector | None, length: int) -> None:
        """See `Accumulator`."""
        assert argument is not None
        self._best = grown(self._best, group_count, self._start)
        self._seen = grown(self._seen, group_count, False)
        # Every row of a constant is the same row, unless groups tell them apart.
        if groups is not None or not length:
            argument = argument.expand(length)
        words = ordered_words(argument)
        valid = mask_of(argument, len(words))
        if groups is None:
            if len(valid):
                words = words[valid]
            if not len(words):
                return
            words = np.array([(words ^ self._flip).min() ^ self._flip])
            groups, valid = np.zeros(1, np.int64), _ALL_VALID
        min_words(groups, valid, words, self._flip, self._best, self._seen)

    def result(self, group_count: int) -> Vector:
        """See `Accumulator`."""
        best = grown(self._best, group_count, self._start)[:group_count]
        seen = grown(self._seen, group_count, False)[:group_count]
        words = np.where(seen, best ^ self._flip, 0)
        return from_ordered_words(words, None if seen.all() else seen.copy(), self._type)

    @property
    def nbytes(self) -> int:
        """See `Accumulator`."""
        return self._best.nbytes + self._seen.nbytes


class BytesExtreme:
    """MIN or MAX of text (bytewise), 128-bit numbers and intervals; NULL for no values."""

    def __init__(self, type_: SqlType, largest: bool) -> None:
        import pyarrow as pa

        self._type = type_
        self._largest = largest
        self._best = pa.array([], pa.large_binary())

    def update(self, groups: Words | None, group_count: int, argument: Vector | None, length: int) -> None:
        """See `Accumulator`."""
        import pyarrow as pa

        assert argument is not None
        if groups is None:
            groups = np.zeros(length, np.int64)
        argument = argument.expand(length)
        known = len(self._best)
        best = np.full(max(group_count, known, 1), -1, np.int64)
        best[:known] = np.where(unpack_bits(self._best.is_valid()), np.arange(known), -1)
        # The best so far and the batch in one array: a string's number then tells where it is.
        strings = pa.concat_arrays([self._best, ordered_bytes(argument).cast(pa.large_binary())])
        buffers = strings.buffers()
        offsets = buffer_words(buffers[1], np.dtype(np.int64), strings.offset, len(strings) + 1)
        if len(strings):
            data = 0 if buffers[2] is None else buffers[2].address
            min_strings(groups, mask_of(argument, length), offsets, data, known, self._largest, best)
        self._best = strings.take(pa.array(best, mask=best < 0))

    def result(self, group_count: int) -> Vector:
        """See `Accumulator`."""
        import pyarrow as pa

        missing = group_count - len(self._best)
        best = self._best if missing < 0 else pa.concat_arrays([self._best, pa.nulls(missing, pa.large_binary())])
        return from_ordered_bytes(best[:group_count].cast(pa.binary()), self._type)

    @property
    def nbytes(self) -> int:
        """See `Accumulator`."""
        return int(self._best.nbytes)


class First:
    """FIRST: the value of the first row, which may be NULL; NULL for no rows."""

    def __init__(self, type_: SqlType) -> None:
        self._type = type_
        # Row of the group's value in all `_values` together, or -1.
        self._rows = np.full(1, -1, np.int64)
        self._values: list[Vector] = []
        self._size = 0

    def update(self, groups: Words | None, group_count: int, argument: Vector | None, length: int) -> None:
        """See `Accumulator`."""
        assert argument is not None
        self._rows = grown(self._rows, group_count, -1)
        if groups is None:
            groups = np.zeros(min(length, 1), np.int64)
        new = np.flatnonzero(self._rows[:group_count] == -1)
        if not len(new) or not len(groups):
            return
        first = np.where(self._rows == -1, -1, 0)
        first_rows(groups, first)
        new = new[first[new] >= 0]
        if len(new):
            self._values.append(argument.expand(length).take(first[new]))
            self._rows[new] = self._size + np.arange(len(new))
            self._size += len(new)

    def result(self, group_count: int) -> Vector:
        """See `Accumulator`."""
        rows = grown(self._rows, group_count, -1)[:group_count]
        if not self._values:
            import pyarrow as pa

            return Vector(self._type, pa.nulls(group_count, arrow_type(self._type)))
        self._values = [concat_vectors(self._values)]
        return self._values[0].take(rows, may_miss=bool((rows < 0).any()))

    @property
    def nbytes(self) -> int:
        """See `Accumulator`."""
        return self._rows.nbytes + sum(vector.nbytes for vector in self._values)


def mask_of(vector: Vector, length: int) -> Mask:
    """Validity of `length` rows as kernels take it: empty when nothing is NULL."""
    valid = vector.valid()
    if valid is None:
        return _ALL_VALID
    return np.repeat(valid, length) if vector.constant else np.ascontiguousarray(valid)


def grown(state: NDArray[Any], size: int, fill: float) -> NDArray[Any]:
    """The state with room for at least `size` items, new ones being `fill`; grows by doubling."""
    if size <= len(state):
        return state
    larger = np.full(max(size, 2 * len(state)), fill, state.dtype)
    larger[: len(state)] = state
    return larger
