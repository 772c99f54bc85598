"""Values as text: Arrow columns to columns of strings, whole columns at a time, no digit lost.

The text of a value is DuckDB's `CAST(value AS VARCHAR)`: `1.0`, `1.50`, `2024-02-29 10:00:00.5`, `[a, NULL]`,
`{'k': 1}`. JSON text follows RFC 8259; what JSON has no literal for (dates, NaN, intervals) is its string.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

_SPECIAL: Final = re.compile(r"""[][{}(),:=;'"\\\n]|^\s|\s$|^$|^null$""", re.IGNORECASE)
_JSON_ESCAPED: Final = r'["\\\x00-\x1f\x7f-\x{10ffff}]'


def text_column(array: pa.Array) -> pa.Array:
    """The column as strings; NULL stays NULL.

    Parameters
    ----------
    array
        Any Arrow array a query can return, of n rows.

    Returns
    -------
    pa.Array
        n strings.
    """
    kind = array.type
    is_ = pa.types
    if is_.is_dictionary(kind):
        return text_column(array.dictionary_decode())
    if is_.is_string(kind):
        return array
    if is_.is_float64(kind):
        return _each(array, repr)
    if is_.is_floating(kind):
        return _single_floats(array)
    if is_.is_decimal(kind):
        # Arrow writes small decimals as 1E-8.
        text = array.cast(pa.string())
        scientific = pc.any(pc.match_substring(text, "E"), min_count=0).as_py()
        return _each(array, _plain_decimal) if scientific else text
    if is_.is_timestamp(kind):
        text = _without_trailing_zeros(array.cast(pa.timestamp(kind.unit)).cast(pa.string()))
        return text if kind.tz is None else pc.binary_join_element_wise(text, "+00", "")
    if is_.is_time(kind):
        return _without_trailing_zeros(array.cast(pa.string()))
    if is_.is_interval(kind):
        return _each(array, lambda value: _interval(value.months, value.days, value.nanoseconds // 1000))
    if is_.is_duration(kind):
        return _each(array.cast(pa.duration("us")).cast(pa.int64()), _duration)
    if is_.is_binary(kind) or is_.is_large_binary(kind) or is_.is_fixed_size_binary(kind) or is_.is_binary_view(kind):
        return _each(array, _blob)
    if is_.is_map(kind):
        return _nested(array, _text_map)
    if is_.is_list(kind) or is_.is_large_list(kind) or is_.is_fixed_size_list(kind):
        return _nested(array, _text_list)
    if is_.is_struct(kind):
        return _nested(array, _text_struct)
    return array.cast(pa.string())


def json_column(array: pa.Array) -> pa.Array:
    """The column as JSON values; NULL becomes `null`.

    Numbers keep every digit (decimals and 128-bit integers too); NaN and infinities are the strings JSON readers can
    tell apart, since JSON has no number for them.
    """
    kind = array.type
    is_ = pa.types
    if is_.is_dictionary(kind):
        return json_column(array.dictionary_decode())
    if is_.is_boolean(kind) or is_.is_integer(kind) or is_.is_decimal(kind):
        values = text_column(array)
    elif is_.is_floating(kind):
        text = text_column(array)
        values = pc.if_else(pc.is_finite(array), text, pc.binary_join_element_wise('"', text, '"', ""))
    elif is_.is_map(kind):
        values = _nested(array, _json_map)
    elif is_.is_list(kind) or is_.is_large_list(kind) or is_.is_fixed_size_list(kind):
        values = _nested(array, _json_list)
    elif is_.is_struct(kind):
        values = _nested(array, _json_struct)
    else:
        values = _json_strings(text_column(array))
    return pc.fill_null(values, "null")


def _json_strings(text: pa.Array) -> pa.Array:
    quoted = pc.binary_join_element_wise('"', text, '"', "")
    special = pc.match_substring_regex(text, _JSON_ESCAPED)
    if not pc.any(special, min_count=0).as_py():
        return quoted
    escaped = _each(text.filter(pc.fill_null(special, False)), lambda value: json.dumps(value, ensure_ascii=False))
    return pc.replace_with_mask(quoted, pc.fill_null(special, False), escaped)


def _each(array: pa.Array, convert: Callable[[Any], str]) -> pa.Array:
    values = [None if value is None else convert(value) for value in array.to_pylist()]
    return pa.array(values, pa.string())


def _single_floats(array: pa.Array) -> pa.Array:
    import numpy as np

    words = array.fill_null(0).cast(pa.float32()).to_numpy(zero_copy_only=False)
    # str() of a numpy scalar has the digits that a FLOAT needs, repr() of a Python float has DuckDB's notation.
    text = pa.array([repr(float(str(np.float32(word)))) for word in words], pa.string())
    return pc.if_else(array.is_valid(), text, pa.scalar(None, pa.string()))


def _without_trailing_zeros(text: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(pc.replace_substring_regex(text, r"\.0+$", ""), r"(\.\d*[1-9])0+$", r"\1")


def _plain_decimal(value: object) -> str:
    assert isinstance(value, Decimal)
    return format(value, "f")


def _blob(value: object) -> str:
    assert isinstance(value, bytes)
    return "".join(chr(byte) if 32 <= byte < 127 and byte != 92 else f"\\x{byte:02X}" for byte in value)


def _duration(microseconds: object) -> str:
    assert isinstance(microseconds, int)
    days, rest = divmod(abs(microseconds), 86_400_000_000)
    sign = -1 if microseconds < 0 else 1
    return _interval(0, sign * days, sign * rest)


def _interval(months: int, days: int, microseconds: int) -> str:
    years, months = int(months / 12), months - 12 * int(months / 12)
    units = ((years, "year"), (months, "month"), (days, "day"))
    parts = [f"{count} {unit}{'' if abs(count) == 1 else 's'}" for count, unit in units if count]
    if microseconds or not parts:
        seconds, fraction = divmod(abs(microseconds), 1_000_000)
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        clock += f".{fraction:06}".rstrip("0") if fraction else ""
        parts.append("-" + clock if microseconds < 0 else clock)
    return " ".join(parts)


def _nested(array: pa.Array, rows: Callable[[pa.Array], list[str]]) -> pa.Array:
    valid = array.is_valid().to_pylist()
    return pa.array([row if ok else None for row, ok in zip(rows(array), valid, strict=True)], pa.string())


def _slices(array: pa.Array) -> tuple[pa.Array, list[slice]]:
    """Elements of a list or map column laid end to end, and each row's slice of them."""
    kind = array.type
    element = pa.struct([kind.key_field, kind.item_field]) if pa.types.is_map(kind) else kind.value_type
    array = array.cast(pa.list_(element))
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_pylist()
    slices, end = [], 0
    for length in lengths:
        slices.append(slice(end, end + length))
        end += length
    return array.flatten(), slices


def _elements(array: pa.Array) -> list[str]:
    """Text of the elements of a nested value: NULL spelled out, strings quoted where they would be ambiguous."""
    text = ["NULL" if value is None else value for value in text_column(array).to_pylist()]
    if pa.types.is_nested(array.type):
        return text
    valid = array.is_valid().to_pylist()
    return [_quoted(value) if ok and _SPECIAL.search(value) else value for value, ok in zip(text, valid, strict=True)]


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _text_list(array: pa.Array) -> list[str]:
    elements, slices = _slices(array)
    text = _elements(elements)
    return [f"[{', '.join(text[row])}]" for row in slices]


def _text_map(array: pa.Array) -> list[str]:
    entries, slices = _slices(array)
    keys, values = (_elements(entries.field(child)) for child in (0, 1))
    pairs = [f"{key}={value}" for key, value in zip(keys, values, strict=True)]
    return [f"{{{', '.join(pairs[row])}}}" for row in slices]


def _text_struct(array: pa.Array) -> list[str]:
    names = [_quoted(field.name) for field in array.type]
    columns = [_elements(column) for column in array.flatten()]
    rows = zip(*columns, strict=True) if columns else [()] * len(array)
    return ["{" + ", ".join(f"{name}: {cell}" for name, cell in zip(names, row, strict=True)) + "}" for row in rows]


def _json_list(array: pa.Array) -> list[str]:
    elements, slices = _slices(array)
    text = json_column(elements).to_pylist()
    return [f"[{','.join(text[row])}]" for row in slices]


def _json_map(array: pa.Array) -> list[str]:
    entries, slices = _slices(array)
    keys = pc.fill_null(_json_strings(text_column(entries.field(0))), '"NULL"').to_pylist()
    values = json_column(entries.field(1)).to_pylist()
    pairs = [f"{key}:{value}" for key, value in zip(keys, values, strict=True)]
    return [f"{{{','.join(pairs[row])}}}" for row in slices]


def _json_struct(array: pa.Array) -> list[str]:
    names = [json.dumps(field.name, ensure_ascii=False) for field in array.type]
    columns = [json_column(column).to_pylist() for column in array.flatten()]
    rows = zip(*columns, strict=True) if columns else [()] * len(array)
    return ["{" + ",".join(f"{name}:{cell}" for name, cell in zip(names, row, strict=True)) + "}" for row in rows]
