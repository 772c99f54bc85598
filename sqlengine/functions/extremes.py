"""MIN, MAX, and the values of the rows where something else is least or greatest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from sqlengine.errors import BindError
from sqlengine.functions.coercion import implicit_cost
from sqlengine.functions.gathering import how_many
from sqlengine.functions.grouped_rows import GroupedRows
from sqlengine.functions.nested_states import field_of, slices_of
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import (
    AggregateFunction,
    AggregateSignature,
    Operand,
    Rows,
    State,
    StateOp,
    register_aggregate,
)
from sqlengine.types import BIGINT, SqlType, TypeKind, list_of, struct_of, words_dtype
from sqlengine.vector import Vector


def _extreme(name: str, op: StateOp) -> Callable[[Sequence[Operand]], AggregateSignature]:
    """`resolve` of min(x) and min(x, n)."""
    down = op is StateOp.MAX

    def resolve(operands: Sequence[Operand]) -> AggregateSignature:
        if len(operands) not in (1, 2):
            raise BindError(f"{name} takes one argument, or two: a value and how many; not {len(operands)}")
        type_ = operands[0].type
        if len(operands) == 2:
            _check_count(name, operands)
            return AggregateSignature((type_, BIGINT), list_of(type_), rows=Rows(_firsts, (0,), 0, down))
        if type_.children:
            return AggregateSignature((type_,), type_, rows=Rows(_first, (0,), 0, down))
        return AggregateSignature((type_,), type_, (State(op, (0,), type_),))

    return resolve


def _extreme_row(
    name: str, op: StateOp, skip_nulls: tuple[int, ...]
) -> Callable[[Sequence[Operand]], AggregateSignature]:
    """`resolve` of arg_min(value, key) and arg_min(value, key, n)."""
    down = op is StateOp.ARG_MAX

    def resolve(operands: Sequence[Operand]) -> AggregateSignature:
        if len(operands) not in (2, 3):
            raise BindError(f"{name} takes a value and a key, not {len(operands)} arguments")
        value, key = operands[0].type, operands[1].type
        if len(operands) == 3:
            _check_count(name, operands)
            return AggregateSignature((value, key, BIGINT), list_of(value), rows=Rows(_firsts, skip_nulls, 1, down))
        narrow = words_dtype(key) is not None and key.kind is not TypeKind.HUGEINT and key.precision <= 18
        if narrow and skip_nulls == (0, 1):
            row = struct_of([("value", value), ("key", key)])
            return AggregateSignature((value, key), value, (State(op, (0, 1), row),))
        return AggregateSignature((value, key), value, rows=Rows(_first, skip_nulls, 1, down))

    return resolve


def _check_count(name: str, operands: Sequence[Operand]) -> None:
    if implicit_cost(operands[-1], BIGINT) is None:
        raise BindError(f"{describe_call(name, operands)} does not exist; how many is a whole number")


def _first(rows: GroupedRows, result: SqlType) -> Vector:
    """The value of the first row of each group."""
    picked = np.where(rows.lengths > 0, rows.starts[:-1], -1)
    return rows.arguments[0].expand(rows.row_count).take(picked, may_miss=True)


def _firsts(rows: GroupedRows, result: SqlType) -> Vector:
    """The values of the first rows of each group as a LIST; NULL for no rows."""
    most = how_many(rows.arguments[-1], "min, max, arg_min and arg_max")
    kept = np.arange(rows.row_count) - np.repeat(rows.starts[:-1], rows.lengths) < most
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.minimum(rows.lengths, most))])
    values = rows.arguments[0].expand(rows.row_count).take(np.flatnonzero(kept))
    return slices_of(starts, values.arrow(), result)


def _itself(states: Sequence[Vector], result: SqlType) -> Vector:
    return states[0]


def _value(states: Sequence[Vector], result: SqlType) -> Vector:
    return field_of(states[0], "value")


_VALUES: Final = "FROM (VALUES ('a', 2), ('b', 5), ('c', 1)) AS t(x, y)"

for _name, _op, _shown in (("min", StateOp.MIN, "1"), ("max", StateOp.MAX, "5")):
    register_aggregate(
        AggregateFunction(
            _name,
            _extreme(_name, _op),
            _itself,
            (f"SELECT {_name}(y) {_VALUES}", _shown),
            f"The {'least' if _name == 'min' else 'greatest'} value, or so many of them as a LIST.",
            idempotent=True,
            constants=(1,),
        )
    )
for _name, _op, _shown, _word in (
    ("arg_min", StateOp.ARG_MIN, "c", "least"),
    ("arg_max", StateOp.ARG_MAX, "b", "greatest"),
):
    for _suffix, _aliases, _skip, _said in (
        ("", (_name.replace("_", ""), _name.replace("arg_", "") + "_by"), (0, 1), "; rows with NULL do not count"),
        ("_null", (), (1,), "; the value may be NULL"),
        ("_nulls_last", (), (), "; NULL comes last"),
    ):
        register_aggregate(
            AggregateFunction(
                _name + _suffix,
                _extreme_row(_name + _suffix, _op, _skip),
                _value,
                (f"SELECT {_name}{_suffix}(x, y) {_VALUES}", _shown),
                f"The first argument where the second is {_word}{_said}.",
                ordered=True,
                constants=(2,),
            ),
            _aliases,
        )
