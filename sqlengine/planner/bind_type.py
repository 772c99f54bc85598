"""Type names in SQL text to SQL types."""

from __future__ import annotations

from typing import Any

from sqlengine import types
from sqlengine.errors import BindError, NotSupportedError, did_you_mean
from sqlengine.planner.consume import Reader, sql_of
from sqlengine.types import MAX_DECIMAL_PRECISION, SqlType, decimal

# By sqlglot's name of a type.
_SIMPLE: dict[str, SqlType] = {
    "BOOLEAN": types.BOOLEAN,
    "TINYINT": types.TINYINT,
    "SMALLINT": types.SMALLINT,
    "INT": types.INTEGER,
    "BIGINT": types.BIGINT,
    "INT128": types.HUGEINT,
    "UINT128": types.UHUGEINT,
    "UTINYINT": types.UTINYINT,
    "USMALLINT": types.USMALLINT,
    "UINT": types.UINTEGER,
    "UBIGINT": types.UBIGINT,
    "FLOAT": types.FLOAT,
    "DOUBLE": types.DOUBLE,
    "TEXT": types.VARCHAR,
    "VARCHAR": types.VARCHAR,
    "CHAR": types.VARCHAR,
    "BPCHAR": types.VARCHAR,
    "VARBINARY": types.BLOB,
    "BLOB": types.BLOB,
    "BIT": types.BIT,
    "UUID": types.UUID,
    "JSON": types.JSON,
    "DATE": types.DATE,
    "TIME": types.TIME,
    "TIMETZ": types.TIMETZ,
    "TIMESTAMP": types.TIMESTAMP,
    "TIMESTAMPNTZ": types.TIMESTAMP,
    "DATETIME": types.TIMESTAMP,
    "TIMESTAMP_S": types.TIMESTAMP_S,
    "TIMESTAMP_MS": types.TIMESTAMP_MS,
    "TIMESTAMP_NS": types.TIMESTAMP_NS,
    "TIMESTAMPTZ": types.TIMESTAMPTZ,
    "INTERVAL": types.INTERVAL,
}

# Names that sqlglot hands on as unknown.
_BY_NAME: dict[str, SqlType] = {
    "int1": types.TINYINT,
    "int2": types.SMALLINT,
    "int4": types.INTEGER,
    "int8": types.BIGINT,
    "short": types.SMALLINT,
    "long": types.BIGINT,
    "signed": types.INTEGER,
    "uint8": types.UTINYINT,
    "uint16": types.USMALLINT,
    "uint32": types.UINTEGER,
    "uint64": types.UBIGINT,
    "uinteger": types.UINTEGER,
    "ubigint": types.UBIGINT,
    "float4": types.FLOAT,
    "float8": types.DOUBLE,
    "logical": types.BOOLEAN,
    "bool": types.BOOLEAN,
    "datetime": types.TIMESTAMP,
    "timestamp_us": types.TIMESTAMP,
    "uint128": types.UHUGEINT,
    "uhugeint": types.UHUGEINT,
    "guid": types.UUID,
    "bitstring": types.BIT,
}

# DECIMAL without parameters.
_DEFAULT_DECIMAL = (18, 3)

_NESTED = frozenset({"ARRAY", "LIST", "STRUCT", "MAP", "ENUM"})
_MAX_ARRAY = 100_000

_NAMES = (*(str(each) for each in _SIMPLE.values()), "DECIMAL", *_BY_NAME)


def bind_type(node: Any, reader: Reader) -> SqlType:
    """The type that a DataType node names.

    Raises
    ------
    BindError
        There is no such type, or its parameters are out of range.
    NotSupportedError
        It is a type this engine cannot cast to.
    """
    kind = reader.get(node, "this")
    name = str(getattr(kind, "name", kind))
    reader.get(node, "nested")
    if name == "DECIMAL":
        return _decimal(node, reader)
    if name in _NESTED:
        return _nested(name, node, reader)
    simple = _SIMPLE.get(name)
    if simple is not None:
        return simple
    if name == "USERDEFINED":
        written = str(reader.get(node, "kind"))
        named = _BY_NAME.get(written.lower())
        if named is not None:
            return named
        raise BindError(f"there is no type {written!r}.{did_you_mean(written, _NAMES)}", reader.source.position(node))
    raise NotSupportedError(f"the type {sql_of(node)} is not supported in a cast", reader.source.position(node))


def _nested(name: str, node: Any, reader: Reader) -> SqlType:
    parts = reader.all(node)
    place = reader.source.position(node)
    match name:
        case "ENUM":
            for part in parts:
                reader.get(part, "is_string")
            labels = [reader.name(part) for part in parts]
            if len(set(labels)) < len(labels):
                raise BindError("an ENUM cannot have the same label twice", place)
            return types.enum_of(labels)
        case "STRUCT":
            fields = [
                (reader.name(reader.get(part, "this")), bind_type(reader.get(part, "kind"), reader)) for part in parts
            ]
            lowered = [field.lower() for field, _ in fields]
            if len(set(lowered)) < len(lowered):
                raise BindError("a STRUCT cannot have the same field twice", place)
            return types.struct_of(fields)
        case "MAP":
            if len(parts) != 2:
                raise BindError("a MAP has a type of keys and a type of values: MAP(VARCHAR, INTEGER)", place)
            return types.map_of(*(bind_type(part, reader) for part in parts))
        case _:
            element = bind_type(parts[0], reader) if parts else types.NULL
            size = reader.all(node, "values")
            if not size:
                return types.list_of(element)
            reader.get(size[0], "is_string")
            length = int(reader.name(size[0]))
            if not 1 <= length <= _MAX_ARRAY:
                raise BindError(f"the length of an ARRAY is 1 to {_MAX_ARRAY}", place)
            return types.array_of(element, length)


def _decimal(node: Any, reader: Reader) -> SqlType:
    parameters = [int(reader.name(reader.get(part, "this"))) for part in reader.all(node)]
    for part in reader.all(node):
        reader.get(reader.get(part, "this"), "is_string")
    if not parameters:
        return decimal(*_DEFAULT_DECIMAL)
    precision, scale = (*parameters, 0)[:2]
    if not 1 <= precision <= MAX_DECIMAL_PRECISION or not 0 <= scale <= precision:
        raise BindError(
            f"DECIMAL({precision},{scale}) is out of range: 1 to {MAX_DECIMAL_PRECISION} digits, at most all of them "
            "after the point",
            reader.source.position(node),
        )
    return decimal(precision, scale)
