"""Table functions in FROM: read_csv('x.csv', header = true, columns = {'a': 'INT'})."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from sqlengine.planner.context import BindContext
from sqlengine.planner.option_values import constant_value, option_value
from sqlengine.storage.table import Predicate, Table


def bind_option_call(context: BindContext, node: Any, where: Sequence[Predicate]) -> tuple[str, Table]:
    """The name and the table of a table function call; rows that do not fulfil `where` may be missing.

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
            positional.append(constant_value(context, argument))
            continue
        key = reader.get(argument, "this")
        if isinstance(key, exp.Column):
            key = reader.get(key, "this")
        option = reader.name(key).lower()
        if option in options:
            raise context.error(f"the option {option} of {name} is given twice", argument)
        options[option] = option_value(context, reader.get(argument, "expression"))
    return name, context.catalog.open_function(name, positional, options, where)
