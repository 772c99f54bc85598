"""Casts to and from JSON, which lies in memory as its text. To JSON by columns; from JSON one document at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import ConversionError
from sqlengine.functions.encoded import map_values
from sqlengine.functions.json_tree import dump, each_text, float_text, is_valid, parse, quote
from sqlengine.functions.nested import fields_of, list_vector, lists_of, struct_vector
from sqlengine.functions.nested_casts import CastFunction
from sqlengine.functions.validity import null_vector
from sqlengine.types import FLOAT, JSON, VARCHAR, SqlType, TypeKind, entries_of, list_of
from sqlengine.vector import Vector

if TYPE_CHECKING:
    import pyarrow as pa


# Half a step beyond the largest FLOAT, from which on numbers are rounded to infinity.
_MOST_FLOAT: Final = (2 - 2**-24) * 2.0**127


def cast_json(vector: Vector, target: SqlType, attempt: bool, cast: CastFunction) -> Vector:
    """A cast one side of which is JSON.

    A VARCHAR becomes the document it is, JSON becomes its text; all else is converted, member by member.

    Raises
    ------
    ConversionError
        The text is not JSON, or the document does not fit; NULL with `attempt`.
    """
    if vector.type.kind is TypeKind.VARCHAR:
        return map_values(vector, JSON, lambda array: _checked(array, attempt))
    if target.kind is TypeKind.VARCHAR:
        return Vector(VARCHAR, vector.arrow(), constant=vector.constant)
    if target.kind is TypeKind.JSON:
        return to_json(vector, cast)
    trees = each_text(vector.arrow().to_pylist(), parse)
    built = from_trees(trees, target, attempt, cast)
    return Vector(target, built.arrow(), constant=vector.constant)


def _checked(array: pa.Array, attempt: bool) -> pa.Array:
    import pyarrow as pa

    if attempt:
        return pa.array(each_text(array.to_pylist(), lambda text: text if is_valid(text) else None), pa.string())
    each_text(array.to_pylist(), parse)
    return array


def to_json(vector: Vector, cast: CastFunction) -> Vector:
    """Any vector as JSON; NULL stays NULL."""
    return Vector(JSON, _json_text(vector, cast), constant=vector.constant)


def _json_text(vector: Vector, cast: CastFunction) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    type_ = vector.type
    match type_.kind:
        case TypeKind.JSON:
            return pa.array(each_text(vector.arrow().to_pylist(), lambda text: dump(parse(text))), pa.string())
        case TypeKind.NULL:
            return pa.nulls(len(vector), pa.string())
        case TypeKind.DECIMAL if type_.precision > 15:
            return cast(vector, VARCHAR, False).arrow()
        case TypeKind.FLOAT | TypeKind.DOUBLE | TypeKind.DECIMAL:
            return float_texts(_doubles(vector))
        case TypeKind.BOOLEAN:
            return cast(vector, VARCHAR, False).arrow()
        case TypeKind.STRUCT:
            names = [name or f"element{place}" for place, (name, _) in enumerate(type_.children, 1)]
            parts = [
                pc.binary_join_element_wise(f"{quote(name)}:", _part(field, cast), "")
                for name, field in zip(names, fields_of(vector), strict=True)
            ]
            inside = pc.binary_join_element_wise(*parts, ",") if parts else pa.repeat(pa.scalar(""), len(vector))
            text = pc.binary_join_element_wise("{", inside, "}", "")
            valid = vector.valid()
            return text if valid is None else pc.if_else(pa.array(valid), text, pa.scalar(None, pa.string()))
        case TypeKind.LIST | TypeKind.ARRAY | TypeKind.MAP:
            return _list_text(vector, cast)
        case _ if type_.is_integer:
            return cast(vector, VARCHAR, False).arrow()
        case _:
            return _quoted(cast(vector, VARCHAR, False).arrow())


def _doubles(vector: Vector) -> pa.Array:
    """Numbers as float64, correctly rounded."""
    import pyarrow as pa

    if vector.type.kind is not TypeKind.DECIMAL:
        return vector.arrow().cast(pa.float64())
    words, valid = (vector.values(), vector.valid()) if vector.has_words() else (None, None)
    if words is None or vector.type.scale > 22 or (len(words) and int(np.abs(words).max()) >= 2**53):
        return pa.array([None if value is None else float(value) for value in vector.arrow().to_pylist()], pa.float64())
    # Both sides of the division are exact, so its rounding is the only one.
    return pa.array(words / 10.0**vector.type.scale, mask=None if valid is None else ~valid)


def float_texts(numbers: pa.Array) -> pa.Array:
    """`float_text` of each number: Arrow's text where it has no exponent, which is nearly everywhere."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = numbers.cast(pa.string())
    whole = pc.match_substring_regex(texts, r"^-?\d+$")
    texts = pc.if_else(whole, pc.binary_join_element_wise(texts, ".0", ""), texts)
    return _replaced(texts, pc.match_substring_regex(texts, "[a-z]"), numbers, float_text)


def _quoted(texts: pa.Array) -> pa.Array:
    """`quote` of each text, which for most means quotes around it."""
    import pyarrow.compute as pc

    plain = pc.binary_join_element_wise('"', texts, '"', "")
    return _replaced(plain, pc.match_substring_regex(texts, r'["\\\x00-\x1f]'), texts, quote)


def _replaced(texts: pa.Array, mask: pa.Array, values: pa.Array, convert: Callable[[Any], str]) -> pa.Array:
    """`texts`, but `convert` of the values where `mask` is true."""
    import pyarrow as pa
    import pyarrow.compute as pc

    mask = pc.fill_null(mask, False)
    if not pc.any(mask, min_count=0).as_py():
        return texts
    chosen = values.filter(mask).to_pylist()
    return pc.replace_with_mask(texts, mask, pa.array(each_text(chosen, convert), pa.string()))


def _part(vector: Vector, cast: CastFunction) -> pa.Array:
    import pyarrow.compute as pc

    return pc.fill_null(_json_text(vector, cast), "null")


def _list_text(vector: Vector, cast: CastFunction) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    lists = lists_of(vector)
    brackets = "[]"
    if vector.type.kind is TypeKind.MAP:
        brackets = "{}"
        key, value = fields_of(lists.child)
        names = pa.array([quote(str(text)) for text in cast(key, VARCHAR, False).arrow().to_pylist()], pa.string())
        elements = pc.binary_join_element_wise(names, _part(value, cast), ":")
    else:
        elements = _part(lists.child, cast)
    joined = list_vector(lists.lengths, Vector(VARCHAR, elements), lists.valid, list_of(VARCHAR)).arrow()
    return pc.binary_join_element_wise(brackets[0], pc.binary_join(joined, ","), brackets[1], "")


def from_trees(
    trees: Sequence[Any], target: SqlType, attempt: bool, cast: CastFunction, partial: bool = False
) -> Vector:
    """Documents (None for NULL) as a vector of `target`; what does not fit is an error, or NULL with `attempt`.

    An object that lacks a key of a STRUCT does not fit, unless `partial`: then its field is NULL.
    """
    import pyarrow as pa

    match target.kind:
        case TypeKind.LIST | TypeKind.ARRAY:
            rows = [_expected(tree, list, target, attempt) for tree in trees]
            child = from_trees([item for row in rows for item in row or ()], target.element, attempt, cast, partial)
            lists = list_vector(_lengths(rows), child, _present(rows), list_of(target.element))
            return cast(lists, target, attempt)
        case TypeKind.MAP:
            maps = [_expected(tree, dict, target, attempt) for tree in trees]
            if attempt:
                # Of a key that stands twice nobody knows which is meant.
                maps = [None if row is not None and len(row.items()) > len(row) else row for row in maps]
            keys = from_trees([key for row in maps for key in row or ()], target.children[0][1], attempt, cast, partial)
            items = [item for row in maps for item in (row or {}).values()]
            values = from_trees(items, target.children[1][1], attempt, cast, partial)
            entries = struct_vector([keys, values], None, entries_of(target).element, len(keys), False)
            return list_vector(_lengths(maps), entries, _present(maps), target)
        case TypeKind.STRUCT:
            # TRY_CAST of what is no object is a struct of NULLs.
            objects = [
                {} if tree is not None and row is None else row
                for tree, row in ((tree, _expected(tree, dict, target, attempt)) for tree in trees)
            ]
            missing = (name for row in objects if row is not None for name, _ in target.children if name not in row)
            if not (attempt or partial) and (lacking := next(missing, None)) is not None:
                raise ConversionError(f'the JSON object has no key "{lacking}" of {target}')
            fields = [
                from_trees([None if row is None else row.get(name) for row in objects], type_, attempt, cast, partial)
                for name, type_ in target.children
            ]
            return struct_vector(fields, _present(objects), target, len(objects), False)
        case TypeKind.NULL:
            return null_vector(target).expand(len(trees))
        case TypeKind.JSON:
            return Vector(JSON, pa.array([None if tree is None else dump(tree) for tree in trees], pa.string()))
        case _:
            if not trees:
                return null_vector(target).expand(1).slice(0, 0)
            if target.is_integer:
                # Numbers round half to even, texts half up.
                trees = [_whole(tree) for tree in trees]
            texts = pa.array([_scalar_text(tree, target, attempt) for tree in trees], pa.string())
            return cast(Vector(VARCHAR, texts), target, attempt)


def _whole(tree: Any) -> Any:
    return round(tree) if isinstance(tree, float) and math.isfinite(tree) else tree


def _scalar_text(tree: Any, target: SqlType, attempt: bool) -> str | None:
    if isinstance(tree, str) or tree is None:
        return tree
    if target.is_text:
        # The shortest digits, with an exponent as of a DOUBLE.
        return repr(tree) if isinstance(tree, float) and math.isfinite(tree) else dump(tree)
    if target == FLOAT and isinstance(tree, int | float) and _MOST_FLOAT < abs(tree) < math.inf:
        if attempt:
            return None
        raise ConversionError(f"Failed to cast value to numerical: {dump(tree)}")
    if isinstance(tree, bool) and target.is_numeric:
        return "1" if tree else "0"
    if isinstance(tree, int | float) and target.kind is TypeKind.BOOLEAN:
        return "true" if tree else "false"
    if isinstance(tree, list | dict):
        if attempt:
            return None
        raise ConversionError(f"Failed to cast value to {target}: {dump(tree)}")
    return dump(tree)


def _expected(tree: Any, kind: type, target: SqlType, attempt: bool) -> Any:
    if tree is None or isinstance(tree, kind):
        return tree
    if attempt:
        return None
    raise ConversionError(f"Expected {'OBJECT' if kind is dict else 'ARRAY'} for {target}, but got: {dump(tree)}")


def _lengths(rows: Sequence[Any]) -> Any:
    return np.array([0 if row is None else len(row) for row in rows], np.int64)


def _present(rows: Sequence[Any]) -> Any:
    return None if all(row is not None for row in rows) else np.array([row is not None for row in rows], np.bool_)
