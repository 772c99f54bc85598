"""Casts to VARCHAR, letter for letter as DuckDB prints values; and VARCHAR to BLOB."""

from __future__ import annotations

import decimal
import math
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import ConversionError
from sqlengine.functions.calendar import civil
from sqlengine.functions.decimals import EXACT
from sqlengine.functions.encoded import map_values
from sqlengine.functions.intervals import MICROS_PER_SECOND, interval_parts
from sqlengine.functions.special_text import SPECIAL_KINDS, special_text
from sqlengine.functions.temporal_casts import ticks_per_second
from sqlengine.types import BLOB, VARCHAR, TypeKind
from sqlengine.vector import Vector

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Words = NDArray[Any]

# Day numbers of 0001-01-01 and 9999-12-31: between them Arrow prints a date as SQL does.
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896


def cast_to_text(vector: Vector) -> Vector:
    """VARCHAR of any vector that is not nested."""
    if vector.type.kind is TypeKind.BLOB:
        return map_values(vector, VARCHAR, lambda array: _map_python(array, _blob_text))
    array = special_text(vector) if vector.type.kind in SPECIAL_KINDS else _text_of(vector)
    return Vector.from_arrow(array, VARCHAR, vector.constant)


def cast_to_blob(vector: Vector, attempt: bool) -> Vector:
    r"""VARCHAR as BLOB: `\xAA` stands for a byte, other characters must be ASCII."""

    def convert(text: str) -> bytes | None:
        try:
            return _blob_of(text)
        except ConversionError:
            if attempt:
                return None
            raise

    return map_values(vector, BLOB, lambda array: _map_python(array, convert, blob=True))


def interval_text(months: int, days: int, micros: int) -> str:
    """`1 year 2 months 3 days 04:05:06.5`; `00:00:00` for nothing."""
    parts = []
    years, rest = int(months / 12), months - int(months / 12) * 12
    for count, unit in ((years, "year"), (rest, "month"), (days, "day")):
        if count:
            parts.append(f"{count} {unit}{'' if abs(count) == 1 else 's'}")
    if micros or not parts:
        seconds, fraction = divmod(abs(micros), MICROS_PER_SECOND)
        clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        parts.append(("-" if micros < 0 else "") + clock + (f".{fraction:06d}".rstrip("0") if fraction else ""))
    return " ".join(parts)


def _text_of(vector: Vector) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    sql_type = vector.type
    match sql_type.kind:
        case TypeKind.BOOLEAN:
            return pc.if_else(vector.arrow(), "true", "false")
        case TypeKind.DOUBLE:
            return _join_python(vector, map(_double_text, vector.values().tolist()))
        case TypeKind.FLOAT:
            return _join_python(vector, map(_single_text, vector.values()))
        case TypeKind.DECIMAL | TypeKind.HUGEINT | TypeKind.UHUGEINT:
            return _decimal_text(vector)
        case TypeKind.DATE:
            return _date_text(vector.values(), vector.arrow().is_valid())
        case TypeKind.TIME:
            return _time_text(vector.values(), MICROS_PER_SECOND, vector.arrow().is_valid())
        case TypeKind.INTERVAL:
            return _join_python(
                vector, (interval_text(*map(int, parts)) for parts in zip(*interval_parts(vector), strict=True))
            )
        case _ if sql_type.is_timestamp:
            return _timestamp_text(vector)
        case _:
            return vector.arrow().cast(pa.string())


def _join_python(vector: Vector, texts: Iterable[str]) -> pa.Array:
    import pyarrow as pa

    valid = vector.valid()
    mask = None if valid is None else ~valid
    return pa.array(list(texts), pa.string(), mask=mask)


def _double_text(value: float) -> str:
    if value != value:
        # The sign of a NaN shows, as in C's printf.
        return "-nan" if math.copysign(1, value) < 0 else "nan"
    return repr(value)


def _single_text(value: np.float32) -> str:
    """The fewest digits that give back the same 32 bits; all of them where these are not clearly the nearest.

    That is what the Grisu algorithm leads to in DuckDB: it gives up where the number lies half-way between two
    texts, or where a text as short as any lies half-way to a neighbouring number.

    References
    ----------
    Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with Integers", PLDI 2010, section 6 (Grisu3).
    """
    if not np.isfinite(value):
        return _double_text(float(value))
    scientific = np.format_float_scientific(value, unique=True, trim="-", exp_digits=2)
    mantissa, _, exponent = scientific.partition("e")
    exact, shown = decimal.Decimal(float(value)), decimal.Decimal(scientific)
    if shown != exact and (_is_tie(exact, shown) or _has_short_boundary(value, exact, shown)):
        mantissa, _, exponent = f"{float(value):.16e}".partition("e")
        scientific = f"{mantissa}e{exponent}"
        mantissa = mantissa.rstrip("0").rstrip(".")
    # The exponent of the digits counts, not that of the value: 1e-4 as FLOAT is a little less.
    return repr(float(scientific)) if -4 <= int(exponent) < 16 else f"{mantissa}e{exponent}"


def _is_tie(exact: decimal.Decimal, shown: decimal.Decimal) -> bool:
    """Whether the next text with as many digits is as near to the number as `shown`."""
    last_digit = decimal.Decimal((0, (1,), int(shown.as_tuple().exponent)))
    return abs(shown - exact) * 2 == last_digit


def _has_short_boundary(value: np.float32, exact: decimal.Decimal, shown: decimal.Decimal) -> bool:
    """Whether the middle between the number and a neighbour is `shown`, or needs fewer digits."""
    digits = len(shown.normalize(EXACT).as_tuple().digits)
    for side in (-np.inf, np.inf):
        with np.errstate(over="ignore", under="ignore"):
            neighbour = np.nextafter(value, np.float32(side))
        if np.isfinite(neighbour):
            middle = ((exact + decimal.Decimal(float(neighbour))) / 2).normalize(EXACT)
            if middle == shown or len(middle.as_tuple().digits) < digits:
                return True
    return False


def _decimal_text(vector: Vector) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    scale = vector.type.scale
    # A DECIMAL without digits before the point prints none: .05
    bare = vector.type.kind is TypeKind.DECIMAL and scale == vector.type.precision
    if not vector.has_words():
        return pa.array(
            [None if item is None else _wide_decimal_text(item, bare) for item in vector.arrow().to_pylist()],
            pa.string(),
        )
    valid = vector.valid()
    words = vector.values()
    if scale == 0:
        return pa.array(words, mask=None if valid is None else ~valid).cast(pa.string())
    # The magnitude of the smallest int64 needs the 64th bit.
    magnitude = np.abs(words).view(np.uint64)
    divisor = np.uint64(10**scale)
    whole, fraction = (pa.array(part).cast(pa.string()) for part in np.divmod(magnitude, divisor))
    if bare:
        whole = pa.repeat(pa.scalar(""), len(words))
    sign = pc.if_else(pa.array(words < 0, mask=None if valid is None else ~valid), "-", "")
    padded = pc.utf8_lpad(fraction, scale, "0")
    return pc.binary_join_element_wise(sign, whole, ".", padded, "")


def _wide_decimal_text(value: Any, bare: bool) -> str:
    text = format(value, "f")
    return text.replace("0.", ".", 1) if bare else text


def _date_text(days: Words, valid: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    within = (days >= _FIRST_DAY) & (days <= _LAST_DAY)
    shown = pa.array(np.where(within, days, 0).astype(np.int32)).cast(pa.date32()).cast(pa.string())
    if not within.all():
        rows = np.flatnonzero(~within)
        odd = [_odd_date(*map(int, parts)) for parts in zip(*civil(days[rows].astype(np.int64)), strict=True)]
        shown = pc.replace_with_mask(shown, pa.array(~within), pa.array(odd, pa.string()))
    return pc.if_else(valid, shown, pa.scalar(None, pa.string()))


def _odd_date(year: int, month: int, day: int) -> str:
    """A date whose year has not four digits, or lies before 0001: year 0 is 1 BC."""
    shown = year if year > 0 else 1 - year
    return f"{shown:04d}-{month:02d}-{day:02d}{'' if year > 0 else ' (BC)'}"


def _time_text(ticks: Words, per_second: int, valid: pa.Array) -> pa.Array:
    """HH:MM:SS and, if there is one, the fraction without trailing zeros; `ticks` since midnight."""
    import pyarrow as pa
    import pyarrow.compute as pc

    seconds, fraction = np.divmod(ticks, per_second)
    pairs = [
        pc.utf8_lpad(pa.array(part).cast(pa.string()), 2, "0")
        for part in (seconds // 3600, seconds // 60 % 60, seconds % 60)
    ]
    shown = pc.binary_join_element_wise(*pairs, ":")
    if fraction.any():
        digits = len(str(per_second)) - 1
        padded = pc.utf8_rtrim(pc.utf8_lpad(pa.array(fraction).cast(pa.string()), digits, "0"), "0")
        suffix = pc.if_else(pa.array(fraction != 0), pc.binary_join_element_wise("", padded, "."), "")
        shown = pc.binary_join_element_wise(shown, suffix, "")
    return pc.if_else(valid, shown, pa.scalar(None, pa.string()))


def _timestamp_text(vector: Vector) -> pa.Array:
    import pyarrow.compute as pc

    per_second = ticks_per_second(vector.type)
    days, ticks = np.divmod(vector.values(), 86_400 * per_second)
    valid = vector.arrow().is_valid()
    zone = "+00" if vector.type.kind is TypeKind.TIMESTAMPTZ else ""
    shown = pc.binary_join_element_wise(_date_text(days, valid), _time_text(ticks, per_second, valid), " ")
    return pc.binary_join_element_wise(shown, zone, "")


def _map_python(array: pa.Array, convert: Callable[[Any], Any], blob: bool = False) -> pa.Array:
    import pyarrow as pa

    values = [None if item is None else convert(item) for item in array.to_pylist()]
    return pa.array(values, pa.binary() if blob else pa.string())


def _blob_text(value: bytes) -> str:
    r"""Printable ASCII as it is, other bytes, quotes and backslashes as `\xAA`."""
    return "".join(chr(byte) if 32 <= byte < 127 and byte not in b"\\'\"" else f"\\x{byte:02X}" for byte in value)


_HEX_BYTE: Final = re.compile(r"\\x([0-9a-fA-F]{2})")


def _blob_of(text: str) -> bytes:
    pieces = _HEX_BYTE.split(text)
    # Odd pieces are the hexadecimal digits of an escape, even ones stand between escapes.
    if "\\" in "".join(pieces[0::2]) or not text.isascii():
        raise ConversionError(
            f'Could not convert string "{text}" to BLOB: write bytes beyond ASCII and backslashes as \\xAA'
        )
    return b"".join(
        bytes([int(piece, 16)]) if number % 2 else piece.encode("ascii") for number, piece in enumerate(pieces)
    )
