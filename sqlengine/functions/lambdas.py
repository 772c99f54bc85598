"""The functions that take a lambda, for the reference page and suggestions; `executor.lambdas` runs them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlengine.errors import BindError, InternalError
from sqlengine.functions.registry import Operand, Signature, scalar
from sqlengine.types import SqlType
from sqlengine.vector import Vector


def _resolve(operands: Sequence[Operand]) -> Signature:
    raise BindError("this function takes a list and a lambda: list_transform(l, lambda x: x + 1)")


def _run(arguments: Sequence[Vector], result: SqlType) -> Vector:
    raise InternalError("a lambda is run by the evaluator")


scalar(
    "list_transform",
    _resolve,
    aliases=("list_apply", "array_transform", "array_apply", "apply"),
    example=("SELECT list_transform([1, 2], lambda x: x + 1)", "[2, 3]"),
    summary="A list of what the lambda makes of each element; it may take the element's position from 1 too.",
    usage="list_transform(list, lambda x[, i]: ...)",
)(_run)
scalar(
    "list_filter",
    _resolve,
    aliases=("array_filter", "filter"),
    example=("SELECT list_filter([1, 2, 3], lambda x: x > 1)", "[2, 3]"),
    summary="The elements for which the lambda is true.",
    usage="list_filter(list, lambda x[, i]: ...)",
)(_run)
scalar(
    "list_reduce",
    _resolve,
    aliases=("array_reduce", "reduce"),
    example=("SELECT list_reduce([1, 2, 3], lambda x, y: x * y)", "6"),
    summary="One value: the lambda of what came out so far and the next element, from the first element on.",
    usage="list_reduce(list, lambda x, y[, i]: ...[, initial])",
)(_run)
