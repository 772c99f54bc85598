"""Text as timestamps, by a format: `strptime`, `try_strptime`.

A format becomes one regular expression with a group per specifier, which a whole column is matched with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import ConversionError, NotSupportedError
from sqlengine.functions.calendar import days_in_month, from_civil
from sqlengine.functions.date_format import DAYS, MONTHS, constant_format, format_pieces
from sqlengine.functions.intervals import MICROS_PER_DAY
from sqlengine.functions.moments import MICROS
from sqlengine.functions.overloads import overload, resolver
from sqlengine.functions.registry import scalar
from sqlengine.functions.validity import any_null_constant, null_vector
from sqlengine.types import TIMESTAMP, VARCHAR, SqlType, list_of
from sqlengine.vector import Vector

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Words = NDArray[Any]
    Mask = NDArray[np.bool_]

# How each specifier reads: a regular expression, and the field it fills.
_READERS: Final[dict[str, tuple[str, str]]] = {
    "Y": (r"-?\d{1,4}", "year"),
    "y": (r"\d{1,2}", "short_year"),
    "m": (r"\d{1,2}", "month"),
    "-m": (r"\d{1,2}", "month"),
    "d": (r"\d{1,2}", "day"),
    "-d": (r"\d{1,2}", "day"),
    "H": (r"\d{1,2}", "hour"),
    "-H": (r"\d{1,2}", "hour"),
    "I": (r"\d{1,2}", "hour12"),
    "-I": (r"\d{1,2}", "hour12"),
    "M": (r"\d{1,2}", "minute"),
    "-M": (r"\d{1,2}", "minute"),
    "S": (r"\d{1,2}", "second"),
    "-S": (r"\d{1,2}", "second"),
    "f": (r"\d{1,9}", "fraction"),
    "g": (r"\d{1,3}", "fraction"),
    "j": (r"\d{1,3}", "doy"),
    "-j": (r"\d{1,3}", "doy"),
    "p": (r"(?i:[AP]M)", "half"),
    "b": ("(?i:" + "|".join(name[:3] for name in MONTHS) + ")", "month_name"),
    "B": ("(?i:" + "|".join(MONTHS) + ")", "month_name"),
    "a": ("(?i:" + "|".join(name[:3] for name in DAYS) + ")", ""),
    "A": ("(?i:" + "|".join(DAYS) + ")", ""),
}


# Specifiers whose fields have a number of digits that most writers write.
_DIGITS: Final = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}


def _reading_pattern(format_: str) -> str:
    """The regular expression of a format, a named group per field."""
    seen: set[str] = set()
    parts = []
    for is_specifier, text in format_pieces(format_, "strptime"):
        if not is_specifier:
            parts.append(re.escape(text))
            continue
        if text not in _READERS:
            raise NotSupportedError(f"strptime: the specifier %{text}")
        pattern, field = _READERS[text]
        if field in seen:
            raise NotSupportedError(f"strptime: the field %{text} given twice")
        seen.add(field)
        parts.append(f"(?P<{field}>{pattern})" if field else pattern)
    return r"^\s*" + "".join(parts) + r"\s*$"


def read_moments(array: pa.Array, format_: str) -> tuple[Words, Mask]:
    """(microseconds since 1970, which texts are in the strptime format) of an array of texts; a NULL is in none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    fixed = _read_fixed(array, format_)
    if fixed is not None:
        return fixed
    expression = _reading_pattern(format_)
    # Without any group RE2 has nothing to extract; the empty one keeps the struct.
    found = pc.extract_regex(array, expression if "(?P<" in expression else expression + "(?P<nothing>)")
    matched = found.is_valid().to_numpy(zero_copy_only=False)
    names = {found.type.field(k).name for k in range(found.type.num_fields)}

    def field(name: str, default: int) -> Words:
        if name not in names:
            return np.full(len(array), default, np.int64)
        texts = pc.if_else(pa.array(matched), pc.struct_field(found, name), str(default))
        return np.asarray(texts.cast(pa.int64()).to_numpy(zero_copy_only=False))

    year = field("year", 1900)
    if "short_year" in names:
        short = field("short_year", 0)
        year = np.where(short < 69, 2000, 1900) + short
    month = field("month", 1)
    if "month_name" in names:
        short_names = pc.utf8_lower(pc.utf8_slice_codeunits(pc.struct_field(found, "month_name"), 0, 3))
        index = pc.index_in(short_names, pa.array([name[:3].lower() for name in MONTHS])).fill_null(0)
        month = np.asarray(index.to_numpy(zero_copy_only=False)).astype(np.int64) + 1
    day = field("day", 1)
    hour = field("hour", 0)
    if "hour12" in names:
        twelve = field("hour12", 12)
        matched &= (twelve >= 1) & (twelve <= 12)
        hour = twelve % 12
    if "half" in names:
        half = pc.utf8_upper(pc.struct_field(found, "half"))
        afternoon = pc.equal(half, "PM").fill_null(False).to_numpy(zero_copy_only=False)
        hour = hour % 12 + 12 * afternoon
    minute, second = field("minute", 0), field("second", 0)
    micros = np.zeros(len(array), np.int64)
    if "fraction" in names:
        digits = pc.struct_field(found, "fraction").fill_null("0")
        padded = pc.utf8_slice_codeunits(pc.utf8_rpad(digits, 6, padding="0"), 0, 6)
        micros = np.asarray(padded.cast(pa.int64()).to_numpy(zero_copy_only=False))
    fits = _is_moment(year, month, day, hour, minute, second) & matched
    days = from_civil(year, np.where(fits, month, 1), np.where(fits, day, 1))
    if "doy" in names:
        number = field("doy", 1)
        fits &= (number >= 1) & (number <= 366)
        days = from_civil(year, np.ones_like(year), np.ones_like(year)) + number - 1
    words = days * MICROS_PER_DAY + hour * MICROS["hour"] + minute * MICROS["minute"] + second * MICROS["second"]
    return words + micros, fits


def _is_moment(year: Words, month: Words, day: Words, hour: Words, minute: Words, second: Words) -> Mask:
    fits = (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60)
    return fits & (day <= days_in_month(year, np.where(fits, month, 1)))


def _read_fixed(array: pa.Array, format_: str) -> tuple[Words, Mask] | None:
    """As `read_moments`, of texts that have every field with all of its digits, ten times faster; else None."""
    import pyarrow as pa

    pieces = list(format_pieces(format_, "strptime"))
    fields = [text for is_specifier, text in pieces if is_specifier]
    if not set(fields) <= set(_DIGITS) or len(set(fields)) < len(fields) or array.type != pa.string():
        return None
    width = sum(_DIGITS[text] if is_specifier else len(text.encode()) for is_specifier, text in pieces)
    present = np.asarray(array.is_valid().to_numpy(zero_copy_only=False))
    texts = array.drop_null() if array.null_count else array
    rows = len(texts)
    if not rows or not fields:
        return None
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + rows + 1]
    if not (np.diff(offsets) == width).all():
        return None
    block = np.frombuffer(texts.buffers()[2], np.uint8)[offsets[0] : offsets[-1]].reshape(rows, width)
    values = {"Y": np.full(rows, 1900), "m": np.ones(rows, np.int64), "d": np.ones(rows, np.int64)}
    place = 0
    for is_specifier, text in pieces:
        size = _DIGITS[text] if is_specifier else len(text.encode())
        part = block[:, place : place + size]
        place += size
        if not is_specifier:
            if not (part == np.frombuffer(text.encode(), np.uint8)).all():
                return None
            continue
        digits = part - ord("0")
        if (digits > 9).any():
            return None
        value = np.zeros(rows, np.int64)
        for column in range(size):
            value = value * 10 + digits[:, column]
        values[text] = value
    zero = np.zeros(rows, np.int64)
    year, month, day = values["Y"], values["m"], values["d"]
    hour, minute, second = (values.get(name, zero) for name in "HMS")
    fits = _is_moment(year, month, day, hour, minute, second)
    days = from_civil(year, np.where(fits, month, 1), np.where(fits, day, 1))
    words = days * MICROS_PER_DAY + hour * MICROS["hour"] + minute * MICROS["minute"] + second * MICROS["second"]
    if not array.null_count:
        return words, fits
    all_words, all_fits = np.zeros(len(array), np.int64), np.zeros(len(array), np.bool_)
    all_words[present], all_fits[present] = words, fits
    return all_words, all_fits


def _strptime(arguments: Sequence[Vector], result: SqlType) -> Vector:
    return _first_that_fits(arguments, result, attempt=False)


def _try_strptime(arguments: Sequence[Vector], result: SqlType) -> Vector:
    return _first_that_fits(arguments, result, attempt=True)


def _first_that_fits(arguments: Sequence[Vector], result: SqlType, attempt: bool) -> Vector:
    """Each text by the first of the formats that it has."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    text, pattern = arguments
    formats = constant_format(pattern, "strptime")
    formats = [formats] if isinstance(formats, str) else [each for each in formats if each is not None]
    array = text.arrow()
    present = np.asarray(array.is_valid().to_numpy(zero_copy_only=False))
    words, valid = np.zeros(len(array), np.int64), ~present
    for format_ in formats:
        read, fits = read_moments(array, format_)
        words = np.where(fits & ~valid, read, words)
        valid = valid | fits
    missing = ~valid
    if not attempt and missing.any():
        value = array[int(missing.argmax())].as_py()
        shown = ", ".join(map(repr, formats))
        raise ConversionError(
            f"strptime: could not parse {value!r} according to the format {shown}; try_strptime gives NULL instead"
        )
    valid &= present
    return Vector.from_values(words, None if valid.all() else valid, TIMESTAMP, text.constant)


_PARSERS: Final = (overload(VARCHAR, VARCHAR, TIMESTAMP), overload(VARCHAR, list_of(VARCHAR), TIMESTAMP))
scalar(
    "strptime",
    resolver("strptime", *_PARSERS),
    example=("strptime('29 Feb 2020', '%d %b %Y')", "2020-02-29 00:00:00"),
    summary="The timestamp that a text says in a format, or in the first of several that it has.",
)(_strptime)
scalar(
    "try_strptime",
    resolver("try_strptime", *_PARSERS),
    example=("try_strptime('x', '%Y')", "NULL"),
    summary="The timestamp that a text says in a format or several; NULL if in none.",
)(_try_strptime)
