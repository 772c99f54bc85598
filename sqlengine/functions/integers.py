"""Exact arithmetic on the fixed-width whole-number types: what overflows is an error, never a wrong number.

numpy wraps silently, so every operation is first bounded by the smallest and largest operands (four
cheap reductions). Only if these bounds allow an overflow is it looked for row by row, by comparing the
wrapped result with the same operation in floating point: they differ by a multiple of 2**bits exactly
where the operation wrapped, and by far less elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import DivisionByZeroError, OutOfRangeError
from sqlengine.functions.validity import any_null_constant, combined_valid, null_vector, rows_of, words_result
from sqlengine.types import INTEGER_KINDS, SqlType, integer_range
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]
    Mask = NDArray[np.bool_]

Bounds = tuple[int, int]


def bounds(words: Words) -> Bounds:
    """Smallest and largest of `words` as Python integers; (0, 0) for none."""
    return (int(words.min()), int(words.max())) if len(words) else (0, 0)


def sum_bounds(a: Bounds, b: Bounds) -> Bounds:
    """Bounds of x + y."""
    return a[0] + b[0], a[1] + b[1]


def difference_bounds(a: Bounds, b: Bounds) -> Bounds:
    """Bounds of x - y."""
    return a[0] - b[1], a[1] - b[0]


def product_bounds(a: Bounds, b: Bounds) -> Bounds:
    """Bounds of x * y."""
    products = (a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1])
    return min(products), max(products)


class Operation:
    """An operation on two words: how numpy does it, how it bounds its result, how messages call it."""

    __slots__ = ("apply", "bound", "noun", "sign")

    def __init__(
        self, apply: Callable[[Any, Any], Any], bound: Callable[[Bounds, Bounds], Bounds], noun: str, sign: str
    ) -> None:
        self.apply = apply
        self.bound = bound
        self.noun = noun
        self.sign = sign


ADD: Final = Operation(np.add, sum_bounds, "addition", "+")
SUBTRACT: Final = Operation(np.subtract, difference_bounds, "subtraction", "-")
MULTIPLY: Final = Operation(np.multiply, product_bounds, "multiplication", "*")


def stays_within(operation: Operation, left: Words, right: Words, valid: Mask | None, low: int, high: int) -> bool:
    """Whether the operands' bounds alone prove every result to lie in [low, high]; NULL rows do not count."""
    least, most = operation.bound(bounds(left), bounds(right))
    if low <= least and most <= high:
        return True
    if valid is None:
        return False
    # Words of NULL rows are arbitrary: look again without them.
    least, most = operation.bound(bounds(rows_of(left, valid)), bounds(rows_of(right, valid)))
    return low <= least and most <= high


def wrapped_rows(operation: Operation, left: Words, right: Words, result: Words) -> Mask:
    """Rows in which `result` is not `left` operation `right` but differs by a multiple of 2**bits."""
    exact = operation.apply(left.astype(np.float64), right.astype(np.float64))
    far = float(1 << (result.dtype.itemsize * 8 - 1))
    mask: Mask = np.abs(exact - result.astype(np.float64)) >= far
    return mask


def combine(operation: Operation, arguments: Sequence[Vector], result: SqlType) -> Vector:
    """`left operation right` in the fixed-width type `result`, which both arguments have.

    Raises
    ------
    OutOfRangeError
        If a row that is not NULL overflows; the message names its two values.
    """
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    left, right = (argument.values() for argument in arguments)
    valid = combined_valid(arguments)
    with np.errstate(over="ignore"):
        values = operation.apply(left, right)
    if not stays_within(operation, left, right, valid, *integer_range(result.kind)):
        wrong = wrapped_rows(operation, left, right, values)
        if valid is not None:
            wrong &= valid
        if wrong.any():
            a, b = operands_at(int(wrong.argmax()), left, right)
            raise OutOfRangeError(f"Overflow in {operation.noun} of {storage_name(result)} ({a} {operation.sign} {b})!")
    return words_result(values, arguments, result, valid)


def divide(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """`left // right`, rounded towards zero.

    Raises
    ------
    DivisionByZeroError, OutOfRangeError
        For a zero divisor, and for the smallest value divided by -1, in rows that are not NULL.
    """
    return _divide(arguments, result, "//", lambda left, right: (left - np.fmod(left, right)) // right)


def modulo(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """`left % right` with the sign of `left`; raises as `divide`."""
    return _divide(arguments, result, "%", np.fmod)


def negate(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """`-x`; OutOfRangeError for the smallest signed value and for unsigned values above zero."""
    words = arguments[0].values()
    _, signed = INTEGER_KINDS[result.kind]
    refused = words == integer_range(result.kind)[0] if signed else words != 0
    valid = combined_valid(arguments)
    if valid is not None:
        refused &= valid
    if refused.any():
        value = int(words[int(refused.argmax())])
        raise OutOfRangeError(f"Overflow in negation of {storage_name(result)} ({value})!")
    return words_result(np.negative(words), arguments, result, valid)


def absolute(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """`abs(x)`; OutOfRangeError for the smallest signed value."""
    words = arguments[0].values()
    lowest, signed = integer_range(result.kind)[0], INTEGER_KINDS[result.kind][1]
    valid = combined_valid(arguments)
    if signed and len(words):
        refused = words == lowest
        if valid is not None:
            refused &= valid
        if refused.any():
            raise OutOfRangeError(f"Overflow on abs({lowest})")
    return words_result(np.abs(words), arguments, result, valid)


def check_divisors(sign: str, left: Words, right: Words, valid: Mask | None) -> Words:
    """`right` with a divisor that cannot fail in NULL rows; DivisionByZeroError for a zero elsewhere."""
    zero = right == 0
    if not zero.any():
        return right
    guarded = zero if valid is None else zero & valid
    if guarded.any():
        a, b = operands_at(int(guarded.argmax()), left, right)
        raise DivisionByZeroError(
            f"Division by zero in expression ({a} {sign} {b}); divide by nullif(divisor, 0) to get NULL instead"
        )
    return np.where(zero, right.dtype.type(1), right)


def operands_at(row: int, left: Words, right: Words) -> tuple[Any, Any]:
    """The two operands of `row` as Python numbers; a constant has one for every row."""
    return left[row if len(left) > 1 else 0].item(), right[row if len(right) > 1 else 0].item()


def storage_name(sql_type: SqlType) -> str:
    """INT8 … INT64, UINT8 … as DuckDB's messages name whole-number types."""
    bits, signed = INTEGER_KINDS[sql_type.kind]
    return f"{'INT' if signed else 'UINT'}{bits}"


def _divide(arguments: Sequence[Vector], result: SqlType, sign: str, apply: Callable[[Words, Words], Words]) -> Vector:
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    left, right = (argument.values() for argument in arguments)
    valid = combined_valid(arguments)
    right = check_divisors(sign, left, right, valid)
    lowest, signed = integer_range(result.kind)[0], INTEGER_KINDS[result.kind][1]
    if signed:
        overflows = (right == -1) & (left == lowest)
        if overflows.any():
            if valid is None or (overflows & valid).any():
                raise OutOfRangeError(f"Overflow in division of {lowest} / -1")
            left = rows_of(left, valid)
    return words_result(apply(left, right), arguments, result, valid)
