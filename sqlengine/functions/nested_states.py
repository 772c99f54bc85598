"""Partial states that are a STRUCT, and aggregate results that are a LIST or MAP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sqlengine.errors import NotSupportedError
from sqlengine.functions.grouped_rows import GroupedRows
from sqlengine.types import SqlType, arrow_type
from sqlengine.vector import Vector

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Words = NDArray[np.int64]


def field_of(state: Vector, name: str) -> Vector:
    """One field of a STRUCT, NULL where the STRUCT is."""
    import pyarrow.compute as pc

    type_ = dict(state.type.children)[name]
    return Vector.from_arrow(pc.struct_field(state.arrow(), name), type_, state.constant)


def doubles_of(state: Vector) -> dict[str, NDArray[np.float64]]:
    """The fields of a STRUCT of DOUBLEs without NULL, by name."""
    array = state.arrow()
    return {name: array.field(k).to_numpy(zero_copy_only=False) for k, (name, _) in enumerate(state.type.children)}


def lists_of(rows: GroupedRows, type_: SqlType, argument: int = 0) -> Vector:
    """The values of one argument as a LIST for each group; NULL for no rows."""
    values = rows.arguments[argument].expand(rows.row_count).arrow()
    return slices_of(rows.starts, values, type_)


def slices_of(starts: Words, values: pa.Array, type_: SqlType) -> Vector:
    """LIST k is `values[starts[k]:starts[k + 1]]`; NULL where that is empty.

    Raises
    ------
    NotSupportedError
        For more than 2**31 values.
    """
    import pyarrow as pa

    return Vector(
        type_, pa.ListArray.from_arrays(_offsets(starts), values, type=arrow_type(type_), mask=_empty(starts))
    )


def maps_of(starts: Words, keys: pa.Array, values: pa.Array, type_: SqlType) -> Vector:
    """MAP k has the entries `starts[k]` … `starts[k + 1] - 1`; NULL where there is none."""
    import pyarrow as pa

    array = pa.MapArray.from_arrays(_offsets(starts), keys, values, mask=_empty(starts))
    return Vector.from_arrow(array, type_)


def _offsets(starts: Words) -> Any:
    import pyarrow as pa

    if starts[-1] > np.iinfo(np.int32).max:
        raise NotSupportedError(f"lists of together {starts[-1]:,} values in one task; at most 2**31 fit")
    return pa.array(starts.astype(np.int32))


def _empty(starts: Words) -> Any:
    import pyarrow as pa

    empty = np.diff(starts) == 0
    return pa.array(empty) if empty.any() else None
