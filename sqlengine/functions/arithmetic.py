"""The operators + - * / // % and negation on numbers, dates, times and intervals: types and dispatch.

Types follow DuckDB. Integers combine in the wider type and overflow is an error; a DECIMAL sum has one
digit more than its wider operand, a product the sum of the digits (18 if both operands have at most 18
and the scale allows it, so that products of money stay one machine word; else at most 38); `/` is always
floating point and gives infinity for a zero divisor; `//` and `%` refuse zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from sqlengine.errors import BindError, DivisionByZeroError
from sqlengine.functions import decimals, integers, temporal_arithmetic
from sqlengine.functions.coercion import decimal_digits
from sqlengine.functions.integers import ADD, MULTIPLY, SUBTRACT, Operation
from sqlengine.functions.overloads import ANY_DECIMAL, Overload, choose, overload, signature_of
from sqlengine.functions.registry import Operand, Resolve, Run, Signature, scalar
from sqlengine.functions.validity import any_null_constant, combined_valid, null_vector, words_result
from sqlengine.types import (
    BIGINT,
    DATE,
    DOUBLE,
    FLOAT,
    HUGEINT,
    INTEGER,
    INTERVAL,
    MAX_DECIMAL_PRECISION,
    SMALLINT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    TINYINT,
    UBIGINT,
    UINTEGER,
    USMALLINT,
    UTINYINT,
    SqlType,
    TypeKind,
    decimal,
)
from sqlengine.vector import Vector

INTEGERS: Final = (TINYINT, SMALLINT, INTEGER, BIGINT, HUGEINT, UTINYINT, USMALLINT, UINTEGER, UBIGINT)
NUMBERS: Final = (*INTEGERS, FLOAT, DOUBLE, ANY_DECIMAL)

# Digits of one machine word; a product is kept within it where DuckDB keeps it.
_WORD_DIGITS: Final = 18

_BINARY: Final = tuple(overload(number, number, number) for number in NUMBERS)
_ADD: Final = (
    *_BINARY,
    overload(DATE, INTEGER, DATE),
    overload(INTEGER, DATE, DATE),
    overload(INTERVAL, INTERVAL, INTERVAL),
    overload(DATE, INTERVAL, TIMESTAMP),
    overload(INTERVAL, DATE, TIMESTAMP),
    overload(TIME, INTERVAL, TIME),
    overload(INTERVAL, TIME, TIME),
    overload(TIMESTAMP, INTERVAL, TIMESTAMP),
    overload(INTERVAL, TIMESTAMP, TIMESTAMP),
    overload(TIMESTAMPTZ, INTERVAL, TIMESTAMPTZ),
    overload(INTERVAL, TIMESTAMPTZ, TIMESTAMPTZ),
    overload(DATE, TIME, TIMESTAMP),
    overload(TIME, DATE, TIMESTAMP),
)
_SUBTRACT: Final = (
    *_BINARY,
    overload(DATE, DATE, BIGINT),
    overload(DATE, INTEGER, DATE),
    overload(TIMESTAMP, TIMESTAMP, INTERVAL),
    overload(TIMESTAMPTZ, TIMESTAMPTZ, INTERVAL),
    overload(INTERVAL, INTERVAL, INTERVAL),
    overload(DATE, INTERVAL, TIMESTAMP),
    overload(TIME, INTERVAL, TIME),
    overload(TIMESTAMP, INTERVAL, TIMESTAMP),
    overload(TIMESTAMPTZ, INTERVAL, TIMESTAMPTZ),
)
_MULTIPLY: Final = (
    *_BINARY,
    overload(INTERVAL, DOUBLE, INTERVAL),
    overload(DOUBLE, INTERVAL, INTERVAL),
    overload(INTERVAL, BIGINT, INTERVAL),
    overload(BIGINT, INTERVAL, INTERVAL),
)
_DIVIDE: Final = (
    overload(FLOAT, FLOAT, FLOAT),
    overload(DOUBLE, DOUBLE, DOUBLE),
    overload(INTERVAL, DOUBLE, INTERVAL),
)
_DIVIDE_WHOLE: Final = tuple(overload(number, number, number) for number in (*INTEGERS, FLOAT, DOUBLE))
_NEGATE: Final = (*(overload(number, number) for number in NUMBERS), overload(INTERVAL, INTERVAL))

Digits = tuple[int, int]


def _resolver(
    name: str, overloads: Sequence[Overload], decimal_signature: Callable[[Sequence[Digits]], Signature] | None
) -> Resolve:
    def resolve(operands: Sequence[Operand]) -> Signature:
        chosen = choose(name, overloads, operands)
        if chosen.result is ANY_DECIMAL and decimal_signature is not None:
            # NULL next to a decimal has no digits of its own.
            known = [decimal_digits(operand.type) for operand in operands]
            fallback = next(digits for digits in known if digits is not None)
            return decimal_signature([fallback if digits is None else digits for digits in known])
        return signature_of(chosen, operands)

    return resolve


def _sum_signature(digits: Sequence[Digits]) -> Signature:
    return _same_scale(digits, 1)


def _modulo_signature(digits: Sequence[Digits]) -> Signature:
    if max(p - s for p, s in digits) + max(s for _, s in digits) > MAX_DECIMAL_PRECISION:
        return Signature((DOUBLE, DOUBLE), DOUBLE)
    return _same_scale(digits, 0)


def _same_scale(digits: Sequence[Digits], carry: int) -> Signature:
    scale = max(s for _, s in digits)
    whole = max(p - s for p, s in digits)
    arguments = tuple(decimal(min(p - s + scale, MAX_DECIMAL_PRECISION), scale) for p, s in digits)
    return Signature(arguments, decimal(min(whole + scale + carry, MAX_DECIMAL_PRECISION), scale))


def _product_signature(digits: Sequence[Digits]) -> Signature:
    precision, scale = sum(p for p, _ in digits), sum(s for _, s in digits)
    if scale > MAX_DECIMAL_PRECISION:
        raise BindError(
            f"the product needs {scale} digits after the point, DECIMAL has at most {MAX_DECIMAL_PRECISION};"
            " cast an operand to DOUBLE or to a DECIMAL of smaller scale"
        )
    if precision > _WORD_DIGITS and max(p for p, _ in digits) <= _WORD_DIGITS and scale < _WORD_DIGITS:
        precision = _WORD_DIGITS
    result = decimal(min(precision, MAX_DECIMAL_PRECISION), scale)
    return Signature(tuple(decimal(p, s) for p, s in digits), result)


def _runner(operation: Operation, temporal: Run, floats: np.ufunc) -> Run:
    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        if not all(argument.type.is_numeric for argument in arguments):
            return temporal(arguments, result)
        if result.is_float:
            return _on_floats(floats, arguments, result)
        if result.is_unscaled:
            return decimals.combine(operation, arguments, result)
        return integers.combine(operation, arguments, result)

    return run


def _on_floats(function: np.ufunc, arguments: Sequence[Vector], result: SqlType) -> Vector:
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    with np.errstate(all="ignore"):
        values = function(*(argument.values() for argument in arguments))
    return words_result(values, arguments, result)


scalar(
    "+",
    _resolver("+", _ADD, _sum_signature),
    aliases=("add",),
    example=("SELECT 1 + 2", "3"),
    summary="The sum of numbers; a date or time moved by an interval or by days.",
)(_runner(ADD, temporal_arithmetic.add, np.add))
scalar(
    "-",
    _resolver("-", _SUBTRACT, _sum_signature),
    aliases=("subtract",),
    example=("SELECT 5 - 2", "3"),
    summary="The difference of numbers, dates or times; a date or time moved back.",
)(_runner(SUBTRACT, temporal_arithmetic.subtract, np.subtract))
scalar(
    "*",
    _resolver("*", _MULTIPLY, _product_signature),
    aliases=("multiply",),
    example=("SELECT 1.5 * 2", "3.0"),
    summary="The product of numbers; an interval so many times.",
)(_runner(MULTIPLY, temporal_arithmetic.multiply, np.multiply))


@scalar(
    "/",
    _resolver("/", _DIVIDE, None),
    aliases=("fdiv",),
    example=("SELECT 1 / 2", "0.5"),
    summary="The quotient of numbers as DOUBLE; an interval divided.",
)
def _divide(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if result.kind is TypeKind.INTERVAL:
        return temporal_arithmetic.divide(arguments, result)
    return _on_floats(np.divide, arguments, result)


@scalar(
    "//",
    _resolver("//", _DIVIDE_WHOLE, None),
    aliases=("divide",),
    example=("SELECT 7 // 2", "3"),
    summary="The quotient of numbers, cut to a whole number.",
)
def _divide_whole(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if result.is_float:
        _refuse_zero(arguments)
        return _on_floats(np.divide, arguments, result)
    if result.is_unscaled:
        return decimals.divide_whole(arguments, result)
    return integers.divide(arguments, result)


@scalar(
    "%",
    _resolver("%", _BINARY, _modulo_signature),
    aliases=("mod",),
    example=("SELECT 7 % 4", "3"),
    summary="What a division leaves over, with the sign of the first number.",
)
def _modulo(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if result.is_float:
        return _on_floats(np.fmod, arguments, result)
    if result.is_unscaled:
        return decimals.modulo(arguments, result)
    return integers.modulo(arguments, result)


def _negate_signature(digits: Sequence[Digits]) -> Signature:
    return Signature((decimal(*digits[0]),), decimal(*digits[0]))


@scalar(
    "negate",
    _resolver("negate", _NEGATE, _negate_signature),
    example=("SELECT -(1 + 2)", "-3"),
    summary="The number or interval with the other sign.",
    usage="-a",
)
def _negate(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    if result.kind is TypeKind.INTERVAL:
        return temporal_arithmetic.negate(arguments, result)
    if result.is_float:
        return words_result(np.negative(arguments[0].values()), arguments, result)
    if result.is_unscaled:
        return decimals.negate(arguments, result)
    return integers.negate(arguments, result)


def _refuse_zero(arguments: Sequence[Vector]) -> None:
    divisors = arguments[1].values()
    zero = divisors == 0
    valid = combined_valid(arguments)
    if valid is not None:
        zero = zero & valid
    if zero.any():
        raise DivisionByZeroError("Division by zero in expression (… // 0); use nullif to get NULL instead")
