"""Casts from VARCHAR: Arrow's parsers where every value is written plainly, else one parser per value.

Arrow accepts a subset of what SQL accepts (no blanks around numbers, no rounding). What it refuses, and
what it would read otherwise, is parsed in Python once per distinct text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlengine.errors import ConversionError
from sqlengine.functions.encoded import map_values
from sqlengine.functions.parse_text import parser_for
from sqlengine.functions.special_text import uuid_bytes
from sqlengine.types import DATE, SqlType, TypeKind, arrow_type
from sqlengine.vector import Vector

if TYPE_CHECKING:
    import pyarrow as pa

_PLAIN_DATE: Final = r"^\d{4}-\d{2}-\d{2}$"
_PLAIN_TIMESTAMP: Final = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?)?$"
_PLAIN_INSTANT: Final = r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[-+]\d{2}(:?\d{2})?)$"
_PLAIN_TIME: Final = r"^\d{2}:\d{2}:\d{2}(\.\d{1,6})?$"
_PLAIN_UUID: Final = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_PLAIN_NUMBER: Final = r"^-?\d+(\.\d+)?$"
_PLAIN_FLOAT: Final = r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$"


def cast_from_text(vector: Vector, target: SqlType, attempt: bool) -> Vector:
    """VARCHAR as `target`; ConversionError names the text that cannot be read, `attempt` makes it NULL."""
    return map_values(vector, target, lambda array: _convert(array, target, attempt))


def _convert(array: pa.Array, target: SqlType, attempt: bool) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    odd = _odd(array, target)
    if odd is None:
        return _parse(array, target, attempt)
    try:
        if not pc.any(odd, min_count=0).as_py():
            return _cast(array, target)
        plain = _cast(pc.if_else(odd, pa.scalar(None, pa.string()), array), target)
    except pa.ArrowInvalid:
        # A value out of range, a 30th of February, digits to round: the parser decides.
        return _parse(array, target, attempt)
    return pc.replace_with_mask(plain, odd, _parse(array.filter(odd), target, attempt))


def _odd(array: pa.Array, target: SqlType) -> pa.Array | None:
    """Where a text is not NULL and not written as Arrow reads it exactly as SQL does; None if no way is like that."""
    # Not `fill_null`, for a scalar of Arrow's loads pandas.
    import pyarrow.compute as pc

    pattern = _plain_pattern(target)
    if pattern is None:
        return None
    if not target.is_numeric:
        return pc.and_kleene(pc.is_valid(array), pc.invert(pc.match_substring_regex(array, pattern)))
    # Most numbers are digits alone, which is told ten times as fast.
    odd = pc.and_kleene(pc.is_valid(array), pc.invert(pc.ascii_is_decimal(array)))
    others = array.filter(odd)
    if not len(others):
        return odd
    return pc.replace_with_mask(odd, odd, pc.invert(pc.match_substring_regex(others, pattern)))


def _cast(array: pa.Array, target: SqlType) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if target.kind is TypeKind.UUID:
        return uuid_bytes(array)
    if target.kind is TypeKind.TIME:
        # Arrow has no cast to times.
        moments = pc.binary_join_element_wise("1970-01-01T", array, "").cast(pa.timestamp("us"))
        return moments.cast(pa.int64()).view(arrow_type(target))
    return array.cast(arrow_type(target))


def _parse(array: pa.Array, target: SqlType, attempt: bool) -> pa.Array:
    """Each distinct text by the parser in Python."""
    import pyarrow as pa

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
    if not target.is_temporal:
        return pa.array(values, arrow_type(target)).take(encoded.indices)
    # Dates and times are parsed to their words, which Arrow only has to look at differently.
    words = pa.array(values, pa.int32() if target == DATE else pa.int64())
    return words.view(arrow_type(target)).take(encoded.indices)


def _plain_pattern(target: SqlType) -> str | None:
    """What Arrow reads exactly as SQL does; None if that is nothing."""
    match target.kind:
        case TypeKind.DATE:
            return _PLAIN_DATE
        case TypeKind.TIMESTAMP:
            return _PLAIN_TIMESTAMP
        case TypeKind.TIMESTAMPTZ:
            return _PLAIN_INSTANT
        case TypeKind.TIME:
            return _PLAIN_TIME
        case TypeKind.UUID:
            return _PLAIN_UUID
        case TypeKind.FLOAT | TypeKind.DOUBLE:
            return _PLAIN_FLOAT
        case _ if target.is_numeric and target.kind not in (TypeKind.HUGEINT, TypeKind.UHUGEINT):
            return _PLAIN_NUMBER
        case _:
            return None
