"""One line of text for each kind of logical node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, assert_never

from sqlengine.planner.expression_text import ExpressionText
from sqlengine.planner.expressions import AggregateCall, Call, Column, Expression, conjuncts
from sqlengine.planner.logical import (
    Aggregate,
    Expand,
    Filter,
    Limit,
    Node,
    Project,
    Recursion,
    Scan,
    Sort,
    Union,
    Unnest,
    Values,
    Window,
    inputs_of,
)
from sqlengine.planner.logical_joins import AsofJoin, Join, JoinKind, PositionalJoin
from sqlengine.planner.physical import UnnestExec, WindowExec
from sqlengine.planner.physical_aggregates import ExpandExec
from sqlengine.planner.scan_text import scanned
from sqlengine.planner.tree_text import Line, Part
from sqlengine.planner.window_call import WindowCall

_SHORT: Final = 32


def describe(node: Node, text: ExpressionText) -> Line:
    """The tree of lines for a logical plan."""
    inputs = (node.start, node.step) if isinstance(node, Recursion) else inputs_of(node)
    return Line(type(node).__name__, _parts(node, text), tuple(describe(child, text) for child in inputs))


def names_of(plan: Node) -> dict[int, str]:
    """What to call columns in the text of a plan, where their own name would not do."""
    scans: list[tuple[str, tuple[Column, ...]]] = []
    calls: list[tuple[Column, AggregateCall | WindowCall]] = []

    def collect(node: Node) -> None:
        match node:
            case Scan():
                scans.append((node.name, node.columns))
            case Aggregate():
                calls.extend(zip(node.aggregate_columns, node.aggregates, strict=True))
            case Window():
                calls.extend(zip(node.call_columns, node.calls, strict=True))
            case _:
                pass
        for child in inputs_of(node):
            collect(child)

    collect(plan)
    names = qualified_names(scans)
    text = ExpressionText(names)
    return names | aggregate_names((column, text.call(call)) for column, call in calls)


def qualified_names(scans: Iterable[tuple[str, tuple[Column, ...]]]) -> dict[int, str]:
    """`table.column` by id for columns of scans, (table, columns), whose name several scans deliver."""
    columns = {column.id: (table, column.name) for table, delivered in scans for column in delivered}
    uses = Counter(name for _, name in columns.values())
    return {column: f"{table}.{name}" for column, (table, name) in columns.items() if uses[name] > 1}


def aggregate_names(calls: Iterable[tuple[Column, str]]) -> dict[int, str]:
    """The text of its call for the column of an aggregate, if it is short."""
    return {column.id: call for column, call in calls if len(call) <= _SHORT}


def condition_part(label: str, conditions: tuple[Expression, ...], text: ExpressionText) -> Part:
    """Conjuncts as a part that can be shortened."""
    texts = tuple(map(text.expression, conditions))
    if len(conditions) > 1:
        texts = tuple(f"({each})" if is_disjunction(c) else each for c, each in zip(conditions, texts, strict=True))
    return Part(label if conditions else "", texts, " AND ")


def is_disjunction(expression: Expression) -> bool:
    """Whether the expression needs parentheses beside AND."""
    return isinstance(expression, Call) and expression.function == "or"


def window_part(limit: int | None, offset: int, percent: float | None = None) -> Part:
    """LIMIT and OFFSET."""
    words = [] if limit is None else [f"limit {limit}"]
    if percent is not None:
        words.append(f"limit {percent:g} %")
    if offset:
        words.append(f"offset {offset}")
    return Part(" ".join(words))


def per_part(columns: tuple[Column, ...], text: ExpressionText) -> Part:
    """The columns that say which rows a limit counts together."""
    return Part("per" if columns else "", tuple(map(text.column, columns)))


def expand_parts(node: Expand | ExpandExec, text: ExpressionText) -> tuple[Part, ...]:
    """The grouping sets, each in parentheses."""
    names = [text.expression(key) for key in node.keys]
    return (Part("", tuple(f"({', '.join(names[k] for k in each)})" for each in node.sets)),)


def rows_part(rows: int, empty_columns: bool) -> Part:
    """How many literal rows."""
    return Part(f"{rows} row{'' if rows == 1 else 's'}" + (" of no columns" if empty_columns and rows else ""))


def unnest_parts(node: Unnest | UnnestExec, text: ExpressionText) -> tuple[Part, ...]:
    """The lists, and what is special."""
    lists = tuple(text.named(c, e) for c, e in zip(node.item_columns, node.lists, strict=True))
    numbered = () if node.ordinality is None else (Part("with ordinality"),)
    return (Part("", lists), *numbered, *((Part("keeps rows without items"),) if node.keep_empty else ()))


def window_parts(node: Window | WindowExec, text: ExpressionText) -> tuple[Part, ...]:
    """PARTITION BY, ORDER BY, the calls over that window, and how many rows of a partition are wanted."""
    return (
        Part("by" if node.partition else "", tuple(map(text.expression, node.partition))),
        Part("order" if node.order else "", tuple(map(text.key, node.order))),
        Part("", tuple(map(text.call, node.calls))),
        Part("" if node.first is None else f"first {node.first}"),
    )


def _parts(node: Node, text: ExpressionText) -> tuple[Part, ...]:
    match node:
        case Scan():
            columns = list(zip(node.columns, node.source_names, strict=True))
            return (
                Part(node.name),
                Part("", scanned(node.table, columns, ExpressionText())),
                condition_part("where", node.filters, text),
            )
        case Values():
            return (rows_part(len(node.rows), not node.columns),)
        case Filter():
            return (condition_part("", conjuncts(node.condition), text),)
        case Project():
            return (Part("", tuple(text.named(c, e) for c, e in zip(node.columns, node.expressions, strict=True))),)
        case Join():
            if node.kind is JoinKind.INNER and not node.conditions:
                return (Part("cross"),)
            kind = node.kind.value
            return (condition_part(f"{kind} on", node.conditions, text) if node.conditions else Part(kind),)
        case AsofJoin():
            at = f"{text.expression(node.left_at)} {node.operator} {text.expression(node.right_at)}"
            return (Part(f"{node.kind.value}, closest of {at}"), condition_part("and", node.conditions, text))
        case PositionalJoin():
            return ()
        case Aggregate():
            keys = tuple(text.named(c, e) for c, e in zip(node.key_columns, node.keys, strict=True))
            return (Part("by" if keys else "", keys), Part("", tuple(text.call(call) for call in node.aggregates)))
        case Sort():
            return (Part("", tuple(text.key(key) for key in node.keys)), window_part(node.limit, node.offset))
        case Limit():
            return (window_part(node.limit, node.offset, node.percent), per_part(node.per, text))
        case Recursion():
            return (Part(node.name), Part("each row once" if node.distinct else ""))
        case Unnest():
            return unnest_parts(node, text)
        case Window():
            return window_parts(node, text)
        case Expand():
            return expand_parts(node, text)
        case Union():
            return (Part("", tuple(column.name for column in node.columns)),)
        case _:
            assert_never(node)
