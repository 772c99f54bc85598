"""Dates as text: `strftime`, `dayname`, `monthname`; `date_parsing` has the way back.

A format is cut into literal text and specifiers, each specifier becomes a column of text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import BindError, ConversionError, NotSupportedError
from sqlengine.functions.date_parts import part_of
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


Writer = Callable[[Vector], Any]

_WRITERS: Final[dict[str, Writer]] = {
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


def format_pieces(format_: str, function: str) -> Iterator[tuple[bool, str]]:
    """(is a specifier, text) for each piece of a format."""
    for literal, specifier in re.findall(r"([^%]+)|%(-?.|$)", format_, re.DOTALL):
        if literal:
            yield False, literal
        elif specifier == "%":
            yield False, "%"
        elif specifier in _COMPOSED:
            yield from format_pieces(_COMPOSED[specifier], function)
        elif not specifier:
            raise ConversionError(
                f"{function}: the format {format_!r} ends with a single %; write %% for a percent sign"
            )
        else:
            yield True, specifier


def constant_format(vector: Vector, function: str) -> Any:
    """The format, or list of formats, that a constant argument is; BindError for a column, as in DuckDB."""
    if not vector.constant:
        raise BindError(f'The "format" argument in function "{function}" must be a constant expression')
    return vector.arrow()[0].as_py()


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
    """The format may stand first or second."""
    moment, pattern = arguments if arguments[1].type == VARCHAR else reversed(arguments)
    return format_moments(moment, pattern, _NO_ZONE, result)


def format_moments(moment: Vector, pattern: Vector, zone: Mapping[str, Writer], result: SqlType) -> Vector:
    """A DATE or TIMESTAMP as text.

    Parameters
    ----------
    zone
        What writes the specifiers that ask for the time zone, z and Z.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if any_null_constant([moment, pattern]):
        return null_vector(result, [moment, pattern])
    columns: list[Any] = []
    for is_specifier, text in format_pieces(constant_format(pattern, "strftime"), "strftime"):
        if not is_specifier:
            columns.append(pa.scalar(text))
        elif text in _WRITERS:
            columns.append(_WRITERS[text](moment))
        elif text in zone:
            columns.append(zone[text](moment))
        else:
            raise NotSupportedError(f"strftime: the specifier %{text}")
    length = len(moment)
    columns = columns or [pa.scalar("")]
    full = [c if len_of(c) == length else pa.repeat(c if len_of(c) < 0 else c[0], length) for c in columns]
    joined = pc.binary_join_element_wise(*full, "")
    valid = moment.valid()
    if valid is not None:
        joined = pc.if_else(pa.array(valid), joined, pa.scalar(None, pa.string()))
    return arrow_result(joined, [moment], result)


def _text(text: str) -> Writer:
    def write(moment: Vector) -> Any:
        import pyarrow as pa

        return pa.scalar(text)

    return write


# A moment without time zone is written as one of UTC that does not say so.
_NO_ZONE: Final[dict[str, Writer]] = {"z": _text("+00"), "Z": _text("")}


def len_of(column: Any) -> int:
    """Rows of a column of text; scalars, and parts that a DATE has the same of everywhere, count as one."""
    import pyarrow as pa

    return -1 if isinstance(column, pa.Scalar) else len(column)


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
