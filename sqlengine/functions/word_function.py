"""How a function of words is defined: numpy arrays in, a numpy array out, NULL where an argument is NULL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sqlengine.functions.overloads import Overload, resolver
from sqlengine.functions.registry import scalar
from sqlengine.functions.validity import any_null_constant, combined_valid, null_vector, rows_of, words_result
from sqlengine.types import SqlType, words_dtype
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]


def word_function(
    name: str,
    *overloads: Overload,
    compute: Callable[..., Words],
    aliases: Sequence[str] = (),
    example: tuple[str, str] | None = None,
    summary: str = "",
) -> None:
    """Register a function that is NULL where an argument is NULL.

    Parameters
    ----------
    compute
        The words of the result from those of the arguments; constants have length 1. The words of rows with a NULL
        are zero, so that a check may look at every row. Raises DataError for values it refuses.
    """

    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        return apply_words(arguments, result, compute)

    scalar(name, resolver(name, *overloads), aliases=aliases, example=example, summary=summary)(run)


def apply_words(arguments: Sequence[Vector], result: SqlType, compute: Callable[..., Words]) -> Vector:
    """A strict function of words on vectors (see `word_function`)."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    valid = combined_valid(arguments)
    with np.errstate(all="ignore"):
        words = compute(*(rows_of(argument.values(), valid) for argument in arguments))
    dtype = words_dtype(result)
    return words_result(words if words.dtype == dtype else words.astype(dtype), arguments, result, valid)
