"""Sorts and limits: each task sorts or cuts its own rows, one task merges what is left."""

from __future__ import annotations

from sqlengine.planner.choices import choose_buckets
from sqlengine.planner.expressions import columns_of
from sqlengine.planner.logical import Limit, Sort
from sqlengine.planner.physical import LimitExec, SortExec
from sqlengine.planner.stages import Fragment, Lower, Needed, StageBuilder


def lower_sort(sort: Sort, needed: Needed, lower: Lower, builder: StageBuilder) -> Fragment:
    """Sorted runs, one per task, merged by one task; with a limit each run is a top-k.

    The sort that `builder.ranged` names stays in several tasks: each sorts one range of the first key.
    """
    below = lower(sort.input, needed.union(*(columns_of(key.expression) for key in sort.keys)))
    rows = builder.estimator.rows(sort)
    if builder.ranged is not None and builder.ranged[0] is sort and not below.single:
        wanted = needed.union(*(columns_of(key.expression) for key in sort.keys))
        ranges = builder.exchange_ranges(below, builder.ranged[1], wanted)
        return ranges.over(SortExec(ranges.root, sort.keys), rows)
    kept = None if sort.limit is None else sort.limit + sort.offset
    runs = below.over(SortExec(below.root, sort.keys, kept), rows if below.single else below.rows)
    if kept is not None:
        runs = runs.over(runs.root, min(below.rows, float(kept * len(below.tasks))))
    merged = builder.gather(runs, needed, merge=sort.keys)
    if sort.offset or (kept is not None and not below.single):
        return merged.over(LimitExec(merged.root, sort.limit, sort.offset), rows)
    return merged


def lower_limit(limit: Limit, needed: Needed, lower: Lower, builder: StageBuilder) -> Fragment:
    """Each task stops after the rows that could matter; one task takes the first of them, in task order."""
    if limit.per:
        return _lower_limit_per(limit, needed, lower, builder)
    below = lower(limit.input, needed)
    if not below.single and limit.limit is not None:
        kept = limit.limit + limit.offset
        below = builder.gather(below.over(LimitExec(below.root, kept)), needed, limit=kept)
    else:
        below = builder.gather(below, needed)
    cut = LimitExec(below.root, limit.limit, limit.offset, limit.percent)
    return below.over(cut, builder.estimator.rows(limit))


def _lower_limit_per(limit: Limit, needed: Needed, lower: Lower, builder: StageBuilder) -> Fragment:
    """All rows that are counted together in one task, sorted there if they are to be."""
    per = limit.per
    needed |= {column.id for column in per}
    sort = (
        limit.input if isinstance(limit.input, Sort) and limit.input.limit is None and not limit.input.offset else None
    )
    if sort is None:
        below = lower(limit.input, needed)
    else:
        needed = needed.union(*(columns_of(key.expression) for key in sort.keys))
        below = lower(sort.input, needed)
    if not below.single and all(each.keys != per for each in below.partitioned):
        below = builder.exchange(below, per, choose_buckets(below.rows, builder.settings), needed)
    if sort is not None:
        below = below.over(SortExec(below.root, sort.keys))
    return below.over(LimitExec(below.root, limit.limit, limit.offset, per=per), builder.estimator.rows(limit))
