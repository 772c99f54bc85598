"""range and generate_series: lists of numbers or timestamps at equal steps."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import DataError
from sqlengine.functions.calendar import add_months
from sqlengine.functions.intervals import MICROS_PER_DAY, interval_parts
from sqlengine.functions.overloads import overload, resolver
from sqlengine.functions.registry import scalar
from sqlengine.functions.validity import all_constant, combined_valid
from sqlengine.types import BIGINT, INTERVAL, TIMESTAMP, TIMESTAMPTZ, SqlType, arrow_type, list_of
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]
    Mask = NDArray[np.bool_]

_OVERLOADS: Final = (
    overload(BIGINT, list_of(BIGINT)),
    overload(BIGINT, BIGINT, list_of(BIGINT)),
    overload(BIGINT, BIGINT, BIGINT, list_of(BIGINT)),
    overload(TIMESTAMP, TIMESTAMP, INTERVAL, list_of(TIMESTAMP)),
    overload(TIMESTAMPTZ, TIMESTAMPTZ, INTERVAL, list_of(TIMESTAMPTZ)),
)
_MOST: Final = 2**31 - 1


def series_lengths(starts: Words, stops: Words, steps: Words, inclusive: bool) -> Words:
    """How many numbers `start`, `start + step`, … come before `stop` (up to `stop` if `inclusive`), as uint64.

    Arguments are int64 of equal length, of any size: differences are taken modulo 2**64, where they are exact.

    Raises
    ------
    DataError
        A step is 0.
    """
    if (steps == 0).any():
        raise DataError("the step of range and generate_series cannot be 0")
    forward = steps > 0
    low, high = np.where(forward, starts, stops), np.where(forward, stops, starts)
    span = high.view(np.uint64) - low.view(np.uint64)
    size = np.where(forward, steps.view(np.uint64), -steps.view(np.uint64))
    if inclusive:
        return np.where(high >= low, span // size + np.uint64(1), np.uint64(0))
    return np.where(high > low, (span - np.uint64(1)) // size + np.uint64(1), np.uint64(0))


def _runner(inclusive: bool) -> Callable[[Sequence[Vector], SqlType], Vector]:
    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        import pyarrow as pa

        known = combined_valid(arguments)
        rows = max(len(each) for each in arguments)
        valid = np.ones(rows, np.bool_) if known is None else np.broadcast_to(known, (rows,))
        element = result.children[0][1]
        make = _numbers if element == BIGINT else _moments
        lengths, items = make(arguments, rows, valid, inclusive)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        mask = None if known is None else pa.array(~valid)
        lists = pa.ListArray.from_arrays(pa.array(offsets), Vector.from_values(items, None, element).arrow(), mask=mask)
        return Vector.from_arrow(lists.cast(arrow_type(result)), result, constant=all_constant(arguments))

    return run


def _numbers(arguments: Sequence[Vector], rows: int, valid: Mask, inclusive: bool) -> tuple[Words, Words]:
    words = [np.broadcast_to(each.values(), (rows,)) for each in arguments]
    zeros, ones = np.zeros(rows, np.int64), np.ones(rows, np.int64)
    if len(words) == 1:
        words = [zeros, *words]
    starts, stops, steps = (np.where(valid, each, 1) for each in (*words, ones)[:3])
    return _steps(starts, stops, steps, valid, inclusive)


def _steps(starts: Words, stops: Words, steps: Words, valid: Mask, inclusive: bool) -> tuple[Words, Words]:
    lengths = np.where(valid, series_lengths(starts, stops, steps, inclusive), np.uint64(0))
    if (lengths > _MOST).any() or lengths.sum() > _MOST:
        raise DataError(f"a list of {int(lengths.max()):,} items is too large; use range() in FROM instead")
    counts = lengths.astype(np.int64)
    numbers = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return counts, np.repeat(starts, counts) + np.repeat(steps, counts) * numbers


def _moments(arguments: Sequence[Vector], rows: int, valid: Mask, inclusive: bool) -> tuple[Words, Words]:
    """One Python step per item where an interval has months, since each starts from the day the last one hit."""
    starts, stops = (np.where(valid, np.broadcast_to(each.values(), (rows,)), 0) for each in arguments[:2])
    parts = [np.where(valid, np.broadcast_to(each, (rows,)), 1) for each in interval_parts(arguments[2])]
    if any((np.sign(a) * np.sign(b) < 0).any() for a, b in itertools.combinations(parts, 2)):
        raise DataError("the interval of range and generate_series cannot have parts of different signs")
    months, days, micros = parts
    steps = days * MICROS_PER_DAY + micros
    if not (months[valid]).any():
        return _steps(starts, stops, steps, valid, inclusive)
    found = [
        _months_apart(*map(int, each), inclusive=inclusive) if is_valid else []
        for is_valid, *each in zip(valid, starts, stops, months, steps, strict=True)
    ]
    lengths = np.fromiter(map(len, found), np.int64, rows)
    return lengths, np.fromiter(itertools.chain.from_iterable(found), np.int64)


def _months_apart(start: int, stop: int, months: int, step: int, *, inclusive: bool) -> list[int]:
    if not months and not step:
        raise DataError("the interval of range and generate_series cannot be 0")
    forward = months > 0 or step > 0
    found = []
    while (start < stop if forward else start > stop) or (inclusive and start == stop):
        found.append(start)
        start = _add_months(start, months) + step
    return found


def _add_months(moment: int, months: int) -> int:
    day, time = divmod(moment, MICROS_PER_DAY)
    moved = add_months(np.array([day]), np.array([months]))
    return int(moved[0]) * MICROS_PER_DAY + time


scalar(
    "range",
    resolver("range", *_OVERLOADS),
    example=("range(2, 8, 3)", "[2, 5]"),
    summary="A list of numbers or moments, from a start to before an end, by a step.",
)(_runner(inclusive=False))
scalar(
    "generate_series",
    resolver("generate_series", *_OVERLOADS),
    example=("generate_series(2, 8, 3)", "[2, 5, 8]"),
    summary="A list of numbers or moments, from a start to an end, by a step.",
)(_runner(inclusive=True))
