"""Unicode normal forms, and text laid over text."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from sqlengine.functions.overloads import overload
from sqlengine.functions.text_function import text_function
from sqlengine.types import BIGINT, VARCHAR

if TYPE_CHECKING:
    import pyarrow as pa


def _strip_accents(text: str) -> str:
    if text.isascii():
        return text
    kept = [c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) not in ("Mn", "Mc", "Me")]
    return unicodedata.normalize("NFC", "".join(kept))


def _nfc(array: pa.Array) -> Any:
    import pyarrow.compute as pc

    return pc.utf8_normalize(array, form="NFC")


def _overlay(text: str, other: str, start: int, length: int | None = None) -> str:
    begin = start - 1
    end = begin + (len(other) if length is None or length < 0 else length)
    return text[: max(begin, 0)] + other + text[max(end, 0) :]


text_function(
    "strip_accents",
    overload(VARCHAR, VARCHAR),
    one=_strip_accents,
    example=("SELECT strip_accents('mühleisen')", "muhleisen"),
    summary="A text without the accents of its letters.",
)
text_function(
    "nfc_normalize",
    overload(VARCHAR, VARCHAR),
    one=lambda text: unicodedata.normalize("NFC", text),
    many=_nfc,
    example=("SELECT length(nfc_normalize('e' || chr(769)))", "1"),
    summary="A text in Unicode's composed normal form.",
)
text_function(
    "overlay",
    overload(VARCHAR, VARCHAR, BIGINT, VARCHAR),
    overload(VARCHAR, VARCHAR, BIGINT, BIGINT, VARCHAR),
    one=_overlay,
    example=("SELECT overlay('abcdef', 'XX', 2, 3)", "aXXef"),
    summary="A text with a part of it, from a position on, replaced by another text.",
)
