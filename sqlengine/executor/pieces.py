"""A vector put together from pieces: the branches of CASE, the arguments of coalesce."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.types import SqlType
from sqlengine.vector import Vector, concat_vectors
from sqlengine.words import row_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Indices = NDArray[np.int64]


class Pieces:
    """A vector put together from pieces, each for some of the rows that earlier pieces left over."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._rest: Indices | None = None
        self._parts: list[tuple[Indices | None, Vector, Indices | None]] = []

    @property
    def rest_length(self) -> int:
        """Number of rows without a value yet."""
        return self._length if self._rest is None else len(self._rest)

    def rest(self) -> Indices:
        """The rows without a value yet, ascending."""
        return np.arange(self._length) if self._rest is None else self._rest

    def add(self, vector: Vector, mask: Mask, narrowed: bool = False) -> None:
        """Rows of the rest where `mask` get `vector`, which covers the rest, or only those rows if `narrowed`."""
        rows = np.flatnonzero(mask)
        absolute = rows if self._rest is None else self._rest.take(rows)
        self._parts.append((absolute, vector, None if narrowed else rows))
        left = np.flatnonzero(~mask)
        self._rest = left if self._rest is None else self._rest.take(left)

    def add_rest(self, vector: Vector) -> None:
        """All of the rest gets `vector`."""
        self._parts.append((self._rest, vector, None))

    def assembled(self, type_: SqlType) -> Vector:
        """The whole vector; a single piece is returned as it is."""
        if self._parts[-1][0] is not None and not len(self._parts[-1][0]):
            self._parts.pop()
        if len(self._parts) == 1 and (self._parts[0][0] is None or len(self._parts[0][0]) == self._length):
            return self._parts[0][1]
        index = np.empty(self._length, np.int32)
        offset = 0
        for absolute, vector, rows in self._parts:
            assert absolute is not None
            if vector.constant:
                index[absolute] = offset
                offset += 1
            else:
                index[absolute] = (np.arange(len(absolute)) if rows is None else rows) + offset
                offset += len(vector)
        vectors = [vector for _, vector, _ in self._parts]
        if type_.is_text and all(vector.constant for vector in vectors):
            return _constants_by_code(index, vectors, type_)
        return concat_vectors([vector.expand(1) for vector in vectors]).take(index.astype(np.int64))


def _constants_by_code(codes: NDArray[np.int32], vectors: Sequence[Vector], type_: SqlType) -> Vector:
    """Dictionary-encoded text, the constants being the dictionary."""
    import pyarrow as pa

    dictionary = pa.concat_arrays([vector.arrow() for vector in vectors])
    return Vector.from_arrow(pa.DictionaryArray.from_arrays(row_numbers(codes), dictionary), type_)
