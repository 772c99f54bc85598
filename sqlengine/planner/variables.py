"""Variables of a session: SET VARIABLE keeps one value, which `getvariable(name)` puts into the plan as a constant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlengine.errors import BindError
from sqlengine.functions.session import session_facts
from sqlengine.planner.constant import fold
from sqlengine.planner.expressions import Call, Cast, Expression, Literal
from sqlengine.types import NULL, VARCHAR, SqlType, TypeKind, entries_of, list_of

if TYPE_CHECKING:
    import pyarrow as pa


def variable_value(arguments: Sequence[Expression]) -> Expression:
    """What getvariable(name) means in this session: a variable that was never set is NULL."""
    name = fold(arguments[0]) if len(arguments) == 1 else None
    if not isinstance(name, Literal) or not isinstance(name.value, str | None):
        raise BindError("getvariable() takes the name of a variable, as a constant")
    found = None if name.value is None else session_facts().variables.get(name.value.lower())
    if found is None:
        return Literal(None, NULL)
    type_, array = found
    # As in DuckDB, these are like numbers and texts that were typed: they adapt to the other operands' types.
    if array[0].is_valid and (type_.is_integer or type_ == VARCHAR):
        return Literal(array[0].as_py(), type_)
    return _constant(type_, array)


def _constant(type_: SqlType, array: pa.Array) -> Expression:
    """The only value of `array`, which carries `type_`, as an expression that is no untyped literal."""
    if not array[0].is_valid:
        return Cast(Literal(None, type_), type_)
    match type_.kind:
        case TypeKind.LIST | TypeKind.ARRAY:
            return Cast(_list(type_.element, array.flatten()), type_)
        case TypeKind.MAP:
            return Call("map_from_entries", (_list(entries_of(type_).element, array.flatten()),), type_)
        case TypeKind.STRUCT:
            fields = zip(type_.children, array.flatten(), strict=True)
            return Call("struct_pack", tuple(_constant(child, field) for (_, child), field in fields), type_)
        case _:
            return Cast(Literal(array[0].as_py(), type_), type_)


def _list(element: SqlType, items: pa.Array) -> Expression:
    values = tuple(_constant(element, items.slice(k, 1)) for k in range(len(items)))
    return Call("list_value", values, list_of(element))
