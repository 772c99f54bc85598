"""Lists made of lists: joined, sorted, cut, zipped, flattened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.errors import BindError, ConversionError, DataError
from sqlengine.functions.coercion import common_type
from sqlengine.functions.element_codes import ranks_of
from sqlengine.functions.list_signatures import ELEMENT, LIST, pattern
from sqlengine.functions.nested import Lists, aligned, list_vector, lists_of, struct_vector
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import Operand, Resolve, Signature, scalar
from sqlengine.functions.validity import any_null_constant, combined_valid, null_vector
from sqlengine.types import BIGINT, BOOLEAN, NULL, VARCHAR, SqlType, TypeKind, list_of, struct_of
from sqlengine.vector import Vector, concat_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Indices = NDArray[np.int64]


def _resolve_concat(name: str) -> Resolve:
    def resolve(operands: Sequence[Operand]) -> Signature:
        kinds = [operand.type.kind for operand in operands]
        if name == "list_||" and TypeKind.NULL in kinds:
            return Signature(tuple(operand.type for operand in operands), NULL)
        lists = [operand.type for operand in operands if operand.type.is_list]
        if any(not operand.type.is_list and operand.type.kind is not TypeKind.NULL for operand in operands):
            raise BindError(f"Cannot concatenate types {' and '.join(str(each.type) for each in operands)}: add a cast")
        if not lists:
            return Signature((NULL,) * len(operands), NULL)
        element = common_type([Operand(type_.element) for type_ in lists])
        if element is None:
            raise BindError(f"{describe_call(name, operands)}: these lists have no common type; add a cast")
        return Signature((list_of(element),) * len(operands), list_of(element))

    return resolve


def _joined(parts: Sequence[Lists], valid: Mask | None, result: SqlType, constant: bool) -> Vector:
    """The elements of all parts, row by row; none of a row that is not valid."""
    lengths = sum((part.lengths for part in parts), np.zeros(len(parts[0].lengths), np.int64))
    starts = np.cumsum(lengths) - lengths
    order = np.empty(int(lengths.sum()), np.int64)
    base = 0
    for part in parts:
        order[(starts[part.rows] + part.positions)] = base + np.arange(len(part.child))
        base += len(part.child)
        starts = starts + part.lengths
    child = concat_vectors([part.child for part in parts]).take(order)
    joined = list_vector(lengths, child, None, result, constant)
    return joined if valid is None else _with_nulls(joined, valid)


def _with_nulls(vector: Vector, valid: Mask) -> Vector:
    from sqlengine.functions.nested_casts import null_where

    return null_where(vector, ~valid)


@scalar(
    "list_concat",
    _resolve_concat("list_concat"),
    aliases=("list_cat", "array_concat", "array_cat"),
    example=("SELECT list_concat([1, 2], NULL, [3])", "[1, 2, 3]"),
    summary="The elements of several lists one after the other; NULL lists are skipped.",
    usage="list_concat(list, ...)",
)
def _concat(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if result.kind is TypeKind.NULL:
        return null_vector(NULL, arguments)
    columns, _, constant = aligned(arguments)
    parts = [lists_of(column) for column in columns]
    present = np.any([part.present for part in parts], axis=0)
    return _joined(parts, None if present.all() else present, result, constant)


@scalar(
    "list_||",
    _resolve_concat("list_||"),
    example=("SELECT [1, 2] || [3]", "[1, 2, 3]"),
    summary="The elements of both lists; NULL if one is NULL.",
    usage="list || list",
)
def _concat_operator(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if result.kind is TypeKind.NULL:
        return null_vector(NULL, arguments)
    columns, _, constant = aligned(arguments)
    parts = [lists_of(column) for column in columns]
    present = np.all([part.present for part in parts], axis=0)
    return _joined(parts, None if present.all() else present, result, constant)


def _of_one(vector: Vector) -> Lists:
    """Each value as a list of one."""
    return Lists(np.ones(len(vector), np.int64), Vector(vector.type, vector.encoded()), None)


def _resolve_repeat(operands: Sequence[Operand]) -> Signature:
    signature = pattern("repeat", (LIST, BIGINT), LIST)(operands)
    return replace(signature, result=NULL) if operands[1].type == NULL else signature


@scalar("__list_repeat", _resolve_repeat, summary="A list so many times.")
def _repeat(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """repeat(list, count); `repeat` of text is a function of its own."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    (whole, counts), _, constant = aligned(arguments)
    lists = lists_of(whole)
    present = counts.valid()
    times = np.maximum(counts.values(), 0)
    lengths = lists.lengths * (times if present is None else np.where(present, times, 0))
    within = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    order = np.repeat(lists.starts, lengths) + within % np.repeat(np.maximum(lists.lengths, 1), lengths)
    return list_vector(lengths, lists.child.take(order), combined_valid([whole, counts]), result, constant)


@scalar(
    "list_append",
    pattern("list_append", (LIST, ELEMENT), LIST),
    aliases=("array_append", "array_push_back"),
    example=("SELECT list_append([1, 2], 3)", "[1, 2, 3]"),
    summary="The list with one more element at its end.",
    usage="list_append(list, element)",
)
def _append(arguments: Sequence[Vector], result: SqlType) -> Vector:
    (whole, element), _, constant = aligned(arguments)
    return _joined([lists_of(whole), _of_one(element)], None, result, constant)


@scalar(
    "list_prepend",
    pattern("list_prepend", (ELEMENT, LIST), LIST),
    aliases=("array_prepend",),
    example=("SELECT list_prepend(0, [1, 2])", "[0, 1, 2]"),
    summary="The list with one more element before its first.",
    usage="list_prepend(element, list)",
)
def _prepend(arguments: Sequence[Vector], result: SqlType) -> Vector:
    (element, whole), _, constant = aligned(arguments)
    return _joined([_of_one(element), lists_of(whole)], None, result, constant)


scalar(
    "array_push_front",
    pattern("array_push_front", (LIST, ELEMENT), LIST),
    example=("SELECT array_push_front([1, 2], 0)", "[0, 1, 2]"),
    summary="The list with one more element before its first.",
    usage="array_push_front(list, element)",
)(lambda arguments, result: _prepend([arguments[1], arguments[0]], result))


def _picked(lists: Lists, order: Indices, lengths: Indices, result: SqlType, constant: bool) -> Vector:
    return list_vector(lengths, lists.child.take(order), lists.valid, result, constant)


@scalar(
    "list_reverse",
    pattern("list_reverse", (LIST,), LIST),
    aliases=("array_reverse",),
    example=("SELECT list_reverse([1, 2, 3])", "[3, 2, 1]"),
    summary="The elements from the last to the first.",
    usage="list_reverse(list)",
)
def _reverse(arguments: Sequence[Vector], result: SqlType) -> Vector:
    lists = lists_of(arguments[0])
    order = (lists.starts + lists.lengths - 1)[lists.rows] - lists.positions
    return _picked(lists, order, lists.lengths, result, arguments[0].constant)


def _pop(name: str, last: bool) -> None:
    @scalar(
        name,
        pattern(name, (LIST,), LIST),
        example=(f"SELECT {name}([1, 2, 3])", "[1, 2]" if last else "[2, 3]"),
        summary=f"The list without its {'last' if last else 'first'} element.",
        usage=f"{name}(list)",
    )
    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        lists = lists_of(arguments[0])
        dropped = lists.lengths[lists.rows] - 1 if last else np.zeros(len(lists.child), np.int64)
        return lists.kept(lists.positions != dropped, result, arguments[0].constant)


_pop("array_pop_back", last=True)
_pop("array_pop_front", last=False)


def _sorted_order(arguments: Sequence[Vector], descending: bool) -> tuple[Lists, Indices, bool]:
    (whole, *options), _, constant = aligned(arguments)
    texts = [{str(text).upper() for text in option.arrow().to_pylist()} for option in options]
    if any(len(text) > 1 for text in texts):
        raise DataError("the sort order of a list must be the same for all rows")
    words = [text.pop() if text else "" for text in texts]
    for word in words:
        if word not in ("ASC", "DESC", "NULLS FIRST", "NULLS LAST"):
            raise DataError(f"{word!r} is no sort order: ASC, DESC, NULLS FIRST or NULLS LAST")
    if "DESC" in words:
        descending = True
    first = "NULLS FIRST" in words
    lists = lists_of(whole)
    ranks = ranks_of(lists.child)
    valid = lists.child.valid()
    nulls = np.zeros(len(ranks), np.bool_)
    if valid is not None:
        nulls = valid if first else ~valid
        ranks = np.where(valid, ranks, 0)
    return lists, np.lexsort((~ranks if descending else ranks, nulls, lists.rows)), constant


def _sort(name: str, aliases: tuple[str, ...], descending: bool) -> None:
    @scalar(
        name,
        pattern(name, (LIST, VARCHAR, VARCHAR), LIST, optional=2),
        aliases=aliases,
        example=(f"SELECT {name}([3, NULL, 1])", "[3, 1, NULL]" if descending else "[1, 3, NULL]"),
        summary=f"The elements sorted{' from the greatest down' if descending else ''}, NULLs last.",
        usage=f"{name}(list{'' if descending else ', order'}[, nulls])",
    )
    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        lists, order, constant = _sorted_order(arguments, descending)
        return _picked(lists, order, lists.lengths, result, constant)


_sort("list_sort", ("array_sort",), descending=False)
_sort("list_reverse_sort", ("array_reverse_sort",), descending=True)


@scalar(
    "list_grade_up",
    pattern("list_grade_up", (LIST, VARCHAR, VARCHAR), list_of(BIGINT), optional=2),
    aliases=("array_grade_up", "grade_up"),
    example=("SELECT list_grade_up([30, 10, 20])", "[2, 3, 1]"),
    summary="The indices of the elements in their sorted order.",
    usage="list_grade_up(list[, order, nulls])",
)
def _grade_up(arguments: Sequence[Vector], result: SqlType) -> Vector:
    lists, order, constant = _sorted_order(arguments, descending=False)
    indices = Vector.from_values(lists.positions[order] + 1, None, BIGINT)
    return list_vector(lists.lengths, indices, lists.valid, result, constant)


@scalar(
    "list_resize",
    pattern("list_resize", (LIST, BIGINT, ELEMENT), LIST, optional=1),
    aliases=("array_resize",),
    example=("SELECT list_resize([1, 2], 3, 0)", "[1, 2, 0]"),
    summary="The list cut, or filled up with a value or NULL, to a length.",
    usage="list_resize(list, length[, value])",
)
def _resize(arguments: Sequence[Vector], result: SqlType) -> Vector:
    (whole, size, *rest), _, constant = aligned(arguments)
    lists = lists_of(whole)
    known = size.valid()
    wanted = size.values() if known is None else np.where(known, size.values(), 0)
    wanted = np.where(lists.present, wanted, 0)
    if (wanted < 0).any():
        raise ConversionError("list_resize: a list cannot have a negative length")
    rows = np.repeat(np.arange(len(wanted)), wanted)
    positions = np.arange(len(rows)) - np.repeat(np.cumsum(wanted) - wanted, wanted)
    inside = positions < lists.lengths[rows]
    places = np.where(inside, lists.starts[rows] + positions, -1)
    child = lists.child
    if rest:
        filler = Vector(rest[0].type, rest[0].encoded())
        places = np.where(inside, places, len(child) + rows)
        child = concat_vectors([child, filler])
    return list_vector(wanted, child.take(places, may_miss=True), lists.valid, result, constant)


def _no_nulls(vector: Vector) -> None:
    if vector.valid() is not None:
        raise DataError("NULLs are not allowed as list elements in the second input parameter.")


@scalar(
    "list_where",
    pattern("list_where", (LIST, list_of(BOOLEAN)), LIST),
    aliases=("array_where",),
    example=("SELECT list_where([10, 20, 30], [true, false, true])", "[10, 30]"),
    summary="The elements where a list of truths is true.",
    usage="list_where(list, truths)",
)
def _where(arguments: Sequence[Vector], result: SqlType) -> Vector:
    (whole, truths), _, constant = aligned(arguments)
    mask = lists_of(truths)
    _no_nulls(mask.child)
    chosen = np.flatnonzero(mask.child.values())
    return _chosen(lists_of(whole), mask, mask.rows[chosen], mask.positions[chosen], result, constant)


@scalar(
    "list_select",
    pattern("list_select", (LIST, list_of(BIGINT)), LIST),
    aliases=("array_select",),
    example=("SELECT list_select([10, 20, 30], [3, 1])", "[30, 10]"),
    summary="The elements at a list of indices from 1; NULL where there is none.",
    usage="list_select(list, indices)",
)
def _select(arguments: Sequence[Vector], result: SqlType) -> Vector:
    (whole, indices), _, constant = aligned(arguments)
    wanted = lists_of(indices)
    _no_nulls(wanted.child)
    words = wanted.child.values()
    lists = lists_of(whole)
    return _chosen(lists, wanted, wanted.rows, words - 1, result, constant)


def _chosen(lists: Lists, by: Lists, rows: Indices, places: Indices, result: SqlType, constant: bool) -> Vector:
    """The elements at `places` of `rows`, ascending; NULL where there is none."""
    present = lists.present & by.present
    rows, places = rows[present[rows]], places[present[rows]]
    hit = (places >= 0) & (places < lists.lengths[rows])
    child = lists.child.take(np.where(hit, lists.starts[rows] + places, -1), may_miss=True)
    lengths = np.bincount(rows, minlength=len(lists.lengths))
    return list_vector(lengths, child, None if present.all() else present, result, constant)


def _resolve_flatten(operands: Sequence[Operand]) -> Signature:
    if len(operands) == 1:
        type_ = operands[0].type
        if type_.kind is TypeKind.NULL or (type_.is_list and type_.element.kind is TypeKind.NULL):
            return Signature((type_,), NULL if type_.kind is TypeKind.NULL else list_of(NULL))
        if type_.is_list and type_.element.is_list:
            inner = list_of(type_.element.element)
            return Signature((list_of(inner),), inner)
    raise BindError(f"{describe_call('flatten', operands)} does not exist; flatten takes a list of lists")


@scalar(
    "flatten",
    _resolve_flatten,
    example=("SELECT flatten([[1], [2, 3]])", "[1, 2, 3]"),
    summary="The elements of the lists in a list; NULL lists are skipped.",
    usage="flatten(list)",
)
def _flatten(arguments: Sequence[Vector], result: SqlType) -> Vector:
    whole = arguments[0]
    if result.kind is TypeKind.NULL:
        return whole
    lists = lists_of(whole)
    if not lists.child.type.is_list:
        empty = np.zeros(len(lists.lengths), np.int64)
        return list_vector(empty, lists.child.slice(0, 0), lists.valid, result, whole.constant)
    inner = lists_of(lists.child)
    lengths = np.bincount(lists.rows, weights=inner.lengths, minlength=len(lists.lengths)).astype(np.int64)
    return list_vector(lengths, inner.child, lists.valid, result, whole.constant)


def _resolve_zip(operands: Sequence[Operand]) -> Signature:
    types = [operand.type for operand in operands]
    truncate = bool(types) and types[-1].kind is TypeKind.BOOLEAN
    lists = types[:-1] if truncate else types
    if not lists or not all(type_.is_list or type_.kind is TypeKind.NULL for type_ in lists):
        raise BindError(f"{describe_call('list_zip', operands)} does not exist; it takes lists")
    wanted = [list_of(type_.element if type_.is_list else NULL) for type_ in lists]
    row = struct_of(("", type_.element) for type_ in wanted)
    return Signature((*wanted, *types[len(lists) :]), list_of(row))


@scalar(
    "list_zip",
    _resolve_zip,
    aliases=("array_zip",),
    example=("SELECT list_zip([1, 2], ['a', 'b'])", "[(1, a), (2, b)]"),
    summary="Rows of the elements of several lists; as long as the longest, or as the shortest if true is given.",
    usage="list_zip(list, ...[, truncate])",
)
def _zip(arguments: Sequence[Vector], result: SqlType) -> Vector:
    columns, length, constant = aligned(arguments)
    count = len(result.element.children)
    parts = [lists_of(column) for column in columns[:count]]
    sizes = np.max([part.lengths for part in parts], axis=0)
    if len(columns) > count:
        sizes = np.where(columns[count].values(), np.min([part.lengths for part in parts], axis=0), sizes)
    rows = np.repeat(np.arange(length), sizes)
    positions = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    fields = []
    for part in parts:
        inside = positions < part.lengths[rows]
        fields.append(part.child.take(np.where(inside, part.starts[rows] + positions, -1), may_miss=True))
    child = struct_vector(fields, None, result.element, len(rows), False)
    return list_vector(sizes, child, None, result, constant)
