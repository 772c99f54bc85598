"""What can be computed once, before any row is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlengine.functions.registry import find_scalar
from sqlengine.planner.constant import fold
from sqlengine.planner.expressions import (
    Call,
    Case,
    Cast,
    Expression,
    InList,
    Literal,
    conjunction,
    conjuncts,
    transform,
)
from sqlengine.planner.logical import Filter, Node, Scan, Values
from sqlengine.planner.logical_joins import Join, JoinKind
from sqlengine.planner.rewriting import map_expressions
from sqlengine.types import BOOLEAN

TRUE: Final = Literal(True, BOOLEAN)
FALSE: Final = Literal(False, BOOLEAN)
UNKNOWN: Final = Literal(None, BOOLEAN)

_INVERSE: Final = {
    "=": "<>",
    "<>": "=",
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
    "is_null": "is_not_null",
    "is_not_null": "is_null",
    "is_distinct_from": "is_not_distinct_from",
    "is_not_distinct_from": "is_distinct_from",
}
_COMPARISONS: Final = ("=", "<>", "<", "<=", ">", ">=")


def fold_constants(node: Node) -> Node:
    """Compute expressions of constants, simplify AND, OR, NOT and CASE, and drop filters that decide nothing.

    A constant is computed once instead of once a row, and lets later rules see `column <= constant`. A filter that
    is never true becomes no rows at all. Never folds a function that is not deterministic; a constant whose
    computing fails (`1 % 0`, `'x'::INTEGER`) stays, since the row that would reach it may not exist.

    Before:
        Project: x
        └─ Filter: x > 1 + 2 AND CAST(d AS TIMESTAMP) < CAST('2020-01-01' AS DATE) + INTERVAL '1 days'
           └─ Scan: a; k, x, d, s, f, ref

    After:
        Project: x
        └─ Filter: x > 3 AND CAST(d AS TIMESTAMP) < TIMESTAMP '2020-01-02 00:00:00'
           └─ Scan: a; k, x, d, s, f, ref
    """
    folded = map_expressions(node, lambda expression: transform(expression, fold_expression))
    match folded:
        case Filter(input=below, condition=condition):
            parts = _without_true(conjuncts(condition))
            if _never(parts):
                return Values(folded.columns, ())
            kept = conjunction(parts)
            if kept is None:
                return below
            return folded if len(parts) == len(conjuncts(condition)) else Filter(below, kept)
        case Scan(filters=filters):
            parts = _without_true(filters)
            if _never(parts):
                return Values(folded.columns, ())
            return folded if len(parts) == len(filters) else replace(folded, filters=parts)
        case Join(kind=kind, conditions=conditions):
            parts = _without_true(conditions)
            if _never(parts) and kind in (JoinKind.INNER, JoinKind.SEMI):
                return Values(folded.columns, ())
            return folded if len(parts) == len(conditions) else replace(folded, conditions=parts)
        case _:
            return folded


def fold_expression(expression: Expression) -> Expression:
    """One step: the expression simplified, its operands already being so."""
    match expression:
        case Call(function="and", arguments=arguments):
            return _chain(expression, arguments, neutral=TRUE, absorbing=FALSE)
        case Call(function="or", arguments=arguments):
            return _chain(expression, arguments, neutral=FALSE, absorbing=TRUE)
        case Call(function="not", arguments=(operand,)):
            return _negated(operand, expression)
        case Call(function=name, arguments=arguments) if name in _COMPARISONS and _any_null(arguments):
            return UNKNOWN
        case Call(function=name, arguments=arguments) if all(isinstance(each, Literal) for each in arguments):
            function = find_scalar(name)
            return _computed(expression) if function is not None and function.deterministic else expression
        case Cast(operand=operand, type=type_):
            if operand.type == type_:
                return operand
            return _computed(expression) if isinstance(operand, Literal) else expression
        case Case():
            return _case(expression)
        case InList(operand=Literal() as operand, values=values, negated=negated):
            # Asked of `=`, which knows that NaN equals NaN and that a day has 24 hours.
            equal = tuple(fold_expression(Call("=", (operand, each), BOOLEAN)) for each in values)
            found = fold_expression(Call("or", equal, BOOLEAN))
            return fold_expression(Call("not", (found,), BOOLEAN)) if negated else found
        case _:
            return expression


def _computed(expression: Expression) -> Expression:
    try:
        return fold(expression)
    except Exception:
        # Whatever went wrong goes wrong again, and is reported, if a row gets there.
        return expression


def _chain(call: Call, arguments: Sequence[Expression], neutral: Literal, absorbing: Literal) -> Expression:
    """AND and OR: flattened, without repetitions and neutral parts; `absorbing` decides alone."""
    flat: dict[Expression, None] = {}
    for argument in arguments:
        inner = argument.arguments if isinstance(argument, Call) and argument.function == call.function else (argument,)
        flat.update(dict.fromkeys(inner))
    if absorbing in flat:
        return absorbing
    flat.pop(neutral, None)
    kept = tuple(flat)
    if not kept:
        return neutral
    if len(kept) == 1:
        return kept[0]
    return call if kept == tuple(arguments) else Call(call.function, kept, BOOLEAN)


def _negated(operand: Expression, unchanged: Expression) -> Expression:
    """NOT moved inwards as far as it goes, so that conjuncts show."""
    match operand:
        case Literal(value=None):
            return UNKNOWN
        case Literal(value=value):
            return FALSE if value else TRUE
        case Call(function="not", arguments=(inner,)):
            return inner
        case Call(function="and" | "or" as name, arguments=arguments):
            parts = tuple(_negated(each, Call("not", (each,), BOOLEAN)) for each in arguments)
            dual = Call("or" if name == "and" else "and", parts, BOOLEAN)
            return fold_expression(dual)
        case Call(function=name, arguments=arguments) if name in _INVERSE:
            return Call(_INVERSE[name], arguments, BOOLEAN)
        case InList():
            return replace(operand, negated=not operand.negated)
        case _:
            return unchanged


def _case(case: Case) -> Expression:
    branches: list[tuple[Expression, Expression]] = []
    otherwise = case.otherwise
    for condition, value in case.branches:
        if isinstance(condition, Literal):
            if condition.value is True:
                otherwise = value
                break
            continue
        branches.append((condition, value))
    if not branches:
        return otherwise
    same = len(branches) == len(case.branches) and otherwise is case.otherwise
    return case if same else Case(tuple(branches), otherwise, case.type)


def _any_null(arguments: Sequence[Expression]) -> bool:
    return any(isinstance(each, Literal) and each.value is None for each in arguments)


def _without_true(parts: tuple[Expression, ...]) -> tuple[Expression, ...]:
    return tuple(part for part in parts if part != TRUE)


def _never(parts: Sequence[Expression]) -> bool:
    """Whether a conjunction is never true."""
    return FALSE in parts or UNKNOWN in parts
