"""Dates as day numbers since 1970-01-01 in the proleptic Gregorian calendar, on whole arrays.

numpy's `datetime64` does the calendar: its units 'M' and 'D' are exactly the conversions needed. They cost
some 30 ns a value, so a batch whose days lie close together is looked up in a table of these days.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]

_WORTH_A_TABLE: Final = 4_096


def over_range(words: Words, compute: Callable[[Words], Words]) -> Words:
    """`compute(words)`, through a table of all whole numbers between the extremes if there are few of these."""
    if len(words) < _WORTH_A_TABLE:
        return compute(words.astype(np.int64))
    low, high = int(words.min()), int(words.max())
    if (high - low) * 4 > len(words):
        return compute(words.astype(np.int64))
    return compute(np.arange(low, high + 1)).take(words - low)


def month_index(days: Words) -> Words:
    """Months since January 1970 of the month in which each day lies."""
    return over_range(days, lambda each: each.astype("M8[D]").astype("M8[M]").astype(np.int64))


def month_start(months: Words) -> Words:
    """Day number of the first day of each month, given as months since January 1970."""
    return over_range(months, lambda each: each.astype("M8[M]").astype("M8[D]").astype(np.int64))


def add_months(days: Words, months: Words) -> Words:
    """The same day of the month `months` later; the month's last day where it has fewer days."""
    index = month_index(days)
    day_of_month = days - month_start(index)
    target = index + months
    start = month_start(target)
    length = month_start(target + 1) - start
    return np.asarray(start + np.minimum(day_of_month, length - 1))


def civil(days: Words) -> tuple[Words, Words, Words]:
    """(year, month 1-12, day 1-31) of each day number."""
    index = month_index(days)
    year = np.floor_divide(index, 12)
    return year + 1970, index - year * 12 + 1, days - month_start(index) + 1


def from_civil(year: Words, month: Words, day: Words) -> Words:
    """Day number of a date; the parts must be valid (see `days_in_month`)."""
    return month_start((year.astype(np.int64) - 1970) * 12 + month - 1) + day - 1


def days_in_month(year: Words, month: Words) -> Words:
    """Number of days of a month."""
    index = (year.astype(np.int64) - 1970) * 12 + month - 1
    return month_start(index + 1) - month_start(index)
