"""Table functions in FROM: read_csv('x.csv', header = true, columns = {'a': 'INT'})."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlengine.planner.bind_literal import number_literal
from sqlengine.planner.bind_parameter import plain_value
from sqlengine.planner.context import BindContext
from sqlengine.storage.table import Table


def bind_option_call(context: BindContext, node: Any) -> tuple[str, Table]:
    """The name and the table of a table function call.

    Raises
    ------
    NotSupportedError
        An argument is not made of literals, lists, structs and parameters.
    """
    reader = context.reader
    if not isinstance(node, exp.Anonymous):
        raise reader.unknown(node)
    name = reader.name(reader.get(node, "this")).lower()
    positional: list[object] = []
    options: dict[str, object] = {}
    for argument in reader.all(node):
        if not isinstance(argument, exp.EQ | exp.PropertyEQ | exp.Kwarg):
            positional.append(_value(context, argument))
            continue
        key = reader.get(argument, "this")
        if isinstance(key, exp.Column):
            key = reader.get(key, "this")
        option = reader.name(key).lower()
        if option in options:
            raise context.error(f"the option {option} of {name} is given twice", argument)
        options[option] = _setting(context, reader.get(argument, "expression"))
    return name, context.catalog.open_function(name, positional, options)


def _setting(context: BindContext, node: Any) -> object:
    """The value of an option: a word means itself, as in `hive_types = {'day': DATE}`."""
    reader = context.reader
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Identifier):
        return reader.name(reader.get(node, "this"))
    if isinstance(node, exp.Struct):
        return {
            reader.name(reader.get(each, "this")): _setting(context, reader.get(each, "expression"))
            for each in reader.all(node)
        }
    return _value(context, node)


def _value(context: BindContext, node: Any) -> object:
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
            inner = _value(context, reader.get(node, "this"))
            if isinstance(inner, int | float):
                return -inner
            raise reader.unknown(node)
        case exp.Array():
            return [_value(context, each) for each in reader.all(node)]
        case exp.Struct():
            return {
                reader.name(reader.get(each, "this")): _value(context, reader.get(each, "expression"))
                for each in reader.all(node)
            }
        case exp.Placeholder():
            return plain_value(context.parameters.value(node, reader))
        case _:
            raise reader.unknown(node)
