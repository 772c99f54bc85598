"""GROUP BY: expressions above an Aggregate, in terms of its keys and results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import assert_never

from sqlengine.planner.expressions import Call, Case, Cast, Column, Expression, InList, LambdaCall, Literal


def above_keys(
    expression: Expression, keys: Mapping[Expression, Expression], missing: Callable[[Column], Exception]
) -> Expression:
    """`expression` with everything that equals a key replaced by the key's column, outermost first.

    Parameters
    ----------
    expression
        Bound below the Aggregate; aggregate calls stand in it as columns, which are keys of themselves here.
    keys
        What is known above: expression -> column, or what to say instead.
    missing
        The error for a column that is not known above.
    """
    known = keys.get(expression)
    if known is not None:
        # A constant too: as a key it is NULL in the grouping sets without it.
        return known
    if isinstance(expression, Literal):
        return expression

    def again(part: Expression) -> Expression:
        return above_keys(part, keys, missing)

    match expression:
        case Column():
            raise missing(expression)
        case Call(arguments=arguments):
            return replace(expression, arguments=tuple(again(each) for each in arguments))
        case Cast(operand=operand) | InList(operand=operand):
            return replace(expression, operand=again(operand))
        case Case(branches=branches, otherwise=otherwise):
            return replace(
                expression,
                branches=tuple((again(condition), again(value)) for condition, value in branches),
                otherwise=again(otherwise),
            )
        case LambdaCall(arguments=arguments, captures=captures):
            return replace(
                expression,
                arguments=tuple(again(each) for each in arguments),
                captures=tuple((inside, again(outside)) for inside, outside in captures),
            )
        case _:
            assert_never(expression)
