"""Quantiles, medians, and the median absolute deviation: aggregates over sorted values.

A fraction q of n sorted values: the discrete quantile is the value number n - floor(n - q n), the continuous one lies
at (n - 1) q between its neighbours. A negative fraction counts from the greatest value down, as in DuckDB.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import BindError, NotSupportedError
from sqlengine.functions.coercion import implicit_cost
from sqlengine.functions.grouped_rows import GroupedRows
from sqlengine.functions.intervals import MICROS_PER_DAY
from sqlengine.functions.nested_states import slices_of
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import (
    AggregateFunction,
    AggregateSignature,
    Operand,
    Rows,
    register_aggregate,
)
from sqlengine.types import (
    BIGINT,
    DOUBLE,
    INTERVAL,
    TIMESTAMP,
    TIMESTAMP_UNITS,
    SqlType,
    TypeKind,
    arrow_type,
    list_of,
)
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]


def resolve_quantile(name: str, operands: Sequence[Operand], continuous: bool) -> AggregateSignature:
    """Of name(value, fraction or list of fractions)."""
    if len(operands) != 2:
        raise BindError(f"{name} takes a value and a fraction, not {len(operands)} arguments")
    value = operands[0].type
    type_ = interpolated(value) if continuous else value
    if type_ is None:
        raise BindError(f"{describe_call(name, operands)} does not exist; {name} takes numbers, dates and times")
    fractions = list_of(DOUBLE) if operands[1].type.kind is TypeKind.LIST else DOUBLE
    if fractions == DOUBLE and implicit_cost(operands[1], DOUBLE) is None:
        raise BindError(f"{describe_call(name, operands)} does not exist; a fraction is a number from -1 to 1")
    result = list_of(type_) if fractions != DOUBLE else type_
    rows = Rows(_continuous if continuous else _discrete, sorted_by=0)
    return AggregateSignature((type_, fractions), result, rows=rows)


def approximate_quantiles(operands: Sequence[Operand]) -> AggregateSignature:
    """`resolve` of approx_quantile, whose result has the type of the values; FLOAT becomes DOUBLE."""
    signature = resolve_quantile("approx_quantile", operands, continuous=True)
    value, fractions = operands[0].type, signature.arguments[1]
    if value.kind in (TypeKind.FLOAT, TypeKind.NULL):
        value = DOUBLE if value.kind is TypeKind.FLOAT else BIGINT
    result = value if fractions == DOUBLE else list_of(value)
    return AggregateSignature((value, fractions), result, rows=signature.rows)


def interpolated(type_: SqlType) -> SqlType | None:
    """The type of a value between two of `type_`; None where there is none."""
    match type_.kind:
        case TypeKind.FLOAT | TypeKind.DOUBLE | TypeKind.DECIMAL | TypeKind.TIME | TypeKind.TIMESTAMPTZ:
            return type_
        case TypeKind.NULL:
            return DOUBLE
        case TypeKind.DATE:
            return TIMESTAMP
        case _ if type_.is_integer:
            return DOUBLE
        case kind if kind in TIMESTAMP_UNITS:
            return TIMESTAMP
        case _:
            return None


def _resolve_median(operands: Sequence[Operand]) -> AggregateSignature:
    if len(operands) != 1:
        raise BindError(f"median takes one argument, not {len(operands)}")
    value = operands[0].type
    if value.kind is TypeKind.INTERVAL:
        raise NotSupportedError("median(INTERVAL) is not supported")
    # Of a TIMESTAMP of another unit it keeps the unit, though quantile_cont does not.
    type_ = value if value.kind in TIMESTAMP_UNITS else interpolated(value)
    rows = Rows(_median if type_ is not None else _middle, sorted_by=0)
    return AggregateSignature((type_ or value,), type_ or value, rows=rows)


def _resolve_mad(operands: Sequence[Operand]) -> AggregateSignature:
    if len(operands) != 1:
        raise BindError(f"mad takes one argument, not {len(operands)}")
    type_ = interpolated(operands[0].type)
    if type_ is None:
        raise BindError(f"{describe_call('mad', operands)} does not exist; mad takes numbers, dates and times")
    return AggregateSignature((type_,), INTERVAL if type_.is_temporal else type_, rows=Rows(_deviation, sorted_by=0))


def _fractions(vector: Vector) -> tuple[list[float], bool]:
    """(fractions, whether they came as a list)."""
    given = vector.arrow()[0].as_py()
    fractions = given if isinstance(given, list) else [given]
    if given is None or any(each is None for each in fractions):
        raise BindError("a fraction of a quantile must not be NULL")
    if not all(-1 <= each <= 1 for each in fractions):
        raise BindError("a fraction of a quantile must be between -1 and 1")
    return fractions, isinstance(given, list)


def _is_downwards(fraction: float) -> bool:
    return math.copysign(1.0, fraction) < 0


def _discrete_rows(rows: GroupedRows, fraction: float) -> Words:
    """The row of the discrete quantile of each group; -1 for an empty group."""
    n = rows.lengths
    place = np.maximum(n - np.floor(n - abs(fraction) * n).astype(np.int64), 1) - 1
    if _is_downwards(fraction):
        place = n - 1 - place
    return np.where(n > 0, rows.starts[:-1] + place, -1)


def _discrete(rows: GroupedRows, result: SqlType) -> Vector:
    fractions, many = _fractions(rows.arguments[1])
    value = rows.arguments[0].expand(rows.row_count)
    picked = [_discrete_rows(rows, each) for each in fractions]
    return (
        _as_lists(rows, [value.take(each, may_miss=True) for each in picked], result)
        if many
        else value.take(picked[0], may_miss=True)
    )


def _middle(rows: GroupedRows, result: SqlType) -> Vector:
    """The median of what cannot be interpolated."""
    return rows.arguments[0].expand(rows.row_count).take(_discrete_rows(rows, 0.5), may_miss=True)


def _continuous(rows: GroupedRows, result: SqlType) -> Vector:
    fractions, many = _fractions(rows.arguments[1])
    type_ = result.children[0][1] if many else result
    values = [_interpolated_at(rows, each, type_) for each in fractions]
    return _as_lists(rows, values, result) if many else values[0]


def _median(rows: GroupedRows, result: SqlType) -> Vector:
    return _interpolated_at(rows, 0.5, result)


def _deviation(rows: GroupedRows, result: SqlType) -> Vector:
    """The median of the distances from the median."""
    value = rows.arguments[0].expand(rows.row_count)
    groups = rows.groups()
    middle = _interpolated_at(rows, 0.5, value.type).take(groups)
    if not (value.has_words() and middle.has_words()):
        raise NotSupportedError(f"mad of a {value.type} this great is not supported")
    with np.errstate(all="ignore"):
        distances = np.abs(value.values() - middle.values())
    distances = distances[np.lexsort((distances, groups))]
    spread = _interpolated_at(
        GroupedRows(rows.starts, (Vector.from_values(distances, None, value.type),)), 0.5, value.type
    )
    return _as_intervals(spread) if result == INTERVAL else spread


def _as_intervals(vector: Vector) -> Vector:
    """Numbers of microseconds as intervals of days and microseconds."""
    import pyarrow as pa

    days, micros = np.divmod(vector.values().astype(np.int64), MICROS_PER_DAY)
    words = np.zeros((len(days), 2), np.int64)
    words.view(np.int32)[:, 1] = days
    words[:, 1] = micros * 1000
    valid = vector.valid()
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return Vector(INTERVAL, pa.Array.from_buffers(arrow_type(INTERVAL), len(days), [bitmap, pa.py_buffer(words)]))


def _interpolated_at(rows: GroupedRows, fraction: float, type_: SqlType) -> Vector:
    """The continuous quantile of each group; NULL for no rows."""
    n = rows.lengths
    at = np.maximum(n - 1, 0) * abs(fraction)
    low, high = np.floor(at).astype(np.int64), np.ceil(at).astype(np.int64)
    share = at - low
    if _is_downwards(fraction):
        low, high = n - 1 - low, n - 1 - high
    some = n > 0
    value = rows.arguments[0].expand(rows.row_count)
    below = value.take(np.where(some, rows.starts[:-1] + low, -1), may_miss=True)
    above = value.take(np.where(some, rows.starts[:-1] + high, -1), may_miss=True)
    if not (below.has_words() and above.has_words()):
        return _interpolated_wide(below, above, share, type_)
    a, b = below.values(), above.values()
    with np.errstate(all="ignore"):
        if type_.is_float:
            values = np.where(share == 0, a, a * (1 - share) + b * share).astype(a.dtype)
        else:
            # Numbers are cut off, points in time rounded; beyond 2**52 only the distance is.
            rounded = _rounded if type_.is_temporal else np.trunc
            values = np.where(share == 0, a, rounded(a + (b - a) * share)).astype(np.int64)
            exact = (np.abs(a) < _EXACT) & (np.abs(b) < _EXACT)
            values = np.where(exact, values, a + rounded((b - a) * share).astype(np.int64))
    return Vector.from_values(values.astype(a.dtype), None if some.all() else some, type_)


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """To the nearest whole number, halves away from zero."""
    return np.trunc(values + np.copysign(0.5, values))


# Whole numbers up to this are doubles.
_EXACT: Final = 1 << 52


def _interpolated_wide(below: Vector, above: Vector, share: NDArray[np.float64], type_: SqlType) -> Vector:
    """Of 128-bit decimals, one by one: there is one for each group only."""
    import decimal

    import pyarrow as pa

    unit = decimal.Decimal(1).scaleb(-type_.scale)
    values: list[Any] = []
    with decimal.localcontext(prec=80, rounding=decimal.ROUND_DOWN):
        for a, b, each in zip(below.arrow().to_pylist(), above.arrow().to_pylist(), share.tolist(), strict=True):
            values.append(None if a is None else (a + (b - a) * decimal.Decimal(each)).quantize(unit))
    return Vector(type_, pa.array(values, arrow_type(type_)))


def _as_lists(rows: GroupedRows, values: Sequence[Vector], result: SqlType) -> Vector:
    """One list for each group, of its values in order; NULL for no rows."""
    import pyarrow as pa

    groups, width = rows.group_count, len(values)
    some = rows.lengths > 0
    if not width:
        offsets = pa.array(np.zeros(groups + 1, np.int32))
        mask = None if some.all() else pa.array(~some)
        empty = pa.nulls(0, arrow_type(result.children[0][1]))
        return Vector(result, pa.ListArray.from_arrays(offsets, empty, type=arrow_type(result), mask=mask))
    flat = pa.concat_arrays([value.arrow() for value in values])
    # Value k of group g stands at k * groups + g.
    order = (np.arange(width) * groups + np.flatnonzero(some)[:, None]).reshape(-1)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(some * width)])
    return slices_of(starts, flat.take(pa.array(order)), result)


@dataclass(frozen=True, slots=True)
class _Resolver:
    """`resolve` of a quantile function."""

    name: str
    continuous: bool

    def __call__(self, operands: Sequence[Operand]) -> AggregateSignature:
        if len(operands) == 1 and not self.continuous:
            # quantile_disc(x) is the middle value.
            type_ = operands[0].type
            return AggregateSignature((type_,), type_, rows=Rows(_middle, sorted_by=0))
        return resolve_quantile(self.name, operands, self.continuous)


_VALUES: Final = "FROM (VALUES (1), (2), (4), (10)) AS t(x)"

register_aggregate(
    AggregateFunction(
        "quantile_cont",
        _Resolver("quantile_cont", True),
        example=(f"SELECT quantile_cont(x, 0.5) {_VALUES}", "3.0"),
        summary="The value below which a fraction of the values lies, interpolated; a LIST for a LIST of fractions.",
        constants=(1,),
    )
)
register_aggregate(
    AggregateFunction(
        "quantile_disc",
        _Resolver("quantile_disc", False),
        example=(f"SELECT quantile_disc(x, 0.5) {_VALUES}", "2"),
        summary="As quantile_cont, but always one of the values.",
        constants=(1,),
    ),
    ("quantile",),
)
register_aggregate(
    AggregateFunction(
        "median", _resolve_median, example=(f"SELECT median(x) {_VALUES}", "3.0"), summary="The middle value."
    )
)
register_aggregate(
    AggregateFunction(
        "mad",
        _resolve_mad,
        example=(f"SELECT mad(x) {_VALUES}", "1.5"),
        summary="The median of the distances from the median.",
    )
)
