"""Exact arithmetic on DECIMAL and HUGEINT: int64 words while everything fits, Arrow's 256 bits beyond.

Most decimal columns are small numbers in wide types, so the words path has to prove only that no result
leaves int64 and the result's digits: by the argument types if they are narrow enough, else by the
smallest and largest operands of the batch.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import DivisionByZeroError, OutOfRangeError
from sqlengine.functions.integers import (
    ADD,
    MULTIPLY,
    Operation,
    check_divisors,
    stays_within,
    wrapped_rows,
)
from sqlengine.functions.validity import (
    all_constant,
    any_null_constant,
    arrow_result,
    combined_valid,
    null_vector,
    words_result,
)
from sqlengine.types import MAX_DECIMAL_PRECISION, SqlType, TypeKind, arrow_type
from sqlengine.vector import Vector

if TYPE_CHECKING:
    import pyarrow as pa

# Exact for every product of two 38-digit numbers.
EXACT: Final = decimal.Context(prec=100)

_INT64_MAX: Final = 2**63 - 1


def largest_unscaled(sql_type: SqlType) -> int:
    """The largest unscaled value of a DECIMAL or HUGEINT."""
    digits = MAX_DECIMAL_PRECISION if sql_type.is_integer else sql_type.precision
    return int(10**digits) - 1


def unscaled(value: decimal.Decimal, scale: int) -> int:
    """The whole number `value * 10**scale`, exactly."""
    return int(EXACT.scaleb(value, decimal.Decimal(scale)))


def scaled(value: int, scale: int) -> decimal.Decimal:
    """The inverse of `unscaled`."""
    return decimal.Decimal(value).scaleb(-scale, EXACT)


def combine(operation: Operation, arguments: Sequence[Vector], result: SqlType) -> Vector:
    """`left operation right`; for + and - both arguments have the result's scale.

    Raises
    ------
    OutOfRangeError
        If a row that is not NULL needs more digits than `result` has; the message names its values.
    """
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    left, right = arguments
    if not (left.has_words() and right.has_words()):
        return _wide(operation, arguments, result)
    limit = min(largest_unscaled(result), _INT64_MAX)
    valid = combined_valid(arguments)
    a, b = left.values(), right.values()
    if _types_prove(operation, left.type, right.type, limit):
        return words_result(operation.apply(a, b), arguments, result, valid)
    values = operation.apply(a, b)
    if not stays_within(operation, a, b, valid, -limit, limit):
        wrong = wrapped_rows(operation, a, b, values) | (values > limit) | (values < -limit)
        if valid is not None:
            wrong &= valid
        if wrong.any():
            # Too long for int64 words may still be right in a wide type.
            return _wide(operation, arguments, result)
    return words_result(values, arguments, result, valid)


def modulo(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """`left % right` with the sign of `left`, on arguments of the result's scale; DivisionByZeroError for 0."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    left, right = arguments
    if left.has_words() and right.has_words():
        valid = combined_valid(arguments)
        divisors = check_divisors("%", left.values(), right.values(), valid)
        return words_result(np.fmod(left.values(), divisors), arguments, result, valid)

    def remainder(a: int, b: int) -> int:
        if b == 0:
            raise DivisionByZeroError(f"Division by zero in expression ({scaled(a, result.scale)} % 0)")
        return abs(a) % abs(b) * (-1 if a < 0 else 1)

    return _row_by_row(remainder, arguments, result)


def divide_whole(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """`left // right` for HUGEINT, rounded towards zero; DivisionByZeroError for 0."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)

    def quotient(a: int, b: int) -> int:
        if b == 0:
            raise DivisionByZeroError(f"Division by zero in expression ({a} // 0)")
        return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)

    left, right = arguments
    if left.has_words() and right.has_words() and not (right.values() == -1).any():
        valid = combined_valid(arguments)
        divisors = check_divisors("//", left.values(), right.values(), valid)
        dividends = left.values()
        return words_result((dividends - np.fmod(dividends, divisors)) // divisors, arguments, result, valid)
    return _row_by_row(quotient, arguments, result)


def negate(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """`-x`; never out of range, since decimal ranges are symmetric."""
    (argument,) = arguments
    if argument.has_words() and not (argument.values() == -_INT64_MAX - 1).any():
        return words_result(np.negative(argument.values()), arguments, result)
    import pyarrow.compute as pc

    return arrow_result(pc.negate(argument.arrow()), arguments, result)


def absolute(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """`abs(x)`."""
    (argument,) = arguments
    if argument.has_words() and not (argument.values() == -_INT64_MAX - 1).any():
        return words_result(np.abs(argument.values()), arguments, result)
    import pyarrow.compute as pc

    return arrow_result(pc.abs(argument.arrow()), arguments, result)


def from_unscaled(values: Sequence[int | None], result: SqlType, constant: bool) -> Vector:
    """A vector of Python integers, unscaled; each must fit `result`."""
    import pyarrow as pa

    items = [None if value is None else scaled(value, result.scale) for value in values]
    return Vector(result, pa.array(items, arrow_type(result)), constant=constant)


def unscaled_rows(vector: Vector, length: int) -> list[int | None]:
    """The rows of a DECIMAL, HUGEINT or integer vector as unscaled Python integers, a constant repeated."""
    scale = vector.type.scale
    rows = [None if item is None else unscaled(decimal.Decimal(item), scale) for item in vector.arrow().to_pylist()]
    return rows * length if vector.constant else rows


def _types_prove(operation: Operation, left: SqlType, right: SqlType, limit: int) -> bool:
    if TypeKind.HUGEINT in (left.kind, right.kind):
        return False
    a, b = largest_unscaled(left), largest_unscaled(right)
    return a <= _INT64_MAX and b <= _INT64_MAX and (a * b if operation is MULTIPLY else a + b) <= limit


def _wide(operation: Operation, arguments: Sequence[Vector], result: SqlType) -> Vector:
    """The operation in 256 bits, where even + of two 38-digit numbers cannot overflow."""
    import pyarrow as pa
    import pyarrow.compute as pc

    left, right = (_narrowest_256(argument) for argument in arguments)
    function = pc.multiply if operation is MULTIPLY else pc.add if operation is ADD else pc.subtract
    try:
        array = function(left, right)
        array = pa.array([array.as_py()], array.type) if isinstance(array, pa.Scalar) else array
        return arrow_result(array.cast(arrow_type(result)), arguments, result)
    except pa.ArrowInvalid:
        # A row does not fit `result`, or two operands of 38 digits were multiplied: decide row by row.
        return _row_by_row(_PYTHON[operation.sign], arguments, result, operation)


_PYTHON: Final[dict[str, Callable[[int, int], int]]] = {
    "+": int.__add__,
    "-": int.__sub__,
    "*": int.__mul__,
}


def _narrowest_256(vector: Vector) -> pa.Array | pa.Scalar:
    """As decimal256 of no more digits than the values have: Arrow sizes a product by its operands' types."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array = vector.arrow()
    extremes = pc.min_max(array).as_py()
    digits = max(
        len(str(abs(unscaled(value, vector.type.scale)))) if value is not None else 1 for value in extremes.values()
    )
    converted = array.cast(pa.decimal256(max(digits, vector.type.scale, 1), vector.type.scale))
    return converted[0] if vector.constant else converted


def _row_by_row(
    compute: Callable[[int, int], int],
    arguments: Sequence[Vector],
    result: SqlType,
    operation: Operation | None = None,
) -> Vector:
    left, right = arguments
    length = max(len(argument) for argument in arguments if not argument.constant or all_constant(arguments))
    limit = largest_unscaled(result)
    values: list[int | None] = []
    for a, b in zip(unscaled_rows(left, length), unscaled_rows(right, length), strict=True):
        value = None if a is None or b is None else compute(a, b)
        if value is not None and abs(value) > limit:
            raise _overflow(operation, a, b, arguments, result)
        values.append(value)
    return from_unscaled(values, result, all_constant(arguments))


def _overflow(operation: Operation | None, a: Any, b: Any, arguments: Sequence[Vector], result: SqlType) -> Exception:
    noun, sign = (operation.noun, operation.sign) if operation is not None else ("division", "/")
    left, right = (argument.type.scale for argument in arguments)
    values = f"({scaled(a, left)} {sign} {scaled(b, right)})"
    if result.is_integer:
        return OutOfRangeError(f"Overflow in {noun} of INT128 {values}!")
    return OutOfRangeError(
        f"Overflow in {noun} of DECIMAL({result.precision}) {values}."
        " You might want to add an explicit cast to a bigger decimal."
    )
