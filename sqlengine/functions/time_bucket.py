"""`time_bucket`: moments rounded down to buckets of any width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import NotSupportedError
from sqlengine.functions.calendar import month_index, month_start
from sqlengine.functions.grouped import for_each_constant
from sqlengine.functions.intervals import MICROS_PER_DAY, interval_parts, make_intervals
from sqlengine.functions.moments import days_and_micros
from sqlengine.functions.overloads import overload, resolver
from sqlengine.functions.registry import find_scalar, scalar
from sqlengine.functions.validity import any_null_constant, combined_valid, null_vector, rows_of, words_result
from sqlengine.types import DATE, INTERVAL, TIME, TIMESTAMP, TIMESTAMPTZ, SqlType
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]

# Buckets of months begin with 2000-01-01, all others with the Monday after it.
_FIRST_MONTH: Final = 360
_FIRST_MONDAY: Final = 10_959 * MICROS_PER_DAY


def _micros(moment: Vector) -> Words:
    days, micros = days_and_micros(moment)
    return days * MICROS_PER_DAY + micros


@for_each_constant(0)
def _time_bucket(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    width, moment, *rest = arguments
    valid = combined_valid(arguments)
    origin = rest[0] if rest and rest[0].type != INTERVAL else None
    shift = rest[0] if rest and rest[0].type == INTERVAL else None
    instants = rows_of(_micros(moment if shift is None else _moved(moment, shift, -1)), valid)
    months, days, micros = (int(part[0]) for part in interval_parts(width))
    if months and (days or micros):
        raise NotSupportedError("Month intervals cannot have day or time component")
    if months < 0 or (not months and days * MICROS_PER_DAY + micros <= 0):
        raise NotSupportedError("Period must be greater than 0")
    if months:
        first = _FIRST_MONTH if origin is None else month_index(np.floor_divide(_micros(origin), MICROS_PER_DAY))
        elapsed = month_index(np.floor_divide(instants, MICROS_PER_DAY)) - first
        start = month_start(elapsed - np.mod(elapsed, months) + first) * MICROS_PER_DAY
    else:
        default = 0 if moment.type == TIME else _FIRST_MONDAY
        elapsed = instants - (default if origin is None else _micros(origin))
        start = instants - np.mod(elapsed, days * MICROS_PER_DAY + micros)
    bucket = words_result(start, arguments, TIME if moment.type == TIME else TIMESTAMP, valid)
    if shift is not None:
        bucket = _moved(bucket, shift, 1)
    if result == DATE:
        return words_result(np.floor_divide(bucket.values(), MICROS_PER_DAY).astype(np.int32), arguments, DATE, valid)
    return words_result(bucket.values(), arguments, result, valid)


def _moved(moment: Vector, interval: Vector, sign: int) -> Vector:
    """The moments plus or minus the interval; dates become timestamps."""
    plus = find_scalar("+")
    assert plus is not None
    months, days, micros = interval_parts(interval)
    signed = make_intervals(sign * months, sign * days, sign * micros, interval.valid(), interval.constant)
    return plus.run([moment, signed], TIME if moment.type == TIME else TIMESTAMP)


scalar(
    "time_bucket",
    resolver(
        "time_bucket",
        *(overload(INTERVAL, each, each) for each in (DATE, TIMESTAMP, TIMESTAMPTZ, TIME)),
        *(overload(INTERVAL, each, INTERVAL, each) for each in (DATE, TIMESTAMP, TIMESTAMPTZ, TIME)),
        *(overload(INTERVAL, each, each, each) for each in (DATE, TIMESTAMP, TIMESTAMPTZ, TIME)),
    ),
    example=("time_bucket(INTERVAL 15 MINUTE, TIMESTAMP '2020-02-29 13:44:05')", "2020-02-29 13:30:00"),
    summary="The start of the bucket in which a moment lies; the third argument shifts buckets, or starts one.",
)(_time_bucket)
