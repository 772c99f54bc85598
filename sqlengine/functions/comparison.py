"""The comparison operators, on any two values that have a common type.

NaN equals NaN and is greater than every other number; text and blobs compare by their bytes; a month in
an interval counts as 30 days.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import BindError
from sqlengine.functions.coercion import comparison_type
from sqlengine.functions.encoded import map_values
from sqlengine.functions.intervals import comparable
from sqlengine.functions.order_bytes import comparable_bytes
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import Operand, Resolve, Signature, scalar
from sqlengine.functions.validity import (
    all_constant,
    any_null_constant,
    arrow_result,
    null_vector,
    words_result,
)
from sqlengine.types import BLOB, BOOLEAN, SqlType, TypeKind
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]
    Mask = NDArray[np.bool_]

Compare = Callable[[Any, Any], Any]

_ARROW: Final = {
    "=": "equal",
    "<>": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}
_COMPARE: Final[dict[str, Compare]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MIRRORED: Final = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def compare(sign: str, left: Vector, right: Vector) -> Vector:
    """`left sign right` for two vectors of one type; NULL where either is NULL."""
    arguments = (left, right)
    if left.type.kind is TypeKind.NULL or any_null_constant(arguments):
        return null_vector(BOOLEAN, arguments)
    if left.has_words() and right.has_words():
        compare_words = _compare_floats if left.type.is_float else _compare_words
        return words_result(compare_words(sign, left.values(), right.values()), arguments, BOOLEAN)
    if left.type.is_text:
        return _compare_text(sign, left, right)
    if left.type.kind is TypeKind.INTERVAL:
        return words_result(_compare_intervals(sign, left, right), arguments, BOOLEAN)
    if left.type.is_nested:
        # NULLs inside are values like others, the greatest.
        return _compare_arrow(sign, *(_as_bytes(side) for side in arguments))
    return _compare_arrow(sign, left, right)


def distinct_from(left: Vector, right: Vector) -> Vector:
    """`left IS DISTINCT FROM right`: as `<>`, but NULL is a value equal to itself; never NULL."""
    arguments = (left, right)
    left_valid, right_valid = left.valid(), right.valid()
    lengths = [len(argument) for argument in arguments if not argument.constant]
    length = lengths[0] if lengths else 1
    if left_valid is None and right_valid is None:
        return compare("<>", left, right)
    one = np.ones(1, np.bool_)
    a, b = (one if mask is None else mask for mask in (left_valid, right_valid))
    both = a & b
    differs = a != b
    if both.any():
        unequal = compare("<>", left, right).values()
        differs = differs | (both & unequal)
    return Vector.from_values(np.array(np.broadcast_to(differs, (length,))), None, BOOLEAN, all_constant(arguments))


def _compare_words(sign: str, left: Words, right: Words) -> Mask:
    mask: Mask = _COMPARE[sign](left, right)
    return mask


def _compare_floats(sign: str, left: Words, right: Words) -> Mask:
    match sign:
        case "=":
            return _equal_floats(left, right)
        case "<>":
            return ~_equal_floats(left, right)
        case "<":
            return _less_floats(left, right)
        case "<=":
            return ~_less_floats(right, left)
        case ">":
            return _less_floats(right, left)
        case _:
            return ~_less_floats(left, right)


def _equal_floats(left: Words, right: Words) -> Mask:
    mask: Mask = left == right
    if _has_nan(left) and _has_nan(right):
        mask |= np.isnan(left) & np.isnan(right)
    return mask


def _less_floats(left: Words, right: Words) -> Mask:
    mask: Mask = left < right
    if _has_nan(right):
        mask |= np.isnan(right) & ~np.isnan(left)
    return mask


def _has_nan(words: Words) -> bool:
    # A minimum is NaN as soon as any value is, and needs no temporary array.
    with np.errstate(invalid="ignore"):
        return len(words) > 0 and bool(np.isnan(words.min()))


def _compare_text(sign: str, left: Vector, right: Vector) -> Vector:
    if left.constant and not right.constant:
        return _compare_text(_MIRRORED[sign], right, left)
    if right.constant and not left.constant:
        import pyarrow.compute as pc

        function = getattr(pc, _ARROW[sign])
        value = right.arrow()[0]
        return map_values(left, BOOLEAN, lambda array: function(array, value))
    return _compare_arrow(sign, left, right)


def _compare_arrow(sign: str, left: Vector, right: Vector) -> Vector:
    import pyarrow.compute as pc

    arguments = (left, right)
    a, b = left.arrow(), right.arrow()
    if not all_constant(arguments):
        a, b = (array[0] if vector.constant else array for array, vector in ((a, left), (b, right)))
    return arrow_result(getattr(pc, _ARROW[sign])(a, b), arguments, BOOLEAN)


def _as_bytes(vector: Vector) -> Vector:
    return Vector(BLOB, comparable_bytes(vector), constant=vector.constant)


def _compare_intervals(sign: str, left: Vector, right: Vector) -> Mask:
    a_days, a_micros = comparable(left)
    b_days, b_micros = comparable(right)
    by_days, by_micros = _COMPARE[sign](a_days, b_days), _COMPARE[sign](a_micros, b_micros)
    return np.asarray(np.where(a_days == b_days, by_micros, by_days))


def _comparison(name: str, equality: bool) -> Resolve:
    def resolve(operands: Sequence[Operand]) -> Signature:
        target = comparison_type(operands[0], operands[1], equality) if len(operands) == 2 else None
        if target is None:
            raise BindError(
                f"{describe_call(name, operands)}: these types cannot be compared; cast one to the other's type"
            )
        return Signature((target, target), BOOLEAN)

    return resolve


def _register(sign: str, example: tuple[str, str], summary: str) -> None:
    usage = f"a {sign} b"

    @scalar(sign, _comparison(sign, sign in ("=", "<>")), example=example, summary=summary, usage=usage)
    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        return compare(sign, arguments[0], arguments[1])


_register("=", ("SELECT 1 = 1.0", "true"), "Whether two values are equal.")
_register("<>", ("SELECT 'a' <> 'b'", "true"), "Whether two values differ.")
_register("<", ("SELECT DATE '2024-02-29' < '2024-03-01'", "true"), "Whether the first value is less.")
_register("<=", ("SELECT 2 <= 1", "false"), "Whether the first value is less or equal.")
_register(">", ("SELECT 'b' > 'a'", "true"), "Whether the first value is greater.")
_register(">=", ("SELECT INTERVAL 1 MONTH >= INTERVAL 30 DAY", "true"), "Whether the first value is greater or equal.")


@scalar(
    "is_distinct_from",
    _comparison("is_distinct_from", True),
    example=("SELECT 1 IS DISTINCT FROM NULL", "true"),
    summary="Whether two values differ, NULL being a value like any other.",
    usage="a IS DISTINCT FROM b",
)
def _is_distinct_from(arguments: Sequence[Vector], result: SqlType) -> Vector:
    return distinct_from(arguments[0], arguments[1])


@scalar(
    "is_not_distinct_from",
    _comparison("is_not_distinct_from", True),
    example=("SELECT NULL IS NOT DISTINCT FROM NULL", "true"),
    summary="Whether two values are the same, NULL being a value like any other.",
    usage="a IS NOT DISTINCT FROM b",
)
def _is_not_distinct_from(arguments: Sequence[Vector], result: SqlType) -> Vector:
    differs = distinct_from(arguments[0], arguments[1])
    return Vector.from_values(~differs.values(), None, BOOLEAN, differs.constant)
