"""Conditions that follow from those of the other side of a join."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from sqlengine.planner.expressions import Call, Column, Expression, InList, Literal, columns_of, conjuncts, walk
from sqlengine.planner.join_keys import JoinKey, split_conditions
from sqlengine.planner.logical import (
    Aggregate,
    Filter,
    Limit,
    Node,
    Project,
    Scan,
    Sort,
    inputs_of,
    transform_down,
    with_inputs,
)
from sqlengine.planner.logical_joins import Join, JoinKind
from sqlengine.planner.rewriting import filtered, substitute
from sqlengine.planner.rules.push_down_filter import push_down_filter

# Comparisons with constants and what is made of them: equal values give equal answers, and no value is an error.
_COMPARISONS: Final = frozenset(("=", "<>", "<", "<=", ">", ">=", "and", "or", "not", "like", "ilike"))
_BY_RIGHT: Final = frozenset((JoinKind.INNER, JoinKind.LEFT, JoinKind.SEMI, JoinKind.ANTI))
_BY_LEFT: Final = frozenset((JoinKind.INNER, JoinKind.RIGHT, JoinKind.SEMI))
# A condition crosses one more join in each round; a longer chain is left as far as it came.
_ROUNDS: Final = 6

# What is known of the rows a node delivers: for each column id, conditions on that column alone.
_Facts = Mapping[int, tuple[Expression, ...]]


def infer_predicates(plan: Node) -> Node:
    """Where a join equates two columns, filter each side by what is known of the other side's column.

    Fewer rows are read, shuffled and joined, and splits are skipped by conditions that nobody wrote. Not legal on a
    side whose rows an outer join keeps without a partner; of conditions only comparisons with constants cross, which
    cannot raise and hold for equal values alike. Sees the whole plan: a condition crosses several joins.

    Before:
        Project: x
        └─ Join: inner on a.k = b.k
           ├─ Scan: a; k, x, d, s, f, ref; where a.k > 5
           └─ Scan: b; k, y, t

    After:
        Project: x
        └─ Join: inner on a.k = b.k
           ├─ Scan: a; k, x, d, s, f, ref; where a.k > 5
           └─ Scan: b; k, y, t; where b.k > 5
    """
    for _ in range(_ROUNDS):
        changed, _ = _infer(plan)
        if changed is plan:
            break
        plan = transform_down(changed, push_down_filter)
    return plan


def _infer(node: Node) -> tuple[Node, _Facts]:
    """(the node with inferred filters below its joins, what is known of its rows)."""
    inferred = [_infer(child) for child in inputs_of(node)]
    node = with_inputs(node, tuple(child for child, _ in inferred))
    match node:
        case Scan(filters=filters):
            return node, _added({}, filters)
        case Filter(condition=condition):
            return node, _added(inferred[0][1], conjuncts(condition))
        case Project(columns=columns, expressions=expressions):
            return node, _renamed(inferred[0][1], columns, expressions)
        case Aggregate(key_columns=columns, keys=expressions) if columns:
            return node, _renamed(inferred[0][1], columns, expressions)
        case Sort() | Limit():
            return node, inferred[0][1]
        case Join():
            return _infer_join(node, inferred[0][1], inferred[1][1])
        case _:
            return node, {}


def _infer_join(node: Join, left: _Facts, right: _Facts) -> tuple[Node, _Facts]:
    left_ids = frozenset(column.id for column in node.left.columns)
    right_ids = frozenset(column.id for column in node.right.columns)
    keys = split_conditions(node.conditions, left_ids, right_ids)[0]
    new_left: list[Expression] = []
    new_right: list[Expression] = []
    for key in keys:
        if node.kind in _BY_RIGHT:
            new_right += _crossing(key.left, key.right, left, right)
        if node.kind in _BY_LEFT:
            new_left += _crossing(key.right, key.left, right, left)
    if new_left or new_right:
        node = Join(node.kind, filtered(node.left, new_left), filtered(node.right, new_right), node.conditions)
    left, right = _added(left, new_left), _added(right, new_right)
    match node.kind:
        case JoinKind.INNER:
            return node, _equated({**left, **right}, keys)
        case JoinKind.LEFT | JoinKind.SEMI | JoinKind.ANTI:
            return node, left
        case JoinKind.RIGHT:
            return node, right
        case _:
            return node, {}


def _crossing(source: Expression, target: Expression, known: _Facts, there: _Facts) -> list[Expression]:
    """What is known of the column `source`, said of the column `target`, of which it is not known."""
    if not isinstance(source, Column) or not isinstance(target, Column):
        return []
    said = [substitute(condition, {source.id: target}) for condition in known.get(source.id, ())]
    return [condition for condition in said if condition not in there.get(target.id, ())]


def _equated(facts: _Facts, keys: Iterable[JoinKey]) -> _Facts:
    """What is known of one of two equal columns is known of both."""
    for key in keys:
        facts = _added(facts, _crossing(key.left, key.right, facts, facts))
        facts = _added(facts, _crossing(key.right, key.left, facts, facts))
    return facts


def _added(facts: _Facts, conditions: Iterable[Expression]) -> _Facts:
    more = dict(facts)
    for condition in conditions:
        columns = columns_of(condition)
        if len(columns) == 1 and all(map(_crosses, walk(condition))):
            (column,) = columns
            if condition not in more.get(column, ()):
                more[column] = (*more.get(column, ()), condition)
    return more


def _crosses(part: Expression) -> bool:
    return isinstance(part, Column | Literal | InList) or (isinstance(part, Call) and part.function in _COMPARISONS)


def _renamed(facts: _Facts, columns: tuple[Column, ...], expressions: tuple[Expression, ...]) -> _Facts:
    """The facts about columns that are passed on, under their new names."""
    return {
        column.id: tuple(substitute(condition, {expression.id: column}) for condition in facts[expression.id])
        for column, expression in zip(columns, expressions, strict=True)
        if isinstance(expression, Column) and expression.id in facts
    }
