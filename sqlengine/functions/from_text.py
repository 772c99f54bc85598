"""Casts from VARCHAR: Arrow's parsers where every value is written plainly, else one parser per value.

Arrow accepts a subset of what SQL accepts (no blanks around numbers, no rounding). What it refuses, and
what it would read otherwise, is parsed in Python once per distinct text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlengine.errors import ConversionError
from sqlengine.functions.encoded import map_values
from sqlengine.functions.parse_text import parser_for
from sqlengine.types import DATE, SqlType, TypeKind, arrow_type
from sqlengine.vector import Vector

if TYPE_CHECKING:
    import pyarrow as pa

_PLAIN_DATE: Final = r"^\d{4}-\d{2}-\d{2}$"
_PLAIN_TIMESTAMP: Final = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?)?$"
_PLAIN_NUMBER: Final = r"^-?\d+(\.\d+)?$"


def cast_from_text(vector: Vector, target: SqlType, attempt: bool) -> Vector:
    """VARCHAR as `target`; ConversionError names the text that cannot be read, `attempt` makes it NULL."""
    return map_values(vector, target, lambda array: _parse(array, target, attempt))


def _parse(array: pa.Array, target: SqlType, attempt: bool) -> pa.Array:
    import pyarrow as pa

    if _is_plain(array, target):
        try:
            return array.cast(arrow_type(target))
        except pa.ArrowInvalid:
            # A value out of range, a 30th of February, digits to round: the parser below decides.
            pass
    parse = parser_for(target)
    encoded = array.dictionary_encode()
    values: list[Any] = []
    for text in encoded.dictionary.to_pylist():
        try:
            values.append(parse(text))
        except ConversionError:
            if not attempt:
                raise
            values.append(None)
    parsed = pa.array(
        values, pa.int32() if target == DATE else pa.int64() if target.is_temporal else arrow_type(target)
    )
    # Dates and times are parsed to their words, which Arrow only has to look at differently.
    return (parsed.view(arrow_type(target)) if target.is_temporal else parsed).take(encoded.indices)


def _is_plain(array: pa.Array, target: SqlType) -> bool:
    import pyarrow.compute as pc

    match target.kind:
        case TypeKind.DATE:
            pattern = _PLAIN_DATE
        case TypeKind.TIMESTAMP:
            pattern = _PLAIN_TIMESTAMP
        case _ if target.is_numeric and target.kind is not TypeKind.HUGEINT:
            pattern = _PLAIN_NUMBER
        case _:
            return False
    return pc.all(pc.match_substring_regex(array, pattern), min_count=0).as_py() is True
