"""`date_trunc`, `date_diff`, `date_sub`, `date_add`, `last_day`: moving along the calendar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import NotSupportedError
from sqlengine.functions.calendar import add_months, month_index, month_start, over_range
from sqlengine.functions.date_parts import part_of
from sqlengine.functions.grouped import for_each_constant
from sqlengine.functions.intervals import MICROS_PER_DAY, interval_parts, make_intervals
from sqlengine.functions.moments import (
    MICROS,
    MONTHS,
    constant_part,
    days_and_micros,
    iso_week,
    part_name,
    truncating_divide,
    weekday,
    year_of,
)
from sqlengine.functions.overloads import on_local_time, overload, resolver
from sqlengine.functions.registry import Operand, Resolve, Signature, find_scalar, scalar
from sqlengine.functions.session import UTC, session_facts
from sqlengine.functions.validity import any_null_constant, null_vector, words_result
from sqlengine.types import BIGINT, DATE, INTERVAL, TIME, TIMESTAMP, TIMESTAMPTZ, VARCHAR, SqlType
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]

# Parts that are weeks, days or weekdays truncate to these days.
_DAY_PARTS: Final = frozenset({"day", "dow", "isodow", "doy", "julian"})


@scalar(
    "date_trunc",
    resolver(
        "date_trunc",
        overload(VARCHAR, DATE, TIMESTAMP),
        overload(VARCHAR, TIMESTAMP, TIMESTAMP),
        overload(VARCHAR, TIMESTAMPTZ, TIMESTAMPTZ),
        overload(VARCHAR, INTERVAL, INTERVAL),
    ),
    aliases=("datetrunc",),
    example=("date_trunc('month', TIMESTAMP '2020-02-29 13:04:05')", "2020-02-01 00:00:00"),
    summary="The start of the named unit in which a moment lies; an interval without its smaller units.",
)
@for_each_constant(0)
def _date_trunc(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """The start of the unit in which each moment lies; an interval loses its smaller units."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    part, moment = constant_part(arguments[0], "date_trunc"), arguments[1]
    if moment.type == INTERVAL:
        return _truncate_interval(part, moment)
    words = moment.values().astype(np.int64, copy=False)
    if part in MICROS and moment.type != DATE:
        return words_result(words // MICROS[part] * MICROS[part], arguments[1:], result)
    days = words if moment.type == DATE else words // MICROS_PER_DAY
    starts = over_range(days, lambda each: _truncate_days(part, each) * MICROS_PER_DAY)
    return words_result(starts, arguments[1:], result)


def _truncate_days(part: str, days: Words) -> Words:
    match part:
        case "week" | "yearweek":
            return days - weekday(days, 1)
        case "isoyear":
            return _iso_year_start(days)
        case "month" | "quarter" | "year":
            index = month_index(days)
            return month_start(index - np.mod(index, MONTHS[part]))
        case "decade" | "century" | "millennium":
            span = MONTHS[part] // 12
            year = truncating_divide(year_of(days), span) * span
            return (year - 1970).astype("M8[Y]").astype("M8[D]").astype(np.int64)
        case _:
            return days


def _iso_year_start(days: Words) -> Words:
    _, week = iso_week(days)
    start: Words = days - weekday(days, 1) - (week - 1) * 7
    return start


def _truncate_interval(part: str, interval: Vector) -> Vector:
    months, days, micros = interval_parts(interval)
    none = np.zeros(1, np.int64)
    if part in MICROS:
        micros = truncating_divide(micros, MICROS[part]) * MICROS[part]
    elif part in MONTHS:
        months, days, micros = truncating_divide(months, MONTHS[part]) * MONTHS[part], none, none
    elif part == "week":
        days, micros = truncating_divide(days, 7) * 7, none
    else:
        micros = none
    return make_intervals(months, days, micros, interval.valid(), interval.constant)


_PAIRS: Final = tuple(overload(VARCHAR, type_, type_, BIGINT) for type_ in (DATE, TIMESTAMP, TIMESTAMPTZ, TIME))


def _resolve_distance(name: str) -> Resolve:
    resolve = resolver(name, *_PAIRS)

    def in_zone(operands: Sequence[Operand]) -> Signature:
        signature = resolve(operands)
        literal = operands[0].literal
        part = part_name(literal, name) if isinstance(literal, str) else ""
        zone = session_facts().time_zone
        if TIMESTAMPTZ not in signature.arguments or zone == UTC:
            return signature
        if not part or (part == "hour" and name == "date_diff"):
            raise NotSupportedError(
                f"{name} in hours, or parts that vary by row, in the time zone {zone} is not supported"
            )
        # What is shorter than an hour, and time that passes, is the same on all clocks.
        return signature if part in MICROS or part == "epoch" else on_local_time(resolve)(operands)

    return in_zone


@scalar(
    "date_diff",
    _resolve_distance("date_diff"),
    aliases=("datediff",),
    example=("date_diff('month', DATE '2020-01-31', DATE '2020-03-01')", "2"),
    summary="How many boundaries of the named unit lie between two moments.",
)
@for_each_constant(0)
def _date_diff(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """How many boundaries of the unit lie between two moments."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    part = constant_part(arguments[0], "date_diff")
    if part in ("week", "yearweek"):
        # Weeks have no boundaries here: DuckDB counts whole sevens of days.
        (first_days, _), (last_days, _) = (days_and_micros(moment) for moment in arguments[1:])
        return words_result(truncating_divide(last_days - first_days, 7), arguments[1:], result)
    first, last = (_boundary_number(part, moment) for moment in arguments[1:])
    return words_result(last - first, arguments[1:], result)


def _boundary_number(part: str, moment: Vector) -> Words:
    """A count of the unit's boundaries up to each moment."""
    days, micros = days_and_micros(moment)
    if part in MICROS or part == "epoch":
        number: Words = np.floor_divide(days * MICROS_PER_DAY + micros, MICROS.get(part, MICROS["second"]))
        return number
    match part:
        case "isoyear":
            return iso_week(days)[0]
        case "month":
            return month_index(days)
        case "quarter":
            return np.floor_divide(month_index(days), 3)
        case "year" | "decade" | "century" | "millennium":
            return truncating_divide(year_of(days), MONTHS[part] // 12)
        case "era":
            return part_of("era", moment)
        case _:
            return days


@scalar(
    "date_sub",
    _resolve_distance("date_sub"),
    aliases=("datesub",),
    example=("date_sub('month', DATE '2020-01-31', DATE '2020-03-01')", "1"),
    summary="How many whole units lie between two moments.",
)
@for_each_constant(0)
def _date_sub(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """How many whole units lie between two moments."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    part = constant_part(arguments[0], "date_sub")
    (first_days, first_micros), (last_days, last_micros) = (days_and_micros(moment) for moment in arguments[1:])
    if part in MONTHS or part == "isoyear":
        whole = _whole_months(first_days, first_micros, last_days, last_micros)
        return words_result(truncating_divide(whole, MONTHS.get(part, 12)), arguments[1:], result)
    elapsed = (last_days - first_days) * MICROS_PER_DAY + last_micros - first_micros
    size = MICROS.get(part, MICROS_PER_DAY * (7 if part in ("week", "yearweek") else 1))
    if part == "epoch":
        size = MICROS["second"]
    return words_result(truncating_divide(elapsed, size), arguments[1:], result)


def _whole_months(first_days: Words, first_micros: Words, last_days: Words, last_micros: Words) -> Words:
    first_days, first_micros, last_days, last_micros = np.broadcast_arrays(
        first_days, first_micros, last_days, last_micros
    )
    backwards = (first_days > last_days) | ((first_days == last_days) & (first_micros > last_micros))
    start_days = np.where(backwards, last_days, first_days)
    start_micros = np.where(backwards, last_micros, first_micros)
    end_days = np.where(backwards, first_days, last_days)
    end_micros = np.where(backwards, first_micros, last_micros)
    months = month_index(end_days) - month_index(start_days)
    reached = add_months(start_days, months)
    too_far = (reached > end_days) | ((reached == end_days) & (start_micros > end_micros))
    months = months - too_far
    signed: Words = np.where(backwards, -months, months)
    return signed


@scalar(
    "date_add",
    resolver(
        "date_add",
        overload(DATE, INTERVAL, TIMESTAMP),
        overload(TIMESTAMP, INTERVAL, TIMESTAMP),
        overload(TIMESTAMPTZ, INTERVAL, TIMESTAMPTZ),
    ),
    example=("date_add(DATE '2020-01-31', INTERVAL 1 MONTH)", "2020-02-29 00:00:00"),
    summary="A date or timestamp moved by an interval.",
)
def _date_add(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """The same as `+`."""
    plus = find_scalar("+")
    assert plus is not None
    return plus.run(arguments, result)


@scalar(
    "last_day",
    on_local_time(resolver("last_day", overload(DATE, DATE), overload(TIMESTAMP, DATE), overload(TIMESTAMPTZ, DATE))),
    example=("last_day(DATE '2020-02-03')", "2020-02-29"),
    summary="The last day of the month.",
)
def _last_day(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """The last day of the month."""
    days, _ = days_and_micros(arguments[0])
    return words_result((month_start(month_index(days) + 1) - 1).astype(np.int32), arguments, result)


@scalar(
    "age",
    on_local_time(
        resolver("age", overload(TIMESTAMP, TIMESTAMP, INTERVAL), overload(TIMESTAMPTZ, TIMESTAMPTZ, INTERVAL))
    ),
    example=("age(TIMESTAMP '2020-03-01', TIMESTAMP '2019-01-31')", "1 year 1 month 1 day"),
    summary="The first moment less the second, in years, months, days and time.",
)
def _age(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """The first moment less the second in months, days and time."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    (end_days, end_micros), (start_days, start_micros) = (days_and_micros(moment) for moment in arguments)
    end_days, end_micros, start_days, start_micros = np.broadcast_arrays(end_days, end_micros, start_days, start_micros)
    backwards = (start_days > end_days) | ((start_days == end_days) & (start_micros > end_micros))
    sign = np.where(backwards, -1, 1)
    first = np.where(backwards, end_days, start_days)
    last = np.where(backwards, start_days, end_days)
    time = np.where(backwards, start_micros - end_micros, end_micros - start_micros)
    # Fields are subtracted one by one; a negative one borrows from the next: days of the earlier month.
    months = month_index(last) - month_index(first)
    days = (last - month_start(month_index(last))) - (first - month_start(month_index(first)))
    borrow = time < 0
    time, days = time + borrow * MICROS_PER_DAY, days - borrow
    short = days < 0
    index = month_index(first)
    days, months = days + short * (month_start(index + 1) - month_start(index)), months - short
    valid = None
    for moment in arguments:
        mask = moment.valid()
        if mask is not None:
            valid = mask if valid is None else valid & mask
    constant = all(moment.constant for moment in arguments)
    return make_intervals(months * sign, days * sign, time * sign, valid, constant)
