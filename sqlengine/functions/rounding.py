"""round, trunc, floor and ceil. Decimals stay decimals and lose the digits after the point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import BindError, OutOfRangeError
from sqlengine.functions.decimals import from_unscaled, unscaled_rows
from sqlengine.functions.overloads import ANY_DECIMAL, choose, describe_call, overload, signature_of
from sqlengine.functions.registry import Operand, Resolve, Signature, scalar
from sqlengine.functions.validity import any_null_constant, combined_valid, null_vector, words_result
from sqlengine.types import (
    BIGINT,
    DOUBLE,
    FLOAT,
    HUGEINT,
    INTEGER,
    SMALLINT,
    TINYINT,
    SqlType,
    TypeKind,
    decimal,
    integer_range,
)
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]

# (quotient rounded towards zero, remainder, divisor) -> quotient as wanted; for int64 words and Python integers.
Settle = Callable[[Any, Any, int], Any]

_WHOLE: Final = (TINYINT, SMALLINT, INTEGER, BIGINT, HUGEINT)
_FRACTIONAL: Final = (FLOAT, DOUBLE, ANY_DECIMAL)
_WORD_DIGITS: Final = 18


def _half_away(quotient: Any, rest: Any, divisor: int) -> Any:
    half = divisor // 2
    return quotient + (rest >= half) - (rest <= -half)


def _half_even(quotient: Any, rest: Any, divisor: int) -> Any:
    # Twice the rest against the divisor says more or less than half; at just half an odd quotient moves on.
    odd = quotient % 2 != 0
    up = (rest * 2 > divisor) | ((rest * 2 == divisor) & odd)
    down = (rest * 2 < -divisor) | ((rest * 2 == -divisor) & odd)
    return quotient + up - down


def _towards_zero(quotient: Any, rest: Any, divisor: int) -> Any:
    return quotient


def _down(quotient: Any, rest: Any, divisor: int) -> Any:
    return quotient - (rest < 0)


def _up(quotient: Any, rest: Any, divisor: int) -> Any:
    return quotient + (rest > 0)


def round_half_away(values: Words) -> Words:
    """C's `round`: to the nearest whole number, halves away from zero."""
    whole = np.trunc(values)
    # Adding nothing where nothing is to be added keeps the sign of -0.0.
    return np.where(np.abs(values - whole) >= 0.5, whole + np.copysign(1.0, values), whole)


def _resolver(name: str, types: Sequence[SqlType], digits: bool) -> Resolve:
    overloads = [overload(each, each) for each in types]
    if digits:
        overloads += [overload(each, INTEGER, each) for each in types]

    def resolve(operands: Sequence[Operand]) -> Signature:
        chosen = choose(name, overloads, operands)
        signature = signature_of(chosen, operands)
        if chosen.result is not ANY_DECIMAL:
            return signature
        source = signature.arguments[0]
        scale = _kept_digits(name, operands)
        return Signature(signature.arguments, decimal(source.precision, min(max(scale, 0), source.scale)))

    return resolve


def _kept_digits(name: str, operands: Sequence[Operand]) -> int:
    if len(operands) == 1:
        return 0
    digits = operands[1].literal
    if operands[1].type.kind is TypeKind.NULL:
        return 0
    if not isinstance(digits, int):
        # The digits after the point are part of the result's type.
        raise BindError(f"{describe_call(name, operands)}: the number of digits of a DECIMAL has to be a constant")
    return digits


def _rounds(settle: Settle, floats: Callable[[Words], Words]) -> Callable[[Sequence[Vector], SqlType], Vector]:
    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        if any_null_constant(arguments):
            return null_vector(result, arguments)
        if result.is_float:
            return _round_floats(floats, arguments, result)
        if arguments[0].type.kind is TypeKind.DECIMAL:
            digits = int(arguments[1].values()[0]) if len(arguments) == 2 else 0
            return _round_decimals(settle, arguments, result, digits)
        return _round_integers(settle, arguments, result)

    return run


def _round_floats(floats: Callable[[Words], Words], arguments: Sequence[Vector], result: SqlType) -> Vector:
    values = arguments[0].values().astype(np.float64, copy=False)
    with np.errstate(all="ignore"):
        rounded = floats(values) if len(arguments) == 1 else _to_places(floats, values, arguments[1].values())
        return words_result(rounded.astype(arguments[0].values().dtype, copy=False), arguments, result)


def _to_places(floats: Callable[[Words], Words], values: Words, places: Words) -> Words:
    power = np.power(10.0, np.abs(places).astype(np.float64))
    after = floats(values * power) / power
    # A number too large to have such digits stays as it is.
    after = np.where(np.isfinite(after), after, values)
    if (places >= 0).all():
        return after
    before = floats(values / power) * power
    before = np.where(np.isfinite(before) | ~np.isfinite(values), before, 0.0)
    return np.where(places >= 0, after, before)


def _round_decimals(settle: Settle, arguments: Sequence[Vector], result: SqlType, digits: int) -> Vector:
    """`digits` after the point; negative: before it."""
    (argument, *_) = arguments
    dropped = argument.type.scale - digits
    if dropped <= 0:
        return argument
    appended = 10 ** max(-digits, 0)
    divisor = 10**dropped
    if argument.has_words() and dropped <= _WORD_DIGITS and result.precision <= _WORD_DIGITS:
        words = argument.values()
        rest = np.fmod(words, divisor)
        values = settle((words - rest) // divisor, rest, divisor) * appended
        return words_result(values, [argument], result)
    return _by_row(settle, argument, divisor, appended, result)


def _round_integers(settle: Settle, arguments: Sequence[Vector], result: SqlType) -> Vector:
    (argument, *rest) = arguments
    if not rest or int(rest[0].values().min(initial=0)) >= 0:
        return argument
    valid = combined_valid(arguments)
    shape = np.broadcast_shapes(argument.arrow().to_numpy(zero_copy_only=False).shape, rest[0].values().shape)
    places = np.broadcast_to(rest[0].values(), shape)
    rows = unscaled_rows(argument, shape[0] if argument.constant else 1)
    low, high = integer_range(result.kind)
    values: list[int | None] = []
    for row, (value, place) in enumerate(zip(rows, places.tolist(), strict=True)):
        if value is None or (valid is not None and not np.broadcast_to(valid, shape)[row]):
            values.append(None)
            continue
        divisor = 10 ** max(-place, 0)
        settled = _settled(settle, value, divisor) * divisor
        if not low <= settled <= high:
            raise OutOfRangeError(f"Overflow in rounding the integer {value}")
        values.append(settled)
    return _integer_vector(values, result, all(each.constant for each in arguments))


def _integer_vector(values: list[int | None], result: SqlType, constant: bool) -> Vector:
    import pyarrow as pa

    from sqlengine.types import arrow_type

    if result == HUGEINT:
        return from_unscaled(values, result, constant)
    return Vector(result, pa.array(values, arrow_type(result)), constant=constant)


def _by_row(settle: Settle, argument: Vector, divisor: int, appended: int, result: SqlType) -> Vector:
    rows = unscaled_rows(argument, 1)
    values = [None if row is None else int(_settled(settle, row, divisor)) * appended for row in rows]
    return from_unscaled(values, result, argument.constant)


def _settled(settle: Settle, value: int, divisor: int) -> int:
    sign = -1 if value < 0 else 1
    quotient, rest = divmod(abs(value), divisor)
    return int(settle(sign * quotient, sign * rest, divisor)) if divisor > 1 else value


scalar(
    "round",
    _resolver("round", (*_WHOLE, *_FRACTIONAL), digits=True),
    example=("SELECT round(2.45, 1)", "2.5"),
    summary="A number rounded to so many digits after the point, halves away from zero.",
)(_rounds(_half_away, round_half_away))
scalar(
    "round_even",
    _resolver("round_even", (*_WHOLE, *_FRACTIONAL), digits=True),
    aliases=("roundbankers",),
    example=("SELECT round_even(2.5, 0)", "2"),
    summary="A number rounded to so many digits after the point, halves to the even neighbour.",
    usage="round_even(number, digits)",
)(_rounds(_half_even, np.rint))
scalar(
    "trunc",
    _resolver("trunc", (*_WHOLE, *_FRACTIONAL), digits=True),
    example=("SELECT trunc(2.45, 1)", "2.4"),
    summary="A number cut to so many digits after the point.",
)(_rounds(_towards_zero, np.trunc))
scalar(
    "floor",
    _resolver("floor", _FRACTIONAL, digits=False),
    example=("SELECT floor(-1.5)", "-2"),
    summary="The next whole number below.",
)(_rounds(_down, np.floor))
scalar(
    "ceil",
    _resolver("ceil", _FRACTIONAL, digits=False),
    aliases=("ceiling",),
    example=("SELECT ceil(1.5)", "2"),
    summary="The next whole number above.",
)(_rounds(_up, np.ceil))
