"""Casts among BOOLEAN, whole numbers, decimals and floats.

Rounding is DuckDB's: floats to whole numbers by half-to-even, everything that drops decimal digits by
half away from zero. A value that does not fit is a ConversionError, or NULL for TRY_CAST.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import ConversionError
from sqlengine.functions.decimals import from_unscaled, largest_unscaled, scaled, unscaled_rows
from sqlengine.functions.integers import storage_name
from sqlengine.functions.validity import rows_of
from sqlengine.types import DOUBLE, INTEGER_KINDS, SqlType, TypeKind, arrow_type, integer_range, words_dtype
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]
    Mask = NDArray[np.bool_]

_INT64: Final = (-(2**63), 2**63 - 1)


def cast_number(vector: Vector, target: SqlType, attempt: bool) -> Vector:
    """`vector` (BOOLEAN or numeric) as `target` (BOOLEAN or numeric)."""
    source = vector.type
    if not vector.has_words():
        return _cast_wide(vector, target, attempt)
    if target.kind is TypeKind.BOOLEAN:
        return _kept(vector, vector.values() != 0, target)
    if target.is_float:
        return _to_float(vector, target, attempt)
    if source.is_float:
        return _float_to_exact(vector, target, attempt)
    if target.is_unscaled:
        return _to_unscaled(vector, target, attempt)
    if source.kind is TypeKind.DECIMAL and source.scale:
        rounded = _divided_half_away(vector.values(), 10**source.scale)
        return _narrowed(vector, rounded, target, attempt)
    return _narrowed(vector, vector.values(), target, attempt)


def checked(
    vector: Vector, values: Words, unfit: Mask | None, target: SqlType, attempt: bool, describe: Callable[[int], str]
) -> Vector:
    """`values` as the cast of `vector`, where rows that are `unfit` and not NULL raise or become NULL."""
    valid = vector.valid()
    if unfit is not None:
        if valid is not None:
            unfit = unfit & valid
        if unfit.any():
            if not attempt:
                raise ConversionError(describe(int(unfit.argmax())))
            valid = ~unfit if valid is None else valid & ~unfit
    return Vector.from_values(values, valid, target, vector.constant)


def out_of_range(source: SqlType, target: SqlType, value: object) -> str:
    """DuckDB's words for a number that does not fit another type."""
    return (
        f"Type {_name(source)} with value {value} can't be cast because the value is out of range"
        f" for the destination type {_name(target)}"
    )


def _kept(vector: Vector, values: Words, target: SqlType) -> Vector:
    return Vector.from_values(values, vector.valid(), target, vector.constant)


def _narrowed(vector: Vector, words: Words, target: SqlType, attempt: bool) -> Vector:
    """Whole-number words to a whole-number type."""
    low, high = integer_range(target.kind)
    dtype = words_dtype(target)
    assert dtype is not None
    if words.dtype.kind == "b":
        return _kept(vector, words.astype(dtype), target)
    info = np.iinfo(words.dtype)
    if low <= int(info.min) and int(info.max) <= high:
        return _kept(vector, words.astype(dtype), target)
    unfit = None
    if len(words) and not (low <= int(words.min()) and int(words.max()) <= high):
        unfit = (words < max(low, int(info.min))) | (words > min(high, int(info.max)))
    original = vector.values()

    def describe(row: int) -> str:
        if vector.type.kind is TypeKind.DECIMAL:
            return f"Failed to cast decimal value {words[row]} to type {_name(target)}"
        return out_of_range(vector.type, target, original[row])

    return checked(vector, words.astype(dtype), unfit, target, attempt, describe)


def _to_float(vector: Vector, target: SqlType, attempt: bool) -> Vector:
    words, source = vector.values(), vector.type
    dtype = words_dtype(target)
    assert dtype is not None
    if source.kind is TypeKind.DECIMAL and source.scale:
        return _kept(vector, _decimal_to_float(words, source.scale, dtype), target)
    with np.errstate(over="ignore"):
        values = words.astype(dtype)
    unfit = None
    if source == DOUBLE and target.kind is TypeKind.FLOAT:
        infinite = np.isinf(values)
        if infinite.any():
            unfit = infinite & ~np.isinf(words)
    return checked(vector, values, unfit, target, attempt, lambda row: out_of_range(source, target, words[row]))


def _decimal_to_float(words: Words, scale: int, dtype: np.dtype[Any]) -> Words:
    """words / 10**scale, correctly rounded."""
    power = 10**scale
    exact, exact_scale = (2**53, 22) if dtype.itemsize == 8 else (2**24, 10)
    if scale <= exact_scale:
        # Both sides are exact in floating point, so IEEE division rounds once.
        result: Words = words.astype(dtype) / dtype.type(power)
        if not len(words) or max(abs(int(words.min())), abs(int(words.max()))) <= exact:
            return result
        rows = np.flatnonzero(np.abs(words) > exact)
    else:
        result, rows = np.zeros(len(words), dtype), np.arange(len(words))
    # Python divides whole numbers of any size with one rounding.
    result[rows] = [word / power for word in words[rows].tolist()]
    return result


def _float_to_exact(vector: Vector, target: SqlType, attempt: bool) -> Vector:
    words, source = vector.values(), vector.type
    with np.errstate(all="ignore"):
        if target.kind is TypeKind.DECIMAL:
            exact = words.astype(np.float64) * float(10**target.scale)
            rounded = np.trunc(exact)
            rounded += np.where(np.abs(exact - rounded) >= 0.5, np.sign(exact), 0.0)
            limit = float(10**target.precision)
            unfit = ~(np.abs(rounded) < limit)
        else:
            rounded = np.rint(words.astype(np.float64))
            low, high = integer_range(target.kind)
            # The largest whole number may not be a float: compare with the one after it, which is.
            unfit = ~((rounded >= float(low)) & (rounded < float(high + 1)))
        wide = ~(np.abs(rounded) < 2.0**63)
        safe = np.where(wide | unfit, 0.0, rounded)

    def describe(row: int) -> str:
        if target.kind is TypeKind.DECIMAL:
            return f"Could not cast value {float(words[row])} to {target}"
        return out_of_range(source, target, float(words[row]))

    if target.is_unscaled and (wide & ~unfit).any():
        valid = vector.valid()
        if not attempt:
            checked(vector, safe, unfit, target, attempt, describe)
        present = ~unfit if valid is None else valid & ~unfit
        rows = [int(value) if kept else None for value, kept in zip(rounded, present, strict=True)]
        return from_unscaled(rows, target, vector.constant)
    dtype = words_dtype(target)
    assert dtype is not None
    if dtype == np.uint64:
        safe = np.where(unfit, 0.0, rounded)
    return checked(vector, safe.astype(dtype), unfit, target, attempt, describe)


def _to_unscaled(vector: Vector, target: SqlType, attempt: bool) -> Vector:
    """Whole numbers and narrow decimals to DECIMAL or HUGEINT."""
    words, source = vector.values(), vector.type
    shift = target.scale - source.scale
    limit = largest_unscaled(target)
    if words.dtype == np.uint64 and len(words) and int(words.max()) > _INT64[1]:
        return _cast_wide(vector, target, attempt)
    words = words.astype(np.int64, copy=False)
    if shift < 0:
        values = _divided_half_away(words, 10**-shift)
        fits = source.precision + shift < target.precision
    else:
        factor = 10**shift
        most = _largest_by_type(source)
        fits = most * factor <= min(limit, _INT64[1])
        if not fits:
            low, high = _extremes(words, vector.valid())
            if not (_INT64[0] <= low * factor and high * factor <= _INT64[1]):
                return _cast_wide(vector, target, attempt)
            fits = -limit <= low * factor and high * factor <= limit
        values = words if factor == 1 else words * factor
    unfit = None
    if not fits and limit < _INT64[1]:
        unfit = (values > limit) | (values < -limit)
    return checked(vector, values, unfit, target, attempt, lambda row: _unfit_decimal(source, target, int(words[row])))


def _cast_wide(vector: Vector, target: SqlType, attempt: bool) -> Vector:
    """Values beyond 64 bits: by Arrow where it can, else row by row in Python's integers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    source = vector.type
    if source.is_unscaled and target.is_unscaled:
        try:
            array = vector.arrow().cast(pa.decimal256(76, source.scale))
            if target.scale < source.scale:
                array = pc.round(array, target.scale, "half_towards_infinity")
            array = array.cast(pa.decimal256(76, target.scale)).cast(arrow_type(target))
            return Vector(target, array, constant=vector.constant)
        except pa.ArrowInvalid:
            # Some row does not fit: find it below, for the message or for its NULL.
            pass
    convert = _wide_converter(source, target)
    results: list[Any] = []
    for row in unscaled_rows(vector, 1):
        result = None if row is None else convert(row)
        if result is None and row is not None and not attempt:
            raise ConversionError(_unfit_wide(source, target, row))
        results.append(result)
    if target.is_unscaled:
        return from_unscaled(results, target, vector.constant)
    return Vector(target, pa.array(results, arrow_type(target)), constant=vector.constant)


def _wide_converter(source: SqlType, target: SqlType) -> Callable[[int], Any]:
    """Unscaled integer of `source` -> value of `target` (unscaled for decimals), None if it does not fit."""
    power = 10**source.scale
    if target.kind is TypeKind.BOOLEAN:
        return lambda value: value != 0
    if target.is_float:
        single = target.kind is TypeKind.FLOAT

        def to_float(value: int) -> float:
            return float(np.float32(value / power)) if single else value / power

        return to_float
    low, high = (
        (-largest_unscaled(target), largest_unscaled(target)) if target.is_unscaled else integer_range(target.kind)
    )
    shift = target.scale - source.scale

    def to_whole(value: int) -> int | None:
        if shift >= 0:
            result = value * 10**shift
        else:
            divisor = 10**-shift
            result = (abs(value) + divisor // 2) // divisor * (-1 if value < 0 else 1)
        return result if low <= result <= high else None

    return to_whole


def _divided_half_away(words: Words, divisor: int) -> Words:
    """words / divisor (a power of ten), rounded half away from zero; `words` are int64."""
    if divisor > _INT64[1]:
        return np.zeros_like(words)
    half = divisor // 2
    # Not |words| + half, which may overflow: divide first, then look at the remainder.
    rest = np.fmod(words, divisor)
    quotient = (words - rest) // divisor
    return np.asarray(quotient + (rest >= half) - (rest <= -half), np.int64)


def _largest_by_type(source: SqlType) -> int:
    if source.kind is TypeKind.BOOLEAN:
        return 1
    if source.is_unscaled:
        return largest_unscaled(source)
    low, high = integer_range(source.kind)
    return max(-low, high)


def _extremes(words: Words, valid: Mask | None) -> tuple[int, int]:
    rows = rows_of(words, valid)
    return (int(rows.min()), int(rows.max())) if len(rows) else (0, 0)


def _unfit_decimal(source: SqlType, target: SqlType, value: int) -> str:
    if target.kind in (TypeKind.HUGEINT, TypeKind.UHUGEINT):
        return out_of_range(source, target, scaled(value, source.scale))
    if source.kind is TypeKind.DECIMAL:
        return f'Casting value "{scaled(value, source.scale)}" to type {target} failed: value is out of range!'
    return f"Could not cast value {value} to {target}"


def _unfit_wide(source: SqlType, target: SqlType, value: int) -> str:
    if target.is_unscaled:
        return _unfit_decimal(source, target, value)
    return out_of_range(source, target, decimal.Decimal(scaled(value, source.scale)))


def _name(sql_type: SqlType) -> str:
    return storage_name(sql_type) if sql_type.kind in INTEGER_KINDS else str(sql_type)
