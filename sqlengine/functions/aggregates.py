"""Aggregate functions as records: which partial states each keeps, and how they become the result.

Every state merges by itself (`StateOp.merge`), so an aggregate can be computed in pieces on any number of
workers: `avg` is a sum and a count, `bool_and` the smallest boolean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from sqlengine.errors import BindError
from sqlengine.functions.casts import cast
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import (
    AggregateFunction,
    AggregateSignature,
    Operand,
    State,
    StateOp,
    register_aggregate,
)
from sqlengine.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    HUGEINT,
    INTEGER,
    MAX_DECIMAL_PRECISION,
    TINYINT,
    SqlType,
    TypeKind,
    decimal,
)
from sqlengine.vector import Vector

Resolve = Callable[[Sequence[Operand]], AggregateSignature]


def _only_state(states: Sequence[Vector], result: SqlType) -> Vector:
    return states[0]


def _average(states: Sequence[Vector], result: SqlType) -> Vector:
    """The exact sum as a DOUBLE, divided by the count; NULL for no values."""
    total, count = states
    counts = count.values()
    with np.errstate(all="ignore"):
        values = cast(total, DOUBLE).values() / counts
    return Vector.from_values(values, counts > 0, DOUBLE, all(state.constant for state in states))


def _resolve_count_star(operands: Sequence[Operand]) -> AggregateSignature:
    if operands:
        raise BindError("count(*) takes no arguments")
    return AggregateSignature((), BIGINT, (State(StateOp.COUNT_ALL, 0, BIGINT),))


def _resolve_count(operands: Sequence[Operand]) -> AggregateSignature:
    argument = _single("count", operands)
    return AggregateSignature((argument.type,), BIGINT, (State(StateOp.COUNT, 0, BIGINT),))


def _resolve_sum(operands: Sequence[Operand]) -> AggregateSignature:
    argument, result = _summed("sum", operands, booleans=True)
    return AggregateSignature((argument,), result, (State(StateOp.SUM, 0, result),))


def _resolve_avg(operands: Sequence[Operand]) -> AggregateSignature:
    argument, total = _summed("avg", operands, booleans=False)
    states = (State(StateOp.SUM, 0, total), State(StateOp.COUNT, 0, BIGINT))
    return AggregateSignature((argument,), DOUBLE, states)


def _summed(name: str, operands: Sequence[Operand], booleans: bool) -> tuple[SqlType, SqlType]:
    """(type the argument is cast to, type of its sum); whole numbers and decimals are never widened first."""
    argument = _single(name, operands)
    match argument.type.kind:
        case TypeKind.FLOAT | TypeKind.DOUBLE:
            return DOUBLE, DOUBLE
        case TypeKind.DECIMAL:
            return argument.type, decimal(MAX_DECIMAL_PRECISION, argument.type.scale)
        case TypeKind.BOOLEAN if booleans:
            return TINYINT, HUGEINT
        case TypeKind.NULL:
            return INTEGER, HUGEINT
        case _ if argument.type.is_integer:
            return argument.type, HUGEINT
        case _:
            accepted = "numbers or BOOLEAN" if booleans else "numbers"
            raise BindError(f"{describe_call(name, operands)} does not exist; {name} takes {accepted}")


def _keeps(name: str, operation: StateOp) -> Resolve:
    def resolve(operands: Sequence[Operand]) -> AggregateSignature:
        argument = _single(name, operands)
        sql_type = INTEGER if argument.type.kind is TypeKind.NULL else argument.type
        if sql_type.children and operation is not StateOp.FIRST:
            raise BindError(f"{describe_call(name, operands)} does not exist; nested values have no order here")
        return AggregateSignature((sql_type,), sql_type, (State(operation, 0, sql_type),))

    return resolve


def _over_booleans(name: str, operation: StateOp) -> Resolve:
    def resolve(operands: Sequence[Operand]) -> AggregateSignature:
        argument = _single(name, operands)
        if argument.type.kind not in (TypeKind.BOOLEAN, TypeKind.NULL):
            raise BindError(f"{describe_call(name, operands)} does not exist; {name} takes a BOOLEAN")
        return AggregateSignature((BOOLEAN,), BOOLEAN, (State(operation, 0, BOOLEAN),))

    return resolve


def _single(name: str, operands: Sequence[Operand]) -> Operand:
    if len(operands) != 1:
        raise BindError(f"{name} takes one argument, not {len(operands)}")
    return operands[0]


_VALUES: Final = "FROM (VALUES (1), (2), (4)) AS t(x)"
_TRUTHS: Final = "FROM (VALUES (true), (false)) AS t(x)"

register_aggregate(
    AggregateFunction("count_star", _resolve_count_star, _only_state, (f"SELECT count(*) {_VALUES}", "3"))
)
register_aggregate(AggregateFunction("count", _resolve_count, _only_state, (f"SELECT count(x) {_VALUES}", "3")))
register_aggregate(AggregateFunction("sum", _resolve_sum, _only_state, (f"SELECT sum(x) {_VALUES}", "7")))
register_aggregate(
    AggregateFunction("avg", _resolve_avg, _average, (f"SELECT avg(x) {_VALUES}", "2.3333333333333335")), ("mean",)
)
register_aggregate(AggregateFunction("min", _keeps("min", StateOp.MIN), _only_state, (f"SELECT min(x) {_VALUES}", "1")))
register_aggregate(AggregateFunction("max", _keeps("max", StateOp.MAX), _only_state, (f"SELECT max(x) {_VALUES}", "4")))
# Any value that is not NULL will do; the smallest is one, and the same on every run.
register_aggregate(
    AggregateFunction(
        "any_value",
        _keeps("any_value", StateOp.MIN),
        _only_state,
        ("SELECT any_value(x) FROM (VALUES (1)) AS t(x)", "1"),
    )
)
register_aggregate(
    AggregateFunction("first", _keeps("first", StateOp.FIRST), _only_state, (f"SELECT first(x) {_VALUES}", "1")),
    ("arbitrary",),
)
register_aggregate(
    AggregateFunction(
        "bool_and", _over_booleans("bool_and", StateOp.MIN), _only_state, (f"SELECT bool_and(x) {_TRUTHS}", "false")
    )
)
register_aggregate(
    AggregateFunction(
        "bool_or", _over_booleans("bool_or", StateOp.MAX), _only_state, (f"SELECT bool_or(x) {_TRUTHS}", "true")
    )
)
