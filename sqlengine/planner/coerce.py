"""Implicit casts: operands as functions see them, literals that adapt, common types."""

from __future__ import annotations

from collections.abc import Sequence

from sqlengine.errors import BindError
from sqlengine.functions.coercion import common_type, comparison_type
from sqlengine.functions.registry import NOT_LITERAL, Operand
from sqlengine.planner.constant import fold
from sqlengine.planner.expressions import Expression, Literal
from sqlengine.planner.session_zone import zoned_cast
from sqlengine.types import NULL, SqlType


def operand_of(expression: Expression) -> Operand:
    """What a function may know of an argument while it is resolved.

    Integers, texts and NULL as typed by the user have no fixed type yet; a cast one (`1::TINYINT`, DATE '…') has.
    """
    if isinstance(expression, Literal):
        value = expression.value
        if value is None or isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            return Operand(expression.type, value)
    return Operand(expression.type, NOT_LITERAL)


def coerce(expression: Expression, target: SqlType) -> Expression:
    """`expression` as `target`; a literal is converted now, anything else gets a Cast.

    Raises
    ------
    ConversionError
        A literal does not fit, as in `date_column = 'tomorrow'`.
    """
    if expression.type == target:
        return expression
    if isinstance(expression, Literal):
        if expression.value is None or expression.type == NULL:
            return Literal(None, target)
        return fold(zoned_cast(expression, target))
    return zoned_cast(expression, target)


def coerce_all(expressions: Sequence[Expression]) -> tuple[tuple[Expression, ...], SqlType]:
    """All as their common type, and that type, as CASE does it; BindError if they have none."""
    target = common_type([operand_of(each) for each in expressions])
    if target is None:
        raise BindError(f"the types {_types(expressions)} have nothing in common; add a cast")
    return tuple(coerce(each, target) for each in expressions), target


def coerce_for_in(operand: Expression, members: Sequence[Expression]) -> tuple[Expression, tuple[Expression, ...]]:
    """`operand IN (members)`: all as the type in which the operand equals any of them."""
    best = operand_of(operand)
    for member in members:
        target = comparison_type(best, operand_of(member), equality=True)
        if target is None:
            raise BindError(f"{operand.type} IN ({_types(members)}): these cannot be compared; add a cast")
        best = Operand(target)
    return coerce(operand, best.type), tuple(coerce(member, best.type) for member in members)


def common_column_type(types: Sequence[SqlType]) -> SqlType:
    """The type of a column that several queries or rows fill: nothing adapts any more."""
    target = common_type([Operand(each) for each in types], force=True)
    assert target is not None
    return target


def _types(expressions: Sequence[Expression]) -> str:
    return ", ".join(dict.fromkeys(str(each.type) for each in expressions))
