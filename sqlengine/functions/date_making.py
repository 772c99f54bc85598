"""Dates, times and intervals made of numbers: `make_date`, `make_timestamp`, `to_days` and their like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import ConversionError, OutOfRangeError
from sqlengine.functions.calendar import days_in_month, from_civil
from sqlengine.functions.intervals import MICROS_PER_DAY, make_intervals
from sqlengine.functions.moments import MICROS
from sqlengine.functions.overloads import overload, resolver
from sqlengine.functions.registry import Run, scalar
from sqlengine.functions.validity import any_null_constant, combined_valid, null_vector, rows_of, words_result
from sqlengine.types import BIGINT, DATE, DOUBLE, INTEGER, INTERVAL, TIME, TIMESTAMP, SqlType
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]
    Mask = NDArray[np.bool_]

_MAX_YEAR: Final = 290_000  # beyond it a timestamp does not fit in 64 bits, and no date is meant


@scalar(
    "make_date",
    resolver("make_date", overload(BIGINT, BIGINT, BIGINT, DATE), overload(INTEGER, DATE)),
    example=("make_date(2020, 2, 29)", "2020-02-29"),
    summary="The date of year, month and day.",
)
def _make_date(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """The date of year, month and day, or of days since 1970; ConversionError if there is none."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    if len(arguments) == 1:
        return words_result(arguments[0].values(), arguments, result)
    return words_result(_checked_days(arguments).astype(np.int32), arguments, result)


@scalar(
    "make_timestamp",
    resolver(
        "make_timestamp",
        overload(BIGINT, BIGINT, BIGINT, BIGINT, BIGINT, DOUBLE, TIMESTAMP),
        overload(BIGINT, TIMESTAMP),
    ),
    example=("make_timestamp(2020, 2, 29, 13, 4, 5.5)", "2020-02-29 13:04:05.5"),
    summary="The timestamp of six parts, or of microseconds since 1970.",
)
def _make_timestamp(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """The timestamp of six parts, or of microseconds since 1970."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    if len(arguments) == 1:
        return words_result(arguments[0].values(), arguments, result)
    days = _checked_days(arguments)
    micros = _checked_time(arguments[3:], arguments)
    return words_result(days * MICROS_PER_DAY + micros, arguments, result)


@scalar(
    "make_time",
    resolver("make_time", overload(BIGINT, BIGINT, DOUBLE, TIME)),
    example=("make_time(13, 4, 5.5)", "13:04:05.5"),
    summary="The time of hour, minute and seconds.",
)
def _make_time(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """The time of day of hour, minute and seconds."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    return words_result(_checked_time(arguments, arguments), arguments, result)


def _checked_days(arguments: Sequence[Vector]) -> Words:
    valid = combined_valid(arguments)
    year, month, day = np.broadcast_arrays(*(argument.values() for argument in arguments[:3]))
    fits = (np.abs(year) <= _MAX_YEAR) & (month >= 1) & (month <= 12) & (day >= 1)
    safe_year, safe_month = np.where(fits, year, 2000), np.where(fits, month, 1)
    fits &= day <= days_in_month(safe_year, safe_month)
    _refuse(fits, valid, "Date out of range: {}-{}-{}", (year, month, day))
    return from_civil(safe_year, safe_month, np.where(fits, day, 1))


def _checked_time(parts: Sequence[Vector], arguments: Sequence[Vector]) -> Words:
    valid = combined_valid(arguments)
    hour, minute, seconds = np.broadcast_arrays(*(part.values() for part in parts))
    with np.errstate(invalid="ignore"):
        micros = np.rint(np.where(np.isfinite(seconds), seconds, -1.0) * MICROS["second"])
    fits = (hour >= 0) & (hour < 24) & (minute >= 0) & (minute < 60)
    fits &= (micros >= 0) & (micros <= MICROS["minute"])
    _refuse(fits, valid, "Time out of range: {}:{}:{:.6f}", (hour, minute, seconds))
    whole = np.where(fits, micros, 0).astype(np.int64)
    total: Words = np.where(fits, hour, 0) * MICROS["hour"] + np.where(fits, minute, 0) * MICROS["minute"] + whole
    return total


def _refuse(fits: Mask, valid: Mask | None, message: str, parts: Sequence[Words]) -> None:
    unfit = ~fits if valid is None else ~fits & valid
    if unfit.any():
        row = int(np.flatnonzero(unfit)[0])
        raise ConversionError(message.format(*(part[row] for part in parts)))


def _interval_of(months: int, days: int, micros: int) -> Run:
    """A number of units as an interval; `months`, `days` and `micros` are one unit."""

    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        (count,) = arguments
        valid = count.valid()
        words = rows_of(count.values(), valid)
        none = np.zeros(1, np.int64)
        size = months or days or micros
        exact = words.astype(np.float64) * size
        if (np.abs(exact) >= 2**63).any():
            raise OutOfRangeError("interval out of range: the number of units does not fit")
        product = np.rint(exact).astype(np.int64) if words.dtype.kind == "f" else words.astype(np.int64) * size
        return make_intervals(
            product if months else none,
            product if days else none,
            product if micros else none,
            valid if valid is None else np.broadcast_to(valid, words.shape),
            count.constant,
        )

    return run


for _name, _type, _months, _days, _micros, _shown in (
    ("to_millennia", INTEGER, 12_000, 0, 0, "2000 years"),
    ("to_centuries", INTEGER, 1_200, 0, 0, "200 years"),
    ("to_decades", INTEGER, 120, 0, 0, "20 years"),
    ("to_years", INTEGER, 12, 0, 0, "2 years"),
    ("to_quarters", INTEGER, 3, 0, 0, "6 months"),
    ("to_months", INTEGER, 1, 0, 0, "2 months"),
    ("to_weeks", INTEGER, 0, 7, 0, "14 days"),
    ("to_days", INTEGER, 0, 1, 0, "2 days"),
    ("to_hours", BIGINT, 0, 0, MICROS["hour"], "02:00:00"),
    ("to_minutes", BIGINT, 0, 0, MICROS["minute"], "00:02:00"),
    ("to_seconds", DOUBLE, 0, 0, MICROS["second"], "00:00:02"),
    ("to_milliseconds", DOUBLE, 0, 0, MICROS["millisecond"], "00:00:00.002"),
    ("to_microseconds", BIGINT, 0, 0, 1, "00:00:00.000002"),
):
    scalar(
        _name,
        resolver(_name, overload(_type, INTERVAL)),
        example=(f"{_name}(2)", _shown),
        summary=f"An interval of so many {_name.removeprefix('to_')}.",
    )(_interval_of(_months, _days, _micros))
