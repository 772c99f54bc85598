"""Groups that a join throws away are not computed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sqlengine.planner.expressions import Call, Column, Expression
from sqlengine.planner.join_keys import split_conditions
from sqlengine.planner.logical import Aggregate, Filter, Node, Project, Scan, inputs_of, with_inputs
from sqlengine.planner.logical_joins import Join, JoinKind
from sqlengine.planner.rewriting import next_column_id, substitute
from sqlengine.planner.rules.order_joins import order_joins
from sqlengine.planner.statistics import Estimator
from sqlengine.types import BOOLEAN

# The other side must have so few values for each group: then reading it once more is cheap beside the grouping.
_FEW: Final = 0.1


def reduce_aggregates(plan: Node) -> Node:
    """Where a grouping is joined by its key with a small filtered table, group only rows whose key is in that table.

    A correlated subquery (`quantity < (SELECT avg(quantity) … WHERE partkey = p_partkey)`) becomes such a grouping,
    of the whole table though few groups are asked for. The small table is read a second time, for a semi join below the
    grouping; that drops whole groups, each of which has no partner in the join. Not legal where the join keeps groups
    without a partner. This is the semi-join form of magic sets (Mumick and Pirahesh, "Implementation of Magic-sets
    in a Relational Database System", SIGMOD 1994).

    Before:
        Project: x, max(v)
        └─ Join: inner on a.k = big.k
           ├─ Scan: a; k, x; where x = 1
           └─ Aggregate: by big.k; max(v)
              └─ Scan: big; k, v

    After:
        Project: a.x, max(v)
        └─ Join: inner on a.k = big.k
           ├─ Scan: a; k, x; where a.x = 1
           └─ Aggregate: by big.k; max(v)
              └─ Join: semi on big.k = a.k
                 ├─ Scan: big; k, v
                 └─ Scan: a; k, x; where a.x = 1
    """
    reduced = _Reducer(plan).visit(plan)
    # A semi join may belong below the joins of the grouping's input.
    return plan if reduced is plan else order_joins(reduced)


class _Reducer:
    def __init__(self, plan: Node) -> None:
        self._estimator = Estimator(plan)
        self._next_column = next_column_id(plan)

    def visit(self, node: Node) -> Node:
        node = with_inputs(node, tuple(self.visit(child) for child in inputs_of(node)))
        if not isinstance(node, Join) or node.kind not in (JoinKind.INNER, JoinKind.LEFT):
            return node
        left_ids, right_ids = (frozenset(column.id for column in each.columns) for each in (node.left, node.right))
        for key in split_conditions(node.conditions, left_ids, right_ids)[0]:
            if key.null_equal:
                continue
            right = self._reduced(node.right, key.right, node.left, key.left)
            if right is not None:
                return replace(node, right=right)
            left = self._reduced(node.left, key.left, node.right, key.right) if node.kind is JoinKind.INNER else None
            if left is not None:
                return replace(node, left=left)
        return node

    def _reduced(self, node: Node, key: Expression, other: Node, value: Expression) -> Node | None:
        """`node` grouping only rows whose key is among the values of `other`, if it groups by it and that pays."""
        if not isinstance(key, Column) or not isinstance(value, Column) or key.type != value.type:
            return None
        match node:
            case Filter() | Project():
                if isinstance(node, Project):
                    inner = dict(zip(node.columns, node.expressions, strict=True)).get(key)
                else:
                    inner = key
                below = None if inner is None else self._reduced(node.input, inner, other, value)
                return None if below is None else with_inputs(node, (below,))
            case Aggregate() if key in node.key_columns and not _is_reduced(node):
                expression = node.keys[node.key_columns.index(key)]
                values = self._smallest(other, value, _FEW * self._estimator.rows(node))
                if values is None:
                    return None
                copy, column = self._copied(*values)
                condition = Call("=", (expression, column), BOOLEAN)
                return replace(node, input=Join(JoinKind.SEMI, node.input, copy, (condition,)))
            case _:
                return None

    def _smallest(self, node: Node, value: Column, most: float) -> tuple[Scan, Column] | None:
        """The filtered table with fewest rows, fewer than `most`, that has all values of a column of `node`."""
        found: tuple[Scan, Column] | None = None
        for scan, column in _scans(node, {value}):
            rows = self._estimator.rows(scan)
            if scan.filters and rows < most and column.type == value.type:
                found, most = (scan, column), rows
        return found

    def _copied(self, scan: Scan, column: Column) -> tuple[Scan, Column]:
        """The scan once more, with columns of its own: those that its filters read, and `column`."""
        fresh: dict[int, Column] = {}
        for each in scan.columns:
            fresh[each.id] = Column(self._next_column, each.name, each.type)
            self._next_column += 1
        filters = tuple(substitute(each, fresh) for each in scan.filters)
        return replace(scan, columns=tuple(fresh.values()), filters=filters), fresh[column.id]


def _scans(node: Node, values: set[Column]) -> Iterator[tuple[Scan, Column]]:
    """(table, its column) for each that every row of `node` takes its value of one of `values`, all equal, from."""
    match node:
        case Scan():
            yield from ((node, column) for column in node.columns if column in values)
        case Filter():
            yield from _scans(node.input, values)
        case Project(columns=columns, expressions=expressions):
            passed = {e for c, e in zip(columns, expressions, strict=True) if c in values and isinstance(e, Column)}
            yield from _scans(node.input, passed)
        case Join(kind=JoinKind.INNER | JoinKind.SEMI):
            equal = _equated(node, values)
            yield from _scans(node.left, equal)
            yield from _scans(node.right, equal)
        case Join(kind=JoinKind.LEFT | JoinKind.ANTI):
            yield from _scans(node.left, values)
        case _:
            return


def _equated(join: Join, values: set[Column]) -> set[Column]:
    """`values` and the columns that the join's conditions say are equal to them."""
    equal = set(values)
    for condition in join.conditions:
        if isinstance(condition, Call) and condition.function == "=":
            ends = {each for each in condition.arguments if isinstance(each, Column)}
            if len(ends) == 2 and ends & equal:
                equal |= ends
    return equal


def _is_reduced(node: Aggregate) -> bool:
    return isinstance(node.input, Join) and node.input.kind is JoinKind.SEMI
