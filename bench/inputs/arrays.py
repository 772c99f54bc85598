"""Random arrays in HDF5: one long one, and a matrix in square chunks."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

VALUES = 100_000_000
SIDE = 20_000
CHUNK = 1000
SEED = 2

_BLOCK = 1_000_000


def write_arrays(folder: Path, scale: float) -> None:
    """Write `random.h5` (at scale 1: 10^8 float32 in `x`) and `matrix.h5` (20,000 x 20,000 doubles in `m`).

    `x` lies in one stretch, `m` in chunks of 1000 x 1000. Both have that shape at scale 1; the area of the matrix is
    proportional to the scale, and its chunks are smaller when it is smaller than they are.
    """
    values = length(scale)
    with h5py.File(folder / "random.h5", "w") as file:
        target = file.create_dataset("x", (values,), "f4")
        for block, start in enumerate(range(0, values, _BLOCK)):
            stop = min(start + _BLOCK, values)
            target[start:stop] = np.random.default_rng([SEED, block]).standard_normal(stop - start, np.float32)
    edge = side(scale)
    chunk = min(CHUNK, edge)
    with h5py.File(folder / "matrix.h5", "w") as file:
        target = file.create_dataset("m", (edge, edge), "f8", chunks=(chunk, chunk))
        for start in range(0, edge, chunk):
            rows = min(chunk, edge - start)
            target[start : start + rows] = np.random.default_rng([SEED, 1 << 20, start]).random((rows, edge))


def length(scale: float) -> int:
    """Values of the long array."""
    return max(1000, round(VALUES * scale))


def side(scale: float) -> int:
    """Rows and columns of the matrix; a multiple of 100."""
    return max(200, round(SIDE * scale**0.5 / 100) * 100)
