"""Functions whose later arguments are usually constants (a pattern, a format, a date part), for when they are not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sqlengine.functions.registry import Run
from sqlengine.functions.validity import null_vector
from sqlengine.types import SqlType
from sqlengine.vector import Vector, concat_vectors


def for_each_constant(*positions: int) -> Callable[[Run], Run]:
    """Decorates a `run` that wants constants at `positions`, so that it takes columns there too.

    Rows with equal values at `positions` are computed together, so the cost grows with the number of distinct
    values. A row with a NULL there is NULL.
    """

    def decorate(run: Run) -> Run:
        def wrapped(arguments: Sequence[Vector], result: SqlType) -> Vector:
            varying = [p for p in positions if p < len(arguments) and not arguments[p].constant]
            return _by_group(run, arguments, result, varying) if varying else run(arguments, result)

        return wrapped

    return decorate


def _by_group(run: Run, arguments: Sequence[Vector], result: SqlType, varying: Sequence[int]) -> Vector:
    length = len(arguments[varying[0]])
    rows: dict[tuple[Any, ...], list[int]] = {}
    for row, values in enumerate(zip(*(arguments[p].arrow().to_pylist() for p in varying), strict=True)):
        rows.setdefault(tuple(map(_hashable, values)), []).append(row)
    pieces, order = [], np.empty(length, np.int64)
    start = 0
    for numbers in rows.values():
        indices = np.array(numbers, np.int64)
        part = [
            _constant_at(argument, numbers[0]) if p in varying else argument.take(indices)
            for p, argument in enumerate(arguments)
        ]
        missing = any(part[p].is_null_constant() for p in varying)
        computed = null_vector(result) if missing else run(part, result)
        pieces.append(computed.expand(len(indices)) if computed.constant else computed)
        order[indices] = np.arange(start, start + len(indices))
        start += len(indices)
    return concat_vectors(pieces).take(order) if pieces else null_vector(result, arguments)


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _constant_at(vector: Vector, row: int) -> Vector:
    return Vector(vector.type, vector.arrow().slice(row, 1), constant=True)
