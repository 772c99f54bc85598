"""WITH RECURSIVE: a query of two parts, of which the second reads what has been found last."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlglot import exp

from sqlengine.planner.bound import BoundQuery
from sqlengine.planner.coerce import coerce
from sqlengine.planner.context import BindContext, CommonTable
from sqlengine.planner.correlation import free_columns
from sqlengine.planner.logical import Node, Recursion
from sqlengine.planner.plan_build import project
from sqlengine.storage.format import Field
from sqlengine.storage.working import WorkingTable
from sqlengine.types import TypeKind


def is_recursive(query: Any, name: str) -> bool:
    """Whether a query in WITH RECURSIVE reads itself: `start UNION [ALL] step`, where `step` names it in FROM."""
    if not isinstance(query, exp.Union):
        return False
    tables = query.args["expression"].find_all(exp.Table)
    return any(table.name.lower() == name.lower() and not table.args.get("db") for table in tables)


def bind_recursion(context: BindContext, common: CommonTable) -> BoundQuery:
    """The rows of a recursive query, under the names its first part gives them.

    The first part decides the types; what the second finds is cast to them.
    """
    from sqlengine.planner.bind_query import bind_query, bind_with
    from sqlengine.storage.schema import unique_names

    reader = context.reader
    node = reader.get(common.tree, "this")
    for part in ("order", "limit", "offset"):
        if node.args.get(part):
            what = part.upper()
            raise context.error(f"{what} in a recursive query is not allowed; put it where {common.name} is read", node)
    with context.inside(common.outer, common.visible):
        visible = bind_with(context, node, common.visible)
        start = bind_query(context, reader.get(node, "this"), visible)
    names = unique_names((*common.column_names, *start.names[len(common.column_names) :]))
    if len(common.column_names) > len(start.names):
        given = len(common.column_names)
        raise context.error(f'"{common.name}" has {len(start.names)} columns, but {given} names are given', common.tree)
    types = [column.type for column in start.plan.columns]
    working = WorkingTable(common.name, tuple(map(Field, names, types)))
    itself = replace(common, working=working)
    inside = {**visible, common.name.lower(): itself}
    with context.inside(common.outer, inside):
        step = bind_query(context, reader.get(node, "expression"), inside)
    # They would have to be read once a round.
    for name in (column.name for part in (start, step) for column in free_columns(part.plan).values()):
        raise context.refuse(f'a column of a query around a recursive one ("{name}") is not supported', node)
    if len(step.names) != len(types):
        raise context.error(
            f"UNION needs the same number of columns on both sides; there are {len(types)} and {len(step.names)}", node
        )
    with context.at(node):
        if any(t.kind is TypeKind.NULL != c.type.kind for t, c in zip(types, step.plan.columns, strict=True)):
            raise context.error(f"a column of {common.name} begins as NULL without a type; add a cast", node)
        cast = [coerce(column, type_) for column, type_ in zip(step.plan.columns, types, strict=True)]
    step_plan: Node = project(context, step.plan, cast, names)
    columns = tuple(context.column(name, type_) for name, type_ in zip(names, types, strict=True))
    plan = Recursion(common.name, columns, start.plan, step_plan, working, bool(reader.get(node, "distinct")))
    return BoundQuery(plan, names)
