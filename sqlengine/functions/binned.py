"""Counts of values by given bins: `histogram(value, bins)`, `histogram_exact(value, bins)`."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import BindError, DataError, NotSupportedError
from sqlengine.functions.grouped_rows import GroupedRows
from sqlengine.functions.nested_states import maps_of
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import AggregateFunction, AggregateSignature, Operand, Rows, register_aggregate
from sqlengine.types import (
    DOUBLE,
    INTEGER_KINDS,
    UBIGINT,
    VARCHAR,
    SqlType,
    TypeKind,
    arrow_type,
    integer_range,
    list_of,
    map_of,
)
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]


def resolve_binned(name: str, operands: Sequence[Operand]) -> AggregateSignature:
    """Types of a call with bins, which are cast to the type of the values; that of decimals is DOUBLE."""
    if len(operands) != 2 or not operands[1].type.is_list:
        raise BindError(f"{describe_call(name, operands)} does not exist; it takes a value and a list of bins")
    type_ = operands[0].type
    if type_.kind is TypeKind.DECIMAL:
        type_ = DOUBLE
    if type_.kind not in _RESTS:
        raise NotSupportedError(f"{name}() with bins of {type_} is not supported")
    count = _by_bound if name == "histogram" else _by_value
    return AggregateSignature((type_, list_of(type_)), map_of(type_, UBIGINT), rows=Rows(count))


def _by_bound(rows: GroupedRows, result: SqlType) -> Vector:
    """MAP from the upper bound of each bin, inclusive, to the number of values in it."""
    return _counts(rows, result, exact=False)


def _by_value(rows: GroupedRows, result: SqlType) -> Vector:
    """MAP from each value of the list to how often it occurs."""
    return _counts(rows, result, exact=True)


def _counts(rows: GroupedRows, result: SqlType, exact: bool) -> Vector:
    """NULL for no values. What is in no bin counts under the type's last value ('' for text), if there is anything."""
    import pyarrow as pa

    type_ = result.children[0][1]
    bins, rest = _bins(rows.arguments[1]), _RESTS[type_.kind]
    width = len(bins) + 1
    found = _bin_of(rows.arguments[0].expand(rows.row_count), bins, exact)
    counts = np.bincount(rows.groups() * width + found, minlength=rows.group_count * width)
    shown = np.repeat(rows.lengths > 0, width)
    shown[width - 1 :: width] &= counts[width - 1 :: width] > 0
    if rest in bins and shown[width - 1 :: width].any():
        raise DataError(f"Map keys must be unique: {rest!r} is a bin, and stands for what is in none")
    entries = np.flatnonzero(shown)
    keys = pa.array([*bins, rest], arrow_type(type_)).take(pa.array(entries % width))
    starts = np.searchsorted(entries, np.arange(rows.group_count + 1) * width)
    return maps_of(starts, keys, pa.array(counts[entries].astype(np.uint64)), result)


def _bins(vector: Vector) -> list[Any]:
    """The different bins of a constant list, ascending."""
    bins = vector.arrow()[0].as_py()
    if bins is None or None in bins:
        raise BindError("the list of bins, and the bins in it, must not be NULL")
    return sorted(set(bins))


def _bin_of(values: Vector, bins: list[Any], exact: bool) -> Words:
    """int64[n]: the number of each value's bin, that of the first one not below it; `len(bins)` for none."""
    if values.type == VARCHAR:
        encoded = values.arrow().dictionary_encode()
        places = np.array([_place(bins, text, exact) for text in encoded.dictionary.to_pylist()], np.int64)
        numbers: Words = places[encoded.indices.to_numpy()]
        return numbers
    words = values.values()
    bounds = np.array(bins, words.dtype)
    found: Words = np.searchsorted(bounds, words)
    if exact and bins:
        at = np.minimum(found, len(bins) - 1)
        found = np.where(bounds[at] == words, at, len(bins))
    return found


def _place(bins: list[str], text: str, exact: bool) -> int:
    found = bisect.bisect_left(bins, text)
    return found if not exact or bins[found : found + 1] == [text] else len(bins)


# By kind of value: the key under which values count that are in no bin.
_RESTS: Final[dict[TypeKind, Any]] = {
    **{kind: integer_range(kind)[1] for kind in INTEGER_KINDS if kind not in (TypeKind.HUGEINT, TypeKind.UHUGEINT)},
    TypeKind.FLOAT: float("inf"),
    TypeKind.DOUBLE: float("inf"),
    TypeKind.VARCHAR: "",
}

register_aggregate(
    AggregateFunction(
        "histogram_exact",
        lambda operands: resolve_binned("histogram_exact", operands),
        example=("SELECT histogram_exact(x, [1, 3]) FROM (VALUES (2), (1), (1)) AS t(x)", "{1=2, 3=0, 2147483647=1}"),
        summary="A MAP from each value of a list to how often it occurs; other values count under the type's last one.",
        usage="histogram_exact(value, values)",
        constants=(1,),
    )
)
