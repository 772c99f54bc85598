"""Thrift's compact protocol: what is read and written again is what it was."""

from __future__ import annotations

import datetime
import decimal
import struct

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlengine.errors import InternalError
from sqlengine.storage.thrift import List, Struct, Value, parse_struct, struct_bytes

BOOLEAN, I16, I32, I64, DOUBLE, BINARY, LIST, MAP, STRUCT = 1, 4, 5, 6, 7, 8, 9, 11, 12

scalars = st.one_of(
    st.booleans().map(lambda value: Value(1 if value else 2, value)),
    st.integers(-(2**15), 2**15 - 1).map(lambda value: Value(I16, value)),
    st.integers(-(2**31), 2**31 - 1).map(lambda value: Value(I32, value)),
    st.integers(-(2**63), 2**63 - 1).map(lambda value: Value(I64, value)),
    st.floats().map(lambda value: Value(DOUBLE, struct.pack("<d", value))),
    st.binary(max_size=200).map(lambda value: Value(BINARY, value)),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20).map(lambda values: Value(LIST, List(I64, values))),
)


def structs(values: st.SearchStrategy[Value]) -> st.SearchStrategy[Struct]:
    fields = st.dictionaries(st.integers(1, 40), values, max_size=6)
    return fields.map(lambda found: dict(sorted(found.items())))


values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        structs(inner).map(lambda value: Value(STRUCT, value)),
        st.lists(structs(inner), max_size=20).map(lambda found: Value(LIST, List(STRUCT, found))),
    ),
    max_leaves=20,
)


@given(structs(values))
def test_what_is_written_is_read(struct_: Struct) -> None:
    assert parse_struct(struct_bytes(struct_)) == struct_


def test_footers_stay_as_they_are() -> None:
    table = pa.table(
        {
            "i": [1, None],
            "d": [decimal.Decimal("1.5"), None],
            "t": [datetime.datetime(2020, 1, 1), None],
            "l": [[{"a": 1.5, "b": True}], []],
            "s": ["x" * 300, "\u00fc"],
        }
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=1, sorting_columns=[pq.SortingColumn(0)])
    data = sink.getvalue().to_pybytes()
    (length,) = struct.unpack("<I", data[-8:-4])
    footer = data[-8 - length : -8]
    assert struct_bytes(parse_struct(footer)) == footer


def test_maps_are_refused() -> None:
    with pytest.raises(InternalError, match="type 11"):
        parse_struct(bytes([1 << 4 | MAP, 0, 0]))
