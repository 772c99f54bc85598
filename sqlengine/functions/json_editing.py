"""Functions that make JSON of JSON: written anew, merged, with places set or removed. One document at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlengine.errors import BindError
from sqlengine.functions.json_tree import Step, dump, parse, path_of
from sqlengine.functions.nested import aligned
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import Operand, Resolve, Signature, scalar
from sqlengine.types import BOOLEAN, JSON, VARCHAR, SqlType, TypeKind
from sqlengine.vector import Vector


def _resolve(name: str, parameters: Sequence[SqlType], result: SqlType) -> Resolve:
    def resolve(operands: Sequence[Operand]) -> Signature:
        kinds = [operand.type.kind for operand in operands]
        if len(kinds) != len(parameters) or not set(kinds) <= {TypeKind.JSON, TypeKind.VARCHAR, TypeKind.NULL}:
            raise BindError(f"{describe_call(name, operands)} does not exist; it takes {len(parameters)} JSON texts")
        return Signature(tuple(parameters), result)

    return resolve


def _edit(
    name: str,
    parameters: Sequence[SqlType],
    result: SqlType,
    compute: Callable[..., Any],
    example: tuple[str, str],
    summary: str,
    usage: str,
) -> None:
    """A function of trees (JSON parameters) and texts; NULL if an argument is."""

    @scalar(name, _resolve(name, parameters, result), example=example, summary=summary, usage=usage)
    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        import pyarrow as pa

        columns, _, constant = aligned(arguments)
        values: list[Any] = []
        for row in zip(*(column.arrow().to_pylist() for column in columns), strict=True):
            if any(each is None for each in row):
                values.append(None)
                continue
            parts = [parse(each) if type_ == JSON else each for each, type_ in zip(row, parameters, strict=True)]
            made = compute(*parts)
            values.append(dump(made) if result == JSON else made)
        return Vector.from_arrow(pa.array(values, pa.bool_() if result == BOOLEAN else pa.string()), result, constant)


def _merge(old: Any, patch: Any) -> Any:
    """RFC 7396: members of the patch replace those of the document, null removes them."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value)
    return merged


def _deep_merge(old: Any, new: Any) -> Any:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return {**old, **{key: _deep_merge(old[key], value) if key in old else value for key, value in new.items()}}


def _without_nulls(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _without_nulls(value) for key, value in tree.items() if value is not None}
    return [_without_nulls(each) for each in tree] if isinstance(tree, list) else tree


def _contains(tree: Any, part: Any) -> bool:
    """Whether `part` stands anywhere in `tree`: the same value, or an object or array of which it has every member."""
    if _covers(tree, part):
        return True
    inside = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return any(_contains(each, part) for each in inside)


def _covers(tree: Any, part: Any) -> bool:
    if isinstance(tree, dict) and isinstance(part, dict):
        return all(key in tree and _covers(tree[key], value) for key, value in part.items())
    if isinstance(tree, list) and isinstance(part, list):
        return all(any(_covers(each, wanted) for each in tree) for wanted in part)
    return type(tree) is type(part) and bool(tree == part)


def _sorted(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _sorted(tree[key]) for key in sorted(tree)}
    return [_sorted(each) for each in tree] if isinstance(tree, list) else tree


def _changed(tree: Any, path: str, value: Any, existing: bool, missing: bool) -> Any:
    """The tree with `value` at `path`, if something stands there (`existing`) or nothing does (`missing`)."""
    return _set(tree, path_of(path), value, existing, missing)


def _set(tree: Any, steps: list[Step], value: Any, existing: bool, missing: bool) -> Any:
    if not steps:
        return value if existing else tree
    (kind, key), rest = steps[0], steps[1:]
    if isinstance(tree, dict) and kind == "key":
        if key in tree:
            return {**tree, key: _set(tree[key], rest, value, existing, missing)}
        return {**tree, key: value} if missing and not rest else tree
    if isinstance(tree, list) and kind == "index":
        place = len(tree) if key is None else key + len(tree) if key < 0 else key
        if 0 <= place < len(tree):
            return [*tree[:place], _set(tree[place], rest, value, existing, missing), *tree[place + 1 :]]
        return [*tree, value] if missing and not rest and place == len(tree) else tree
    return tree


def _removed(tree: Any, path: str) -> Any:
    return _remove(tree, path_of(path))


def _remove(tree: Any, steps: list[Step]) -> Any:
    if not steps:
        return None
    (kind, key), rest = steps[0], steps[1:]
    if isinstance(tree, dict) and kind == "key" and key in tree:
        if rest:
            return {**tree, key: _remove(tree[key], rest)}
        return {name: value for name, value in tree.items() if name != key}
    if isinstance(tree, list) and kind == "index" and key is not None and -len(tree) <= key < len(tree):
        place = key % len(tree)
        if rest:
            return [*tree[:place], _remove(tree[place], rest), *tree[place + 1 :]]
        return [*tree[:place], *tree[place + 1 :]]
    return tree


def _pretty(tree: Any) -> str:
    return json.dumps(tree, indent=4, ensure_ascii=False)


_edit(
    "json",
    (JSON,),
    JSON,
    lambda tree: tree,
    ("SELECT json('{\"a\" : 1}')", '{"a":1}'),
    "JSON without blanks.",
    "json(json)",
)
_edit(
    "json_pretty",
    (JSON,),
    VARCHAR,
    _pretty,
    ("SELECT json_pretty('1')", "1"),
    "JSON with a line for each member.",
    "json_pretty(json)",
)
_edit(
    "json_normalize",
    (JSON,),
    VARCHAR,
    lambda tree: dump(_sorted(tree)),
    ('SELECT json_normalize(\'{"b": 1, "a": 2}\')', '{"a":2,"b":1}'),
    "JSON without blanks, keys in order.",
    "json_normalize(json)",
)
_edit(
    "json_merge_patch",
    (JSON, JSON),
    JSON,
    _merge,
    ('SELECT json_merge_patch(\'{"a": 1, "b": 2}\', \'{"b": null, "c": 3}\')', '{"a":1,"c":3}'),
    "JSON changed by a patch (RFC 7396).",
    "json_merge_patch(json, patch)",
)
_edit(
    "json_deep_merge",
    (JSON, JSON),
    JSON,
    _deep_merge,
    ('SELECT json_deep_merge(\'{"a": {"x": 1}}\', \'{"a": {"y": 2}}\')', '{"a":{"x":1,"y":2}}'),
    "The members of both objects, at every depth.",
    "json_deep_merge(json, json)",
)
_edit(
    "json_strip_nulls",
    (JSON,),
    JSON,
    _without_nulls,
    ('SELECT json_strip_nulls(\'{"a": null, "b": 1}\')', '{"b":1}'),
    "JSON without the members that are null.",
    "json_strip_nulls(json)",
)
_edit(
    "json_contains",
    (JSON, JSON),
    BOOLEAN,
    _contains,
    ("SELECT json_contains('[1, 2]', '2')", "true"),
    "Whether a JSON value stands anywhere in another.",
    "json_contains(json, json)",
)
_edit(
    "json_set",
    (JSON, VARCHAR, JSON),
    JSON,
    lambda tree, path, value: _changed(tree, path, value, True, True),
    ("SELECT json_set('{\"a\": 1}', '$.b', '2')", '{"a":1,"b":2}'),
    "JSON with a value at a path.",
    "json_set(json, path, value)",
)
_edit(
    "json_insert",
    (JSON, VARCHAR, JSON),
    JSON,
    lambda tree, path, value: _changed(tree, path, value, False, True),
    ("SELECT json_insert('{\"a\": 1}', '$.b', '2')", '{"a":1,"b":2}'),
    "JSON with a value at a path where nothing stands.",
    "json_insert(json, path, value)",
)
_edit(
    "json_replace",
    (JSON, VARCHAR, JSON),
    JSON,
    lambda tree, path, value: _changed(tree, path, value, True, False),
    ("SELECT json_replace('{\"a\": 1}', '$.a', '2')", '{"a":2}'),
    "JSON with a value at a path where something stands.",
    "json_replace(json, path, value)",
)
_edit(
    "json_remove",
    (JSON, VARCHAR),
    JSON,
    _removed,
    ("SELECT json_remove('{\"a\": 1, \"b\": 2}', '$.a')", '{"b":2}'),
    "JSON without what stands at a path.",
    "json_remove(json, path)",
)
