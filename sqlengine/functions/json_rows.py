"""The rows of `json_each` and `json_tree`: the members of a JSON document, one struct each. One document at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlengine.errors import BindError, ConversionError, NotSupportedError
from sqlengine.functions.json_tree import MISSING, dump, find, has_wildcard, parse, path_of, quote, type_name
from sqlengine.functions.nested import aligned
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import Operand, Resolve, Run, Signature, scalar
from sqlengine.types import JSON, UBIGINT, VARCHAR, SqlType, arrow_type, list_of, struct_of
from sqlengine.vector import Vector

MEMBER: Final = struct_of(
    (
        ("key", VARCHAR),
        ("value", JSON),
        ("type", VARCHAR),
        ("atom", JSON),
        ("id", UBIGINT),
        ("parent", UBIGINT),
        ("fullkey", VARCHAR),
        ("path", VARCHAR),
    )
)
"""The columns of both table functions."""

_PLAIN_KEY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

Place = tuple[str | None, Any, int, str, str]
"""(key, document, number, path, path of what it is in) of one place."""


def _slots(tree: Any) -> int:
    """How many numbers a document takes: every value has one, and so has every name of a member."""
    if isinstance(tree, dict):
        return 1 + sum(1 + _slots(child) for child in tree.values())
    return 1 + sum(map(_slots, tree)) if isinstance(tree, list) else 1


def _children(tree: Any, number: int, path: str) -> Iterator[Place]:
    number += 1
    if isinstance(tree, dict):
        for key, child in tree.items():
            shown = key if _PLAIN_KEY.fullmatch(key) else quote(key)
            yield key, child, number + 1, f"{path}.{shown}", path
            number += 1 + _slots(child)
    elif isinstance(tree, list):
        for index, child in enumerate(tree):
            yield str(index), child, number, f"{path}[{index}]", path
            number += _slots(child)


def _start(tree: Any, path: str) -> Place | None:
    """The place where a path leads; None if there is none."""
    if path.startswith("/"):
        raise BindError("JSON path must start with '$' for json_each/json_tree")
    steps = path_of(path)
    if has_wildcard(steps):
        raise BindError("Wildcard JSON path not supported in json_each/json_tree")
    number = 0
    for step in steps:
        child = find(tree, [step])
        if child is MISSING:
            return None
        key = step[1] if isinstance(tree, dict) else str(range(len(tree))[step[1]])
        number = next(place[2] for place in _children(tree, number, "") if place[0] == key)
        tree = child
    shown = path if path.startswith("$") else f"$.{quote(path)}"
    return None, tree, number, shown, shown


def _row(place: Place, parent: int | None) -> tuple[Any, ...]:
    key, tree, number, full, path = place
    atom = None if tree is None or isinstance(tree, dict | list) else dump(tree)
    return key, dump(tree), type_name(tree), atom, number, parent, full, path


def _each(start: Place) -> Iterator[tuple[Any, ...]]:
    if not isinstance(start[1], dict | list):
        yield _row(start, None)
    for child in _children(start[1], start[2], start[3]):
        yield _row(child, None)


def _tree(start: Place, parent: int | None = None) -> Iterator[tuple[Any, ...]]:
    yield _row(start, parent)
    for child in _children(start[1], start[2], start[3]):
        yield from _tree(child, start[2])


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise NotSupportedError("json_each and json_tree of an object that has a member twice are not supported")
    return members


def _parsed(text: str) -> Any:
    parse(text)
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except ValueError as error:
        raise ConversionError(f"Malformed JSON: {error}") from None


def _resolve(name: str) -> Resolve:
    def resolve(operands: Sequence[Operand]) -> Signature:
        if len(operands) not in (1, 2):
            raise BindError(f"{describe_call(name, operands)}: it takes JSON and perhaps a path")
        document = operands[0].type if operands[0].type == VARCHAR else JSON
        return Signature((document, VARCHAR)[: len(operands)], list_of(MEMBER))

    return resolve


def _run(members: Any) -> Run:
    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        import pyarrow as pa

        columns, _, constant = aligned(arguments)
        lists: list[Any] = []
        for text, *path in zip(*(column.arrow().to_pylist() for column in columns), strict=True):
            start = None if text is None or None in path else _start(_parsed(text), path[0] if path else "$")
            lists.append(None if start is None else list(members(start)))
        fields = [name for name, _ in MEMBER.children]
        rows = [None if each is None else [dict(zip(fields, row, strict=True)) for row in each] for each in lists]
        return Vector(result, pa.array(rows, arrow_type(result)), constant=constant)

    return run


for _name, _members in (("json_each", _each), ("json_tree", _tree)):
    scalar(f"__{_name}", _resolve(_name), summary="The rows of the table function.")(_run(_members))
