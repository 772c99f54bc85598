"""Casts among DATE, TIME and the TIMESTAMP types; the session's time zone is UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import ConversionError
from sqlengine.functions.intervals import MICROS_PER_DAY, MICROS_PER_SECOND
from sqlengine.functions.numeric_casts import checked
from sqlengine.functions.validity import null_vector
from sqlengine.types import TIMESTAMP, TIMESTAMP_UNITS, SqlType, TypeKind
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]

_SECONDS_PER_DAY: Final = 86_400
# Timestamps whose microseconds fit 64 bits, with the two ends that mean infinity left out.
_MOST: Final = 2.0**63 - 1024


def ticks_per_second(sql_type: SqlType) -> int:
    """Units of a TIMESTAMP type per second; TIMESTAMPTZ counts microseconds."""
    return TIMESTAMP_UNITS.get(sql_type.kind, MICROS_PER_SECOND)


def cast_temporal(vector: Vector, target: SqlType, attempt: bool) -> Vector:
    """`vector` (DATE, TIME or a TIMESTAMP) as another of these types.

    Coarser timestamp units round half away from zero.

    Raises
    ------
    ConversionError
        For pairs SQL does not convert (DATE and TIME), and values outside the target's range.
    """
    source = vector.type
    if source.kind is TypeKind.DATE and target.is_timestamp:
        return _from_days(vector, target, attempt)
    if source.is_timestamp and target.kind is TypeKind.DATE:
        days = np.floor_divide(vector.values(), _SECONDS_PER_DAY * ticks_per_second(source))
        return Vector.from_values(days.astype(np.int32), vector.valid(), target, vector.constant)
    if source.is_timestamp and target.is_timestamp:
        return _between_units(vector, target, attempt)
    if source.is_timestamp and target.kind is TypeKind.TIME and source.kind is not TypeKind.TIMESTAMPTZ:
        micros = _between_units(vector, TIMESTAMP, attempt)
        return Vector.from_values(np.mod(micros.values(), MICROS_PER_DAY), micros.valid(), target, vector.constant)
    if attempt:
        return null_vector(target, [vector])
    raise ConversionError(f"Unimplemented type for cast ({source} -> {target})")


def _from_days(vector: Vector, target: SqlType, attempt: bool) -> Vector:
    words = vector.values()
    per_day = _SECONDS_PER_DAY * ticks_per_second(target)
    return _scaled_up(vector, words.astype(np.int64), per_day, target, attempt)


def _between_units(vector: Vector, target: SqlType, attempt: bool) -> Vector:
    words = vector.values()
    have, want = ticks_per_second(vector.type), ticks_per_second(target)
    if have == want:
        return Vector.from_values(words, vector.valid(), target, vector.constant)
    if want > have:
        return _scaled_up(vector, words, want // have, target, attempt)
    divisor = have // want
    rest = np.fmod(words, divisor)
    quotient = (words - rest) // divisor
    values = quotient + (rest * 2 >= divisor) - (rest * 2 <= -divisor)
    return Vector.from_values(values.astype(np.int64), vector.valid(), target, vector.constant)


def _scaled_up(vector: Vector, words: Words, factor: int, target: SqlType, attempt: bool) -> Vector:
    unfit = None
    if len(words) and max(abs(int(words.min())), abs(int(words.max()))) * factor > _MOST:
        unfit = np.abs(words.astype(np.float64)) * factor > _MOST
    return checked(
        vector,
        words * factor,
        unfit,
        target,
        attempt,
        lambda row: f"a {vector.type} of {words[row]} units since 1970-01-01 is out of range for {target}",
    )
