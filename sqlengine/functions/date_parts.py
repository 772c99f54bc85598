"""Parts of dates, times and intervals: `date_part`, `EXTRACT`, `year(…)`, `epoch(…)` and their like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import BindError
from sqlengine.functions.calendar import month_index, month_start
from sqlengine.functions.intervals import DAYS_PER_MONTH, MICROS_PER_DAY, interval_parts
from sqlengine.functions.moments import (
    MICROS,
    MONTHS,
    PART_NAMES,
    constant_part,
    day_of_year,
    days_and_micros,
    iso_week,
    part_name,
    truncating_divide,
    weekday,
    year_of,
)
from sqlengine.functions.overloads import on_local_time, overload, resolver
from sqlengine.functions.registry import Operand, Signature, scalar
from sqlengine.functions.validity import any_null_constant, null_vector, words_result
from sqlengine.types import BIGINT, DATE, DOUBLE, INTERVAL, TIME, TIMESTAMP, TIMESTAMPTZ, VARCHAR, SqlType, TypeKind
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]

_MICROS_PER_MINUTE: Final = MICROS["minute"]
# Parts with a fraction; all others are whole.
_FRACTIONAL: Final = frozenset({"epoch", "julian"})
_OF_TIME: Final = frozenset({*MICROS, "epoch"})
_OF_INTERVAL: Final = frozenset({*MICROS, *MONTHS, "day", "epoch"})
_SECONDS_PER_YEAR: Final = 31_557_600  # 365.25 days, as PostgreSQL and DuckDB count the years of an interval


def part_of(part: str, vector: Vector) -> Words:
    """One part of every value of a DATE, TIME, TIMESTAMP or INTERVAL; int64, or float64 for epoch and julian."""
    if vector.type.kind is TypeKind.INTERVAL:
        return _part_of_interval(part, vector)
    days, micros = days_and_micros(vector)
    match part:
        case "epoch":
            seconds: Words = (days * MICROS_PER_DAY + micros) / 1e6
            return seconds
        case "hour":
            return micros // MICROS["hour"]
        case "minute":
            return micros // _MICROS_PER_MINUTE % 60
        case "second" | "millisecond" | "microsecond":
            # The seconds are part of both smaller units: 7.5 s has 7500 milliseconds.
            return micros % _MICROS_PER_MINUTE // MICROS[part]
        case "year":
            return year_of(days)
        case "month":
            return np.mod(month_index(days), 12) + 1
        case "day":
            return days - month_start(month_index(days)) + 1
        case "quarter":
            return np.mod(month_index(days), 12) // 3 + 1
        case "dow":
            return weekday(days, 0)
        case "isodow":
            return weekday(days, 1) + 1
        case "doy":
            return day_of_year(days)
        case "week":
            return iso_week(days)[1]
        case "isoyear":
            return iso_week(days)[0]
        case "yearweek":
            year, week = iso_week(days)
            return year * 100 + np.where(year > 0, week, -week)
        case "decade":
            return truncating_divide(year_of(days), 10)
        case "century" | "millennium":
            span = MONTHS[part] // 12
            year = year_of(days)
            number: Words = np.where(year > 0, (year - 1) // span + 1, truncating_divide(year, span) - 1)
            return number
        case "era":
            return (year_of(days) > 0).astype(np.int64)
        case _:
            julian: Words = days + 2_440_588 + micros / MICROS_PER_DAY
            return julian


def _part_of_interval(part: str, vector: Vector) -> Words:
    months, days, micros = interval_parts(vector)
    match part:
        case "epoch":
            years = truncating_divide(months, 12)
            rest = (months - years * 12) * DAYS_PER_MONTH + days
            return np.asarray(years * float(_SECONDS_PER_YEAR) + rest * 86_400.0 + micros / 1e6)
        case "day":
            return days
        case "month":
            return np.fmod(months, 12)
        case "quarter":
            return truncating_divide(np.fmod(months, 12), 3) + 1
        case "hour":
            return truncating_divide(micros, MICROS["hour"])
        case "minute":
            return truncating_divide(np.fmod(micros, MICROS["hour"]), _MICROS_PER_MINUTE)
        case "second" | "millisecond" | "microsecond":
            return truncating_divide(np.fmod(micros, _MICROS_PER_MINUTE), MICROS[part])
        case _:
            return truncating_divide(months, MONTHS[part])


def _takes(part: str) -> tuple[SqlType, ...]:
    """The types that have the part."""
    types: tuple[SqlType, ...] = (DATE, TIMESTAMP, TIMESTAMPTZ)
    if part in _OF_TIME:
        types += (TIME,)
    return (*types, INTERVAL) if part in _OF_INTERVAL else types


def _result(part: str) -> SqlType:
    return DOUBLE if part in _FRACTIONAL else BIGINT


def _resolve_date_part(operands: Sequence[Operand]) -> Signature:
    if len(operands) != 2 or operands[0].type != VARCHAR:
        raise BindError("date_part takes the name of a part and a date, time, timestamp or interval")
    # A part that is not a literal is refused when it runs; its result would be BIGINT.
    literal = operands[0].literal
    part = part_name(literal, "date_part") if isinstance(literal, str) else "year"
    overloads = [overload(VARCHAR, type_, _result(part)) for type_ in _takes(part)]
    resolve = resolver("date_part", *overloads)
    # The seconds since 1970 are the same on all clocks.
    return resolve(operands) if part == "epoch" else on_local_time(resolve)(operands)


@scalar(
    "date_part",
    _resolve_date_part,
    aliases=("datepart",),
    example=("date_part('year', DATE '2020-02-29')", "2020"),
    summary="The named part of a date, time, timestamp or interval; also written EXTRACT(part FROM value).",
)
def _date_part(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """The named part; EXTRACT is written as this."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    part = constant_part(arguments[0], "date_part")
    return words_result(part_of(part, arguments[1]), arguments[1:], result)


# What parts are whose names do not say it.
_MEANINGS: Final = {
    "dow": "weekday (0 is Sunday)",
    "isodow": "weekday (1 is Monday, 7 is Sunday)",
    "doy": "day of the year",
    "week": "ISO week",
    "isoyear": "year of the ISO week",
    "yearweek": "year and number of the ISO week (202009)",
    "era": "era (1 AD, 0 BC)",
    "epoch": "seconds since 1970 (of an interval: its length in seconds)",
    "julian": "Julian day",
    "millisecond": "seconds within the minute, in milliseconds,",
    "microsecond": "seconds within the minute, in microseconds,",
}


def _register(part: str, names: Sequence[str], example: tuple[str, str]) -> None:
    resolve = resolver(names[0], *(overload(type_, _result(part)) for type_ in _takes(part)))

    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        return words_result(part_of(part, arguments[0]), arguments, result)

    if part != "epoch":
        resolve = on_local_time(resolve)
    summary = f"The {_MEANINGS.get(part, part)} of a date, timestamp, time or interval."
    scalar(names[0], resolve, aliases=names[1:], example=example, summary=summary)(run)


def _names(part: str) -> list[str]:
    """The function names of a part: its aliases that are words of SQL."""
    spelled = {"dow": ("dayofweek", "weekday"), "doy": ("dayofyear",), "week": ("week", "weekofyear")}
    spelled["day"] = ("day", "dayofmonth")
    for each in ("millisecond", "microsecond"):
        spelled[each] = (each,)
    return list(spelled.get(part, (part,)))


_EXAMPLES: Final = {
    "millennium": "3", "century": "21", "decade": "202", "year": "2020", "quarter": "1", "month": "2", "week": "9",
    "day": "29", "hour": "13", "minute": "4", "second": "5", "millisecond": "5500", "microsecond": "5500000",
    "dow": "6", "isodow": "6", "doy": "60", "isoyear": "2020", "yearweek": "202009", "era": "1",
    "epoch": "1582981445.5", "julian": "2458909.544508102",
}  # fmt: skip

for _part in dict.fromkeys(PART_NAMES.values()):
    _spelled = _names(_part)
    _register(_part, _spelled, (f"{_spelled[0]}(TIMESTAMP '2020-02-29 13:04:05.5')", _EXAMPLES[_part]))


def _epoch_in(unit: int) -> Callable[[Sequence[Vector], SqlType], Vector]:
    """Units of `unit` nanoseconds since 1970, rounded to the nearest."""

    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        if arguments[0].type == INTERVAL:
            months, days, micros = interval_parts(arguments[0])
            days = months * DAYS_PER_MONTH + days
        else:
            days, micros = days_and_micros(arguments[0])
        total = days * MICROS_PER_DAY + micros
        if unit >= 1_000_000:
            return words_result((total + unit // 2_000) // (unit // 1_000), arguments, result)
        return words_result(total * (1_000 // unit), arguments, result)

    return run


def _epoch_ms(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if arguments[0].type == BIGINT:
        return words_result(arguments[0].values() * 1000, arguments, result)
    return _epoch_in(1_000_000)(arguments, result)


_MOMENTS: Final = tuple(overload(each, BIGINT) for each in (DATE, TIMESTAMP, TIMESTAMPTZ, TIME, INTERVAL))
scalar(
    "epoch_ms",
    resolver("epoch_ms", *_MOMENTS, overload(BIGINT, TIMESTAMP)),
    example=("epoch_ms(TIMESTAMP '1970-01-01 00:00:01.5')", "1500"),
    summary="Milliseconds since 1970, or the timestamp of so many.",
)(_epoch_ms)
for _name, _unit, _shown, _long in (
    ("epoch_us", 1_000, "1500000", "Microseconds"),
    ("epoch_ns", 1, "1500000000", "Nanoseconds"),
):
    scalar(
        _name,
        resolver(_name, *_MOMENTS),
        example=(f"{_name}(TIMESTAMP '1970-01-01 00:00:01.5')", _shown),
        summary=f"{_long} since 1970.",
    )(_epoch_in(_unit))
