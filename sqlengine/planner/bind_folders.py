"""What a SELECT's WHERE says of the folders of its files, before any is listed.

Partitions that cannot hold a wanted row are then not even listed. Only comparisons with constants count that stand in
the WHERE clause itself: what a table's columns are follows from the files and the text of the query, not from what
the optimizer does with it. What is not understood here filters rows later all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlglot import exp

from sqlengine.errors import Error
from sqlengine.planner.bind_expression import ExpressionBinder
from sqlengine.planner.bind_subquery import QUERIES
from sqlengine.planner.constant import fold
from sqlengine.planner.context import BindContext
from sqlengine.planner.expressions import Literal
from sqlengine.planner.predicates import MIRRORED
from sqlengine.planner.scope import Scope
from sqlengine.storage.path_columns import FILE_INDEX
from sqlengine.storage.table import Predicate

_OPERATORS: Final = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
# Without a row of one side, these pair those of the other differently, or keep others.
_SENSITIVE: Final = ("ASOF", "POSITIONAL", "SEMI", "ANTI")
# Longer lists are not looked at twice.
_MOST_VALUES: Final = 1000


def folder_conditions(context: BindContext, select: Any) -> dict[int, tuple[Predicate, ...]]:
    """By the `id` of each table in a SELECT's FROM: what WHERE implies for those of its rows that matter.

    Nothing where WHERE is not the first to choose among rows (samples, PIVOT), or their files are numbered.
    """
    where, from_ = select.args.get("where"), select.args.get("from_")
    if where is None or from_ is None or select.args.get("sample"):
        return {}
    if any(column.name.lower() == FILE_INDEX for column in select.find_all(exp.Column)):
        return {}
    joins = [*(from_.this.args.get("joins") or ()), *(select.args.get("joins") or ())]
    if any(str(join.args.get(word) or "").upper() in _SENSITIVE for join in joins for word in ("kind", "method")):
        return {}
    found = list(_conditions(context, where.this))
    tables = [node for node in (from_.this, *(join.this for join in joins)) if isinstance(node, exp.Table)]
    return {
        id(table): tuple(
            predicate
            for owner, predicate in found
            # Where a join finds no partner, NULL stands for a row that is there.
            if owner in ("", table.alias_or_name.lower()) and not (joins and predicate.op == "is_null")
        )
        for table in tables
        if not (table.args.get("sample") or table.args.get("pivots") or table.alias_column_names)
    }


def _conditions(context: BindContext, tree: Any) -> Iterator[tuple[str, Predicate]]:
    """The predicates that `tree` implies, each with the name of the table that it is about; '' if it says none."""
    match tree:
        case exp.And():
            yield from _conditions(context, tree.this)
            yield from _conditions(context, tree.expression)
        case exp.Paren():
            yield from _conditions(context, tree.this)
        case exp.EQ() | exp.NEQ() | exp.LT() | exp.LTE() | exp.GT() | exp.GTE():
            operator = _OPERATORS[type(tree)]
            yield from _comparison(context, tree.this, operator, [tree.expression])
            yield from _comparison(context, tree.expression, MIRRORED[operator], [tree.this])
        case exp.Between():
            yield from _comparison(context, tree.this, ">=", [tree.args["low"]])
            yield from _comparison(context, tree.this, "<=", [tree.args["high"]])
        case exp.In() if 0 < len(tree.expressions) <= _MOST_VALUES:
            yield from _comparison(context, tree.this, "in", tree.expressions)
        case exp.Is(this=operand, expression=exp.Null()):
            yield from _comparison(context, operand, "is_null", [])
        case exp.Not(this=exp.Is(this=operand, expression=exp.Null())):
            yield from _comparison(context, operand, "is_not_null", [])


def _comparison(context: BindContext, column: Any, operator: str, trees: list[Any]) -> Iterator[tuple[str, Predicate]]:
    if not isinstance(column, exp.Column) or column.args.get("db") is not None:
        return
    if not column.table and column.name.lower() in context.names:
        # A parameter of the macro that this stands in.
        return
    values = []
    for tree in trees:
        value = _constant(context, tree)
        if value is None:
            return
        values.append(value)
    yield column.table.lower(), Predicate(column.name, operator, tuple(values))


def _constant(context: BindContext, tree: Any) -> object:
    """The value of an expression without columns; None if that is NULL or cannot be told yet."""
    if tree.find(exp.Column, exp.Star, *QUERIES) is not None:
        return None
    try:
        found = fold(ExpressionBinder(context, Scope(), "WHERE").bind(tree))
    except Error:
        # Told when the clause itself is bound.
        return None
    return found.value if isinstance(found, Literal) else None
