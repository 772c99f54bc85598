"""Small steps of plan building that several parts of the binder share."""

from __future__ import annotations

from collections.abc import Sequence

from sqlengine.planner.context import BindContext
from sqlengine.planner.expressions import Column, Expression
from sqlengine.planner.logical import Aggregate, Node, Project


def project(context: BindContext, node: Node, expressions: Sequence[Expression], names: Sequence[str]) -> Node:
    """`node` with exactly `expressions` as columns.

    A column of the node that is passed on keeps its id; a second copy of it, and anything computed, gets a new one.
    Nothing is added when nothing changes.
    """
    columns: list[Column] = []
    taken: set[int] = set()
    own = {column.id for column in node.columns}
    for expression, name in zip(expressions, names, strict=True):
        # A column of an enclosing query is delivered under an id of its own, beside the one that query has.
        if isinstance(expression, Column) and expression.id in own and expression.id not in taken:
            column = expression
        else:
            column = context.column(name, expression.type)
        taken.add(column.id)
        columns.append(column)
    if tuple(columns) == node.columns and tuple(expressions) == node.columns:
        return node
    return Project(node, tuple(columns), tuple(expressions))


def distinct(node: Node) -> Node:
    """Its rows, each once."""
    return Aggregate(node, node.columns, node.columns, (), ())
