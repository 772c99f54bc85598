"""Views and macros where they are used: their trees are bound in a context of their own, inside the query's."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from sqlengine.errors import Error
from sqlengine.planner.bind_parameter import ParameterValues
from sqlengine.planner.bound import BoundQuery
from sqlengine.planner.catalog import Catalog
from sqlengine.planner.consume import Reader
from sqlengine.planner.context import BindContext
from sqlengine.planner.definitions import Macro, MacroForm, View
from sqlengine.planner.expressions import Expression, Literal
from sqlengine.planner.scope import Scope
from sqlengine.planner.source import Source
from sqlengine.types import NULL

if TYPE_CHECKING:
    from sqlengine.planner.bind_expression import ExpressionBinder


def bind_view(context: BindContext, node: Any, view: View) -> BoundQuery:
    """The rows of a view, seen from a FROM item; errors name the view and stand where it is used."""
    from sqlengine.planner.bind_query import bind_query
    from sqlengine.storage.schema import unique_names

    with _elsewhere(context, node, f'view "{view.name}"'):
        inner = _inside(context, view.source, view.tree, {})
        bound = bind_query(inner, view.tree, {})
        inner.refuse_unread(view.tree)
    return replace(bound, names=unique_names((*view.column_names, *bound.names[len(view.column_names) :])))


def bind_table_macro(context: BindContext, node: Any, macro: Macro, binder: ExpressionBinder) -> BoundQuery:
    """The rows of `macro(arguments)` in FROM; `node` is the call."""
    from sqlengine.planner.bind_query import bind_query

    form, names = _chosen(binder, node, macro)
    with _elsewhere(context, node, f'macro "{macro.name}"'):
        inner = _inside(context, macro.source, form.body, names)
        bound = bind_query(inner, form.body, {})
        inner.refuse_unread(form.body)
    return bound


def bind_macro(binder: ExpressionBinder, node: Any, macro: Macro) -> Expression:
    """The value of `macro(arguments)`: its expression, in which parameters mean the arguments."""
    context = binder.context
    form, names = _chosen(binder, node, macro)
    with _elsewhere(context, node, f'macro "{macro.name}"'):
        inner = copy.copy(binder)
        inner.context = _inside(context, macro.source, form.body, names)
        inner.context.outer = context.outer
        inner.reader = inner.context.reader
        inner.scope, inner.aliases = Scope(), {}
        bound = inner.bind(form.body)
        inner.context.refuse_unread(form.body)
    return bound


def check_macro(macro: Macro, catalog: Catalog) -> None:
    """Nothing is known of arguments yet, so only what any argument would show is found: an unknown name."""
    for form in macro.forms:
        known = {name.lower() for name, _ in form.parameters}
        if form.is_table or form.body.find(exp.Query, exp.Lambda) is not None:
            continue
        for column in form.body.find_all(exp.Column):
            if isinstance(column.this, exp.Identifier) and column.parts[0].name.lower() not in known:
                from sqlengine.errors import BindError

                name = column.parts[0].name
                raise BindError(
                    f'"{name}" is no parameter of {form.describe(macro.name)}', macro.source.position(column)
                )


def _chosen(binder: ExpressionBinder, node: Any, macro: Macro) -> tuple[MacroForm, Mapping[str, Expression]]:
    """The form that fits a call, and what its parameters mean."""
    context, reader = binder.context, binder.reader
    reader.name(reader.get(node, "this"))
    by_position: list[Any] = []
    by_name: dict[str, Any] = {}
    for tree in reader.all(node):
        if isinstance(tree, exp.PropertyEQ | exp.Kwarg):
            key = reader.get(tree, "this")
            by_name[reader.name(reader.get(key, "this") if isinstance(key, exp.Column) else key).lower()] = reader.get(
                tree, "expression"
            )
        else:
            by_position.append(tree)
    for form in sorted(macro.forms, key=lambda each: len(each.parameters)):
        names = [name.lower() for name, _ in form.parameters]
        given = {**dict(zip(names, by_position, strict=False)), **by_name}
        missing = [name for name, (_, default) in zip(names, form.parameters, strict=True) if default is None]
        fits = len(by_position) <= len(names) and not set(by_name) & set(names[: len(by_position)])
        if fits and set(given) <= set(names) and set(missing) <= set(given):
            break
    else:
        forms = ", ".join(each.describe(macro.name) for each in macro.forms)
        raise context.error(f"macro {macro.name} cannot be called like this; it is {forms}", node)
    meanings: dict[str, Expression] = {name: binder.bind(tree) for name, tree in given.items()}
    for name, (_, default) in zip(names, form.parameters, strict=True):
        if name not in meanings:
            inner = copy.copy(binder)
            inner.context = _inside(context, macro.source, default, {})
            inner.reader = inner.context.reader
            inner.scope = Scope()
            meanings[name] = Literal(None, NULL) if default is None else inner.bind(default)
    return form, meanings


def _inside(context: BindContext, source: Source, tree: Any, names: Mapping[str, Expression]) -> BindContext:
    """A context for a tree of another source: no parameters, no CTEs, no names around it but `names`."""
    values = ParameterValues(None, tree, source)
    return replace(context, parameters=values, reader=Reader(source), names=names, outer=None, tables={}, given={})


@contextmanager
def _elsewhere(context: BindContext, node: Any, what: str) -> Iterator[None]:
    """Errors inside say what they are in, at the place where it is used."""
    try:
        yield
    except Error as error:
        error.message = f"in {what}: {error.message}"
        error.args = (error.message,)
        error.position = context.reader.source.position(node)
        raise
