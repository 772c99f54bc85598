"""CREATE VIEW, CREATE TABLE, INSERT, DROP and EXECUTE: what they change, with types and queries bound."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp

from sqlengine.errors import BindError, NotSupportedError, did_you_mean
from sqlengine.planner.bind_expression import ExpressionBinder
from sqlengine.planner.bind_parameter import Parameters, ParameterValues
from sqlengine.planner.bind_type import bind_type
from sqlengine.planner.bound import BoundQuery
from sqlengine.planner.catalog import Catalog
from sqlengine.planner.coerce import coerce
from sqlengine.planner.constant import fold
from sqlengine.planner.consume import Reader
from sqlengine.planner.context import BindContext
from sqlengine.planner.definitions import View
from sqlengine.planner.expressions import Expression, Literal
from sqlengine.planner.plan_build import project
from sqlengine.planner.rewriting import next_column_id
from sqlengine.planner.scope import Scope
from sqlengine.planner.source import Source
from sqlengine.planner.statements import CreateTable, CreateView, Drop, Execute, Insert
from sqlengine.storage.schema import unique_names
from sqlengine.storage.table import Table
from sqlengine.types import SqlType

BindQuery = Callable[[Any, Source, Catalog, Parameters], BoundQuery]


def bind_definition(
    tree: Any, source: Source, catalog: Catalog, parameters: Parameters, bind: BindQuery
) -> CreateView | CreateTable | Insert | Drop:
    """A parsed definition; whatever of it is not supported (constraints, RETURNING, …) is refused by name.

    Raises
    ------
    BindError
        A name or a type does not resolve.
    NotSupportedError
        A part that has no meaning here.
    """
    reader = Reader(source)
    query = reader.get(tree, "expression")
    bound: CreateView | CreateTable | Insert | Drop
    match tree:
        case exp.Drop():
            bound = _drop(reader, tree)
        case exp.Insert():
            bound = _insert(reader, tree, bind(query, source, catalog, parameters), catalog)
        case exp.Create() if reader.get(tree, "kind") == "VIEW" and query is not None:
            # Bound now as well: a view over nothing is an error at once.
            bound = _view(reader, tree, query, len(bind(query, source, catalog, None).names))
        case exp.Create() if reader.get(tree, "kind") == "TABLE":
            bound = _table(reader, tree, None if query is None else bind(query, source, catalog, parameters))
        case _:
            raise NotSupportedError(
                f"CREATE {tree.args.get('kind')} is not supported", source.place(source.start, source.stop)
            )
    if query is not None:
        reader.skip(query)
    reader.refuse_unread(tree)
    return bound


def bind_execution(
    name: str, trees: Sequence[Any], source: Source, catalog: Catalog, parameters: Parameters
) -> Execute:
    """EXECUTE with its arguments as constants, by position or all by name."""
    reader = Reader(source)
    whole = exp.Tuple(expressions=list(trees))
    context = BindContext(catalog, ParameterValues(parameters, whole, source), reader)
    binder = ExpressionBinder(context, Scope(), "EXECUTE")
    by_position: list[Literal] = []
    by_name: dict[str, Literal] = {}
    for tree in trees:
        if isinstance(tree, exp.PropertyEQ | exp.Kwarg):
            key = reader.name(reader.get(tree, "this"))
            by_name[key] = _constant(context, binder.bind(reader.get(tree, "expression")), tree)
        else:
            by_position.append(_constant(context, binder.bind(tree), tree))
    if by_name and by_position:
        raise context.error("EXECUTE takes its values by position or by name, not both", trees[0])
    for tree in trees:
        reader.refuse_unread(tree)
    return Execute(name, by_name or by_position)


def _constant(context: BindContext, value: Expression, node: Any) -> Literal:
    folded = fold(value)
    if not isinstance(folded, Literal):
        raise context.refuse("a value of EXECUTE that is no constant is not supported", node)
    return folded


def _view(reader: Reader, tree: Any, query: Any, width: int) -> CreateView:
    name, columns = _target(reader, tree)
    if len(columns) > width:
        raise BindError(f'view "{name}" has {width} columns, fewer than names are given', reader.source.position(tree))
    view = View(name, query, reader.source, tuple(reader.name(each) for each in columns))
    return CreateView(view, bool(reader.get(tree, "replace")), bool(reader.get(tree, "exists")))


def _table(reader: Reader, tree: Any, query: BoundQuery | None) -> CreateTable:
    name, definitions = _target(reader, tree)
    columns: list[tuple[str, SqlType]] = []
    if query is not None:
        renamed = [reader.name(each) for each in definitions if isinstance(each, exp.Identifier)]
        names = unique_names((*renamed, *query.names[len(renamed) :]))
        columns = list(zip(names, (column.type for column in query.plan.columns), strict=True))
    else:
        for each in definitions:
            if isinstance(each, exp.ColumnDef):
                kind = bind_type(reader.get(each, "kind"), reader)
                columns.append((reader.name(reader.get(each, "this")), kind))
        names = unique_names([column for column, _ in columns])
        if list(names) != [column for column, _ in columns]:
            raise BindError(f'two columns of table "{name}" have the same name', reader.source.position(tree))
    return CreateTable(name, tuple(columns), query, bool(reader.get(tree, "replace")), bool(reader.get(tree, "exists")))


def _insert(reader: Reader, tree: Any, query: BoundQuery, catalog: Catalog) -> Insert:
    name, given = _target(reader, tree)
    context = BindContext(catalog, ParameterValues(None, exp.Tuple(), reader.source), reader)
    table: Table | None = catalog.table((name,))
    if table is None and catalog.view((name,)) is not None:
        raise context.error(f'"{name}" is a view; INSERT needs a table', tree)
    if table is None:
        hint = did_you_mean(name, catalog.table_names())
        raise context.error(f'there is no table "{name}".{hint}', tree)
    known = {field.name.lower(): position for position, field in enumerate(table.fields)}
    by_name = bool(reader.get(tree, "by_name"))
    names = list(query.names) if by_name else [reader.name(each) for each in given] or [f.name for f in table.fields]
    if len(names) != len(query.names):
        raise context.error(f'"{name}" takes {len(names)} columns, but {len(query.names)} values are given', tree)
    positions: dict[int, int] = {}
    for position, column in enumerate(names):
        if column.lower() not in known:
            hint = did_you_mean(column, known)
            raise context.error(f'table "{name}" has no column "{column}".{hint}', tree)
        if known[column.lower()] in positions:
            raise context.error(f'the column "{column}" stands twice in INSERT', tree)
        positions[known[column.lower()]] = position
    values: list[Expression] = []
    with context.at(tree):
        for target, field in enumerate(table.fields):
            source = positions.get(target)
            value = Literal(None, field.type) if source is None else query.plan.columns[source]
            values.append(coerce(value, field.type))
    # New columns are numbered after those of the query, which another context has bound.
    context = replace(context, _ids=itertools.count(next_column_id(query.plan)))
    plan = project(context, query.plan, values, [field.name for field in table.fields])
    return Insert(name, BoundQuery(plan, tuple(field.name for field in table.fields)))


def _drop(reader: Reader, tree: Any) -> Drop:
    kind = str(reader.get(tree, "kind")).upper()
    if kind not in ("TABLE", "VIEW", "MACRO", "FUNCTION"):
        raise NotSupportedError(f"DROP {kind} is not supported")
    names = tuple(_name(reader, table) for table in reader.all(tree, "tables"))
    return Drop("MACRO" if kind == "FUNCTION" else kind, names, bool(reader.get(tree, "exists")))


def _target(reader: Reader, tree: Any) -> tuple[str, list[Any]]:
    """The name that is defined, and what stands in parentheses after it."""
    this = reader.get(tree, "this")
    properties = reader.get(tree, "properties")
    for each in reader.all(properties) if properties is not None else ():
        # TEMP says nothing: everything here lasts as long as the session.
        if isinstance(each, exp.TemporaryProperty):
            reader.skip(each)
        else:
            raise reader.unknown(each)
    if isinstance(this, exp.Schema):
        return _name(reader, reader.get(this, "this")), reader.all(this)
    return _name(reader, this), []


def _name(reader: Reader, table: Any) -> str:
    for part in ("db", "catalog"):
        qualifier = table.args.get(part)
        if qualifier is not None and reader.name(reader.get(table, part)).lower() not in ("main", "temp", "memory"):
            raise reader.unknown(table)
    return reader.name(reader.get(table, "this"))
