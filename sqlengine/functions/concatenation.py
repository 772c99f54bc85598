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


@scalar("||", _joins("||", 2), example=("SELECT 'a' || 1", "a1"))
def _concatenate(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """NULL if any part is."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    varying = [argument for argument in arguments if not argument.constant]
    if len(varying) == 1:
        # One column between constants: once per distinct value.
        return map_values(
            varying[0],
            result,
            lambda array: _join([array if part is varying[0] else part.arrow()[0] for part in arguments], "emit_null"),
        )
    return _joined(arguments, result, "emit_null")


@scalar("concat", _joins("concat", 1), example=("SELECT concat('a', NULL, 1)", "a1"))
def _concat(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """NULLs are skipped; the result is never NULL."""
    return _joined(arguments, result, "skip")


@scalar("concat_ws", _joins("concat_ws", 2), example=("SELECT concat_ws('-', 'a', NULL, 'b')", "a-b"))
def _concat_ws(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """The first argument stands between the others; NULLs are skipped, a NULL separator makes NULL."""
    separator, *parts = arguments
    if separator.is_null_constant():
        return null_vector(result, arguments)
    if separator.constant:
        return _joined(parts, result, "skip", separator, arguments)
    # Arrow gives NULL for a NULL separator, whatever is skipped.
    length = len(separator)
    return _joined([part.expand(length) for part in parts], result, "skip", separator, arguments)


def _joined(
    parts: Sequence[Vector],
    result: SqlType,
    null_handling: str,
    separator: Vector | None = None,
    arguments: Sequence[Vector] | None = None,
) -> Vector:
    import pyarrow as pa

    constant = all_constant(arguments or parts)
    arrays = [part.arrow() if constant or not part.constant else part.arrow()[0] for part in parts]
    between = None
    if separator is not None:
        between = separator.arrow() if constant or not separator.constant else separator.arrow()[0]
    array = _join(arrays, null_handling, between)
    return Vector(
        result, pa.array([array.as_py()], array.type) if isinstance(array, pa.Scalar) else array, constant=constant
    )


def _join(parts: Sequence[pa.Array | pa.Scalar], null_handling: str, separator: pa.Scalar | None = None) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    between = pa.scalar("" if parts[0].type == pa.string() else b"", parts[0].type) if separator is None else separator
    return pc.binary_join_element_wise(*parts, between, null_handling=null_handling)
