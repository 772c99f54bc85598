"""Whether typed text is a whole script: the one thing the prompt must know of SQL."""

from __future__ import annotations

import re
from typing import Final

# Quotes and comments as one piece each, unfinished ones to the end of the text. Any other character is a piece.
_PIECE: Final = re.compile(
    r"""
      (?P<quoted> '(?:[^']|'')*'? | "(?:[^"]|"")*"? | \$(?P<tag>\w*)\$ .*? (?: \$(?P=tag)\$ | \Z ) )
    | (?P<comment> --[^\n]* | /\* .*? (?: \*/ | \Z ) )
    | (?P<blank> \s+ )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)


def is_complete(text: str) -> bool:
    """Whether the last statement is ended by a semicolon (outside quotes and comments).

    >>> is_complete("SELECT 1;  -- one"), is_complete("SELECT ';"), is_complete("SELECT 1; SELECT 2")
    (True, False, False)
    """
    last = ""
    for piece in _PIECE.finditer(text):
        if piece["comment"] is None and piece["blank"] is None:
            last = piece[0]
    return last == ";"


def open_quote(text: str) -> str | None:
    """What stands after the single quote that `text` leaves open, or None: the path being typed.

    >>> open_quote("SELECT * FROM 'data/tr")
    'data/tr'
    """
    pieces = list(_PIECE.finditer(text))
    last = pieces[-1] if pieces else None
    if last is None or not last[0].startswith("'") or last.end() != len(text):
        return None
    inside = last[0][1:]
    return None if len(re.findall("'", inside)) % 2 else inside
