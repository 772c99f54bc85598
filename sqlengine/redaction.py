"""Texts that people see, without the secrets in them: passwords and tokens in URLs, storage options."""

from __future__ import annotations

import re
from typing import Final

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")
_USER: Final = re.compile(r"(?<=://)[^/@?#]*(?=@)")
_VALUE: Final = re.compile(r"(?<==)[^&#]+")
_OPTIONS: Final = re.compile(r"storage_options\s*(?::?=|=>)?\s*(?:MAP\s*)?\{", re.IGNORECASE)


def redacted(text: str) -> str:
    """`text` with stars for user and password and the values of the query in each URL, and for all storage options.

    There are as many stars as there were characters: places in the text stay what they are.
    """
    if "://" in text:
        text = _URL.sub(lambda match: _redacted_url(match[0]), text)
    for match in _OPTIONS.finditer(text):
        stop = _closing(text, match.end())
        text = text[: match.end()] + re.sub(r"[^\n]", "*", text[match.end() : stop]) + text[stop:]
    return text


def _redacted_url(url: str) -> str:
    url = _USER.sub(_stars, url)
    base, mark, query = url.partition("?")
    return base + mark + _VALUE.sub(_stars, query)


def _stars(match: re.Match[str]) -> str:
    return "*" * len(match[0])


def _closing(text: str, start: int) -> int:
    """Where the brace that was opened before `start` is closed; the end if nowhere. Texts in quotes do not count."""
    depth, quote = 1, ""
    for position in range(start, len(text)):
        character = text[position]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            depth += (character == "{") - (character == "}")
            if not depth:
                return position
    return len(text)
