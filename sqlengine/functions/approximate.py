"""Approximate aggregates: the number of distinct values from a sketch; quantiles, which are exact here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from sqlengine.errors import BindError
from sqlengine.functions.quantiles import approximate_quantiles, resolve_quantile
from sqlengine.functions.registry import (
    AggregateFunction,
    AggregateSignature,
    Operand,
    State,
    StateOp,
    register_aggregate,
)
from sqlengine.types import BIGINT, BLOB, SqlType
from sqlengine.vector import Vector

# The standard error is 1.04 / sqrt(REGISTERS), below 5 %.
REGISTERS: Final = 512
_ALPHA: Final = 0.7213 / (1 + 1.079 / REGISTERS)


def _resolve_distinct(operands: Sequence[Operand]) -> AggregateSignature:
    if len(operands) != 1:
        raise BindError(f"approx_count_distinct takes one argument, not {len(operands)}")
    return AggregateSignature((operands[0].type,), BIGINT, (State(StateOp.DISTINCT, (0,), BLOB),))


def _distinct(states: Sequence[Vector], result: SqlType) -> Vector:
    """HyperLogLog's estimate; while registers are unused, linear counting (Whang et al. 1990)."""
    array = states[0].arrow()
    registers = np.frombuffer(b"".join(array.to_pylist()), np.uint8).reshape(len(array), REGISTERS)
    unused = np.count_nonzero(registers == 0, axis=1)
    estimate = _ALPHA * REGISTERS**2 / np.exp2(-registers.astype(np.float64)).sum(axis=1)
    counted = REGISTERS * np.log(REGISTERS / np.maximum(unused, 1))
    values = np.where((estimate <= 2.5 * REGISTERS) & (unused > 0), counted, estimate)
    return Vector.from_values(np.rint(values).astype(np.int64), None, BIGINT)


def _resolve_reservoir(operands: Sequence[Operand]) -> AggregateSignature:
    # A third argument is the size of the sample; all values are the best sample.
    signature = resolve_quantile("reservoir_quantile", operands[:2], continuous=False)
    if not signature.arguments[0].is_numeric or len(operands) > 3:
        raise BindError("reservoir_quantile takes a number, a fraction, and the size of a sample")
    more = (BIGINT,) if len(operands) == 3 else ()
    return AggregateSignature((*signature.arguments, *more), signature.result, rows=signature.rows)


_VALUES: Final = "FROM (VALUES (1), (2), (4)) AS t(x)"

register_aggregate(
    AggregateFunction(
        "approx_count_distinct",
        _resolve_distinct,
        _distinct,
        (f"SELECT approx_count_distinct(x) {_VALUES}", "3"),
        "About how many distinct values there are, NULL not counted; the standard error is below 5 %.",
        idempotent=True,
    )
)
register_aggregate(
    AggregateFunction(
        "approx_quantile",
        approximate_quantiles,
        example=(f"SELECT approx_quantile(x, 0.5) {_VALUES}", "2"),
        summary="As quantile_cont, in the type of the values.",
        constants=(1,),
    )
)
register_aggregate(
    AggregateFunction(
        "reservoir_quantile",
        _resolve_reservoir,
        example=(f"SELECT reservoir_quantile(x, 0.5) {_VALUES}", "2"),
        summary="As quantile_disc.",
        constants=(1, 2),
    )
)
