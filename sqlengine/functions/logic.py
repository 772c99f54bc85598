"""Three-valued logic: AND, OR, NOT, and the tests for NULL. Nothing else knows the truth tables.

======  ======  =======  ======
a       b       a AND b  a OR b
======  ======  =======  ======
true    NULL    NULL     true
false   NULL    false    NULL
NULL    NULL    NULL     NULL
======  ======  =======  ======
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.errors import BindError
from sqlengine.functions.overloads import ANY, describe_call, overload, resolver
from sqlengine.functions.registry import Operand, Resolve, Signature, scalar
from sqlengine.functions.validity import all_constant, words_result
from sqlengine.types import BOOLEAN, SqlType, TypeKind
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]


def _booleans(name: str, least: int, most: int | None) -> Resolve:
    def resolve(operands: Sequence[Operand]) -> Signature:
        count_fits = len(operands) >= least and (most is None or len(operands) <= most)
        # Numbers and text are read as truth values, as CAST does.
        if not count_fits or any(not _has_truth(operand.type) for operand in operands):
            raise BindError(f"{describe_call(name, operands)} does not exist; it takes BOOLEAN operands")
        return Signature((BOOLEAN,) * len(operands), BOOLEAN)

    return resolve


def _has_truth(sql_type: SqlType) -> bool:
    return sql_type.is_numeric or sql_type.kind in (TypeKind.BOOLEAN, TypeKind.NULL, TypeKind.VARCHAR)


@scalar(
    "and",
    _booleans("and", 1, None),
    example=("SELECT true AND NULL", "NULL"),
    summary="Whether all conditions are true.",
    usage="a AND b",
)
def _and(arguments: Sequence[Vector], result: SqlType) -> Vector:
    return _fold(arguments, absorbing=False)


@scalar(
    "or",
    _booleans("or", 1, None),
    example=("SELECT true OR NULL", "true"),
    summary="Whether a condition is true.",
    usage="a OR b",
)
def _or(arguments: Sequence[Vector], result: SqlType) -> Vector:
    return _fold(arguments, absorbing=True)


@scalar(
    "not",
    _booleans("not", 1, 1),
    example=("SELECT NOT true", "false"),
    summary="Whether a condition is false.",
    usage="NOT a",
)
def _not(arguments: Sequence[Vector], result: SqlType) -> Vector:
    return words_result(np.logical_not(arguments[0].values()), arguments, BOOLEAN)


@scalar(
    "is_null",
    resolver("is_null", overload(ANY, BOOLEAN)),
    example=("SELECT NULL IS NULL", "true"),
    summary="Whether a value is NULL.",
    usage="a IS NULL",
)
def _is_null(arguments: Sequence[Vector], result: SqlType) -> Vector:
    return _null_test(arguments[0], expected=True)


@scalar(
    "is_not_null",
    resolver("is_not_null", overload(ANY, BOOLEAN)),
    example=("SELECT 1 IS NOT NULL", "true"),
    summary="Whether a value is not NULL.",
    usage="a IS NOT NULL",
)
def _is_not_null(arguments: Sequence[Vector], result: SqlType) -> Vector:
    return _null_test(arguments[0], expected=False)


def either(vectors: Sequence[Vector]) -> Vector:
    """OR of BOOLEAN vectors; at least one."""
    return vectors[0] if len(vectors) == 1 else _fold(vectors, absorbing=True)


def _fold(arguments: Sequence[Vector], absorbing: bool) -> Vector:
    """AND (`absorbing` False) and OR (True): the absorbing value wins even over NULL, NULL over the other."""
    decided, unknown = _parts(arguments[0], absorbing)
    for argument in arguments[1:]:
        more, doubt = _parts(argument, absorbing)
        decided = decided | more
        if doubt is not None:
            unknown = doubt if unknown is None else unknown | doubt
    values = decided if absorbing else ~decided
    valid = None
    if unknown is not None:
        valid = decided | ~unknown
        # Where the answer is NULL the word is arbitrary; both must have the same length.
        values = np.broadcast_to(values, valid.shape)
    return Vector.from_values(values, valid, BOOLEAN, all_constant(arguments))


def _parts(argument: Vector, absorbing: bool) -> tuple[Mask, Mask | None]:
    """(rows with the absorbing value, rows that are NULL or None)."""
    valid = argument.valid()
    words: Mask = argument.values()
    decided = words if absorbing else ~words
    if valid is None:
        return decided, None
    return decided & valid, ~valid


def _null_test(argument: Vector, expected: bool) -> Vector:
    valid = argument.valid()
    present = np.ones(len(argument), np.bool_) if valid is None else valid
    values = ~present if expected else present
    return Vector.from_values(values, None, BOOLEAN, argument.constant)
