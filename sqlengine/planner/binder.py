"""The binder's entry: a parsed statement, a catalog and parameters to a bound statement.

Nothing here or in what it imports at the top loads sqlglot; the first statement does.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, assert_never

from sqlengine.errors import NotSupportedError, ProgrammingError
from sqlengine.planner.bound import BoundQuery
from sqlengine.planner.catalog import Catalog
from sqlengine.planner.parse import DescribeTree, ExplainTree, QueryTree, Statement
from sqlengine.planner.parse_definition import CopyTree, DefinitionTree, ExecuteTree, PrepareTree, VariableTree
from sqlengine.planner.source import Source
from sqlengine.planner.statements import (
    BoundStatement,
    CreateMacro,
    Deallocate,
    Describe,
    Explain,
    Prepare,
    Query,
    SetStatement,
    SetVariable,
    ShowAllTables,
    ShowStatement,
    ShowTables,
)

if TYPE_CHECKING:
    from sqlengine.planner.bind_parameter import Parameters
    from sqlengine.planner.context import Evaluate

__all__ = ["BoundQuery", "bind_statement"]


def bind_statement(
    statement: Statement, catalog: Catalog, parameters: Parameters = None, evaluate: Evaluate | None = None
) -> BoundStatement:
    """Resolve every name and type of a statement.

    Parameters
    ----------
    statement
        From `parse_statements`.
    catalog
        Knows the tables.
    parameters
        Values for `?` and `$1` (a sequence) or for `$name` and `:name` (a mapping).
    evaluate
        Runs a query and gives its rows, for what must be known while binding; None refuses such queries.

    Raises
    ------
    BindError
        A name or a type does not resolve; carries the place.
    NotSupportedError
        The statement has a part that this engine does not run; names it.
    ProgrammingError
        A parameter has no value, or a value no parameter.
    """
    content = statement.content
    match content:
        case QueryTree(tree=tree):
            return Query(_bind(tree, statement.source, catalog, parameters, evaluate))
        case ExplainTree(level=level, tree=tree) if type(tree).__name__ == "Copy":
            from sqlengine.planner.bind_copy import bind_copy

            copy = bind_copy(tree, statement.source, catalog, parameters, evaluate)
            return Explain(level, copy.query, copy)
        case ExplainTree(level=level, tree=tree):
            return Explain(level, _bind(tree, statement.source, catalog, parameters, evaluate))
        case DescribeTree(tree=tree):
            query = _bind(tree, statement.source, catalog, parameters, evaluate)
            types = [column.type for column in query.plan.columns]
            return Describe(tuple(zip(query.names, types, strict=True)))
        case DefinitionTree(tree=tree):
            from sqlengine.planner.bind_definition import bind_definition

            bind = functools.partial(_bind, evaluate=evaluate)
            return bind_definition(tree, statement.source, catalog, parameters, bind)
        case CopyTree(tree=tree):
            from sqlengine.planner.bind_copy import bind_copy

            if tree.args.get("kind"):
                from sqlengine.planner.bind_copy_from import insert_tree
                from sqlengine.planner.bind_definition import bind_definition

                insert = insert_tree(tree, statement.source, catalog, parameters)
                return bind_definition(
                    insert, statement.source, catalog, None, functools.partial(_bind, evaluate=evaluate)
                )
            return bind_copy(tree, statement.source, catalog, parameters, evaluate)
        case PrepareTree(name=name, statement=prepared):
            return Prepare(name, prepared)
        case ExecuteTree(name=name, arguments=arguments):
            from sqlengine.planner.bind_definition import bind_execution

            return bind_execution(name, arguments, statement.source, catalog, parameters)
        case CreateMacro(macro=macro):
            from sqlengine.planner.bind_macro import check_macro

            check_macro(macro, catalog)
            return content
        case Deallocate():
            return content
        case VariableTree(name=name, tree=tree):
            value = None if tree is None else _bind(tree, statement.source, catalog, parameters, evaluate)
            return SetVariable(name, value)
        case SetStatement() | ShowStatement() | ShowTables() | ShowAllTables():
            if parameters:
                raise ProgrammingError("this statement takes no parameters")
            return content
        case _:
            assert_never(content)


def _bind(tree: Any, source: Source, catalog: Catalog, parameters: Parameters, evaluate: Evaluate | None) -> BoundQuery:
    from sqlengine.planner.bind_parameter import ParameterValues
    from sqlengine.planner.bind_query import bind_query
    from sqlengine.planner.consume import Reader
    from sqlengine.planner.context import BindContext

    reader = Reader(source)
    context = BindContext(catalog, ParameterValues(parameters, tree, source), reader, evaluate=evaluate)
    try:
        bound = bind_query(context, tree, {})
    except RecursionError:
        raise NotSupportedError("the query is nested too deeply") from None
    context.refuse_unread(tree)
    return bound
