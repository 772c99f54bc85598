"""MIN and MAX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sqlengine.executor.accumulators.accumulator import grown, mask_of
from sqlengine.executor.ordering import from_ordered_bytes, from_ordered_words, ordered_bytes, ordered_words
from sqlengine.kernels.accumulating import min_strings, min_words
from sqlengine.types import SqlType
from sqlengine.vector import Vector, buffer_words
from sqlengine.words import unpack_bits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]
    Mask = NDArray[np.bool_]


class WordExtreme:
    """MIN or MAX of a type with words; NaN is the greatest; NULL for no values."""

    def __init__(self, type_: SqlType, largest: bool) -> None:
        self._type = type_
        self._flip = np.int64(-1 if largest else 0)
        self._start = np.iinfo(np.int64).max
        self._best = np.full(1, self._start, np.int64)
        self._seen = np.zeros(1, np.bool_)

    def update(self, groups: Words | None, group_count: int, arguments: Sequence[Vector], length: int) -> None:
        """See `Accumulator`."""
        (argument,) = arguments
        self._best = grown(self._best, group_count, self._start)
        self._seen = grown(self._seen, group_count, False)
        # Every row of a constant is the same row, unless groups tell them apart.
        if groups is not None or not length:
            argument = argument.expand(length)
        if groups is None:
            valid = argument.valid()
            values = argument.values() if valid is None else argument.values()[valid]
            if not len(values):
                return
            argument = Vector.from_values(_extreme(values, self._flip != 0), None, self._type)
            groups = np.zeros(1, np.int64)
        words = ordered_words(argument)
        valid = mask_of(argument, len(words))
        min_words(groups, valid, words, self._flip, self._best, self._seen)

    def merge(self, groups: Words | None, group_count: int, state: Vector, length: int) -> None:
        """See `Accumulator`."""
        self.update(groups, group_count, (state,), length)

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


def _extreme(values: NDArray[Any], largest: bool) -> NDArray[Any]:
    """The least or greatest of at least one value, as an array of one; in the order of `ordered_words`."""
    if values.dtype.kind != "f":
        return np.array([values.max() if largest else values.min()])
    # The maximum is NaN if any value is, the minimum if all are.
    best = np.maximum.reduce(values) if largest else np.fmin.reduce(values)
    if best == 0:
        # numpy takes either zero; -0.0 is the lesser one.
        negative = np.signbit(values[values == 0])
        best = -0.0 if (negative.all() if largest else negative.any()) else 0.0
    return np.array([best], values.dtype)


class BytesExtreme:
    """MIN or MAX of text (bytewise), 128-bit numbers and intervals; NULL for no values."""

    def __init__(self, type_: SqlType, largest: bool) -> None:
        import pyarrow as pa

        self._type = type_
        self._largest = largest
        self._best = pa.array([], pa.large_binary())

    def update(self, groups: Words | None, group_count: int, arguments: Sequence[Vector], length: int) -> None:
        """See `Accumulator`."""
        import pyarrow as pa

        (argument,) = arguments
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

    def merge(self, groups: Words | None, group_count: int, state: Vector, length: int) -> None:
        """See `Accumulator`."""
        self.update(groups, group_count, (state,), length)

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
