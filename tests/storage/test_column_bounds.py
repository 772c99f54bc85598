"""Bounds of columns are those that Python finds, or lie outside of them."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlengine import types
from sqlengine.storage.column_bounds import ColumnBounds, has_bounds
from sqlengine.types import (
    BIGINT,
    BLOB,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    TIMESTAMP,
    TIMESTAMP_NS,
    TIMESTAMPTZ,
    VARCHAR,
    SqlType,
    arrow_type,
)

VALUES = {
    BIGINT: st.integers(-(2**63), 2**63 - 1),
    DOUBLE: st.floats(),
    FLOAT: st.floats(width=32),
    BOOLEAN: st.booleans(),
    DATE: st.dates(),
    TIMESTAMP: st.datetimes(),
    TIMESTAMPTZ: st.datetimes(timezones=st.just(datetime.UTC)),
    types.decimal(9, 2): st.decimals(-1000, 1000, places=2),
}
TEXTS = st.text(max_size=12) | st.sampled_from(
    ["", "\0", "prefix-1", "prefix-12", "prefix-2", "é" * 20, "\U0010ffff" * 9]
)


def _found(type_: SqlType, arrays: list[pa.Array]) -> tuple[object, object, int | None]:
    bounds = ColumnBounds(type_)
    for array in arrays:
        bounds.add(array)
    result = bounds.result()
    return result.minimum, result.maximum, result.nulls


@pytest.mark.parametrize("type_", VALUES, ids=str)
def test_bounds_of_numbers_and_times_are_the_least_and_the_greatest(type_: SqlType) -> None:
    @given(st.lists(st.lists(st.none() | VALUES[type_], max_size=6), max_size=3))
    def check(parts: list[list[object]]) -> None:
        arrays = [pa.array(part, arrow_type(type_)) for part in parts]
        values = [value for array in arrays for value in array.to_pylist() if value is not None and value == value]
        nulls = sum(array.null_count for array in arrays)
        expected = (min(values), max(values)) if values else (None, None)
        assert _found(type_, arrays) == (*expected, nulls)

    check()


@given(st.lists(st.lists(st.none() | TEXTS, max_size=30), max_size=3), st.booleans(), st.integers(0, 2))
def test_bounds_of_texts_bound_them(parts: list[list[str | None]], encoded: bool, skipped: int) -> None:
    arrays = [pa.array(part, pa.string()).slice(skipped) for part in parts]
    values = [value for array in arrays for value in array.to_pylist() if value is not None]
    low, high, nulls = _found(VARCHAR, [each.dictionary_encode() for each in arrays] if encoded else arrays)
    assert nulls == sum(array.null_count for array in arrays)
    if not values:
        assert (low, high) == (None, None)
    if isinstance(low, str) and isinstance(high, str):
        assert low <= min(values)
        assert max(values) <= high


def test_bounds_of_many_texts_are_close() -> None:
    low, high, _ = _found(VARCHAR, [pa.array([f"item {number}" for number in range(1000, 9000)])])
    assert isinstance(low, str)
    assert isinstance(high, str)
    assert low[:6] == "item 1"
    assert "item 8999" <= high < "item 9~"


def test_long_texts_are_bounded_by_their_beginnings() -> None:
    low, high, _ = _found(VARCHAR, [pa.array(["x" * 100, "a" * 100])])
    assert (low, high) == ("a" * 32, "x" * 31 + "y")


def test_what_cannot_be_expressed_is_unknown() -> None:
    far = pa.array([2**62], pa.int64()).view(pa.timestamp("us"))
    assert _found(TIMESTAMP, [far, pa.array([None], pa.timestamp("us"))]) == (None, None, 1)
    assert _found(DOUBLE, [pa.array([math.nan])]) == (None, None, 0)
    assert _found(DOUBLE, [pa.array([math.nan]), pa.array([1.5])]) == (1.5, 1.5, 0)
    assert _found(VARCHAR, [pa.array(["\U0010ffff" * 40])])[1] is None
    assert not has_bounds(BLOB)


def test_nanoseconds_are_rounded_outwards() -> None:
    low, high, _ = _found(TIMESTAMP_NS, [pa.array([1_001], pa.timestamp("ns"))])
    assert (low, high) == (datetime.datetime(1970, 1, 1, 0, 0, 0, 1), datetime.datetime(1970, 1, 1, 0, 0, 0, 2))


def test_decimals_stay_decimals() -> None:
    found = _found(types.decimal(5, 2), [pa.array([Decimal("1.50"), None], pa.decimal128(5, 2))])
    assert found == (Decimal("1.50"), Decimal("1.50"), 1)
