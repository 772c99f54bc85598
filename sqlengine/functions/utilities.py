"""Functions about values rather than of them: `error`, `can_cast_implicitly`, `constant_or_null`, …"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from sqlengine.errors import BindError, DataError
from sqlengine.functions.coercion import implicit_cost
from sqlengine.functions.intervals import DAYS_PER_MONTH, comparable, make_intervals
from sqlengine.functions.nested_casts import null_where
from sqlengine.functions.overloads import describe_call, overload, resolver
from sqlengine.functions.registry import Operand, Signature, scalar
from sqlengine.functions.text_function import text_function
from sqlengine.functions.validity import all_constant, any_null_constant, combined_valid, null_vector
from sqlengine.types import BOOLEAN, INTERVAL, NULL, VARCHAR, SqlType
from sqlengine.vector import Vector


def _error(message: str) -> NoReturn:
    raise DataError(message)


text_function(
    "error",
    overload(VARCHAR, NULL),
    one=_error,
    example=("SELECT CASE WHEN true THEN 1 ELSE error('no') END", "1"),
    summary="Ends the query with an error that says this text.",
)


def _resolve_can_cast(operands: Sequence[Operand]) -> Signature:
    if len(operands) != 2:
        raise BindError(f"{describe_call('can_cast_implicitly', operands)}: it takes two values")
    return Signature(tuple(operand.type for operand in operands), BOOLEAN)


@scalar(
    "can_cast_implicitly",
    _resolve_can_cast,
    example=("SELECT can_cast_implicitly(1::INTEGER, NULL::BIGINT)", "true"),
    summary="Whether the first value's type turns into the second's without a cast.",
    usage="can_cast_implicitly(value, value)",
)
def _can_cast_implicitly(arguments: Sequence[Vector], result: SqlType) -> Vector:
    source, target = (argument.type for argument in arguments)
    able = source == target or implicit_cost(Operand(source), target) is not None
    constant = Vector.from_literal(able, BOOLEAN)
    return constant if all_constant(arguments) else constant.expand(max(map(len, arguments)))


@scalar(
    "normalized_interval",
    resolver("normalized_interval", overload(INTERVAL, INTERVAL)),
    example=("SELECT normalized_interval(INTERVAL '40 days 50 hours')", "1 month 12 days 02:00:00"),
    summary="An interval with days of less than a month and time of less than a day.",
)
def _normalized_interval(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """Intervals are equal if these are."""
    (interval,) = arguments
    days, micros = comparable(interval)
    months = np.floor_divide(days, DAYS_PER_MONTH)
    return make_intervals(months, days - months * DAYS_PER_MONTH, micros, interval.valid(), interval.constant)


def _resolve_constant_or_null(operands: Sequence[Operand]) -> Signature:
    if len(operands) < 2:
        raise BindError(f"{describe_call('constant_or_null', operands)}: it takes a constant and other values")
    types = tuple(operand.type for operand in operands)
    return Signature(types, NULL if NULL in types else types[0])


@scalar(
    "constant_or_null",
    _resolve_constant_or_null,
    example=("SELECT constant_or_null(1, 2)", "1"),
    summary="The first value, a constant, where none of the others is NULL.",
    usage="constant_or_null(constant, value, ...)",
)
def _constant_or_null(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """NULL where one of the arguments after the first is."""
    if not arguments[0].constant:
        raise BindError("constant_or_null takes a constant first")
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    length = max(map(len, arguments))
    whole = arguments[0] if all_constant(arguments) else arguments[0].expand(length)
    valid = combined_valid(arguments)
    return whole if valid is None else null_where(whole, ~np.broadcast_to(valid, length))
