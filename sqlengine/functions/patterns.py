"""LIKE, ILIKE and regular expressions (RE2 syntax, run by Arrow)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from sqlengine.errors import BindError, DataError, NotSupportedError
from sqlengine.functions.encoded import map_values
from sqlengine.functions.grouped import for_each_constant
from sqlengine.functions.overloads import overload, resolver
from sqlengine.functions.registry import scalar
from sqlengine.functions.substring_search import contains_in_order
from sqlengine.functions.validity import any_null_constant, null_vector
from sqlengine.types import BOOLEAN, INTEGER, VARCHAR, SqlType
from sqlengine.vector import Vector

if TYPE_CHECKING:
    import pyarrow as pa

_LIKE: Final = (overload(VARCHAR, VARCHAR, BOOLEAN), overload(VARCHAR, VARCHAR, VARCHAR, BOOLEAN))

# What a pattern is made of: literal text, ANY_TEXT (%) and ANY_CHARACTER (_).
_ANY_TEXT: Final = object()
_ANY_CHARACTER: Final = object()


@scalar(
    "like",
    resolver("like", *_LIKE),
    example=("SELECT 'apple' LIKE 'a%'", "true"),
    summary="Whether a text is as a pattern says, in which % is any text and _ any character.",
)
def _like(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """`%` stands for any text, `_` for one character; the third argument is the escape character."""
    return _match(arguments, fold=False)


@scalar(
    "ilike",
    resolver("ilike", *_LIKE),
    example=("SELECT 'Apple' ILIKE 'a%'", "true"),
    summary="As LIKE, whatever the case of letters.",
)
def _ilike(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """As LIKE, after both sides are put in lower case."""
    return _match(arguments, fold=True)


def _match(arguments: Sequence[Vector], fold: bool) -> Vector:
    if any_null_constant(arguments):
        return null_vector(BOOLEAN, arguments)
    text, pattern = arguments[:2]
    escape = arguments[2] if len(arguments) == 3 else None
    if pattern.constant and (escape is None or escape.constant):
        parts = _parse(pattern.arrow()[0].as_py(), "" if escape is None else escape.arrow()[0].as_py(), fold)
        return map_values(text, BOOLEAN, lambda array: _match_array(array, parts, fold))
    return _match_rows(text, pattern, escape, fold)


def _match_rows(text: Vector, pattern: Vector, escape: Vector | None, fold: bool) -> Vector:
    """A pattern per row: rows of equal pattern are matched together."""
    import pyarrow as pa

    vectors = [text, pattern] if escape is None else [text, pattern, escape]
    length = max(len(vector) for vector in vectors if not vector.constant)
    columns = [vector.expand(length).arrow() for vector in vectors]
    results: list[bool | None] = [None] * length
    groups: dict[tuple[str, str], list[int]] = {}
    for row, values in enumerate(zip(*(column.to_pylist() for column in columns), strict=True)):
        if None not in values:
            groups.setdefault((values[1], values[2] if escape is not None else ""), []).append(row)
    for (pattern_text, escape_text), rows in groups.items():
        matched = _match_array(columns[0].take(pa.array(rows)), _parse(pattern_text, escape_text, fold), fold)
        for row, value in zip(rows, matched.to_pylist(), strict=True):
            results[row] = value
    return Vector(BOOLEAN, pa.array(results, pa.bool_()))


def _parse(pattern: str, escape: str, fold: bool) -> list[object]:
    if len(escape) > 1:
        raise BindError("Invalid escape string. Escape string must be empty or one character.")
    parts: list[object] = []
    literal = ""
    characters = iter(pattern)
    for character in characters:
        if character == escape:
            escaped = next(characters, None)
            if escaped is None:
                raise DataError("Like pattern must not end with escape character!")
            literal += escaped
        elif character in "%_":
            if literal:
                parts.append(literal)
                literal = ""
            wildcard = _ANY_TEXT if character == "%" else _ANY_CHARACTER
            # Two % in a row say no more than one.
            if not (wildcard is _ANY_TEXT and parts and parts[-1] is _ANY_TEXT):
                parts.append(wildcard)
        else:
            literal += character
    if literal:
        parts.append(literal)
    if fold:
        return [_lower(part) if isinstance(part, str) else part for part in parts]
    return parts


def _lower(text: str) -> str:
    import pyarrow as pa
    import pyarrow.compute as pc

    lowered: str = pc.utf8_lower(pa.scalar(text)).as_py()
    return lowered


def _match_array(array: pa.Array, parts: list[object], fold: bool) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if fold:
        array = pc.utf8_lower(array)
    match parts:
        case []:
            return pc.equal(array, "")
        case [str() as text]:
            return pc.equal(array, text)
        case [wildcard] if wildcard is _ANY_TEXT:
            return pc.if_else(pc.is_valid(array), True, pa.scalar(None, pa.bool_()))
        case [str() as text, wildcard] if wildcard is _ANY_TEXT:
            return pc.starts_with(array, text)
        case [wildcard, str() as text] if wildcard is _ANY_TEXT:
            return pc.ends_with(array, text)
        case [first, *inner, last] if first is last is _ANY_TEXT and _ANY_CHARACTER not in inner:
            return contains_in_order(array, [part for part in inner if isinstance(part, str)])
        case _:
            return _match_regex(array, parts)


def _match_regex(array: pa.Array, parts: list[object]) -> pa.Array:
    """Only texts that contain all pieces of the pattern are given to the (slower) regular expression."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def piece(part: object) -> str:
        if isinstance(part, str):
            return _quote(part)
        return ".*" if part is _ANY_TEXT else "."

    # Any text before or after needs no match of its own: leave the expression open at that end.
    start, stop = ("" if parts[0] is _ANY_TEXT else "^"), ("" if parts[-1] is _ANY_TEXT else "$")
    inner = parts[parts[0] is _ANY_TEXT : len(parts) - (parts[-1] is _ANY_TEXT)]
    expression = "(?s)" + start + "".join(map(piece, inner)) + stop
    pieces = [part for part in parts if isinstance(part, str)]
    if not pieces:
        return pc.match_substring_regex(array, expression)
    candidates = contains_in_order(array, pieces)
    rows = np.flatnonzero(pc.fill_null(candidates, False).to_numpy(zero_copy_only=False))
    matched = np.zeros(len(array), np.bool_)
    matched[rows] = pc.match_substring_regex(array.take(pa.array(rows)), expression).to_numpy(zero_copy_only=False)
    return pa.array(matched, mask=None if array.null_count == 0 else ~array.is_valid().to_numpy(zero_copy_only=False))


_SPECIAL: Final = re.compile(r"[\\.+*?()|\[\]{}^$]")


def _quote(text: str) -> str:
    return _SPECIAL.sub(lambda match: "\\" + match[0], text)


# -- regular expressions ----------------------------------------------------------------------

_REGEX_2: Final = overload(VARCHAR, VARCHAR, BOOLEAN)
_REGEX_3: Final = overload(VARCHAR, VARCHAR, VARCHAR, BOOLEAN)


@scalar(
    "regexp_matches",
    resolver("regexp_matches", _REGEX_2, _REGEX_3),
    example=("SELECT regexp_matches('abc', 'b.')", "true"),
    summary="Whether a regular expression is found in a text; flags c, i, l, s.",
)
@for_each_constant(1, 2)
def _regexp_matches(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """Whether the pattern is found anywhere; flags c, i, l, s."""
    return _search(arguments, "{}")


@scalar(
    "regexp_full_match",
    resolver("regexp_full_match", _REGEX_2, _REGEX_3),
    example=("SELECT regexp_full_match('abc', 'b.')", "false"),
    summary="Whether a regular expression describes the whole text; flags c, i, l, s.",
)
@for_each_constant(1, 2)
def _regexp_full_match(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """Whether the pattern describes the whole text; flags c, i, l, s."""
    return _search(arguments, r"\A(?:{})\z")


def _search(arguments: Sequence[Vector], frame: str) -> Vector:
    import pyarrow.compute as pc

    if any_null_constant(arguments):
        return null_vector(BOOLEAN, arguments)
    pattern, flags = _constants("regular expression", arguments[1:])
    prefix, body, _ = expression_of(pattern, flags, "")
    expression = prefix + frame.format(body)
    return map_values(arguments[0], BOOLEAN, lambda array: guarded(pc.match_substring_regex, array, expression))


@scalar(
    "regexp_replace",
    resolver(
        "regexp_replace",
        overload(VARCHAR, VARCHAR, VARCHAR, VARCHAR),
        overload(VARCHAR, VARCHAR, VARCHAR, VARCHAR, VARCHAR),
    ),
    example=("SELECT regexp_replace('hello', 'l+', 'L')", "heLo"),
    summary="A text with the first match of a regular expression (all with flag g) replaced.",
)
@for_each_constant(1, 2, 3)
def _regexp_replace(arguments: Sequence[Vector], result: SqlType) -> Vector:
    r"""The first match replaced, all of them with flag g; `\1` in the replacement is the first group."""
    import pyarrow.compute as pc

    if any_null_constant(arguments):
        return null_vector(result, arguments)
    pattern, replacement, *rest = (constant_text("regular expression", argument) for argument in arguments[1:])
    prefix, body, everywhere = expression_of(pattern, rest[0] if rest else "", "g")
    most = None if everywhere else 1
    return map_values(
        arguments[0],
        VARCHAR,
        lambda array: guarded(pc.replace_substring_regex, array, prefix + body, replacement, max_replacements=most),
    )


@scalar(
    "regexp_extract",
    resolver(
        "regexp_extract",
        overload(VARCHAR, VARCHAR, VARCHAR),
        overload(VARCHAR, VARCHAR, INTEGER, VARCHAR),
        overload(VARCHAR, VARCHAR, INTEGER, VARCHAR, VARCHAR),
    ),
    example=("SELECT regexp_extract('abc', 'b(.)', 1)", "c"),
    summary="The first match of a regular expression, or one of its groups.",
)
@for_each_constant(1, 2, 3)
def _regexp_extract(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """The first match, or one of its groups; an empty text if there is none."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    pattern = constant_text("regular expression", arguments[1])
    group = int(arguments[2].arrow()[0].as_py()) if len(arguments) > 2 and arguments[2].constant else 0
    if len(arguments) > 2 and not arguments[2].constant:
        raise NotSupportedError("a regular expression's group has to be a constant")
    prefix, body, _ = expression_of(pattern, constant_text("flags", arguments[3]) if len(arguments) > 3 else "", "")
    named, count = _with_named_groups(body)
    if group < 0 or group > 9:
        raise DataError(f"Group index {group} must be between 0 and 9")
    if group > count:
        return map_values(arguments[0], VARCHAR, _blank)
    expression = f"{prefix}(?P<g0>{named})"
    return map_values(arguments[0], VARCHAR, lambda array: _extract(array, expression, f"g{group}"))


def _extract(array: pa.Array, expression: str, group: str) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.struct_field(guarded(pc.extract_regex, array, expression), group)
    return pc.if_else(pc.is_valid(array), pc.fill_null(found, ""), pa.scalar(None, pa.string()))


def _blank(array: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pc.is_valid(array), "", pa.scalar(None, pa.string()))


def _with_named_groups(pattern: str) -> tuple[str, int]:
    """`pattern` with its groups named g1, g2, … as Arrow wants them, and how many there are."""
    parts: list[str] = []
    count = 0
    inside_class = False
    position = 0
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            parts.append(pattern[position : position + 2])
            position += 2
            continue
        if character == "[":
            inside_class = True
        elif character == "]":
            inside_class = False
        elif character == "(" and not inside_class:
            name = re.match(r"\(\?P?<[^>]*>", pattern[position:])
            if name is not None or not pattern.startswith("(?", position):
                count += 1
                parts.append(f"(?P<g{count}>")
                position += len(name[0]) if name is not None else 1
                continue
        parts.append(character)
        position += 1
    return "".join(parts), count


def group_count(pattern: str) -> int:
    """The number of groups of a regular expression."""
    return _with_named_groups(pattern)[1]


def expression_of(pattern: str, flags: str, extra: str) -> tuple[str, str, bool]:
    """(RE2 flags to put in front, pattern, whether flag g was given)."""
    modes = ""
    everywhere = False
    for flag in flags:
        match flag:
            case "c":
                modes = modes.replace("i", "")
            case "i" | "s":
                modes += flag
            case "l":
                pattern = _quote(pattern)
            case "g" if extra == "g":
                everywhere = True
            case _:
                raise NotSupportedError(f"the regular expression flag {flag!r} is not supported (c, g, i, l, s are)")
    return (f"(?{modes})" if modes else ""), pattern, everywhere


def _constants(what: str, arguments: Sequence[Vector]) -> tuple[str, str]:
    values = [constant_text(what, argument) for argument in arguments]
    return values[0], values[1] if len(values) > 1 else ""


def constant_text(what: str, argument: Vector) -> str:
    """The text of a constant argument."""
    if not argument.constant:
        raise NotSupportedError(f"a {what} has to be a constant here, not a column")
    value: str = argument.arrow()[0].as_py()
    return value


def guarded(function: object, array: pa.Array, *arguments: object, **options: object) -> pa.Array:
    """An Arrow call whose complaint about the pattern becomes ours."""
    import pyarrow as pa

    try:
        return function(array, *arguments, **options)  # type: ignore[operator]
    except pa.ArrowInvalid as error:
        raise DataError(f"invalid regular expression: {error}") from error
