"""JSON documents as Python values: read, written compactly, and walked by paths. One document at a time, in Python."""

from __future__ import annotations

import decimal
import json
import math
import re
from collections.abc import Callable, Iterator
from json.encoder import encode_basestring
from typing import Any, Final, TypeVar

from sqlengine.errors import ConversionError, DataError

T = TypeVar("T")

# A part of a path: a key, an index (from the end if negative), every element or member, or every descendant.
EVERY: Final = "[*]"
MEMBERS: Final = ".*"
DESCENDANTS: Final = ".."
Step = tuple[str, Any]

MISSING: Final = object()


def parse(text: str) -> Any:
    """The document as dict, list, str, int, float, bool, None.

    Raises
    ------
    ConversionError
        It is not JSON.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ConversionError(
            f"Malformed JSON: {error}. Input: {text if len(text) < 80 else text[:79] + '…'}"
        ) from None


def is_valid(text: str) -> bool:
    """Whether a text is JSON."""
    try:
        parse(text)
    except ConversionError:
        return False
    return True


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def dump(tree: Any) -> str:
    """The document without blanks."""
    if isinstance(tree, dict | list):
        text = _ENCODER.encode(tree)
        # Python writes the exponents of numbers in another way: 1e-07.
        return _dump(tree) if "e-" in text or "e+" in text or "\\u00" in text else text
    return _dump(tree)


def _dump(tree: Any) -> str:
    match tree:
        case None:
            return "null"
        case bool():
            return "true" if tree else "false"
        case str():
            return quote(tree)
        case float():
            return float_text(tree)
        case list():
            return f"[{','.join(map(_dump, tree))}]"
        case dict():
            return "{" + ",".join(f"{quote(key)}:{_dump(value)}" for key, value in tree.items()) + "}"
        case _:
            return str(tree)


def quote(text: str) -> str:
    """A text as a JSON string."""
    quoted: str = encode_basestring(text)
    return _ESCAPED.sub(_in_capitals, quoted) if "\\u00" in quoted else quoted


# Backslashes that are written, and control characters whose number has a letter, which DuckDB writes large.
_ESCAPED: Final = re.compile(r"\\\\|\\u00[01][a-f]")


def _in_capitals(found: re.Match[str]) -> str:
    return found[0] if found[0] == "\\\\" else "\\u00" + found[0][4:].upper()


def float_text(value: float) -> str:
    """The fewest digits; without an exponent up to 21 digits."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    text = repr(value)
    if "e" not in text:
        return text
    if 1e-7 < abs(value) < 1e21:
        plain = format(decimal.Decimal(text), "f")
        return plain if "." in plain else plain + ".0"
    return re.sub(r"e([+-]?)0*", lambda found: "e" + found[1].removeprefix("+"), text)


def type_name(tree: Any) -> str:
    """What DuckDB's json_type says."""
    match tree:
        case None:
            return "NULL"
        case bool():
            return "BOOLEAN"
        case str():
            return "VARCHAR"
        case int():
            if tree >= 0:
                return "UBIGINT" if tree < 2**64 else "DOUBLE"
            return "BIGINT" if tree >= -(2**63) else "DOUBLE"
        case float():
            return "DOUBLE"
        case list():
            return "ARRAY"
        case _:
            return "OBJECT"


_STEP: Final = re.compile(
    r"""\.\.|\.\*|\[\*\]|\.?"((?:[^"\\]|\\.)*)"|\.([^.\["*]+)|\[(#?-?\d+|\#)\]|\["((?:[^"\\]|\\.)*)"\]|\[\#\]"""
)


def path_of(path: object) -> list[Step]:
    """The steps of a path: `$.a[0]`, `/a/0`, a bare key, or an index.

    Raises
    ------
    DataError
        A path that starts with $ and goes wrong.
    """
    if isinstance(path, int):
        return [("index", path)]
    text = str(path)
    if text.startswith("/"):
        parts = [part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/")]
        return [("pointer", part) for part in parts]
    if not text.startswith("$"):
        return [("key", text)] if text else []
    steps: list[Step] = []
    at = 1
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise DataError(f"JSON path error near '{text[at:]}'")
        steps.append(_step(match, text))
        at = match.end()
        if steps[-1][0] == DESCENDANTS and at < len(text) and text[at] not in '.["*':
            # `$..name`: the name follows without a dot of its own.
            name = re.match(r"[^.\[]+", text[at:])
            assert name is not None
            steps.append(("key", name[0]))
            at += name.end()
    return steps


def _step(match: re.Match[str], path: str) -> Step:
    text = match[0]
    if text in (DESCENDANTS, MEMBERS, EVERY):
        return (text, None)
    quoted = match[1] if match[1] is not None else match[4]
    if quoted is not None:
        return ("key", re.sub(r"\\(.)", r"\1", quoted))
    if match[2] is not None:
        return ("key", match[2])
    index = match[3].removeprefix("#")
    return ("index", int(index)) if index else ("index", None)


def has_wildcard(steps: list[Step]) -> bool:
    """Whether a path may lead to several places."""
    return any(kind in (EVERY, MEMBERS, DESCENDANTS) for kind, _ in steps)


def find(tree: Any, steps: list[Step]) -> Any:
    """What a path without wildcards leads to; MISSING if nothing."""
    for kind, value in steps:
        tree = _child(tree, kind, value)
        if tree is MISSING:
            return MISSING
    return tree


def find_all(tree: Any, steps: list[Step]) -> Iterator[Any]:
    """Everything a path leads to."""
    if not steps:
        yield tree
        return
    (kind, value), rest = steps[0], steps[1:]
    if kind == DESCENDANTS:
        for each in _descendants(tree):
            yield from find_all(each, rest)
    elif kind in (EVERY, MEMBERS):
        wanted = list if kind == EVERY else dict
        if isinstance(tree, wanted):
            for each in tree if isinstance(tree, list) else tree.values():
                yield from find_all(each, rest)
    else:
        child = _child(tree, kind, value)
        if child is not MISSING:
            yield from find_all(child, rest)


def _descendants(tree: Any) -> Iterator[Any]:
    yield tree
    for each in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _descendants(each)


def _child(tree: Any, kind: str, value: Any) -> Any:
    if isinstance(tree, dict):
        return tree.get(value, MISSING) if kind in ("key", "pointer") else MISSING
    if isinstance(tree, list) and value is not None:
        if kind == "pointer":
            if not value.isdigit():
                return MISSING
            value = int(value)
        elif kind != "index":
            return MISSING
        return tree[value] if -len(tree) <= value < len(tree) else MISSING
    return MISSING


def each_text(texts: list[T | None], convert: Callable[[T], Any]) -> list[Any]:
    """`convert` of every distinct text or other value; None stays None."""
    known: dict[T, Any] = {}
    for text in texts:
        if text is not None and text not in known:
            known[text] = convert(text)
    return [None if text is None else known[text] for text in texts]


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
