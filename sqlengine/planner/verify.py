"""What must hold of every logical plan, and between a plan and what a rule made of it."""

from __future__ import annotations

from sqlengine.errors import InternalError
from sqlengine.planner.expressions import Column, Expression, walk
from sqlengine.planner.logical import (
    Aggregate,
    Expand,
    Node,
    Project,
    Recursion,
    Scan,
    Union,
    Unnest,
    Values,
    Window,
    expressions_of,
    inputs_of,
)
from sqlengine.planner.logical_joins import AsofJoin, Join
from sqlengine.types import BOOLEAN, list_of


def check_rewrite(before: Node, after: Node, rule: str) -> None:
    """Check `after` and that it delivers the columns of `before`; InternalError names the rule."""
    if before.columns != after.columns:
        raise InternalError(f"{rule} changed the columns {_names(before)} to {_names(after)}")
    check_plan(after, f"after {rule}")


def check_plan(plan: Node, when: str = "as bound") -> None:
    """Check that every column read exists below with the same type, that none is delivered twice or defined twice.

    Raises
    ------
    InternalError
        Naming the node, the column and `when`.
    """
    _check(plan, when, {})


def _check(node: Node, when: str, defined: dict[int, Node]) -> None:
    for child in inputs_of(node):
        _check(child, when, defined)
    _check_arity(node, when)
    kind = type(node).__name__
    delivered = [column.id for column in node.columns]
    if len(set(delivered)) != len(delivered):
        raise InternalError(f"{when}: {kind} delivers a column twice: {_names(node)}")
    available = {column.id: column for child in inputs_of(node) for column in child.columns}
    if isinstance(node, Scan):
        available = {column.id: column for column in node.columns}
    for expression in expressions_of(node):
        _check_columns(expression, available, f"{when}: {kind}")
    if isinstance(node, Scan | Values | Project | Aggregate | Union | Unnest | Expand | Window | Recursion):
        for column in node.new_columns if isinstance(node, Unnest | Expand) else node.columns:
            passed_through = isinstance(node, Project | Aggregate | Window) and column.id in available
            if not passed_through and defined.setdefault(column.id, node) is not node:
                raise InternalError(f"{when}: two nodes define the column {column.name} (#{column.id})")


def _check_columns(expression: Expression, available: dict[int, Column], where: str) -> None:
    for part in walk(expression):
        if isinstance(part, Column):
            found = available.get(part.id)
            if found is None:
                raise InternalError(f"{where} reads {part.name} (#{part.id}), which its input does not deliver")
            if found.type != part.type:
                raise InternalError(f"{where} reads {part.name} as {part.type}, but it is {found.type}")


def _check_arity(node: Node, when: str) -> None:
    """Lists that stand side by side are equally long, and types agree."""
    pairs: list[tuple[Column, Expression]] = []
    match node:
        case Scan():
            if len(node.columns) != len(node.source_names):
                raise InternalError(f"{when}: Scan of {node.name} has a column without a source")
        case Values():
            if any(len(row) != len(node.columns) for row in node.rows):
                raise InternalError(f"{when}: Values has a row of another length")
            pairs = [pair for row in node.rows for pair in zip(node.columns, row, strict=True)]
        case Project():
            if len(node.columns) != len(node.expressions):
                raise InternalError(f"{when}: Project has a column without an expression")
            pairs = list(zip(node.columns, node.expressions, strict=True))
        case Expand():
            pairs = list(zip(node.key_columns, node.keys, strict=True))
        case Aggregate():
            if len(node.key_columns) != len(node.keys) or len(node.aggregate_columns) != len(node.aggregates):
                raise InternalError(f"{when}: Aggregate has a column without a definition")
            pairs = list(zip(node.key_columns, node.keys, strict=True))
        case Window():
            if len(node.calls) != len(node.call_columns):
                raise InternalError(f"{when}: Window has a column without a call")
        case Join() | AsofJoin():
            for condition in node.conditions:
                if condition.type != BOOLEAN:
                    raise InternalError(f"{when}: a join condition is {condition.type}, not BOOLEAN")
        case Unnest():
            for item, items in zip(node.item_columns, node.lists, strict=True):
                if items.type != list_of(item.type):
                    raise InternalError(f"{when}: {item.name} is {item.type}, its list {items.type}")
        case Recursion():
            for part in (node.start, node.step):
                check_plan(part, f"{when}, in {node.name}")
                if [c.type for c in part.columns] != [c.type for c in node.columns]:
                    raise InternalError(f"{when}: the parts of {node.name} differ in type")
        case Union():
            for each in node.inputs:
                if [c.type for c in each.columns] != [c.type for c in node.columns]:
                    raise InternalError(f"{when}: inputs of a Union differ in type")
        case _:
            pass
    for column, expression in pairs:
        if column.type != expression.type:
            raise InternalError(f"{when}: {column.name} is {column.type}, its expression {expression.type}")


def _names(node: Node) -> str:
    return ", ".join(f"{column.name} #{column.id}" for column in node.columns)
