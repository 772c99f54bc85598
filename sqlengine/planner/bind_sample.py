"""TABLESAMPLE and USING SAMPLE: rows drawn by random numbers that belong to their positions.

A row's number is a function of the seed and of the row's position in its table, so a sample with REPEATABLE is the same
under every scheduler and however the query around it is planned; without it each query has a seed of its own.

===========  ================  ==================================================
method       size              rows that stay
===========  ================  ==================================================
bernoulli    n %               each with a probability of n %
system       n %               blocks of 2,048 rows, each with that probability
reservoir    n rows, n %       exactly so many (rounded): those of the least numbers
===========  ================  ==================================================
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from sqlengine.planner.bind_expression import ExpressionBinder
from sqlengine.planner.coerce import coerce
from sqlengine.planner.constant import fold
from sqlengine.planner.context import BindContext
from sqlengine.planner.expressions import Column, Expression, Literal, SortKey
from sqlengine.planner.logical import Limit, Node, Sort, Window
from sqlengine.planner.plan_build import project
from sqlengine.planner.rewriting import filtered
from sqlengine.planner.scope import Scope
from sqlengine.planner.window_call import Direction, Frame, FrameBound, FrameUnit, WindowCall
from sqlengine.types import BIGINT, DOUBLE, SqlType

BLOCK: Final = 2048
_ALL_ROWS: Final = Frame(FrameUnit.ROWS, end=FrameBound(Direction.FOLLOWING))
_METHODS: Final = ("BERNOULLI", "SYSTEM", "RESERVOIR")


def bind_sample(context: BindContext, plan: Node, node: Any) -> Node:
    """A sample of `plan`, with its columns.

    Raises
    ------
    BindError
        The method is unknown, the size is out of range, or BERNOULLI is given a number of rows.
    """
    reader = context.reader
    method_tree, size, percent = (reader.get(node, part) for part in ("method", "size", "percent"))
    seed_tree = reader.get(node, "seed")
    method = "" if method_tree is None else reader.name(method_tree).upper()
    if method not in _METHODS:
        raise context.error(f"there is no sampling method {method}; there are {', '.join(_METHODS)}", node)
    seed = int(_number(context, seed_tree, BIGINT)) if seed_tree else _drawn_seed(context, node)
    binder = ExpressionBinder(context, Scope(), "a sample")
    if percent is None:
        if method == "BERNOULLI":
            raise context.error("BERNOULLI takes a percentage, not a number of rows", node)
        rows = int(_number(context, size, BIGINT))
        drawn, key = _drawn(binder, plan, seed, 1, node)
        chosen: Node = Limit(Sort(drawn, (SortKey(key),)), rows)
    else:
        share = _number(context, percent, DOUBLE)
        if not 0 <= share <= 100:
            raise context.error("a sample has from 0 % to 100 %", node)
        drawn, key = _drawn(binder, plan, seed, BLOCK if method == "SYSTEM" else 1, node)
        if method == "RESERVOIR":
            chosen = _least(binder, drawn, key, share, node)
        else:
            chosen = filtered(drawn, [binder.call("<", [key, Literal(share / 100, DOUBLE)], node)])
    return project(context, chosen, plan.columns, [column.name for column in plan.columns])


def _drawn_seed(context: BindContext, node: Any) -> int:
    return context.seeds.setdefault(id(node), secrets.randbits(31))


def _drawn(binder: ExpressionBinder, plan: Node, seed: int, block: int, node: Any) -> tuple[Node, Column]:
    """(`plan` with a random number beside each row, or each block of rows; the column of that number)."""
    position = binder.context.column("position", BIGINT)
    numbered = Window(plan, (), (), (position,), (WindowCall("row_number", (), BIGINT, _ALL_ROWS),))
    at: Expression = position
    if block > 1:
        at = binder.call("//", [position, Literal(block, BIGINT)], node)
    number = binder.call("__draw", [coerce(at, BIGINT), Literal(seed, BIGINT)], node)
    names = [column.name for column in plan.columns]
    drawn = project(binder.context, numbered, [*plan.columns, number], [*names, "draw"])
    return drawn, drawn.columns[-1]


def _least(binder: ExpressionBinder, drawn: Node, key: Column, percent: float, node: Any) -> Node:
    """The rows of the least numbers, so many percent of all, rounded."""
    rank, total = (binder.context.column(name, BIGINT) for name in ("rank", "total"))
    ranked = Window(drawn, (), (SortKey(key),), (rank,), (WindowCall("row_number", (), BIGINT, _ALL_ROWS),))
    counted = Window(ranked, (), (), (total,), (WindowCall("count_star", (), BIGINT, _ALL_ROWS),))
    share = binder.call("*", [coerce(total, DOUBLE), Literal(percent / 100, DOUBLE)], node)
    limit = binder.call("floor", [binder.call("+", [share, Literal(0.5, DOUBLE)], node)], node)
    return filtered(counted, [binder.call("<=", [coerce(rank, DOUBLE), limit], node)])


def _number(context: BindContext, tree: Any, type_: SqlType) -> float:
    with context.at(tree):
        value = fold(coerce(ExpressionBinder(context, Scope(), "a sample").bind(tree), type_))
    if not isinstance(value, Literal) or not isinstance(value.value, int | float) or value.value < 0:
        raise context.error("a sample takes a constant that is not negative", tree)
    return value.value
