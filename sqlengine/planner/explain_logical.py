"""One line of text for each kind of logical node."""

from __future__ import annotations

from typing import assert_never

from sqlengine.planner.expression_text import call_to_sql, key_to_sql, to_sql
from sqlengine.planner.expressions import Call, Column, Expression, conjuncts
from sqlengine.planner.logical import (
    Aggregate,
    Filter,
    Join,
    JoinKind,
    Limit,
    Node,
    Project,
    Scan,
    Sort,
    Union,
    Values,
    inputs_of,
)
from sqlengine.planner.tree_text import Line, Part


def describe(node: Node) -> Line:
    """The tree of lines for a logical plan."""
    return Line(type(node).__name__, _parts(node), tuple(describe(child) for child in inputs_of(node)))


def named(column: Column, expression: Expression) -> str:
    """`expression AS name`, or the name alone when they are the same."""
    text = to_sql(expression)
    return text if text == column.name else f"{text} AS {column.name}"


def condition_part(label: str, conditions: tuple[Expression, ...]) -> Part:
    """Conjuncts as a part that can be shortened."""
    texts = tuple(map(to_sql, conditions))
    if len(conditions) > 1:
        texts = tuple(f"({text})" if is_disjunction(c) else text for c, text in zip(conditions, texts, strict=True))
    return Part(label if conditions else "", texts, " AND ")


def is_disjunction(expression: Expression) -> bool:
    """Whether the expression needs parentheses beside AND."""
    return isinstance(expression, Call) and expression.function == "or"


def window_part(limit: int | None, offset: int) -> Part:
    """LIMIT and OFFSET."""
    words = [*([] if limit is None else [f"limit {limit}"]), *([f"offset {offset}"] if offset else [])]
    return Part(" ".join(words))


def rows_part(rows: int, empty_columns: bool) -> Part:
    """How many literal rows."""
    return Part(f"{rows} row{'' if rows == 1 else 's'}" + (" of no columns" if empty_columns and rows else ""))


def _parts(node: Node) -> tuple[Part, ...]:
    match node:
        case Scan():
            return (
                Part(node.name),
                Part("", tuple(column.name for column in node.columns)),
                condition_part("where", node.filters),
            )
        case Values():
            return (rows_part(len(node.rows), not node.columns),)
        case Filter():
            return (condition_part("", conjuncts(node.condition)),)
        case Project():
            return (Part("", tuple(named(c, e) for c, e in zip(node.columns, node.expressions, strict=True))),)
        case Join():
            if node.kind is JoinKind.INNER and not node.conditions:
                return (Part("cross"),)
            return (
                condition_part(f"{node.kind.value} on", node.conditions) if node.conditions else Part(node.kind.value),
            )
        case Aggregate():
            keys = tuple(named(c, e) for c, e in zip(node.key_columns, node.keys, strict=True))
            return (Part("by" if keys else "", keys), Part("", tuple(call_to_sql(call) for call in node.aggregates)))
        case Sort():
            return (Part("", tuple(key_to_sql(key) for key in node.keys)), window_part(node.limit, node.offset))
        case Limit():
            return (window_part(node.limit, node.offset),)
        case Union():
            return (Part("", tuple(column.name for column in node.columns)),)
        case _:
            assert_never(node)
