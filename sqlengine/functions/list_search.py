"""Lists as sets: what they contain, where, what they share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.functions.element_codes import codes_of, first_seen
from sqlengine.functions.list_signatures import ELEMENT, LIST, pattern
from sqlengine.functions.nested import Lists, aligned, list_vector, lists_of
from sqlengine.functions.registry import scalar
from sqlengine.functions.validity import combined_valid
from sqlengine.types import BIGINT, BOOLEAN, INTEGER, UBIGINT, SqlType
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Indices = NDArray[np.int64]


@scalar(
    "list_contains",
    pattern("list_contains", (LIST, ELEMENT), BOOLEAN),
    aliases=("array_contains", "list_has", "array_has"),
    example=("SELECT list_contains([1, 2, NULL], 2)", "true"),
    summary="Whether a list has an element.",
    usage="list_contains(list, element)",
)
def _contains(arguments: Sequence[Vector], result: SqlType) -> Vector:
    lists, matches, constant = _matches(arguments)
    found = np.zeros(len(lists.lengths), np.bool_)
    found[lists.rows[matches]] = True
    return Vector.from_values(found, _as_long(combined_valid(arguments), len(found)), BOOLEAN, constant)


@scalar(
    "list_position",
    pattern("list_position", (LIST, ELEMENT), INTEGER),
    aliases=("array_position", "list_indexof", "array_indexof"),
    example=("SELECT list_position([10, 20, 30], 20)", "2"),
    summary="The index of the first such element, from 1; NULL if there is none. NULL finds NULL.",
    usage="list_position(list, element)",
)
def _position(arguments: Sequence[Vector], result: SqlType) -> Vector:
    lists, matches, constant = _matches(arguments)
    places = np.flatnonzero(matches)
    rows, first = np.unique(lists.rows[places], return_index=True)
    found = np.zeros(len(lists.lengths), np.int32)
    found[rows] = lists.positions[places[first]] + 1
    return Vector.from_values(found, found > 0, INTEGER, constant)


def _matches(arguments: Sequence[Vector]) -> tuple[Lists, Mask, bool]:
    (whole, wanted), _, constant = aligned(arguments)
    lists = lists_of(whole)
    codes, sought = codes_of([lists.child, wanted])
    return lists, codes == sought[lists.rows], constant


def _as_long(valid: Mask | None, length: int) -> Mask | None:
    return None if valid is None else np.array(np.broadcast_to(valid, length))


@scalar(
    "list_distinct",
    pattern("list_distinct", (LIST,), LIST),
    aliases=("array_distinct",),
    example=("SELECT list_distinct([1, 1, NULL])", "[1]"),
    summary="The different elements, each where it stood first; NULLs are left out.",
    usage="list_distinct(list)",
)
def _distinct(arguments: Sequence[Vector], result: SqlType) -> Vector:
    lists = lists_of(arguments[0])
    return lists.kept(_first_of_each(lists), result, arguments[0].constant)


@scalar(
    "list_unique",
    pattern("list_unique", (LIST,), UBIGINT),
    aliases=("array_unique",),
    example=("SELECT list_unique([1, 1, NULL, 2])", "2"),
    summary="The number of different elements; NULLs do not count.",
    usage="list_unique(list)",
)
def _unique(arguments: Sequence[Vector], result: SqlType) -> Vector:
    lists = lists_of(arguments[0])
    counts = np.bincount(lists.rows[_first_of_each(lists)], minlength=len(lists.lengths)).astype(np.uint64)
    return Vector.from_values(counts, lists.valid, UBIGINT, arguments[0].constant)


def _first_of_each(lists: Lists) -> Mask:
    (codes,) = codes_of([lists.child])
    return first_seen(lists.rows, codes) & (codes >= 0)


def _shared(arguments: Sequence[Vector]) -> tuple[Lists, Lists, Indices, Indices, bool]:
    """(lists, others, …): pairs of row and element of both sides as one number each, -1 for NULL elements."""
    (left, right), _, constant = aligned(arguments)
    lists, others = lists_of(left), lists_of(right)
    codes, other_codes = codes_of([lists.child, others.child])
    width = int(max(codes.max(initial=0), other_codes.max(initial=0))) + 1
    pairs, other_pairs = (
        np.where(code < 0, -1, side.rows * width + code) for side, code in ((lists, codes), (others, other_codes))
    )
    return lists, others, pairs, other_pairs, constant


@scalar(
    "list_has_any",
    pattern("list_has_any", (LIST, LIST), BOOLEAN),
    aliases=("array_has_any", "&&"),
    example=("SELECT list_has_any([1, 2], [2, 3])", "true"),
    summary="Whether two lists share an element; NULLs do not count.",
    usage="list_has_any(list, list)",
)
def _has_any(arguments: Sequence[Vector], result: SqlType) -> Vector:
    lists, _, pairs, other_pairs, constant = _shared(arguments)
    shared = np.isin(pairs, other_pairs) & (pairs >= 0)
    found = np.zeros(len(lists.lengths), np.bool_)
    found[lists.rows[shared]] = True
    return Vector.from_values(found, _as_long(combined_valid(arguments), len(found)), BOOLEAN, constant)


@scalar(
    "list_has_all",
    pattern("list_has_all", (LIST, LIST), BOOLEAN),
    aliases=("array_has_all", "@>"),
    example=("SELECT list_has_all([1, 2, 3], [2, 3])", "true"),
    summary="Whether the first list has every element of the second; NULLs do not count.",
    usage="list_has_all(list, list)",
)
def _has_all(arguments: Sequence[Vector], result: SqlType) -> Vector:
    _, others, pairs, other_pairs, constant = _shared(arguments)
    missing = ~np.isin(other_pairs, pairs) & (other_pairs >= 0)
    found = np.ones(len(others.lengths), np.bool_)
    found[others.rows[missing]] = False
    return Vector.from_values(found, _as_long(combined_valid(arguments), len(found)), BOOLEAN, constant)


scalar(
    "<@",
    pattern("<@", (LIST, LIST), BOOLEAN),
    example=("SELECT [1] <@ [1, 2]", "true"),
    summary="Whether the second list has every element of the first.",
    usage="list <@ list",
)(lambda arguments, result: _has_all([arguments[1], arguments[0]], result))


@scalar(
    "list_intersect",
    pattern("list_intersect", (LIST, LIST), LIST),
    aliases=("array_intersect",),
    example=("SELECT list_intersect([1, 2, 2], [2, 3])", "[2]"),
    summary="The different elements that two lists share, in the order of the second; NULLs are left out.",
    usage="list_intersect(list, list)",
)
def _intersect(arguments: Sequence[Vector], result: SqlType) -> Vector:
    lists, others, pairs, other_pairs, constant = _shared(arguments)
    kept = np.isin(other_pairs, pairs) & (other_pairs >= 0) & _first_of_each(others)
    valid = None if lists.valid is None and others.valid is None else lists.present & others.present
    lengths = np.bincount(others.rows[kept], minlength=len(lists.lengths))
    child = others.child.take(np.flatnonzero(kept))
    return list_vector(lengths, child, valid, result, constant)


@scalar(
    "array_length",
    pattern("array_length", (LIST, BIGINT), BIGINT, optional=1),
    aliases=("list_length",),
    example=("SELECT array_length([1, 2, 3])", "3"),
    summary="The number of elements.",
    usage="array_length(list)",
)
def _length(arguments: Sequence[Vector], result: SqlType) -> Vector:
    from sqlengine.errors import NotSupportedError

    lists = lists_of(arguments[0])
    if len(arguments) == 2 and (arguments[1].values() != 1).any():
        raise NotSupportedError("array_length for lists with dimensions other than 1 is not supported")
    return Vector.from_values(lists.lengths, lists.valid, BIGINT, arguments[0].constant)
