"""Aggregates over the elements of lists: each list is a group, its elements are the group's rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sqlengine.errors import InternalError
from sqlengine.executor.whole import aggregate_rows
from sqlengine.functions.grouped_rows import GroupedRows
from sqlengine.functions.nested import aligned, lists_of
from sqlengine.functions.nested_casts import null_where
from sqlengine.functions.registry import find_aggregate
from sqlengine.types import SqlType
from sqlengine.vector import Vector


def run_list_aggregate(name: str, arguments: Sequence[Vector], result: SqlType) -> Vector:
    """One value a list, NULL for NULL.

    Parameters
    ----------
    name
        Of the aggregate.
    arguments
        The lists, and the aggregate's further arguments, one value a list.
    """
    function = find_aggregate(name)
    if function is None:
        raise InternalError(f"the plan calls an aggregate {name!r} that is not registered")
    (whole, *rest), length, constant = aligned(arguments)
    lists = lists_of(whole)
    starts = np.append(lists.starts, len(lists.child)).astype(np.int64)
    columns = [lists.child, *(Vector(each.type, each.encoded()).take(lists.rows) for each in rest)]
    values = aggregate_rows(function, GroupedRows(starts, tuple(columns)), result).expand(length)
    if lists.valid is not None:
        values = null_where(values, ~lists.valid)
    return Vector(result, values.encoded(), constant=constant)
