"""JSON texts of numbers and texts, whole columns at a time, are those of one value at a time."""

from __future__ import annotations

import decimal

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sqlengine.functions.casts import cast
from sqlengine.functions.json_casts import to_json
from sqlengine.functions.json_tree import float_text, quote
from sqlengine.types import DOUBLE, VARCHAR, SqlType
from sqlengine.types import decimal as decimal_type
from sqlengine.vector import Vector


def texts(values: list[object], type_: SqlType, array_type: pa.DataType) -> list[str | None]:
    found: list[str | None] = to_json(Vector(type_, pa.array(values, array_type)), cast).arrow().to_pylist()
    return found


@given(st.lists(st.none() | st.floats() | st.integers(-(10**22), 10**22).map(float)))
def test_floats(values: list[float | None]) -> None:
    assert texts(list(values), DOUBLE, pa.float64()) == [None if v is None else float_text(v) for v in values]


@given(st.lists(st.none() | st.decimals(-(10**10), 10**10, places=4)))
def test_decimals(values: list[decimal.Decimal | None]) -> None:
    expected = [None if v is None else float_text(float(v)) for v in values]
    assert texts(list(values), decimal_type(15, 4), pa.decimal128(15, 4)) == expected


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]))))
def test_texts(values: list[str | None]) -> None:
    assert texts(list(values), VARCHAR, pa.string()) == [None if v is None else quote(v) for v in values]
