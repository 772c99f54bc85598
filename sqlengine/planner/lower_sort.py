"""Sorts and limits: each task sorts or cuts its own rows, one task merges what is left."""

from __future__ import annotations

from sqlengine.planner.expressions import columns_of
from sqlengine.planner.logical import Limit, Sort
from sqlengine.planner.physical import LimitExec, SortExec
from sqlengine.planner.stages import Fragment, Lower, Needed, StageBuilder


def lower_sort(sort: Sort, needed: Needed, lower: Lower, builder: StageBuilder) -> Fragment:
    """Sorted runs, one per task, merged by one task; with a limit each run is a top-k."""
    below = lower(sort.input, needed.union(*(columns_of(key.expression) for key in sort.keys)))
    rows = builder.estimator.rows(sort)
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
    below = lower(limit.input, needed)
    if not below.single and limit.limit is not None:
        kept = limit.limit + limit.offset
        below = builder.gather(below.over(LimitExec(below.root, kept)), needed, limit=kept)
    else:
        below = builder.gather(below, needed)
    cut = LimitExec(below.root, limit.limit, limit.offset, limit.percent)
    return below.over(cut, builder.estimator.rows(limit))
