"""What an item of FROM offers: a name, and columns under names of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlengine.planner.context import BindContext
from sqlengine.planner.expressions import Column
from sqlengine.planner.scope import Relation
from sqlengine.storage.schema import unique_names


def offered(
    context: BindContext, node: Any, path: tuple[str, ...], names: tuple[str, ...], columns: tuple[Column, ...]
) -> Relation:
    """What a FROM item offers, under its alias if it has one."""
    reader = context.reader
    alias = reader.get(node, "alias")
    if alias is None:
        return Relation(path, names, columns)
    this = reader.get(alias, "this")
    name = reader.name(this) if this is not None else (path[-1] if path else "")
    new_names = [reader.name(each) for each in reader.all(alias, "columns")]
    return Relation((name,), unique_names(renamed(context, names, new_names, name, node)), columns)


def renamed(
    context: BindContext, names: tuple[str, ...], new_names: Sequence[str], relation: str, node: Any
) -> tuple[str, ...]:
    """`names` with the first of them replaced by `new_names`; BindError if those are more."""
    if len(new_names) > len(names):
        raise context.error(f'table "{relation}" has {len(names)} columns, but {len(new_names)} names are given', node)
    return (*new_names, *names[len(new_names) :])
