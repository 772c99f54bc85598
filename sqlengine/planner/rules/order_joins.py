"""The order of inner joins, by estimated rows.

Dynamic programming over connected sets of relations (Moerkotte and Neumann, "Analysis of Two Existing and One New
Dynamic Programming Algorithm", VLDB 2006: DPsub), greedily above `MAX_DYNAMIC` relations. The cost of a tree is the
rows of all its intermediate results, those of build sides counted twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from sqlengine.planner.expressions import Expression, columns_of
from sqlengine.planner.join_keys import split_conditions
from sqlengine.planner.logical import (
    Aggregate,
    Filter,
    Join,
    JoinKind,
    Limit,
    Node,
    Project,
    Sort,
    inputs_of,
    with_inputs,
)
from sqlengine.planner.statistics import Estimator

MAX_DYNAMIC: Final = 10


def order_joins(plan: Node) -> Node:
    """Rearrange every tree of inner joins of three or more relations so that intermediate results are small.

    Assumes that filters were pushed down: what is left in the joins connects relations. Cross products come last,
    and only where nothing connects. Outer, semi and anti joins are not moved; a tree below one of them is
    arranged by itself. Sees the whole plan, for a join's place depends on all the others.

    Before:
        Project: x
        └─ Join: inner on ref = c.k
           ├─ Join: inner on big.k = a.k
           │  ├─ Scan: big; k, v, w
           │  └─ Scan: a; k, x, d, s, f, ref
           └─ Scan: c; k, z, u; where z = 1

    After:
        Project: x
        └─ Join: inner on big.k = a.k
           ├─ Scan: big; k, v, w
           └─ Join: inner on ref = c.k
              ├─ Scan: a; k, x, d, s, f, ref
              └─ Scan: c; k, z, u; where z = 1
    """
    return _visit(plan, Estimator(plan), ordered=True)


def _visit(node: Node, estimator: Estimator, ordered: bool) -> Node:
    """`ordered`: whether the order of the node's columns must stay."""
    if _is_inner(node):
        relations, conditions = _flatten(node)
        inner = tuple(_visit(relation, estimator, ordered=False) for relation in relations)
        arranged = _arrange(inner, conditions, estimator) if len(inner) > 2 else with_inputs(node, inner)
        if arranged == node:
            return node
        if ordered and arranged.columns != node.columns:
            return Project(arranged, node.columns, node.columns)
        return arranged
    match node:
        case Project() | Aggregate():
            below = False
        case Filter() | Sort() | Limit() | Join():
            below = ordered
        case _:
            below = True
    return with_inputs(node, tuple(_visit(child, estimator, below) for child in inputs_of(node)))


def _is_inner(node: Node) -> bool:
    return isinstance(node, Join) and node.kind is JoinKind.INNER


def _flatten(node: Node) -> tuple[list[Node], list[Expression]]:
    """The relations and all conditions of a tree of inner joins."""
    if not (isinstance(node, Join) and node.kind is JoinKind.INNER):
        return [node], []
    left, left_conditions = _flatten(node.left)
    right, right_conditions = _flatten(node.right)
    return left + right, [*left_conditions, *right_conditions, *node.conditions]


@dataclass(slots=True)
class _Edge:
    """Conditions over the same set of relations, and the fraction of row combinations that meet them."""

    relations: int
    conditions: list[Expression] = field(default_factory=list)
    selectivity: float = 1.0


@dataclass(frozen=True, slots=True)
class _Tree:
    """The best known tree for a set of relations (a bit mask)."""

    relations: int
    node: Node | None
    left: _Tree | None
    right: _Tree | None
    rows: float
    cost: float


def _arrange(relations: Sequence[Node], conditions: Sequence[Expression], estimator: Estimator) -> Node:
    edges = _edges(relations, conditions, estimator)
    leaves = [_Tree(1 << k, node, None, None, estimator.rows(node), 0.0) for k, node in enumerate(relations)]
    trees = _dynamic(leaves, edges) if len(leaves) <= MAX_DYNAMIC else leaves
    arranged = _build(_greedy(trees, edges), edges)
    # A condition that is not deterministic could not be pushed and connects nothing: it is asked last.
    loose = tuple(c for edge in edges if edge.relations.bit_count() < 2 for c in edge.conditions)
    return (
        replace(arranged, conditions=arranged.conditions + loose) if loose and isinstance(arranged, Join) else arranged
    )


def _edges(relations: Sequence[Node], conditions: Sequence[Expression], estimator: Estimator) -> list[_Edge]:
    columns = [frozenset(column.id for column in node.columns) for node in relations]
    edges: dict[int, _Edge] = {}
    for condition in conditions:
        used = columns_of(condition)
        mask = sum(1 << k for k, ids in enumerate(columns) if used & ids)
        edges.setdefault(mask, _Edge(mask)).conditions.append(condition)
    for edge in edges.values():
        ends = [ids for k, ids in enumerate(columns) if edge.relations >> k & 1]
        if len(ends) == 2:
            keys, residual = split_conditions(edge.conditions, ends[0], ends[1])
            edge.selectivity = estimator.join_selectivity(keys) * estimator.selectivity(residual)
        else:
            edge.selectivity = estimator.selectivity(edge.conditions)
    return list(edges.values())


def _joined(left: _Tree, right: _Tree, edges: Iterable[_Edge]) -> _Tree | None:
    """The join of two disjoint trees; None if no condition connects them."""
    both = left.relations | right.relations
    rows = left.rows * right.rows
    connected = False
    for edge in edges:
        if not edge.relations & ~both and edge.relations & left.relations and edge.relations & right.relations:
            rows *= edge.selectivity
            connected = True
    if not connected:
        return None
    rows = max(1.0, rows)
    return _tree(left, right, rows)


def _tree(left: _Tree, right: _Tree, rows: float) -> _Tree:
    # The larger input stands on the left, where the probe side usually is.
    if left.rows < right.rows:
        left, right = right, left
    cost = left.cost + right.cost + rows + right.rows
    return _Tree(left.relations | right.relations, None, left, right, rows, cost)


def _dynamic(leaves: Sequence[_Tree], edges: Sequence[_Edge]) -> list[_Tree]:
    """The best tree of each connected component."""
    best: dict[int, _Tree] = {leaf.relations: leaf for leaf in leaves}
    everything = (1 << len(leaves)) - 1
    for subset in range(1, everything + 1):
        if subset in best:
            continue
        lowest = subset & -subset
        rest = subset ^ lowest
        part = rest
        found: _Tree | None = None
        # Every split of the subset into two, once: `left` is the part with the lowest relation.
        while part:
            right = best.get(part)
            left = best.get(subset ^ part) if right is not None else None
            if left is not None and right is not None:
                if found is None:
                    found = _joined(left, right, edges)
                else:
                    # All trees of a subset have the same rows, as they meet the same conditions.
                    candidate = left.cost + right.cost + found.rows + min(left.rows, right.rows)
                    if candidate < found.cost and _connects(left, right, edges):
                        found = _tree(left, right, found.rows)
            part = (part - 1) & rest
        if found is not None:
            best[subset] = found
    components: list[_Tree] = []
    covered = 0
    for subset in sorted(best, key=lambda mask: (-mask.bit_count(), mask)):
        if not subset & covered:
            components.append(best[subset])
            covered |= subset
    return components


def _connects(left: _Tree, right: _Tree, edges: Iterable[_Edge]) -> bool:
    both = left.relations | right.relations
    return any(
        edge.relations & left.relations and edge.relations & right.relations and not edge.relations & ~both
        for edge in edges
    )


def _greedy(trees: Sequence[_Tree], edges: Sequence[_Edge]) -> _Tree:
    """Join the pair with the fewest rows until one tree is left; cross products when nothing connects."""
    pending = list(trees)
    while len(pending) > 1:
        pairs = [(a, b) for k, a in enumerate(pending) for b in pending[k + 1 :]]
        joined = [tree for tree in (_joined(a, b, edges) for a, b in pairs) if tree is not None]
        if not joined:
            joined = [_tree(a, b, a.rows * b.rows) for a, b in pairs]
        chosen = min(joined, key=lambda tree: (tree.rows, tree.cost))
        pending = [tree for tree in pending if not tree.relations & chosen.relations] + [chosen]
    return pending[0]


def _build(tree: _Tree, edges: Sequence[_Edge]) -> Node:
    """The plan of a tree, each condition at the lowest join that sees all its columns."""
    if tree.node is not None:
        return tree.node
    assert tree.left is not None
    assert tree.right is not None
    left, right = tree.left.relations, tree.right.relations
    conditions = [
        condition
        for edge in edges
        if not edge.relations & ~tree.relations and edge.relations & ~left and edge.relations & ~right
        for condition in edge.conditions
    ]
    return Join(JoinKind.INNER, _build(tree.left, edges), _build(tree.right, edges), tuple(conditions))
