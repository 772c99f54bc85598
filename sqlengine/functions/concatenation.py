"""`||`, concat and concat_ws: joining values of any type as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlengine.errors import BindError
from sqlengine.functions.encoded import map_values
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import Operand, Resolve, Signature, scalar
from sqlengine.functions.validity import all_constant, any_null_constant, null_vector
from sqlengine.types import BLOB, VARCHAR, SqlType, TypeKind
from sqlengine.vector import Vector

if TYPE_CHECKING:
    import pyarrow as pa


def _joins(name: str, least: int) -> Resolve:
    def resolve(operands: Sequence[Operand]) -> Signature:
        if len(operands) < least or any(operand.type.children for operand in operands):
            raise BindError(f"{describe_call(name, operands)} does not exist; it takes {least} or more plain values")
        if name == "||" and all(operand.type.kind is TypeKind.BLOB for operand in operands):
            return Signature((BLOB,) * len(operands), BLOB)
        return Signature((VARCHAR,) * len(operands), VARCHAR)

    return resolve


@scalar(
    "||",
    _joins("||", 2),
    example=("SELECT 'a' || 1", "a1"),
    summary="Texts, blobs or lists joined; NULL if one is NULL.",
    usage="a || b",
)
def _concatenate(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """NULL if any part is."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    varying = [argument for argument in arguments if not argument.constant]
    if len(varying) == 1:
        # One column between constants: once per distinct value.
        column = varying[0]
        return map_values(
            column, result, lambda array: _join([array if part is column else part.arrow()[0] for part in arguments])
        )
    return Vector(result, _join(_parts(arguments)), constant=not varying)


@scalar(
    "concat",
    _joins("concat", 1),
    example=("SELECT concat('a', NULL, 1)", "a1"),
    summary="Values joined as text; NULLs are left out.",
    usage="concat(value, ...)",
)
def _concat(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """NULLs are skipped; the result is never NULL."""
    import pyarrow.compute as pc

    return Vector(
        result, _join([pc.fill_null(part, "") for part in _parts(arguments)]), constant=all_constant(arguments)
    )


@scalar(
    "concat_ws",
    _joins("concat_ws", 2),
    example=("SELECT concat_ws('-', 'a', NULL, 'b')", "a-b"),
    summary="Values joined as text with the first one between them; NULLs are left out.",
    usage="concat_ws(separator, value, ...)",
)
def _concat_ws(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """The first argument stands between the others; NULLs are skipped, a NULL separator makes NULL."""
    import pyarrow.compute as pc

    separator, *parts = arguments
    if separator.is_null_constant():
        return null_vector(result, arguments)
    if not separator.constant:
        return _joined_by_row(arguments, result)
    between = separator.arrow()[0]
    # Arrow's own skipping of NULLs drops rows in which all parts are NULL. So every part that is there
    # brings its separator along, and the first one is cut off.
    pieces = [pc.fill_null(_join([between, part]), "") for part in _parts(parts)]
    joined = pc.utf8_slice_codeunits(_join(pieces), len(between.as_py()))
    return Vector(result, joined, constant=all_constant(arguments))


def _joined_by_row(arguments: Sequence[Vector], result: SqlType) -> Vector:
    import pyarrow as pa

    columns = [part.to_pylist() if isinstance(part, pa.Array) else None for part in _parts(arguments)]
    length = max(len(column) for column in columns if column is not None)
    rows = zip(
        *(
            [argument.arrow()[0].as_py()] * length if column is None else column
            for argument, column in zip(arguments, columns, strict=True)
        ),
        strict=True,
    )
    values = [
        None if separator is None else separator.join(part for part in parts if part is not None)
        for separator, *parts in rows
    ]
    return Vector(result, pa.array(values, pa.string()))


def _parts(arguments: Sequence[Vector]) -> list[pa.Array | pa.Scalar]:
    """Arrays; constants among columns as scalars."""
    constant = all_constant(arguments)
    return [part.arrow()[0] if part.constant and not constant else part.arrow() for part in arguments]


def _join(parts: Sequence[pa.Array | pa.Scalar]) -> pa.Array:
    """All parts one after the other; NULL where one is NULL."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(*parts, pa.scalar("" if parts[0].type == pa.string() else b"", parts[0].type))
