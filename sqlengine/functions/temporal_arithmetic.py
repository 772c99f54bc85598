"""Arithmetic on DATE, TIME, TIMESTAMP and INTERVAL, as DuckDB does it.

Adding an interval to a date or timestamp adds its months first, clamped to the last day of the month,
then its days, then its microseconds. The difference of timestamps is in days and time, never in months.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import DivisionByZeroError, OutOfRangeError
from sqlengine.functions.calendar import add_months
from sqlengine.functions.intervals import MICROS_PER_DAY, MICROS_PER_SECOND, interval_parts, make_intervals
from sqlengine.functions.validity import all_constant, any_null_constant, combined_valid, null_vector, words_result
from sqlengine.types import DATE, INTERVAL, TIMESTAMP, SqlType, TypeKind
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]
    Mask = NDArray[np.bool_]

_INT64_MAX: Final = 2**63 - 1
# DuckDB's range of dates: 5877642-06-25 (BC) to 5881580-07-10; the ends beyond mean infinity.
_DATE_LIMIT: Final = 2**31 - 2


def add(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """`+` where an argument is a date, time, timestamp or interval."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    left, right = arguments
    if TypeKind.INTERVAL not in (right.type.kind, left.type.kind):
        if result.kind is TypeKind.DATE:
            return _dates(left.values().astype(np.int64) + right.values(), arguments)
        date, time = (left, right) if left.type.kind is TypeKind.DATE else (right, left)
        return _timestamps(date.values().astype(np.int64), time.values(), arguments, result)
    if result.kind is TypeKind.INTERVAL:
        return _intervals(arguments, 1)
    moment, interval = (left, right) if right.type.kind is TypeKind.INTERVAL else (right, left)
    return _shift(moment, interval, 1, arguments, result)


def subtract(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """`-` where an argument is a date, time, timestamp or interval."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    left, right = arguments
    match result.kind:
        case TypeKind.BIGINT:
            return words_result(left.values().astype(np.int64) - right.values(), arguments, result)
        case TypeKind.INTERVAL if left.type.kind is TypeKind.INTERVAL:
            return _intervals(arguments, -1)
        case TypeKind.INTERVAL:
            return _difference(arguments)
        case TypeKind.DATE:
            return _dates(left.values().astype(np.int64) - right.values(), arguments)
        case _:
            return _shift(left, right, -1, arguments, result)


def multiply(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """INTERVAL times a number; a fraction of a month becomes days, a fraction of a day time."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    interval, factor = arguments if arguments[0].type == INTERVAL else reversed(arguments)
    valid = combined_valid(arguments)
    if factor.type.is_float:
        return _times_float(interval, factor.values(), valid, all_constant(arguments), "multiplication")
    months, days, micros = interval_parts(interval)
    by = factor.values()
    _refuse_beyond(micros.astype(np.float64) * by, _INT64_MAX, valid, "Overflow in multiplication of INTERVAL.")
    _refuse_beyond(
        np.maximum(np.abs(months), np.abs(days)) * by.astype(np.float64),
        2**31,
        valid,
        "Overflow in multiplication of INTERVAL.",
    )
    return make_intervals(months * by, days * by, micros * by, valid, all_constant(arguments))


def divide(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """INTERVAL divided by a number; DivisionByZeroError for 0."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    interval, divisor = arguments
    valid = combined_valid(arguments)
    zero = divisor.values() == 0 if valid is None else (divisor.values() == 0) & valid
    if zero.any():
        raise DivisionByZeroError("Division of an INTERVAL by zero; divide by nullif(divisor, 0) to get NULL instead")
    with np.errstate(all="ignore"):
        factor = 1.0 / divisor.values()
    return _times_float(interval, factor, valid, all_constant(arguments), "division")


def negate(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """INTERVAL with each part negated."""
    months, days, micros = interval_parts(arguments[0])
    return make_intervals(-months, -days, -micros, arguments[0].valid(), arguments[0].constant)


def _intervals(arguments: Sequence[Vector], sign: int) -> Vector:
    left, right = (interval_parts(argument) for argument in arguments)
    months, days, micros = (a + sign * b for a, b in zip(left, right, strict=True))
    return make_intervals(months, days, micros, combined_valid(arguments), all_constant(arguments))


def _difference(arguments: Sequence[Vector]) -> Vector:
    left, right = (argument.values() for argument in arguments)
    valid = combined_valid(arguments)
    micros = left - right
    if len(micros) and not (_fits(left.max(), right.min()) and _fits(left.min(), right.max())):
        # What wraps around has another sign than its first term, whose sign is not that of the second.
        wrapped = ((left ^ right) & (left ^ micros)) < 0
        if wrapped.any() and (valid is None or (wrapped & valid).any()):
            raise OutOfRangeError("Timestamp difference is out of bounds")
    days = micros // MICROS_PER_DAY
    micros -= days * MICROS_PER_DAY
    if len(days) and days.min() < 0:
        # Days and time have the same sign.
        early = (days < 0) & (micros > 0)
        days += early
        micros -= early * MICROS_PER_DAY
    return make_intervals(np.zeros(1, np.int64), days, micros, valid, all_constant(arguments))


def _fits(left: np.int64, right: np.int64) -> bool:
    """Whether a difference is an int64."""
    return -_INT64_MAX - 1 <= int(left) - int(right) <= _INT64_MAX


def _shift(moment: Vector, interval: Vector, sign: int, arguments: Sequence[Vector], result: SqlType) -> Vector:
    months, days, micros = (sign * part for part in interval_parts(interval))
    words = moment.values()
    if moment.type.kind is TypeKind.TIME:
        # Only the time of day moves, around the clock.
        return words_result(np.mod(words + np.fmod(micros, MICROS_PER_DAY), MICROS_PER_DAY), arguments, result)
    if moment.type.kind is TypeKind.DATE:
        date, time = words.astype(np.int64), np.zeros(1, np.int64)
    else:
        date = np.floor_divide(words, MICROS_PER_DAY)
        time = words - date * MICROS_PER_DAY
    if months.any():
        date = add_months(date, months)
    return _timestamps(date + days, time + micros, arguments, result)


def _dates(days: Words, arguments: Sequence[Vector]) -> Vector:
    valid = combined_valid(arguments)
    _refuse_beyond(days.astype(np.float64), _DATE_LIMIT + 1, valid, "Date out of range")
    return words_result(days.astype(np.int32), arguments, DATE, valid)


def _timestamps(days: Words, micros: Words, arguments: Sequence[Vector], result: SqlType) -> Vector:
    valid = combined_valid(arguments)
    total = days.astype(np.float64) * MICROS_PER_DAY + micros
    _refuse_beyond(total, _INT64_MAX, valid, "Timestamp out of range")
    return words_result(days * MICROS_PER_DAY + micros, arguments, result if result.is_timestamp else TIMESTAMP, valid)


def _times_float(interval: Vector, factor: Words, valid: Mask | None, constant: bool, noun: str) -> Vector:
    """Cascade of fractions from months to days to seconds.

    References
    ----------
    PostgreSQL, `src/backend/utils/adt/timestamp.c`, `interval_mul`.
    """
    months, days, micros = interval_parts(interval)
    message = f"Overflow in {noun} of INTERVAL."
    with np.errstate(all="ignore"):
        exact_months, exact_days = months * factor, days * factor
        exact_micros = micros * factor
    for exact, limit in ((exact_months, 2**31), (exact_days, 2**31), (exact_micros, _INT64_MAX)):
        _refuse_beyond(exact, limit, valid, message)
    with np.errstate(all="ignore"):
        whole_months, whole_days = np.trunc(exact_months), np.trunc(exact_days)
        month_rest = _round_to_micros((exact_months - whole_months) * 30)
        day_carry = np.trunc(month_rest)
        seconds = _round_to_micros((exact_days - whole_days + month_rest - day_carry) * 86_400)
        full_days = np.where(np.abs(seconds) >= 86_400, np.trunc(seconds / 86_400), 0)
        seconds = seconds - full_days * 86_400
        months, days, micros = (
            np.nan_to_num(part).astype(np.int64)
            for part in (
                whole_months,
                whole_days + full_days + day_carry,
                np.rint(exact_micros + seconds * MICROS_PER_SECOND),
            )
        )
    return make_intervals(months, days, micros, valid, constant)


def _round_to_micros(values: Words) -> Words:
    return np.asarray(np.rint(values * MICROS_PER_SECOND) / MICROS_PER_SECOND)


def _refuse_beyond(exact: Words, limit: int, valid: Mask | None, message: str) -> None:
    """OutOfRangeError if the magnitude of a value (in floating point) reaches `limit` or is NaN."""
    unfit = ~(np.abs(exact) < limit)
    if unfit.any() and (valid is None or (unfit & valid).any()):
        raise OutOfRangeError(message)
