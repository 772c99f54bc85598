"""What every accumulator does, and what they share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]
    Mask = NDArray[np.bool_]

ALL_VALID: Final = np.empty(0, np.bool_)
NO_WORDS: Final = np.empty(0, np.int64)


class Accumulator(Protocol):
    """The states of one aggregate for all groups."""

    def update(self, groups: Words | None, group_count: int, arguments: Sequence[Vector], length: int) -> None:
        """Bring `length` rows in.

        Parameters
        ----------
        groups
            Group of each row, int64[length], negative to skip the row; None: all rows are of group 0.
        group_count
            Groups so far; never less than before.
        arguments
            What is aggregated, each possibly a constant; none for COUNT_ALL.
        """
        ...

    def merge(self, groups: Words | None, group_count: int, state: Vector, length: int) -> None:
        """Bring in `length` states that other accumulators of the kind had as results; the rest as in `update`."""
        ...

    def result(self, group_count: int) -> Vector:
        """The state of groups 0 … group_count - 1."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        ...


def mask_of(vector: Vector, length: int) -> Mask:
    """Validity of `length` rows as kernels take it: empty when nothing is NULL."""
    valid = vector.valid()
    if valid is None:
        return ALL_VALID
    return np.repeat(valid, length) if vector.constant else np.ascontiguousarray(valid)


def grown(state: NDArray[Any], size: int, fill: float) -> NDArray[Any]:
    """The state with room for at least `size` items, new ones being `fill`; grows by doubling."""
    if size <= len(state):
        return state
    larger = np.full(max(size, 2 * len(state)), fill, state.dtype)
    larger[: len(state)] = state
    return larger
