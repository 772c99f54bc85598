"""LIMIT, OFFSET and FETCH FIRST."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlengine.planner.bind_expression import ExpressionBinder
from sqlengine.planner.coerce import coerce
from sqlengine.planner.constant import fold
from sqlengine.planner.context import BindContext
from sqlengine.planner.expressions import Expression, Literal
from sqlengine.planner.logical import Limit, Node
from sqlengine.planner.scope import Scope
from sqlengine.types import BIGINT, DOUBLE, SqlType


def bind_limit(context: BindContext, plan: Node, node: Any) -> Node:
    """`plan` under the LIMIT and OFFSET of the query `node`; itself if there is neither.

    LIMIT n % is a share of all rows of `plan`, before OFFSET; NULL and ALL mean no limit.
    """
    reader = context.reader
    limit = reader.get(node, "limit")
    rows: int | None = None
    percent: float | None = None
    if isinstance(limit, exp.Fetch):
        reader.get(limit, "direction")
        count = reader.get(limit, "count")
        rows = 1 if count is None else _rows(context, count, "FETCH")
    elif limit is not None:
        tree = reader.get(limit, "expression")
        if _options(context, limit):
            percent = _percent(context, tree)
        else:
            rows = _rows(context, tree, "LIMIT")
    if isinstance(limit, exp.Fetch) and _options(context, limit):
        raise context.refuse("FETCH FIRST n PERCENT is not supported", limit)
    offset = reader.get(node, "offset")
    skipped = None if offset is None else _rows(context, reader.get(offset, "expression"), "OFFSET")
    if rows is None and percent is None and not skipped:
        return plan
    return Limit(plan, rows, skipped or 0, percent)


def _options(context: BindContext, limit: Any) -> bool:
    """Whether the limit is a share; WITH TIES stays unread and is refused."""
    options = context.reader.get(limit, "limit_options")
    if options is None:
        return False
    context.reader.get(options, "rows")
    return bool(context.reader.get(options, "percent"))


def _rows(context: BindContext, tree: Any, clause: str) -> int | None:
    """A number of rows; None for NULL and ALL."""
    value = _constant(context, tree, clause, BIGINT)
    if value is None:
        return None
    assert isinstance(value, int)
    if value < 0:
        raise context.error(f"{clause} cannot be negative", tree)
    return value


def _percent(context: BindContext, tree: Any) -> float | None:
    value = _constant(context, tree, "LIMIT", DOUBLE)
    if value is None:
        return None
    assert isinstance(value, float)
    if not 0 <= value <= 100:
        raise context.error("LIMIT takes from 0 % to 100 %", tree)
    return value


def _constant(context: BindContext, tree: Any, clause: str, type_: SqlType) -> object:
    """The value of an expression without columns, as `type_`; None for NULL and ALL."""
    if isinstance(tree, exp.Var) and context.reader.name(tree).upper() == "ALL":
        return None
    with context.at(tree):
        if tree.find(exp.Query) is not None:
            found: Expression = _queried(context, tree, clause)
        else:
            found = ExpressionBinder(context, Scope(), clause).bind(tree)
        value = fold(coerce(fold(found), type_))
    if not isinstance(value, Literal):
        raise context.error(f"{clause} must be a constant", tree)
    return value.value


def _queried(context: BindContext, tree: Any, clause: str) -> Literal:
    """The value of an expression with subqueries: found by running it now."""
    from sqlengine.planner.bind_query import bind_query

    if context.evaluate is None:
        raise context.refuse(f"a subquery in {clause} is not supported here", tree)
    query = bind_query(context, exp.Select(expressions=[tree]), context.tables)
    [[value]] = context.evaluate(query)
    return Literal(value, query.plan.columns[0].type)
