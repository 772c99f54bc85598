"""Divisors, factorials and binomials of whole numbers; exact, with an error where the result has too many digits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import OutOfRangeError
from sqlengine.functions.overloads import overload, resolver
from sqlengine.functions.registry import Run, scalar
from sqlengine.functions.text_function import apply_text, text_function
from sqlengine.functions.word_function import apply_words
from sqlengine.types import BIGINT, HUGEINT, INTEGER, SqlType
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]

_MOST: Final = {BIGINT: 2**63 - 1, HUGEINT: 2**127 - 1}
_LARGEST_FACTORIAL: Final = 33


def _fits(value: int, result: SqlType, name: str) -> int:
    if value > _MOST[result]:
        raise OutOfRangeError(f"{name} value is out of range")
    return value


def _of_two(name: str, words: Callable[..., Words], one: Callable[[int, int], int]) -> Run:
    """`words` on BIGINT columns of small numbers, else `one` row by row."""

    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        if result == BIGINT and all(_is_safe(argument) for argument in arguments):
            return apply_words(arguments, result, words)
        return apply_text(arguments, result, lambda a, b: _fits(one(a, b), result, name))

    return run


def _is_safe(vector: Vector) -> bool:
    """Whether the words are so small that neither a magnitude nor a product of two leaves 64 bits."""
    words = vector.values()
    return not len(words) or bool(max(-int(words.min()), int(words.max())) < 2**31)


scalar(
    "greatest_common_divisor",
    resolver("greatest_common_divisor", overload(BIGINT, BIGINT, BIGINT), overload(HUGEINT, HUGEINT, HUGEINT)),
    aliases=("gcd",),
    example=("SELECT gcd(12, 18)", "6"),
    summary="The greatest common divisor of two whole numbers.",
)(_of_two("gcd", np.gcd, math.gcd))
scalar(
    "least_common_multiple",
    resolver("least_common_multiple", overload(BIGINT, BIGINT, BIGINT), overload(HUGEINT, HUGEINT, HUGEINT)),
    aliases=("lcm",),
    example=("SELECT lcm(4, 6)", "12"),
    summary="The least common multiple of two whole numbers.",
)(_of_two("lcm", np.lcm, math.lcm))


def _factorial(number: int) -> int:
    if number < 0:
        raise OutOfRangeError("factorial of a negative number is undefined")
    if number > _LARGEST_FACTORIAL:
        raise OutOfRangeError(f"the factorial of {number} is out of range")
    return math.factorial(number)


def _binomial(whole: int, part: int) -> int:
    if whole < 0 or part < 0:
        raise OutOfRangeError("binom with negative input is undefined")
    return _fits(math.comb(whole, part), HUGEINT, "binom")


text_function(
    "factorial",
    overload(INTEGER, HUGEINT),
    one=_factorial,
    example=("SELECT factorial(4)", "24"),
    summary="The product of all whole numbers up to this one.",
)
text_function(
    "binom",
    overload(INTEGER, INTEGER, HUGEINT),
    one=_binomial,
    example=("SELECT binom(5, 2)", "10"),
    summary="In how many ways so many things can be picked from a set of that size.",
)
