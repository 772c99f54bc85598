"""Joins: what finds partners, which side builds, and whether it goes to every task or both are dealt out by key."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from sqlengine.planner.choices import (
    SEARCHED_PAIRS,
    JoinStrategy,
    Side,
    choose_buckets,
    choose_join_strategy,
    should_build_left,
    should_reduce,
)
from sqlengine.planner.expressions import Column, Expression, columns_of
from sqlengine.planner.join_keys import (
    MIRRORED,
    Inequality,
    JoinKey,
    as_inequality,
    is_searchable,
    key_alternatives,
    split_conditions,
)
from sqlengine.planner.logical import expressions_of
from sqlengine.planner.logical_joins import AsofJoin, Join, JoinKind, PositionalJoin
from sqlengine.planner.physical import ExchangeRead, Exec, Gather, HashPartition, ReadPieces
from sqlengine.planner.physical_joins import (
    AnyKeyJoinExec,
    Bound,
    HashJoinExec,
    KeyAlternative,
    NestedLoopJoinExec,
    PositionalJoinExec,
    SortedJoinExec,
)
from sqlengine.planner.rewriting import is_deterministic
from sqlengine.planner.stages import Fragment, Inputs, Lower, Needed, StageBuilder
from sqlengine.planner.statistics import row_bytes
from sqlengine.storage.table import ScanTask

_FLIPPED = {JoinKind.INNER: JoinKind.INNER, JoinKind.LEFT: JoinKind.RIGHT, JoinKind.RIGHT: JoinKind.LEFT}


@dataclass(frozen=True, slots=True)
class _Sides:
    """A join with its inputs placed: `kind` is seen from the probe side."""

    kind: JoinKind
    probe: Fragment
    build: Fragment
    probe_keys: tuple[Expression, ...]
    build_keys: tuple[Expression, ...]
    bounds: tuple[Bound, ...] = ()

    def flipped(self) -> _Sides:
        bounds = tuple(Bound(each.probe, MIRRORED[each.operator], each.build) for each in self.bounds)
        return _Sides(_FLIPPED[self.kind], self.build, self.probe, self.build_keys, self.probe_keys, bounds)


def lower_join(join: Join | AsofJoin, needed: Needed, lower: Lower, builder: StageBuilder) -> Fragment:
    """A hash join by equalities of the sides or alternatives of them, else a search by inequalities, else all pairs."""
    below = needed.union(*(columns_of(part) for part in expressions_of(join)))
    left, right = lower(join.left, below), lower(join.right, below)
    left_ids = frozenset(column.id for column in join.left.columns)
    right_ids = frozenset(column.id for column in join.right.columns)
    keys, residual = split_conditions(join.conditions, left_ids, right_ids)
    nearest = isinstance(join, AsofJoin)
    met = builder.estimator.met_fraction(left.rows, keys)
    if keys and not nearest and should_reduce(join.kind, _side(left, below), _side(right, below), met):
        left, right = _reduced(left, right, keys, met, below, builder)
    alternatives: tuple[tuple[JoinKey, ...], ...] = ()
    if not keys and not nearest:
        either = (key_alternatives(condition, left_ids, right_ids) for condition in residual)
        alternatives = next((each for each in either if each), ())
    inequalities: list[Inequality] = []
    if isinstance(join, AsofJoin):
        inequalities = [Inequality(join.left_at, join.operator, join.right_at)]
    elif not alternatives:
        pairs = left.rows * right.rows * builder.estimator.join_selectivity(keys)
        inequalities, residual = _searched(residual, left_ids, right_ids, pairs, left.rows + right.rows, bool(keys))
    sides = _Sides(
        join.kind,
        left,
        right,
        tuple(key.left for key in keys),
        tuple(key.right for key in keys),
        tuple(Bound(each.right, MIRRORED[each.operator], each.left) for each in inequalities),
    )
    if not nearest and _builds_left(sides, _side(left, below), _side(right, below)):
        sides = sides.flipped()
    strategy, reason = choose_join_strategy(
        sides.kind, _side(sides.probe, below), _side(sides.build, below), bool(keys), builder.settings
    )
    if (
        strategy is JoinStrategy.SHUFFLE
        and sides.kind in (JoinKind.LEFT, JoinKind.RIGHT)
        and not sides.bounds
        and sides.probe.rows < sides.build.rows
    ):
        # Once both sides are dealt out by key, either may build.
        sides = sides.flipped()
    columns = tuple(column for column in join.columns if column.id in needed)
    null_equal = tuple(key.null_equal for key in keys)
    placed, tasks = _place(strategy, sides, below, builder)
    because = _reason(strategy, reason)
    probe, build, kind = placed.probe.root, placed.build.root, placed.kind
    root: Exec
    if placed.bounds:
        root = SortedJoinExec(
            probe,
            build,
            kind,
            placed.probe_keys,
            placed.build_keys,
            placed.bounds,
            residual,
            columns,
            null_equal,
            nearest,
            because,
        )
    elif keys:
        root = HashJoinExec(
            probe, build, kind, placed.probe_keys, placed.build_keys, residual, columns, null_equal, because
        )
    elif alternatives:
        probe_ids = frozenset(column.id for column in probe.columns)
        either_keys = tuple(_alternative(each, probe_ids) for each in alternatives)
        root = AnyKeyJoinExec(probe, build, kind, either_keys, residual, columns, because)
    else:
        root = NestedLoopJoinExec(probe, build, kind, residual, columns, because)
    return Fragment(root, tasks, builder.estimator.rows(join), _partitioning(placed, strategy, columns))


def _alternative(keys: tuple[JoinKey, ...], probe: frozenset[int]) -> KeyAlternative:
    left, right = tuple(key.left for key in keys), tuple(key.right for key in keys)
    null_equal = tuple(key.null_equal for key in keys)
    if all(columns_of(each) <= probe for each in left):
        return KeyAlternative(left, right, null_equal)
    return KeyAlternative(right, left, null_equal)


def _reduced(
    left: Fragment, right: Fragment, keys: tuple[JoinKey, ...], met: float, below: Needed, builder: StageBuilder
) -> tuple[Fragment, Fragment]:
    """The left side in a stage of its own, and of the right side the rows whose keys occur there.

    A semi join, semantically free: what it drops has no partner, and no right row is kept for itself.
    """
    below = below.union(*(columns_of(key.left) for key in keys))
    left = builder.separate(left, below)
    assert isinstance(left.root, ExchangeRead)
    every = replace(left.root, leaf=builder.new_leaf())
    root = HashJoinExec(
        right.root,
        every,
        JoinKind.SEMI,
        tuple(key.right for key in keys),
        tuple(key.left for key in keys),
        (),
        right.root.columns,
        tuple(key.null_equal for key in keys),
        f"only keys of the other side, about {met:.0%}",
    )
    tasks: tuple[Inputs, ...] = tuple({**inputs, every.leaf: ReadPieces()} for inputs in right.tasks)
    rows = right.rows * met
    builder.estimate(root, rows)
    return left, Fragment(root, tasks, rows, right.partitioned)


def lower_positional_join(join: PositionalJoin, needed: Needed, lower: Lower, builder: StageBuilder) -> Fragment:
    """All inputs in one task: only there is a row's position known."""
    inputs = [builder.gather(lower(each, needed), needed) for each in join.inputs]
    columns = tuple(column for column in join.columns if column.id in needed)
    root = PositionalJoinExec(tuple(each.root for each in inputs), columns)
    tasks: dict[int, ScanTask | ReadPieces] = {}
    for each in inputs:
        tasks.update(each.tasks[0])
    return Fragment(root, (tasks,), builder.estimator.rows(join))


def _searched(
    residual: tuple[Expression, ...],
    left: frozenset[int],
    right: frozenset[int],
    pairs: float,
    rows: float,
    has_keys: bool,
) -> tuple[list[Inequality], tuple[Expression, ...]]:
    """(one or two inequalities to search by, the other conditions); none if equal keys leave few pairs to test."""
    if has_keys and pairs < SEARCHED_PAIRS * rows:
        return [], residual
    found = {}
    for condition in residual:
        inequality = as_inequality(condition, left, right)
        if inequality is not None and is_searchable(inequality.left.type) and is_deterministic(condition):
            found[condition] = inequality
    if not found:
        return [], residual
    chosen = _pair(list(found.items()))
    kept = tuple(condition for condition in residual if all(condition is not each for each, _ in chosen))
    return [inequality for _, inequality in chosen], kept


def _pair(found: list[tuple[Expression, Inequality]]) -> list[tuple[Expression, Inequality]]:
    """The two inequalities that together leave fewest pairs: a lower and an upper bound of one value if there are."""
    for number, (condition, one) in enumerate(found):
        for other_condition, other in found[number + 1 :]:
            same = one.left == other.left or one.right == other.right
            if same and one.operator[0] != other.operator[0]:
                return [(condition, one), (other_condition, other)]
    return found[:2]


def _builds_left(sides: _Sides, left: Side, right: Side) -> bool:
    """As `should_build_left`; searching by two bounds, an inner join builds the side whose one value they bound."""
    if sides.kind is JoinKind.INNER and len(sides.bounds) == 2:
        one, other = sides.bounds
        if (one.build == other.build) != (one.probe == other.probe):
            return one.probe == other.probe
    return should_build_left(sides.kind, left, right)


def _side(fragment: Fragment, needed: Needed) -> Side:
    columns = [column for column in fragment.root.columns if column.id in needed]
    return Side(fragment.rows, fragment.rows * row_bytes(columns), len(fragment.tasks))


def _reason(strategy: JoinStrategy, reason: str) -> str:
    return reason if strategy is JoinStrategy.ONE_TASK else f"{strategy.value}: {reason}"


def _place(
    strategy: JoinStrategy, sides: _Sides, below: Needed, builder: StageBuilder
) -> tuple[_Sides, tuple[Inputs, ...]]:
    """Bring the sides together: the fragments to join, and what each task reads."""
    match strategy:
        case JoinStrategy.ONE_TASK:
            placed = replace(sides, probe=builder.gather(sides.probe, below), build=builder.gather(sides.build, below))
            return placed, ({**placed.probe.tasks[0], **placed.build.tasks[0]},)
        case JoinStrategy.BROADCAST:
            read = builder.read(sides.build, Gather(), below)
            build = Fragment(read, ({read.leaf: ReadPieces()},), sides.build.rows)
            tasks: list[Inputs] = [{**inputs, read.leaf: ReadPieces()} for inputs in sides.probe.tasks]
            return replace(sides, build=build), tuple(tasks)
        case JoinStrategy.SHUFFLE:
            placed = _shuffled(sides, below, builder)
            pairs = zip(placed.probe.tasks, placed.build.tasks, strict=True)
            return placed, tuple({**probe, **build} for probe, build in pairs)
        case _:
            assert_never(strategy)


def _shuffled(sides: _Sides, below: Needed, builder: StageBuilder) -> _Sides:
    """Both sides partitioned alike; a side that already is partitioned by (some of) its keys stays where it is."""
    probe, build = sides.probe, sides.build
    probe_ways, build_ways = _ways(probe, sides.probe_keys), _ways(build, sides.build_keys)
    if any(way in build_ways for way in probe_ways):
        return sides
    if probe_ways:
        positions, buckets = probe_ways[0]
        build_keys = tuple(sides.build_keys[position] for position in positions)
        return replace(sides, build=builder.exchange(build, build_keys, buckets, below))
    if build_ways:
        positions, buckets = build_ways[0]
        probe_keys = tuple(sides.probe_keys[position] for position in positions)
        return replace(sides, probe=builder.exchange(probe, probe_keys, buckets, below))
    buckets = choose_buckets(max(probe.rows, build.rows), builder.settings)
    return replace(
        sides,
        probe=builder.exchange(probe, sides.probe_keys, buckets, below),
        build=builder.exchange(build, sides.build_keys, buckets, below),
    )


def _ways(fragment: Fragment, keys: tuple[Expression, ...]) -> list[tuple[tuple[int, ...], int]]:
    """(which of `keys`, in their order, buckets) for each way in which the fragment is partitioned by keys alone."""
    return [
        (tuple(keys.index(key) for key in each.keys), each.buckets)
        for each in fragment.partitioned
        if all(key in keys for key in each.keys)
    ]


def _partitioning(sides: _Sides, strategy: JoinStrategy, columns: tuple[Column, ...]) -> tuple[HashPartition, ...]:
    """How the join's rows lie in its tasks: as those of a side all of whose rows it keeps, or that have partners."""
    if strategy is JoinStrategy.ONE_TASK or sides.kind is JoinKind.FULL:
        return ()
    kept = () if sides.kind is JoinKind.RIGHT else sides.probe.partitioned
    if strategy is JoinStrategy.SHUFFLE and sides.kind in (JoinKind.INNER, JoinKind.RIGHT):
        kept += sides.build.partitioned
    delivered = frozenset(column.id for column in columns)
    return tuple(each for each in kept if all(columns_of(key) <= delivered for key in each.keys))
