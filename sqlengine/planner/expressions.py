"""Bound expressions: names resolved, types known, immutable, picklable.

A column is one stable id from the scan that makes it to the result; names are for printing only.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import assert_never

from sqlengine.types import BOOLEAN, SqlType


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; `value` is a Python value as pyarrow takes it (Decimal, date, str, …), None for NULL.

    An INTERVAL is a (months, days, nanoseconds) tuple.
    """

    value: object
    type: SqlType

    def __post_init__(self) -> None:
        # pyarrow.MonthDayNano, which is such a tuple, does not pickle, and plans go to other processes.
        if isinstance(self.value, tuple) and type(self.value) is not tuple:
            object.__setattr__(self, "value", tuple(self.value))


@dataclass(frozen=True, slots=True)
class Column:
    """A column, defined by one node and referred to above it by the same id."""

    id: int
    name: str
    type: SqlType


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a registered scalar function; arguments already have the types it wants."""

    function: str
    arguments: tuple[Expression, ...]
    type: SqlType


@dataclass(frozen=True, slots=True)
class Cast:
    """CAST, or TRY_CAST when `attempt`: a value that does not fit becomes NULL instead of an error."""

    operand: Expression
    type: SqlType
    attempt: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """Searched CASE: the value of the first true condition; a branch sees only the rows that reach it."""

    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression
    type: SqlType


@dataclass(frozen=True, slots=True)
class InList:
    """`operand IN (values)` over literals of the operand's type; NULL semantics of SQL."""

    operand: Expression
    values: tuple[Literal, ...]
    negated: bool = False

    @property
    def type(self) -> SqlType:
        """BOOLEAN."""
        return BOOLEAN


@dataclass(frozen=True, slots=True)
class LambdaCall:
    """A function of a list and a lambda: list_transform, list_filter, list_reduce.

    Attributes
    ----------
    arguments
        The list, and the initial value of list_reduce if given.
    parameters
        The lambda's own columns: element and position; or what came out so far, element and position.
    captures
        (column inside, expression outside) of each column that the body takes from the row.
    body
        Sees `parameters` and the inside columns of `captures` only: it is no child of this expression, and rules that
        replace columns need not look into it.
    """

    function: str
    arguments: tuple[Expression, ...]
    parameters: tuple[Column, ...]
    captures: tuple[tuple[Column, Expression], ...]
    body: Expression
    type: SqlType


Expression = Literal | Column | Call | Cast | Case | InList | LambdaCall


@dataclass(frozen=True, slots=True)
class SortKey:
    """One ORDER BY key."""

    expression: Expression
    descending: bool = False
    nulls_first: bool = False


@dataclass(frozen=True, slots=True)
class AggregateCall:
    """A call of a registered aggregate function; lives in Aggregate nodes only.

    `filter` keeps only rows where it is true; `distinct` drops duplicate argument values; `order` is the order in
    which the rows are taken, where that makes a difference.
    """

    function: str
    arguments: tuple[Expression, ...]
    type: SqlType
    distinct: bool = False
    filter: Expression | None = None
    order: tuple[SortKey, ...] = ()


def children(expression: Expression) -> tuple[Expression, ...]:
    """Direct sub-expressions, in evaluation order."""
    match expression:
        case Literal() | Column():
            return ()
        case Call(arguments=arguments):
            return arguments
        case Cast(operand=operand):
            return (operand,)
        case Case(branches=branches, otherwise=otherwise):
            return (*(part for branch in branches for part in branch), otherwise)
        case InList(operand=operand, values=values):
            return (operand, *values)
        case LambdaCall(arguments=arguments, captures=captures):
            return (*arguments, *(outside for _, outside in captures))
        case _:
            assert_never(expression)


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and everything below it, parents first."""
    pending = [expression]
    while pending:
        part = pending.pop()
        yield part
        pending.extend(reversed(children(part)))


def columns_of(expression: Expression) -> frozenset[int]:
    """Ids of all columns the expression reads."""
    return frozenset(part.id for part in walk(expression) if isinstance(part, Column))


def transform(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """Apply `change` bottom-up; the same object comes back when nothing changed."""
    match expression:
        case Literal() | Column():
            rebuilt: Expression = expression
        case Call(arguments=arguments):
            new = tuple(transform(argument, change) for argument in arguments)
            rebuilt = expression if _same(new, arguments) else replace(expression, arguments=new)
        case Cast(operand=operand):
            inner = transform(operand, change)
            rebuilt = expression if inner is operand else replace(expression, operand=inner)
        case Case(branches=branches, otherwise=otherwise):
            pairs = tuple((transform(c, change), transform(v, change)) for c, v in branches)
            last = transform(otherwise, change)
            same = last is otherwise and all(_same(n, o) for n, o in zip(pairs, branches, strict=True))
            rebuilt = expression if same else replace(expression, branches=pairs, otherwise=last)
        case InList(operand=operand):
            inner = transform(operand, change)
            rebuilt = expression if inner is operand else replace(expression, operand=inner)
        case LambdaCall(arguments=arguments, captures=captures):
            new = tuple(transform(argument, change) for argument in arguments)
            taken = tuple((inside, transform(outside, change)) for inside, outside in captures)
            same = _same(new, arguments) and all(a[1] is b[1] for a, b in zip(taken, captures, strict=True))
            rebuilt = expression if same else replace(expression, arguments=new, captures=taken)
        case _:
            assert_never(expression)
    return change(rebuilt)


def conjuncts(expression: Expression | None) -> tuple[Expression, ...]:
    """The parts of a conjunction, flattened; nothing for None."""
    if expression is None:
        return ()
    if isinstance(expression, Call) and expression.function == "and":
        return tuple(part for argument in expression.arguments for part in conjuncts(argument))
    return (expression,)


def conjunction(parts: tuple[Expression, ...]) -> Expression | None:
    """The inverse of `conjuncts`."""
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else Call("and", parts, BOOLEAN)


def _same(new: tuple[Expression, ...], old: tuple[Expression, ...]) -> bool:
    return all(map(operator.is_, new, old))
