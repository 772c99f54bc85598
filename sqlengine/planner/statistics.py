"""How many rows a node will deliver: estimates from what storage knows without reading data.

As in System R (Selinger et al. 1979, section 4) the values of one join key are taken to contain those of the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from sqlengine.planner.expressions import Column, Expression, conjuncts
from sqlengine.planner.join_keys import JoinKey, split_conditions
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
)
from sqlengine.planner.logical_joins import AsofJoin, Join, JoinKind, PositionalJoin
from sqlengine.planner.value_estimates import UNKNOWN_CONDITION, UNKNOWN_EQUALITY, ValueEstimates
from sqlengine.types import words_dtype

# Groups per row when nothing is known of the keys: too many costs a few empty buckets, too few one slow task.
UNKNOWN_GROUPS: Final = 0.1
# Items of a list when nothing is known of it.
UNKNOWN_ITEMS: Final = 5.0
# Rows that a recursive query finds, before it has run.
UNKNOWN_RECURSION: Final = 1000.0
TEXT_BYTES: Final = 24
# Distinct values per row from which on a column is taken for a primary key.
UNIQUE: Final = 0.9


@dataclass(frozen=True, slots=True)
class _KeyValues:
    """Distinct values of a join key over its table, and whether there seem to be as many as rows."""

    distinct: float
    unique: bool


class Estimator(ValueEstimates):
    """Row estimates, beside those about columns, for one plan and every rewriting of it that keeps its column ids."""

    def __init__(self, plan: Node) -> None:
        super().__init__(plan)
        # Keyed by identity, since hashing a node walks the whole tree; the node is kept so its id stays its own.
        self._rows: dict[int, tuple[Node, float]] = {}

    # -- rows ---------------------------------------------------------------------------------

    def rows(self, node: Node) -> float:
        """Rows `node` delivers, at least 1 unless it is known to be empty."""
        known = self._rows.get(id(node))
        if known is not None:
            return known[1]
        rows = self._estimate(node)
        self._rows[id(node)] = (node, rows)
        return rows

    def _estimate(self, node: Node) -> float:
        match node:
            case Scan():
                return self._reduced(float(node.table.row_count()), node.filters)
            case Values():
                return float(len(node.rows))
            case Filter():
                return self._reduced(self.rows(node.input), conjuncts(node.condition))
            case Project() | Window():
                return self.rows(node.input)
            case Join():
                return self._join_rows(node)
            case AsofJoin():
                # A partner is at most one row.
                both = node.kind in (JoinKind.RIGHT, JoinKind.FULL)
                return self.rows(node.left) + (self.rows(node.right) if both else 0.0)
            case PositionalJoin():
                return max(self.rows(each) for each in node.inputs)
            case Aggregate():
                return self.groups(node.keys, self.rows(node.input))
            case Limit(percent=float() as percent):
                return self.rows(node.input) * percent / 100
            case Limit(per=per) if per:
                rows = self.rows(node.input)
                return rows if node.limit is None else min(rows, node.limit * self.groups(per, rows))
            case Sort() | Limit():
                rows = max(0.0, self.rows(node.input) - node.offset)
                return rows if node.limit is None else min(rows, float(node.limit))
            case Recursion():
                return UNKNOWN_RECURSION
            case Expand():
                return self.rows(node.input) * len(node.sets)
            case Unnest():
                return self.rows(node.input) * UNKNOWN_ITEMS
            case Union():
                return sum(self.rows(each) for each in node.inputs)
            case _:
                assert_never(node)

    def _reduced(self, rows: float, conditions: Sequence[Expression]) -> float:
        return max(min(rows, 1.0), rows * self.selectivity(conditions)) if conditions else rows

    def bytes(self, node: Node, columns: Iterable[Column] | None = None) -> float:
        """Bytes of the rows `node` delivers, of `columns` only if given."""
        return self.rows(node) * row_bytes(node.columns if columns is None else columns)

    def groups(self, keys: Sequence[Expression], rows: float) -> float:
        """Distinct combinations of `keys` among `rows` rows."""
        groups = 1.0
        for key in keys:
            distinct = self.distinct(key)
            groups *= max(1.0, rows * UNKNOWN_GROUPS if distinct is None else distinct)
        return min(groups, rows) if keys else 1.0

    def _join_rows(self, join: Join) -> float:
        left, right = self.rows(join.left), self.rows(join.right)
        left_ids = frozenset(column.id for column in join.left.columns)
        right_ids = frozenset(column.id for column in join.right.columns)
        keys, residual = split_conditions(join.conditions, left_ids, right_ids)
        matches = left * right * self.join_selectivity(keys) * self.selectivity(residual)
        match join.kind:
            case JoinKind.INNER:
                return max(min(left, right, 1.0), matches)
            case JoinKind.LEFT:
                return max(left, matches)
            case JoinKind.RIGHT:
                return max(right, matches)
            case JoinKind.FULL:
                return max(left, right, matches)
            case JoinKind.SEMI:
                return max(min(left, 1.0), min(left, matches))
            case JoinKind.ANTI:
                return max(left - matches, left * UNKNOWN_CONDITION)
            case _:
                assert_never(join.kind)

    def join_selectivity(self, keys: Sequence[JoinKey]) -> float:
        """Fraction of all pairs that agree on `keys`: one over the distinct values of the richer side.

        Distinct values are those of the tables, not of the filtered inputs: a filter on the side of a primary key
        removes the matching foreign keys too.
        """
        if not keys:
            return 1.0
        # What both inputs were filtered by already (`a.k = 5 AND b.k = 5`) is not lost again between them.
        shared = math.prod(max(self.kept(key.left), self.kept(key.right)) for key in keys)
        return min(1.0, self._unfiltered_selectivity(keys) / max(shared, 1e-12))

    def met_fraction(self, rows: float, keys: Sequence[JoinKey]) -> float:
        """Fraction of the right keys' values that `rows` left rows can meet; 1 if nothing is known."""
        right = self._key_values([key.right for key in keys])
        return 1.0 if right is None else min(1.0, rows / max(1.0, right.distinct))

    def _unfiltered_selectivity(self, keys: Sequence[JoinKey]) -> float:
        sides = [self._key_values([key.left for key in keys]), self._key_values([key.right for key in keys])]
        known = [side for side in sides if side is not None]
        if not known:
            return UNKNOWN_EQUALITY
        # The range of an integer key bounds its distinct values from above only. When both sides look like a
        # primary key, the larger one is a foreign key whose range merely is wide (lineitem's order key).
        two_primary_keys = len(known) == 2 and all(side.unique for side in known)
        distinct = [side.distinct for side in known]
        return 1.0 / max(1.0, min(distinct) if two_primary_keys else max(distinct))

    def _key_values(self, keys: Sequence[Expression]) -> _KeyValues | None:
        product = 1.0
        rows = math.inf
        for key in keys:
            distinct = self.distinct(key)
            if distinct is None:
                return None
            product *= distinct
            source = self._source(key)
            if source is not None:
                rows = min(rows, float(source.table.row_count()))
        return _KeyValues(min(product, rows), product >= UNIQUE * rows)


def row_bytes(columns: Iterable[Column]) -> int:
    """Bytes of one row of `columns` in memory, an estimate; at least 1."""
    total = 0
    for column in columns:
        dtype = words_dtype(column.type)
        total += TEXT_BYTES if dtype is None else (16 if column.type.is_unscaled else dtype.itemsize)
    return max(1, total)
