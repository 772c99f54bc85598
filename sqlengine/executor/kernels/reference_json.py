"""What the loops of `json_scanning` compute, by Python's own parser; for tests."""

from __future__ import annotations

import json
import re
from typing import Any, Final

_BLANKS: Final = " \t\r\n"
_Extents = list[tuple[int, int]]


def reference_values(text: str, commas: int, last: bool) -> _Extents | None:
    """(start, stop) of each value of ASCII `text`, a line at a time if `commas` is 0; None if it is something else."""
    found: _Extents = []
    lines = text.split("\n") if commas == 0 else [text]
    begin = 0
    for line in lines:
        at = _skip(line, 0)
        while at < len(line):
            end = _decoded(line, at)
            if end is None:
                return None
            found.append((begin + at, begin + end))
            at = _skip(line, end)
            if commas == 0 and at < len(line):
                return None
            if commas == 1:
                if at == len(line):
                    if not last:
                        return None
                elif line[at] != ",":
                    return None
                else:
                    at = _skip(line, at + 1)
                    if at == len(line) and last:
                        return None
        begin += len(line) + 1
    return found


def reference_members(text: str, keys: list[str]) -> tuple[list[Any], int] | None:
    """The values of `keys` in the object `text` (None: null, or not there), and how many others there are."""
    tree = json.loads(text, object_pairs_hook=list)
    if text == "null":
        return [None] * len(keys), 0
    names = [name for name, _ in tree] if text.startswith("{") else None
    if names is None or len(set(names) & set(keys)) < sum(name in keys for name in names):
        return None
    pairs = dict(tree)
    return [pairs.get(key) for key in keys], sum(name not in keys for name in names)


def reference_written(text: str) -> str:
    """A value without the blanks outside of its strings."""
    return re.sub(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]', lambda found: found[1] or "", text)


def _decoded(text: str, at: int) -> int | None:
    """Behind the value at `at`."""
    try:
        tree, end = _DECODER.raw_decode(text, at)
        json.dumps(tree, ensure_ascii=False).encode()
    except ValueError:
        return None
    return end


def _refused(constant: str) -> Any:
    raise ValueError(constant)


_DECODER: Final = json.JSONDecoder(parse_constant=_refused)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at
