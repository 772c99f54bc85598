"""Clocks of time zones: TIMESTAMP WITH TIME ZONE to local time and back, offsets, and what is done in local time.

Local times that a zone skips (clocks go forward) are read with the offset before the change, and those that it has
twice (clocks go back) as the later one, as ICU and DuckDB read them.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.config import known_zone
from sqlengine.errors import NotSupportedError
from sqlengine.functions.casts import cast
from sqlengine.functions.grouped import for_each_constant
from sqlengine.functions.intervals import MICROS_PER_DAY, interval_parts, make_intervals
from sqlengine.functions.overloads import overload, resolver
from sqlengine.functions.patterns import constant_text
from sqlengine.functions.registry import Operand, Run, Signature, find_scalar, scalar
from sqlengine.functions.session import UTC, session_facts
from sqlengine.functions.validity import any_null_constant, combined_valid, null_vector, rows_of, words_result
from sqlengine.types import (
    BIGINT,
    DATE,
    DOUBLE,
    INTERVAL,
    TIMESTAMP,
    TIMESTAMPTZ,
    VARCHAR,
    SqlType,
)
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]

_LARGEST: Final = np.iinfo(np.int64).max
_MICROS_PER_SECOND: Final = 1_000_000
_END_OF_TABLES: Final = 2_114_380_800 * _MICROS_PER_SECOND  # 2037-01-01
_CYCLE: Final = 146_097 * MICROS_PER_DAY


def _zone_of(vector: Vector) -> str:
    """The time zone that a constant names; NotSupportedError if there is none, as in DuckDB."""
    try:
        return known_zone(constant_text("time zone", vector))
    except ValueError as error:
        raise NotSupportedError(str(error)) from None


def offsets_of(instants: Words, zone: str) -> Words:
    """Microseconds by which the zone's clocks are ahead of UTC at each instant (microseconds since 1970)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    far = instants >= _END_OF_TABLES
    array = pa.array(np.where(far, 0, instants), pa.timestamp("us", zone))
    local = pc.local_timestamp(array).cast(pa.int64()).to_numpy(zero_copy_only=False)
    offsets = np.asarray(local - np.where(far, 0, instants))
    if far.any():
        offsets[far] = _far_offsets(instants[far], zone)
    return offsets


def _far_offsets(instants: Words, zone: str) -> Words:
    """As `offsets_of`, value by value: Arrow knows the zone database's tables, which end, not the rules after."""
    import zoneinfo

    rules = zoneinfo.ZoneInfo(zone)
    # The calendar repeats after 400 years, so later years are those before 2438.
    distinct, places = np.unique((instants - _END_OF_TABLES) % _CYCLE // _MICROS_PER_SECOND, return_inverse=True)
    first = datetime.datetime.fromtimestamp(_END_OF_TABLES // _MICROS_PER_SECOND, datetime.UTC)
    moments = (first + datetime.timedelta(seconds=int(each)) for each in distinct)
    ahead = [moment.astimezone(rules).utcoffset() or datetime.timedelta() for moment in moments]
    return np.array([each // datetime.timedelta(microseconds=1) for each in ahead], np.int64)[places]


def _is_infinite(words: Words) -> Words:
    return np.asarray((words == _LARGEST) | (words == -_LARGEST))


def to_local(instants: Words, zone: str) -> Words:
    """The zone's clocks at each instant, both in microseconds; infinities stay."""
    infinite = _is_infinite(instants)
    finite = np.where(infinite, 0, instants)
    return np.where(infinite, instants, finite + offsets_of(finite, zone))


def to_utc(local: Words, zone: str) -> Words:
    """The instants at which the zone's clocks show each local time; infinities stay."""
    infinite = _is_infinite(local)
    finite = np.where(infinite, 0, local)
    before, after = (offsets_of(finite + shift, zone) for shift in (-MICROS_PER_DAY, MICROS_PER_DAY))
    instants = finite - before
    changing = before != after
    if changing.any():
        later = finite - after
        is_later = offsets_of(later, zone) == after
        is_earlier = offsets_of(instants, zone) == before
        instants = np.where(changing & is_later & (~is_earlier | (later > instants)), later, instants)
    return np.where(infinite, local, instants)


def _zoned(vector: Vector, zone: str, convert: Callable[[Words, str], Words], result: SqlType) -> Vector:
    words = rows_of(vector.values(), vector.valid())
    return Vector.from_values(convert(words, zone), vector.valid(), result, vector.constant)


@for_each_constant(0)
def _timezone(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    if len(arguments) == 1:
        # A moment without zone is no hours ahead of UTC.
        return words_result(np.zeros(len(arguments[0]), np.int64), arguments, result)
    zone, moment = _zone_of(arguments[0]), arguments[1]
    return _zoned(moment, zone, to_local if moment.type == TIMESTAMPTZ else to_utc, result)


scalar(
    "timezone",
    resolver(
        "timezone",
        overload(VARCHAR, TIMESTAMP, TIMESTAMPTZ),
        overload(VARCHAR, TIMESTAMPTZ, TIMESTAMP),
        *(overload(each, BIGINT) for each in (DATE, TIMESTAMP)),
    ),
    example=("SELECT timezone('America/New_York', TIMESTAMPTZ '2020-07-01 12:00:00+00')", "2020-07-01 08:00:00"),
    summary="The local time of an instant in a zone, or the instant of a local time; also written AT TIME ZONE.",
)(_timezone)


def _resolve_make_timestamptz(operands: Sequence[Operand]) -> Signature:
    signature = _MAKE_TIMESTAMPTZ(operands)
    zone = session_facts().time_zone
    if len(operands) == 6 and zone != UTC:
        raise NotSupportedError(f"make_timestamptz() without a time zone is not supported in the time zone {zone}")
    return signature


_SIX: Final = (BIGINT, BIGINT, BIGINT, BIGINT, BIGINT, DOUBLE)
_MAKE_TIMESTAMPTZ: Final = resolver(
    "make_timestamptz",
    overload(*_SIX, TIMESTAMPTZ),
    overload(*_SIX, VARCHAR, TIMESTAMPTZ),
    overload(BIGINT, TIMESTAMPTZ),
)


@scalar(
    "make_timestamptz",
    _resolve_make_timestamptz,
    example=("SELECT make_timestamptz(2020, 7, 1, 12, 0, 0, 'America/New_York')", "2020-07-01 16:00:00+00"),
    summary="The instant of six parts, on a zone's clocks, or of microseconds since 1970.",
    usage="make_timestamptz(year, month, day, hour, minute, seconds, zone)",
)
@for_each_constant(6)
def _make_timestamptz(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    make = find_scalar("make_timestamp")
    assert make is not None
    local = make.run(arguments[:6], TIMESTAMP)
    if len(arguments) < 7:
        return words_result(local.values(), arguments, result, local.valid())
    instants = _zoned(local, _zone_of(arguments[6]), to_utc, result)
    return words_result(instants.values(), arguments, result, local.valid())


# -- casts in the session's zone ---------------------------------------------------------------


def _zoned_text(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """A TIMESTAMP WITH TIME ZONE as text: the zone's clocks, and how far they are ahead of UTC."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if any_null_constant(arguments):
        return null_vector(result, arguments)
    moment, zone = arguments[0], constant_text("time zone", arguments[1])
    instants = rows_of(moment.values(), moment.valid())
    infinite = _is_infinite(instants)
    local = cast(_zoned(moment, zone, to_local, TIMESTAMP), VARCHAR).arrow()
    distinct, codes = np.unique(offsets_of(np.where(infinite, 0, instants), zone), return_inverse=True)
    suffixes = pa.array([offset_text(int(offset) // _MICROS_PER_SECOND) for offset in distinct] + [""])
    suffix = suffixes.take(pa.array(np.where(infinite, len(distinct), codes)))
    return Vector.from_arrow(pc.binary_join_element_wise(local, suffix, ""), result, moment.constant)


def offset_text(seconds: int) -> str:
    """`+05:30`; offsets of past centuries lose their seconds."""
    sign, minutes = "-" if seconds < 0 else "+", abs(seconds) // 60
    return f"{sign}{minutes // 60:02}" + (f":{minutes % 60:02}" if minutes % 60 else "")


_HAS_ZONE: Final = r"\d\s*(?:[+-]\d\d(?::?\d\d){0,2}|Z|z|UTC)\s*$"


def _text_in_zone(attempt: bool) -> Run:
    """Text as TIMESTAMP WITH TIME ZONE; one that names no offset is a local time of the zone."""

    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        import pyarrow.compute as pc

        if any_null_constant(arguments):
            return null_vector(result, arguments)
        text, zone = arguments[0], constant_text("time zone", arguments[1])
        array = text.arrow()
        with_time = pc.match_substring_regex(array, r"\d:\d")
        fixed = pc.and_(pc.match_substring_regex(array, _HAS_ZONE), with_time)
        read = cast(text, TIMESTAMPTZ, attempt)
        local = _zoned(read, zone, to_utc, result)
        own = fixed.fill_null(False).to_numpy(zero_copy_only=False)
        return Vector.from_values(np.where(own, read.values(), local.values()), read.valid(), result, text.constant)

    return run


def _hidden(name: str, run: Run, *types: SqlType) -> None:
    """Register a function that only the binder calls."""
    scalar(name, resolver(name, overload(*types)), summary="Used by the binder.")(run)


_hidden("__timestamptz_to_text", _zoned_text, TIMESTAMPTZ, VARCHAR, VARCHAR)
_hidden("__text_to_timestamptz", _text_in_zone(attempt=False), VARCHAR, VARCHAR, TIMESTAMPTZ)
_hidden("__try_text_to_timestamptz", _text_in_zone(attempt=True), VARCHAR, VARCHAR, TIMESTAMPTZ)


# -- functions that work on local time and give an instant ------------------------------------


def _in_zone(name: str) -> Run:
    """`name` on the local times of the zone that is given last, its result as an instant."""

    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        *moments, zone_vector = arguments
        if any_null_constant(arguments):
            return null_vector(result, moments)
        zone, function = constant_text("time zone", zone_vector), find_scalar(name)
        assert function is not None
        local = [_zoned(each, zone, to_local, TIMESTAMP) if each.type == TIMESTAMPTZ else each for each in moments]
        return _zoned(function.run(local, TIMESTAMP), zone, to_utc, result)

    return run


def _shifted(sign: int) -> Run:
    """An instant plus an interval: months and days on the zone's clocks, then the time as it passes."""

    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        first, second, zone_vector = arguments
        if any_null_constant(arguments):
            return null_vector(result, (first, second))
        moment, interval = (first, second) if first.type == TIMESTAMPTZ else (second, first)
        zone, plus = constant_text("time zone", zone_vector), find_scalar("+")
        assert plus is not None
        months, days, micros = interval_parts(interval)
        whole = make_intervals(sign * months, sign * days, np.zeros(1, np.int64), interval.valid(), interval.constant)
        local = plus.run([_zoned(moment, zone, to_local, TIMESTAMP), whole], TIMESTAMP)
        instants = _zoned(local, zone, to_utc, result)
        words, valid = instants.values(), combined_valid((first, second))
        shifted = np.where(_is_infinite(words), words, words + sign * micros)
        return words_result(shifted, (first, second), result, valid)

    return run


_hidden("__date_trunc_in_zone", _in_zone("date_trunc"), VARCHAR, TIMESTAMPTZ, VARCHAR, TIMESTAMPTZ)
scalar(
    "__add_in_zone",
    resolver(
        "+",
        overload(TIMESTAMPTZ, INTERVAL, VARCHAR, TIMESTAMPTZ),
        overload(INTERVAL, TIMESTAMPTZ, VARCHAR, TIMESTAMPTZ),
    ),
    summary="Used by the binder.",
)(_shifted(1))
_hidden("__subtract_in_zone", _shifted(-1), TIMESTAMPTZ, INTERVAL, VARCHAR, TIMESTAMPTZ)

# What the binder calls instead in a session whose zone is not UTC, with the zone as one more argument.
IN_ZONE: Final = {
    "date_trunc": "__date_trunc_in_zone",
    "datetrunc": "__date_trunc_in_zone",
    "+": "__add_in_zone",
    "-": "__subtract_in_zone",
    "date_add": "__add_in_zone",
}
# Their results depend on the zone, too, but no form with a zone exists yet.
UTC_ONLY: Final = frozenset({"time_bucket", "range", "generate_series"})
