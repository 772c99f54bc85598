"""Choosing an overload: the candidate whose implicit casts cost least, as DuckDB's function binder does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlengine.errors import BindError
from sqlengine.functions.coercion import implicit_cost
from sqlengine.functions.registry import Operand, Signature
from sqlengine.types import TIMESTAMP, TIMESTAMPTZ, SqlType, TypeKind

# Stands for every DECIMAL in a list of candidates: the operand keeps its own precision and scale.
ANY_DECIMAL: Final = SqlType(TypeKind.DECIMAL)
# Stands for every type: the operand stays as it is.
ANY: Final = SqlType(TypeKind.NULL)

_ANY_COST: Final = 100


# As many signatures as people read in an error.
_MOST_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Overload:
    """One list of parameter types and the type returned; `rest` repeats for any further arguments."""

    parameters: tuple[SqlType, ...]
    result: SqlType
    rest: SqlType | None = None

    def parameters_for(self, count: int) -> tuple[SqlType, ...] | None:
        """The parameter types of a call with `count` arguments, None if it takes another number."""
        extra = count - len(self.parameters)
        if extra < 0 or (extra > 0 and self.rest is None):
            return None
        return self.parameters if self.rest is None else (*self.parameters, *(self.rest,) * extra)


def overload(*types: SqlType, rest: SqlType | None = None) -> Overload:
    """`overload(BIGINT, BIGINT, DOUBLE)`: two BIGINT parameters, result DOUBLE."""
    return Overload(types[:-1], types[-1], rest)


def choose(name: str, overloads: Sequence[Overload], operands: Sequence[Operand]) -> Overload:
    """The cheapest of `overloads` for `operands`.

    Raises
    ------
    BindError
        If none fits, or several fit equally well (a string literal where more than one type is possible).
    """
    best: list[Overload] = []
    best_cost = 0
    for candidate in overloads:
        cost = _total_cost(candidate, operands)
        if cost is None:
            continue
        if not best or cost < best_cost:
            best, best_cost = [candidate], cost
        elif cost == best_cost:
            best.append(candidate)
    if not best:
        raise BindError(f"{describe_call(name, operands)} does not exist; {accepted(name, overloads)}")
    # An untyped NULL fits everything and its result is NULL anyway: any candidate does.
    if len(best) > 1 and not any(operand.type.kind is TypeKind.NULL for operand in operands):
        raise BindError(
            f"{describe_call(name, operands)} could mean several functions; add a cast; {accepted(name, best)}"
        )
    return best[0]


@dataclass(frozen=True, slots=True)
class Overloaded:
    """A `resolve` that picks the cheapest of `overloads`; ANY parameters keep their operand's type.

    With `local`, an argument taken as TIMESTAMP WITH TIME ZONE is cast to TIMESTAMP: the function looks at the clocks
    of the session's time zone.
    """

    name: str
    overloads: tuple[Overload, ...]
    local: bool = False

    def __call__(self, operands: Sequence[Operand]) -> Signature:
        """The casts and the result of a call; see `choose` for errors."""
        signature = signature_of(choose(self.name, self.overloads, operands), operands)
        if not self.local:
            return signature
        arguments = tuple(TIMESTAMP if each == TIMESTAMPTZ else each for each in signature.arguments)
        return Signature(arguments, signature.result)


def resolver(name: str, *overloads: Overload) -> Overloaded:
    """A `resolve` that picks the cheapest of `overloads`."""
    return Overloaded(name, overloads)


def on_local_time(resolve: Overloaded) -> Overloaded:
    """`resolve` for a function that looks at the clocks of the session's zone."""
    return replace(resolve, local=True)


def signature_of(chosen: Overload, operands: Sequence[Operand]) -> Signature:
    """The casts of a chosen overload: ANY and ANY_DECIMAL parameters keep the operand's type."""
    parameters = chosen.parameters_for(len(operands)) or ()
    arguments = tuple(
        operand.type
        if parameter is ANY or (parameter is ANY_DECIMAL and operand.type.kind is TypeKind.DECIMAL)
        else parameter
        for parameter, operand in zip(parameters, operands, strict=True)
    )
    # A function that returns "some DECIMAL" returns its first argument's.
    return Signature(arguments, arguments[0] if chosen.result is ANY_DECIMAL else chosen.result)


def describe_call(name: str, operands: Sequence[Operand]) -> str:
    """`name(INTEGER, VARCHAR)` for messages."""
    return f"{name}({', '.join(str(operand.type) for operand in operands)})"


def accepted(name: str, overloads: Sequence[Overload]) -> str:
    """The signatures a function takes, for messages: the first few of many."""
    shown = ", ".join(
        f"{name}({', '.join([*map(_type_name, each.parameters), *(['...'] if each.rest else [])])})"
        for each in overloads[:_MOST_SHOWN]
    )
    more = len(overloads) - _MOST_SHOWN
    return f"it takes {shown}" + (f" and {more} more" if more > 0 else "")


def _total_cost(candidate: Overload, operands: Sequence[Operand]) -> int | None:
    parameters = candidate.parameters_for(len(operands))
    if parameters is None:
        return None
    total = 0
    for parameter, operand in zip(parameters, operands, strict=True):
        cost = _ANY_COST if parameter is ANY else implicit_cost(operand, parameter)
        # A string literal shows no digits, so it cannot become "some DECIMAL".
        if cost is None or (parameter is ANY_DECIMAL and isinstance(operand.literal, str)):
            return None
        total += cost
    return total


def _type_name(parameter: SqlType) -> str:
    if parameter is ANY:
        return "any type"
    return "DECIMAL" if parameter is ANY_DECIMAL else str(parameter)
