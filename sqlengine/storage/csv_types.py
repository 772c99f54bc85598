"""Guess the SQL types of text columns, and the Arrow types in which Arrow's CSV reader makes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from sqlengine.errors import ConversionError
from sqlengine.functions.casts import cast
from sqlengine.functions.date_parsing import read_moments
from sqlengine.storage.csv_options import CsvOptions
from sqlengine.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    HUGEINT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    VARCHAR,
    SqlType,
    TypeKind,
    arrow_type,
)
from sqlengine.vector import Vector

# A pa.Array or pa.ChunkedArray of strings.
Texts: TypeAlias = Any

_WORDS_TRUE: Final = ("true", "t", "yes")
_WORDS_FALSE: Final = ("false", "f", "no")
TRUE_VALUES: Final = [form for word in _WORDS_TRUE for form in (word, word.upper(), word.capitalize())]
FALSE_VALUES: Final = [form for word in _WORDS_FALSE for form in (word, word.upper(), word.capitalize())]

# The format of texts that only CAST reads, not Arrow.
AS_CAST: Final = "CAST"

# Arrow's CSV reader makes columns of these.
_BY_ARROW: Final = (TypeKind.VARCHAR, TypeKind.BOOLEAN, TypeKind.TIME, TypeKind.DATE, TypeKind.JSON, TypeKind.NULL)

_DAY: Final = r"\d{4}-\d{2}-\d{2}"
_CLOCK: Final = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?"

# Numbers with leading zeros or a plus sign are labels, as in DuckDB: a postal code must not lose its zero.
_WHOLE: Final = r"^ *-?(0|[1-9]\d*) *$"
_NUMBER: Final = r"(?i)^ *-?((0|[1-9]\d*)(\.\d*)?([eE][-+]?\d+)?|0*\d*\.\d+([eE][-+]?\d+)?|nan|inf|infinity) *$"
_BOOLEAN: Final = "^(" + "|".join(TRUE_VALUES + FALSE_VALUES) + ")$"

# Narrowest first; a column gets the first type whose pattern every value matches and that can hold them.
_PATTERNS: Final[dict[TypeKind, str]] = {
    TypeKind.BOOLEAN: _BOOLEAN,
    TypeKind.UTINYINT: _WHOLE,
    TypeKind.TINYINT: _WHOLE,
    TypeKind.USMALLINT: _WHOLE,
    TypeKind.SMALLINT: _WHOLE,
    TypeKind.UINTEGER: _WHOLE,
    TypeKind.INTEGER: _WHOLE,
    TypeKind.BIGINT: _WHOLE,
    TypeKind.UBIGINT: _WHOLE,
    TypeKind.HUGEINT: r"^ *-?(0|[1-9]\d{0,37}) *$",
    TypeKind.DECIMAL: _NUMBER,
    TypeKind.FLOAT: _NUMBER,
    TypeKind.DOUBLE: _NUMBER,
    TypeKind.TIME: rf"^{_CLOCK}$",
    TypeKind.DATE: rf"^{_DAY}$",
    TypeKind.TIMESTAMP: rf"^{_DAY}([ T]{_CLOCK})?$",
    TypeKind.TIMESTAMPTZ: rf"^{_DAY}[ T]{_CLOCK}(Z|[-+]\d{{2}}(:?\d{{2}})?)$",
}
# The same in other spellings, which CAST reads.
_LOOSE: Final[dict[TypeKind, str]] = {
    TypeKind.TIME: r"^ *\d{1,2}:\d{2}(:\d{1,2}(\.\d*)?)?$",
    TypeKind.DATE: r"^ *\d{4}-\d{2}-\d{2} *$",
    TypeKind.TIMESTAMP: r"^ *\d{4}-\d{1,2}-\d{1,2}([ T] *\d{1,2}:(\d{1,2}(:(\d{1,2}(\.\d*)?)?)?)?)? *$",
}
_RANKS: Final = list(_PATTERNS)
_USUAL: Final = (BOOLEAN, BIGINT, HUGEINT, DOUBLE, TIME, DATE, TIMESTAMP, TIMESTAMPTZ)

_ORDERS: Final = (("%Y{0}%m{0}%d",), ("%d{0}%m{0}%Y", "%m{0}%d{0}%Y"))
_CLOCKS: Final = (" %H:%M:%S", " %I:%M:%S %p")
_SHAPES: Final = {"Y": r"\d{4}", "m": r"\d{1,2}", "d": r"\d{1,2}", "H": r"\d{1,2}", "I": r"\d{1,2}", "M": r"\d{2}"}


def guess_type(values: Texts, options: CsvOptions) -> tuple[SqlType, str | None]:
    """The narrowest type that holds every text of `values` (NULLs aside), and the strptime format of its texts.

    VARCHAR if there is none or no value; no format where CAST reads the texts. Days and months are told apart by the
    texts, or not at all: where all could be either, the column stays text. Depends on the set of values only, not on
    their order.
    """
    texts = values.drop_null()
    if not len(texts):
        return VARCHAR, None
    allowed = _USUAL if options.candidates is None else options.candidates
    numbers = _plain_numbers(texts, options)
    for type_ in sorted(allowed, key=_rank):
        if type_.kind is TypeKind.VARCHAR or type_.kind not in _PATTERNS:
            continue
        given = options.date_format if type_ == DATE else options.timestamp_format if type_ == TIMESTAMP else None
        if given is not None:
            if _all_in(texts, given):
                return type_, given
            continue
        subject = numbers if type_.is_numeric else texts
        if type_.is_float and HUGEINT in allowed and subject is not None and _matches(subject, _WHOLE):
            # Whole numbers that no type holds would lose digits.
            continue
        if subject is not None and _matches(subject, _PATTERNS[type_.kind]) and fits(subject, type_):
            return type_, None
        if type_ in (DATE, TIMESTAMP) and (found := _proven_format(texts, type_)):
            return type_, found
        if type_.kind in _LOOSE and is_readable(texts, type_, guessed=True):
            return type_, AS_CAST
    return VARCHAR, None


def needs_cast(type_: SqlType) -> bool:
    """Whether Arrow's CSV reader makes no columns of a type, so that CAST has to make them of texts."""
    return not (type_.is_numeric or type_.is_timestamp or type_.kind in _BY_ARROW)


def is_readable(texts: Texts, type_: SqlType, guessed: bool) -> bool:
    """Whether CAST reads all texts; if the type is guessed, they must look like it, too: a DATE has no time."""
    if guessed and len(texts) and not _matches(texts, _LOOSE[type_.kind]):
        return False
    try:
        read_as_cast(texts, type_)
    except pa.ArrowInvalid:
        return False
    return True


def read_as_cast(texts: Texts, type_: SqlType) -> pa.Array:
    """The values that CAST makes of texts.

    Raises
    ------
    pyarrow.ArrowInvalid
        If it cannot.
    """
    array = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    try:
        return cast(Vector.from_arrow(array, VARCHAR), type_).arrow()
    except ConversionError as error:
        raise pa.ArrowInvalid(str(error)) from error


def fits(texts: Texts, type_: SqlType) -> bool:
    """Whether every non-NULL text converts to `type_`."""
    if type_.kind is TypeKind.BOOLEAN or type_.kind is TypeKind.TIME:
        return True
    trimmed = pc.utf8_trim(texts, " ") if type_.is_numeric else texts
    try:
        pc.cast(trimmed, arrow_type(type_))
    except pa.ArrowInvalid:
        return False
    return True


def numbers_as_text(texts: pa.Array, point: str, thousands: str) -> pa.Array:
    """Numbers with the decimal separator `point` and groups of three digits between `thousands`, as Arrow reads them.

    Raises
    ------
    pyarrow.ArrowInvalid
        If a text is none.
    """
    group = rf"\d{{1,3}}({re.escape(thousands)}\d{{3}})+|" if thousands else ""
    pattern = rf"(?i)^ *-?(({group}\d+)?({re.escape(point)}\d*)?(e[-+]?\d+)?|nan|inf|infinity) *$"
    if pc.all(pc.match_substring_regex(texts, pattern)).as_py() is False:
        raise pa.ArrowInvalid("a text is no number")
    plain = pc.replace_substring(texts, thousands, "") if thousands else texts
    return pc.utf8_trim(pc.replace_substring(plain, point, "."), " ")


def reading_type(type_: SqlType, dictionary: bool, as_text: bool) -> pa.DataType:
    """The Arrow type to ask Arrow's CSV reader for; `conform_array` turns it into what carries `type_`."""
    if as_text:
        return pa.string()
    if type_.kind is TypeKind.VARCHAR:
        return pa.dictionary(pa.int32(), pa.string()) if dictionary else pa.string()
    return arrow_type(type_)


def _rank(type_: SqlType) -> int:
    return _RANKS.index(type_.kind) if type_.kind in _PATTERNS else len(_RANKS)


def _plain_numbers(texts: Texts, options: CsvOptions) -> Texts | None:
    if options.decimal_point == "." and not options.thousands:
        return texts
    try:
        return numbers_as_text(texts, options.decimal_point, options.thousands)
    except pa.ArrowInvalid:
        return None


def _matches(texts: Texts, pattern: str) -> bool:
    # The first value rules out most candidates at once; Python keeps its expressions compiled.
    first = re.search(pattern, texts[0].as_py(), re.ASCII)
    return first is not None and bool(pc.all(pc.match_substring_regex(texts, pattern)).as_py())


def _proven_format(texts: Texts, type_: SqlType) -> str | None:
    """The format that all texts are in, if only one order of day and month is possible."""
    for shape, orders in _formats(type_):
        if not _matches(texts, shape):
            continue
        found = [format_ for format_ in orders if _all_in(texts, format_)]
        return found[0] if len(found) == 1 else None
    return None


@cache
def _formats(type_: SqlType) -> tuple[tuple[str, list[str]], ...]:
    """(regular expression of the texts, formats with that) of all that are looked for."""
    return tuple((_shape(orders[0]), orders) for orders in _all_formats(type_))


def _all_formats(type_: SqlType) -> Iterator[list[str]]:
    for orders in _ORDERS:
        for separator in "/-.":
            for clock in ("",) if type_ == DATE else _CLOCKS:
                yield [order.format(separator) + clock for order in orders]


def _shape(format_: str) -> str:
    """A regular expression of texts that may be in a format, whatever day and month are."""
    shape = re.escape(format_).replace("%S", r"\d{2}(\.\d{1,6})?" if "%H" in format_ else r"\d{2}")
    shape = shape.replace("%p", "[aApP][mM]")
    for letter, digits in _SHAPES.items():
        shape = shape.replace(f"%{letter}", digits)
    return f"^{shape}$"


def _all_in(texts: Texts, format_: str) -> bool:
    array = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    # The first value rules out most formats at once.
    return bool(read_moments(array[:1], format_)[1].all() and read_moments(array, format_)[1].all())
