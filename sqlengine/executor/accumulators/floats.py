"""States that are some doubles a group: moments, products, compensated sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from sqlengine.executor.accumulators.accumulator import ALL_VALID, NO_WORDS, grown, mask_of
from sqlengine.functions.registry import StateOp
from sqlengine.kernels import moments
from sqlengine.kernels._jit import Kernel
from sqlengine.types import SqlType, arrow_type
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]

_KERNELS: Final[dict[StateOp, tuple[Kernel, Kernel]]] = {
    StateOp.PRODUCT: (moments.add_products, moments.merge_products),
    StateOp.KAHAN: (moments.add_kahan, moments.merge_kahan),
    StateOp.MOMENTS: (moments.add_moments, moments.merge_moments),
    StateOp.SHAPES: (moments.add_shapes, moments.merge_shapes),
    StateOp.COMOMENTS: (moments.add_comoments, moments.merge_comoments),
}


class FloatStates:
    """The fields of a STRUCT of DOUBLEs, side by side for each group; `n`, the first, counts values. Never NULL."""

    def __init__(self, op: StateOp, type_: SqlType) -> None:
        self._type = type_
        self._add, self._merge = _KERNELS[op]
        self._width = len(type_.children)
        self._start = np.zeros(self._width)
        if op is StateOp.PRODUCT:
            self._start[1] = 1.0
        self._states = self._start.copy()

    def update(self, groups: Words | None, group_count: int, arguments: Sequence[Vector], length: int) -> None:
        """See `Accumulator`; a row counts where no argument is NULL."""
        valid = ALL_VALID
        for argument in arguments:
            mask = mask_of(argument, length)
            valid = valid & mask if len(valid) and len(mask) else valid if len(valid) else mask
        values = [np.ascontiguousarray(each.expand(length).values(), np.float64) for each in arguments]
        self._grow(group_count)
        if length:
            self._add(NO_WORDS if groups is None else groups, valid, *values, self._states)

    def merge(self, groups: Words | None, group_count: int, state: Vector, length: int) -> None:
        """See `Accumulator`."""
        array = state.expand(length).arrow()
        others = np.empty((length, self._width))
        for k in range(self._width):
            others[:, k] = array.field(k).to_numpy(zero_copy_only=False)
        self._grow(group_count)
        if length:
            self._merge(NO_WORDS if groups is None else groups, others.reshape(-1), self._states)

    def result(self, group_count: int) -> Vector:
        """See `Accumulator`."""
        import pyarrow as pa

        self._grow(group_count)
        states = self._states[: group_count * self._width].reshape(-1, self._width)
        fields = [pa.array(np.ascontiguousarray(states[:, k])) for k in range(self._width)]
        return Vector(self._type, pa.StructArray.from_arrays(fields, fields=list(arrow_type(self._type))))

    @property
    def nbytes(self) -> int:
        """See `Accumulator`."""
        return self._states.nbytes

    def _grow(self, group_count: int) -> None:
        known = len(self._states) // self._width
        if group_count > known:
            self._states = grown(self._states, max(group_count, 2 * known) * self._width, 0.0)
            fresh = self._states[known * self._width :].reshape(-1, self._width)
            fresh[:] = self._start
