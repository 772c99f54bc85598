"""Nested values as text and back, as DuckDB writes them: `[a, NULL]`, `{'x': 1}`, `{k=v}`, `(1, a)`.

A text is split by one level at a time, in Python; the parts are cast as one column to the type of the elements, which
splits the next level.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import ConversionError
from sqlengine.functions.nested import fields_of, list_vector, lists_of, struct_vector
from sqlengine.functions.nested_casts import CastFunction, null_where
from sqlengine.functions.validity import null_vector
from sqlengine.types import VARCHAR, SqlType, TypeKind, entries_of, list_of
from sqlengine.vector import Vector

if TYPE_CHECKING:
    import pyarrow as pa

# Texts that would read as something else inside a nested value, and are quoted there.
_SPECIAL: Final = r"""[\[\]{}(),:='"\\]|^\s|\s$|^$|^(?i:null)$"""
_OPENING, _CLOSING = "[{(", "]})"


def nested_to_text(vector: Vector, cast: CastFunction) -> Vector:
    """A nested vector as VARCHAR."""
    import pyarrow.compute as pc

    type_ = vector.type
    if type_.kind is TypeKind.STRUCT:
        return Vector(VARCHAR, _struct_text(vector, cast), constant=vector.constant)
    lists = lists_of(vector)
    if type_.kind is TypeKind.MAP:
        key, value = (_part_text(field, cast) for field in fields_of(lists.child))
        elements = pc.binary_join_element_wise(key, value, "=")
        brackets = "{}"
    else:
        # Documents in a list stand there as they are.
        is_json = lists.child.type.kind is TypeKind.JSON
        elements = pc.fill_null(lists.child.arrow(), "NULL") if is_json else _part_text(lists.child, cast)
        brackets = "[]"
    joined = pc.binary_join(_text_lists(lists.lengths, elements, lists.valid), ", ")
    return Vector(VARCHAR, pc.binary_join_element_wise(brackets[0], joined, brackets[1], ""), constant=vector.constant)


def _text_lists(lengths: Any, elements: pa.Array, valid: Any) -> pa.Array:
    return list_vector(lengths, Vector(VARCHAR, elements), valid, list_of(VARCHAR)).arrow()


def _struct_text(vector: Vector, cast: CastFunction) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = []
    for (name, _), field in zip(vector.type.children, fields_of(vector), strict=True):
        text = _part_text(field, cast)
        shown = name.replace("\\", "\\\\").replace("'", "\\'")
        parts.append(text if vector.type.is_row else pc.binary_join_element_wise(f"'{shown}': ", text, ""))
    opening, closing = "()" if vector.type.is_row else "{}"
    inside = pc.binary_join_element_wise(*parts, ", ") if parts else pa.repeat(pa.scalar(""), len(vector))
    text = pc.binary_join_element_wise(opening, inside, closing, "")
    valid = vector.valid()
    return text if valid is None else pc.if_else(pa.array(valid), text, pa.scalar(None, pa.string()))


def _part_text(vector: Vector, cast: CastFunction) -> pa.Array:
    """The text of values inside a nested one: NULL spelled out, quoted where it would be ambiguous."""
    import pyarrow.compute as pc

    text = cast(vector, VARCHAR, False).arrow() if vector.type.kind is not TypeKind.VARCHAR else vector.arrow()
    if not vector.type.is_nested and not vector.type.is_numeric:
        special = pc.match_substring_regex(text, _SPECIAL)
        if pc.any(special, min_count=0).as_py():
            escaped = pc.replace_substring_regex(text, r"(['\\])", r"\\\1")
            text = pc.if_else(special, pc.binary_join_element_wise("'", escaped, "'", ""), text)
    return pc.fill_null(text, "NULL")


def text_to_nested(vector: Vector, target: SqlType, attempt: bool, cast: CastFunction) -> Vector:
    """VARCHAR as a nested type.

    Raises
    ------
    ConversionError
        A text has not the form, or a part of it does not fit; with `attempt` such a value, or part, is NULL.
    """
    texts = vector.arrow().to_pylist()
    split = _splitter(target)
    rows: list[list[Any] | None] = []
    for text in texts:
        row = None if text is None else split(text)
        if row is None and text is not None and not attempt:
            raise ConversionError(f"Type VARCHAR with value '{text}' can't be cast to the destination type {target}")
        rows.append(row)
    valid = None if all(row is not None for row in rows) else np.array([row is not None for row in rows])
    if target.kind is TypeKind.STRUCT:
        fields = [
            cast(_texts([None if row is None else row[place] for row in rows]), type_, attempt)
            for place, (_, type_) in enumerate(target.children)
        ]
        return struct_vector(fields, valid, target, len(rows), vector.constant)
    lengths = np.array([0 if row is None else len(row) for row in rows], np.int64)
    parts = [part for row in rows if row is not None for part in row]
    if target.kind is not TypeKind.MAP:
        child = cast(_texts(parts), target.element, attempt)
        result = list_vector(lengths, child, valid, target, vector.constant)
        return _of_length(result, lengths, attempt) if target.kind is TypeKind.ARRAY else result
    sides = [
        cast(_texts([part[side] for part in parts]), type_, attempt) for side, (_, type_) in enumerate(target.children)
    ]
    entries = struct_vector(sides, None, entries_of(target).element, len(parts), False)
    return list_vector(lengths, entries, valid, target, vector.constant)


def _of_length(vector: Vector, lengths: np.ndarray, attempt: bool) -> Vector:
    valid = vector.valid()
    wrong = (lengths != vector.type.size) & (True if valid is None else valid)
    if not wrong.any():
        return vector
    if not attempt:
        raise ConversionError(
            f"a list of length {lengths[wrong][0]} cannot be cast to {vector.type}: the size of the array must match"
        )
    return null_where(vector, wrong)


def _texts(parts: Sequence[str | None]) -> Vector:
    import pyarrow as pa

    return Vector(VARCHAR, pa.array(parts, pa.string())) if parts else null_vector(VARCHAR).expand(1).slice(0, 0)


def _splitter(target: SqlType) -> Callable[[str], list[Any] | None]:
    """Text -> its parts as texts (pairs of them for a MAP), None if it has not the form of `target`."""
    match target.kind:
        case TypeKind.STRUCT:
            return lambda text: _split_struct(text, target)
        case TypeKind.MAP:
            return _split_map
        case _:
            return _split_list


def _split_list(text: str) -> list[Any] | None:
    inside = _inside(text, "[", "]")
    if inside is None:
        return None
    parts = _split(inside, ",")
    return None if parts is None else [_plain(part) for part in parts]


def _split_map(text: str) -> list[Any] | None:
    inside = _inside(text, "{", "}")
    parts = None if inside is None else _split(inside, ",")
    if parts is None:
        return None
    pairs = [_split(part, "=", 1) for part in parts]
    if any(pair is None or len(pair) != 2 for pair in pairs):
        return None
    return [(_plain(pair[0]), _plain(pair[1])) for pair in pairs if pair is not None]


def _split_struct(text: str, target: SqlType) -> list[Any] | None:
    inside = _inside(text, "(", ")")
    if inside is not None:
        values = _split(inside, ",")
        return None if values is None or len(values) != len(target.children) else [_plain(each) for each in values]
    inside = _inside(text, "{", "}")
    parts = None if inside is None else _split(inside, ",")
    if parts is None:
        return None
    places = {name.lower(): place for place, (name, _) in enumerate(target.children)}
    row: list[Any] = [None] * len(places)
    for part in parts:
        pair = _split(part, ":", 1)
        place = places.get((_plain(pair[0]) or "").lower()) if pair is not None and len(pair) == 2 else None
        if pair is None or place is None:
            return None
        row[place] = _plain(pair[1])
    return row


def _inside(text: str, opening: str, closing: str) -> str | None:
    text = text.strip()
    if len(text) < 2 or text[0] != opening or text[-1] != closing:
        return None
    return text[1:-1]


def _split(text: str, separator: str, most: int = -1) -> list[str] | None:
    """Parts between separators that stand in no quotes or brackets; None if these do not match; [] for nothing."""
    if not text.strip():
        return []
    parts: list[str] = []
    depth = start = 0
    quote = ""
    k = 0
    while k < len(text):
        char = text[k]
        if quote:
            if char == "\\":
                k += 1
            elif char == quote:
                quote = ""
        elif (char in "'\"" and not text[start:k].strip(" \t\n" + _OPENING + ",:=")) or (char in "'\"" and depth):
            quote = char
        elif char in _OPENING:
            depth += 1
        elif char in _CLOSING:
            depth -= 1
            if depth < 0:
                return None
        elif char == separator and not depth and most != len(parts):
            parts.append(text[start:k])
            start = k + 1
        k += 1
    if quote or depth:
        return None
    return [*parts, text[start:]]


_QUOTED: Final = re.compile(r"""(['"])(.*)\1""", re.DOTALL)


def _plain(part: str) -> str | None:
    """A part without its quotes and escapes; None for a bare null."""
    part = part.strip()
    match = _QUOTED.fullmatch(part)
    if match is not None:
        return re.sub(r"\\(.)", r"\1", match[2], flags=re.DOTALL)
    return None if part.lower() == "null" else part
