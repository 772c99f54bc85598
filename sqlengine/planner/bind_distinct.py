"""SELECT DISTINCT and DISTINCT ON: one row per key, the first in the query's order."""

from __future__ import annotations

from collections.abc import Sequence

from sqlengine.planner.bind_group import above_keys
from sqlengine.planner.context import BindContext
from sqlengine.planner.expressions import AggregateCall, Column, Expression, Literal, SortKey
from sqlengine.planner.logical import Aggregate, Node, Sort
from sqlengine.planner.plan_build import distinct, project
from sqlengine.types import NULL


def distinct_rows(
    context: BindContext,
    plan: Node,
    keys: Sequence[Expression],
    values: Sequence[Expression],
    names: Sequence[str],
) -> Node:
    """SELECT DISTINCT `keys`; `values` are these and, after them, what the rows are sorted by.

    DuckDB sorts a row by what belongs to its first occurrence. What the keys themselves tell is computed above.
    """
    rows = distinct(project(context, plan, keys, names[: len(keys)]))
    known = dict(zip(keys, rows.columns, strict=True))
    try:
        lifted = [above_keys(each, known, lambda column: LookupError(column.name)) for each in values[len(keys) :]]
    except LookupError:
        return first_of_each(context, plan, keys, values, names)
    return project(context, rows, [*rows.columns, *lifted], names)


def first_of_each(
    context: BindContext,
    plan: Node,
    keys: Sequence[Expression],
    values: Sequence[Expression],
    names: Sequence[str],
    order: Sequence[SortKey] = (),
) -> Node:
    """One row for each distinct `keys`: the first in `order`, else the first in the plan's own.

    Delivers `values`, called `names`, column by column. Equal rows in `order` keep the plan's, so the choice is
    always the same; NULL is a key like any other.
    """
    keys = list(dict.fromkeys(keys))
    named = dict(zip(values, names, strict=True))
    carried = [*keys, *(each for each in named if each not in keys and not isinstance(each, Literal))]
    carried += [each.expression for each in order if each.expression not in carried]
    below = project(context, plan, carried, [named.get(each, "key") for each in carried])
    columns = dict(zip(carried, below.columns, strict=True))
    if order:
        by = (SortKey(columns[each.expression], each.descending, each.nulls_first) for each in order)
        below = Sort(below, tuple(by))
    key_columns = tuple(columns[key] for key in keys)
    firsts: dict[Column, Column] = {}
    above: dict[Expression, Expression] = {key: columns[key] for key in keys}
    for value in named:
        if value in above:
            continue
        if isinstance(value, Literal):
            continue
        if value.type == NULL:
            above[value] = Literal(None, NULL)
            continue
        above[value] = firsts[columns[value]] = context.column(named[value], value.type)
    calls = tuple(AggregateCall("first", (column,), column.type) for column in firsts)
    rows = Aggregate(below, key_columns, key_columns, tuple(firsts.values()), calls)
    return project(context, rows, [value if isinstance(value, Literal) else above[value] for value in values], names)
