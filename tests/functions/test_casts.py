"""Every pair of types over edge values, as columns, against DuckDB's TRY_CAST; and the fast paths."""

from __future__ import annotations

import random
import uuid

import numpy as np
import pyarrow as pa
import pytest

from sqlengine.errors import ConversionError
from sqlengine.functions import from_text
from sqlengine.functions.casts import cast
from sqlengine.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    HUGEINT,
    INTEGER,
    INTERVAL,
    SMALLINT,
    TIME,
    TIMESTAMP,
    TIMESTAMP_MS,
    TIMESTAMP_NS,
    TIMESTAMP_S,
    TIMESTAMPTZ,
    TINYINT,
    UBIGINT,
    UINTEGER,
    USMALLINT,
    UTINYINT,
    UUID,
    VARCHAR,
    SqlType,
    decimal,
    list_of,
)
from sqlengine.vector import Vector
from tests.functions.calls import Oracle, column, shown, texts_as

NUMBERS = ["0", "1", "-1", "7", "127", "-128", "255", "32767", "-32768", "65535", "2147483647", "-2147483648"]
WIDE = ["4294967295", "9223372036854775807", "-9223372036854775808", "18446744073709551615"]
HUGE = ["99999999999999999999999999999999999999", "-99999999999999999999999999999999999999"]
FRACTIONS = ["0.5", "-0.5", "1.5", "2.5", "-2.5", "0.05", "-0.05", "0.499", "99.995", "12345.678"]
FLOATS = ["nan", "inf", "-inf", "-0.0", "1e-5", "1e10", "1e16", "1e20", "1e30", "3.4e38", "0.1", "16777217"]
TIMES = ["00:00:00", "12:34:56", "23:59:59.999999", "00:00:00.5"]
DATES = ["1970-01-01", "1969-12-31", "2024-02-29", "0001-01-01", "9999-12-31", "0044-03-15 (BC)", "12020-01-01"]
MOMENTS = [f"{date} {time}" for date in ("1970-01-01", "1969-12-31", "2024-02-29") for time in TIMES]
INTERVALS = ["1 year 2 months 3 days 04:05:06.5", "-1 month", "00:00:00", "-1 day", "2 days -01:00:00"]

VALUES: dict[SqlType, list[str]] = {
    BOOLEAN: ["true", "false"],
    **dict.fromkeys((TINYINT, SMALLINT, INTEGER, BIGINT, UTINYINT, USMALLINT, UINTEGER, UBIGINT), NUMBERS + WIDE),
    HUGEINT: NUMBERS + WIDE + HUGE,
    **dict.fromkeys((FLOAT, DOUBLE), NUMBERS + FRACTIONS + FLOATS),
    **dict.fromkeys((decimal(3, 1), decimal(15, 2), decimal(18, 0), decimal(18, 18)), NUMBERS + WIDE + FRACTIONS),
    **dict.fromkeys((decimal(19, 3), decimal(38, 0), decimal(38, 10)), NUMBERS + WIDE + FRACTIONS + HUGE),
    DATE: DATES,
    TIME: TIMES,
    **dict.fromkeys((TIMESTAMP, TIMESTAMP_S, TIMESTAMP_MS, TIMESTAMP_NS, TIMESTAMPTZ), MOMENTS),
    INTERVAL: INTERVALS,
    VARCHAR: ["", " ", "x", " 12 ", *NUMBERS, *WIDE, *FRACTIONS, *FLOATS, *TIMES, *DATES, *MOMENTS, *INTERVALS],
}


# What DuckDB does otherwise, and we do not follow: TRUE becomes the last digit of a type without digits before
# the point; 1e-5 is not read as such a type; nanoseconds are not rounded to seconds in one step.
DIFFERENT = {(BOOLEAN, decimal(18, 18)), (VARCHAR, decimal(18, 18)), (TIMESTAMP_NS, TIMESTAMP_S)}


def spellings(texts: list[str], sql_type: SqlType, oracle: Oracle) -> list[str]:
    """The `texts` that `sql_type` can hold."""
    kept = oracle.rows(
        f"SELECT t FROM (VALUES {', '.join(f'({text!r})' for text in texts)}) AS v(t)"
        f" WHERE TRY_CAST(t AS {sql_type}) IS NOT NULL"
    )
    return [row[0] for row in kept]


@pytest.mark.parametrize("source", VALUES, ids=str)
def test_try_cast_grid(source: SqlType, oracle: Oracle) -> None:
    every = [*spellings(VALUES[source], source, oracle), None]
    wrong = []
    for target in VALUES:
        if (source, target) in DIFFERENT:
            continue
        # Infinite dates are refused, by TRY_CAST too.
        infinite = ("inf", "-inf") if source == VARCHAR and target.is_temporal else ()
        texts = [text for text in every if text not in infinite]
        vector = texts_as(texts, source)
        try:
            ours = shown(cast(vector, target, attempt=True))
        except ConversionError:
            ours = None
        rows = ", ".join(f"({i}, {'NULL' if text is None else repr(text)}::{source})" for i, text in enumerate(texts))
        sql = f"SELECT TRY_CAST(x AS {target})::VARCHAR FROM (VALUES {rows}) AS v(i, x) ORDER BY i"
        try:
            expected = [row[0] for row in oracle.rows(sql)]
        except Exception:
            expected = None
        if ours != expected:
            pairs = zip(texts, ours or texts, expected or texts, strict=True)
            wrong.append((str(target), [each for each in pairs if each[1] != each[2]] or (ours, expected)))
    assert not wrong


def test_nothing_to_do_is_the_same_vector() -> None:
    vector = column([1, None], INTEGER)
    assert cast(vector, INTEGER) is vector


def test_words_of_nulls_do_not_count() -> None:
    words = np.array([1, 10**18], np.int64)
    valid = np.array([True, False])
    for target in (TINYINT, decimal(3, 1), FLOAT, HUGEINT):
        result = cast(Vector.from_values(words, valid, BIGINT), target)
        assert shown(result)[1] is None


def test_the_value_and_the_type_are_named() -> None:
    with pytest.raises(ConversionError, match=r"INT32 with value 300 .* INT8"):
        cast(column([1, 300], INTEGER), TINYINT)
    with pytest.raises(ConversionError, match="'abc' to INT32"):
        cast(column(["1", "abc"], VARCHAR), INTEGER)
    with pytest.raises(ConversionError, match=r"999.99.*DECIMAL\(3,1\)"):
        cast(texts_as(["999.99"], decimal(5, 2)), decimal(3, 1))


def test_wide_values_become_narrow_where_they_fit() -> None:
    wide = texts_as(["99999999999999999999.5", "1.5", None], decimal(38, 1))
    assert shown(cast(wide, decimal(5, 1), attempt=True)) == [None, "1.5", None]
    assert shown(cast(wide, BIGINT, attempt=True)) == [None, "2", None]


def test_encoded_text_is_cast_once_per_value() -> None:
    encoded = Vector(VARCHAR, pa.array(["1", "2", None, "1"]).dictionary_encode())
    assert shown(cast(encoded, INTEGER)) == ["1", "2", None, "1"]
    # A value that no row uses must not fail the others.
    array = pa.DictionaryArray.from_arrays(pa.array([0, 0], pa.int32()), pa.array(["1", "x"]))
    assert shown(cast(Vector(VARCHAR, array), INTEGER)) == ["1", "1"]


def test_constants_stay_constant() -> None:
    constant = Vector.from_literal("12", VARCHAR)
    for target in VALUES:
        assert cast(constant, target, attempt=True).constant if target not in (BOOLEAN,) else True


def test_odd_spellings_among_plain_ones() -> None:
    texts = ["2024-01-31"] * 5 + [" 2024-2-1 ", None, "2024/02/02"]
    assert shown(texts_as(texts, DATE)) == ["2024-01-31"] * 5 + ["2024-02-01", None, "2024-02-02"]


def test_nested_values_are_shown_as_text() -> None:
    lists = Vector(list_of(INTEGER), pa.array([[1, None], None], pa.list_(pa.int32())))
    assert cast(lists, VARCHAR).arrow().to_pylist() == ["[1, NULL]", None]


def test_texts_written_plainly_are_read_as_any_other() -> None:
    rng = random.Random(5)
    clocks = [f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}{f}" for f in ("", ".5", ".000001")]
    zones = ("Z", "+00", "-05", "+05:30", "-0530")
    days = [f"{rng.randrange(1, 9999):04}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}" for _ in range(9)]
    ids = [str(uuid.UUID(int=rng.getrandbits(128))) for _ in range(9)]
    texts = {
        TIME: [*clocks, None, "9:00:00", "24:00:00"],
        TIMESTAMPTZ: [f"{d}{s}{c}{z}" for d in days for s in " T" for c in clocks for z in zones] + [None],
        UUID: [*ids, *map(str.upper, ids), None, "{" + ids[0] + "}", ids[1].replace("-", "")],
    }
    for type_, values in texts.items():
        array = pa.array(values, pa.string())
        assert from_text._convert(array, type_, False).equals(from_text._parse(array, type_, False))
        assert from_text._convert(array[1:4], type_, False).equals(from_text._parse(array[1:4], type_, False))
