"""Aggregates over the elements of a list, for the reference page; `executor.list_aggregates` runs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlengine.errors import BindError, InternalError
from sqlengine.functions.registry import Operand, Signature, scalar
from sqlengine.types import SqlType
from sqlengine.vector import Vector

_NAMES: Final = """
    any_value approx_count_distinct avg bit_and bit_or bit_xor bool_and bool_or count entropy first histogram kurtosis
    kurtosis_pop last mad max median min mode product sem skewness stddev_pop stddev_samp string_agg sum var_pop
    var_samp
"""
SHORT: Final = tuple(_NAMES.split())
"""The aggregates for which list_aggregate(l, 'sum') has the short form list_sum(l)."""


def _resolve(operands: Sequence[Operand]) -> Signature:
    raise BindError("list_aggregate() takes a list and the name of an aggregate: list_aggregate(l, 'sum')")


def _run(arguments: Sequence[Vector], result: SqlType) -> Vector:
    raise InternalError("an aggregate over a list is run by the evaluator")


scalar(
    "list_aggregate",
    _resolve,
    aliases=("array_aggregate", "list_aggr", "array_aggr", "aggregate", *(f"list_{name}" for name in SHORT)),
    example=("SELECT list_aggregate([1, 2, NULL], 'sum')", "3"),
    summary="An aggregate over the elements of a list; list_sum(list), … are short for it.",
    usage="list_aggregate(list, name[, argument, ...])",
)(_run)
scalar(
    "array_to_string",
    _resolve,
    example=("SELECT array_to_string([1, 2, NULL], '-')", "1-2"),
    summary="The elements as text with a separator between them; NULLs are left out.",
    usage="array_to_string(list, separator)",
)(_run)
