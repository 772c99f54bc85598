"""What a text says as a value of a type: one text at a time, as DuckDB reads it."""

from __future__ import annotations

import datetime
import decimal
import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from sqlengine.errors import ConversionError, NotSupportedError
from sqlengine.functions.calendar import days_in_month, from_civil
from sqlengine.functions.decimals import EXACT, largest_unscaled, scaled
from sqlengine.functions.integers import storage_name
from sqlengine.functions.intervals import DAYS_PER_MONTH, MICROS_PER_DAY, MICROS_PER_SECOND
from sqlengine.functions.special_text import SPECIAL_KINDS, special_parser
from sqlengine.functions.temporal_casts import ticks_per_second
from sqlengine.types import INTEGER_KINDS, TIMESTAMP, SqlType, TypeKind, integer_range

Parser = Callable[[str], Any]

_TRUE: Final = frozenset({"true", "t", "yes", "y", "1"})
_FALSE: Final = frozenset({"false", "f", "no", "n", "0"})

_NUMBER: Final = re.compile(r"[+-]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][+-]?\d+)?", re.ASCII)
_HEX: Final = re.compile(r"([+-]?)0[xX]([0-9a-fA-F]+)", re.ASCII)
_DATE: Final = re.compile(r"\s*(-?\d+)([-/ ])(\d{1,2})\2(\d{1,2})( \(BC\))?", re.ASCII)
# What stands behind a sign may be missing, as in DuckDB: `10:`, `10:30:15.`
_TIME: Final = re.compile(r"(\d{1,2}):(?:(\d{1,2})(?::(?:(\d{1,2})(?:\.(\d*))?)?)?)?", re.ASCII)
_ZONE: Final = re.compile(r"\s*(?:(Z|UTC|[Uu]tc)|([+-])(\d{1,2})(?::?(\d{2})(?::?(\d{2}))?)?)?\s*", re.ASCII)
_INFINITE: Final = re.compile(r"-?inf(inity)?", re.IGNORECASE)
_NAMED_ZONE: Final = re.compile(r" [A-Za-z_]+(/[A-Za-z_]+)*\s*", re.ASCII)
_INTERVAL_PART: Final = re.compile(r"\s*([+-]?)\s*(\d+)(?:\.(\d*))?\s*([a-zA-Z]+)?", re.ASCII)
_INTERVAL_CLOCK: Final = re.compile(r"\s*([+-]?)(\d+):(\d{1,2})(?::(\d{1,2})(?:\.(\d+))?)?", re.ASCII)

# Months, days and microseconds of one unit of an interval.
_UNITS: Final[dict[str, tuple[int, int, int]]] = {
    "millennium": (12_000, 0, 0),
    "century": (1_200, 0, 0),
    "decade": (120, 0, 0),
    "year": (12, 0, 0),
    "quarter": (3, 0, 0),
    "month": (1, 0, 0),
    "week": (0, 7, 0),
    "day": (0, 1, 0),
    "hour": (0, 0, 3_600 * MICROS_PER_SECOND),
    "minute": (0, 0, 60 * MICROS_PER_SECOND),
    "second": (0, 0, MICROS_PER_SECOND),
    "millisecond": (0, 0, 1_000),
    "microsecond": (0, 0, 1),
}
_UNIT_NAMES: Final[dict[str, str]] = {
    **{name: name for name in _UNITS},
    **{f"{name}s": name for name in _UNITS},
    **dict.fromkeys(("millennia", "mil", "mils"), "millennium"),
    **dict.fromkeys(("centuries", "cent", "c"), "century"),
    **dict.fromkeys(("dec", "decs"), "decade"),
    **dict.fromkeys(("yr", "yrs", "y"), "year"),
    **dict.fromkeys(("mon", "mons"), "month"),
    **dict.fromkeys(("w",), "week"),
    **dict.fromkeys(("d",), "day"),
    **dict.fromkeys(("hr", "hrs", "h"), "hour"),
    **dict.fromkeys(("min", "mins", "m"), "minute"),
    **dict.fromkeys(("sec", "secs", "s"), "second"),
    **dict.fromkeys(("msec", "msecs", "ms"), "millisecond"),
    **dict.fromkeys(("usec", "usecs", "us"), "microsecond"),
}


def parser_for(target: SqlType) -> Parser:
    """A function from text to the Python value that Arrow takes for `target`, the word for dates and times.

    None stays None; the function raises ConversionError.
    """
    parse = _parser(target)
    return lambda text: None if text is None else parse(text)


def unit_name(text: str) -> str | None:
    """The full name of an interval's unit (`hrs` -> `hour`), None if it is none."""
    return _UNIT_NAMES.get(text.lower())


def _parser(target: SqlType) -> Parser:
    match target.kind:
        case TypeKind.BOOLEAN:
            return _parse_boolean
        case TypeKind.FLOAT | TypeKind.DOUBLE:
            return lambda text: _parse_float(text, target)
        case TypeKind.DECIMAL:
            return lambda text: _parse_decimal(text, target)
        case TypeKind.DATE:
            return _parse_date
        case TypeKind.TIME:
            return _parse_time
        case TypeKind.INTERVAL:
            return _parse_interval
        case kind if kind in SPECIAL_KINDS:
            return special_parser(target)
        case kind if kind in INTEGER_KINDS:
            return lambda text: _parse_integer(text, target)
        case _ if target.is_timestamp:
            return lambda text: _parse_timestamp(text, target)
        case _:
            raise ConversionError(f"Unimplemented type for cast (VARCHAR -> {target})")


def _parse_boolean(text: str) -> bool:
    folded = text.lower()
    if folded in _TRUE:
        return True
    if folded in _FALSE:
        return False
    raise ConversionError(f"Could not convert string '{text}' to BOOL")


def _parse_integer(text: str, target: SqlType) -> Any:
    failure = ConversionError(f"Could not convert string '{text}' to {storage_name(target)}")
    stripped = text.strip()
    hexadecimal = _HEX.fullmatch(stripped)
    if hexadecimal:
        value = int(hexadecimal[2], 16) * (-1 if hexadecimal[1] == "-" else 1)
    else:
        value = _rounded(stripped, 0, failure)
    low, high = integer_range(target.kind)
    # Below zero there is only -0 for an unsigned type, not even -0.4.
    if not low <= value <= high or (low == 0 and stripped.startswith("-") and stripped.strip("-0")):
        raise failure
    return decimal.Decimal(value) if target.is_unscaled else value


def _parse_decimal(text: str, target: SqlType) -> decimal.Decimal:
    failure = ConversionError(f'Could not convert string "{text}" to {target}')
    value = _rounded(text.strip(), target.scale, failure)
    if abs(value) > largest_unscaled(target):
        raise failure
    return scaled(value, target.scale)


def _rounded(text: str, scale: int, failure: ConversionError) -> int:
    """The number `text` times 10**scale, rounded half away from zero."""
    if not _NUMBER.fullmatch(text):
        raise failure
    number = decimal.Decimal(text.replace("_", ""))
    # No type holds more digits; a huge exponent must not cost memory.
    if number.adjusted() + scale > 80:
        raise failure
    if number.adjusted() + scale < -1:
        return 0
    return int(number.scaleb(scale, EXACT).to_integral_value(decimal.ROUND_HALF_UP))


def _parse_float(text: str, target: SqlType) -> float:
    try:
        if not text.isascii():
            raise ValueError
        value = float(text)
    except ValueError:
        raise ConversionError(f"Could not convert string '{text}' to {target}") from None
    return value


def _parse_date(text: str) -> int:
    wrong = f'invalid date field format: "{text}", expected format is (YYYY-MM-DD)'
    if text.strip().lower() == "epoch":
        return 0
    _refuse_infinite(text)
    match = _DATE.match(text)
    if match is None:
        raise ConversionError(wrong)
    days = _days_of(match, text, "date")
    rest = text[match.end() :]
    if rest.strip():
        # A time may follow, but nothing that is none.
        try:
            _parse_timestamp(text, TIMESTAMP)
        except ConversionError:
            raise ConversionError(wrong) from None
    return days


def _refuse_infinite(text: str) -> None:
    if _INFINITE.fullmatch(text):
        raise NotSupportedError(f"infinite dates and timestamps are not supported: '{text}'")


def _parse_time(text: str) -> int:
    wrong = f'time field value out of range: "{text}", expected format is ([YYYY-MM-DD ]HH:MM:SS[.MS])'
    stripped = text.strip()
    if stripped.lower() == "epoch":
        return 0
    date = _DATE.match(stripped)
    if date is not None:
        # The date must be one, though it does not count.
        try:
            _parse_timestamp(text, TIMESTAMP)
        except ConversionError:
            raise ConversionError(wrong) from None
        stripped = stripped[date.end() :].lstrip(" T") or "00:00"
    match = _TIME.match(stripped)
    if match is None or _ZONE.fullmatch(stripped[match.end() :]) is None:
        raise ConversionError(wrong)
    return _ticks_of(match, MICROS_PER_SECOND, wrong)


def _parse_timestamp(text: str, target: SqlType) -> int:
    wrong = (
        f'invalid timestamp field format: "{text}", expected format is'
        " (YYYY-MM-DD HH:MM[:SS[.US]][±HH[:MM[:SS]]| ZONE])"
    )
    if text.strip().lower() == "epoch":
        return 0
    _refuse_infinite(text)
    match = _DATE.match(text)
    if match is None:
        raise ConversionError(wrong)
    # Fractions are cut off at the microsecond (nanosecond), then rounded to the coarser units.
    wanted = ticks_per_second(target)
    per_second = max(wanted, MICROS_PER_SECOND)
    ticks = _days_of(match, text, "timestamp") * 86_400 * per_second
    rest = text[match.end() :]
    if rest:
        time = _TIME.match(rest[1:].lstrip(" "))
        if rest[0] not in " T" or time is None:
            raise ConversionError(wrong)
        ticks += _ticks_of(time, per_second, f'timestamp field value out of range: "{text}"')
        offset = _offset_seconds(rest[1:].lstrip(" ")[time.end() :], target, text, wrong)
        if target.kind is TypeKind.TIMESTAMPTZ:
            ticks -= offset * per_second
    divisor = per_second // wanted
    if divisor > 1:
        ticks = (abs(ticks) + divisor // 2) // divisor * (-1 if ticks < 0 else 1)
    if not -(2**63) < ticks < 2**63 - 1:
        raise ConversionError(f'timestamp field value out of range: "{text}"')
    return ticks


def _offset_seconds(text: str, target: SqlType, whole: str, wrong: str) -> int:
    zone = _ZONE.fullmatch(text)
    if zone is None:
        if _NAMED_ZONE.fullmatch(text) is None:
            raise ConversionError(wrong)
        if target.kind is TypeKind.TIMESTAMPTZ:
            raise NotSupportedError(f'time zone names other than UTC are not supported: "{whole}"; write an offset')
        return 0
    if zone[3] is None:
        return 0
    seconds = int(zone[3]) * 3600 + int(zone[4] or 0) * 60 + int(zone[5] or 0)
    return -seconds if zone[2] == "-" else seconds


def _days_of(match: re.Match[str], text: str, what: str) -> int:
    year, month, day = int(match[1]), int(match[3]), int(match[4])
    if match[5]:
        year = 1 - year
    if 1 <= year <= 9999:
        try:
            return datetime.date(year, month, day).toordinal() - 719_163
        except ValueError:
            raise ConversionError(f'{what} field value out of range: "{text}"') from None
    if abs(year) < 5_900_000 and 1 <= month <= 12:
        parts = np.array([year]), np.array([month]), np.array([day])
        days = int(from_civil(*parts)[0])
        if 1 <= day <= int(days_in_month(*parts[:2])[0]) and abs(days) < 2**31 - 1:
            return days
    raise ConversionError(f'{what} field value out of range: "{text}"')


def _ticks_of(match: re.Match[str], per_second: int, wrong: str) -> int:
    hour, minute, second = int(match[1]), int(match[2] or 0), int(match[3] or 0)
    ticks = ((hour * 60 + minute) * 60 + second) * per_second
    if match[4]:
        digits = len(str(per_second)) - 1
        ticks += int(match[4][:digits].ljust(digits, "0"))
    if minute > 59 or second > 59 or ticks > 86_400 * per_second:
        raise ConversionError(wrong)
    return ticks


def _parse_interval(text: str) -> tuple[int, int, int]:
    failure = ConversionError(f"Could not convert string '{text}' to INTERVAL")
    rest = text.strip()
    if rest.startswith("@"):
        rest = rest[1:]
    ago = rest.lower().endswith("ago")
    if ago:
        rest = rest[:-3].rstrip()
    months = days = micros = 0
    position = 0
    while position < len(rest):
        match = _INTERVAL_CLOCK.match(rest, position)
        if match is not None:
            micros += _clock_micros(match)
        else:
            match = _INTERVAL_PART.match(rest, position)
            if match is None:
                raise failure
            name = _UNIT_NAMES.get((match[4] or "second").lower())
            # A number without a unit counts seconds, and is the last.
            if name is None or (match[4] is None and match.end() < len(rest)):
                raise failure
            more = _unit_parts(match, name)
            months, days, micros = months + more[0], days + more[1], micros + more[2]
        position = match.end()
    if not rest:
        raise failure
    sign = -1 if ago else 1
    if abs(micros) > (2**63 - 1) // 1000 or max(abs(months), abs(days)) > 2**31 - 1:
        raise ConversionError(f"the interval '{text}' is out of range")
    return sign * months, sign * days, sign * micros * 1000


def _clock_micros(match: re.Match[str]) -> int:
    micros = ((int(match[2]) * 60 + int(match[3])) * 60 + int(match[4] or 0)) * MICROS_PER_SECOND
    micros += int((match[5] or "")[:6].ljust(6, "0"))
    return -micros if match[1] == "-" else micros


def _unit_parts(match: re.Match[str], name: str) -> tuple[int, int, int]:
    """Months, days, microseconds of `count.fraction unit`; the fraction cascades to smaller units."""
    sign = -1 if match[1] == "-" else 1
    count = int(match[2])
    months, days, micros = (part * count * sign for part in _UNITS[name])
    if match[3]:
        fraction = int(match[3]) / 10 ** len(match[3]) * sign
        per_month, per_day, per_micro = _UNITS[name]
        more_months = fraction * per_month
        months += int(more_months)
        more_days = fraction * per_day + (more_months - int(more_months)) * DAYS_PER_MONTH
        days += int(more_days)
        micros += round(fraction * per_micro + (more_days - int(more_days)) * MICROS_PER_DAY)
    return months, days, micros
