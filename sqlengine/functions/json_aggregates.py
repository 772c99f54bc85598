"""Aggregates that make JSON: `json_group_array`, `json_group_object`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlengine.errors import BindError, DataError
from sqlengine.functions.casts import cast
from sqlengine.functions.grouped_rows import GroupedRows
from sqlengine.functions.json_casts import to_json
from sqlengine.functions.nested_states import lists_of
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import AggregateFunction, AggregateSignature, Operand, Rows, register_aggregate
from sqlengine.types import JSON, VARCHAR, SqlType, list_of
from sqlengine.vector import Vector

if TYPE_CHECKING:
    import pyarrow as pa


def _members(vector: Vector, rows: GroupedRows) -> pa.Array:
    """Every value as JSON, NULL as null."""
    import pyarrow.compute as pc

    return pc.fill_null(to_json(vector.expand(rows.row_count), cast).arrow(), "null")


def _in_brackets(rows: GroupedRows, members: pa.Array, brackets: str) -> Vector:
    import pyarrow.compute as pc

    lists = lists_of(replace(rows, arguments=(Vector(VARCHAR, members),)), list_of(VARCHAR)).arrow()
    text = pc.binary_join_element_wise(brackets[0], pc.binary_join(lists, ","), brackets[1], "")
    return Vector(JSON, text)


def _array(rows: GroupedRows, result: SqlType) -> Vector:
    return _in_brackets(rows, _members(rows.arguments[0], rows), "[]")


def _object(rows: GroupedRows, result: SqlType) -> Vector:
    import pyarrow.compute as pc

    names, values = rows.arguments
    if names.expand(rows.row_count).arrow().null_count:
        raise DataError("json_group_object: the name of a member is NULL")
    members = pc.binary_join_element_wise(_members(names, rows), _members(values, rows), ":")
    return _in_brackets(rows, members, "{}")


def _resolve_array(operands: Sequence[Operand]) -> AggregateSignature:
    if len(operands) != 1:
        raise BindError(f"{describe_call('json_group_array', operands)}: it takes one value")
    return AggregateSignature((operands[0].type,), JSON, rows=Rows(_array, ()))


def _resolve_object(operands: Sequence[Operand]) -> AggregateSignature:
    if len(operands) != 2:
        raise BindError(f"{describe_call('json_group_object', operands)}: it takes a name and a value")
    return AggregateSignature((VARCHAR, operands[1].type), JSON, rows=Rows(_object, ()))


register_aggregate(
    AggregateFunction(
        "json_group_array",
        _resolve_array,
        example=("SELECT json_group_array(x) FROM (VALUES (1), (NULL)) AS t(x)", "[1,null]"),
        summary="A JSON array of all values, NULLs included; NULL for no rows.",
        ordered=True,
    )
)
register_aggregate(
    AggregateFunction(
        "json_group_object",
        _resolve_object,
        example=("SELECT json_group_object(k, v) FROM (VALUES ('a', 1), ('b', 2)) AS t(k, v)", '{"a":1,"b":2}'),
        summary="A JSON object of names and values; NULL for no rows.",
        ordered=True,
    )
)
