"""Functions that read JSON: `->`, `->>`, json_extract, json_type, json_keys, … One document at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlengine.errors import BindError
from sqlengine.functions.casts import cast
from sqlengine.functions.json_casts import to_json
from sqlengine.functions.json_tree import (
    MISSING,
    Step,
    dump,
    find,
    find_all,
    has_wildcard,
    is_valid,
    parse,
    path_of,
    type_name,
)
from sqlengine.functions.nested import aligned
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import Operand, Resolve, Signature, scalar
from sqlengine.types import BIGINT, BOOLEAN, JSON, UBIGINT, VARCHAR, SqlType, TypeKind, list_of
from sqlengine.vector import Vector

# What a place in a document becomes; MISSING for none.
Answer = Callable[[Any], Any]

_TEXTS = (TypeKind.JSON, TypeKind.VARCHAR, TypeKind.NULL)


def _resolve(name: str, result: SqlType, needs_path: bool) -> Resolve:
    """A document and, perhaps, a path, an index or a list of paths; a path with wildcards makes a list."""

    def resolve(operands: Sequence[Operand]) -> Signature:
        if not operands or operands[0].type.kind not in _TEXTS or len(operands) > 2 or len(operands) < 1 + needs_path:
            raise BindError(f"{describe_call(name, operands)} does not exist; {name} takes JSON and a path")
        document = operands[0].type if operands[0].type.kind is TypeKind.JSON else VARCHAR
        if len(operands) == 1:
            return Signature((document,), result)
        path = operands[1]
        if path.type.is_integer:
            return Signature((document, BIGINT), result)
        if path.type.is_list:
            return Signature((document, list_of(VARCHAR)), list_of(result))
        if isinstance(path.literal, str) and has_wildcard(path_of(path.literal)):
            return Signature((document, VARCHAR), list_of(result))
        return Signature((document, VARCHAR), result)

    return resolve


def _read(name: str, result: SqlType, answer: Answer, needs_path: bool, example: tuple[str, str], summary: str) -> None:
    aliases = _ALIASES.get(name, ())

    @scalar(
        name,
        _resolve(name, result, needs_path),
        aliases=aliases,
        example=example,
        summary=summary,
        usage=f"{name}(json{', path' if needs_path else '[, path]'})",
    )
    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        columns, _, constant = aligned(arguments)
        rows = zip(*(column.arrow().to_pylist() for column in columns), strict=True)
        trees: dict[str, Any] = {}
        paths: dict[Any, Any] = {}
        values = [_value(row, trees, paths, answer, many=result.is_list and not _lists(columns)) for row in rows]
        import pyarrow as pa

        from sqlengine.types import arrow_type

        return Vector(result, pa.array(values, arrow_type(result)), constant=constant)


def _lists(columns: Sequence[Vector]) -> bool:
    """Whether a list of paths was given, or none at all."""
    return len(columns) < 2 or columns[1].type.is_list


def _value(row: tuple[Any, ...], trees: dict[str, Any], paths: dict[Any, Any], answer: Answer, many: bool) -> Any:
    if any(each is None for each in row):
        return None
    text = row[0]
    if text not in trees:
        trees[text] = parse(text)
    tree = trees[text]
    if len(row) == 1:
        return answer(tree)
    if isinstance(row[1], list):
        return [None if path is None else _at(tree, _steps(path, paths), answer) for path in row[1]]
    steps = _steps(row[1], paths)
    if many:
        return [answer(found) for found in find_all(tree, steps)]
    return _at(tree, steps, answer)


def _steps(path: Any, known: dict[Any, Any]) -> list[Step]:
    if path not in known:
        known[path] = path_of(path)
    steps: list[Step] = known[path]
    return steps


def _at(tree: Any, steps: list[Step], answer: Answer) -> Any:
    found = find(tree, steps)
    return answer(found) if found is not MISSING else answer(MISSING) if answer is _exists else None


def _exists(tree: Any) -> Any:
    return tree is not MISSING


def _text(tree: Any) -> str | None:
    return tree if isinstance(tree, str) or tree is None else dump(tree)


def _scalar_json(tree: Any) -> str | None:
    return None if tree is None or isinstance(tree, list | dict) else dump(tree)


def _length(tree: Any) -> int:
    return len(tree) if isinstance(tree, list) else 0


def _keys(tree: Any) -> list[str]:
    return list(tree) if isinstance(tree, dict) else []


def _structure(tree: Any) -> Any:
    """Types in the place of values; of the elements of a list what they have in common."""
    if isinstance(tree, dict):
        return {key: _structure(value) for key, value in tree.items()}
    if isinstance(tree, list):
        merged: Any = "NULL"
        for each in tree:
            merged = _merged(merged, _structure(each))
        return [merged]
    return type_name(tree)


_NUMBERS = ("UBIGINT", "BIGINT", "DOUBLE")


def _merged(left: Any, right: Any) -> Any:
    if left == "NULL" or left == right:
        return right
    if right == "NULL":
        return left
    if isinstance(left, dict) and isinstance(right, dict):
        return {key: _merged(left.get(key, "NULL"), right.get(key, "NULL")) for key in dict.fromkeys([*left, *right])}
    if isinstance(left, list) and isinstance(right, list):
        return [_merged(left[0], right[0])]
    if left in _NUMBERS and right in _NUMBERS:
        return max(left, right, key=_NUMBERS.index)
    return "JSON"


_ALIASES = {
    "json_extract": ("json_extract_path", "->"),
    "json_extract_string": ("json_extract_path_text", "->>"),
}

_DOC = """'{"a": [1, "x"]}'"""
_read("json_extract", JSON, dump, True, (f"SELECT json_extract({_DOC}, '$.a[0]')", "1"), "The part of JSON at a path.")
_read(
    "json_extract_string",
    VARCHAR,
    _text,
    True,
    (f"SELECT json_extract_string({_DOC}, '$.a[1]')", "x"),
    "The part of JSON at a path as text, without quotes.",
)
_read(
    "json_value",
    VARCHAR,
    _scalar_json,
    True,
    (f"SELECT json_value({_DOC}, '$.a[1]')", '"x"'),
    "The value at a path as JSON text; NULL for objects and arrays.",
)
_read("json_type", VARCHAR, type_name, False, (f"SELECT json_type({_DOC})", "OBJECT"), "The kind of a JSON value.")
_read(
    "json_array_length",
    UBIGINT,
    _length,
    False,
    (f"SELECT json_array_length({_DOC}, 'a')", "2"),
    "The number of elements of a JSON array, 0 if it is none.",
)
_read("json_keys", list_of(VARCHAR), _keys, False, (f"SELECT json_keys({_DOC})", "[a]"), "The keys of a JSON object.")
_read("json_exists", BOOLEAN, _exists, True, (f"SELECT json_exists({_DOC}, 'a')", "true"), "Whether JSON has a path.")
_read(
    "json_structure",
    JSON,
    lambda tree: dump(_structure(tree)),
    False,
    (f"SELECT json_structure({_DOC})", '{"a":["JSON"]}'),
    "The JSON with types in the place of its values.",
)


def _one_text(name: str, result: SqlType) -> Resolve:
    def resolve(operands: Sequence[Operand]) -> Signature:
        if len(operands) != 1 or operands[0].type.kind not in _TEXTS:
            raise BindError(f"{describe_call(name, operands)} does not exist; {name} takes JSON")
        return Signature((operands[0].type if operands[0].type.kind is TypeKind.JSON else VARCHAR,), result)

    return resolve


@scalar(
    "json_valid",
    _one_text("json_valid", BOOLEAN),
    example=("SELECT json_valid('{')", "false"),
    summary="Whether a text is JSON.",
    usage="json_valid(text)",
)
def _valid(arguments: Sequence[Vector], result: SqlType) -> Vector:
    import pyarrow as pa

    values = [None if text is None else is_valid(text) for text in arguments[0].arrow().to_pylist()]
    return Vector.from_arrow(pa.array(values, pa.bool_()), BOOLEAN, arguments[0].constant)


def _resolve_any(operands: Sequence[Operand]) -> Signature:
    if len(operands) != 1:
        raise BindError(f"{describe_call('to_json', operands)}: it takes one value")
    return Signature((operands[0].type,), JSON)


@scalar(
    "to_json",
    _resolve_any,
    aliases=("json_quote", "row_to_json", "array_to_json"),
    example=("SELECT to_json({'a': [1, NULL]})", '{"a":[1,null]}'),
    summary="Any value as JSON.",
    usage="to_json(value)",
)
def _to_json(arguments: Sequence[Vector], result: SqlType) -> Vector:
    return to_json(arguments[0], cast)


def _resolve_members(operands: Sequence[Operand]) -> Signature:
    return Signature(tuple(operand.type for operand in operands), JSON)


@scalar(
    "json_array",
    _resolve_members,
    example=("SELECT json_array(1, 'a', NULL)", '[1,"a",null]'),
    summary="A JSON array of the arguments.",
    usage="json_array(value, ...)",
)
def _json_array(arguments: Sequence[Vector], result: SqlType) -> Vector:
    return _assembled(arguments, lambda parts: f"[{','.join(parts)}]")


def _resolve_object(operands: Sequence[Operand]) -> Signature:
    if len(operands) % 2:
        raise BindError("json_object() takes pairs of key and value")
    types = (VARCHAR if place % 2 == 0 else operand.type for place, operand in enumerate(operands))
    return Signature(tuple(types), JSON)


@scalar(
    "json_object",
    _resolve_object,
    example=("SELECT json_object('a', 1, 'b', NULL)", '{"a":1,"b":null}'),
    summary="A JSON object of keys and values.",
    usage="json_object(key, value, ...)",
)
def _json_object(arguments: Sequence[Vector], result: SqlType) -> Vector:
    def members(parts: Sequence[str]) -> str:
        pairs = zip(parts[0::2], parts[1::2], strict=True)
        return "{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}"

    return _assembled(arguments, members)


def _assembled(arguments: Sequence[Vector], join: Callable[[Sequence[str]], str]) -> Vector:
    import pyarrow as pa

    if not arguments:
        return Vector.from_arrow(pa.array([join(())], pa.string()), JSON, True)
    columns, _, constant = aligned(arguments)
    texts = [[text or "null" for text in to_json(column, cast).arrow().to_pylist()] for column in columns]
    rows = [join(row) for row in zip(*texts, strict=True)]
    return Vector(JSON, pa.array(rows, pa.string()), constant=constant)
