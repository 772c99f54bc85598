"""`x IN (…)` over constants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.functions.comparison import compare
from sqlengine.functions.encoded import map_values
from sqlengine.functions.logic import either
from sqlengine.functions.validity import null_vector
from sqlengine.types import BOOLEAN, SqlType, arrow_type
from sqlengine.vector import Vector

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Words = NDArray[Any]

# So many constants are compared one after the other; of more, a sorted list is searched.
_COMPARED: Final = 4


def in_list(vector: Vector, members: Sequence[Vector], negated: bool = False) -> Vector:
    """`vector IN (members)`, or NOT IN when `negated`.

    Parameters
    ----------
    vector
        The values asked about.
    members
        Constants of the same type; at least one. NULLs among them make every "no" a NULL.

    Returns
    -------
    Vector
        BOOLEAN; NULL where `vector` is NULL, and where nothing matched but a member is NULL.
    """
    present = [member for member in members if not member.is_null_constant()]
    found = _found(vector, present) if present else null_vector(BOOLEAN, [vector])
    if len(present) < len(members):
        # "No match" is unknown: only true stays.
        found = Vector.from_values(found.values(), _true_rows(found), BOOLEAN, found.constant)
    if not negated:
        return found
    return Vector.from_values(~found.values(), found.valid(), BOOLEAN, found.constant)


def _found(vector: Vector, members: Sequence[Vector]) -> Vector:
    if vector.type.is_text:
        return map_values(vector, BOOLEAN, lambda array: _is_in(array, members, vector.type))
    if len(members) <= _COMPARED or vector.type.is_float or not vector.has_words():
        return either([compare("=", vector, member) for member in members])
    wanted = np.sort(np.concatenate([member.values() for member in members if member.has_words()]))
    return Vector.from_values(_search(wanted, vector.values()), vector.valid(), BOOLEAN, vector.constant)


def _search(wanted: Words, words: Words) -> Words:
    if len(wanted) == 0:
        return np.zeros(len(words), np.bool_)
    position = np.searchsorted(wanted, words)
    position[position == len(wanted)] = 0
    return np.asarray(wanted.take(position) == words)


def _is_in(array: pa.Array, members: Sequence[Vector], sql_type: SqlType) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    values = pa.concat_arrays([member.arrow() for member in members])
    inside = pc.is_in(array, value_set=values.cast(arrow_type(sql_type)))
    # Arrow says false for NULL.
    return pc.if_else(pc.is_valid(array), inside, pa.scalar(None, pa.bool_()))


def _true_rows(found: Vector) -> Words:
    valid = found.valid()
    words: Words = found.values()
    return words if valid is None else words & valid
