"""JSON values in Python, one at a time: where Arrow's parser cannot go, and to say what is wrong."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlengine.errors import ConversionError, Error, FileFormatError
from sqlengine.functions.json_casts import from_trees
from sqlengine.functions.json_tree import dump
from sqlengine.storage.format import Field
from sqlengine.storage.json_blocks import Block, line_number
from sqlengine.storage.json_options import ARRAY, NEWLINE_DELIMITED
from sqlengine.storage.json_texts import Formats
from sqlengine.types import SqlType, TypeKind

_BLANK: Final = " \t\r\n"
# Numbers beyond DOUBLE, and halves of surrogate pairs, which Python takes for characters but cannot encode.
_MAY_BE_INFINITE: Final = re.compile(r"[eE]\+?\d{3}|\d{300}")
_MAY_BE_HALVED: Final = re.compile(r"\\u[dD][89a-fA-F]")

_Decode = Callable[[str, int], tuple[Any, int]]


class Members(dict[str, Any]):
    """An object some of whose keys stand more than once: written as it is, but neither a struct nor a map.

    `lenient`: the first of equal keys counts.
    """

    __slots__ = ("lenient", "pairs")

    def __init__(self, pairs: Sequence[tuple[str, Any]], lenient: bool) -> None:
        super().__init__(reversed(pairs))
        self.pairs = pairs
        self.lenient = lenient

    def items(self) -> Any:
        """All of them."""
        return self.pairs

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key that stands once."""
        if not self.lenient and sum(name == key for name, _ in self.pairs) > 1:
            raise ConversionError(f"the object {shorten(dump(self))} has the key {key!r} twice")
        return super().get(key, default)

    def __iter__(self) -> Iterator[str]:
        if not self.lenient:
            raise ConversionError(f"the object {shorten(dump(self))} has a key twice")
        return super().__iter__()


@dataclass(frozen=True, slots=True)
class Values:
    """The values of a block.

    Attributes
    ----------
    trees
        Parsed; None for null.
    places
        (start, end) of each in `text`.
    """

    block: Block
    text: str
    trees: list[Any]
    places: list[tuple[int, int]]

    def texts(self) -> list[str]:
        """Each value as it is written."""
        return [self.text[start:end] for start, end in self.places]


def parse_values(path: str, block: Block, lenient: bool, sample: tuple[int, int] | None = None) -> Values:
    """Parse a block.

    Parameters
    ----------
    lenient
        Lines that are no values are nulls.
    sample
        For guesses of types: how many values, and about how many characters, are enough; lines from all over the block.
        The last of equal keys counts, and numbers beyond DOUBLE are infinite.

    Raises
    ------
    FileFormatError
        Text that is no JSON, or no UTF-8; names the line.
    """
    try:
        text = block.data.decode()
    except UnicodeDecodeError as error:
        line = line_number(path, block.offset + error.start)
        shown = block.data[error.start : error.start + 20]
        raise FileFormatError(f"{path!r}, line {line}: {shown!r} is not UTF-8 text; convert the file") from None
    decode = _decoder(text, lenient, sample is not None)
    values = Values(block, text, [], [])
    if block.layout == NEWLINE_DELIMITED:
        lines = list(_lines(text))
        if sample is not None and lines:
            lines = lines[:: max(1, -(-len(lines) // sample[0]), -(-len(text) // sample[1]))]
        _parse_lines(path, values, lines, decode, lenient)
    else:
        _parse_stream(path, values, decode, sample)
    return values


def _parse_lines(path: str, values: Values, lines: Sequence[tuple[int, int]], decode: _Decode, lenient: bool) -> None:
    text, trees = values.text, values.trees
    for start, stop in lines:
        try:
            tree, end = decode(text, start)
            if end != stop:
                raise ValueError("the line is not one value; is the file newline-delimited?")
        except (ValueError, RecursionError) as error:
            if not lenient:
                raise _malformed(path, values.block, text, start, error) from None
            tree = None
        trees.append(tree)
    values.places.extend(lines)


def _parse_stream(path: str, values: Values, decode: _Decode, sample: tuple[int, int] | None) -> None:
    text, trees, block = values.text, values.trees, values.block
    at = _skip(text, 0)
    try:
        if at == len(text) and block.layout == ARRAY and block.last and not block.first:
            raise ValueError("a comma before the end of the array")
        while at < len(text):
            tree, end = decode(text, at)
            trees.append(tree)
            values.places.append((at, end))
            at = _next(text, end, block)
            if sample is not None and (end > sample[1] or len(trees) >= sample[0]):
                return
    except (ValueError, RecursionError) as error:
        raise _malformed(path, block, text, at, error) from None


def _decoder(text: str, lenient: bool, roughly: bool) -> _Decode:
    """What parses the value of `text` at a place and says where it ends; as little in Python as `text` allows."""
    if roughly:
        decode: _Decode = json.JSONDecoder().raw_decode
    else:
        decode = json.JSONDecoder(
            object_pairs_hook=_first_members if lenient else _members,
            parse_float=_finite if _MAY_BE_INFINITE.search(text) else None,
        ).raw_decode
    if not _MAY_BE_HALVED.search(text):
        return decode

    def decode_encodable(text: str, at: int) -> tuple[Any, int]:
        tree, end = decode(text, at)
        json.dumps(tree, ensure_ascii=False).encode()
        return tree, end

    return decode_encodable


def columns_of(
    path: str,
    values: Values,
    fields: Sequence[tuple[str | None, Field]],
    formats: Formats,
    lenient: bool,
    known: SqlType | None,
) -> list[Any]:
    """The values as Arrow arrays.

    Parameters
    ----------
    fields
        Of each column the key of its values in the objects, None for the values themselves; and its type.
    lenient
        A value that does not fit is NULL.
    known
        The type of the values if they may have no other members than it names.

    Raises
    ------
    ConversionError
        A value does not fit; names file, line, column, value and a remedy.
    """
    try:
        if known is not None:
            refuse_unknown(values.trees, known)
        return [
            from_trees(members_of(values.trees, key, lenient), field.type, lenient, formats.cast, True).arrow()
            for key, field in fields
        ]
    except (ConversionError, RecursionError) as error:
        from sqlengine.storage.json_errors import explain

        raise explain(path, values, fields, formats, known) from error


def members_of(trees: Sequence[Any], key: str | None, lenient: bool) -> list[Any]:
    """The member `key` of each object, NULL where there is none; the values themselves if it is None.

    Raises
    ------
    ConversionError
        A value is no object, unless `lenient`: then it is NULL.
    """
    if key is None:
        return list(trees)
    found: list[Any] = []
    for tree in trees:
        if not isinstance(tree, dict):
            if tree is not None and not lenient:
                raise ConversionError(f"{shorten(dump(tree))} is not an object")
            found.append(None)
        else:
            found.append(tree.get(key))
    return found


def refuse_unknown(trees: Sequence[Any], known: SqlType) -> None:
    """Raise ConversionError if an object among `trees`, or within them, has a member that its STRUCT has not."""
    if known.kind is TypeKind.STRUCT:
        types = dict(known.children)
        nested = {key for key, type_ in types.items() if type_.is_nested}
        for tree in trees:
            if isinstance(tree, dict):
                for key, value in tree.items():
                    if key not in types:
                        raise ConversionError(f"the object has the key {key!r}, which the sample of the files has not")
                    if key in nested:
                        refuse_unknown([value], types[key])
    elif known.is_list and known.element.is_nested:
        for tree in trees:
            if isinstance(tree, list):
                refuse_unknown(tree, known.element)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{shorten(text)} is beyond DOUBLE")
    return number


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Members(pairs, False)


def _first_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Members(pairs, True)


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each line that is not blank, without the blanks around it."""
    start = 0
    for line in text.split("\n"):
        inner = line.strip(_BLANK)
        if inner:
            first = start + line.index(inner)
            yield first, first + len(inner)
        start += len(line) + 1


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at


def _next(text: str, end: int, block: Block) -> int:
    """Where the value behind the one that ends at `end` begins; ValueError if something else is there."""
    at = _skip(text, end)
    if block.layout != ARRAY or (at == len(text) and block.last):
        return at
    if at == len(text) or text[at] != ",":
        raise ValueError("no comma behind the value")
    at = _skip(text, at + 1)
    if at == len(text) and block.last:
        raise ValueError("a comma before the end of the array")
    return at


def _malformed(path: str, block: Block, text: str, at: int, error: Exception) -> Error:
    if isinstance(error, RecursionError):
        reason = "it is nested too deeply"
    elif isinstance(error, UnicodeEncodeError):
        reason = "a string has half of a surrogate pair"
    else:
        reason = str(error).split(":")[0]
        at = getattr(error, "pos", at)
    line = line_number(path, block.offset + len(text[:at].encode("utf-8", "surrogatepass")))
    begin = text.rfind("\n", 0, at) + 1
    shown = text[max(begin, at - 40) : at + 40].split("\n")[0]
    remedy = "fix the file, or let such lines be NULL: ignore_errors = true"
    if block.layout != NEWLINE_DELIMITED:
        remedy = f"fix the file, or say how it is written (format = {block.layout!r} now)"
    return FileFormatError(f"{path!r}, line {line}: malformed JSON at {shorten(shown)}: {reason}; {remedy}")


def shorten(text: str, most: int = 80) -> str:
    """The beginning of a text, for messages."""
    return text if len(text) <= most else text[:most] + "…"
