"""Functions of text, computed once per distinct value where text is dictionary-encoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.errors import DataError
from sqlengine.functions.validity import null_vector
from sqlengine.types import SqlType, arrow_type
from sqlengine.vector import Vector
from sqlengine.words import row_numbers

if TYPE_CHECKING:
    import pyarrow as pa


def map_values(vector: Vector, result: SqlType, compute: Callable[[pa.Array], pa.Array]) -> Vector:
    """`compute` on the values of `vector`: on its dictionary if it has one, else on all rows.

    Parameters
    ----------
    vector
        VARCHAR or BLOB.
    result
        Type of the outcome; text stays dictionary-encoded.
    compute
        Arrow array -> Arrow array of the same length, each value from the value at its place alone.
    """
    import pyarrow as pa

    encoded = vector.dictionary()
    # A dictionary larger than the batch (it may be shared by many) costs more than the rows.
    if encoded is None or len(encoded[2]) > len(vector):
        return Vector.from_arrow(compute(vector.arrow()), result, vector.constant)
    codes, valid, dictionary = encoded
    if len(dictionary) == 0:
        return null_vector(result, [vector])
    target = arrow_type(result)
    try:
        mapped = compute(dictionary)
    except DataError:
        # The value at fault may be one that no row uses.
        return Vector.from_arrow(compute(vector.arrow()), result, vector.constant)
    if mapped.type != target:
        mapped = mapped.cast(target)
    if valid is not None:
        codes = np.where(valid, codes, np.int32(0))
    if result.is_text:
        indices = row_numbers(codes, valid)
        return Vector.from_arrow(pa.DictionaryArray.from_arrays(indices, mapped), result, vector.constant)
    distinct = Vector.from_arrow(mapped, result)
    if not distinct.has_words():
        indices = row_numbers(codes, valid)
        return Vector.from_arrow(mapped.take(indices), result, vector.constant)
    values, present = distinct.values().take(codes), distinct.valid()
    if present is not None:
        rows = present.take(codes)
        valid = rows if valid is None else rows & valid
    return Vector.from_values(values, valid, result, vector.constant)
