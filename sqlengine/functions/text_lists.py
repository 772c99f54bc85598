"""Functions that cut a text into a list: `string_split`, `string_split_regex`, `regexp_extract_all`.

Regular expressions are RE2's, run by Arrow, which has no "all matches": every match is put between two characters
that occur nowhere in the column, and the text is cut there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from sqlengine.errors import DataError, NotSupportedError
from sqlengine.functions.encoded import map_values
from sqlengine.functions.grouped import for_each_constant
from sqlengine.functions.overloads import overload, resolver
from sqlengine.functions.patterns import constant_text, expression_of, group_count, guarded
from sqlengine.functions.registry import scalar
from sqlengine.functions.text_function import text_function
from sqlengine.functions.validity import any_null_constant, null_vector
from sqlengine.types import INTEGER, VARCHAR, SqlType, list_of
from sqlengine.vector import Vector

if TYPE_CHECKING:
    import pyarrow as pa

_TEXTS: Final = list_of(VARCHAR)


@scalar(
    "string_split",
    resolver("string_split", overload(VARCHAR, VARCHAR, _TEXTS)),
    aliases=("split", "str_split", "string_to_array"),
    example=("SELECT string_split('a,b', ',')", "[a, b]"),
    summary="The parts of a text between separators; its characters if the separator is empty.",
)
def _string_split(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """A NULL separator occurs nowhere."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text, separator = arguments
    if separator.constant and not separator.is_null_constant():
        mark = constant_text("separator", separator)
        return map_values(text, result, lambda array: pc.split_pattern(array, mark) if mark else _characters(array))
    length = max(len(text), len(separator))
    columns = (vector.expand(length).arrow().to_pylist() for vector in arguments)
    values = [
        None if value is None else [value] if mark is None else value.split(mark) if mark else list(value) or [""]
        for value, mark in zip(*columns, strict=True)
    ]
    return Vector.from_arrow(pa.array(values, pa.list_(pa.string())), result, text.constant and separator.constant)


def _characters(array: pa.Array) -> pa.Array:
    import pyarrow as pa

    return pa.array([None if text is None else list(text) or [""] for text in array.to_pylist()], pa.list_(pa.string()))


@for_each_constant(1, 2)
def _string_split_regex(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if arguments[1].is_null_constant():
        # A NULL pattern occurs nowhere.
        return map_values(arguments[0], result, lambda array: _cut(array, "\0"))
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    pattern = constant_text("regular expression", arguments[1])
    if not pattern:
        return map_values(arguments[0], result, _characters)
    flags = constant_text("flags", arguments[2]) if len(arguments) > 2 else ""
    return map_values(arguments[0], result, lambda array: _pieces(array, pattern, flags, r"\0", outside=True))


scalar(
    "string_split_regex",
    resolver("string_split_regex", overload(VARCHAR, VARCHAR, _TEXTS), overload(VARCHAR, VARCHAR, VARCHAR, _TEXTS)),
    aliases=("str_split_regex", "regexp_split_to_array"),
    example=("SELECT string_split_regex('a1b22c', '\\d+')", "[a, b, c]"),
    summary="The parts of a text between matches of a regular expression; flags c, i, l, s.",
)(_string_split_regex)


def _regexp_extract_all(arguments: Sequence[Vector], result: SqlType) -> Vector:
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    pattern = constant_text("regular expression", arguments[1])
    group = int(arguments[2].arrow()[0].as_py()) if len(arguments) > 2 else 0
    flags = constant_text("flags", arguments[3]) if len(arguments) > 3 else ""
    if not 0 <= group <= 9:
        raise DataError("Group index must be between 0 and 9!")
    if group > group_count(pattern):
        raise DataError(f"Pattern has {group_count(pattern)} groups. Cannot access group {group}")

    def compute(array: pa.Array) -> pa.Array:
        found = _pieces(array, pattern, flags, f"\\{group}", outside=False)
        if group and re.search(r"[|]|\)[?*{]", pattern) and "" in found.flatten().to_pylist():
            raise NotSupportedError("regexp_extract_all of a group that may be left out of a match is not supported")
        return found

    return map_values(arguments[0], result, compute)


scalar(
    "regexp_extract_all",
    resolver(
        "regexp_extract_all",
        overload(VARCHAR, VARCHAR, _TEXTS),
        overload(VARCHAR, VARCHAR, INTEGER, _TEXTS),
        overload(VARCHAR, VARCHAR, INTEGER, VARCHAR, _TEXTS),
    ),
    example=("SELECT regexp_extract_all('a1b22', '\\d+')", "[1, 22]"),
    summary="All matches of a regular expression, or of one of its groups; flags c, i, l, s.",
)(for_each_constant(1, 2, 3)(_regexp_extract_all))


def _pieces(array: pa.Array, pattern: str, flags: str, kept: str, outside: bool) -> pa.Array:
    r"""The texts between the matches, or of each match what `kept` says (\0, \1, …)."""
    import pyarrow.compute as pc

    prefix, body, _ = expression_of(pattern, flags, "")
    opening, closing = _unused(array)
    expression = prefix + body
    whole = guarded(pc.replace_substring_regex, array, expression, opening + r"\0" + closing)
    if pc.any(pc.match_substring(whole, opening + closing)).as_py():
        # Arrow and DuckDB do not agree on what follows an empty match.
        raise NotSupportedError(f"the regular expression {pattern!r}, which matches empty text, is not supported here")
    if kept != r"\0":
        whole = pc.replace_substring_regex(array, expression, opening + kept + closing)
    return _every_other(_cut(pc.replace_substring(whole, closing, opening), opening), 0 if outside else 1)


def _unused(array: pa.Array) -> tuple[str, str]:
    """Two characters that no value contains."""
    import pyarrow.compute as pc

    free = (chr(c) for c in range(0xE000, 0xE100) if not pc.any(pc.match_substring(array, chr(c))).as_py())
    first, second = next(free, None), next(free, None)
    if first is None or second is None:
        raise NotSupportedError("text with all characters of the private range U+E000 to U+E0FF is not supported here")
    return first, second


def _cut(array: pa.Array, mark: str) -> pa.Array:
    import pyarrow.compute as pc

    return pc.split_pattern(array, mark)


def _every_other(lists: pa.ListArray, first: int) -> pa.ListArray:
    """Of each list, which has an odd length, the elements 0, 2, … or 1, 3, …."""
    import pyarrow as pa

    lengths = np.asarray(lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    within = np.arange(starts[-1]) - np.repeat(starts[:-1], lengths)
    kept = np.flatnonzero(within % 2 == first)
    counts = (lengths + 1 - first) // 2
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    missing = lists.is_null() if lists.null_count else None
    return pa.ListArray.from_arrays(pa.array(offsets), lists.flatten().take(pa.array(kept)), mask=missing)


def _regexp_escape(text: str) -> str:
    return re.sub(r"([^A-Za-z0-9_\0\x80-\U0010ffff])", r"\\\1", text).replace("\0", "\\x00")


text_function(
    "regexp_escape",
    overload(VARCHAR, VARCHAR),
    one=_regexp_escape,
    example=("SELECT regexp_escape('a.b')", "a\\.b"),
    summary="A regular expression that matches just this text.",
)
