"""The arrays with h5py and NumPy on one core: the plain loop over blocks that the engine is measured against."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bench.inputs.engines.functions import FunctionsEngine

_BLOCK = 1_000_000


def _blocks(folder: Path) -> Iterator[np.ndarray]:
    with h5py.File(folder / "arrays" / "random.h5") as file:
        values = file["x"]
        for start in range(0, len(values), _BLOCK):
            yield values[start : start + _BLOCK]


def array_mean(folder: Path) -> dict[str, Any]:
    """Mean in double precision."""
    total, count = 0.0, 0
    for block in _blocks(folder):
        total += float(block.sum(dtype=np.float64))
        count += len(block)
    return {"mean": [total / count]}


def array_extremes(folder: Path) -> dict[str, Any]:
    """Least and most."""
    pairs = [(block.min(), block.max()) for block in _blocks(folder)]
    return {"least": [min(low for low, _ in pairs)], "most": [max(high for _, high in pairs)]}


def array_slice(folder: Path) -> dict[str, Any]:
    """Five hundred values by position."""
    with h5py.File(folder / "arrays" / "random.h5") as file:
        return {"file_row_number": np.arange(500, 1000), "x": file["x"][500:1000]}


def array_histogram(folder: Path) -> dict[str, Any]:
    """How many values in each quarter of a unit."""
    sizes: dict[int, int] = {}
    for block in _blocks(folder):
        bins, counts = np.unique(np.floor(block * np.float32(4)).astype(np.int32), return_counts=True)
        for key, count in zip(bins.tolist(), counts.tolist(), strict=True):
            sizes[key] = sizes.get(key, 0) + count
    return {"bin": sorted(sizes), "size": [sizes[key] for key in sorted(sizes)]}


def matrix_columns(folder: Path) -> dict[str, Any]:
    """Mean of every hundredth column, a stripe of chunks at a time."""
    with h5py.File(folder / "arrays" / "matrix.h5") as file:
        matrix = file["m"]
        step = matrix.chunks[0]
        total = sum(matrix[start : start + step, ::100].sum(axis=0) for start in range(0, len(matrix), step))
        return {f"avg(c{100 * k})": [value] for k, value in enumerate(total / len(matrix))}


ANSWERS = {each.__name__: each for each in (array_mean, array_extremes, array_slice, array_histogram, matrix_columns)}


def open_engine(folder: Path, cores: int) -> FunctionsEngine:
    """See `bench.engines.open_engine`; one core, whatever `cores` is."""
    return FunctionsEngine(folder, ANSWERS)
