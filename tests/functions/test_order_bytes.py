"""Comparable bytes: their order and equality are those of the values, for every type, nested ones too."""

from __future__ import annotations

import datetime
import functools
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlengine import types as t
from sqlengine.functions.element_codes import codes_of, ranks_of
from sqlengine.functions.order_bytes import comparable_bytes
from sqlengine.types import SqlType, TypeKind
from sqlengine.vector import Vector

LEAVES: dict[SqlType, st.SearchStrategy[Any]] = {
    t.TINYINT: st.integers(-128, 127),
    t.BIGINT: st.integers(-(2**63), 2**63 - 1),
    t.UBIGINT: st.integers(0, 2**64 - 1),
    t.BOOLEAN: st.booleans(),
    t.DOUBLE: st.floats(),
    t.VARCHAR: st.text(st.characters(codec="utf-8"), max_size=3),
    t.BLOB: st.binary(max_size=3),
    t.DATE: st.dates(),
    t.decimal(30, 2): st.integers(-(10**29), 10**29).map(lambda n: Decimal(n).scaleb(-2)),
    t.TIMESTAMP: st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 1, 1)),
}


@st.composite
def columns(draw: st.DrawFn) -> Vector:
    """A vector of some type, nested up to three deep."""
    type_ = draw(st.recursive(st.sampled_from(list(LEAVES)), _nested, max_leaves=3))
    values = draw(st.lists(_values(type_), min_size=2, max_size=6))
    return Vector(type_, pa.array(values, t.arrow_type(type_)))


def _nested(inner: st.SearchStrategy[SqlType]) -> st.SearchStrategy[SqlType]:
    return st.one_of(
        inner.map(t.list_of), st.tuples(inner, inner).map(lambda two: t.struct_of(zip("ab", two, strict=True)))
    )


def _values(type_: SqlType) -> st.SearchStrategy[Any]:
    if type_.is_list:
        return st.none() | st.lists(_values(type_.element), max_size=3)
    if type_.kind is TypeKind.STRUCT:
        return st.none() | st.fixed_dictionaries({name: _values(child) for name, child in type_.children})
    return st.none() | LEAVES[type_]


def compare(left: Any, right: Any) -> int:
    """SQL's order of two values of one type, NULLs inside last: the plain reference."""
    if left is None or right is None:
        return (left is None) - (right is None)
    if isinstance(left, dict):
        left, right = list(left.values()), list(right.values())
    if isinstance(left, list):
        for a, b in zip(left, right, strict=False):
            order = compare(a, b)
            if order:
                return order
        return (len(left) > len(right)) - (len(left) < len(right))
    if isinstance(left, float):
        left, right = ((math.isnan(each), 0.0 if math.isnan(each) else each) for each in (left, right))
    if isinstance(left, str):
        left, right = left.encode(), right.encode()
    return (left > right) - (left < right)


@settings(deadline=None)
@given(columns())
def test_bytes_are_ordered_as_the_values(vector: Vector) -> None:
    values = vector.arrow().to_pylist()
    data = comparable_bytes(vector).to_pylist()
    for a, x in zip(values, data, strict=True):
        assert (a is None) == (x is None)
        for b, y in zip(values, data, strict=True):
            if a is not None and b is not None:
                assert (x > y) - (x < y) == compare(a, b)


@settings(deadline=None)
@given(columns())
def test_codes_and_ranks_agree_with_the_values(vector: Vector) -> None:
    values = vector.arrow().to_pylist()
    (codes,) = codes_of([vector])
    ranks = ranks_of(vector).tolist()
    known = [k for k, value in enumerate(values) if value is not None]
    assert [int(code) == -1 for code in codes] == [value is None for value in values]
    assert all((codes[a] == codes[b]) == (compare(values[a], values[b]) == 0) for a in known for b in known)
    by_rank = sorted(known, key=lambda k: ranks[k])
    by_value = sorted(known, key=functools.cmp_to_key(lambda a, b: compare(values[a], values[b])))
    assert by_rank == by_value
