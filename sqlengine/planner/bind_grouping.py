"""GROUP BY: its keys, and GROUPING SETS, ROLLUP and CUBE as the sets of keys they stand for."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlglot import exp

from sqlengine.planner.context import BindContext
from sqlengine.planner.expressions import Call, Case, Column, Expression, Literal
from sqlengine.types import BIGINT, BOOLEAN

# DuckDB's limit.
_MOST_SETS: Final = 65_535


@dataclass(slots=True)
class Grouping:
    """What a query is grouped by.

    Attributes
    ----------
    keys
        (expression, name) of each key, once.
    sets
        The numbers of the keys in each grouping set, in order, duplicates too; None for a plain GROUP BY.
    """

    keys: dict[Expression, str] = field(default_factory=dict)
    sets: tuple[tuple[int, ...], ...] | None = None

    def add(self, name: str, key: Expression) -> int:
        """The number of a key, new or known."""
        self.keys.setdefault(key, name)
        return list(self.keys).index(key)


def bind_grouping(
    context: BindContext, trees: list[Any], bind_key: Callable[[Any], tuple[str, Expression]]
) -> Grouping:
    """The keys and sets of a GROUP BY list: the sets of its items, each combined with each."""
    grouping = Grouping()
    binder = _Binder(context, grouping, bind_key)
    sets: list[tuple[int, ...]] = [()]
    for tree in trees:
        found = binder.sets(tree, composite=False)
        if len(sets) * len(found) > _MOST_SETS:
            raise context.error(f"more than {_MOST_SETS} grouping sets", tree)
        sets = [_merged(left, right) for left, right in itertools.product(sets, found)]
    if any(isinstance(tree, exp.GroupingSets | exp.Rollup | exp.Cube) for tree in trees):
        grouping.sets = tuple(sets)
    return grouping


@dataclass(frozen=True, slots=True)
class _Binder:
    context: BindContext
    grouping: Grouping
    bind_key: Callable[[Any], tuple[str, Expression]]

    def sets(self, tree: Any, composite: bool) -> list[tuple[int, ...]]:
        """The sets an item stands for; with `composite` a tuple is one set of several keys."""
        reader = self.context.reader
        match tree:
            case exp.GroupingSets():
                return [each for item in reader.all(tree) for each in self.sets(item, composite=True)]
            case exp.Rollup():
                parts = [self._one(item) for item in reader.all(tree)]
                return [_merged(*parts[:count]) for count in range(len(parts), -1, -1)]
            case exp.Cube():
                parts = [self._one(item) for item in reader.all(tree)]
                if 2 ** len(parts) > _MOST_SETS:
                    raise self.context.error(f"more than {_MOST_SETS} grouping sets", tree)
                counts = range(len(parts), -1, -1)
                return [_merged(*chosen) for count in counts for chosen in itertools.combinations(parts, count)]
            case exp.Tuple() if composite or not reader.all(tree):
                return [self._one(tree)]
            case _:
                return [(self._key(tree),)]

    def _one(self, tree: Any) -> tuple[int, ...]:
        """One set: a key, or several in parentheses."""
        if isinstance(tree, exp.Tuple):
            return _merged(*((self._key(item),) for item in self.context.reader.all(tree)))
        return (self._key(tree),)

    def _key(self, tree: Any) -> int:
        return self.grouping.add(*self.bind_key(tree))


def _merged(*parts: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(number for part in parts for number in part))


def grouping_value(
    grouping: Grouping, arguments: tuple[Expression, ...], set_column: Column | None
) -> Expression | None:
    """GROUPING(arguments): a bit for each, the last one lowest, 1 where the set lacks it; None if one is no key."""
    known = list(grouping.keys)
    if any(argument not in known for argument in arguments):
        return None
    numbers = [known.index(argument) for argument in arguments]

    def bits(members: tuple[int, ...]) -> Literal:
        return Literal(sum((number not in members) << k for k, number in enumerate(reversed(numbers))), BIGINT)

    values = [bits(members) for members in grouping.sets or ((*range(len(known)),),)]
    if set_column is None or len(set(values)) == 1:
        return values[0]
    branches = tuple(
        (Call("=", (set_column, Literal(position, set_column.type)), BOOLEAN), value)
        for position, value in enumerate(values[:-1])
    )
    return Case(branches, values[-1], BIGINT)
