"""Numbers as text of another form, and back: hexadecimal, binary, any base, bytes in readable units, a bar."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from sqlengine.errors import DataError, OutOfRangeError
from sqlengine.functions.overloads import overload, resolver
from sqlengine.functions.registry import Run, scalar
from sqlengine.functions.text_function import apply_text, text_function
from sqlengine.types import BIGINT, BLOB, DOUBLE, HUGEINT, INTEGER, UBIGINT, VARCHAR, SqlType
from sqlengine.vector import Vector

_NUMBERS: Final = (overload(BIGINT, VARCHAR), overload(UBIGINT, VARCHAR), overload(HUGEINT, VARCHAR))


def _digits_of(form: str) -> Run:
    """A number's digits in base 16 ("X") or 2 ("b"), or its bytes' if it is text or a blob; negative ones as the
    two's complement of their 64 or 128 bits.
    """
    width = {"X": 2, "b": 8}[form]

    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        bits = 128 if arguments[0].type == HUGEINT else 64

        def one(value: int | str | bytes) -> str:
            if isinstance(value, int):
                return format(value % (1 << bits), form)
            return "".join(
                format(byte, f"0{width}{form}") for byte in (value.encode() if isinstance(value, str) else value)
            )

        return apply_text(arguments, result, one)

    return run


def _from_hex(text: str) -> bytes:
    unfit = re.search(r"[^0-9a-fA-F]", text)
    if unfit is not None:
        raise DataError(f"Invalid input for hex digit: {unfit[0]}")
    return bytes.fromhex(text if len(text) % 2 == 0 else "0" + text)


def _from_binary(text: str) -> bytes:
    unfit = re.search(r"[^01]", text)
    if unfit is not None:
        raise DataError(f"Invalid input for binary digit: {unfit[0]}")
    return int(text or "0", 2).to_bytes(-(-len(text) // 8), "big")


scalar(
    "hex",
    resolver("hex", overload(VARCHAR, VARCHAR), overload(BLOB, VARCHAR), *_NUMBERS),
    aliases=("to_hex",),
    example=("SELECT hex(255)", "FF"),
    summary="A number, or the bytes of a text or blob, in hexadecimal.",
)(_digits_of("X"))
scalar(
    "bin",
    resolver("bin", overload(VARCHAR, VARCHAR), *_NUMBERS),
    aliases=("to_binary",),
    example=("SELECT bin(5)", "101"),
    summary="A number, or the bytes of a text, in binary.",
)(_digits_of("b"))
text_function(
    "unhex",
    overload(VARCHAR, BLOB),
    one=_from_hex,
    aliases=("from_hex",),
    example=("SELECT unhex('4142')", "AB"),
    summary="The bytes that hexadecimal digits write.",
)
text_function(
    "unbin",
    overload(VARCHAR, BLOB),
    one=_from_binary,
    aliases=("from_binary",),
    example=("SELECT unbin('01000001')", "A"),
    summary="The bytes that binary digits write.",
)

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _to_base(number: int, radix: int, width: int = 0) -> str:
    if number < 0:
        raise DataError("'to_base' number must be greater than or equal to 0")
    if not 2 <= radix <= len(_DIGITS):
        raise DataError(f"'to_base' radix must be between 2 and {len(_DIGITS)}")
    if not 0 <= width <= 64:
        raise DataError("'to_base' min_length must be between 0 and 64")
    digits = ""
    while number or not digits:
        number, digit = divmod(number, radix)
        digits = _DIGITS[digit] + digits
    return digits.rjust(width, "0")


text_function(
    "to_base",
    overload(BIGINT, INTEGER, VARCHAR),
    overload(BIGINT, INTEGER, INTEGER, VARCHAR),
    one=_to_base,
    example=("SELECT to_base(255, 16, 4)", "00FF"),
    summary="A number's digits in a base from 2 to 36, with zeros in front up to a width.",
)


# -- numbers of bytes -------------------------------------------------------------------------

_BINARY_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
_DECIMAL_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB", "PB")


def _readable(count: int, multiplier: int, units: tuple[str, ...]) -> str:
    """One digit after the point, cut off, of the largest unit that fits."""
    sign, left = ("-", -count) if count < 0 else ("", count)
    power = 0
    size = 1
    while power < len(units) - 1 and left >= size * multiplier:
        power += 1
        size *= multiplier
    if power == 0:
        return f"{sign}{left} byte" if left == 1 else f"{sign}{left} {units[0]}"
    tenths = left * 10 // size
    return f"{sign}{tenths // 10}.{tenths % 10} {units[power]}"


text_function(
    "format_bytes",
    overload(BIGINT, VARCHAR),
    one=lambda count: _readable(count, 1024, _BINARY_UNITS),
    aliases=("formatreadablesize",),
    example=("SELECT format_bytes(16384)", "16.0 KiB"),
    summary="A number of bytes for people, in units of 1024.",
)
text_function(
    "formatreadabledecimalsize",
    overload(BIGINT, VARCHAR),
    one=lambda count: _readable(count, 1000, _DECIMAL_UNITS),
    example=("SELECT formatReadableDecimalSize(16000)", "16.0 kB"),
    summary="A number of bytes for people, in units of 1000.",
)

_UNIT_SIZES: Final = {
    **dict.fromkeys(("b", "byte", "bytes"), 1),
    **{f"{unit}b": 1000**power for power, unit in enumerate("kmgt", 1)},
    **{f"{unit}ib": 1024**power for power, unit in enumerate("kmgt", 1)},
    **{unit: 1000**power for power, unit in enumerate("kmgt", 1)},
    **{f"{name}byte{s}": 1000**p for p, name in enumerate(("kilo", "mega", "giga", "tera"), 1) for s in ("", "s")},
}


def _parse_bytes(text: str) -> int:
    found = re.fullmatch(r"\s*([0-9.eE+-]+?)\s*([a-zA-Z]*)\s*", text)
    size = None if found is None else _UNIT_SIZES.get(found[2].lower())
    try:
        number = float(found[1]) if found is not None else -1.0
    except ValueError:
        number = -1.0
    if size is None or number < 0:
        raise DataError(f"{text!r} is not a number of bytes with a unit, as in '1.5 GB'")
    if number * size >= 2.0**64:
        raise OutOfRangeError(f"{text!r} is more bytes than 64 bits count")
    return int(number * size)


text_function(
    "parse_formatted_bytes",
    overload(VARCHAR, UBIGINT),
    one=_parse_bytes,
    example=("SELECT parse_formatted_bytes('16 KiB')", "16384"),
    summary="The number of bytes that a text with a unit says.",
)


# -- a bar ------------------------------------------------------------------------------------

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_WIDEST_BAR: Final = 1000


def _bar(value: float, low: float, high: float, width: float = 80.0) -> str:
    """A bar as long as `value` is far from `low` to `high`, drawn in eighths of a character."""
    if not width >= 1:
        raise OutOfRangeError("Max bar width must be >= 1")
    if width > _WIDEST_BAR:
        raise OutOfRangeError(f"Max bar width must be <= {_WIDEST_BAR}")
    if value != value or low != low or high != high or width != width or value <= low:
        filled = 0.0
    elif value >= high:
        filled = width
    else:
        filled = width * (value - low) / (high - low)
    eighths = int(filled * 8)
    whole, rest = divmod(eighths, 8)
    drawn = "█" * whole + (_EIGHTHS[rest] if rest else "")
    return drawn + " " * (int(width) - len(drawn))


text_function(
    "bar",
    overload(DOUBLE, DOUBLE, DOUBLE, VARCHAR),
    overload(DOUBLE, DOUBLE, DOUBLE, DOUBLE, VARCHAR),
    one=_bar,
    example=("SELECT bar(5, 0, 10, 8)", "████    "),
    summary="A bar as long as a value is far on its way from a least to a greatest, 80 characters wide or as given.",
)
