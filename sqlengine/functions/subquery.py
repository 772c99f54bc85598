"""The value of a scalar subquery: an error if it has two rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sqlengine.errors import BindError, DataError
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import Operand, Signature, scalar
from sqlengine.types import BIGINT, SqlType
from sqlengine.vector import Vector


def _resolve(operands: Sequence[Operand]) -> Signature:
    if len(operands) != 2:
        raise BindError(f"{describe_call('single_value', operands)}: it takes a value and a number of rows")
    return Signature((operands[0].type, BIGINT), operands[0].type)


# Not deterministic: it must be asked where the query asks for the value, not for rows that a join drops anyway.
@scalar(
    "single_value",
    _resolve,
    deterministic=False,
    example=("(SELECT 1)", "1"),
    usage="single_value(value, rows)",
    summary="The value of a subquery of so many rows; an error for more than one.",
)
def _single_value(arguments: Sequence[Vector], result: SqlType) -> Vector:
    value, rows = arguments
    valid = rows.valid()
    many = rows.values() > 1
    if np.any(many if valid is None else many & valid):
        raise DataError(
            "More than one row returned by a subquery used as an expression - "
            "scalar subqueries can only return a single row"
        )
    return value
