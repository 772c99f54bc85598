"""The values of options, of COPY and of table functions: constants, words, lists and structs of these."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlengine.planner.bind_literal import number_literal
from sqlengine.planner.bind_parameter import plain_value
from sqlengine.planner.context import BindContext


def constant_value(context: BindContext, node: Any) -> object:
    """A literal, a parameter, or a list or struct of these, as a Python value.

    Raises
    ------
    NotSupportedError
        It is something else.
    """
    reader = context.reader
    match node:
        case exp.Literal():
            text = reader.get(node, "this")
            return text if reader.get(node, "is_string") else number_literal(text).value
        case exp.Boolean():
            return bool(reader.get(node, "this"))
        case exp.Null():
            return None
        case exp.Neg():
            inner = constant_value(context, reader.get(node, "this"))
            if isinstance(inner, int | float):
                return -inner
            raise reader.unknown(node)
        case exp.Array():
            return [constant_value(context, each) for each in reader.all(node)]
        case exp.Struct():
            return {name: constant_value(context, each) for name, each in _members(context, node)}
        case exp.Placeholder() | exp.Parameter():
            return plain_value(context.parameters.value(node, reader))
        case _:
            raise reader.unknown(node)


def option_value(context: BindContext, node: Any) -> object:
    """As `constant_value`, but a word means itself: `{'day': DATE}`, `(a, b)`, `*`."""
    reader = context.reader
    node = reader.unwrap(node)
    match node:
        case exp.Var() | exp.Identifier():
            return reader.name(node)
        case exp.Column():
            return reader.name(reader.get(node, "this"))
        case exp.Star():
            return ["*"]
        case exp.Tuple() | exp.Array():
            return [option_value(context, each) for each in reader.all(node)]
        case exp.Struct():
            return {name: option_value(context, each) for name, each in _members(context, node)}
        case _:
            return constant_value(context, node)


def _members(context: BindContext, node: Any) -> list[tuple[str, Any]]:
    reader = context.reader
    return [(reader.name(reader.get(each, "this")), reader.get(each, "expression")) for each in reader.all(node)]
