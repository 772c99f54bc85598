"""Joins: which side builds, and whether the build side goes to every task or both sides are dealt out by key."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from sqlengine.planner.choices import (
    JoinStrategy,
    Side,
    choose_buckets,
    choose_join_strategy,
    should_build_left,
)
from sqlengine.planner.expressions import Column, Expression, columns_of
from sqlengine.planner.join_keys import split_conditions
from sqlengine.planner.logical import Join, JoinKind
from sqlengine.planner.physical import (
    ExchangeRead,
    Exec,
    Gather,
    HashJoinExec,
    HashPartition,
    NestedLoopJoinExec,
    ReadPieces,
)
from sqlengine.planner.stages import Fragment, Inputs, Lower, Needed, StageBuilder
from sqlengine.planner.statistics import row_bytes

_FLIPPED = {JoinKind.INNER: JoinKind.INNER, JoinKind.LEFT: JoinKind.RIGHT, JoinKind.RIGHT: JoinKind.LEFT}


@dataclass(frozen=True, slots=True)
class _Sides:
    """A join with its inputs placed: `kind` is seen from the probe side."""

    kind: JoinKind
    probe: Fragment
    build: Fragment
    probe_keys: tuple[Expression, ...]
    build_keys: tuple[Expression, ...]

    def flipped(self) -> _Sides:
        return _Sides(_FLIPPED[self.kind], self.build, self.probe, self.build_keys, self.probe_keys)


def lower_join(join: Join, needed: Needed, lower: Lower, builder: StageBuilder) -> Fragment:
    """A hash join if the condition has an equality between the sides, else a nested-loop join."""
    below = needed.union(*(columns_of(condition) for condition in join.conditions))
    left, right = lower(join.left, below), lower(join.right, below)
    left_ids = frozenset(column.id for column in join.left.columns)
    right_ids = frozenset(column.id for column in join.right.columns)
    keys, residual = split_conditions(join.conditions, left_ids, right_ids)
    sides = _Sides(join.kind, left, right, tuple(key.left for key in keys), tuple(key.right for key in keys))
    if should_build_left(join.kind, _side(left, below), _side(right, below)):
        sides = sides.flipped()
    strategy, reason = choose_join_strategy(
        sides.kind, _side(sides.probe, below), _side(sides.build, below), bool(keys), builder.settings
    )
    if (
        strategy is JoinStrategy.SHUFFLE
        and sides.kind in (JoinKind.LEFT, JoinKind.RIGHT)
        and sides.probe.rows < sides.build.rows
    ):
        # Once both sides are dealt out by key, either may build.
        sides = sides.flipped()
    columns = tuple(column for column in join.columns if column.id in needed)
    null_equal = tuple(key.null_equal for key in keys)
    placed, tasks = _place(strategy, sides, below, builder)
    root: Exec
    if keys:
        root = HashJoinExec(
            placed.probe.root,
            placed.build.root,
            placed.kind,
            placed.probe_keys,
            placed.build_keys,
            residual,
            columns,
            null_equal,
            _reason(strategy, reason),
        )
    else:
        root = NestedLoopJoinExec(
            placed.probe.root, placed.build.root, placed.kind, join.conditions, columns, _reason(strategy, reason)
        )
    return Fragment(root, tasks, builder.estimator.rows(join), _partitioning(placed, strategy, columns))


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
            stage = builder.close(sides.build, Gather(), below)
            leaf = builder.new_leaf()
            read = ExchangeRead(leaf, stage.id, stage.root.columns)
            build = Fragment(read, ({leaf: ReadPieces()},), sides.build.rows)
            tasks: list[Inputs] = [{**inputs, leaf: ReadPieces()} for inputs in sides.probe.tasks]
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
