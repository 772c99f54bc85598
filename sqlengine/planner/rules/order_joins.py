"""The order of joins, by estimated rows.

Dynamic programming over the connected sets of relations (see `join_enumeration`), greedily once there would be more
than `MAX_PAIRS` joins to look at. The cost of a tree is the rows of all its intermediate results, those of build sides
counted twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlengine.planner.expressions import Expression, columns_of
from sqlengine.planner.join_enumeration import connected_pairs
from sqlengine.planner.join_graph import JoinGraph
from sqlengine.planner.logical import Aggregate, Filter, Limit, Node, Project, Sort, inputs_of, with_inputs
from sqlengine.planner.logical_joins import Join, JoinKind
from sqlengine.planner.rewriting import filtered
from sqlengine.planner.statistics import Estimator

# So many joins are looked at in about ten milliseconds.
MAX_PAIRS: Final = 1_500
# A semi or anti join that leaves less than this of a relation is tried below all inner joins too.
_REDUCES: Final = 0.5

# Joins that may stand anywhere above the relations that their conditions read.
_MOVABLE: Final = (JoinKind.SEMI, JoinKind.ANTI, JoinKind.LEFT)


def order_joins(plan: Node) -> Node:
    """Rearrange every tree of inner joins of three or more relations so that intermediate results are small.

    Assumes that filters were pushed down: what is left in the joins connects relations. Cross products come last,
    and only where nothing connects. Semi and anti joins, and left joins whose right columns no join above reads, go
    where fewest rows meet them: they neither need nor change what the inner joins above them compare. Right and full
    joins stay, and a tree below one of them is arranged by itself. Sees the whole plan, for a join's place depends on
    all the others.

    Before:
        Project: x
        └─ Join: inner on ref = c.k
           ├─ Join: inner on big.k = a.k
           │  ├─ Scan: big; k
           │  └─ Scan: a; k, x, ref
           └─ Scan: c; k, z; where z = 1

    After:
        Project: x
        └─ Join: inner on big.k = a.k
           ├─ Scan: big; k
           └─ Join: inner on ref = c.k
              ├─ Scan: a; k, x, ref
              └─ Scan: c; k, z; where z = 1
    """
    return _visit(plan, Estimator(plan), ordered=True)


def _visit(node: Node, estimator: Estimator, ordered: bool) -> Node:
    """`ordered`: whether the order of the node's columns must stay."""
    if isinstance(node, Join) and node.kind in (JoinKind.INNER, *_MOVABLE):
        arranged = _rearranged(_flatten(node, frozenset()), node, estimator)
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


@dataclass(frozen=True, slots=True)
class _Moving:
    """A join of one of the `_MOVABLE` kinds, without its left input."""

    kind: JoinKind
    right: Node
    conditions: tuple[Expression, ...]

    def over(self, left: Node) -> Join:
        return Join(self.kind, left, self.right, self.conditions)


@dataclass(frozen=True, slots=True)
class _Flat:
    """A tree of joins taken apart: what its inner joins combine, their conditions, the other joins inside out."""

    relations: tuple[Node, ...]
    conditions: tuple[Expression, ...] = ()
    moving: tuple[_Moving, ...] = ()


def _flatten(node: Node, read: frozenset[int]) -> _Flat:
    """`read`: ids of columns that conditions of joins above read."""
    node = _narrowed(node)
    if not isinstance(node, Join):
        return _Flat((node,))
    here = read.union(*map(columns_of, node.conditions))
    if node.kind is JoinKind.INNER:
        left, right = _flatten(node.left, here), _flatten(node.right, here)
        conditions = left.conditions + right.conditions + node.conditions
        return _Flat(left.relations + right.relations, conditions, left.moving + right.moving)
    padded = frozenset(column.id for column in node.right.columns)
    if node.kind in (JoinKind.SEMI, JoinKind.ANTI) or (node.kind is JoinKind.LEFT and not padded & read):
        left = _flatten(node.left, here)
        moving = _Moving(node.kind, node.right, node.conditions)
        return _Flat(left.relations, left.conditions, (*left.moving, moving))
    return _Flat((node,))


def _rearranged(flat: _Flat, node: Join, estimator: Estimator) -> Node:
    if len(flat.relations) + bool(flat.moving) < 3:
        # Two inputs have one order.
        return with_inputs(node, tuple(_visit(child, estimator, ordered=False) for child in inputs_of(node)))
    relations = tuple(_visit(each, estimator, ordered=False) for each in flat.relations)
    moving = [_Moving(m.kind, _visit(m.right, estimator, ordered=False), m.conditions) for m in flat.moving]
    arranged = _arrange(relations, flat.conditions, moving, estimator)
    return node if arranged == node else arranged


def _narrowed(node: Node) -> Node:
    """The join of which a projection delivers some columns as they are: columns more do no harm in a tree of joins."""
    below = node
    while isinstance(below, Project) and below.expressions == below.columns:
        below = below.input
    return below if isinstance(below, Join) else node


@dataclass(frozen=True, slots=True)
class _Tree:
    """The best known tree for a set of relations (a bit mask)."""

    relations: int
    node: Node | None
    left: _Tree | None
    right: _Tree | None
    rows: float
    cost: float


def _arrange(
    relations: Sequence[Node], conditions: Sequence[Expression], moving: Sequence[_Moving], estimator: Estimator
) -> Node:
    graph = JoinGraph(relations, conditions, estimator)
    leaves = [_Tree(1 << k, node, None, None, estimator.rows(node), 0.0) for k, node in enumerate(relations)]
    pairs = _pairs(graph)
    tree = _best(leaves, graph, pairs)
    placed: dict[int, list[_Moving]] = {}
    for each in moving:
        mask = graph.mask(each.conditions)
        if mask.bit_count() == 1 and each.kind is not JoinKind.LEFT:
            at = mask.bit_length() - 1
            leaf, reduced = leaves[at], each.over(leaves[at].node or relations[at])
            rows = estimator.rows(reduced)
            if rows < _REDUCES * leaf.rows:
                others = [*leaves[:at], _Tree(mask, reduced, None, None, rows, 0.0), *leaves[at + 1 :]]
                below = _best(others, graph, pairs)
                if below.cost + leaf.rows < tree.cost + _smallest(tree, mask).rows:
                    leaves, tree = others, below
                    continue
        placed.setdefault(mask, []).append(each)
    where: dict[int, list[_Moving]] = {}
    for mask, several in placed.items():
        where.setdefault(_smallest(tree, mask).relations, []).extend(several)
    arranged = _build(tree, graph, where)
    loose = tuple(graph.loose())
    if loose and isinstance(arranged, Join) and arranged.kind is JoinKind.INNER:
        return Join(arranged.kind, arranged.left, arranged.right, arranged.conditions + loose)
    return filtered(arranged, loose)


def _pairs(graph: JoinGraph) -> list[tuple[int, int]]:
    """All pairs of sets to join; none if there are too many."""
    pairs = list(itertools.islice(connected_pairs(graph.neighbours), MAX_PAIRS + 1))
    return pairs if len(pairs) <= MAX_PAIRS else []


def _best(leaves: Sequence[_Tree], graph: JoinGraph, pairs: Sequence[tuple[int, int]]) -> _Tree:
    """The cheapest tree of each connected part, then those joined greedily."""
    best: dict[int, _Tree] = {leaf.relations: leaf for leaf in leaves}
    for one, other in pairs:
        left, right = best[one], best[other]
        found = best.get(one | other)
        if found is None:
            joined = _joined(left, right, graph)
            if joined is not None:
                best[one | other] = joined
        # All trees of a set have the same rows, as they meet the same conditions.
        elif left.cost + right.cost + found.rows + min(left.rows, right.rows) < found.cost:
            best[one | other] = _tree(left, right, found.rows)
    parts: list[_Tree] = []
    covered = 0
    for members in sorted(best, key=lambda mask: (-mask.bit_count(), mask)):
        if not members & covered:
            parts.append(best[members])
            covered |= members
    return _greedy(parts, graph)


def _joined(left: _Tree, right: _Tree, graph: JoinGraph) -> _Tree | None:
    """The join of two disjoint trees; None if no condition connects them."""
    between = graph.between(left.relations, right.relations)
    return None if between is None else _tree(left, right, max(1.0, left.rows * right.rows * between[1]))


def _tree(left: _Tree, right: _Tree, rows: float) -> _Tree:
    # The larger input stands on the left, where the probe side usually is.
    if left.rows < right.rows:
        left, right = right, left
    cost = left.cost + right.cost + rows + right.rows
    return _Tree(left.relations | right.relations, None, left, right, rows, cost)


def _greedy(trees: Sequence[_Tree], graph: JoinGraph) -> _Tree:
    """Join the pair with the fewest rows until one tree is left; cross products when nothing connects."""
    pending = list(trees)
    while len(pending) > 1:
        pairs = [(a, b) for k, a in enumerate(pending) for b in pending[k + 1 :]]
        joined = [tree for tree in (_joined(a, b, graph) for a, b in pairs) if tree is not None]
        if not joined:
            joined = [_tree(a, b, a.rows * b.rows) for a, b in pairs]
        chosen = min(joined, key=lambda tree: (tree.rows, tree.cost))
        pending = [tree for tree in pending if not tree.relations & chosen.relations] + [chosen]
    return pending[0]


def _smallest(tree: _Tree, relations: int) -> _Tree:
    """The part of the tree with the fewest rows that has all of `relations`; the highest of several."""
    best = tree
    while tree.left is not None and tree.right is not None:
        if not relations or (relations & tree.left.relations and relations & tree.right.relations):
            break
        tree = tree.left if relations & tree.left.relations else tree.right
        if tree.rows < best.rows:
            best = tree
    return best


def _build(tree: _Tree, graph: JoinGraph, where: Mapping[int, Sequence[_Moving]]) -> Node:
    """The plan of a tree, each condition at the lowest join that sees all its columns."""
    if tree.left is None or tree.right is None:
        assert tree.node is not None
        node = tree.node
    else:
        between = graph.between(tree.left.relations, tree.right.relations)
        conditions = () if between is None else tuple(between[0])
        node = Join(JoinKind.INNER, _build(tree.left, graph, where), _build(tree.right, graph, where), conditions)
    for each in where.get(tree.relations, ()):
        node = each.over(node)
    return node
