"""Random numbers that are a function of a seed and a row's position: what samples are drawn by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from sqlengine.functions.overloads import ANY, overload, resolver
from sqlengine.functions.registry import scalar
from sqlengine.types import BIGINT, BOOLEAN, DOUBLE, SqlType
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)


@scalar(
    "__draw",
    resolver("__draw", overload(BIGINT, BIGINT, DOUBLE)),
    summary="The random number from 0 to less than 1 that belongs to a position under a seed.",
)
def _draw(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014), at a position."""
    position, seed = (vector.values().astype(np.int64).view(np.uint64) for vector in arguments)
    mixed = _mix(_mix(seed * _GOLDEN) + position * _GOLDEN)
    numbers = (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return Vector.from_values(numbers, None, result, all(vector.constant for vector in arguments))


@scalar(
    "__one_in",
    resolver("__one_in", overload(ANY, BIGINT, BOOLEAN)),
    deterministic=False,
    summary="True for about one row in so many, chosen by its place in a batch: a sample of how values are spread.",
)
def _one_in(arguments: Sequence[Vector], result: SqlType) -> Vector:
    value, count = arguments
    if value.constant:
        return Vector.from_values(np.ones(1, np.bool_), None, result, True)
    drawn = _mix(np.arange(1, len(value) + 1, dtype=np.uint64) * _GOLDEN)
    return Vector.from_values(drawn <= np.uint64(2**64 - 1) // count.values().astype(np.uint64), None, result)


def _mix(words: Words) -> Words:
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
