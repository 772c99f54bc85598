"""Functions of numbers that give numbers; transcendental ones call the C library, as DuckDB does."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.functions import decimals, integers
from sqlengine.functions.overloads import ANY_DECIMAL, Overload, overload, resolver
from sqlengine.functions.registry import scalar
from sqlengine.functions.validity import any_null_constant, null_vector, words_result
from sqlengine.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    HUGEINT,
    INTEGER,
    SMALLINT,
    TIMESTAMP,
    TIMESTAMPTZ,
    TINYINT,
    UBIGINT,
    UINTEGER,
    USMALLINT,
    UTINYINT,
    SqlType,
)
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]

_SIGNED: Final = (TINYINT, SMALLINT, INTEGER, BIGINT, HUGEINT)
_UNSIGNED: Final = (UTINYINT, USMALLINT, UINTEGER, UBIGINT)
_NUMBERS: Final = (*_SIGNED, *_UNSIGNED, FLOAT, DOUBLE, ANY_DECIMAL)


# -- functions of floating point --------------------------------------------------------------


def _from_library(
    name: str, arrow_name: str, example: tuple[str, str], aliases: Sequence[str] = (), summary: str = ""
) -> None:
    """A function DOUBLE… -> DOUBLE that Arrow hands to the C library; NaN and infinities instead of errors."""
    count = 2 if arrow_name in ("atan2", "power") else 1

    @scalar(name, resolver(name, overload(*(DOUBLE,) * (count + 1))), aliases=aliases, example=example, summary=summary)
    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        return _library(arrow_name, arguments, result)


def _library(arrow_name: str, arguments: Sequence[Vector], result: SqlType) -> Vector:
    import pyarrow as pa
    import pyarrow.compute as pc

    if any_null_constant(arguments):
        return null_vector(result, arguments)
    operands = np.broadcast_arrays(*(argument.values() for argument in arguments))
    values = pc.call_function(arrow_name, [pa.array(operand) for operand in operands])
    return words_result(values.to_numpy(), arguments, result)


def _on_doubles(
    name: str,
    compute: Callable[..., Words],
    count: int,
    example: tuple[str, str],
    aliases: Sequence[str] = (),
    summary: str = "",
) -> None:
    """A function DOUBLE… -> DOUBLE made of exact or basic operations."""

    @scalar(name, resolver(name, overload(*(DOUBLE,) * (count + 1))), aliases=aliases, example=example, summary=summary)
    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        if any_null_constant(arguments):
            return null_vector(result, arguments)
        with np.errstate(all="ignore"):
            return words_result(compute(*(argument.values() for argument in arguments)), arguments, result)


_from_library("exp", "exp", ("SELECT exp(0)", "1.0"), summary="The exponential of a number.")
_from_library("ln", "ln", ("SELECT ln(1)", "0.0"), summary="The natural logarithm.")
_from_library("log2", "log2", ("SELECT log2(8)", "3.0"), summary="The logarithm to base 2.")
_from_library("log10", "log10", ("SELECT log10(1000)", "3.0"), summary="The logarithm to base 10.")
_from_library(
    "power",
    "power",
    ("SELECT power(2, 10)", "1024.0"),
    aliases=("pow", "^", "**"),
    summary="A number raised to a power.",
)
_from_library("sin", "sin", ("SELECT sin(0)", "0.0"), summary="The sine of an angle in radians.")
_from_library("cos", "cos", ("SELECT cos(0)", "1.0"), summary="The cosine of an angle in radians.")
_from_library("tan", "tan", ("SELECT tan(0)", "0.0"), summary="The tangent of an angle in radians.")
_from_library("asin", "asin", ("SELECT asin(0)", "0.0"), summary="The angle with this sine.")
_from_library("acos", "acos", ("SELECT acos(1)", "0.0"), summary="The angle with this cosine.")
_from_library("atan", "atan", ("SELECT atan(0)", "0.0"), summary="The angle with this tangent.")
_from_library("atan2", "atan2", ("SELECT atan2(0, 1)", "0.0"), summary="The angle of a point (y, x).")
_on_doubles("sqrt", np.sqrt, 1, ("SELECT sqrt(2)", "1.4142135623730951"), summary="The square root.")
_on_doubles("cbrt", np.cbrt, 1, ("SELECT cbrt(8)", "2.0"), summary="The cube root.")
_on_doubles(
    "degrees", lambda x: x * (180 / math.pi), 1, ("SELECT degrees(pi())", "180.0"), summary="Radians in degrees."
)
_on_doubles(
    "radians",
    lambda x: x * (math.pi / 180),
    1,
    ("SELECT radians(180)", "3.141592653589793"),
    summary="Degrees in radians.",
)


for _name, _shown, _long in (
    ("sinh", "0.0", "hyperbolic sine"),
    ("cosh", "1.0", "hyperbolic cosine"),
    ("tanh", "0.0", "hyperbolic tangent"),
    ("asinh", "0.0", "inverse hyperbolic sine"),
    ("atanh", "0.0", "inverse hyperbolic tangent"),
):
    _from_library(_name, _name, (f"SELECT {_name}(0)", _shown), summary=f"The {_long}.")
_from_library("acosh", "acosh", ("SELECT acosh(1)", "0.0"), summary="The inverse hyperbolic cosine.")
_on_doubles(
    "cot",
    lambda x: 1 / np.tan(x),
    1,
    ("SELECT cot(radians(45))", "1.0000000000000002"),
    summary="The cotangent of an angle in radians.",
)


def _even(values: Words) -> Words:
    """To the next even number away from zero."""
    half = np.ceil(np.abs(values) / 2)
    signed: Words = np.copysign(half * 2, values)
    return signed


_on_doubles("even", _even, 1, ("SELECT even(2.9)", "4.0"), summary="The next even number away from zero.")


@scalar(
    "log",
    resolver("log", overload(DOUBLE, DOUBLE), overload(DOUBLE, DOUBLE, DOUBLE)),
    example=("SELECT log(1000)", "3.0"),
    summary="The logarithm to base 10, or to the base given first.",
)
def _log(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """The logarithm of the last argument to base 10, or to the base given first."""
    if len(arguments) == 1:
        return _library("log10", arguments, result)
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    base, value = (_library("log10", [argument], result).values() for argument in arguments)
    with np.errstate(all="ignore"):
        return words_result(value / base, arguments, result)


@scalar(
    "pi", resolver("pi", Overload((), DOUBLE)), example=("SELECT pi()", "3.141592653589793"), summary="The number pi."
)
def _pi(arguments: Sequence[Vector], result: SqlType) -> Vector:
    return Vector.from_literal(math.pi, DOUBLE)


# -- tests of numbers and dates ---------------------------------------------------------------

_FLOATS: Final = (overload(FLOAT, BOOLEAN), overload(DOUBLE, BOOLEAN))
_FINITE: Final = (*_FLOATS, *(overload(each, BOOLEAN) for each in (DATE, TIMESTAMP, TIMESTAMPTZ)))


@scalar(
    "isnan",
    resolver("isnan", *_FLOATS),
    example=("SELECT isnan('nan'::DOUBLE)", "true"),
    summary="Whether a number is NaN.",
)
def _isnan(arguments: Sequence[Vector], result: SqlType) -> Vector:
    return words_result(np.isnan(arguments[0].values()), arguments, result)


@scalar(
    "isinf",
    resolver("isinf", *_FINITE),
    example=("SELECT isinf('inf'::DOUBLE)", "true"),
    summary="Whether a number, date or timestamp is infinite.",
)
def _isinf(arguments: Sequence[Vector], result: SqlType) -> Vector:
    return words_result(_infinite(arguments[0].values()), arguments, result)


@scalar(
    "isfinite",
    resolver("isfinite", *_FINITE),
    example=("SELECT isfinite('inf'::DOUBLE)", "false"),
    summary="Whether a number, date or timestamp is finite.",
)
def _isfinite(arguments: Sequence[Vector], result: SqlType) -> Vector:
    words = arguments[0].values()
    infinite = _infinite(words)
    return words_result(~infinite & ~np.isnan(words) if words.dtype.kind == "f" else ~infinite, arguments, result)


def _infinite(words: Words) -> Words:
    if words.dtype.kind == "f":
        return np.isinf(words)
    # The largest date and timestamp, and its negative, stand for infinity.
    largest = np.iinfo(words.dtype).max
    return np.asarray((words == largest) | (words == -largest))


# -- sign and magnitude -----------------------------------------------------------------------


@scalar(
    "abs",
    resolver("abs", *(overload(each, each) for each in _NUMBERS)),
    example=("SELECT abs(-2)", "2"),
    summary="A number without its sign.",
)
def _abs(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    if result.is_float:
        return words_result(np.abs(arguments[0].values()), arguments, result)
    absolute = decimals.absolute if result.is_unscaled else integers.absolute
    return absolute(arguments, result)


@scalar(
    "sign",
    resolver("sign", *(overload(each, TINYINT) for each in _NUMBERS)),
    example=("SELECT sign(-2.5)", "-1"),
    summary="-1, 0 or 1, after a number's sign.",
)
def _sign(arguments: Sequence[Vector], result: SqlType) -> Vector:
    (argument,) = arguments
    if argument.has_words():
        words = argument.values()
        # NaN has no sign: neither comparison holds.
        return words_result((words > 0).astype(np.int8) - (words < 0).astype(np.int8), arguments, result)
    import pyarrow.compute as pc

    return Vector.from_arrow(pc.sign(argument.arrow()), result, argument.constant)
