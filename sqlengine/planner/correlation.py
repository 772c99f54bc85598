"""Columns that a plan reads but nothing in it delivers: what makes a subquery correlated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

from sqlengine.planner.expressions import Column, Expression, walk
from sqlengine.planner.logical import Node, Scan, expressions_of, inputs_of
from sqlengine.types import SqlType

T = TypeVar("T")


def free_columns(node: Node) -> dict[int, Column]:
    """The columns of enclosing queries that `node` and everything below it refer to, by id, in order of first use."""
    found: dict[int, Column] = {}
    inputs = inputs_of(node)
    for each in inputs:
        found.update(free_columns(each))
    available = {column.id for each in inputs for column in each.columns}
    if isinstance(node, Scan):
        available.update(column.id for column in node.columns)
    for expression in expressions_of(node):
        found.update((part.id, part) for part in columns_in(expression) if part.id not in available)
    return found


def refers_to(node: Node, outer: Node) -> bool:
    """Whether `node` names a column of `outer`."""
    return not free_columns(node).keys().isdisjoint(column.id for column in outer.columns)


def columns_in(expression: Expression) -> tuple[Column, ...]:
    """The columns of an expression, in order, each as often as it stands there."""
    return tuple(part for part in walk(expression) if isinstance(part, Column))


def with_columns(value: T, mapping: Mapping[int, Column]) -> T:
    """A plan, an expression or a part of one with columns exchanged wherever they stand, definitions included."""
    return _exchanged(value, mapping)  # type: ignore[return-value]


def _exchanged(value: object, mapping: Mapping[int, Column]) -> object:
    if isinstance(value, Column):
        return mapping.get(value.id, value)
    if isinstance(value, tuple):
        new = tuple(_exchanged(each, mapping) for each in value)
        return value if all(a is b for a, b in zip(new, value, strict=True)) else new
    # Tables, types and values are no part of the plan's own vocabulary.
    if is_dataclass(value) and not isinstance(value, type) and type(value).__module__.startswith(_PLAN_MODULES):
        changes = {}
        for each in fields(value):
            old = getattr(value, each.name)
            changed = _exchanged(old, mapping)
            if changed is not old:
                changes[each.name] = changed
        return replace(value, **changes) if changes else value
    return value


_PLAN_MODULES = ("sqlengine.planner.logical", "sqlengine.planner.expressions", "sqlengine.planner.window_call")


def copied(plan: Node, new_column: Callable[[str, SqlType], Column]) -> tuple[Node, dict[int, Column]]:
    """The same plan over columns of its own, and what each column of the original is called in it.

    Columns of enclosing queries stay what they are.
    """
    mapping: dict[int, Column] = {}

    def rename(node: Node) -> None:
        for column in node.columns:
            if column.id not in mapping:
                mapping[column.id] = new_column(column.name, column.type)
        for each in inputs_of(node):
            rename(each)

    rename(plan)
    return with_columns(plan, mapping), mapping
