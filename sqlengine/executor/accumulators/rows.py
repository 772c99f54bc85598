"""States that are a value of a chosen row: the first, the last, the one with the least key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from sqlengine.executor.accumulators.accumulator import grown, mask_of
from sqlengine.executor.ordering import from_ordered_words, ordered_words
from sqlengine.kernels.accumulating import best_rows, first_rows
from sqlengine.types import SqlType, TypeKind, arrow_type
from sqlengine.vector import Vector, concat_vectors

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Words = NDArray[np.int64]
    Mask = NDArray[np.bool_]

# Values that were replaced are dropped when there are this many times more than groups.
_SLACK: Final = 4
_SMALL: Final = 65_536


class _Chosen:
    """One value for each group, replaced now and then."""

    def __init__(self, type_: SqlType) -> None:
        self._type = type_
        # Row of the group's value in all `_values` together, or -1.
        self.rows = np.full(1, -1, np.int64)
        self._values: list[Vector] = []
        self._size = 0

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.rows.nbytes + sum(vector.nbytes for vector in self._values)

    def grow(self, group_count: int) -> None:
        """Make room for groups."""
        self.rows = grown(self.rows, group_count, -1)

    def put(self, groups: Words, values: Vector) -> None:
        """Give each of some groups a value."""
        if not len(groups):
            return
        self._values.append(values)
        self.rows[groups] = self._size + np.arange(len(groups))
        self._size += len(groups)
        if self._size > _SLACK * len(self.rows) + _SMALL:
            held = np.flatnonzero(self.rows >= 0)
            self._values = [concat_vectors(self._values).take(self.rows[held])]
            self.rows[held] = np.arange(len(held))
            self._size = len(held)

    def values(self, group_count: int) -> Vector:
        """The value of each group, NULL where there is none."""
        rows = self.rows[:group_count]
        if not self._values:
            import pyarrow as pa

            return Vector(self._type, pa.nulls(group_count, arrow_type(self._type)))
        self._values = [concat_vectors(self._values)]
        return self._values[0].take(rows, may_miss=bool((rows < 0).any()))


class First:
    """FIRST: the value of the first row as a STRUCT, since it may be NULL; NULL for no rows.

    With `only_values` ANY: the first value that is not NULL, as it is; NULL for none.
    """

    def __init__(self, type_: SqlType, only_values: bool = False) -> None:
        self._type = type_
        self._only_values = only_values
        self._chosen = _Chosen(type_ if only_values else type_.children[0][1])

    def update(self, groups: Words | None, group_count: int, arguments: Sequence[Vector], length: int) -> None:
        """See `Accumulator`."""
        (argument,) = arguments
        chosen = self._chosen
        chosen.grow(group_count)
        new = np.flatnonzero(chosen.rows[:group_count] == -1)
        if not len(new) or not length:
            return
        if self._only_values:
            if argument.type.kind is TypeKind.NULL:
                return
            groups = _groups_where(mask_of(argument, length), groups, length)
        if groups is None:
            groups = np.zeros(1, np.int64)
        first = np.where(chosen.rows == -1, -1, 0)
        first_rows(groups, first)
        new = new[first[new] >= 0]
        chosen.put(new, argument.expand(length).take(first[new]))

    def merge(self, groups: Words | None, group_count: int, state: Vector, length: int) -> None:
        """See `Accumulator`."""
        if self._only_values:
            self.update(groups, group_count, (state,), length)
        else:
            groups, values = _unwrapped(state, groups, length)
            self.update(groups, group_count, values, length)

    def result(self, group_count: int) -> Vector:
        """See `Accumulator`."""
        self._chosen.grow(group_count)
        values = self._chosen.values(group_count)
        return values if self._only_values else _wrapped((values,), self._chosen.rows[:group_count] >= 0, self._type)

    @property
    def nbytes(self) -> int:
        """See `Accumulator`."""
        return self._chosen.nbytes


class Last:
    """LAST: the value of the last row as a STRUCT; NULL for no rows."""

    def __init__(self, type_: SqlType) -> None:
        self._type = type_
        self._chosen = _Chosen(type_.children[0][1])

    def update(self, groups: Words | None, group_count: int, arguments: Sequence[Vector], length: int) -> None:
        """See `Accumulator`."""
        (argument,) = arguments
        self._chosen.grow(group_count)
        if not length:
            return
        last = np.full(group_count, -1, np.int64)
        if groups is None:
            last[0] = length - 1
        else:
            rows = np.flatnonzero(groups >= 0)
            # Of several assignments to one place the last one holds.
            last[groups[rows]] = rows
        found = np.flatnonzero(last >= 0)
        self._chosen.put(found, argument.expand(length).take(last[found]))

    def merge(self, groups: Words | None, group_count: int, state: Vector, length: int) -> None:
        """See `Accumulator`."""
        groups, values = _unwrapped(state, groups, length)
        self.update(groups, group_count, values, length)

    def result(self, group_count: int) -> Vector:
        """See `Accumulator`."""
        self._chosen.grow(group_count)
        return _wrapped((self._chosen.values(group_count),), self._chosen.rows[:group_count] >= 0, self._type)

    @property
    def nbytes(self) -> int:
        """See `Accumulator`."""
        return self._chosen.nbytes


class ArgExtreme:
    """ARG_MIN and ARG_MAX: STRUCT(value, key) of the row with the least or greatest key; of equal ones the first.

    Rows where either is NULL are left out; NULL for no rows. Keys are of a type with words; NaN is the greatest.
    """

    def __init__(self, type_: SqlType, largest: bool) -> None:
        self._type = type_
        (_, value), (_, self._key) = type_.children
        self._chosen = _Chosen(value)
        self._flip = np.int64(-1 if largest else 0)
        self._start = np.iinfo(np.int64).max
        self._best = np.full(1, self._start, np.int64)

    def update(self, groups: Words | None, group_count: int, arguments: Sequence[Vector], length: int) -> None:
        """See `Accumulator`."""
        value, key = (argument.expand(length) for argument in arguments)
        chosen = self._chosen
        chosen.grow(group_count)
        self._best = grown(self._best, group_count, self._start)
        groups = _groups_where(mask_of(key, length), groups, length)
        groups = _groups_where(mask_of(value, length), groups, length)
        if groups is None:
            groups = np.zeros(length, np.int64)
        if key.type.is_float:
            # -0.0 becomes 0.0: they are equal.
            key = Vector.from_values(key.values() + key.values().dtype.type(0), key.valid(), key.type)
        # -2: the group has no row yet, -1: it has one from before.
        rows = np.where(chosen.rows[:group_count] >= 0, -1, -2)
        best_rows(groups, ordered_words(key), self._flip, self._best, rows)
        found = np.flatnonzero(rows >= 0)
        chosen.put(found, value.take(rows[found]))

    def merge(self, groups: Words | None, group_count: int, state: Vector, length: int) -> None:
        """See `Accumulator`."""
        groups, values = _unwrapped(state, groups, length)
        self.update(groups, group_count, values, length)

    def result(self, group_count: int) -> Vector:
        """See `Accumulator`."""
        self._chosen.grow(group_count)
        seen = self._chosen.rows[:group_count] >= 0
        best = grown(self._best, group_count, self._start)[:group_count]
        keys = from_ordered_words(np.where(seen, best ^ self._flip, 0), None, self._key)
        return _wrapped((self._chosen.values(group_count), keys), seen, self._type)

    @property
    def nbytes(self) -> int:
        """See `Accumulator`."""
        return self._best.nbytes + self._chosen.nbytes


def _groups_where(mask: Mask, groups: Words | None, length: int) -> Words | None:
    """`groups` with -1 where `mask` (empty: nowhere) is False."""
    if not len(mask) or mask.all():
        return groups
    return np.where(mask, np.zeros(length, np.int64) if groups is None else groups, -1)


def _wrapped(values: Sequence[Vector], seen: Mask, type_: SqlType) -> Vector:
    """A STRUCT of some vectors, NULL where not seen."""
    import pyarrow as pa

    target = arrow_type(type_)
    arrays = [value.arrow() for value in values]
    mask = None if seen.all() else pa.array(~seen)
    return Vector(type_, pa.StructArray.from_arrays(arrays, fields=list(target), mask=mask))


def _unwrapped(state: Vector, groups: Words | None, length: int) -> tuple[Words | None, list[Vector]]:
    """The fields of a STRUCT, and `groups` with -1 where it is NULL."""
    state = state.expand(length)
    array: pa.StructArray = state.arrow()
    fields = [Vector(child, array.field(k)) for k, (_, child) in enumerate(state.type.children)]
    return _groups_where(mask_of(state, length), groups, length), fields
