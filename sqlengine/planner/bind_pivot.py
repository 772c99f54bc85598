"""PIVOT: values of a column become columns, each an aggregate over the rows that have that value.

`PIVOT t ON c IN ('x', 'y') USING sum(v) GROUP BY k` is an aggregation by k of `sum(v) FILTER (WHERE c = 'x')` and
`sum(v) FILTER (WHERE c = 'y')`. Without IN the values are found first, by a query of their own
(`BindContext.evaluate`); they are sorted, and NULL is none of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from sqlengine.planner.aggregates import Aggregates
from sqlengine.planner.bind_expression import ExpressionBinder
from sqlengine.planner.bound import BoundQuery
from sqlengine.planner.coerce import coerce
from sqlengine.planner.constant import fold
from sqlengine.planner.context import BindContext
from sqlengine.planner.expressions import AggregateCall, Cast, Column, Expression, Literal, SortKey, columns_of
from sqlengine.planner.logical import Aggregate, Node, Sort
from sqlengine.planner.output_name import output_name
from sqlengine.planner.plan_build import distinct, project
from sqlengine.planner.rewriting import filtered, substitute
from sqlengine.planner.scope import Scope
from sqlengine.types import BIGINT, VARCHAR


@dataclass(frozen=True, slots=True)
class _Choice:
    """One column, or several, to be pivoted on, and their values: (header, values) each."""

    expressions: tuple[Expression, ...]
    values: tuple[tuple[str, tuple[Literal, ...]], ...]


@dataclass(frozen=True, slots=True)
class _Measure:
    """One item of USING: `expression` over the aggregate `call`, which it knows as `column`."""

    suffix: str | None
    expression: Expression
    call: AggregateCall
    column: Column


def bind_pivot(context: BindContext, plan: Node, scope: Scope, node: Any) -> tuple[Node, tuple[str, ...]]:
    """The rows of PIVOT over `plan`, and the names of its columns.

    Raises
    ------
    BindError
        An item of USING has not exactly one aggregate, or the IN list a value twice.
    """
    reader = context.reader
    simple = reader.get(node, "using") is not None or not reader.all(node, "fields")
    # What the parser makes of the lists for other dialects says nothing new.
    for derived in ("columns", "pivot_column_naming"):
        reader.get(node, derived)
    for each in node.args.get("columns") or ():
        reader.skip(each)
    trees = reader.all(node, "using") if simple else reader.all(node)
    measures = [_measure(context, scope, tree, len(trees) > 1) for tree in trees] or [_count(context)]
    choices = [
        _choice(context, plan, scope, tree) for tree in (reader.all(node) if simple else reader.all(node, "fields"))
    ]
    keys = _keys(context, scope, node, choices, measures)

    calls: dict[AggregateCall, Column] = {}
    names = [name for name, _ in keys]
    outputs: list[Expression] = [key for _, key in keys]
    binder = ExpressionBinder(context, scope, "PIVOT")
    for combination in itertools.product(*(choice.values for choice in choices)):
        conditions = [
            binder.call("is_not_distinct_from", [expression, value], node)
            for choice, (_, values) in zip(choices, combination, strict=True)
            for expression, value in zip(choice.expressions, values, strict=True)
        ]
        condition = conditions[0] if len(conditions) == 1 else binder.call("and", conditions, node)
        header = "_".join(name for name, _ in combination)
        for measure in measures:
            call = replace(measure.call, filter=condition)
            column = calls.setdefault(call, context.column(measure.column.name, call.type))
            outputs.append(substitute(measure.expression, {measure.column.id: column}))
            names.append(header if measure.suffix is None else f"{header}_{measure.suffix}")
    columns = tuple(dict.fromkeys(key for _, key in keys))
    grouped = Aggregate(plan, columns, columns, tuple(calls.values()), tuple(calls))
    return project(context, grouped, outputs, names), tuple(names)


def _keys(
    context: BindContext, scope: Scope, node: Any, choices: Sequence[_Choice], measures: Sequence[_Measure]
) -> list[tuple[str, Column]]:
    """What PIVOT groups by: GROUP BY, else every column that ON and USING do not speak of."""
    reader = context.reader
    group = reader.get(node, "group")
    keys: list[tuple[str, Column]] = []
    if group is not None:
        binder = ExpressionBinder(context, scope, "GROUP BY of PIVOT")
        for tree in reader.all(group):
            key = binder.bind(tree)
            if not isinstance(key, Column):
                raise context.error("GROUP BY of PIVOT takes columns only", tree)
            keys.append((output_name(tree, scope), key))
        return keys
    used = {column for choice in choices for each in choice.expressions for column in columns_of(each)}
    used |= {column for measure in measures for each in measure.call.arguments for column in columns_of(each)}
    for name, expression in scope.star():
        if not isinstance(expression, Column):
            raise context.refuse("PIVOT of a FULL JOIN with USING is not supported", node)
        if expression.id not in used:
            keys.append((name, expression))
    return keys


def _measure(context: BindContext, scope: Scope, tree: Any, several: bool) -> _Measure:
    reader = context.reader
    alias = reader.name(reader.get(tree, "alias")) if isinstance(tree, exp.Alias) else None
    inner = tree if alias is None else reader.get(tree, "this")
    aggregates = Aggregates(context)
    binder = ExpressionBinder(context, scope, "USING of PIVOT", aggregates=aggregates)
    expression = binder.bind(inner)
    if len(aggregates.columns) != 1:
        raise context.error(f"an item of USING needs one aggregate; this has {len(aggregates.columns)}", inner)
    [(call, column)] = aggregates.columns.items()
    if columns_of(expression) != {column.id}:
        raise context.error("in USING, columns may stand within the aggregate only", inner)
    if call.filter is not None:
        raise context.refuse("FILTER in USING of PIVOT is not supported", inner)
    if alias is None and several:
        alias = output_name(inner, scope)
    return _Measure(alias, expression, call, column)


def _count(context: BindContext) -> _Measure:
    column = context.column("count", BIGINT)
    return _Measure(None, column, AggregateCall("count_star", (), BIGINT), column)


def _choice(context: BindContext, plan: Node, scope: Scope, tree: Any) -> _Choice:
    """An item of ON: `expression`, `expression IN (…)`, `(a, b) IN ((…), …)`."""
    reader = context.reader
    binder = ExpressionBinder(context, scope, "ON of PIVOT")
    listed = isinstance(tree, exp.In)
    target = reader.get(tree, "this") if listed else tree
    trees = reader.all(target) if isinstance(target, exp.Tuple) else [target]
    expressions = tuple(binder.bind(each) for each in trees)
    if not listed:
        found = _distinct_values(context, plan, expressions, tree)
        return _Choice(expressions, tuple((_header(values), values) for values in found))
    values: dict[str, tuple[Literal, ...]] = {}
    for item in reader.all(tree):
        name, row = _listed(binder, item, expressions)
        if name in values:
            raise context.error(f'the value "{name}" stands twice in the IN list of PIVOT', item)
        values[name] = row
    return _Choice(expressions, tuple(values.items()))


def _listed(binder: ExpressionBinder, item: Any, expressions: Sequence[Expression]) -> tuple[str, tuple[Literal, ...]]:
    """(header, values) of an item of an IN list; a bare name means itself as a text."""
    context, reader = binder.context, binder.reader
    alias = None
    if isinstance(item, exp.PivotAlias | exp.Alias):
        tree = reader.get(item, "alias")
        alias = reader.name(tree)
        if isinstance(tree, exp.Literal):
            reader.get(tree, "is_string")
        item = reader.get(item, "this")
    trees = reader.all(item) if isinstance(item, exp.Tuple) else [item]
    if len(trees) != len(expressions):
        raise context.error(f"PIVOT is on {len(expressions)} values; this has {len(trees)}", item)
    written, values = [], []
    for tree, expression in zip(trees, expressions, strict=True):
        bare = isinstance(tree, exp.Column) and not tree.args.get("table")
        value = Literal(reader.name(reader.get(tree, "this")), VARCHAR) if bare else fold(_constant(binder, tree))
        with context.at(tree):
            cast = fold(coerce(value, expression.type))
        if not isinstance(value, Literal) or not isinstance(cast, Literal):
            raise context.error("the IN list of PIVOT takes constants", tree)
        written.append(value)
        values.append(cast)
    return alias if alias is not None else _header(written), tuple(values)


def _constant(binder: ExpressionBinder, tree: Any) -> Expression:
    return ExpressionBinder(binder.context, Scope(), "the IN list of PIVOT").bind(tree)


def _header(values: Sequence[Literal]) -> str:
    texts = []
    for value in values:
        text = fold(Cast(value, VARCHAR))
        texts.append(text.value if isinstance(text, Literal) and isinstance(text.value, str) else "NULL")
    return "_".join(texts)


def _distinct_values(
    context: BindContext, plan: Node, expressions: Sequence[Expression], node: Any
) -> list[tuple[Literal, ...]]:
    """The values that `expressions` have in `plan`, sorted, without NULL: found by running a query now."""
    if context.evaluate is None:
        raise context.refuse("PIVOT without IN is not supported here: its columns depend on the data", node)
    rows = project(context, plan, expressions, ["value"] * len(expressions))
    binder = ExpressionBinder(context, Scope(), "PIVOT")
    rows = filtered(rows, [binder.call("is_not_null", [column], node) for column in rows.columns])
    found = distinct(rows)
    query = BoundQuery(Sort(found, tuple(SortKey(column) for column in found.columns)), ("value",) * len(expressions))
    return [
        tuple(Literal(value, column.type) for value, column in zip(row, found.columns, strict=True))
        for row in context.evaluate(query)
    ]
