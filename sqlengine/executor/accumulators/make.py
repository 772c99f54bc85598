"""The accumulator of each `StateOp`."""

from __future__ import annotations

from typing import assert_never

from sqlengine.errors import NotSupportedError
from sqlengine.executor.accumulators.accumulator import Accumulator
from sqlengine.executor.accumulators.bits import BitFold
from sqlengine.executor.accumulators.extremes import BytesExtreme, WordExtreme
from sqlengine.executor.accumulators.floats import FloatStates
from sqlengine.executor.accumulators.rows import ArgExtreme, First, Last
from sqlengine.executor.accumulators.sketches import DistinctSketch
from sqlengine.executor.accumulators.sums import Count, ExactSum, FloatSum
from sqlengine.executor.ordering import is_wide
from sqlengine.functions.registry import StateOp
from sqlengine.types import SqlType, TypeKind, words_dtype


def make_accumulator(op: StateOp, type: SqlType) -> Accumulator:  # noqa: A002 - the field's word
    """The accumulator of `op` whose state is of `type`.

    Raises
    ------
    NotSupportedError
        For MIN or MAX of a type that has no order here (LIST, STRUCT, MAP).
    """
    match op:
        case StateOp.COUNT | StateOp.COUNT_ALL:
            return Count(type)
        case StateOp.SUM:
            return FloatSum(type) if type.is_float else ExactSum(type)
        case StateOp.MIN | StateOp.MAX:
            if type.kind is TypeKind.NULL:
                return First(type, only_values=True)
            if type.is_text or is_wide(type) or type.kind is TypeKind.INTERVAL:
                return BytesExtreme(type, largest=op is StateOp.MAX)
            if words_dtype(type) is None:
                raise NotSupportedError(f"{op.name} of {type} is not supported")
            return WordExtreme(type, largest=op is StateOp.MAX)
        case StateOp.ANY:
            return First(type, only_values=True)
        case StateOp.FIRST:
            return First(type)
        case StateOp.LAST:
            return Last(type)
        case StateOp.BIT_AND | StateOp.BIT_OR | StateOp.BIT_XOR:
            return BitFold(op, type)
        case StateOp.PRODUCT | StateOp.KAHAN | StateOp.MOMENTS | StateOp.SHAPES | StateOp.COMOMENTS:
            return FloatStates(op, type)
        case StateOp.ARG_MIN | StateOp.ARG_MAX:
            return ArgExtreme(type, largest=op is StateOp.ARG_MAX)
        case StateOp.DISTINCT:
            return DistinctSketch()
        case _:
            assert_never(op)
