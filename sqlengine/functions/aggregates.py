"""The everyday aggregates: counts, sums, means, first and last values, booleans, bits.

Every state merges, so an aggregate can be computed in pieces on any number of workers: `avg` is a sum and a count,
`bool_and` the smallest boolean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from sqlengine.errors import BindError
from sqlengine.functions.casts import cast
from sqlengine.functions.nested_states import field_of
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
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    TINYINT,
    SqlType,
    TypeKind,
    decimal,
    struct_of,
)
from sqlengine.vector import Vector

_AVERAGED_TIMES: Final = {
    TypeKind.DATE: TIMESTAMP,
    TypeKind.TIMESTAMP: TIMESTAMP,
    TypeKind.TIMESTAMP_S: TIMESTAMP,
    TypeKind.TIMESTAMP_MS: TIMESTAMP,
    TypeKind.TIMESTAMP_NS: TIMESTAMP,
    TypeKind.TIMESTAMPTZ: TIMESTAMPTZ,
    TypeKind.TIME: TIME,
}

Resolve = Callable[[Sequence[Operand]], AggregateSignature]


def _only_state(states: Sequence[Vector], result: SqlType) -> Vector:
    return states[0]


def _average(states: Sequence[Vector], result: SqlType) -> Vector:
    """The exact sum as a DOUBLE, divided by the count; NULL for no values.

    Of points in time the nearest one, halves towards 1970.
    """
    total, count = states
    counts = count.values()
    if result != DOUBLE:
        if total.has_words():
            points = _rounded(np.abs(total.values()), np.maximum(counts, 1)) * np.sign(total.values())
        else:
            pairs = zip(total.arrow().to_pylist(), counts.tolist(), strict=True)
            whole = [_rounded(abs(int(each)), n) * (1 if each > 0 else -1) if n else 0 for each, n in pairs]
            points = np.array(whole, np.int64)
        return Vector.from_values(points, counts > 0, result)
    with np.errstate(all="ignore"):
        values = cast(total, DOUBLE).values() / counts
    return Vector.from_values(values, counts > 0, DOUBLE, all(state.constant for state in states))


def _rounded(total: Any, count: Any) -> Any:
    """total / count to the nearest whole number, halves down; neither is negative."""
    return total // count + (total % count * 2 > count)


def _resolve_count_star(operands: Sequence[Operand]) -> AggregateSignature:
    if operands:
        raise BindError("count(*) takes no arguments")
    return AggregateSignature((), BIGINT, (State(StateOp.COUNT_ALL, (), BIGINT),))


def _resolve_count(operands: Sequence[Operand]) -> AggregateSignature:
    argument = _single("count", operands)
    return AggregateSignature((argument.type,), BIGINT, (State(StateOp.COUNT, (0,), BIGINT),))


def _resolve_sum(operands: Sequence[Operand]) -> AggregateSignature:
    argument, result = _summed("sum", operands, booleans=True)
    return AggregateSignature((argument,), result, (State(StateOp.SUM, (0,), result),))


def _resolve_avg(operands: Sequence[Operand]) -> AggregateSignature:
    kind = operands[0].type.kind if len(operands) == 1 else TypeKind.NULL
    if kind in _AVERAGED_TIMES:
        point = _AVERAGED_TIMES[kind]
        # Points in time add up like the whole numbers they are.
        states = (State(StateOp.SUM, (0,), HUGEINT), State(StateOp.COUNT, (0,), BIGINT))
        return AggregateSignature((point,), point, states)
    argument, total = _summed("avg", operands, booleans=False)
    states = (State(StateOp.SUM, (0,), total), State(StateOp.COUNT, (0,), BIGINT))
    return AggregateSignature((argument,), DOUBLE, states)


def _summed(name: str, operands: Sequence[Operand], booleans: bool) -> tuple[SqlType, SqlType]:
    """(type the argument is cast to, type of its sum); whole numbers and decimals are never widened first."""
    argument = _single(name, operands)
    match argument.type.kind:
        case TypeKind.FLOAT | TypeKind.DOUBLE:
            return argument.type, DOUBLE
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


def _resolve_any_value(operands: Sequence[Operand]) -> AggregateSignature:
    type_ = _single("any_value", operands).type
    return AggregateSignature((type_,), type_, (State(StateOp.ANY, (0,), type_),))


def _chosen_row(name: str, operation: StateOp) -> Resolve:
    def resolve(operands: Sequence[Operand]) -> AggregateSignature:
        type_ = _single(name, operands).type
        return AggregateSignature((type_,), type_, (State(operation, (0,), struct_of([("value", type_)])),))

    return resolve


def _value_field(states: Sequence[Vector], result: SqlType) -> Vector:
    """The value of FIRST and LAST."""
    return field_of(states[0], "value")


def _over_booleans(name: str, operation: StateOp) -> Resolve:
    def resolve(operands: Sequence[Operand]) -> AggregateSignature:
        argument = _single(name, operands)
        if argument.type.kind not in (TypeKind.BOOLEAN, TypeKind.NULL):
            raise BindError(f"{describe_call(name, operands)} does not exist; {name} takes a BOOLEAN")
        return AggregateSignature((BOOLEAN,), BOOLEAN, (State(operation, (0,), BOOLEAN),))

    return resolve


def _resolve_count_if(operands: Sequence[Operand]) -> AggregateSignature:
    if _single("count_if", operands).type.kind not in (TypeKind.BOOLEAN, TypeKind.NULL):
        raise BindError(f"{describe_call('count_if', operands)} does not exist; count_if takes a BOOLEAN")
    return AggregateSignature((BOOLEAN,), HUGEINT, (State(StateOp.SUM, (0,), HUGEINT),))


def _over_bits(name: str, operation: StateOp) -> Resolve:
    def resolve(operands: Sequence[Operand]) -> AggregateSignature:
        argument = _single(name, operands).type
        type_ = BIGINT if argument.kind is TypeKind.NULL else argument
        if not type_.is_integer:
            raise BindError(f"{describe_call(name, operands)} does not exist; {name} takes whole numbers")
        return AggregateSignature((type_,), type_, (State(operation, (0,), type_),))

    return resolve


def _single(name: str, operands: Sequence[Operand]) -> Operand:
    if len(operands) != 1:
        raise BindError(f"{name} takes one argument, not {len(operands)}")
    return operands[0]


_VALUES: Final = "FROM (VALUES (1), (2), (4)) AS t(x)"
_TRUTHS: Final = "FROM (VALUES (true), (false)) AS t(x)"

register_aggregate(
    AggregateFunction(
        "count_star",
        _resolve_count_star,
        _only_state,
        (f"SELECT count(*) {_VALUES}", "3"),
        "The number of rows: count(*).",
    )
)
register_aggregate(
    AggregateFunction(
        "count",
        _resolve_count,
        _only_state,
        (f"SELECT count(x) {_VALUES}", "3"),
        "The number of values that are not NULL.",
    )
)
register_aggregate(
    AggregateFunction(
        "sum", _resolve_sum, _only_state, (f"SELECT sum(x) {_VALUES}", "7"), "The sum; NULL for no values."
    ),
    ("sum_no_overflow",),
)
register_aggregate(
    AggregateFunction(
        "avg",
        _resolve_avg,
        _average,
        (f"SELECT avg(x) {_VALUES}", "2.3333333333333335"),
        "The mean of numbers, dates or times; NULL for no values.",
    ),
    ("mean",),
)
register_aggregate(
    AggregateFunction(
        "any_value",
        _resolve_any_value,
        _only_state,
        (f"SELECT any_value(x) {_VALUES}", "1"),
        "The first value that is not NULL.",
        ordered=True,
        idempotent=True,
    )
)
register_aggregate(
    AggregateFunction(
        "first",
        _chosen_row("first", StateOp.FIRST),
        _value_field,
        (f"SELECT first(x) {_VALUES}", "1"),
        "The value of the first row, NULL included.",
        ordered=True,
    ),
    ("arbitrary",),
)
register_aggregate(
    AggregateFunction(
        "last",
        _chosen_row("last", StateOp.LAST),
        _value_field,
        (f"SELECT last(x) {_VALUES}", "4"),
        "The value of the last row, NULL included.",
        ordered=True,
    )
)
for _name, _operation, _result, _summary in (
    ("bool_and", StateOp.MIN, "false", "Whether every value is true."),
    ("bool_or", StateOp.MAX, "true", "Whether some value is true."),
):
    register_aggregate(
        AggregateFunction(
            _name,
            _over_booleans(_name, _operation),
            _only_state,
            (f"SELECT {_name}(x) {_TRUTHS}", _result),
            f"{_summary} NULL for no values.",
            idempotent=True,
        )
    )
register_aggregate(
    AggregateFunction(
        "count_if",
        _resolve_count_if,
        _only_state,
        (f"SELECT count_if(x > 1) {_VALUES}", "2"),
        "The number of rows where the condition is true; NULL for no values.",
    ),
    ("countif",),
)
for _name, _operation, _result, _summary in (
    ("bit_and", StateOp.BIT_AND, "0", "All values combined with bitwise AND."),
    ("bit_or", StateOp.BIT_OR, "7", "All values combined with bitwise OR."),
    ("bit_xor", StateOp.BIT_XOR, "7", "All values combined with bitwise exclusive OR."),
):
    register_aggregate(
        AggregateFunction(
            _name,
            _over_bits(_name, _operation),
            _only_state,
            (f"SELECT {_name}(x) {_VALUES}", _result),
            _summary,
            idempotent=_operation is not StateOp.BIT_XOR,
        )
    )
