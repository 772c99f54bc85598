"""Limits where they save the most."""

from __future__ import annotations

from dataclasses import replace

from sqlengine.planner.logical import Limit, Node, Project, Sort, Union, Values


def top_k(node: Node) -> Node:
    """Tell a sort how many rows are wanted, and every input of a UNION ALL how many could be.

    A sort with a limit keeps k rows of each task instead of all. A limit moves below projections, which then
    compute k rows, to reach the sort. Not legal through a filter, an aggregation or a join: they
    change the number of rows.

    Before:
        Limit: limit 10 offset 5
        └─ Sort: x DESC
           └─ Project: x, k + 1 AS j
              └─ Scan: a; k, x

    After:
        Sort: x DESC; limit 10 offset 5
        └─ Project: x, k + 1 AS j
           └─ Scan: a; k, x
    """
    if not isinstance(node, Limit) or node.percent is not None:
        return node
    if node.limit == 0:
        return Values(node.columns, ())
    if node.per:
        return node
    below = node.input
    if node.limit is None and node.offset == 0:
        return top_k(below)
    match below:
        case Project():
            return replace(below, input=top_k(replace(node, input=below.input)))
        case Sort(limit=None, offset=0):
            return replace(below, limit=node.limit, offset=node.offset)
        case Limit(percent=None, per=()):
            return top_k(_merged(node, below))
        case Union() if node.limit is not None and not all(isinstance(each, Limit) for each in below.inputs):
            wanted = node.limit + node.offset
            return replace(node, input=replace(below, inputs=tuple(Limit(each, wanted) for each in below.inputs)))
        case _:
            return node


def _merged(outer: Limit, inner: Limit) -> Limit:
    limits = [] if outer.limit is None else [outer.limit]
    if inner.limit is not None:
        limits.append(max(0, inner.limit - outer.offset))
    return Limit(inner.input, min(limits) if limits else None, outer.offset + inner.offset)
