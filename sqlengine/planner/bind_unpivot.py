"""UNPIVOT: columns become rows, a name and a value each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from sqlengine.planner.bind_expression import ExpressionBinder
from sqlengine.planner.bind_star import bind_star, each_column, star_of
from sqlengine.planner.coerce import coerce_all
from sqlengine.planner.context import BindContext
from sqlengine.planner.expressions import Column, Expression, Literal, columns_of
from sqlengine.planner.logical import Node, Unnest
from sqlengine.planner.output_name import output_name
from sqlengine.planner.plan_build import project
from sqlengine.planner.rewriting import filtered
from sqlengine.planner.scope import Scope
from sqlengine.types import VARCHAR


@dataclass(frozen=True, slots=True)
class _Row:
    """One row made of each input row: what stands in the name column, and in the value columns."""

    name: str
    values: tuple[Expression, ...]


def bind_unpivot(context: BindContext, plan: Node, scope: Scope, node: Any) -> tuple[Node, tuple[str, ...]]:
    """The rows of UNPIVOT over `plan`, and the names of its columns: those it does not speak of, the name, the values.

    A row with a NULL among its values is left out, unless INCLUDE NULLS is said.

    Raises
    ------
    BindError
        The items have not as many values as there are value columns, or values of one column have no common type.
    """
    reader = context.reader
    name_column, value_columns, trees = _heads(context, node)
    binder = ExpressionBinder(context, scope, "UNPIVOT")
    rows = [row for tree in trees for row in _rows(binder, tree)]
    for row in rows:
        if len(row.values) != len(value_columns):
            raise context.error(
                f"UNPIVOT makes {len(value_columns)} value columns, but {row.name} has {len(row.values)} values", node
            )
    used = {column for row in rows for value in row.values for column in columns_of(value)}
    kept: list[tuple[str, Column]] = []
    for name, expression in scope.star():
        if not isinstance(expression, Column):
            raise context.refuse("UNPIVOT of a FULL JOIN with USING is not supported", node)
        if expression.id not in used:
            kept.append((name, expression))

    lists = [binder.call("list_value", [Literal(row.name, VARCHAR) for row in rows], node)]
    for values in zip(*(row.values for row in rows), strict=True):
        if len({value.type.is_text for value in values}) > 1:
            raise context.error("UNPIVOT puts texts and other values into one column; add a cast", node)
        with context.at(node):
            cast, _ = coerce_all(values)
        lists.append(binder.call("list_value", list(cast), node))
    names = (*(name for name, _ in kept), name_column, *value_columns)
    items = tuple(
        context.column(name, each.type.children[0][1])
        for name, each in zip((name_column, *value_columns), lists, strict=True)
    )
    unpivoted: Node = Unnest(plan, tuple(lists), items)
    if not reader.get(node, "include_nulls"):
        unpivoted = filtered(unpivoted, [binder.call("is_not_null", [item], node) for item in items[1:]])
    return project(context, unpivoted, [*(column for _, column in kept), *items], names), names


def _heads(context: BindContext, node: Any) -> tuple[str, tuple[str, ...], list[Any]]:
    """(the name column, the value columns, the items) of either form."""
    reader = context.reader
    fields = reader.all(node, "fields")
    if not fields:
        into = reader.get(node, "into")
        if into is None:
            return "name", ("value",), reader.all(node)
        return (
            _name(context, reader.get(into, "this")),
            tuple(_name(context, each) for each in reader.all(into)),
            reader.all(node),
        )
    if len(fields) > 1:
        raise context.refuse("UNPIVOT with several FOR is not supported", node)
    reader.get(node, "value_columns_first")
    names = [
        _name(context, each)
        for head in reader.all(node)
        for each in (reader.all(head) if isinstance(head, exp.Tuple) else [head])
    ]
    return _name(context, reader.get(fields[0], "this")), tuple(names), reader.all(fields[0])


def _name(context: BindContext, tree: Any) -> str:
    reader = context.reader
    return reader.name(reader.get(tree, "this") if isinstance(tree, exp.Column) else tree)


def _rows(binder: ExpressionBinder, tree: Any) -> Iterator[_Row]:
    """What an item stands for: one row, or one for each column of a star."""
    reader = binder.reader
    if star_of(tree) is not None:
        yield from (_Row(each.name, (each.expression,)) for each in bind_star(binder, tree))
        return
    alias = None
    if isinstance(tree, exp.PivotAlias | exp.Alias):
        head = reader.get(tree, "alias")
        alias = reader.name(head)
        if isinstance(head, exp.Literal):
            reader.get(head, "is_string")
        tree = reader.get(tree, "this")
    trees = reader.all(tree) if isinstance(tree, exp.Tuple) else [reader.unwrap(tree)]
    for starred in each_column(binder, tree):
        values = tuple(binder.bind(each) for each in trees)
        name = starred.name if starred is not None else "_".join(_value_name(each, binder.scope) for each in trees)
        yield _Row(name if alias is None else alias, values)


def _value_name(tree: Any, scope: Scope) -> str:
    """A computed value is called by its one column."""
    columns: Sequence[Any] = list(tree.find_all(exp.Column))
    return output_name(columns[0] if len(columns) == 1 else tree, scope)
