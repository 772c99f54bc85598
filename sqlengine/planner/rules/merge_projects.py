"""One projection instead of two, none instead of one that does nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from sqlengine.planner.expressions import Column, walk
from sqlengine.planner.logical import Node, Project
from sqlengine.planner.rewriting import is_deterministic, is_trivial, substitute


def merge_projects(node: Node) -> Node:
    """Merge a projection into the one below, and drop a projection that delivers its input as it is.

    Each projection is a pass over every batch. Not done when an expression of the lower one would be computed twice
    (`SELECT y + y FROM (SELECT f(x) AS y …)`), or is not deterministic.

    Before:
        Project: y + 1 AS z
        └─ Project: x * 2 AS y
           └─ Scan: a; k, x, d, s, f, ref

    After:
        Project: x * 2 + 1 AS z
        └─ Scan: a; k, x, d, s, f, ref
    """
    if not isinstance(node, Project):
        return node
    if node.columns == node.expressions and node.columns == node.input.columns:
        return node.input
    if not isinstance(node.input, Project):
        return node
    below = node.input
    uses = Counter(part.id for each in node.expressions for part in walk(each) if isinstance(part, Column))
    for column, expression in zip(below.columns, below.expressions, strict=True):
        if not is_deterministic(expression) or (uses[column.id] > 1 and not is_trivial(expression)):
            return node
    mapping = {column.id: e for column, e in zip(below.columns, below.expressions, strict=True)}
    merged = tuple(substitute(each, mapping) for each in node.expressions)
    return merge_projects(replace(node, input=below.input, expressions=merged))
