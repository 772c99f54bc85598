"""Comparisons of a column with a constant, the column bare."""

from __future__ import annotations

import datetime
import decimal
from typing import Final

from sqlengine.planner.expressions import Call, Cast, Expression, InList, Literal, transform
from sqlengine.planner.logical import Node
from sqlengine.planner.predicates import COMPARISONS, MIRRORED
from sqlengine.planner.rewriting import map_expressions
from sqlengine.types import TIMESTAMP_UNITS, SqlType, TypeKind, integer_range

# When the constant lies between two values of the column's type: `d < 1995-01-01 12:00` is `d <= 1995-01-01`.
_BETWEEN_VALUES: Final = {"<": "<=", "<=": "<=", ">": ">", ">=": ">"}


def simplify_comparisons(node: Node) -> Node:
    """Move casts from a compared column to the constant: `CAST(d AS TIMESTAMP) < TIMESTAMP '…'` -> `d < DATE '…'`.

    The column is not converted row by row, and storage can skip splits by its statistics. Only for casts that lose
    nothing and keep the order (DATE to TIMESTAMP, narrower to wider integers and decimals); not for
    BIGINT to DOUBLE, where different numbers become equal, nor for `=` with a constant the column's type has not.
    Constants go to the right-hand side.

    Before:
        Project: x
        └─ Filter: CAST(d AS TIMESTAMP) <= TIMESTAMP '2021-09-02 00:00:00'
           └─ Scan: a; k, x, d, s, f, ref

    After:
        Project: x
        └─ Filter: d <= DATE '2021-09-02'
           └─ Scan: a; k, x, d, s, f, ref
    """
    return map_expressions(node, lambda expression: transform(expression, _simplify))


def _simplify(expression: Expression) -> Expression:
    match expression:
        case Call(function=op, arguments=(Literal() as literal, other)) if op in COMPARISONS and not isinstance(
            other, Literal
        ):
            return _simplify(Call(MIRRORED[op], (other, literal), expression.type))
        case Call(function=op, arguments=(Cast(operand=operand) as cast, Literal(value=value))) if (
            op in COMPARISONS and value is not None and _keeps_order(operand.type, cast.type)
        ):
            floor = _floor(value, operand.type)
            if floor is None:
                return expression
            literal, exact = floor
            if not exact and op not in _BETWEEN_VALUES:
                return expression
            simplified = Call(op if exact else _BETWEEN_VALUES[op], (operand, literal), expression.type)
            return _simplify(simplified)
        case InList(operand=Cast(operand=operand) as cast, values=values) if _keeps_order(operand.type, cast.type):
            return _simplify_list(expression, operand, values)
        case _:
            return expression


def _simplify_list(expression: InList, operand: Expression, values: tuple[Literal, ...]) -> Expression:
    """The list in the operand's type; a value that type has not stays, and with it the cast."""
    converted: list[Literal] = []
    for literal in values:
        if literal.value is None:
            converted.append(Literal(None, operand.type))
            continue
        floor = _floor(literal.value, operand.type)
        if floor is None or not floor[1]:
            return expression
        converted.append(floor[0])
    return InList(operand, tuple(converted), expression.negated)


def _keeps_order(source: SqlType, target: SqlType) -> bool:
    """Whether a cast between the types is exact and strictly monotonic."""
    if source.kind is TypeKind.DATE:
        # DATE reaches further than nanoseconds do.
        return target.kind in TIMESTAMP_UNITS and target.kind is not TypeKind.TIMESTAMP_NS
    if source.is_integer:
        low, high = integer_range(source.kind)
        if target.is_integer:
            target_low, target_high = integer_range(target.kind)
            return target_low <= low and high <= target_high
        if target.kind is TypeKind.DECIMAL:
            return max(high, -low) < int(10 ** (target.precision - target.scale))
        # Doubles count exactly up to 2**53, floats up to 2**24.
        exact = {TypeKind.DOUBLE: 2**53, TypeKind.FLOAT: 2**24}.get(target.kind, 0)
        return max(high, -low) <= exact
    if source.kind is TypeKind.DECIMAL and target.kind is TypeKind.DECIMAL:
        return target.scale >= source.scale and target.precision - target.scale >= source.precision - source.scale
    return False


def _floor(value: object, target: SqlType) -> tuple[Literal, bool] | None:
    """(the greatest value of `target` not above `value`, whether it equals it); None if out of range."""
    if target.kind is TypeKind.DATE:
        if not isinstance(value, datetime.datetime):
            return None
        return Literal(value.date(), target), value.time() == datetime.time()
    if not isinstance(value, int | float | decimal.Decimal) or isinstance(value, bool):
        return None
    number = decimal.Decimal(value)
    if not number.is_finite():
        return None
    with decimal.localcontext(decimal.Context(prec=80)):
        scale = target.scale if target.kind is TypeKind.DECIMAL else 0
        floor = number.quantize(decimal.Decimal(1).scaleb(-scale), rounding=decimal.ROUND_FLOOR)
        if target.kind is TypeKind.DECIMAL:
            inside = abs(floor) < decimal.Decimal(10) ** (target.precision - target.scale)
            return (Literal(floor, target), floor == number) if inside else None
        low, high = integer_range(target.kind)
        return (Literal(int(floor), target), floor == number) if low <= floor <= high else None
