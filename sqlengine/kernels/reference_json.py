"""What the loops of `json_scanning` compute, by Python's own parser; for tests."""

from __future__ import annotations

import json
import re
from typing import Any, Final

_BLANKS: Final = " \t\r\n"
_Extents = list[tuple[int, int]]


def reference_find_values(text: str, commas: int, last: bool) -> _Extents | None:
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


def reference_find_members(text: str, keys: list[str]) -> tuple[list[Any], int] | None:
    """The values of `keys` in the object `text` (None: null, or not there), and how many others there are."""
    tree = json.loads(text, object_pairs_hook=list)
    if text == "null":
        return [None] * len(keys), 0
    names = [name for name, _ in tree] if text.startswith("{") else None
    if names is None or len(set(names) & set(keys)) < sum(name in keys for name in names):
        return None
    pairs = dict(tree)
    return [pairs.get(key) for key in keys], sum(name not in keys for name in names)


def reference_write_values(text: str) -> str:
    """A value without the blanks outside of its strings."""
    return re.sub(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]', lambda found: found[1] or "", text)


def reference_find_children(text: str, bracket: str) -> list[tuple[str | None, Any]] | None:
    """(name, value) of what is in the array or object `text`; None if it does not begin with that bracket."""
    if not text.startswith(bracket):
        return None
    tree = json.loads(text)
    return list(tree.items()) if bracket == "{" else [(None, element) for element in tree]


def reference_blank_values(text: bytes, extents: _Extents) -> bytes:
    """The text with 0 and blanks in the place of each value; a start of -1 is none."""
    for start, stop in extents:
        if start >= 0:
            text = text[:start] + b"0".ljust(stop - start) + text[stop:]
    return text


def reference_find_commas(elements: list[str], step: int) -> list[int]:
    """Places behind commas in the array of `elements`, without blanks: the first one `step` or more after the last."""
    found = []
    place = wanted = 1
    for element in elements[:-1]:
        place += len(element) + 1
        if place > wanted:
            found.append(place)
            wanted = place + step
    return found


def reference_find_boundary(text: str, commas: int) -> int:
    """Behind the last bracket, or with `commas` the last comma, that is in no string and no other bracket."""
    outline = re.sub(r'"(?:[^"\\]|\\.)*("|\\?$)', lambda found: "_" * len(found[0]), text, flags=re.DOTALL)
    depth = last = 0
    for at, mark in enumerate(outline, 1):
        depth += (mark in "[{") - (mark in "]}")
        if commas and depth < 0:
            return at
        if depth == 0 and mark in ("," if commas else "]}"):
            last = at
    return last


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
