"""CAST and TRY_CAST: one function that finds the way from any type to any other."""

from __future__ import annotations

from sqlengine.errors import ConversionError, NotSupportedError
from sqlengine.functions.from_text import cast_from_text
from sqlengine.functions.nested_casts import cast_nested
from sqlengine.functions.numeric_casts import cast_number
from sqlengine.functions.temporal_casts import cast_temporal
from sqlengine.functions.to_text import cast_to_blob, cast_to_text
from sqlengine.functions.validity import null_vector
from sqlengine.types import SqlType, TypeKind
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
    NotSupportedError
        A conversion from or to a nested type.
    """
    source = vector.type
    if source == target:
        return vector
    if source.kind is TypeKind.NULL:
        return null_vector(target, [vector])
    if target.kind is TypeKind.VARCHAR and not source.is_nested:
        return cast_to_text(vector)
    if source.is_nested and target.is_nested:
        return cast_nested(vector, target, attempt, cast)
    if source.is_nested or target.is_nested:
        raise NotSupportedError(f"a cast from {source} to {target} is not supported")
    if source.kind is TypeKind.VARCHAR:
        return (
            cast_to_blob(vector, attempt) if target.kind is TypeKind.BLOB else cast_from_text(vector, target, attempt)
        )
    if _is_number(source) and _is_number(target):
        return cast_number(vector, target, attempt)
    if source.is_temporal and target.is_temporal:
        return cast_temporal(vector, target, attempt)
    if attempt:
        return null_vector(target, [vector])
    raise ConversionError(f"Unimplemented type for cast ({source} -> {target})")


def _is_number(sql_type: SqlType) -> bool:
    return sql_type.is_numeric or sql_type.kind is TypeKind.BOOLEAN
