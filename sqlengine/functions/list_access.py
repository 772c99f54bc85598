"""Parts of lists and texts: subscripts `l[i]` and slices `l[a:b:step]`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from sqlengine.errors import BindError, DataError
from sqlengine.functions.nested import aligned, list_vector, lists_of
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import Operand, Signature, find_scalar, scalar
from sqlengine.functions.validity import combined_valid
from sqlengine.types import BIGINT, NULL, VARCHAR, SqlType, TypeKind, list_of
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Indices = NDArray[np.int64]

# A bound that was left out: `l[2:]`. No list is that long.
OPEN: Final = -(2**63)


def _resolve_extract(operands: Sequence[Operand]) -> Signature:
    if len(operands) == 2:
        whole, index = operands
        if TypeKind.NULL in (whole.type.kind, index.type.kind):
            return Signature((whole.type, index.type), NULL)
        if index.type.is_integer or isinstance(index.literal, str):
            if whole.type.is_list:
                return Signature((list_of(whole.type.element), BIGINT), whole.type.element)
            if whole.type.kind is TypeKind.VARCHAR:
                return Signature((VARCHAR, BIGINT), VARCHAR)
    raise BindError(f"{describe_call('array_extract', operands)}: it takes a list or a text, and a whole number")


@scalar(
    "list_extract",
    _resolve_extract,
    aliases=("list_element", "array_extract"),
    example=("SELECT list_extract([10, 20, 30], -1)", "30"),
    summary="The element of a list, or character of a text, at an index from 1; from the end if negative.",
    usage="list_extract(list, index)",
)
def _list_extract(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if result.kind is TypeKind.NULL:
        return Vector.from_literal(None, NULL)
    (whole, index), _, constant = aligned(arguments)
    if whole.type.kind is TypeKind.VARCHAR:
        return _substring([whole, index, Vector.from_literal(1, BIGINT)], constant)
    lists = lists_of(whole)
    wanted = index.values()
    place = np.where(wanted > 0, wanted - 1, lists.lengths + wanted)
    hit = (place >= 0) & (place < lists.lengths) & (wanted != 0)
    valid = index.valid()
    if valid is not None:
        hit &= valid
    taken = lists.child.take(np.where(hit, lists.starts + place, -1), may_miss=True)
    return Vector(result, taken.encoded(), constant=True) if constant else taken


def _substring(arguments: Sequence[Vector], constant: bool) -> Vector:
    function = find_scalar("substring")
    assert function is not None
    found = function.run(arguments, VARCHAR)
    return Vector(VARCHAR, found.arrow(), constant=constant)


def _resolve_slice(operands: Sequence[Operand]) -> Signature:
    if len(operands) in (3, 4):
        whole = operands[0].type
        bounds = (BIGINT,) * (len(operands) - 1)
        if all(each.type.is_integer or each.is_literal or each.type.kind is TypeKind.NULL for each in operands[1:]):
            if whole.is_list:
                return Signature((list_of(whole.element), *bounds), list_of(whole.element))
            if whole.kind is TypeKind.NULL:
                return Signature((NULL, *bounds), NULL)
            if whole.kind is TypeKind.VARCHAR:
                if len(operands) == 4:
                    raise BindError("a slice of a text has no step")
                return Signature((VARCHAR, *bounds), VARCHAR)
    raise BindError(
        f"{describe_call('array_slice', operands)}: it takes a list or a text, the first and the last index and, "
        "for a list, a step"
    )


@scalar(
    "array_slice",
    _resolve_slice,
    aliases=("list_slice",),
    example=("SELECT array_slice([1, 2, 3, 4], 2, -1)", "[2, 3, 4]"),
    summary="The elements from one index to another, both inclusive, from the end if negative; of a text, characters.",
    usage="array_slice(list, begin, end[, step])",
)
def _slice(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """NULL where an argument is; with a step backwards the greater index stands first, as in `l[3:1:-1]`."""
    (whole, *bounds), length, constant = aligned(arguments)
    if result.kind is TypeKind.NULL:
        return whole
    step = bounds[2].values() if len(bounds) == 3 else np.ones(length, np.int64)
    valid = combined_valid([whole, *bounds])
    if (step == 0).any() and (valid is None or (valid & (step == 0)).any()):
        raise DataError("Slice step cannot be zero")
    if whole.type.kind is TypeKind.VARCHAR:
        return _slice_text(whole, bounds[0], bounds[1], valid, constant)
    lists = lists_of(whole)
    begin, end = bounds[0].values(), bounds[1].values()
    backwards = (step < 0) & (begin != OPEN) & (end != OPEN)
    first, last = _range(np.where(backwards, end, begin), np.where(backwards, begin, end), lists.lengths)
    size = last - first if valid is None else np.where(valid, last - first, 0)
    count = -(-size // np.abs(step))
    rows = np.repeat(np.arange(length), count)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    origin = np.where(step > 0, first, last - 1)
    child = lists.child.take((lists.starts + origin)[rows] + within * step[rows])
    return list_vector(count, child, valid, result, constant)


def _range(begin: Indices, end: Indices, lengths: Indices) -> tuple[Indices, Indices]:
    """First (from 0) and past-last place of a slice, within the lengths."""
    first = np.where(begin > 0, begin - 1, np.where(begin == OPEN, 0, np.where(begin < 0, begin + lengths, 0)))
    last = np.where(end == OPEN, lengths, np.where(end < 0, end + lengths + 1, end))
    first = np.clip(first, 0, lengths)
    return first, np.clip(last, first, lengths)


def _slice_text(text: Vector, begin: Vector, end: Vector, valid: Mask | None, constant: bool) -> Vector:
    import pyarrow.compute as pc

    lengths = Vector.from_arrow(pc.utf8_length(text.arrow()), BIGINT).values()
    first, last = _range(begin.values(), end.values(), lengths)
    parts = [text, *(Vector.from_values(words, valid, BIGINT) for words in (first + 1, last - first))]
    return _substring(parts, constant)
