"""Guess the SQL types of text columns, and the Arrow types in which Arrow's CSV reader makes them."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

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

_WORDS_TRUE: Final = ("true", "t", "yes")
_WORDS_FALSE: Final = ("false", "f", "no")
TRUE_VALUES: Final = [form for word in _WORDS_TRUE for form in (word, word.upper(), word.capitalize())]
FALSE_VALUES: Final = [form for word in _WORDS_FALSE for form in (word, word.upper(), word.capitalize())]

_DAY: Final = r"\d{4}-\d{2}-\d{2}"
_CLOCK: Final = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?"

# Narrowest first; a column gets the first type whose pattern every value matches and that can hold them.
# Numbers with leading zeros or a plus sign are labels, as in DuckDB: a postal code must not lose its zero.
_CANDIDATES: Final[tuple[tuple[SqlType, str], ...]] = (
    (BIGINT, r"^ *-?(0|[1-9]\d*) *$"),
    (HUGEINT, r"^ *-?(0|[1-9]\d*) *$"),
    (
        DOUBLE,
        r"(?i)^ *-?((0|[1-9]\d*)(\.\d*)?([eE][-+]?\d+)?|0*\d*\.\d+([eE][-+]?\d+)?|nan|inf|infinity) *$",
    ),
    (TIME, rf"^{_CLOCK}$"),
    (DATE, rf"^{_DAY}$"),
    (TIMESTAMP, rf"^{_DAY}([ T]{_CLOCK})?$"),
    (TIMESTAMPTZ, rf"^{_DAY}[ T]{_CLOCK}(Z|[-+]\d{{2}}(:?\d{{2}})?)$"),
)


def guess_type(values: pa.Array | pa.ChunkedArray) -> SqlType:
    """The narrowest type that holds every text of `values` (NULLs aside); VARCHAR if there is none or no value.

    Depends on the set of values only, not on their order.
    """
    texts = values.drop_null()
    if not len(texts):
        return VARCHAR
    if _all(pc.is_in(texts, pa.array(TRUE_VALUES + FALSE_VALUES))):
        return BOOLEAN
    for type_, pattern in _CANDIDATES:
        # The first value rules out most candidates at once.
        if (
            pc.match_substring_regex(texts[:1], pattern)[0].as_py()
            and _all(pc.match_substring_regex(texts, pattern))
            and fits(texts, type_)
        ):
            return type_
    return VARCHAR


def fits(texts: pa.Array | pa.ChunkedArray, type_: SqlType) -> bool:
    """Whether every non-NULL text converts to `type_` the way reading would."""
    if type_.kind is TypeKind.VARCHAR:
        return True
    if type_.kind is TypeKind.BOOLEAN:
        return _all(pc.is_in(texts.drop_null(), pa.array([*TRUE_VALUES, *FALSE_VALUES, "1", "0"])))
    if type_.kind is TypeKind.TIME:
        return _all(pc.match_substring_regex(texts, rf"^{_CLOCK}$"))
    trimmed = pc.utf8_trim(texts, " ") if type_.is_numeric else texts
    try:
        pc.cast(trimmed, arrow_type(type_))
    except pa.ArrowInvalid:
        return False
    return True


def _all(matches: pa.Array | pa.ChunkedArray) -> bool:
    """Whether every non-NULL element is true."""
    return pc.all(matches).as_py() is not False


def reading_type(type_: SqlType, dictionary: bool, date_format: bool) -> pa.DataType:
    """The Arrow type to ask Arrow's CSV reader for; `conform_array` turns it into what carries `type_`."""
    if type_.kind is TypeKind.VARCHAR:
        return pa.dictionary(pa.int32(), pa.string()) if dictionary else pa.string()
    if type_.kind is TypeKind.DATE and date_format:
        # Arrow applies formats to timestamps only.
        return pa.timestamp("s")
    return arrow_type(type_)
