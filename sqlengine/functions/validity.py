"""NULLs and constants: the two things every function does with its arguments before and after the work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sqlengine.types import SqlType, arrow_type, words_dtype
from sqlengine.vector import Vector

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Words = NDArray[Any]
    Mask = NDArray[np.bool_]


def combined_valid(arguments: Sequence[Vector]) -> Mask | None:
    """Where every argument is not NULL; None if none has a NULL. Length 1 if only constants have NULLs.

    The mask of the only argument with NULLs is handed on, not copied.
    """
    combined: Mask | None = None
    for argument in arguments:
        mask = argument.valid()
        if mask is not None:
            combined = mask if combined is None else combined & mask
    return combined


def all_constant(arguments: Sequence[Vector]) -> bool:
    """Whether the result has to be constant."""
    return all(argument.constant for argument in arguments)


def null_vector(sql_type: SqlType, arguments: Sequence[Vector] = ()) -> Vector:
    """The constant NULL; as long as the first argument that is not constant, if there is one."""
    lengths = [len(argument) for argument in arguments if not argument.constant]
    length = lengths[0] if lengths else 1
    dtype = words_dtype(sql_type)
    if dtype is not None:
        return Vector.from_values(np.zeros(length, dtype), np.zeros(length, np.bool_), sql_type, not lengths)
    import pyarrow as pa

    return Vector(sql_type, pa.nulls(length, arrow_type(sql_type)), constant=not lengths)


def words_result(values: Words, arguments: Sequence[Vector], sql_type: SqlType, valid: Mask | None = None) -> Vector:
    """The vector of `values`, NULL where an argument is NULL (or where `valid`, if given, is False)."""
    mask = combined_valid(arguments) if valid is None else valid
    if mask is not None and len(mask) != len(values):
        mask = np.broadcast_to(mask, values.shape)
    return Vector.from_values(values, mask, sql_type, all_constant(arguments))


def arrow_result(array: pa.Array, arguments: Sequence[Vector], sql_type: SqlType) -> Vector:
    """The vector over `array`, constant if all arguments are."""
    return Vector.from_arrow(array, sql_type, all_constant(arguments))


def any_null_constant(arguments: Sequence[Vector]) -> bool:
    """Whether an argument is the constant NULL, so that a strict function returns NULL everywhere."""
    return any(argument.is_null_constant() for argument in arguments)


def rows_of(words: Words, valid: Mask | None) -> Words:
    """`words` with the arbitrary words of NULL rows set to zero, so that checks see only real values."""
    return words if valid is None else np.where(valid, words, words.dtype.type(0))
