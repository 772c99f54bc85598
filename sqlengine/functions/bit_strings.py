"""Functions of BIT: `get_bit`, `set_bit`, `bit_position`, `bitstring`, lengths and counts. One value at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlengine.errors import DataError, OutOfRangeError
from sqlengine.functions.overloads import overload
from sqlengine.functions.special_text import bit_text, bits_of
from sqlengine.functions.text_function import apply_text, text_function
from sqlengine.types import BIGINT, BIT, INTEGER, SqlType
from sqlengine.vector import Vector


def bitwise_on_texts(name: str) -> Callable[..., bytes]:
    """The operator `name` on carriers of BIT; two of them have to be of one length."""

    def one(left: bytes, right: Any = None) -> bytes:
        text = bit_text(left)
        if name == "~":
            return bits_of(text.translate({48: "1", 49: "0"}))
        if name in ("<<", ">>"):
            return bits_of(_shifted(text, right, name))
        other = bit_text(right)
        if len(text) != len(other):
            raise DataError(f"Cannot {_WORDS[name]} bit strings of different sizes")
        a, b = int(text or "0", 2), int(other or "0", 2)
        number = a & b if name == "&" else a | b if name == "|" else a ^ b
        return bits_of(f"{number:0{len(text)}b}")

    return one


_WORDS = {"&": "AND", "|": "OR", "xor": "XOR"}


def _shifted(text: str, amount: int, name: str) -> str:
    if amount < 0 and name == "<<":
        raise OutOfRangeError(f"Cannot left-shift by negative number {amount}")
    if not 0 <= amount < len(text):
        return "0" * len(text)
    zeros = "0" * amount
    return text[amount:] + zeros if name == "<<" else zeros + text[: len(text) - amount]


def run_on_bits(name: str) -> Callable[[Sequence[Vector], SqlType], Vector]:
    """How the operator `name` is run where its operand is BIT."""
    one = bitwise_on_texts(name)
    return lambda arguments, result: apply_text(arguments, result, one)


def _index(text: str, index: int) -> int:
    if not 0 <= index < len(text):
        raise OutOfRangeError(f"bit index {index} out of valid range (0..{len(text) - 1})")
    return index


def _get(value: bytes, index: int) -> int:
    text = bit_text(value)
    return int(text[_index(text, index)])


def _set(value: bytes, index: int, bit: int) -> bytes:
    if bit not in (0, 1):
        raise DataError("The new bit must be 1 or 0")
    text = bit_text(value)
    place = _index(text, index)
    return bits_of(f"{text[:place]}{bit}{text[place + 1 :]}")


def _widened(value: bytes, length: int) -> bytes:
    text = bit_text(value)
    if length < len(text):
        raise DataError("Length must be equal or larger than input string")
    return bits_of(text.rjust(length, "0"))


text_function(
    "get_bit",
    overload(BIT, INTEGER, INTEGER),
    one=_get,
    example=("SELECT get_bit('0110010'::BIT, 2)", "1"),
    summary="A bit of a bit string, counted from the left, from 0.",
)
text_function(
    "set_bit",
    overload(BIT, INTEGER, INTEGER, BIT),
    one=_set,
    example=("SELECT set_bit('0110010'::BIT, 2, 0)", "0100010"),
    summary="A bit string with one bit, counted from the left, from 0, changed.",
)
text_function(
    "bit_position",
    overload(BIT, BIT, INTEGER),
    one=lambda part, whole: bit_text(whole).find(bit_text(part)) + 1,
    example=("SELECT bit_position('010'::BIT, '1110101'::BIT)", "4"),
    summary="Where a bit string begins in another, from 1; 0 if it is not there.",
)
text_function(
    "bitstring",
    overload(BIT, INTEGER, BIT),
    one=_widened,
    example=("SELECT bitstring('1010'::BIT, 7)", "0001010"),
    summary="A bit string with zeros in front up to a length.",
)

# What functions of text and of numbers do with BIT (see `nested_overloads`).
for _name, _length in (
    ("__bits_length", lambda value: 8 * (len(value) - 1) - value[0]),
    ("__bits_octets", lambda value: len(value) - 1),
    ("__bits_count", lambda value: bit_text(value).count("1")),
):
    text_function(_name, overload(BIT, BIGINT), one=_length, summary="Of a bit string.")
