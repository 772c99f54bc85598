"""Functions that the binder writes out as others, for the reference page (see `planner.bind_written_out`)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlengine.errors import InternalError
from sqlengine.functions.registry import Operand, Signature, scalar
from sqlengine.types import SqlType
from sqlengine.vector import Vector


def _resolve(operands: Sequence[Operand]) -> Signature:
    raise InternalError("this function is written out as others")


def _run(arguments: Sequence[Vector], result: SqlType) -> Vector:
    raise InternalError("this function is written out as others")


scalar(
    "from_json",
    _resolve,
    aliases=("json_transform",),
    example=('SELECT from_json(\'{"a": 1, "b": "x"}\', \'{"a": "DOUBLE", "b": "DATE"}\')', "{'a': 1.0, 'b': NULL}"),
    summary="A document as the type that a constant structure describes; NULL where a value does not fit.",
    usage="from_json(json, structure)",
)(_run)
scalar(
    "from_json_strict",
    _resolve,
    aliases=("json_transform_strict",),
    example=("SELECT from_json_strict('[1, 2]', '[\"BIGINT\"]')", "[1, 2]"),
    summary="As from_json, with an error where a value does not fit.",
    usage="from_json_strict(json, structure)",
)(_run)
scalar(
    "ago",
    _resolve,
    example=("SELECT ago(INTERVAL 1 DAY) < now()", "true"),
    summary="The instant so long before the query began.",
    usage="ago(interval)",
)(_run)
scalar(
    "cast_to_type",
    _resolve,
    example=("SELECT cast_to_type('7', 1::BIGINT)", "7"),
    summary="The first value as the type of the second.",
    usage="cast_to_type(value, value)",
)(_run)
for _name, _form, _found in (
    ("like_escape", "LIKE", "true"),
    ("not_like_escape", "NOT LIKE", "false"),
    ("ilike_escape", "ILIKE", "true"),
    ("not_ilike_escape", "NOT ILIKE", "false"),
):
    scalar(
        _name,
        _resolve,
        example=(f"SELECT {_name}('a%c', 'a$%c', '$')", _found),
        summary=f"As the operator {_form} with ESCAPE.",
        usage=f"{_name}(text, pattern, escape)",
    )(_run)
