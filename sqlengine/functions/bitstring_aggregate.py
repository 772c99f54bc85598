"""`bitstring_agg(value, least, greatest)`: a set of whole numbers as a BIT, one bit for each number of the range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sqlengine.errors import BindError, DataError, OutOfRangeError
from sqlengine.functions.grouped_rows import GroupedRows
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import AggregateFunction, AggregateSignature, Operand, Rows, register_aggregate
from sqlengine.functions.special_text import bits_of
from sqlengine.types import BIGINT, BIT, SqlType, TypeKind
from sqlengine.vector import Vector

# DuckDB's limit.
_MOST_BITS = 1_000_000_000


def _resolve(operands: Sequence[Operand]) -> AggregateSignature:
    wide = (TypeKind.HUGEINT, TypeKind.UHUGEINT, TypeKind.UBIGINT)
    if len(operands) != 3 or not all(each.type.is_integer and each.type.kind not in wide for each in operands):
        raise BindError(
            f"{describe_call('bitstring_agg', operands)} does not exist; it takes a whole number, and the least and "
            "the greatest one as constants"
        )
    return AggregateSignature((BIGINT,) * 3, BIT, rows=Rows(_bits))


def _bits(rows: GroupedRows, result: SqlType) -> Vector:
    """The first bit is for the least number; NULL for no values. Groups are made one by one."""
    import pyarrow as pa

    least, greatest = (argument.arrow()[0].as_py() for argument in rows.arguments[1:])
    if least is None or greatest is None or least > greatest:
        raise DataError(f"bitstring_agg: {least} to {greatest} is no range of numbers")
    if greatest - least >= _MOST_BITS:
        raise OutOfRangeError(f"bitstring_agg: the range from {least} to {greatest} is too wide")
    words = rows.arguments[0].expand(rows.row_count).values()
    outside = np.flatnonzero((words < least) | (words > greatest))
    if len(outside):
        raise OutOfRangeError(f"bitstring_agg: {words[outside[0]]} is not between {least} and {greatest}")
    made: list[bytes | None] = []
    for start, stop in zip(rows.starts[:-1].tolist(), rows.starts[1:].tolist(), strict=True):
        bits = np.full(greatest - least + 1, ord("0"), np.uint8)
        bits[words[start:stop] - least] = ord("1")
        made.append(bits_of(bits.tobytes().decode()) if stop > start else None)
    return Vector.from_arrow(pa.array(made, pa.binary()), result)


register_aggregate(
    AggregateFunction(
        "bitstring_agg",
        _resolve,
        example=("SELECT bitstring_agg(x, 1, 5) FROM (VALUES (4), (1), (4)) AS t(x)", "10010"),
        summary="The set of whole numbers as a BIT: bit k is 1 if the k-th number of the range is among them.",
        usage="bitstring_agg(value, least, greatest)",
        idempotent=True,
        constants=(1, 2),
    )
)
