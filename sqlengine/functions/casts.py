"""CAST and TRY_CAST: one function that finds the way from any type to any other."""

from __future__ import annotations

from sqlengine.errors import ConversionError
from sqlengine.functions.from_text import cast_from_text
from sqlengine.functions.json_casts import cast_json
from sqlengine.functions.nested_casts import cast_nested, null_where
from sqlengine.functions.nested_text import nested_to_text, text_to_nested
from sqlengine.functions.numeric_casts import cast_number
from sqlengine.functions.order_bytes import wide_words
from sqlengine.functions.special_text import timetz_parts
from sqlengine.functions.temporal_casts import cast_temporal
from sqlengine.functions.to_text import cast_to_blob, cast_to_text
from sqlengine.functions.validity import null_vector, words_result
from sqlengine.types import HUGEINT, UHUGEINT, SqlType, TypeKind
from sqlengine.vector import Vector


def cast(vector: Vector, target: SqlType, attempt: bool = False) -> Vector:
    """The values of `vector` as `target`.

    Parameters
    ----------
    vector
        Any vector; the same object comes back when there is nothing to do.
    target
        The type wanted.
    attempt
        TRY_CAST: a value that does not fit becomes NULL instead of an error.

    Raises
    ------
    ConversionError
        A value does not fit (unless `attempt`), or SQL has no conversion between the two types.
    """
    source = vector.type
    if source == target:
        return vector
    if source.kind is TypeKind.NULL or _only_nulls(vector):
        return null_vector(target, [vector])
    if TypeKind.JSON in (source.kind, target.kind):
        return cast_json(vector, target, attempt, cast)
    if target.kind is TypeKind.VARCHAR:
        return nested_to_text(vector, cast) if source.is_nested else cast_to_text(vector)
    if source.is_nested and target.is_nested:
        return cast_nested(vector, target, attempt, cast)
    if target.is_nested and source.kind is TypeKind.VARCHAR:
        return text_to_nested(vector, target, attempt, cast)
    if source.kind is TypeKind.UUID and target.kind is TypeKind.BLOB:
        return Vector(target, vector.arrow(), constant=vector.constant)
    if source.kind is TypeKind.ENUM:
        return cast(cast_to_text(vector), target, attempt)
    if source.kind is TypeKind.VARCHAR:
        return (
            cast_to_blob(vector, attempt) if target.kind is TypeKind.BLOB else cast_from_text(vector, target, attempt)
        )
    if source.kind is TypeKind.UHUGEINT:
        return cast(Vector(HUGEINT, vector.arrow(), constant=vector.constant), target, attempt)
    if target.kind is TypeKind.UHUGEINT and _is_number(source):
        return _not_negative(cast(vector, HUGEINT, attempt), vector.type, attempt)
    if _is_number(source) and _is_number(target):
        return cast_number(vector, target, attempt)
    if source.kind is TypeKind.TIMETZ and target.kind is TypeKind.TIME:
        return words_result(timetz_parts(vector.values())[0], [vector], target)
    if source.is_temporal and target.is_temporal:
        return cast_temporal(vector, target, attempt)
    if attempt:
        return null_vector(target, [vector])
    raise ConversionError(f"Unimplemented type for cast ({source} -> {target})")


def _is_number(sql_type: SqlType) -> bool:
    return sql_type.is_numeric or sql_type.kind is TypeKind.BOOLEAN


def _only_nulls(vector: Vector) -> bool:
    """NULL is NULL in every type, even where no value could be converted."""
    valid = vector.valid()
    return valid is not None and not valid.any()


def _not_negative(vector: Vector, source: SqlType, attempt: bool) -> Vector:
    """HUGEINT as UHUGEINT, which lies in memory in the same way."""
    _, high = wide_words(vector)
    negative = high < 0
    valid = vector.valid()
    if valid is not None:
        negative &= valid
    if negative.any():
        if not attempt:
            raise ConversionError(f"a negative {source} is out of range for the destination type UHUGEINT")
        vector = null_where(vector, negative)
    return Vector(UHUGEINT, vector.arrow(), constant=vector.constant)
