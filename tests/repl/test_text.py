"""Text of values: DuckDB's `CAST(… AS VARCHAR)` is the oracle; JSON must parse back to the same values."""

from __future__ import annotations

import json
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlengine.repl.text import json_column, text_column

EXPRESSIONS = [
    "unnest([true, false, NULL])",
    "unnest([1, -5, NULL]::TINYINT[])",
    "unnest([170141183460469231731, NULL]::HUGEINT[])",
    "unnest([0.00000001, -12.5, NULL]::DECIMAL(18, 8)[])",
    "unnest([1e0, 0.1, -0.0, 1e15, 1e16, 1e-5, 1e20, 'nan', 'inf', '-inf', NULL]::DOUBLE[])",
    "unnest([0.1, 16777216, 1e20, 'nan', NULL]::FLOAT[])",
    "unnest(['', 'a b', NULL])",
    "unnest([DATE '2024-02-29', NULL])",
    "unnest([TIME '01:02:03', TIME '01:02:03.5', NULL])",
    "unnest([TIMESTAMP '2024-02-29 10:00:00', TIMESTAMP '2024-02-29 10:00:00.000123', NULL])",
    "unnest([TIMESTAMP_NS '2024-02-29 10:00:00.123456789', NULL])",
    "unnest([TIMESTAMP_S '2024-02-29 10:00:00', NULL])",
    "unnest([INTERVAL '1 year 2 months 3 days 04:05:06.5', INTERVAL '-1 day', INTERVAL '0 day', "
    "INTERVAL '-1:02:03', INTERVAL '1 month -2 days 100 hours', INTERVAL '-14 months', NULL])",
    "unnest([blob '\\xAA\\x00ab', blob 'a', NULL])",
    "unnest([['a', 'b c', NULL, 'it''s', 'x,y', '', 'null', ' a', '1:2'], [], NULL])",
    "unnest([[[1, 2], NULL], [[]]])",
    "unnest([{'a': 1, 'b': 'x y'}, {'a': NULL, 'b': NULL}, NULL])",
    "unnest([map {'k': 1.5, 'z': NULL}, map {}, NULL])",
    "unnest([[TIMESTAMP '2020-01-01 10:00:00'], [NULL]])",
    "unnest([[1.50, 2.25], [NULL]])",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_text_is_that_of_duckdb(expression: str) -> None:
    with duckdb.connect() as oracle:
        table = oracle.sql(f"SELECT v, v::VARCHAR AS text FROM (SELECT {expression} AS v)").to_arrow_table()
    for start in range(min(2, table.num_rows)):
        # A slice must not see what lies before it.
        part = table.slice(start).combine_chunks()
        assert text_column(part["v"].chunk(0)).to_pylist() == part["text"].to_pylist()


def test_timestamps_with_time_zone_are_shown_in_utc() -> None:
    array = pa.array([0, 1_500_000, None], pa.timestamp("us", "UTC"))
    assert text_column(array).to_pylist() == ["1970-01-01 00:00:00+00", "1970-01-01 00:00:01.5+00", None]


def test_dictionaries_are_decoded() -> None:
    array = pa.array(["b", None, "a"]).dictionary_encode()
    assert text_column(array).to_pylist() == ["b", None, "a"]
    assert json_column(array).to_pylist() == ['"b"', "null", '"a"']


def test_no_rows() -> None:
    for kind in (pa.int64(), pa.float32(), pa.list_(pa.string()), pa.struct([("a", pa.int8())]), pa.null()):
        assert text_column(pa.array([], kind)).to_pylist() == []
        assert json_column(pa.array([], kind)).to_pylist() == []


@given(st.lists(st.none() | st.text()))
def test_json_text_parses_back(values: list[str | None]) -> None:
    column = json_column(pa.array(values, pa.string()))
    assert [json.loads(text) for text in column.to_pylist()] == values


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False)))
def test_doubles_keep_every_bit(values: list[float | None]) -> None:
    array = pa.array(values, pa.float64())
    assert [None if text is None else float(text) for text in text_column(array).to_pylist()] == values
    assert [json.loads(text) for text in json_column(array).to_pylist()] == values


@given(st.lists(st.none() | st.decimals(-(10**20), 10**20, places=10, allow_nan=False)))
def test_decimals_keep_every_digit(values: list[Decimal | None]) -> None:
    array = pa.array(values, pa.decimal128(38, 10))
    parsed = [None if text is None else Decimal(text) for text in text_column(array).to_pylist()]
    assert parsed == values
    assert all(text is None or "E" not in text for text in text_column(array).to_pylist())


def test_json_of_nested_values() -> None:
    array = pa.array(
        [{"id": 1, "tags": ["a\n", None], "price": Decimal("1.20")}, None],
        pa.struct([("id", pa.int64()), ("tags", pa.list_(pa.string())), ("price", pa.decimal128(5, 2))]),
    )
    assert json_column(array).to_pylist() == ['{"id":1,"tags":["a\\n",null],"price":1.20}', "null"]
    mapped = pa.array([[("k", 1), ("z", None)], None], pa.map_(pa.string(), pa.int64()))
    assert json_column(mapped).to_pylist() == ['{"k":1,"z":null}', "null"]


def test_json_has_no_number_for_nan() -> None:
    assert json_column(pa.array([float("nan"), float("-inf"), 1.0])).to_pylist() == ['"nan"', '"-inf"', "1.0"]
