"""ORDER BY: of a SELECT, and of a whole query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from sqlengine.planner.bind_expression import ExpressionBinder
from sqlengine.planner.bind_limit import bind_limit
from sqlengine.planner.bind_star import each_column
from sqlengine.planner.context import BindContext
from sqlengine.planner.expressions import Column, Expression, SortKey
from sqlengine.planner.logical import Node, Sort
from sqlengine.planner.plan_build import project
from sqlengine.planner.scope import Relation, Scope


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One ORDER BY item: the result's column number `output`, or else an `expression`."""

    output: int | None
    expression: Expression | None
    descending: bool
    nulls_first: bool
    tree: Any


def bind_order(
    context: BindContext,
    node: Any,
    names: Sequence[str],
    binder: ExpressionBinder,
    other_names: Sequence[Sequence[str]] = (),
) -> list[OrderItem]:
    """The ORDER BY items of a query.

    Parameters
    ----------
    node
        The query.
    names
        What a bare name or a number may refer to: the result's columns.
    binder
        Binds any other expression.
    other_names
        More names of the same columns: those of the other sides of a UNION.
    """
    reader = context.reader
    order = reader.get(node, "order")
    if order is None:
        return []
    return bind_items(context, reader.all(order), names, binder, other_names)


def bind_items(
    context: BindContext,
    trees: Sequence[Any],
    names: Sequence[str],
    binder: ExpressionBinder,
    other_names: Sequence[Sequence[str]] = (),
) -> list[OrderItem]:
    """The items of ORDER BY, or of DISTINCT ON, which names columns of the result in the same way."""
    reader = context.reader
    items: list[OrderItem] = []
    for ordered in trees:
        directed = isinstance(ordered, exp.Ordered)
        tree = reader.unwrap(reader.get(ordered, "this") if directed else ordered)
        descending = directed and bool(reader.get(ordered, "desc"))
        nulls_first = directed and bool(reader.get(ordered, "nulls_first"))
        if isinstance(tree, exp.Var) and reader.name(tree).upper() == "ALL":
            items += [OrderItem(output, None, descending, nulls_first, tree) for output in range(len(names))]
            continue
        tree, collated = _collated(context, tree)
        output = None if collated else _output(context, tree, (names, *other_names))
        if output is not None:
            items.append(OrderItem(output, None, descending, nulls_first, tree))
            continue
        for _ in each_column(binder, tree):
            expression = binder.bind(tree)
            if collated:
                expression = binder.call("lower", [expression], tree)
            items.append(OrderItem(None, expression, descending, nulls_first, tree))
    return items


def _collated(context: BindContext, tree: Any) -> tuple[Any, bool]:
    """(what is sorted, whether by NOCASE): COLLATE NOCASE, and those that compare bytes as we always do."""
    reader = context.reader
    if not isinstance(tree, exp.Collate):
        return tree, False
    collation = reader.get(tree, "expression")
    name = reader.name(collation).upper() if isinstance(collation, exp.Var | exp.Identifier) else ""
    if name not in ("NOCASE", "C", "POSIX"):
        raise context.refuse(f"COLLATE {collation.sql()} is not supported; NOCASE, C and POSIX are", tree)
    return reader.unwrap(reader.get(tree, "this")), name == "NOCASE"


def _output(context: BindContext, tree: Any, headers: Sequence[Sequence[str]]) -> int | None:
    """The result column that a number or a bare name means; None for any other expression."""
    reader = context.reader
    number = ordinal(context, tree, len(headers[0]), "ORDER BY")
    if number is not None:
        return number
    if isinstance(tree, exp.PositionalColumn):
        return ordinal(context, reader.get(tree, "this"), len(headers[0]), "ORDER BY")
    constant = tree.this if isinstance(tree, exp.Neg) else tree
    if isinstance(constant, exp.Literal | exp.Null | exp.Boolean):
        raise context.error("ORDER BY a constant has no effect; give a column's name or number", tree)
    if isinstance(tree, exp.Column) and isinstance(tree.this, exp.Identifier) and not tree.args.get("table"):
        name = reader.name(reader.get(tree, "this")).lower()
        found = (index for names in headers for index, each in enumerate(names) if each.lower() == name)
        return next(found, None)
    return None


def ordinal(context: BindContext, tree: Any, count: int, clause: str) -> int | None:
    """The 0-based column that a whole number stands for; None if `tree` is none. BindError if out of range."""
    reader = context.reader
    sign = 1
    digits = tree
    if isinstance(tree, exp.Neg):
        sign, digits = -1, reader.unwrap(reader.get(tree, "this"))
    if not isinstance(digits, exp.Literal) or digits.args.get("is_string") or not digits.name.isdigit():
        return None
    number = sign * int(reader.get(digits, "this"))
    if not 1 <= number <= count:
        columns = "column" if count == 1 else "columns"
        raise context.error(f"{clause} {number} is out of range: the query has {count} {columns}", tree)
    return number - 1


def sort_and_limit(context: BindContext, plan: Node, width: int, keys: tuple[SortKey, ...], tree: Any) -> Node:
    """Sort, cut, and keep the first `width` columns; those after them served the sort only."""
    if keys:
        plan = Sort(plan, keys)
    plan = bind_limit(context, plan, tree)
    kept = plan.columns[:width]
    return project(context, plan, kept, [column.name for column in kept])


def order_outputs(context: BindContext, plan: Node, items: Sequence[OrderItem], tree: Any) -> Node:
    """Sort and cut a plan whose ORDER BY expressions are in terms of its own columns."""
    columns = plan.columns
    expressions = [item.expression for item in items if item.expression is not None]
    extended = project(
        context, plan, [*columns, *expressions], [column.name for column in columns] + ["order"] * len(expressions)
    )
    extra = iter(extended.columns[len(columns) :])
    keys = tuple(
        SortKey(columns[item.output] if item.output is not None else next(extra), item.descending, item.nulls_first)
        for item in items
    )
    return sort_and_limit(context, extended, len(columns), keys, tree)


def output_scope(names: Sequence[str], columns: Sequence[Column]) -> Scope:
    """Names for expressions over a query's own result."""
    return Scope([Relation((), tuple(names), tuple(columns))])
