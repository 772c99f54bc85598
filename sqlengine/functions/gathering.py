"""Aggregates that gather values: list, string_agg, mode, histogram, entropy, approx_top_k."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from sqlengine.errors import BindError
from sqlengine.functions.binned import resolve_binned
from sqlengine.functions.coercion import implicit_cost
from sqlengine.functions.grouped_rows import GroupedRows
from sqlengine.functions.nested_states import lists_of, maps_of, slices_of
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import (
    AggregateFunction,
    AggregateSignature,
    Operand,
    Rows,
    register_aggregate,
)
from sqlengine.types import BIGINT, DOUBLE, UBIGINT, VARCHAR, SqlType, list_of, map_of
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]


def _of_one(name: str, result: Callable[[SqlType], SqlType], rows: Rows) -> Callable[..., AggregateSignature]:
    """`resolve` of a function of one argument of any type."""

    def resolve(operands: Sequence[Operand]) -> AggregateSignature:
        if len(operands) != 1:
            raise BindError(f"{name} takes one argument, not {len(operands)}")
        type_ = operands[0].type
        return AggregateSignature((type_,), result(type_), rows=rows)

    return resolve


def _resolve_string_agg(operands: Sequence[Operand]) -> AggregateSignature:
    if len(operands) not in (1, 2):
        raise BindError(f"string_agg takes a value and a separator, not {len(operands)} arguments")
    if len(operands) == 2 and implicit_cost(operands[1], VARCHAR) is None:
        raise BindError(f"{describe_call('string_agg', operands)} does not exist; the separator is a VARCHAR")
    return AggregateSignature((VARCHAR,) * len(operands), VARCHAR, rows=Rows(_joined))


def _joined(rows: GroupedRows, result: SqlType) -> Vector:
    """The texts of each group with the separator between them; NULL for none, or for a NULL separator."""
    import pyarrow as pa
    import pyarrow.compute as pc

    separator = "," if len(rows.arguments) == 1 else rows.arguments[1].arrow()[0].as_py()
    if separator is None:
        return Vector(VARCHAR, pa.nulls(rows.group_count, pa.string()))
    lists = lists_of(rows, list_of(VARCHAR)).arrow()
    return Vector.from_arrow(pc.binary_join(lists, separator), VARCHAR)


def _mode(rows: GroupedRows, result: SqlType) -> Vector:
    """The most frequent value; of equally frequent ones the one met first."""
    firsts, counts = rows.runs()
    assert rows.places is not None
    groups = rows.groups()[firsts]
    order = np.lexsort((rows.places[firsts], -counts, groups))
    _, best = np.unique(groups[order], return_index=True)
    picked = np.full(rows.group_count, -1, np.int64)
    picked[rows.lengths > 0] = firsts[order[best]]
    return rows.arguments[0].expand(rows.row_count).take(picked, may_miss=True)


def _run_starts(rows: GroupedRows, firsts: Words) -> Words:
    """Number of the first run of each group, int64[g + 1]."""
    return np.searchsorted(firsts, rows.starts)


def _histogram(rows: GroupedRows, result: SqlType) -> Vector:
    """MAP from each value to how often it occurs, in order of the values; NULL for none."""
    import pyarrow as pa

    firsts, counts = rows.runs()
    keys = rows.arguments[0].expand(rows.row_count).take(firsts).arrow()
    return maps_of(_run_starts(rows, firsts), keys, pa.array(counts.astype(np.uint64)), result)


def _entropy(rows: GroupedRows, result: SqlType) -> Vector:
    """Shannon's entropy of the frequencies, in bits; 0 for no values."""
    firsts, counts = rows.runs()
    groups = rows.groups()[firsts]
    shares = counts / rows.lengths[groups]
    bits = np.bincount(groups, shares * np.log2(1 / shares), rows.group_count)
    return Vector.from_values(bits, None, DOUBLE)


def _resolve_top_k(operands: Sequence[Operand]) -> AggregateSignature:
    if len(operands) != 2 or implicit_cost(operands[1], BIGINT) is None:
        raise BindError(f"{describe_call('approx_top_k', operands)} does not exist; it takes a value and how many")
    type_ = operands[0].type
    return AggregateSignature((type_, BIGINT), list_of(type_), rows=Rows(_top_k, sorted_by=0))


def _top_k(rows: GroupedRows, result: SqlType) -> Vector:
    """The most frequent values, most frequent first; of equally frequent ones those met first; exact."""
    most = how_many(rows.arguments[1], "approx_top_k")
    firsts, counts = rows.runs()
    assert rows.places is not None
    groups = rows.groups()[firsts]
    order = np.lexsort((rows.places[firsts], -counts, groups))
    starts = _run_starts(rows, firsts)
    taken = np.arange(len(firsts)) - starts[groups] < most
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(taken)])
    values = rows.arguments[0].expand(rows.row_count).take(firsts[order[taken]])
    return slices_of(ends[starts], values.arrow(), result)


def how_many(vector: Vector, name: str) -> int:
    """A number of values wanted: a constant above zero."""
    count = vector.arrow()[0].as_py()
    if count is None or count <= 0:
        raise BindError(f"{name}: the number of values must be above zero")
    return int(count)


def _same(type_: SqlType) -> SqlType:
    return type_


def _resolve_histogram(operands: Sequence[Operand]) -> AggregateSignature:
    if len(operands) != 1:
        return resolve_binned("histogram", operands)
    type_ = operands[0].type
    return AggregateSignature((type_,), map_of(type_, UBIGINT), rows=Rows(_histogram, sorted_by=0))


_VALUES: Final = "FROM (VALUES ('b'), ('a'), ('b')) AS t(x)"

register_aggregate(
    AggregateFunction(
        "list",
        _of_one("list", list_of, Rows(lists_of, ())),
        example=(f"SELECT list(x) {_VALUES}", "[b, a, b]"),
        summary="All values as a LIST, NULLs included; NULL for no rows.",
        ordered=True,
    ),
    ("array_agg",),
)
register_aggregate(
    AggregateFunction(
        "string_agg",
        _resolve_string_agg,
        example=(f"SELECT string_agg(x, '-') {_VALUES}", "b-a-b"),
        summary="All values as one text, with the separator (a comma unless given) between them.",
        ordered=True,
        constants=(1,),
    ),
    ("group_concat", "listagg"),
)
register_aggregate(
    AggregateFunction(
        "mode",
        _of_one("mode", _same, Rows(_mode, sorted_by=0)),
        example=(f"SELECT mode(x) {_VALUES}", "b"),
        summary="The most frequent value; of several the first.",
        ordered=True,
    )
)
register_aggregate(
    AggregateFunction(
        "histogram",
        _resolve_histogram,
        example=(f"SELECT histogram(x) {_VALUES}", "{a=1, b=2}"),
        summary="A MAP from each value, or from the upper bound of each of the given bins, to how often it occurs.",
        usage="histogram(value[, bins])",
        constants=(1,),
    )
)
register_aggregate(
    AggregateFunction(
        "entropy",
        _of_one("entropy", lambda type_: DOUBLE, Rows(_entropy, sorted_by=0)),
        example=(f"SELECT entropy(x) {_VALUES}", "0.9182958340544894"),
        summary="The entropy of the values, in bits.",
    )
)
register_aggregate(
    AggregateFunction(
        "approx_top_k",
        _resolve_top_k,
        example=(f"SELECT approx_top_k(x, 1) {_VALUES}", "[b]"),
        summary="The most frequent values.",
        constants=(1,),
    )
)
