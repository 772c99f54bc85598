"""Functions of text that count what readers see as one letter or symbol (grapheme clusters), not code points.

Clusters are found by one regular expression, after Unicode Standard Annex #29, "Unicode Text Segmentation",
rules GB3 to GB13 of Unicode 15.1. In ASCII text every character counts as a cluster.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final

from sqlengine.functions.overloads import overload
from sqlengine.functions.text import substring_bounds
from sqlengine.functions.text_function import text_function
from sqlengine.types import BIGINT, VARCHAR

if TYPE_CHECKING:
    import pyarrow as pa


# What may stand between a picture and the joiner after it besides accents: variants, skin tones, tags.
_MODIFIERS: Final = " 200c fe00-fe0f 1f3fb-1f3ff e0020-e007f"


def clusters(text: str) -> list[str]:
    """The grapheme clusters of a text, in order."""
    return list(text) if text.isascii() else _pattern().findall(text)


@functools.cache
def _pattern() -> re.Pattern[str]:
    from sqlengine.functions import grapheme_data as data

    def characters(ranges: str) -> str:
        return "".join(
            f"\\U{first:08x}-\\U{last:08x}"
            for first, _, last in ((int(a, 16), b, int(c or a, 16)) for a, b, c in _ranges(ranges))
        )

    extending = f"[{characters(data.EXTENDING)}\\u200d]"
    pictographic = f"[{characters(data.PICTOGRAPHIC)}]"
    control = f"[{characters(data.CONTROL)}]"
    # A syllable LV may be followed by more vowels; LVT, by final consonants only.
    vowels = "[\\u1160-\\u11a7\\ud7b0-\\ud7c6]"
    finals = "[\\u11a8-\\u11ff\\ud7cb-\\ud7fb]"
    open_syllables = "".join(map(chr, range(0xAC00, 0xD7A4, 28)))
    hangul = (
        f"[\\u1100-\\u115f\\ua960-\\ua97c]*(?:(?:[{open_syllables}]|{vowels}){vowels}*|[\\uac00-\\ud7a3]){finals}*"
        f"|[\\u1100-\\u115f\\ua960-\\ua97c]+|{finals}+"
    )
    consonant = f"[{characters(data.CONSONANTS)}]"
    linker, between = (f"[{characters(ranges)}]" for ranges in (data.LINKERS, data.LINKERS + data.CONJOINING))
    core = (
        f"(?:[\\U0001f1e6-\\U0001f1ff]{{2}}|{hangul}"
        f"|{pictographic}(?:[{characters(data.CONJOINING + _MODIFIERS)}]*\\u200d{pictographic})*"
        f"|{consonant}(?:{between}*{linker}{between}*{consonant})*|(?!{control})[\\s\\S])"
    )
    prepended = f"[{characters(data.PREPENDED)}]"
    return re.compile(f"\\r\\n|{control}|{prepended}*{core}{extending}*|{prepended}+{extending}*")


def _ranges(text: str) -> list[tuple[str, str, str]]:
    return [each.partition("-") for each in text.split()]


def _reverse(text: str) -> str:
    return text[::-1] if text.isascii() else "".join(reversed(clusters(text)))


def _reverse_array(array: pa.Array) -> pa.Array | None:
    import pyarrow.compute as pc

    return pc.ascii_reverse(array) if pc.all(pc.string_is_ascii(array)).as_py() is not False else None


def _part(text: str, start: int, length: int | None = None) -> str:
    parts = clusters(text)
    begin, end = substring_bounds(len(parts), start, length)
    return "".join(parts[begin:end])


text_function(
    "reverse",
    overload(VARCHAR, VARCHAR),
    one=_reverse,
    many=_reverse_array,
    example=("SELECT reverse('abc')", "cba"),
    summary="A text backwards; letters keep their accents.",
)
text_function(
    "length_grapheme",
    overload(VARCHAR, BIGINT),
    one=lambda text: len(clusters(text)),
    example=("SELECT length_grapheme('🤦🏼‍♂️')", "1"),
    summary="The number of grapheme clusters of a text.",
)
text_function(
    "left_grapheme",
    overload(VARCHAR, BIGINT, VARCHAR),
    one=lambda text, count: "".join(clusters(text)[:count]),
    example=("SELECT left_grapheme('🤦🏼‍♂️ok', 1)", "🤦🏼‍♂️"),
    summary="The first so many grapheme clusters; a negative number leaves so many out at the end.",
)
text_function(
    "right_grapheme",
    overload(VARCHAR, BIGINT, VARCHAR),
    one=lambda text, count: "".join(clusters(text)[-count:]) if count else "",
    example=("SELECT right_grapheme('ok🤦🏼‍♂️', 1)", "🤦🏼‍♂️"),
    summary="The last so many grapheme clusters; a negative number leaves so many out at the start.",
)
text_function(
    "substring_grapheme",
    overload(VARCHAR, BIGINT, VARCHAR),
    overload(VARCHAR, BIGINT, BIGINT, VARCHAR),
    one=_part,
    example=("SELECT substring_grapheme('ok🤦🏼‍♂️', 3, 1)", "🤦🏼‍♂️"),
    summary="A part of a text, from a position on and so many grapheme clusters long.",
)
