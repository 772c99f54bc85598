"""Sketches: small states from which something about many values can be estimated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.executor.accumulators.accumulator import grown, mask_of
from sqlengine.executor.keys import KeyEncoder
from sqlengine.functions.approximate import REGISTERS
from sqlengine.kernels.sketching import add_registers, merge_registers
from sqlengine.types import BLOB, TypeKind
from sqlengine.vector import Vector, buffer_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]


class DistinctSketch:
    """HyperLogLog (Flajolet et al. 2007): for each group the longest run of zeros in the hashes of each register."""

    def __init__(self) -> None:
        self._registers = np.zeros(REGISTERS, np.uint8)

    def update(self, groups: Words | None, group_count: int, arguments: Sequence[Vector], length: int) -> None:
        """See `Accumulator`; NULLs do not count."""
        (argument,) = arguments
        self._registers = grown(self._registers, group_count * REGISTERS, 0)
        if argument.type.kind is TypeKind.NULL or not length:
            return
        # Equal values have equal hashes in every task.
        hashes = KeyEncoder([argument.type]).hash_keys([argument], length)
        groups = np.zeros(length, np.int64) if groups is None else groups
        add_registers(groups, mask_of(argument, length), hashes, np.int64(REGISTERS), self._registers)

    def merge(self, groups: Words | None, group_count: int, state: Vector, length: int) -> None:
        """See `Accumulator`."""
        self._registers = grown(self._registers, group_count * REGISTERS, 0)
        if not length:
            return
        array = state.expand(length).arrow()
        offsets = buffer_words(array.buffers()[1], np.dtype(np.int32), array.offset, 1)
        others = buffer_words(array.buffers()[2], np.dtype(np.uint8), int(offsets[0]), length * REGISTERS)
        groups = np.zeros(length, np.int64) if groups is None else groups
        merge_registers(groups, np.array(others), np.int64(REGISTERS), self._registers)

    def result(self, group_count: int) -> Vector:
        """See `Accumulator`."""
        import pyarrow as pa

        registers = grown(self._registers, group_count * REGISTERS, 0)[: group_count * REGISTERS].copy()
        offsets = np.arange(group_count + 1, dtype=np.int32) * np.int32(REGISTERS)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(registers)]
        return Vector(BLOB, pa.Array.from_buffers(pa.binary(), group_count, buffers))

    @property
    def nbytes(self) -> int:
        """See `Accumulator`."""
        return self._registers.nbytes
