"""Bind, cast and run one call of a function, and ask DuckDB the same."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Sequence
from typing import Any

import duckdb

from sqlengine.errors import Error
from sqlengine.functions.casts import cast
from sqlengine.functions.coercion import literal_type
from sqlengine.functions.registry import NOT_LITERAL, Operand, Signature, find_scalar
from sqlengine.types import INTERVAL, NULL, VARCHAR, SqlType, arrow_type
from sqlengine.vector import Vector


class Failure(str):
    """What stands for "this raised": equal to every other failure."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Failure)

    def __ne__(self, other: object) -> bool:
        return not isinstance(other, Failure)

    __hash__ = None  # type: ignore[assignment]


def literal(value: object) -> tuple[Vector, Operand]:
    """An untyped literal."""
    sql_type = literal_type(value)
    adapts = value is None or isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
    return Vector.from_literal(value, sql_type), Operand(sql_type, value if adapts else NOT_LITERAL)


def typed(text: str | None, sql_type: SqlType) -> tuple[Vector, Operand]:
    """The constant `'text'::sql_type`."""
    return cast(Vector.from_literal(text, VARCHAR), sql_type), Operand(sql_type)


def column(values: Sequence[object], sql_type: SqlType) -> Vector:
    """A vector of Python values."""
    import pyarrow as pa

    return Vector.from_arrow(pa.array(values, arrow_type(sql_type)), sql_type)


def texts_as(texts: Sequence[str | None], sql_type: SqlType) -> Vector:
    """A vector of the values that `texts` say."""
    return cast(column(texts, VARCHAR), sql_type)


def signature(name: str, operands: Sequence[Operand]) -> Signature:
    function = find_scalar(name)
    assert function is not None, name
    return function.resolve(operands)


def call(name: str, *arguments: Vector | tuple[Vector, Operand]) -> Vector:
    """Resolve, cast, run."""
    pairs = [a if isinstance(a, tuple) else (a, Operand(a.type)) for a in arguments]
    resolved = signature(name, [operand for _, operand in pairs])
    cast_arguments = [cast(vector, target) for (vector, _), target in zip(pairs, resolved.arguments, strict=True)]
    function = find_scalar(name)
    assert function is not None
    result = function.run(cast_arguments, resolved.result)
    assert result.type == resolved.result, (name, result.type, resolved.result)
    assert result.constant == all(vector.constant for vector, _ in pairs), name
    return result


def shown(vector: Vector) -> list[str | None]:
    """The rows as text."""
    if vector.type == NULL:
        return [None] * len(vector)
    rows: list[str | None] = cast(vector, VARCHAR).arrow().to_pylist()
    return rows


def attempt(name: str, *arguments: Vector | tuple[Vector, Operand]) -> str | Failure | None:
    """The single value of a call of constants as text, or a Failure."""
    try:
        return shown(call(name, *arguments))[0]
    except Error as error:
        return Failure(f"{type(error).__name__}: {error}")


class Oracle:
    """DuckDB, asked for one value at a time; errors are Failures."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")

    def value(self, sql: str) -> str | Failure | None:
        """`sql` (an expression) as text."""
        try:
            row = self.connection.execute(f"SELECT ({sql})::VARCHAR").fetchone()
        except duckdb.Error as error:
            return Failure(str(error))
        assert row is not None
        return row[0]  # type: ignore[no-any-return]

    def type(self, sql: str) -> str | Failure:
        """typeof(sql)."""
        try:
            row = self.connection.execute(f"SELECT typeof({sql})").fetchone()
        except duckdb.Error as error:
            return Failure(str(error))
        assert row is not None
        return str(row[0])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.connection.execute(sql).fetchall()


def sql_literal(value: object) -> str:
    """How SQL writes a Python value."""
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).lower()
        case str():
            return "'" + value.replace("'", "''") + "'"
        case datetime.datetime():
            return f"TIMESTAMP '{value}'"
        case datetime.date():
            return f"DATE '{value}'"
        case float():
            return f"'{value}'::DOUBLE"
        case decimal.Decimal():
            return format(value, "f")
        case _:
            return str(value)


__all__ = [
    "INTERVAL",
    "Failure",
    "Oracle",
    "attempt",
    "call",
    "column",
    "literal",
    "shown",
    "signature",
    "sql_literal",
    "texts_as",
    "typed",
]
