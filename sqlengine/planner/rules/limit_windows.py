"""The first rows of each partition without ranking all of them."""

from __future__ import annotations

from dataclasses import replace

from sqlengine.planner.expressions import Call, Column, Expression, Literal, conjuncts
from sqlengine.planner.logical import Filter, Node, Window

# Of a row that ORDER BY puts behind n others, with peers, neither is n or less.
_RANKS = frozenset(("row_number", "rank"))


def limit_windows(node: Node) -> Node:
    """Tell a window that only the first rows of each partition are wanted.

    Rows that n others come before are left out before rows are exchanged, which leaves little of a large input. The
    filter stays: peers of the n-th row are kept. Only when the window has nothing but ranks that count from the
    front, one of which is compared with a constant: any other call might need the rows that are left out.

    Before:
        Project: k, x
        └─ Filter: row_number() <= 3
           └─ Window: by k; order x DESC; row_number()
              └─ Scan: a; k, x

    After:
        Project: k, x
        └─ Filter: row_number() <= 3
           └─ Window: by k; order x DESC; row_number(); first 3
              └─ Scan: a; k, x
    """
    if not isinstance(node, Filter) or not isinstance(node.input, Window) or node.input.first is not None:
        return node
    window = node.input
    if any(call.function not in _RANKS for call in window.calls):
        return node
    bounds = [bound for part in conjuncts(node.condition) if (bound := _bound(part, window)) is not None]
    return replace(node, input=replace(window, first=max(0, min(bounds)))) if bounds else node


def _bound(condition: Expression, window: Window) -> int | None:
    """The n of `rank <= n`, `rank < n + 1` and `rank = n`; None for any other condition."""
    match condition:
        case Call(function="<" | "<=" | "=" as sign, arguments=(Column() as column, Literal(value=int() as n))):
            ranks = {each.id for each in window.call_columns}
            return (n - 1 if sign == "<" else n) if column.id in ranks else None
        case Call(function=">" | ">=" as sign, arguments=(Literal(value=int() as n), Column() as column)):
            ranks = {each.id for each in window.call_columns}
            return (n - 1 if sign == ">" else n) if column.id in ranks else None
        case _:
            return None
