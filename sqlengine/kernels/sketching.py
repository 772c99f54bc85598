"""Loops over HyperLogLog registers.

n: rows, g: groups, m: registers of a group, a power of two. `groups` is int64[n], negative to skip the row; `valid` is
bool[n], False marks NULL, or empty; `registers` is uint8[g*m], changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sqlengine.kernels._jit import kernel


@kernel("void(int64[::1], boolean[::1], uint64[::1], int64, uint8[::1])")
def add_registers(groups: Any, valid: Any, hashes: Any, size: Any, registers: Any) -> None:
    """The lowest bits of a hash choose a register; it keeps the greatest place of the lowest one among the others.

    hashes  uint64[n]
    size    m
    """
    for i in range(groups.size):
        if groups[i] < 0 or (valid.size > 0 and not valid[i]):
            continue
        rest = hashes[i] // np.uint64(size)
        place = 1
        while rest & np.uint64(1) == np.uint64(0) and place < 64:
            rest >>= np.uint64(1)
            place += 1
        at = groups[i] * size + np.int64(hashes[i] & np.uint64(size - 1))
        if place > registers[at]:
            registers[at] = place


@kernel("void(int64[::1], uint8[::1], int64, uint8[::1])")
def merge_registers(groups: Any, others: Any, size: Any, registers: Any) -> None:
    """Each register becomes the greater of the two.

    others  uint8[n*m]  registers of n groups
    size    m
    """
    for i in range(groups.size):
        if groups[i] >= 0:
            for k in range(size):
                at = groups[i] * size + k
                registers[at] = max(registers[at], others[i * size + k])
