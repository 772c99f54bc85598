"""Vector and Batch: two views of one column, and lazy gathering."""

from __future__ import annotations

import datetime
import decimal
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlengine import types as t
from sqlengine.batch import Batch, concat_batches
from sqlengine.vector import Vector, concat_vectors

D = decimal.Decimal

SAMPLES = [
    (t.BOOLEAN, [True, None, False, True, True, None, False, True, False]),
    (t.TINYINT, [-128, None, 127]),
    (t.INTEGER, [1, None, -(2**31)]),
    (t.BIGINT, [2**63 - 1, None, -(2**63)]),
    (t.UBIGINT, [2**64 - 1, None, 0]),
    (t.HUGEINT, [D(10**30), None, D(-1)]),
    (t.decimal(9, 2), [D("1.25"), None, D("-9999999.99")]),
    (t.decimal(38, 6), [D("12345678901234567890.123456"), None, D("0.000001")]),
    (t.decimal(38, 6), [D("1.5"), None, D("-0.000001")]),
    (t.FLOAT, [1.5, None, -0.25]),
    (t.DOUBLE, [1e300, None, 0.1]),
    (t.DATE, [datetime.date(2020, 2, 29), None, datetime.date(1, 1, 1)]),
    (t.TIME, [datetime.time(23, 59, 59, 999999), None]),
    (t.TIMESTAMP, [datetime.datetime(1969, 12, 31, 23, 59, 59, 999999), None]),
    (t.VARCHAR, ["", None, "日本", "a"]),
    (t.BLOB, [b"\x00", None, b""]),
    (t.INTERVAL, [pa.MonthDayNano([1, 2, 3]), None]),
]


@pytest.mark.parametrize(("type_", "values"), SAMPLES, ids=lambda p: str(p) if isinstance(p, t.SqlType) else "")
def test_views_agree_and_picking_rows_keeps_values(type_: t.SqlType, values: list[object]) -> None:
    array = pa.array(values, t.arrow_type(type_))
    padded = pa.concat_arrays([array, array]).slice(1, len(values))
    expected = (values + values)[1 : len(values) + 1]
    for source, wanted in ((array, values), (padded, expected)):
        vector = Vector.from_arrow(source, type_)
        if vector.has_words():
            back = Vector.from_values(vector.values(), vector.valid(), type_)
            assert back.arrow().to_pylist() == wanted
        indices = np.array([len(wanted) - 1, 0, 1])
        assert vector.take(indices).arrow().to_pylist() == [wanted[k] for k in indices]
        missing = np.array([0, -1, 1])
        assert vector.take(missing, may_miss=True).arrow().to_pylist() == [wanted[0], None, wanted[1]]
        assert vector.slice(1, 1).arrow().to_pylist() == wanted[1:2]
        assert concat_vectors([vector, vector.slice(0, 1)]).arrow().to_pylist() == [*wanted, wanted[0]]


def test_wide_decimals_have_no_words() -> None:
    assert not Vector.from_arrow(pa.array([D(10**30)], pa.decimal128(38, 0)), t.HUGEINT).has_words()
    assert Vector.from_arrow(pa.array([D(5), None], pa.decimal128(38, 0)), t.HUGEINT).values().tolist()[0] == 5


def test_dictionaries_stay_and_decode() -> None:
    vector = Vector.from_arrow(pa.array(["a", "b", None, "a"]).dictionary_encode(), t.VARCHAR)
    found = vector.dictionary()
    assert found is not None
    codes, valid, values = found
    assert codes.tolist()[:2] == [0, 1]
    assert valid is not None
    assert valid.tolist() == [True, True, False, True]
    assert values.to_pylist() == ["a", "b"]
    assert vector.arrow().to_pylist() == ["a", "b", None, "a"]
    other = Vector.from_arrow(pa.array(["z", "a"]).dictionary_encode(), t.VARCHAR)
    plain = Vector.from_arrow(pa.array(["q"]), t.VARCHAR)
    assert concat_vectors([vector, other]).arrow().to_pylist() == ["a", "b", None, "a", "z", "a"]
    assert concat_vectors([vector, plain]).arrow().to_pylist() == ["a", "b", None, "a", "q"]


def test_a_null_inside_a_dictionary_is_null() -> None:
    array = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int32()), pa.array(["a", None]))
    valid = Vector.from_arrow(array, t.VARCHAR).valid()
    assert valid is not None
    assert valid.tolist() == [True, False, False]


@pytest.mark.parametrize("value", [5, None])
def test_constants_stand_for_every_row(value: object) -> None:
    constant = Vector.from_literal(value, t.INTEGER)
    assert constant.constant
    assert constant.take(np.array([0, 3, 9])).expand(3).arrow().to_pylist() == [value] * 3
    assert constant.take(np.array([4, -1]), may_miss=True).arrow().to_pylist() == [value, None]
    assert constant.is_null_constant() == (value is None)


@given(st.lists(st.one_of(st.none(), st.integers(-5, 5)), max_size=30), st.data())
def test_batches_filter_take_and_slice_like_lists(values: list[int | None], data: st.DataObject) -> None:
    batch = Batch(len(values), {7: Vector.from_arrow(pa.array(values, pa.int64()), t.BIGINT)})
    mask = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    kept = [value for value, keep in zip(values, mask, strict=True) if keep]
    filtered = batch.filter(np.array(mask, bool))
    assert filtered.length == len(kept)
    assert filtered.column(7).arrow().to_pylist() == kept
    assert filtered.slice(1, max(0, len(kept) - 1)).column(7).arrow().to_pylist() == kept[1:]
    both = concat_batches([batch, filtered], [7])
    assert both.column(7).arrow().to_pylist() == values + kept


def test_a_column_nobody_asks_for_is_never_gathered() -> None:
    class Untouchable(Vector):
        __slots__ = ()

        def take(self, indices: object, may_miss: bool = False) -> Vector:
            raise AssertionError("gathered")

    source = Vector.from_arrow(pa.array([1, 2]), t.BIGINT)
    batch = Batch(2, {1: source, 2: Untouchable(t.BIGINT, pa.array([1, 2]))})
    picked = batch.take(np.array([1])).take(np.array([0]))
    assert picked.column(1).arrow().to_pylist() == [2]
    with pytest.raises(AssertionError, match="gathered"):
        picked.column(2)


def test_arrow_round_trip_of_a_batch() -> None:
    batch = Batch(2, {1: Vector.from_literal("x", t.VARCHAR), 2: Vector.from_arrow(pa.array([1, None]), t.BIGINT)})
    record = batch.to_arrow([2, 1])
    back = Batch.from_arrow(record, [(2, t.BIGINT), (1, t.VARCHAR)])
    assert back.column(1).arrow().to_pylist() == ["x", "x"]
    assert back.column(2).arrow().to_pylist() == [1, None]
    assert Batch(3, {}).to_arrow([]).num_rows == 3


LITERALS = [
    (True, t.BOOLEAN), (5, t.INTEGER), (2**40, t.BIGINT), (10**30, t.HUGEINT), (7, t.decimal(5, 2)), (1.5, t.DOUBLE),
    (2, t.FLOAT), (D("1.25"), t.decimal(9, 2)), (D("12345678901234567890.5"), t.decimal(38, 1)), (D("-3"), t.HUGEINT),
    ("日本", t.VARCHAR), ("", t.VARCHAR), (b"\x00", t.BLOB), (datetime.date(1, 1, 1), t.DATE),
    (datetime.datetime(1969, 12, 31, 23, 59, 59, 999999), t.TIMESTAMP), (datetime.time(1, 2, 3), t.TIME),
    *((None, type_) for type_, _ in SAMPLES),
]  # fmt: skip


@pytest.mark.parametrize(("value", "type_"), LITERALS)
def test_literals_are_what_arrow_makes_of_them(value: object, type_: t.SqlType) -> None:
    wanted = D(value) if isinstance(value, int) and type_.is_unscaled else value
    vector = Vector.from_literal(value, type_)
    assert vector.constant
    assert vector.arrow().equals(pa.array([wanted], t.arrow_type(type_)))


def test_a_query_does_not_load_pandas() -> None:
    code = (
        "import sys, sqlengine\n"
        "c = sqlengine.connect(scheduler='inline')\n"
        "c.execute(\"SELECT s, count(*), sum(x) FROM (VALUES ('a', 1.5, DATE '2020-01-01')) v(s, x, d)"
        " WHERE d > DATE '1999-01-01' AND s LIKE 'a%' GROUP BY s ORDER BY s\").fetchall()\n"
        "print('pandas' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
