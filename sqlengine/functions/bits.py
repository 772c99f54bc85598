"""Bits of whole numbers and of BIT: `& | ~ << >> xor`, `bit_count`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import OutOfRangeError
from sqlengine.functions.bit_strings import run_on_bits
from sqlengine.functions.overloads import overload, resolver
from sqlengine.functions.registry import scalar
from sqlengine.functions.text_function import apply_text
from sqlengine.functions.word_function import apply_words
from sqlengine.types import (
    BIGINT,
    BIT,
    HUGEINT,
    INTEGER,
    SMALLINT,
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

_SIGNED: Final = (TINYINT, SMALLINT, INTEGER, BIGINT)
_WORDS: Final = (*_SIGNED, UTINYINT, USMALLINT, UINTEGER, UBIGINT)
_HUGE_BITS: Final = 127


def _bitwise(
    name: str,
    count: int,
    words: Callable[..., Words],
    one: Callable[..., int],
    summary: str,
    example: tuple[str, str],
) -> None:
    """Register an operation on BIT and on every whole-number type; HUGEINT by Python's integers."""
    kinds = (*_WORDS[:4], HUGEINT, *_WORDS[4:])
    on_bits = run_on_bits(name)

    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        if result == BIT:
            return on_bits(arguments, result)
        if result == HUGEINT:
            return apply_text(arguments, result, one)
        return apply_words(arguments, result, words)

    overloads = [overload(*(kind,) * (count + 1)) for kind in kinds]
    second = (INTEGER if name in ("<<", ">>") else BIT,) * (count - 1)
    overloads.append(overload(BIT, *second, BIT))
    scalar(name, resolver(name, *overloads), summary=summary, example=example)(run)


def _left_shift(values: Words, amounts: Words) -> Words:
    """`values << amounts`; zero may be shifted by anything, else no bit may be lost."""
    values, amounts = np.broadcast_arrays(values, amounts)
    limit = np.iinfo(values.dtype)
    inside = (amounts >= 0) & (amounts < limit.bits)
    room = np.where(inside, amounts, 0).astype(values.dtype)
    wrong = (values != 0) & (~inside | (values < 0) | (values > (limit.max >> room)))
    if wrong.any():
        row = int(wrong.argmax())
        raise OutOfRangeError(_shift_error(int(values[row]), int(amounts[row])))
    return np.asarray(np.left_shift(values, room))


def _left_shift_huge(value: int, amount: int) -> int:
    if value and (value < 0 or not 0 <= amount <= _HUGE_BITS or value << amount >= 1 << _HUGE_BITS):
        raise OutOfRangeError(_shift_error(value, amount))
    return value << amount if value else 0


def _shift_error(value: int, amount: int) -> str:
    if value < 0:
        return f"Cannot left-shift negative number {value}"
    if amount < 0:
        return f"Cannot left-shift by negative number {amount}"
    return f"Overflow in left shift ({value} << {amount})"


def _right_shift(values: Words, amounts: Words) -> Words:
    """`values >> amounts`; 0 for amounts outside the type's bits."""
    inside = (amounts >= 0) & (amounts < np.iinfo(values.dtype).bits)
    shifted = np.right_shift(values, np.where(inside, amounts, 0).astype(values.dtype))
    return np.asarray(np.where(inside, shifted, values.dtype.type(0)))


_bitwise("&", 2, np.bitwise_and, lambda a, b: a & b, "Bits set in both numbers.", ("SELECT 12 & 10", "8"))
_bitwise("|", 2, np.bitwise_or, lambda a, b: a | b, "Bits set in either number.", ("SELECT 12 | 10", "14"))
_bitwise("xor", 2, np.bitwise_xor, lambda a, b: a ^ b, "Bits set in just one number.", ("SELECT xor(12, 10)", "6"))
_bitwise("~", 1, np.invert, lambda a: ~a, "Every bit turned over.", ("SELECT ~12", "-13"))
_bitwise(
    "<<",
    2,
    _left_shift,
    _left_shift_huge,
    "Bits moved to the left; an error where one would be lost.",
    ("SELECT 3 << 2", "12"),
)
_bitwise(
    ">>",
    2,
    _right_shift,
    lambda a, b: a >> b if 0 <= b <= _HUGE_BITS else 0,
    "Bits moved to the right; the sign stays.",
    ("SELECT 12 >> 2", "3"),
)


def _bit_count(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if arguments[0].type == HUGEINT:
        return apply_text(arguments, result, _bit_count_huge)
    return apply_words(arguments, result, lambda words: np.bitwise_count(words.view(f"u{words.dtype.itemsize}")))


def _bit_count_huge(value: int) -> int:
    count = (value % (1 << 128)).bit_count()
    # The result has eight bits, as DuckDB's has.
    return count if count < 128 else count - 256


scalar(
    "bit_count",
    resolver("bit_count", *(overload(kind, TINYINT) for kind in (*_SIGNED, HUGEINT))),
    example=("SELECT bit_count(31)", "5"),
    summary="How many bits of a whole number's two's complement are set.",
)(_bit_count)
