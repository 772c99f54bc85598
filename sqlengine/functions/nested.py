"""Lists and structs taken apart and put together: what every function of nested values is made of.

A list vector is lengths and one child vector with the elements of all rows, one after the other. So a function of lists
computes on the child as on any column, and only the row numbers of elements are its own business. An ARRAY lies in
memory as a LIST, a MAP as a LIST of STRUCT(key, value).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.errors import NotSupportedError
from sqlengine.types import SqlType, TypeKind, arrow_type, entries_of
from sqlengine.vector import Vector, concat_vectors
from sqlengine.words import row_numbers

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Lists:
    """The parts of a list vector of n rows.

    Attributes
    ----------
    lengths
        int64[n], 0 where NULL.
    child
        The elements of all rows in order, `lengths.sum()` of them.
    valid
        bool[n], True where not NULL; None for no NULL.
    """

    lengths: Indices
    child: Vector
    valid: Mask | None

    @cached_property
    def starts(self) -> Indices:
        """int64[n]: where in `child` each list begins."""
        starts = np.zeros(len(self.lengths), np.int64)
        np.cumsum(self.lengths[:-1], out=starts[1:])
        return starts

    @cached_property
    def rows(self) -> Indices:
        """The row of each element, int64[len(child)]."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @cached_property
    def positions(self) -> Indices:
        """The place of each element in its list, from 0, int64[len(child)]."""
        return np.arange(len(self.child)) - np.repeat(self.starts, self.lengths)

    @property
    def present(self) -> Mask:
        """`valid` as a mask even when there is no NULL."""
        return np.ones(len(self.lengths), np.bool_) if self.valid is None else self.valid

    def kept(self, mask: Mask, type_: SqlType, constant: bool) -> Vector:
        """Lists of only the elements where `mask`."""
        lengths = np.bincount(self.rows[mask], minlength=len(self.lengths))
        return list_vector(lengths, self.child.take(np.flatnonzero(mask)), self.valid, type_, constant)


def lists_of(vector: Vector) -> Lists:
    """The parts of a LIST, ARRAY or MAP vector; a constant is one row."""
    type_ = entries_of(vector.type) if vector.type.kind is TypeKind.MAP else vector.type
    array = vector.arrow()
    offsets = np.zeros(1, np.int64) if len(array) == 0 else _offsets(array)
    lengths = np.diff(offsets)
    child = array.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
    valid = vector.valid()
    if valid is not None and lengths[~valid].any():
        # Something may lie under a NULL.
        child = child.take(row_numbers(np.flatnonzero(np.repeat(valid, lengths))))
        lengths = np.where(valid, lengths, 0)
    return Lists(lengths, Vector(type_.element, child), valid)


def list_vector(lengths: Indices, child: Vector, valid: Mask | None, type_: SqlType, constant: bool = False) -> Vector:
    """The inverse of `lists_of`: row i has the next `lengths[i]` elements of `child`, 0 of them where not valid.

    Raises
    ------
    NotSupportedError
        More than 2**31 elements in one batch.
    """
    import pyarrow as pa

    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    if offsets[-1] > np.iinfo(np.int32).max:
        raise NotSupportedError(f"{offsets[-1]:,} list elements in one batch; set batch_rows lower")
    target = arrow_type(type_)
    values = child.arrow()
    if values.type != target.value_type:
        values = values.cast(target.value_type)
    buffers = [_bitmap(valid), pa.py_buffer(offsets.astype(np.int32))]
    return Vector(type_, pa.Array.from_buffers(target, len(lengths), buffers, children=[values]), constant=constant)


def empty_vector(type_: SqlType) -> Vector:
    """No rows."""
    import pyarrow as pa

    return Vector(type_, pa.nulls(0, arrow_type(type_)))


def relabelled(vector: Vector, type_: SqlType) -> Vector:
    """The same values in memory as another type with the same carrier: a MAP as its entries, an ARRAY as a LIST."""
    return Vector(type_, vector.arrow(), constant=vector.constant)


def fields_of(vector: Vector) -> list[Vector]:
    """The fields of a STRUCT vector, NULL where the struct is; constant if it is."""
    parts = vector.arrow().flatten()
    return [
        Vector(type_, part, constant=vector.constant)
        for part, (_, type_) in zip(parts, vector.type.children, strict=True)
    ]


def struct_vector(fields: Sequence[Vector], valid: Mask | None, type_: SqlType, length: int, constant: bool) -> Vector:
    """A STRUCT vector of `length` rows from its fields (constants are repeated); NULL where not valid."""
    import pyarrow as pa

    target = arrow_type(type_)
    arrays = [field.expand(length).arrow() for field in fields]
    arrays = [
        array if array.type == want.type else array.cast(want.type) for array, want in zip(arrays, target, strict=True)
    ]
    return Vector(type_, pa.Array.from_buffers(target, length, [_bitmap(valid)], children=arrays), constant=constant)


def aligned(arguments: Sequence[Vector]) -> tuple[list[Vector], int, bool]:
    """(vectors of one length, the length, whether the result is constant): constants repeated unless all are."""
    lengths = [len(argument) for argument in arguments if not argument.constant]
    if not lengths:
        return list(arguments), 1, True
    return [argument.expand(lengths[0]) for argument in arguments], lengths[0], False


def interleaved(columns: Sequence[Vector], length: int) -> Vector:
    """Row 0 of every column, then row 1 of every column, …; `columns` are not empty, of `length` rows, not constant."""
    order = np.arange(len(columns) * length).reshape(len(columns), length).T.ravel()
    return concat_vectors([column.expand(length) for column in columns]).take(order)


def _offsets(array: pa.Array) -> Indices:
    whole = array.buffers()[1]
    return np.frombuffer(whole, np.int32, len(array) + 1, array.offset * 4).astype(np.int64)


def _bitmap(valid: Mask | None) -> pa.Buffer | None:
    import pyarrow as pa

    return None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
