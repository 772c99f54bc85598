"""Constants in SQL text: numbers and intervals."""

from __future__ import annotations

import decimal
from typing import Any, Final

from sqlengine.errors import BindError, NotSupportedError
from sqlengine.planner.bind_parameter import integer_type
from sqlengine.planner.expressions import Literal
from sqlengine.types import BLOB, DOUBLE, INTERVAL, MAX_DECIMAL_PRECISION
from sqlengine.types import decimal as decimal_type

# Unit of an interval -> (months, days, nanoseconds).
UNITS: dict[str, tuple[int, int, int]] = {
    "millennium": (12_000, 0, 0),
    "century": (1200, 0, 0),
    "decade": (120, 0, 0),
    "year": (12, 0, 0),
    "quarter": (3, 0, 0),
    "month": (1, 0, 0),
    "week": (0, 7, 0),
    "day": (0, 1, 0),
    "hour": (0, 0, 3600 * 10**9),
    "minute": (0, 0, 60 * 10**9),
    "second": (0, 0, 10**9),
    "millisecond": (0, 0, 10**6),
    "microsecond": (0, 0, 10**3),
}

_SHORT_UNITS = {
    "y": "year",
    "yr": "year",
    "mon": "month",
    "w": "week",
    "d": "day",
    "h": "hour",
    "hr": "hour",
    "m": "minute",
    "min": "minute",
    "s": "second",
    "sec": "second",
    "ms": "millisecond",
    "msec": "millisecond",
    "us": "microsecond",
    "usec": "microsecond",
    "centuries": "century",
    "millennia": "millennium",
}

# Units that DuckDB counts in fractions; of all others it cuts the fraction off.
FRACTIONAL_UNITS: Final = ("second", "millisecond")


def number_literal(text: str) -> Literal:
    """A number as typed: INTEGER, BIGINT or HUGEINT; DECIMAL with a point; DOUBLE with an exponent.

    A DECIMAL has the digits as typed, as in DuckDB: 0.05 is DECIMAL(3,2), .5 is DECIMAL(1,1). More than 38 make a
    DOUBLE.

    Raises
    ------
    NotSupportedError
        A whole number of more than 38 digits.
    """
    text = text.replace("_", "")
    if "e" in text.lower():
        return Literal(float(text), DOUBLE)
    if "." in text:
        whole, fraction = text.split(".")
        precision = len(whole) + len(fraction)
        if precision > MAX_DECIMAL_PRECISION:
            return Literal(float(text), DOUBLE)
        return Literal(decimal.Decimal(text), decimal_type(precision, len(fraction)))
    value = int(text)
    if len(str(value)) > MAX_DECIMAL_PRECISION:
        raise NotSupportedError(f"the integer {text} has more than {MAX_DECIMAL_PRECISION} digits")
    return Literal(value, integer_type(value))


def blob_literal(digits: str) -> Literal:
    """The bytes of x'…'; BindError if the last one lacks a digit."""
    if len(digits) % 2:
        raise BindError(f"x'{digits}' has an odd number of digits: a byte has two")
    return Literal(bytes.fromhex(digits), BLOB)


def unit_name(word: str) -> str:
    """The canonical name of a unit of time: days, DAY, d -> day; BindError if there is none."""
    lowered = word.lower()
    for candidate in (lowered, lowered.removesuffix("s")):
        name = _SHORT_UNITS.get(candidate, candidate)
        if name in UNITS:
            return name
    raise BindError(f"there is no unit of time {word!r}; use one of {', '.join(UNITS)}")


def interval_literal(amount: str, unit: str) -> Literal:
    """INTERVAL of `amount` units. The value has Arrow's shape: (months, days, nanoseconds).

    Raises
    ------
    BindError
        The amount is no number.
    """
    import pyarrow as pa

    try:
        number = decimal.Decimal(amount.strip())
    except decimal.InvalidOperation:
        raise BindError(f"an interval of {amount!r} {unit}s: the amount must be a number") from None
    name = unit_name(unit)
    months, days, nanoseconds = UNITS[name]
    if name not in FRACTIONAL_UNITS:
        number = decimal.Decimal(int(number))
    # Microseconds are the finest there is.
    total = int(number * nanoseconds) // 1000 * 1000
    value: Any = pa.MonthDayNano([int(number * months), int(number * days), total])
    return Literal(value, INTERVAL)
