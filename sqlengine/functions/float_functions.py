"""Functions of floating-point numbers that need the C library, or look at their bits."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from sqlengine.functions.overloads import overload
from sqlengine.functions.text_function import text_function
from sqlengine.functions.word_function import word_function
from sqlengine.types import BOOLEAN, DOUBLE, FLOAT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]


def _from_c(name: str) -> Callable[[float], float]:
    """A function of the C library, which knows infinities; Python's answers differ in last digits."""
    import ctypes
    import ctypes.util

    function = getattr(ctypes.CDLL(ctypes.util.find_library("m")), name)
    function.restype, function.argtypes = ctypes.c_double, (ctypes.c_double,)

    def compute(value: float) -> float:
        # C says -inf or inf at the pole by the sign of zero and NaN at the others; DuckDB says inf at zero.
        return math.inf if value == 0 else float(function(value))

    return compute


@functools.cache
def _gamma() -> Callable[[float], float]:
    return _from_c("tgamma")


@functools.cache
def _lgamma() -> Callable[[float], float]:
    return _from_c("lgamma")


text_function(
    "gamma",
    overload(DOUBLE, DOUBLE),
    one=lambda value: _gamma()(value),
    example=("SELECT gamma(5)", "24.0"),
    summary="The gamma function: the factorial of one less.",
)
text_function(
    "lgamma",
    overload(DOUBLE, DOUBLE),
    one=lambda value: _lgamma()(value),
    example=("SELECT lgamma(2)", "0.0"),
    summary="The logarithm of the gamma function's magnitude.",
)
word_function(
    "nextafter",
    overload(DOUBLE, DOUBLE, DOUBLE),
    overload(FLOAT, FLOAT, FLOAT),
    compute=np.nextafter,
    example=("SELECT nextafter(1::DOUBLE, 2)", "1.0000000000000002"),
    summary="The next number that a DOUBLE or FLOAT can be, towards the second one.",
)
word_function(
    "signbit",
    overload(DOUBLE, BOOLEAN),
    overload(FLOAT, BOOLEAN),
    compute=np.signbit,
    example=("SELECT signbit(-0.0::DOUBLE)", "true"),
    summary="Whether the sign bit of a number is set.",
)


def _fmod(value: Words, divisor: Words) -> Words:
    remainder: Words = value - divisor * np.floor(value / divisor)
    return remainder


word_function(
    "fmod",
    overload(DOUBLE, DOUBLE, DOUBLE),
    compute=_fmod,
    example=("SELECT fmod(5.5, 2)", "1.5"),
    summary="What a division down to the next whole number leaves over.",
)
