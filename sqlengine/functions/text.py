"""Functions of text. Positions and lengths count Unicode characters (code points), from 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlengine.errors import DataError, OutOfRangeError
from sqlengine.functions.overloads import overload
from sqlengine.functions.substring_search import contains_in_order
from sqlengine.functions.text_function import text_function
from sqlengine.types import BIGINT, BLOB, BOOLEAN, INTEGER, VARCHAR

if TYPE_CHECKING:
    import pyarrow as pa

_UNARY: Final = overload(VARCHAR, VARCHAR)
_COUNT: Final = overload(VARCHAR, BIGINT)

# Longer results are refused rather than built.
_LONGEST: Final = 2**31 - 1
_LARGEST_OFFSET: Final = 2**32 - 1


def _compute(name: str) -> Any:
    import pyarrow.compute as pc

    return getattr(pc, name)


def _arrow(name: str) -> Any:
    """The Arrow function of that name as an array form."""
    return lambda array, *constants: _compute(name)(array, *constants)


# -- length, case, order ----------------------------------------------------------------------

text_function(
    "length",
    _COUNT,
    one=len,
    many=_arrow("utf8_length"),
    aliases=("len", "char_length", "character_length"),
    example=("SELECT length('naïve')", "5"),
    summary="The number of characters of a text.",
)
text_function(
    "strlen",
    _COUNT,
    one=lambda text: len(text.encode()),
    many=_arrow("binary_length"),
    example=("SELECT strlen('naïve')", "6"),
    summary="The number of bytes of a text.",
)
text_function(
    "octet_length",
    overload(BLOB, BIGINT),
    one=len,
    many=_arrow("binary_length"),
    example=("SELECT octet_length('\\xAA\\xBB'::BLOB)", "2"),
    summary="The number of bytes of a blob.",
)
text_function(
    "bit_length",
    _COUNT,
    one=lambda text: len(text.encode()) * 8,
    example=("SELECT bit_length('abc')", "24"),
    summary="The number of bits of a text.",
)
text_function(
    "lower",
    _UNARY,
    one=str.lower,
    many=_arrow("utf8_lower"),
    aliases=("lcase",),
    example=("SELECT lower('ABC')", "abc"),
    summary="A text in lower case.",
)
text_function(
    "upper",
    _UNARY,
    one=str.upper,
    many=_arrow("utf8_upper"),
    aliases=("ucase",),
    example=("SELECT upper('abc')", "ABC"),
    summary="A text in upper case.",
)


# -- parts ------------------------------------------------------------------------------------


def substring_bounds(size: int, start: int, length: int | None) -> tuple[int, int]:
    """(first, one after last) of a part of `size` things, from 0.

    Negative starts count from the end; a negative length takes what stands before the start.
    """
    if abs(start) > _LARGEST_OFFSET or (length is not None and abs(length) > _LARGEST_OFFSET):
        raise OutOfRangeError(f"Substring offset outside of supported range (> {_LARGEST_OFFSET})")
    begin = start - 1 if start >= 0 else size + start
    end = size if length is None else begin + length
    if end < begin and length is not None:
        begin, end = end, begin
    return max(begin, 0), max(end, 0)


def _substring(text: str, start: int, length: int | None = None) -> str:
    begin, end = substring_bounds(len(text), start, length)
    return text[begin:end]


def _substring_array(array: pa.Array, start: int, length: int | None = None) -> pa.Array | None:
    if start == 0 or abs(start) > _LARGEST_OFFSET or (length is not None and not 0 <= length <= _LARGEST_OFFSET):
        return None
    begin = start - 1 if start > 0 else start
    stop = None if length is None else begin + length
    if start < 0 and stop is not None and stop >= 0:
        stop = None
    return _compute("utf8_slice_codeunits")(array, begin, stop)


text_function(
    "substring",
    overload(VARCHAR, BIGINT, VARCHAR),
    overload(VARCHAR, BIGINT, BIGINT, VARCHAR),
    one=_substring,
    many=_substring_array,
    aliases=("substr",),
    example=("SELECT substring('hello', 2, 3)", "ell"),
    summary="A part of a text, from a position on and so many characters long; negative positions count from the end.",
)

text_function(
    "left",
    overload(VARCHAR, BIGINT, VARCHAR),
    one=lambda text, count: text[:count],
    many=lambda array, count: _compute("utf8_slice_codeunits")(array, 0, count),
    example=("SELECT left('hello', 2)", "he"),
    summary="The first so many characters; a negative number leaves so many out at the end.",
)


def _right(text: str, count: int) -> str:
    return text[-count:] if count else ""


text_function(
    "right",
    overload(VARCHAR, BIGINT, VARCHAR),
    one=_right,
    example=("SELECT right('hello', 2)", "lo"),
    summary="The last so many characters; a negative number leaves so many out at the start.",
)


def _split_part(text: str, separator: str, position: int) -> str:
    parts = text.split(separator) if separator else list(text)
    index = position - 1 if position > 0 else len(parts) + position
    return parts[index] if position and 0 <= index < len(parts) else ""


text_function(
    "split_part",
    overload(VARCHAR, VARCHAR, BIGINT, VARCHAR),
    one=_split_part,
    example=("SELECT split_part('a,b,c', ',', 2)", "b"),
    summary="One of the parts of a text between separators, counted from 1, or from the end if negative.",
)


# -- trimming and padding ---------------------------------------------------------------------

for _name, _strip, _kernel, _shown, _side in (
    ("trim", str.strip, "utf8_trim", "a", "at both ends"),
    ("ltrim", str.lstrip, "utf8_ltrim", "axx", "at its start"),
    ("rtrim", str.rstrip, "utf8_rtrim", "xxa", "at its end"),
):
    text_function(
        _name,
        _UNARY,
        overload(VARCHAR, VARCHAR, VARCHAR),
        one=lambda text, characters=" ", strip=_strip: strip(text, characters),
        many=lambda array, characters=" ", kernel=_kernel: _compute(kernel)(array, characters),
        example=(f"SELECT {_name}('xxaxx', 'x')", _shown),
        summary=f"A text without spaces, or other characters, {_side}.",
    )


def _padding(count: int, filler: str, side: str) -> str:
    if count > 0 and not filler:
        raise DataError(f"Insufficient padding in {side}.")
    return (filler * (count // len(filler) + 1))[:count] if count > 0 else ""


text_function(
    "lpad",
    overload(VARCHAR, INTEGER, VARCHAR, VARCHAR),
    one=lambda text, width, filler: _padding(width - len(text), filler, "LPAD") + text[: max(width, 0)],
    example=("SELECT lpad('7', 3, '0')", "007"),
    summary="A text filled up on the left, or cut, to a length.",
)
text_function(
    "rpad",
    overload(VARCHAR, INTEGER, VARCHAR, VARCHAR),
    one=lambda text, width, filler: text[: max(width, 0)] + _padding(width - len(text), filler, "RPAD"),
    example=("SELECT rpad('7', 3, '0')", "700"),
    summary="A text filled up on the right, or cut, to a length.",
)


# -- searching and replacing ------------------------------------------------------------------

for _name, _alias, _test, _form in (
    ("starts_with", "prefix", str.startswith, _arrow("starts_with")),
    ("ends_with", "suffix", str.endswith, _arrow("ends_with")),
    ("contains", None, str.__contains__, lambda array, part: contains_in_order(array, [part]) if part else None),
):
    text_function(
        _name,
        overload(VARCHAR, VARCHAR, BOOLEAN),
        one=_test,
        many=_form,
        aliases=() if _alias is None else (_alias,),
        example=(f"SELECT {_name}('abca', 'a')", "true"),
        summary=f"Whether a text {_name.replace('_', ' ')} another text.",
    )

text_function(
    "strpos",
    overload(VARCHAR, VARCHAR, BIGINT),
    one=lambda text, part: text.find(part) + 1,
    aliases=("instr", "position"),
    example=("SELECT strpos('hello', 'l')", "3"),
    summary="The position of a text in another, from 1; 0 if it is not there.",
)
text_function(
    "replace",
    overload(VARCHAR, VARCHAR, VARCHAR, VARCHAR),
    one=lambda text, old, new: text.replace(old, new) if old else text,
    many=lambda array, old, new: _compute("replace_substring")(array, old, new) if old else array,
    example=("SELECT replace('hello', 'l', 'L')", "heLLo"),
    summary="A text with every occurrence of another text replaced.",
)


def _translate(text: str, old: str, new: str) -> str:
    table: dict[int, str | None] = {}
    for index, character in enumerate(old):
        table.setdefault(ord(character), new[index] if index < len(new) else None)
    return text.translate(table)


text_function(
    "translate",
    overload(VARCHAR, VARCHAR, VARCHAR, VARCHAR),
    one=_translate,
    example=("SELECT translate('hello', 'el', 'ip')", "hippo"),
    summary="A text with some characters replaced by others, or left out.",
)


# -- making text ------------------------------------------------------------------------------


def _repeat(text: str, count: int) -> str:
    if count > 0 and len(text) * count > _LONGEST:
        raise OutOfRangeError(f"repeat would make a text of {len(text) * count} characters")
    return text * count


text_function(
    "repeat",
    overload(VARCHAR, BIGINT, VARCHAR),
    overload(BLOB, BIGINT, BLOB),
    one=_repeat,
    example=("SELECT repeat('ab', 3)", "ababab"),
    summary="A text or blob so many times.",
)


def _chr(code: int) -> str:
    if not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise DataError(f"Invalid UTF8 Codepoint {code}")
    return chr(code)


text_function(
    "chr",
    overload(INTEGER, VARCHAR),
    one=_chr,
    example=("SELECT chr(228)", "ä"),
    summary="The character of a Unicode code point.",
)
text_function(
    "ascii",
    overload(VARCHAR, INTEGER),
    one=lambda text: ord(text[0]) if text else 0,
    example=("SELECT ascii('a')", "97"),
    summary="The code point of the first character; 0 for an empty text.",
)
text_function(
    "unicode",
    overload(VARCHAR, INTEGER),
    one=lambda text: ord(text[0]) if text else -1,
    aliases=("ord",),
    example=("SELECT unicode('ä')", "228"),
    summary="The code point of the first character; -1 for an empty text.",
)
