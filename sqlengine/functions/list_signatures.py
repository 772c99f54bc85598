"""Types of calls of list functions: what the elements of several arguments are brought to."""

from __future__ import annotations

from collections.abc import Sequence

from sqlengine.errors import BindError
from sqlengine.functions.coercion import common_type
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import Operand, Resolve, Signature
from sqlengine.types import DOUBLE, FLOAT, NULL, SqlType, TypeKind, list_of

ELEMENT = SqlType(TypeKind.NULL, size=1)
"""Stands for the elements' type in a pattern."""
LIST = SqlType(TypeKind.NULL, size=2)
"""Stands for a list of the elements in a pattern."""


def pattern(name: str, parameters: Sequence[SqlType], result: SqlType, optional: int = 0) -> Resolve:
    """A `resolve` for a call with LIST, ELEMENT and plain types; the elements of all have one type.

    Parameters
    ----------
    optional
        How many of the last parameters may be left out.
    """

    def resolve(operands: Sequence[Operand]) -> Signature:
        if not len(parameters) - optional <= len(operands) <= len(parameters):
            raise BindError(f"{describe_call(name, operands)}: it takes {len(parameters)} arguments")
        elements: list[Operand] = []
        for parameter, operand in zip(parameters, operands, strict=False):
            if parameter is LIST:
                if operand.type.kind is not TypeKind.NULL and not operand.type.is_list:
                    raise BindError(f"{describe_call(name, operands)} does not exist; {name} takes a list")
                if operand.type.is_list:
                    elements.append(Operand(operand.type.element))
            elif parameter is ELEMENT:
                elements.append(operand)
        element = common_type(elements) if elements else NULL
        if element is None:
            raise BindError(f"{describe_call(name, operands)}: these have no common type; add a cast")
        known = {id(LIST): list_of(element), id(ELEMENT): element}
        arguments = tuple(known.get(id(each), each) for each in parameters[: len(operands)])
        return Signature(arguments, known.get(id(result), result))

    return resolve


def vectors_of_numbers(name: str) -> Resolve:
    """Two lists, or two arrays, of FLOAT or DOUBLE; the result is such a number."""

    def resolve(operands: Sequence[Operand]) -> Signature:
        types = [operand.type for operand in operands]
        if len(types) != 2 or not all(type_.is_list or type_.kind is TypeKind.NULL for type_ in types):
            raise BindError(f"{describe_call(name, operands)} does not exist; it takes two lists of numbers")
        kinds = {type_.element.kind for type_ in types if type_.is_list}
        fixed = name.startswith("array_")
        if fixed and not (kinds <= {TypeKind.FLOAT, TypeKind.DOUBLE} and len({type_.size for type_ in types}) == 1):
            raise BindError(f"{name}: both arguments must be arrays of FLOAT or DOUBLE of one length")
        number = FLOAT if kinds == {TypeKind.FLOAT} else DOUBLE
        return Signature((list_of(number),) * 2, number)

    return resolve
