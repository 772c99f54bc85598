"""Running lambdas: the body once over all elements of a batch, laid end to end, its captured columns repeated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.batch import Batch
from sqlengine.errors import DataError
from sqlengine.functions.casts import cast
from sqlengine.functions.nested import Lists, aligned, empty_vector, list_vector, lists_of
from sqlengine.types import BIGINT
from sqlengine.vector import Vector, concat_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sqlengine.planner.expressions import LambdaCall

    Indices = NDArray[np.int64]

Body = Callable[[Batch], Vector]


def run_lambda(call: LambdaCall, arguments: Sequence[Vector], captured: Sequence[Vector], body: Body) -> Vector:
    """The value of `call`.

    Parameters
    ----------
    arguments, captured
        Values of the call's arguments and captures, constants included.
    body
        Evaluates `call.body` over a batch with the columns of its parameters and captures.
    """
    everything, _, constant = aligned([*arguments, *captured])
    arguments, captured = everything[: len(arguments)], everything[len(arguments) :]
    lists = lists_of(arguments[0])
    outer = {inner.id: vector for (inner, _), vector in zip(call.captures, captured, strict=True)}
    if call.function == "list_reduce":
        initial = arguments[1] if len(arguments) > 1 else None
        return _reduce(call, lists, initial, outer, body, constant)
    result = _over(call, [lists.child, _numbered(lists.positions)], outer, lists.rows, body)
    if call.function == "list_filter":
        mask = result.values()
        valid = result.valid()
        return lists.kept(mask if valid is None else mask & valid, call.type, constant)
    return list_vector(lists.lengths, result, lists.valid, call.type, constant)


def _over(call: LambdaCall, values: Sequence[Vector], outer: dict[int, Vector], rows: Indices, body: Body) -> Vector:
    """The body over rows of parameter values; row k belongs to row `rows[k]` of the captured columns."""
    if len(rows) == 0:
        return empty_vector(call.body.type)
    columns = {
        parameter.id: Vector(vector.type, vector.encoded())
        for parameter, vector in zip(call.parameters, values, strict=False)
    }
    for column_id, vector in outer.items():
        columns[column_id] = Vector(vector.type, vector.expand(1).encoded()).take(rows)
    return body(Batch(len(rows), columns)).expand(len(rows))


def _numbered(positions: Indices) -> Vector:
    return Vector.from_values(positions + 1, None, BIGINT)


def _reduce(
    call: LambdaCall, lists: Lists, initial: Vector | None, outer: dict[int, Vector], body: Body, constant: bool
) -> Vector:
    """Element by element, each step over all rows that have one."""
    first = 0 if initial is not None else 1
    if initial is not None:
        state = Vector(call.type, initial.encoded())
        if lists.valid is not None:
            state = state.take(np.where(lists.valid, np.arange(len(lists.lengths)), -1), may_miss=True)
    else:
        if (lists.lengths == 0)[lists.present].any():
            raise DataError("Cannot perform list_reduce on an empty input list")
        state = cast(lists.child, call.type).take(np.where(lists.present, lists.starts, -1), may_miss=True)
    for step in range(first, int(lists.lengths.max(initial=0))):
        active = np.flatnonzero(lists.lengths > step)
        element = lists.child.take(lists.starts[active] + step)
        number = _numbered(np.full(len(active), step))
        made = _over(call, [state.take(active), element, number], outer, active, body)
        places = np.arange(len(lists.lengths))
        places[active] = len(places) + np.arange(len(active))
        state = concat_vectors([state, Vector(call.type, made.encoded())]).take(places)
    return Vector(call.type, state.encoded(), constant=True) if constant else state
