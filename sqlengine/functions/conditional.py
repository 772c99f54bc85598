"""Functions that pick one of their arguments: coalesce, nullif, greatest, least; and typeof."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.errors import BindError
from sqlengine.functions.casts import cast
from sqlengine.functions.coercion import common_type, comparison_type
from sqlengine.functions.comparison import compare
from sqlengine.functions.overloads import ANY, describe_call, overload, resolver
from sqlengine.functions.registry import Operand, Resolve, Signature, scalar
from sqlengine.functions.validity import all_constant
from sqlengine.types import VARCHAR, SqlType, TypeKind
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]


def select(mask: Mask, chosen: Vector, otherwise: Vector) -> Vector:
    """`chosen` where `mask`, else `otherwise`; all of one length or of length 1."""
    constant = len(mask) == 1 and chosen.constant and otherwise.constant
    if chosen.has_words() and otherwise.has_words():
        values = np.where(mask, chosen.values(), otherwise.values())
        valid = None
        if chosen.valid() is not None or otherwise.valid() is not None:
            valid = np.where(mask, *(_present(vector) for vector in (chosen, otherwise)))
        return Vector.from_values(values, valid, chosen.type, constant)
    import pyarrow as pa
    import pyarrow.compute as pc

    condition = pa.array(np.asarray(mask))
    if constant:
        return chosen if mask[0] else otherwise
    arrays = [vector.arrow()[0] if vector.constant else vector.arrow() for vector in (chosen, otherwise)]
    return Vector(chosen.type, pc.if_else(condition[0] if len(mask) == 1 else condition, *arrays))


def _present(vector: Vector) -> Mask:
    valid = vector.valid()
    return np.ones(1, np.bool_) if valid is None else valid


def _common(name: str, least: int) -> Resolve:
    def resolve(operands: Sequence[Operand]) -> Signature:
        target = common_type(operands) if len(operands) >= least else None
        if target is None:
            raise BindError(
                f"{describe_call(name, operands)}: it takes {least} or more values of a common type; add a cast"
            )
        return Signature((target,) * len(operands), target)

    return resolve


@scalar(
    "coalesce",
    _common("coalesce", 1),
    aliases=("ifnull",),
    example=("SELECT coalesce(NULL, 2)", "2"),
    summary="The first value that is not NULL.",
    usage="coalesce(value, ...)",
)
def _coalesce(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """The first argument that is not NULL."""
    found = arguments[0]
    for argument in arguments[1:]:
        valid = found.valid()
        if valid is None:
            break
        found = select(valid, found, argument)
    return _as_wide_as(found, arguments)


def _resolve_nullif(operands: Sequence[Operand]) -> Signature:
    target = comparison_type(operands[0], operands[1], equality=True) if len(operands) == 2 else None
    if target is None:
        raise BindError(f"{describe_call('nullif', operands)}: it takes two values that can be compared")
    # The result keeps the first argument's type, whatever it is compared as.
    return Signature((operands[0].type, target), operands[0].type)


@scalar(
    "nullif",
    _resolve_nullif,
    example=("SELECT nullif(1, 2)", "1"),
    summary="The first value, NULL where it equals the second.",
    usage="nullif(value, other)",
)
def _nullif(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """The first argument, NULL where it equals the second."""
    value, other = arguments
    if result.kind is TypeKind.NULL:
        return value
    equal = compare("=", cast(value, other.type), other)
    matches = equal.values() & _present(equal)
    null = cast(Vector.from_literal(None, result), result)
    return _as_wide_as(select(matches, null, value), arguments)


@scalar(
    "greatest",
    _common("greatest", 1),
    example=("SELECT greatest(1, NULL, 3)", "3"),
    summary="The largest value; NULLs are left out.",
    usage="greatest(value, ...)",
)
def _greatest(arguments: Sequence[Vector], result: SqlType) -> Vector:
    return _extreme(arguments, result, ">")


@scalar(
    "least",
    _common("least", 1),
    example=("SELECT least(1, NULL, 3)", "1"),
    summary="The smallest value; NULLs are left out.",
    usage="least(value, ...)",
)
def _least(arguments: Sequence[Vector], result: SqlType) -> Vector:
    return _extreme(arguments, result, "<")


def _extreme(arguments: Sequence[Vector], result: SqlType, sign: str) -> Vector:
    """NULLs are skipped; NULL only if all are."""
    best = arguments[0]
    if result.kind is TypeKind.NULL:
        return best
    for argument in arguments[1:]:
        better = compare(sign, argument, best)
        take = (better.values() & _present(better)) | (~_present(best) & _present(argument))
        best = select(take, argument, best)
    return _as_wide_as(best, arguments)


def _as_wide_as(vector: Vector, arguments: Sequence[Vector]) -> Vector:
    """A constant that was picked although a column might have been is as long as the column."""
    if vector.constant and not all_constant(arguments):
        return vector.expand(max(len(argument) for argument in arguments))
    return vector


def _resolve_try(operands: Sequence[Operand]) -> Signature:
    if len(operands) != 1:
        raise BindError(f"{describe_call('try', operands)}: it takes one expression")
    return Signature((operands[0].type,), operands[0].type)


@scalar(
    "try",
    _resolve_try,
    summary="The value of an expression, NULL where computing it is an error.",
    usage="try(expression)",
    example=("try('x'::INTEGER)", "NULL"),
)
def _try(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """A value that exists; those that do not are the evaluator's affair."""
    return arguments[0]


@scalar(
    "typeof",
    resolver("typeof", overload(ANY, VARCHAR)),
    example=("SELECT typeof(1.5)", "DECIMAL(2,1)"),
    summary="The name of a value's type.",
)
def _typeof(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """The name of the argument's type, the same for every row."""
    sql_type = arguments[0].type
    # DuckDB quotes the name of this type, which is also a keyword.
    constant = Vector.from_literal('"NULL"' if sql_type.kind is TypeKind.NULL else str(sql_type), VARCHAR)
    return constant if arguments[0].constant else constant.expand(len(arguments[0]))
