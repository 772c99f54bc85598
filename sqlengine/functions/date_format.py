"""Dates as text and back: `strftime`, `strptime`, `dayname`, `monthname`.

Both work piece by piece on whole columns: a format is cut into literal text and specifiers, each specifier
becomes (or is read from) a column of text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import ConversionError, NotSupportedError
from sqlengine.functions.calendar import days_in_month, from_civil
from sqlengine.functions.date_parts import part_of
from sqlengine.functions.intervals import MICROS_PER_DAY
from sqlengine.functions.moments import MICROS
from sqlengine.functions.overloads import on_local_time, overload, resolver
from sqlengine.functions.registry import scalar
from sqlengine.functions.validity import any_null_constant, arrow_result, null_vector
from sqlengine.types import DATE, TIMESTAMP, TIMESTAMPTZ, VARCHAR, SqlType
from sqlengine.vector import Vector

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Words = NDArray[Any]

DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip


def _names(names: Sequence[str], words: Words) -> pa.Array:
    import pyarrow as pa

    return pa.array(list(names)).take(pa.array(words))


def _digits(words: Words, width: int) -> pa.Array:
    """Numbers as text, with zeros in front up to `width` digits."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pa.array(words).cast(pa.string())
    return pc.utf8_lpad(text, width, padding="0") if width > 1 else text


def _twelve(hours: Words) -> Words:
    return (hours + 11) % 12 + 1


def _number(part: str, width: int) -> Callable[[Vector], Any]:
    return lambda moment: _digits(part_of(part, moment), width)


def _week_from(first_weekday: int) -> Callable[[Vector], Any]:
    """Week of the year counted from the first such weekday; days before it are week 0."""

    def text(moment: Vector) -> Any:
        day = part_of("doy", moment) - 1
        weekday = np.mod(part_of("dow", moment) - first_weekday, 7)
        return _digits((day + 7 - weekday) // 7, 2)

    return text


def _year(moment: Vector) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    year = part_of("year", moment)
    text = _digits(np.abs(year), 4)
    return (
        pc.if_else(pa.array(year < 0), pc.binary_join_element_wise("-", text, ""), text) if (year < 0).any() else text
    )


_WRITERS: Final[dict[str, Callable[[Vector], Any]]] = {
    "a": lambda m: _names([name[:3] for name in DAYS], part_of("dow", m)),
    "A": lambda m: _names(DAYS, part_of("dow", m)),
    "w": _number("dow", 1),
    "u": _number("isodow", 1),
    "d": _number("day", 2),
    "-d": _number("day", 1),
    "b": lambda m: _names([name[:3] for name in MONTHS], part_of("month", m) - 1),
    "h": lambda m: _names([name[:3] for name in MONTHS], part_of("month", m) - 1),
    "B": lambda m: _names(MONTHS, part_of("month", m) - 1),
    "m": _number("month", 2),
    "-m": _number("month", 1),
    "y": lambda m: _digits(np.mod(part_of("year", m), 100), 2),
    "-y": lambda m: _digits(np.mod(part_of("year", m), 100), 1),
    "Y": _year,
    "G": _number("isoyear", 4),
    "V": _number("week", 2),
    "H": _number("hour", 2),
    "-H": _number("hour", 1),
    "I": lambda m: _digits(_twelve(part_of("hour", m)), 2),
    "-I": lambda m: _digits(_twelve(part_of("hour", m)), 1),
    "p": lambda m: _names(("AM", "PM"), part_of("hour", m) // 12),
    "M": _number("minute", 2),
    "-M": _number("minute", 1),
    "S": _number("second", 2),
    "-S": _number("second", 1),
    "f": lambda m: _digits(part_of("microsecond", m) % MICROS["second"], 6),
    "g": lambda m: _digits(part_of("millisecond", m) % 1000, 3),
    "j": _number("doy", 3),
    "-j": _number("doy", 1),
    "U": _week_from(0),
    "W": _week_from(1),
}
# Specifiers that stand for others.
_COMPOSED: Final = {
    "c": "%Y-%m-%d %H:%M:%S",
    "x": "%Y-%m-%d",
    "X": "%H:%M:%S",
    "T": "%H:%M:%S",
    "D": "%m/%d/%y",
    "F": "%Y-%m-%d",
    "R": "%H:%M",
}


def _pieces(format_: str, function: str) -> Iterator[tuple[bool, str]]:
    """(is a specifier, text) for each piece of a format."""
    for literal, specifier in re.findall(r"([^%]+)|%(-?.|$)", format_, re.DOTALL):
        if literal:
            yield False, literal
        elif specifier == "%":
            yield False, "%"
        elif specifier in _COMPOSED:
            yield from _pieces(_COMPOSED[specifier], function)
        elif not specifier:
            raise ConversionError(
                f"{function}: the format {format_!r} ends with a single %; write %% for a percent sign"
            )
        else:
            yield True, specifier


def _format_of(vector: Vector, function: str) -> str:
    if not vector.constant:
        raise NotSupportedError(f"{function} with a format that varies by row; write the format as a literal")
    return str(vector.arrow()[0].as_py())


@scalar(
    "strftime",
    on_local_time(
        resolver(
            "strftime",
            *(overload(each, VARCHAR, VARCHAR) for each in (DATE, TIMESTAMP, TIMESTAMPTZ)),
            *(overload(VARCHAR, each, VARCHAR) for each in (DATE, TIMESTAMP, TIMESTAMPTZ)),
        )
    ),
    example=("strftime(DATE '2020-02-29', '%d %B %Y')", "29 February 2020"),
    summary="A date or timestamp as text of a format.",
)
def _strftime(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """A date or timestamp as text; the format may stand first or second."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if any_null_constant(arguments):
        return null_vector(result, arguments)
    moment, pattern = arguments if arguments[1].type == VARCHAR else reversed(arguments)
    columns: list[Any] = []
    for is_specifier, text in _pieces(_format_of(pattern, "strftime"), "strftime"):
        if not is_specifier:
            columns.append(pa.scalar(text))
        elif text in _WRITERS:
            columns.append(_WRITERS[text](moment))
        else:
            raise NotSupportedError(f"strftime: the specifier %{text}")
    length = len(moment)
    full = [pa.repeat(c, length) if len_of(c) != length else c for c in columns] or [pa.repeat(pa.scalar(""), length)]
    joined = pc.binary_join_element_wise(*full, "")
    valid = moment.valid()
    if valid is not None:
        joined = pc.if_else(pa.array(valid), joined, pa.scalar(None, pa.string()))
    return arrow_result(joined, [moment], result)


def len_of(column: Any) -> int:
    """Rows of a column of text; scalars, and parts that a DATE has the same of everywhere, count as one."""
    import pyarrow as pa

    return -1 if isinstance(column, pa.Scalar) else len(column)


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
    "p": (r"(?i:[AP]M)", "half"),
    "b": ("(?i:" + "|".join(name[:3] for name in MONTHS) + ")", "month_name"),
    "B": ("(?i:" + "|".join(MONTHS) + ")", "month_name"),
    "a": ("(?i:" + "|".join(name[:3] for name in DAYS) + ")", ""),
    "A": ("(?i:" + "|".join(DAYS) + ")", ""),
}


def _reading_pattern(format_: str) -> str:
    """The regular expression of a format, a named group per field."""
    seen: set[str] = set()
    parts = []
    for is_specifier, text in _pieces(format_, "strptime"):
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


def _strptime(arguments: Sequence[Vector], result: SqlType, attempt: bool) -> Vector:
    import pyarrow as pa
    import pyarrow.compute as pc

    if any_null_constant(arguments):
        return null_vector(result, arguments)
    text, pattern = arguments
    format_ = _format_of(pattern, "strptime")
    array = text.arrow()
    expression = _reading_pattern(format_)
    # Without any group RE2 has nothing to extract; the empty one keeps the struct.
    found = pc.extract_regex(array, expression if "(?P<" in expression else expression + "(?P<nothing>)")
    matched = found.is_valid().to_numpy(zero_copy_only=False)
    present = array.is_valid().to_numpy(zero_copy_only=False)
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
    fits = (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60)
    fits &= day <= days_in_month(year, np.where(fits, month, 1))
    fits &= matched
    if not attempt and (~fits & present).any():
        value = array[int(np.flatnonzero(~fits & present)[0])].as_py()
        raise ConversionError(
            f"strptime: could not parse {value!r} according to the format {format_!r}; try_strptime gives NULL instead"
        )
    days = from_civil(year, np.where(fits, month, 1), np.where(fits, day, 1))
    words = days * MICROS_PER_DAY + hour * MICROS["hour"] + minute * MICROS["minute"] + second * MICROS["second"]
    valid = fits & present
    return Vector.from_values(words + micros, None if valid.all() else valid, TIMESTAMP, text.constant)


_PARSERS: Final = overload(VARCHAR, VARCHAR, TIMESTAMP)
scalar(
    "strptime",
    resolver("strptime", _PARSERS),
    example=("strptime('29 Feb 2020', '%d %b %Y')", "2020-02-29 00:00:00"),
    summary="The timestamp that a text says in a format.",
)(lambda arguments, result: _strptime(arguments, result, attempt=False))
scalar(
    "try_strptime",
    resolver("try_strptime", _PARSERS),
    example=("try_strptime('x', '%Y')", "NULL"),
    summary="The timestamp that a text says in a format; NULL if it does not.",
)(lambda arguments, result: _strptime(arguments, result, attempt=True))


def _named(names: Sequence[str], part: str, first: int) -> Callable[[Sequence[Vector], SqlType], Vector]:
    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        import pyarrow as pa

        (moment,) = arguments
        valid = moment.valid()
        codes = (part_of(part, moment) - first).astype(np.int32)
        if valid is not None:
            codes = np.where(valid, codes, np.int32(0))
        indices = pa.array(codes, mask=None if valid is None else ~valid)
        return Vector(result, pa.DictionaryArray.from_arrays(indices, pa.array(names)), constant=moment.constant)

    return run


for _name, _list, _part, _first, _shown in (
    ("dayname", DAYS, "dow", 0, "Saturday"),
    ("monthname", MONTHS, "month", 1, "February"),
):
    scalar(
        _name,
        on_local_time(resolver(_name, *(overload(each, VARCHAR) for each in (DATE, TIMESTAMP, TIMESTAMPTZ)))),
        example=(f"{_name}(DATE '2020-02-29')", _shown),
        summary=f"The English name of the {'weekday' if _part == 'dow' else 'month'}.",
    )(_named(_list, _part, _first))
