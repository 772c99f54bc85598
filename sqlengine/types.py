"""SQL types: one closed, immutable description shared by planner, executor and storage.

A `SqlType` says what a column means. How its values lie in memory is decided here too, once:

==============  ==========================  ==================================================
SQL type        Arrow type                  numpy *words* (see `sqlengine.vector`)
==============  ==========================  ==================================================
BOOLEAN         bool                        bool
TINYINT…BIGINT  int8…int64                  the same (UTINYINT…UBIGINT: uint8…uint64)
HUGEINT,        decimal128(38, 0)           int64 when every value fits, else none
UHUGEINT
DECIMAL(p, s)   decimal128(p, s)            int64, unscaled, when every value fits, else none
FLOAT, DOUBLE   float32, float64            the same
DATE            date32                      int32 days since 1970-01-01
TIME            time64[us]                  int64 microseconds since midnight
TIMESTAMP       timestamp[us]               int64 microseconds since 1970-01-01
TIMESTAMP_S/MS/NS  timestamp[s/ms/ns]       int64 of that unit
TIMESTAMPTZ     timestamp[us, UTC]          int64 microseconds since 1970-01-01 UTC
TIMETZ          int64                       int64: microseconds and offset, see `functions.time_zones`
INTERVAL        month_day_nano_interval     none
VARCHAR, BLOB   string, binary              none (kernels read offsets and bytes)
JSON            string                      none
UUID, BIT       binary                      none: 16 bytes; one byte counting the unused bits, then the bits
ENUM            int32                       int32, the position of the label
LIST, ARRAY     list                        none
MAP             list of struct<key, value>  none
STRUCT          struct                      none
==============  ==========================  ==================================================
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from sqlengine.errors import InternalError, NotSupportedError
from sqlengine.sql_type import INTEGER_KINDS as INTEGER_KINDS
from sqlengine.sql_type import NESTED_KINDS as NESTED_KINDS
from sqlengine.sql_type import TEXT_KINDS as TEXT_KINDS
from sqlengine.sql_type import TIMESTAMP_UNITS as TIMESTAMP_UNITS
from sqlengine.sql_type import SqlType as SqlType
from sqlengine.sql_type import TypeKind as TypeKind

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


NULL: Final = SqlType(TypeKind.NULL)
BOOLEAN: Final = SqlType(TypeKind.BOOLEAN)
TINYINT: Final = SqlType(TypeKind.TINYINT)
SMALLINT: Final = SqlType(TypeKind.SMALLINT)
INTEGER: Final = SqlType(TypeKind.INTEGER)
BIGINT: Final = SqlType(TypeKind.BIGINT)
HUGEINT: Final = SqlType(TypeKind.HUGEINT)
UTINYINT: Final = SqlType(TypeKind.UTINYINT)
USMALLINT: Final = SqlType(TypeKind.USMALLINT)
UINTEGER: Final = SqlType(TypeKind.UINTEGER)
UBIGINT: Final = SqlType(TypeKind.UBIGINT)
UHUGEINT: Final = SqlType(TypeKind.UHUGEINT)
FLOAT: Final = SqlType(TypeKind.FLOAT)
DOUBLE: Final = SqlType(TypeKind.DOUBLE)
VARCHAR: Final = SqlType(TypeKind.VARCHAR)
BLOB: Final = SqlType(TypeKind.BLOB)
BIT: Final = SqlType(TypeKind.BIT)
UUID: Final = SqlType(TypeKind.UUID)
JSON: Final = SqlType(TypeKind.JSON)
DATE: Final = SqlType(TypeKind.DATE)
TIME: Final = SqlType(TypeKind.TIME)
TIMETZ: Final = SqlType(TypeKind.TIMETZ)
TIMESTAMP: Final = SqlType(TypeKind.TIMESTAMP)
TIMESTAMP_S: Final = SqlType(TypeKind.TIMESTAMP_S)
TIMESTAMP_MS: Final = SqlType(TypeKind.TIMESTAMP_MS)
TIMESTAMP_NS: Final = SqlType(TypeKind.TIMESTAMP_NS)
TIMESTAMPTZ: Final = SqlType(TypeKind.TIMESTAMPTZ)
INTERVAL: Final = SqlType(TypeKind.INTERVAL)

MAX_DECIMAL_PRECISION: Final = 38


def decimal(precision: int, scale: int) -> SqlType:
    """DECIMAL(precision, scale); precision is capped at 38 by the caller, never here."""
    if not 0 <= scale <= precision <= MAX_DECIMAL_PRECISION or precision < 1:
        raise InternalError(f"DECIMAL({precision},{scale}) is not a type")
    return SqlType(TypeKind.DECIMAL, precision, scale)


def list_of(element: SqlType) -> SqlType:
    """LIST of `element`."""
    return SqlType(TypeKind.LIST, children=(("element", element),))


def array_of(element: SqlType, size: int) -> SqlType:
    """ARRAY of `size` times `element`."""
    return SqlType(TypeKind.ARRAY, children=(("element", element),), size=size)


def struct_of(fields: Iterable[tuple[str, SqlType]]) -> SqlType:
    """STRUCT of (name, type) pairs."""
    return SqlType(TypeKind.STRUCT, children=tuple(fields))


def map_of(key: SqlType, value: SqlType) -> SqlType:
    """MAP of `key` to `value`."""
    return SqlType(TypeKind.MAP, children=(("key", key), ("value", value)))


def entries_of(type_: SqlType) -> SqlType:
    """The LIST of STRUCT(key, value) that lies in memory for a MAP."""
    return list_of(struct_of(type_.children))


def enum_of(labels: Iterable[str]) -> SqlType:
    """ENUM of `labels`."""
    return SqlType(TypeKind.ENUM, labels=tuple(labels))


def integer_range(kind: TypeKind) -> tuple[int, int]:
    """Smallest and largest value of a whole-number type, both inclusive.

    HUGEINT and UHUGEINT are carried as decimal128(38, 0), so their bounds are ±(10**38 - 1), not ±2**127 (see
    docs/decisions/0009-carriers-of-types.md).
    """
    if kind is TypeKind.HUGEINT:
        return -(10**38) + 1, 10**38 - 1
    if kind is TypeKind.UHUGEINT:
        return 0, 10**38 - 1
    bits, signed = INTEGER_KINDS[kind]
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


def arrow_type(sql_type: SqlType) -> pa.DataType:
    """The Arrow type that carries `sql_type` (the table in the module docstring)."""
    import pyarrow as pa

    match sql_type.kind:
        case TypeKind.DECIMAL:
            return pa.decimal128(sql_type.precision, sql_type.scale)
        case TypeKind.LIST | TypeKind.ARRAY:
            return pa.list_(arrow_type(sql_type.element))
        case TypeKind.STRUCT:
            return pa.struct([pa.field(name, arrow_type(child)) for name, child in sql_type.children])
        case TypeKind.MAP:
            return arrow_type(entries_of(sql_type))
        case kind:
            return _simple_arrow_types()[kind]


def from_arrow(data_type: pa.DataType) -> SqlType:
    """The SQL type of a column that storage delivers as `data_type`.

    Raises
    ------
    NotSupportedError
        If no SQL type stands for it; storage names the column and the file.
    """
    import pyarrow as pa

    t = pa.types
    if isinstance(data_type, pa.BaseExtensionType):
        named = _EXTENSIONS.get(data_type.extension_name)
        return from_arrow(data_type.storage_type) if named is None else SqlType(named)
    if t.is_dictionary(data_type) or t.is_run_end_encoded(data_type):
        return from_arrow(data_type.value_type)
    if t.is_decimal(data_type):
        if not 0 <= data_type.scale <= data_type.precision <= MAX_DECIMAL_PRECISION:
            raise NotSupportedError(f"Arrow type {data_type} has no SQL type (at most 38 digits, scale within them)")
        return decimal(data_type.precision, data_type.scale)
    if t.is_string(data_type) or t.is_large_string(data_type) or t.is_string_view(data_type):
        return VARCHAR
    if (
        t.is_binary(data_type)
        or t.is_large_binary(data_type)
        or t.is_binary_view(data_type)
        or t.is_fixed_size_binary(data_type)
    ):
        return BLOB
    if t.is_date(data_type):
        return DATE
    if t.is_time(data_type):
        return TIME
    if t.is_timestamp(data_type):
        if data_type.tz is not None:
            return TIMESTAMPTZ
        return {"s": TIMESTAMP_S, "ms": TIMESTAMP_MS, "us": TIMESTAMP, "ns": TIMESTAMP_NS}[data_type.unit]
    if t.is_duration(data_type):
        return INTERVAL
    if t.is_float16(data_type):
        return FLOAT
    if t.is_fixed_size_list(data_type):
        return array_of(from_arrow(data_type.value_type), data_type.list_size)
    if any(is_kind(data_type) for is_kind in (t.is_list, t.is_large_list, t.is_list_view, t.is_large_list_view)):
        return list_of(from_arrow(data_type.value_type))
    if t.is_map(data_type):
        return map_of(from_arrow(data_type.key_type), from_arrow(data_type.item_type))
    if t.is_struct(data_type):
        fields = tuple(
            (data_type.field(i).name, from_arrow(data_type.field(i).type)) for i in range(data_type.num_fields)
        )
        return SqlType(TypeKind.STRUCT, children=fields)
    for kind, simple in _simple_arrow_types().items():
        if simple == data_type and kind not in _BORROWED:
            return SqlType(kind)
    raise NotSupportedError(f"Arrow type {data_type} has no SQL type")


# Arrow's canonical extension types that SQL has types for; of others, the storage counts.
_EXTENSIONS: Final = {
    "arrow.uuid": TypeKind.UUID,
    "arrow.json": TypeKind.JSON,
    "arrow.bool8": TypeKind.BOOLEAN,
}

# Kinds that lie in memory as another kind does, whose Arrow type it is.
_BORROWED: Final = frozenset(
    {TypeKind.HUGEINT, TypeKind.UHUGEINT, TypeKind.TIMETZ, TypeKind.ENUM, TypeKind.JSON, TypeKind.UUID, TypeKind.BIT}
)


def words_dtype(sql_type: SqlType) -> np.dtype | None:
    """numpy dtype of the words of `sql_type`, or None where it has none."""
    import numpy as np

    name = _WORDS.get(sql_type.kind)
    return None if name is None else np.dtype(name)


_WORDS: Final[dict[TypeKind, str]] = {
    TypeKind.BOOLEAN: "bool",
    TypeKind.TINYINT: "int8",
    TypeKind.SMALLINT: "int16",
    TypeKind.INTEGER: "int32",
    TypeKind.BIGINT: "int64",
    TypeKind.HUGEINT: "int64",
    TypeKind.UHUGEINT: "int64",
    TypeKind.UTINYINT: "uint8",
    TypeKind.USMALLINT: "uint16",
    TypeKind.UINTEGER: "uint32",
    TypeKind.UBIGINT: "uint64",
    TypeKind.FLOAT: "float32",
    TypeKind.DOUBLE: "float64",
    TypeKind.DECIMAL: "int64",
    TypeKind.DATE: "int32",
    TypeKind.TIME: "int64",
    TypeKind.TIMETZ: "int64",
    TypeKind.ENUM: "int32",
    TypeKind.TIMESTAMP: "int64",
    TypeKind.TIMESTAMP_S: "int64",
    TypeKind.TIMESTAMP_MS: "int64",
    TypeKind.TIMESTAMP_NS: "int64",
    TypeKind.TIMESTAMPTZ: "int64",
}


def _simple_arrow_types() -> dict[TypeKind, pa.DataType]:
    if not _SIMPLE:
        import pyarrow as pa

        _SIMPLE.update(
            {
                TypeKind.NULL: pa.null(),
                TypeKind.BOOLEAN: pa.bool_(),
                TypeKind.TINYINT: pa.int8(),
                TypeKind.SMALLINT: pa.int16(),
                TypeKind.INTEGER: pa.int32(),
                TypeKind.BIGINT: pa.int64(),
                TypeKind.HUGEINT: pa.decimal128(MAX_DECIMAL_PRECISION, 0),
                TypeKind.UHUGEINT: pa.decimal128(MAX_DECIMAL_PRECISION, 0),
                TypeKind.UTINYINT: pa.uint8(),
                TypeKind.USMALLINT: pa.uint16(),
                TypeKind.UINTEGER: pa.uint32(),
                TypeKind.UBIGINT: pa.uint64(),
                TypeKind.FLOAT: pa.float32(),
                TypeKind.DOUBLE: pa.float64(),
                TypeKind.VARCHAR: pa.string(),
                TypeKind.BLOB: pa.binary(),
                TypeKind.BIT: pa.binary(),
                TypeKind.UUID: pa.binary(),
                TypeKind.JSON: pa.string(),
                TypeKind.ENUM: pa.int32(),
                TypeKind.DATE: pa.date32(),
                TypeKind.TIME: pa.time64("us"),
                TypeKind.TIMETZ: pa.int64(),
                TypeKind.TIMESTAMP: pa.timestamp("us"),
                TypeKind.TIMESTAMP_S: pa.timestamp("s"),
                TypeKind.TIMESTAMP_MS: pa.timestamp("ms"),
                TypeKind.TIMESTAMP_NS: pa.timestamp("ns"),
                TypeKind.TIMESTAMPTZ: pa.timestamp("us", "UTC"),
                TypeKind.INTERVAL: pa.month_day_nano_interval(),
            }
        )
    return _SIMPLE


_SIMPLE: dict[TypeKind, pa.DataType] = {}
