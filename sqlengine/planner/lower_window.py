"""Windows: the rows of a partition meet in one task, which computes all calls of the node."""

from __future__ import annotations

from typing import assert_never

from sqlengine.planner.choices import WindowStrategy, choose_buckets, choose_window_strategy
from sqlengine.planner.expressions import columns_of
from sqlengine.planner.logical import Window, expressions_of
from sqlengine.planner.physical import WindowExec
from sqlengine.planner.stages import Fragment, Lower, Needed, StageBuilder


def lower_window(node: Window, needed: Needed, lower: Lower, builder: StageBuilder) -> Fragment:
    """The calls over rows that are partitioned as the node wants it, or made so by an exchange."""
    inputs = needed.union(*(columns_of(expression) for expression in expressions_of(node)))
    below = lower(node.input, inputs)
    strategy, reason = choose_window_strategy(
        tasks=len(below.tasks),
        has_keys=bool(node.partition),
        partitioned=any(set(each.keys) <= set(node.partition) for each in below.partitioned),
    )
    if node.first is not None and strategy is not WindowStrategy.IN_PLACE:
        early = WindowExec(below.root, node.partition, node.order, (), (), node.first, "before the exchange")
        below = below.over(early, min(below.rows, builder.estimator.rows(node)))
    match strategy:
        case WindowStrategy.IN_PLACE:
            rows = below
        case WindowStrategy.GATHER:
            rows = builder.gather(below, inputs)
        case WindowStrategy.HASH:
            rows = builder.exchange(below, node.partition, choose_buckets(below.rows, builder.settings), inputs)
        case _:
            assert_never(strategy)
    done = WindowExec(rows.root, node.partition, node.order, node.call_columns, node.calls, node.first, reason)
    return rows.over(done)
