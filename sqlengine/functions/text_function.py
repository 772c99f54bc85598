"""How a function of text is defined: what it does to one text, and how Arrow does it to an array, if it can.

Most calls have one column and constants (`substring(name, 1, 3)`). They run on the distinct values only
where the column is dictionary-encoded. Calls with several columns are computed row by row, and so are rare
functions that give text (`to_base`) or whose work on one value is far more than a Python call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sqlengine.functions.encoded import map_values
from sqlengine.functions.overloads import Overload, resolver
from sqlengine.functions.registry import scalar
from sqlengine.functions.validity import all_constant, any_null_constant, null_vector
from sqlengine.types import SqlType, TypeKind, arrow_type
from sqlengine.vector import Vector

if TYPE_CHECKING:
    import pyarrow as pa

# (array, constants…) -> array, or None if it cannot do these constants.
ArrayForm = Callable[..., "pa.Array | None"]


def text_function(
    name: str,
    *overloads: Overload,
    one: Callable[..., Any],
    many: ArrayForm | None = None,
    aliases: Sequence[str] = (),
    example: tuple[str, str] | None = None,
    summary: str = "",
) -> None:
    """Register a function that is NULL where an argument is NULL.

    Parameters
    ----------
    one
        The result for one row of Python values; raises DataError for values it refuses.
    many
        The same for an Arrow array and constants after it; None (always, or for some constants) to use `one`.
    """

    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        return apply_text(arguments, result, one, many)

    scalar(name, resolver(name, *overloads), aliases=aliases, example=example, summary=summary)(run)


def apply_text(
    arguments: Sequence[Vector], result: SqlType, one: Callable[..., Any], many: ArrayForm | None = None
) -> Vector:
    """A strict function of text on vectors (see `text_function`)."""
    if any_null_constant(arguments):
        return null_vector(result, arguments)
    first, *rest = arguments
    if first.type.is_text and all_constant(rest):
        constants = [_python_values(argument)[0] for argument in rest]
        return map_values(first, result, lambda array: _on_array(array, constants, result, one, many))
    return _by_row(arguments, result, one)


def _on_array(
    array: pa.Array, constants: list[Any], result: SqlType, one: Callable[..., Any], many: ArrayForm | None
) -> pa.Array:
    import pyarrow as pa

    if many is not None:
        computed = many(array, *constants)
        if computed is not None:
            return computed
    values = [None if item is None else one(item, *constants) for item in array.to_pylist()]
    return pa.array(values, arrow_type(result))


def _by_row(arguments: Sequence[Vector], result: SqlType, one: Callable[..., Any]) -> Vector:
    import pyarrow as pa

    lengths = [len(argument) for argument in arguments if not argument.constant]
    length = lengths[0] if lengths else 1
    columns = [_python_values(argument) * (length if argument.constant else 1) for argument in arguments]
    values = [None if None in row else one(*row) for row in zip(*columns, strict=True)]
    return Vector(result, pa.array(values, arrow_type(result)), constant=not lengths)


def _python_values(vector: Vector) -> list[Any]:
    """The rows as Python values; a HUGEINT is an int, though Arrow carries it as a decimal."""
    values: list[Any] = vector.arrow().to_pylist()
    if vector.type.kind is TypeKind.HUGEINT:
        return [None if value is None else int(value) for value in values]
    return values
