"""One aggregate over rows at hand: the way for whatever has all rows of its groups.

`aggregate_rows` computes any aggregate function, holistic or made of states, over rows that lie group by group.
`collect_rows` brings rows that come batch by batch, each with its group, into that form. The operator for
GROUP BY uses both for holistic aggregates and for ORDER BY inside a call; a window uses the first over its frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.executor.accumulators.make import make_accumulator
from sqlengine.executor.sort_keys import encode_sort_keys
from sqlengine.functions.grouped_rows import GroupedRows
from sqlengine.functions.registry import AggregateFunction, Operand, Rows
from sqlengine.kernels.partitioning import group_rows
from sqlengine.kernels.sorting import sort_rows
from sqlengine.types import SqlType
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]


def aggregate_rows(function: AggregateFunction, rows: GroupedRows, result: SqlType) -> Vector:
    """The aggregate of each group of rows, in the order the rows are in.

    Parameters
    ----------
    function
        The function, resolved here from the types of the arguments, which are cast already.
    rows
        What passed FILTER and DISTINCT.
    result
        The type of the call.

    Returns
    -------
    values
        One for each group; for a group without rows the function's value for no rows.
    """
    signature = function.resolve([Operand(argument.type) for argument in rows.arguments])
    if signature.rows is not None:
        return signature.rows.compute(_arranged(rows, signature.rows), result)
    groups = rows.groups()
    states = []
    for state in signature.states:
        accumulator = make_accumulator(state.op, state.type)
        arguments = [rows.arguments[number] for number in state.arguments]
        accumulator.update(groups, rows.group_count, arguments, rows.row_count)
        states.append(accumulator.result(rows.group_count))
    return function.finalize(states, result)


def collect_rows(
    groups: Words,
    group_count: int,
    arguments: Sequence[Vector],
    keys: Sequence[Vector] = (),
    descending: Sequence[bool] = (),
    nulls_first: Sequence[bool] = (),
) -> GroupedRows:
    """Rows group by group, each group in the order of the sort keys; equal rows in the order of the input.

    Parameters
    ----------
    groups
        int64[n], negative to leave a row out.
    arguments, keys
        Vectors of n rows or constants.
    """
    order: Words | None = None
    chosen = groups
    if keys:
        order = sort_rows(encode_sort_keys(keys, descending, nulls_first, len(groups)))
        chosen = groups.take(order)
    if group_count == 1 and (not len(chosen) or chosen.min() >= 0):
        picked, starts = order, np.array([0, len(groups)])
    else:
        picked, starts, _ = group_rows(chosen, group_count)
        picked = picked if order is None else order.take(picked)
    if picked is None:
        return GroupedRows(starts, tuple(arguments))
    return GroupedRows(starts, tuple(argument.take(picked) for argument in arguments))


def _arranged(rows: GroupedRows, wanted: Rows) -> GroupedRows:
    """The rows as a holistic aggregate wants them."""
    keep = np.ones(rows.row_count, np.bool_)
    for number in wanted.skip_nulls:
        valid = rows.arguments[number].valid()
        if valid is not None:
            keep &= valid
    rows = rows.kept(keep)
    if wanted.sorted_by is None:
        return rows
    key = rows.arguments[wanted.sorted_by].expand(rows.row_count)
    groups = rows.groups()
    words = encode_sort_keys([key], [wanted.descending], [False], rows.row_count)
    order = sort_rows([groups.view(np.uint64), *words])
    fresh = np.zeros(rows.row_count, np.bool_)
    fresh[rows.starts[:-1][rows.lengths > 0]] = True
    for word in words:
        moved = word.take(order)
        fresh[1:] |= moved[1:] != moved[:-1]
    return GroupedRows(rows.starts, tuple(argument.take(order) for argument in rows.arguments), fresh, order)
