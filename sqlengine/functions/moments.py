"""Dates, times and timestamps taken apart into day numbers and microseconds of the day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import BindError, NotSupportedError, did_you_mean
from sqlengine.functions.calendar import over_range
from sqlengine.functions.intervals import MICROS_PER_DAY
from sqlengine.types import TypeKind
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]

# Every name of a part of a date or time that SQL understands, and the one name used inside.
PART_NAMES: Final[dict[str, str]] = {
    alias: name
    for name, aliases in {
        "millennium": ("millennia", "mil", "mils", "millenium"),
        "century": ("centuries", "cent", "c"),
        "decade": ("decades", "dec", "decs"),
        "year": ("years", "y", "yr", "yrs"),
        "quarter": ("quarters",),
        "month": ("months", "mon", "mons"),
        "week": ("weeks", "w", "weekofyear"),
        "day": ("days", "d", "dayofmonth"),
        "hour": ("hours", "h", "hr", "hrs"),
        "minute": ("minutes", "m", "min", "mins"),
        "second": ("seconds", "s", "sec", "secs"),
        "millisecond": ("milliseconds", "ms", "msec", "msecs"),
        "microsecond": ("microseconds", "us", "usec", "usecs"),
        "dow": ("dayofweek", "weekday"),
        "isodow": (),
        "doy": ("dayofyear",),
        "isoyear": (),
        "yearweek": (),
        "era": (),
        "epoch": (),
        "julian": (),
    }.items()
    for alias in (name, *aliases)
}

MICROS: Final[dict[str, int]] = {
    "microsecond": 1,
    "millisecond": 1_000,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
}

# Months in each part that is made of months.
MONTHS: Final[dict[str, int]] = {
    "month": 1,
    "quarter": 3,
    "year": 12,
    "decade": 120,
    "century": 1_200,
    "millennium": 12_000,
}


def part_name(text: str, function: str) -> str:
    """The canonical name of a part; BindError with the nearest ones if there is none."""
    name = PART_NAMES.get(text.lower().strip())
    if name is None:
        raise BindError(f"{function}: there is no date part {text!r}.{did_you_mean(text, PART_NAMES)}")
    return name


def constant_part(vector: Vector, function: str) -> str:
    """The part named by a constant VARCHAR argument."""
    if not vector.constant:
        raise NotSupportedError(f"{function} with a date part that varies by row; write the part as a literal")
    return part_name(str(vector.arrow()[0].as_py()), function)


def days_and_micros(vector: Vector) -> tuple[Words, Words]:
    """Day number since 1970-01-01 and microseconds of that day, int64, of a DATE, TIME or TIMESTAMP."""
    words = vector.values().astype(np.int64)
    match vector.type.kind:
        case TypeKind.DATE:
            return words, np.zeros(1, np.int64)
        case TypeKind.TIME:
            return np.zeros(1, np.int64), words
        case _:
            days = np.floor_divide(words, MICROS_PER_DAY)
            return days, words - days * MICROS_PER_DAY


def truncating_divide(words: Words, by: int) -> Words:
    """Integer division towards zero, as C and DuckDB divide."""
    quotient = np.abs(words) // by
    return np.where(words < 0, -quotient, quotient)


def year_of(days: Words) -> Words:
    """Calendar year of each day number."""
    return over_range(days, lambda each: each.astype("M8[D]").astype("M8[Y]").astype(np.int64) + 1970)


def day_of_year(days: Words) -> Words:
    """1 on the first of January."""
    return over_range(
        days, lambda each: each - each.astype("M8[D]").astype("M8[Y]").astype("M8[D]").astype(np.int64) + 1
    )


def weekday(days: Words, first: int) -> Words:
    """0-6, counted from the weekday `first` (0 = Sunday, 1 = Monday)."""
    number: Words = np.mod(days + 4 - first, 7)
    return number


def iso_week(days: Words) -> tuple[Words, Words]:
    """(year, week) of ISO 8601: week 1 is the one with the year's first Thursday."""
    thursday = days - weekday(days, 1) + 3
    year = year_of(thursday)
    first = (year - 1970).astype("M8[Y]").astype("M8[D]").astype(np.int64)
    return year, (thursday - first) // 7 + 1
