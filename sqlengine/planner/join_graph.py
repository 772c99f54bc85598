"""The relations of a tree of inner joins and the conditions between them, as a graph over bit masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlengine.planner.expressions import Call, Expression, columns_of
from sqlengine.planner.join_keys import JoinKey, as_key
from sqlengine.planner.logical import Node
from sqlengine.planner.rewriting import is_deterministic
from sqlengine.planner.statistics import Estimator
from sqlengine.types import BOOLEAN


@dataclass(slots=True)
class _Edge:
    """What relates two relations: for each class of equal expressions one equality, by the number of the class."""

    relations: int
    equalities: dict[int, tuple[JoinKey, Expression]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Other:
    """A condition that is no such equality."""

    relations: int
    condition: Expression
    selectivity: float


class JoinGraph:
    """Which sets of relations are connected, by which conditions, and what fraction of row pairs meets them.

    Expressions that equalities chain together (a.x = b.x AND b.x = c.x) form a class: any two of its relations are
    connected, and joining two sets takes one equality of each class that both have a part in.

    Parameters
    ----------
    relations
        The inputs of the tree of joins.
    conditions
        All conditions of all its joins.
    estimator
        Knows the columns of the relations.
    """

    def __init__(self, relations: Sequence[Node], conditions: Sequence[Expression], estimator: Estimator) -> None:
        self._estimator = estimator
        self._columns = [frozenset(column.id for column in node.columns) for node in relations]
        self._edges: dict[int, _Edge] = {}
        self._others: list[_Other] = []
        self._selectivities: dict[tuple[int, tuple[int, ...]], float] = {}
        self.neighbours = [0] * len(relations)
        equalities, others = self._sorted(conditions)
        for number, members in enumerate(_classes(equalities)):
            by_relation = {self.mask([member]): member for member in members}
            if len(by_relation) == len(members):
                self._connect(number, by_relation)
            else:
                # Two expressions of one relation: their equality is lost if the class counts once.
                others += [each for each in equalities if each.arguments[0] in members]
        for condition in others:
            self._add_other(condition)

    def mask(self, expressions: Iterable[Expression]) -> int:
        """The relations whose columns some expressions read."""
        used = frozenset(column for expression in expressions for column in columns_of(expression))
        return sum(1 << k for k, ids in enumerate(self._columns) if used & ids)

    def between(self, left: int, right: int) -> tuple[list[Expression], float] | None:
        """(conditions of the join of two disjoint sets, the fraction of pairs that meets them); None if none does."""
        both = left | right
        conditions: list[Expression] = []
        selectivity = 1.0
        crossing = [
            edge for edge in self._edges.values() if edge.relations & left and edge.relations & right
            and not edge.relations & ~both
        ]  # fmt: skip
        covered: set[int] = set()
        # Equalities of several classes between the same two relations are one key, whose values are known together.
        for edge in sorted(crossing, key=lambda each: -len(each.equalities)):
            new = [number for number in edge.equalities if number not in covered]
            if new:
                covered.update(new)
                conditions += [edge.equalities[number][1] for number in new]
                selectivity *= self._selectivity(edge, tuple(new))
        for other in self._others:
            if not other.relations & ~both and other.relations & ~left and other.relations & ~right:
                conditions.append(other.condition)
                selectivity *= other.selectivity
        return (conditions, selectivity) if conditions else None

    def _selectivity(self, edge: _Edge, numbers: tuple[int, ...]) -> float:
        """As `Estimator.join_selectivity`, of some equalities of an edge; asked for again by many pairs of sets."""
        key = edge.relations, numbers
        known = self._selectivities.get(key)
        if known is None:
            known = self._estimator.join_selectivity([edge.equalities[number][0] for number in numbers])
            self._selectivities[key] = known
        return known

    def loose(self) -> list[Expression]:
        """Conditions that connect nothing, not being deterministic or having no columns: to be asked last."""
        return [other.condition for other in self._others if other.relations.bit_count() < 2]

    def _sorted(self, conditions: Sequence[Expression]) -> tuple[list[Call], list[Expression]]:
        """(equalities between two relations, the other conditions)."""
        equalities: list[Call] = []
        others: list[Expression] = []
        for condition in conditions:
            ends = [self._columns[k] for k in _bits(self.mask([condition]))]
            key = as_key(condition, *ends) if len(ends) == 2 else None
            if key is not None and not key.null_equal and is_deterministic(condition) and isinstance(condition, Call):
                equalities.append(condition)
            else:
                others.append(condition)
        return equalities, others

    def _connect(self, number: int, members: dict[int, Expression]) -> None:
        ends = list(members.items())
        for position, (one, left) in enumerate(ends):
            for other, right in ends[position + 1 :]:
                edge = self._edges.setdefault(one | other, _Edge(one | other))
                edge.equalities[number] = (JoinKey(left, right), Call("=", (left, right), BOOLEAN))
                self._neighbour(one | other)

    def _add_other(self, condition: Expression) -> None:
        relations = self.mask([condition])
        ends = [self._columns[k] for k in _bits(relations)]
        key = as_key(condition, *ends) if len(ends) == 2 else None
        selectivity = (
            self._estimator.selectivity([condition]) if key is None else self._estimator.join_selectivity([key])
        )
        self._others.append(_Other(relations, condition, selectivity))
        if len(ends) == 2:
            self._neighbour(relations)

    def _neighbour(self, two: int) -> None:
        one, other = _bits(two)
        self.neighbours[one] |= 1 << other
        self.neighbours[other] |= 1 << one


def _bits(mask: int) -> list[int]:
    return [k for k in range(mask.bit_length()) if mask >> k & 1]


def _classes(equalities: Sequence[Call]) -> list[list[Expression]]:
    """Expressions that equalities chain together, in order of first appearance."""
    classes: list[dict[Expression, None]] = []
    for equality in equalities:
        ends = dict.fromkeys(equality.arguments)
        touched = [each for each in classes if not ends.keys().isdisjoint(each)]
        merged = {member: None for each in (*touched, ends) for member in each}
        classes = [each for each in classes if all(each is not other for other in touched)]
        classes.append(merged)
    return [list(each) for each in classes]
