"""`Batch`: what flows between operators inside one task.

A set of vectors of equal length, by column id. `Batch.take` is lazy: a column that nobody asks for after a filter or a
join is never gathered (docs/decisions/0001-vectors-inside-tasks.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.errors import InternalError
from sqlengine.types import SqlType
from sqlengine.vector import Vector, concat_vectors

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Indices = NDArray[np.int64]


class Batch:
    """Equally long vectors by column id; the unit that operators hand on.

    Columns are computed when first asked for. A column picked several times over (by filters, then joins) is
    gathered once, from where it was last computed: the row numbers are composed, once for all columns.
    """

    __slots__ = ("_columns", "_pending", "length")

    def __init__(
        self, length: int, columns: Mapping[int, Vector], pending: Mapping[int, Callable[[], Vector]] | None = None
    ) -> None:
        self.length = length
        self._columns: dict[int, Vector] = dict(columns)
        self._pending: dict[int, Callable[[], Vector]] = dict(pending) if pending else {}

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids of all columns, computed or pending."""
        return (*self._columns, *(i for i in self._pending if i not in self._columns))

    def column(self, column_id: int) -> Vector:
        """The vector of one column."""
        vector = self._columns.get(column_id)
        if vector is None:
            make = self._pending.get(column_id)
            if make is None:
                raise InternalError(f"column {column_id} is not in the batch (it has {self.ids})")
            vector = self._columns[column_id] = make()
        return vector

    def take(self, indices: Indices, may_miss: bool = False) -> Batch:
        """Rows at `indices` (see `Vector.take`), each column gathered when first asked for."""
        selection = _Selection(indices, may_miss)
        return Batch(len(indices), {}, {i: _Pick(self, i, selection) for i in self.ids})

    def filter(self, mask: Mask) -> Batch:
        """Rows where `mask` is True."""
        kept = np.flatnonzero(mask)
        return self if len(kept) == self.length else self.take(kept)

    def slice(self, start: int, length: int) -> Batch:
        """`length` rows from `start`."""
        pending = {i: _deferred_slice(self, i, start, length) for i in self.ids}
        return Batch(length, {}, pending)

    def select(self, ids: Iterable[int]) -> Batch:
        """Only the columns `ids`, in that order."""
        wanted = tuple(ids)
        return Batch(
            self.length,
            {i: self._columns[i] for i in wanted if i in self._columns},
            {i: self._pending[i] for i in wanted if i not in self._columns},
        )

    def renamed(self, sources: Mapping[int, int]) -> Batch:
        """Column `new` of the result is column `sources[new]` of this batch; computes nothing."""
        return Batch(
            self.length,
            {new: self._columns[old] for new, old in sources.items() if old in self._columns},
            {new: self._pending[old] for new, old in sources.items() if old not in self._columns},
        )

    def merged(self, other: Batch) -> Batch:
        """The columns of both; `other` must have the same length."""
        return Batch(self.length, {**self._columns, **other._columns}, {**self._pending, **other._pending})

    def with_columns(self, columns: Mapping[int, Vector]) -> Batch:
        """This batch with some columns added or replaced."""
        return Batch(self.length, {**self._columns, **columns}, self._pending)

    def to_arrow(self, ids: Sequence[int]) -> pa.RecordBatch:
        """A RecordBatch of the columns `ids`, fields named by id; text may stay dictionary-encoded."""
        import pyarrow as pa

        arrays = [self.column(i).expand(self.length).encoded() for i in ids]
        if not arrays:
            # A batch of no columns still has a number of rows (SELECT count(*)).
            return pa.RecordBatch.from_arrays([pa.nulls(self.length)], names=["rows"])
        return pa.RecordBatch.from_arrays(arrays, names=[str(i) for i in ids])

    @staticmethod
    def from_arrow(batch: pa.RecordBatch, columns: Sequence[tuple[int, SqlType]]) -> Batch:
        """The inverse of `to_arrow`: column k of `batch` gets the k-th id and type."""
        vectors = {i: Vector.from_arrow(batch.column(k), t) for k, (i, t) in enumerate(columns)}
        return Batch(batch.num_rows, vectors)


def concat_batches(batches: Sequence[Batch], ids: Sequence[int]) -> Batch:
    """One batch with the rows of all `batches` in order and the columns `ids`; at least one batch."""
    if len(batches) == 1:
        return batches[0].select(ids)
    length = sum(batch.length for batch in batches)
    parts = {i: concat_vectors([b.column(i).expand(b.length) for b in batches]) for i in ids}
    return Batch(length, parts)


class _Selection:
    """Row numbers that several columns are gathered by (see `Vector.take`), and their compositions so far."""

    __slots__ = ("_composed", "indices", "may_miss")

    def __init__(self, indices: Indices, may_miss: bool) -> None:
        self.indices = indices
        self.may_miss = may_miss
        self._composed: dict[int, tuple[_Selection, _Selection]] = {}

    def of(self, earlier: _Selection) -> _Selection:
        """The rows that this selection picks out of those that `earlier` picked."""
        known = self._composed.get(id(earlier))
        if known is not None:
            return known[1]
        if len(earlier.indices) == 0:
            # Only misses can be picked of nothing.
            indices = self.indices
        elif self.may_miss:
            indices = earlier.indices.take(np.maximum(self.indices, 0))
            indices[self.indices < 0] = -1
        else:
            indices = earlier.indices.take(self.indices)
        composed = _Selection(indices, self.may_miss or earlier.may_miss)
        # `earlier` is kept too: its id must not be given to another object.
        self._composed[id(earlier)] = (earlier, composed)
        return composed


class _Pick:
    """A column still to be gathered: `selection` of `source`'s column."""

    __slots__ = ("column_id", "selection", "source")

    def __init__(self, source: Batch, column_id: int, selection: _Selection) -> None:
        self.source = source
        self.column_id = column_id
        self.selection = selection

    def __call__(self) -> Vector:
        source, column_id, selection = self.source, self.column_id, self.selection
        while column_id not in source._columns:
            earlier = source._pending.get(column_id)
            if not isinstance(earlier, _Pick):
                break
            selection = selection.of(earlier.selection)
            source, column_id = earlier.source, earlier.column_id
        return source.column(column_id).take(selection.indices, selection.may_miss)


def _deferred_slice(source: Batch, column_id: int, start: int, length: int) -> Callable[[], Vector]:
    return lambda: source.column(column_id).slice(start, length)
