"""What no rows become on their way up."""

from __future__ import annotations

from sqlengine.planner.logical import Aggregate, Expand, Filter, Limit, Node, Project, Sort, Union, Values, Window
from sqlengine.planner.logical_joins import AsofJoin, Join, JoinKind


def propagate_empty(node: Node) -> Node:
    """Replace a node whose inputs are known to be empty by no rows, so that its other input is not even read.

    Not legal for an aggregation without keys, which delivers a row for no rows, nor where an outer join keeps the
    rows of the other side.

    Before:
        Project: x
        └─ Values: 0 rows

    After:
        Values: 0 rows
    """
    match node:
        case Filter() | Project() | Sort() | Limit() | Window() | Expand():
            empty = _is_empty(node.input)
        case Aggregate(keys=keys, always=always):
            empty = bool(keys) and not always and _is_empty(node.input)
        case Join(kind=kind, left=left, right=right) | AsofJoin(kind=kind, left=left, right=right):
            left_decides = kind in (JoinKind.INNER, JoinKind.LEFT, JoinKind.SEMI, JoinKind.ANTI)
            right_decides = kind in (JoinKind.INNER, JoinKind.RIGHT, JoinKind.SEMI)
            if kind is JoinKind.ANTI and _is_empty(right):
                return left
            empty = (left_decides and _is_empty(left)) or (right_decides and _is_empty(right))
            empty = empty or (_is_empty(left) and _is_empty(right))
        case Union(inputs=inputs):
            empty = all(map(_is_empty, inputs))
        case _:
            empty = False
    return Values(node.columns, ()) if empty else node


def _is_empty(node: Node) -> bool:
    return isinstance(node, Values) and not node.rows
