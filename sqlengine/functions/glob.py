"""GLOB: shell patterns, by the bytes of the text as in DuckDB."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlengine.errors import NotSupportedError
from sqlengine.functions.encoded import map_values
from sqlengine.functions.overloads import overload, resolver
from sqlengine.functions.registry import scalar
from sqlengine.functions.validity import any_null_constant, null_vector
from sqlengine.types import BOOLEAN, VARCHAR, SqlType
from sqlengine.vector import Vector

# What matches no text at all: a class that does not end.
_NOTHING = r"[^\x00-\x{10FFFF}]"


@scalar(
    "~~~",
    resolver("~~~", overload(VARCHAR, VARCHAR, BOOLEAN)),
    summary="Whether a text matches a shell pattern: * any text, ? one byte, [a-z] a class, [!a] all but a class.",
    example=("'apple' GLOB 'a*[d-f]'", "true"),
)
def _glob(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """Patterns of different rows are translated once each."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if any_null_constant(arguments):
        return null_vector(BOOLEAN, arguments)
    text, pattern = arguments
    if pattern.constant:
        regex = _regex(pattern.arrow()[0].as_py())
        return map_values(text, BOOLEAN, lambda array: pc.match_substring_regex(array, regex))
    texts, patterns = text.expand(len(pattern)).arrow(), pattern.arrow()
    values: pa.Array = pa.nulls(len(pattern), pa.bool_())
    for each in pc.unique(patterns.cast(pa.string())).drop_null().to_pylist():
        rows = pc.equal(patterns.cast(pa.string()), each)
        values = pc.if_else(rows, pc.match_substring_regex(texts.cast(pa.string()), _regex(each)), values)
    return Vector(BOOLEAN, values)


def _regex(pattern: str) -> str:
    """The regular expression (RE2) of a pattern."""
    parts = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        match character:
            case "*":
                parts.append(r"\C*")
            case "?":
                parts.append(r"\C")
            case "[":
                class_, position = _class(pattern, position)
                parts.append(class_)
            case "\\" if position < len(pattern):
                parts.append(re.escape(pattern[position]))
                position += 1
            case _:
                parts.append(re.escape(character))
    return rf"\A(?s:{''.join(parts)})\z"


def _class(pattern: str, start: int) -> tuple[str, int]:
    """A class as RE2 writes it, and where the pattern goes on after it."""
    negated = pattern[start : start + 1] == "!"
    first = start + negated
    stop = pattern.find("]", first + 1)
    if stop < 0:
        return _NOTHING, len(pattern)
    members = pattern[first:stop]
    if not members.isascii():
        raise NotSupportedError("a class of GLOB with characters beyond ASCII is not supported")
    escaped = "".join(each if each.isalnum() or each == "-" else "\\" + each for each in members)
    return f"[{'^' if negated else ''}{escaped}]", stop + 1
