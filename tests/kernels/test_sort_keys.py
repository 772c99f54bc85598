"""Sort keys: rows sorted by words are rows as DuckDB orders them."""

import datetime
import decimal

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sqlengine.types as T
from sqlengine.executor.sort_keys import encode_sort_keys
from sqlengine.kernels.sorting import sort_rows
from sqlengine.vector import Vector

D = decimal.Decimal
CASES = [
    (T.BOOLEAN, [True, False, None, True]),
    (T.TINYINT, [3, -128, None, 127, 0]),
    (T.BIGINT, [2**63 - 1, -(2**63), None, 0, -1, 0]),
    (T.UBIGINT, [2**64 - 1, 0, None, 2**63]),
    (T.HUGEINT, [D(10**37), D(-(10**37)), None, D(0), D(2**64), D(-(2**64)), D(2**64 - 1), D(-1)]),
    (T.decimal(9, 2), [D("1.50"), D("-1.50"), None, D("0.00")]),
    (T.DOUBLE, [1.5, -1.5, None, float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 5e-324]),
    (T.FLOAT, [1.5, None, float("nan"), -0.0, 0.0, -2.0]),
    (T.DATE, [datetime.date(1960, 1, 1), None, datetime.date(2020, 1, 1)]),
    (T.TIMESTAMP, [datetime.datetime(1960, 1, 1), None, datetime.datetime(2020, 1, 1)]),
    (
        T.VARCHAR,
        ["b", "", None, "é", "z", "a\0", "a", "ab", "\U0001f600", "\uffff", "abcdefgh", "abcdefghi", "abcdefgh\0"],
    ),
    (T.VARCHAR, [f"Customer#{i * 7919 % 101:09d}" for i in range(101)]),
    (T.BLOB, [b"\xff", b"\x00", None, b"", b"\xff\x00"]),
    (T.INTERVAL, [pa.MonthDayNano(v) for v in ([1, 0, 0], [0, 31, 0], [0, -1, 0], [0, 0, 10**9], [0, 29, 0])]),
]


@pytest.mark.parametrize("nulls_first", [True, False])
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize(("type_", "values"), CASES, ids=lambda each: str(each) if isinstance(each, T.SqlType) else "")
def test_order_is_that_of_duckdb(type_, values, descending, nulls_first):
    array = pa.array(values, T.arrow_type(type_))
    rows = pa.table({"row": np.arange(len(values)), "key": array})
    connection = duckdb.connect()
    connection.register("rows", rows)
    direction = f"{'DESC' if descending else 'ASC'} NULLS {'FIRST' if nulls_first else 'LAST'}"
    expected = [row for (row,) in connection.sql(f"SELECT row FROM rows ORDER BY key {direction}, row").fetchall()]
    vectors = [
        Vector.from_arrow(array, type_),
        Vector.from_arrow(pa.concat_arrays([array, array]).slice(len(array)), type_),
    ]
    if type_.is_text:
        vectors.append(Vector.from_arrow(array.dictionary_encode(), type_))
    for vector in vectors:
        words = encode_sort_keys([vector], [descending], [nulls_first], len(values))
        assert all(word.dtype == np.uint64 and word.shape == (len(values),) for word in words)
        assert sort_rows(words).tolist() == expected


@given(st.lists(st.text(max_size=20) | st.text("ab", max_size=20)))
def test_text_is_ordered_bytewise(values):
    array = pa.array(values, pa.string())
    order = sort_rows(encode_sort_keys([Vector.from_arrow(array, T.VARCHAR)], [False], [False], len(values)))
    assert order.tolist() == sorted(range(len(values)), key=lambda row: values[row].encode())


def test_nulls_are_equal_whatever_lies_under_them():
    first = Vector.from_values(np.array([9, 5, 7]), np.array([False, False, True]), T.BIGINT)
    second = Vector.from_values(np.array([1, 0, 3]), None, T.BIGINT)
    for descending in (False, True):
        words = encode_sort_keys([first, second], [descending, False], [True, False], 3)
        assert sort_rows(words).tolist() == [1, 0, 2]


def test_constants_decide_nothing():
    words = encode_sort_keys([Vector.from_literal("x", T.VARCHAR)], [True], [True], 3)
    assert sort_rows(words).tolist() == [0, 1, 2]
    assert encode_sort_keys([], [], [], 3) == []
