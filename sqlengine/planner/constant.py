"""Values of expressions without columns, known while binding: LIMIT 2 * 5, IN (DATE '1995-01-01')."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlengine.errors import DataError
from sqlengine.functions.casts import cast
from sqlengine.functions.membership import in_list
from sqlengine.functions.registry import find_scalar
from sqlengine.planner.expressions import Call, Case, Cast, Column, Expression, InList, LambdaCall, Literal
from sqlengine.types import VARCHAR
from sqlengine.vector import Vector

_NO_COLUMNS: Final[Mapping[int, Vector]] = {}


def fold(expression: Expression) -> Expression:
    """The literal an expression stands for, or the expression itself if only running it can tell, or if Python has
    no such value (a date before the year 1). Nested values stay expressions: as Python values they have no hash.

    Raises
    ------
    DataError
        Its value does not exist: 'x'::INTEGER, an overflow.
    """
    vector = _evaluate(expression)
    if vector is None or (expression.type.is_nested and not vector.is_null_constant()):
        return expression
    try:
        return Literal(vector.arrow()[0].as_py(), expression.type)
    except OverflowError:
        return expression


def is_constant(expression: Expression) -> bool:
    """Whether the value is known while binding."""
    return _evaluate(expression) is not None


def values_over(expression: Expression, column: Column, texts: Sequence[str]) -> list[object] | None:
    """The values of an expression for each of `texts` in place of `column`, or None if only running it can tell.

    Raises
    ------
    DataError
        One of them does not exist.
    """
    import pyarrow as pa

    vector = _evaluate(expression, {column.id: Vector.from_arrow(pa.array(texts, pa.string()), VARCHAR)})
    if vector is None:
        return None
    values: list[object] = vector.arrow().to_pylist()
    return values * len(texts) if vector.constant else values


def _evaluate(expression: Expression, columns: Mapping[int, Vector] = _NO_COLUMNS) -> Vector | None:
    match expression:
        case Literal(value=value, type=type_):
            return Vector.from_literal(value, type_)
        case Cast(operand=operand, type=type_, attempt=attempt):
            inner = _evaluate(operand, columns)
            return None if inner is None else cast(inner, type_, attempt)
        case Call(function="try", arguments=(argument,), type=type_):
            try:
                return _evaluate(argument, columns)
            except DataError:
                return Vector.from_literal(None, type_)
        case Call(function=name, arguments=arguments, type=type_):
            function = find_scalar(name)
            # An aggregate over a list is the evaluator's to compute.
            if function is None or not function.deterministic or name == "list_aggregate":
                return None
            vectors = [_evaluate(argument, columns) for argument in arguments]
            known = [vector for vector in vectors if vector is not None]
            return function.run(known, type_) if len(known) == len(vectors) else None
        case InList(operand=operand, values=values, negated=negated):
            inner = _evaluate(operand, columns)
            literals = [Vector.from_literal(value.value, value.type) for value in values]
            return None if inner is None else in_list(inner, literals, negated)
        case Column(id=id_):
            return columns.get(id_)
        case Case() | LambdaCall():
            return None
