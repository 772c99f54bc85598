"""Values for `?`, `$1`, `$name` and `:name`."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlengine.errors import ProgrammingError
from sqlengine.planner.constant import fold
from sqlengine.planner.consume import Reader
from sqlengine.planner.expressions import Call, Cast, Expression, Literal
from sqlengine.planner.source import Source
from sqlengine.types import (
    BIGINT,
    BLOB,
    BOOLEAN,
    DATE,
    DOUBLE,
    HUGEINT,
    INTEGER,
    INTERVAL,
    MAX_DECIMAL_PRECISION,
    NULL,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    UUID,
    VARCHAR,
    SqlType,
    TypeKind,
    integer_range,
    struct_of,
)
from sqlengine.types import decimal as decimal_type

if TYPE_CHECKING:
    from sqlengine.planner.bind_expression import ExpressionBinder

Parameters = Sequence[object] | Mapping[str, object] | None


class ParameterValues:
    """The values a statement was given; each must be used, and nothing else may be asked for.

    Parameters
    ----------
    values
        By position (a sequence) or by name (a mapping); None for none.
    tree
        The statement: `?` are numbered in the order of the text.
    """

    def __init__(self, values: Parameters, tree: Any, source: Source) -> None:
        from sqlglot import exp

        if isinstance(values, str | bytes) or not isinstance(values, Sequence | Mapping | None):
            raise ProgrammingError("parameters are a sequence of values, or a mapping of names to values")
        self._values = values
        self._source = source
        found = list(tree.find_all(exp.Placeholder))
        questions = sorted((node for node in found if not node.args.get("this")), key=lambda node: node.meta["start"])
        if questions and len(questions) < len(found):
            raise ProgrammingError(
                "a statement has either ? or numbered and named parameters, not both", source.position(questions[0])
            )
        self._keys = {id(node): str(number) for number, node in enumerate(questions, 1)}
        self._keys.update((id(node), node.name) for node in found if node.args.get("this"))
        self._check(found)

    def value(self, node: Any, reader: Reader) -> object:
        """What was given for one placeholder."""
        name = reader.get(node, "this")
        if name is not None and not isinstance(name, str):
            reader.name(name)
        reader.get(node, "kind")
        key = self._keys[id(node)]
        if isinstance(self._values, Mapping):
            return self._values[key]
        assert self._values is not None
        return self._values[int(key) - 1]

    def _check(self, nodes: list[Any]) -> None:
        if isinstance(self._values, Mapping):
            given = set(self._values)
        else:
            given = {str(number) for number in range(1, len(self._values or ()) + 1)}
        for node in nodes:
            key = self._keys[id(node)]
            if key not in given:
                shown = f"{key}" if key.isdigit() else f"${key}"
                raise ProgrammingError(f"no value was given for parameter {shown}", self._source.position(node))
        superfluous = sorted(given - set(self._keys.values()))
        if superfluous:
            known = len(set(self._keys.values()))
            raise ProgrammingError(
                f"the statement has {known} parameter{'' if known == 1 else 's'}; "
                f"there is none for the value of {', '.join(superfluous)}"
            )


def bind_parameter(binder: ExpressionBinder, node: Any) -> Expression:
    """`?`, `$1`, `$name`."""
    value = binder.context.parameters.value(node, binder.reader)
    with binder.context.at(node):
        return _expression_of(binder, value, node)


def _expression_of(binder: ExpressionBinder, value: object, node: Any) -> Expression:
    """A Python value: lists, tuples and numpy arrays are lists; a mapping with texts as keys is a struct.

    A mapping {"key": […], "value": […]} is a map, as in DuckDB.
    """
    match value:
        case uuid.UUID():
            return fold(Cast(Literal(str(value), VARCHAR), UUID))
        case {"key": list() as keys, "value": list() as values, **rest} if not rest:
            return binder.call("map", [_expression_of(binder, each, node) for each in (keys, values)], node)
        case dict() if value:
            fields = tuple(_expression_of(binder, each, node) for each in value.values())
            names = [str(name) for name in value]
            return Call("struct_pack", fields, struct_of(zip(names, (each.type for each in fields), strict=True)))
        case list() | tuple():
            return binder.call("list_value", [_expression_of(binder, each, node) for each in value], node)
    if type(value).__module__ == "numpy" and getattr(value, "ndim", 0) > 0:
        return _expression_of(binder, value.tolist(), node)  # type: ignore[attr-defined]
    return literal_of(value)


def plain_value(value: object) -> object:
    """A parameter as an option of a table function: the same, its parts checked as `literal_of` does."""
    match value:
        case list() | tuple():
            return [plain_value(each) for each in value]
        case dict():
            return {str(name): plain_value(each) for name, each in value.items()}
    return literal_of(value).value


def literal_of(value: object) -> Literal:
    """A Python value as a literal of its natural type.

    Raises
    ------
    ProgrammingError
        No SQL type stands for values of that Python type.
    """
    match value:
        case Literal():
            return value
        case None:
            return Literal(None, NULL)
        case _ if type(value).__module__.startswith("pandas") and type(value).__name__ in ("NaTType", "NAType"):
            return Literal(None, NULL)
        case bool():
            return Literal(value, BOOLEAN)
        case int():
            return Literal(value, integer_type(value))
        case float():
            return Literal(value, DOUBLE)
        case str():
            return Literal(value, VARCHAR)
        case bytes() | bytearray() | memoryview():
            return Literal(bytes(value), BLOB)
        case decimal.Decimal() if value.is_finite():
            return _decimal_literal(value)
        case datetime.datetime():
            return Literal(value, TIMESTAMP if value.tzinfo is None else TIMESTAMPTZ)
        case datetime.date():
            return Literal(value, DATE)
        case datetime.time() if value.tzinfo is None:
            return Literal(value, TIME)
        case datetime.timedelta():
            import pyarrow as pa

            nanoseconds = (value.seconds * 1_000_000 + value.microseconds) * 1000
            return Literal(pa.MonthDayNano([0, value.days, nanoseconds]), INTERVAL)
    if type(value).__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        item = value.item()
        if not type(item).__module__.startswith("numpy"):
            return literal_of(item)
    raise ProgrammingError(f"a {type(value).__name__} cannot be a parameter")


def integer_type(value: int) -> SqlType:
    """INTEGER, else BIGINT, else HUGEINT: the first that holds `value`."""
    for type_, kind in ((INTEGER, TypeKind.INTEGER), (BIGINT, TypeKind.BIGINT), (HUGEINT, TypeKind.HUGEINT)):
        low, high = integer_range(kind)
        if low <= value <= high:
            return type_
    raise ProgrammingError(f"the integer {value} has more than {MAX_DECIMAL_PRECISION} digits")


def _decimal_literal(value: decimal.Decimal) -> Literal:
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    scale = max(0, -exponent)
    precision = max(len(digits) + max(0, exponent), scale, 1)
    if precision > MAX_DECIMAL_PRECISION:
        raise ProgrammingError(f"the decimal {value} has more than {MAX_DECIMAL_PRECISION} digits")
    return Literal(value, decimal_type(precision, scale))
