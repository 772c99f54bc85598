"""Lists of numbers as vectors: distances, products, angles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sqlengine.errors import BindError, DataError
from sqlengine.functions.list_signatures import vectors_of_numbers
from sqlengine.functions.nested import Lists, aligned, list_vector, lists_of
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import Operand, Signature, scalar
from sqlengine.types import DOUBLE, FLOAT, SqlType, TypeKind, array_of, words_dtype
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

Sums = Callable[["Numbers"], "Numbers"]


def _register(names: Sequence[str], summary: str, compute: Callable[[Numbers, Numbers, Sums], Any], shown: str) -> None:
    for prefix in ("list_", "array_"):
        _register_one(prefix, names, summary, compute, shown)


def _register_one(
    prefix: str, names: Sequence[str], summary: str, compute: Callable[[Numbers, Numbers, Sums], Any], shown: str
) -> None:
    name, *others = [prefix + each for each in names]
    kind = "DOUBLE[]" if prefix == "list_" else "DOUBLE[2]"

    @scalar(
        name,
        vectors_of_numbers(name),
        aliases=others,
        example=(f"SELECT {name}([1, 2]::{kind}, [3, 4]::{kind})", shown),
        summary=summary,
        usage=f"{name}(numbers, numbers)",
    )
    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        (left, right), _, constant = aligned(arguments)
        a, b = _both(name, lists_of(left), lists_of(right))
        x, y = (side.child.values().astype(np.float64) for side in (a, b))
        values = compute(x, y, lambda terms: _sums(a, terms))
        valid = None if a.valid is None else a.present
        return Vector.from_values(np.asarray(values, words_dtype(result)), valid, result, constant)


def _sums(lists: Lists, terms: Numbers) -> Numbers:
    """The sum of the terms of each row."""
    sums: Numbers = np.bincount(lists.rows, weights=terms, minlength=len(lists.lengths)).astype(np.float64)
    return sums


def _both(name: str, left: Lists, right: Lists) -> tuple[Lists, Lists]:
    """Both sides, NULL where one is; DataError for lengths that differ and for NULL elements."""
    present = left.present & right.present
    unequal = present & (left.lengths != right.lengths)
    if unequal.any():
        row = int(np.flatnonzero(unequal)[0])
        raise DataError(
            f"{name}: list dimensions must be equal, got left length '{left.lengths[row]}' and right length "
            f"'{right.lengths[row]}'"
        )
    sides = []
    for word, side in (("left", left), ("right", right)):
        kept = np.flatnonzero(present[side.rows])
        child = side.child.take(kept)
        if child.valid() is not None:
            raise DataError(f"{name}: {word} argument can not contain NULL values")
        lengths = np.where(present, side.lengths, 0)
        sides.append(Lists(lengths, child, None if present.all() else present))
    return sides[0], sides[1]


def _cosine(x: Numbers, y: Numbers, sums: Sums) -> Any:
    with np.errstate(all="ignore"):
        return np.clip(sums(x * y) / np.sqrt(sums(x * x) * sums(y * y)), -1.0, 1.0)


_register(
    ("distance",), "The Euclidean distance.", lambda x, y, sums: np.sqrt(sums((x - y) ** 2)), "2.8284271247461903"
)
_register(
    ("inner_product", "dot_product"), "The sum of the products of elements.", lambda x, y, sums: sums(x * y), "11.0"
)
_register(
    ("negative_inner_product", "negative_dot_product"),
    "The inner product with its sign changed.",
    lambda x, y, sums: -sums(x * y),
    "-11.0",
)
_register(("cosine_similarity",), "The cosine of the angle between the vectors.", _cosine, "0.9838699100999074")
_register(
    ("cosine_distance",),
    "One minus the cosine of the angle.",
    lambda x, y, sums: 1 - _cosine(x, y, sums),
    "0.01613008990009257",
)


def _resolve_cross(operands: Sequence[Operand]) -> Signature:
    types = [operand.type for operand in operands]
    if len(types) == 2 and all(type_.kind is TypeKind.ARRAY and type_.size == 3 for type_ in types):
        kinds = {type_.element.kind for type_ in types}
        if kinds <= {TypeKind.FLOAT, TypeKind.DOUBLE}:
            result = array_of(FLOAT if kinds == {TypeKind.FLOAT} else DOUBLE, 3)
            return Signature((result, result), result)
    raise BindError(f"{describe_call('array_cross_product', operands)}: it takes two arrays of 3 FLOAT or DOUBLE")


@scalar(
    "array_cross_product",
    _resolve_cross,
    example=("SELECT array_cross_product([1, 2, 3]::DOUBLE[3], [4, 5, 6]::DOUBLE[3])", "[-3.0, 6.0, -3.0]"),
    summary="The cross product of two arrays of three numbers.",
    usage="array_cross_product(numbers, numbers)",
)
def _cross(arguments: Sequence[Vector], result: SqlType) -> Vector:
    (left, right), _, constant = aligned(arguments)
    a, b = _both("array_cross_product", lists_of(left), lists_of(right))
    x, y = (side.child.values().reshape(-1, 3) for side in (a, b))
    child = Vector.from_values(np.ascontiguousarray(np.cross(x, y).ravel()), None, result.element)
    return list_vector(a.lengths, child, a.valid, result, constant)
