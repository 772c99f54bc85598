"""`SqlType`: what a column means, and the families of types. `sqlengine.types` has one of each by name."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from sqlengine.keywords import quoted_name


class TypeKind(enum.Enum):
    """The families of SQL types; parameters (precision, element types) live in `SqlType`."""

    NULL = "NULL"
    BOOLEAN = "BOOLEAN"
    TINYINT = "TINYINT"
    SMALLINT = "SMALLINT"
    INTEGER = "INTEGER"
    BIGINT = "BIGINT"
    HUGEINT = "HUGEINT"
    UTINYINT = "UTINYINT"
    USMALLINT = "USMALLINT"
    UINTEGER = "UINTEGER"
    UBIGINT = "UBIGINT"
    UHUGEINT = "UHUGEINT"
    FLOAT = "FLOAT"
    DOUBLE = "DOUBLE"
    DECIMAL = "DECIMAL"
    VARCHAR = "VARCHAR"
    BLOB = "BLOB"
    BIT = "BIT"
    UUID = "UUID"
    JSON = "JSON"
    ENUM = "ENUM"
    DATE = "DATE"
    TIME = "TIME"
    TIMETZ = "TIME WITH TIME ZONE"
    TIMESTAMP = "TIMESTAMP"
    TIMESTAMP_S = "TIMESTAMP_S"
    TIMESTAMP_MS = "TIMESTAMP_MS"
    TIMESTAMP_NS = "TIMESTAMP_NS"
    TIMESTAMPTZ = "TIMESTAMP WITH TIME ZONE"
    INTERVAL = "INTERVAL"
    LIST = "LIST"
    ARRAY = "ARRAY"
    STRUCT = "STRUCT"
    MAP = "MAP"


@dataclass(frozen=True, slots=True)
class SqlType:
    """One SQL type.

    Attributes
    ----------
    kind
        The family.
    precision, scale
        Total digits and digits after the point; only for DECIMAL (1 <= precision <= 38).
    children
        (name, type) of each child: LIST and ARRAY have one, MAP has key and value, STRUCT its fields. The fields of a
        row `(1, 'a')` have no names.
    size
        Number of elements of an ARRAY.
    labels
        The values of an ENUM, in order.
    """

    kind: TypeKind
    precision: int = 0
    scale: int = 0
    children: tuple[tuple[str, SqlType], ...] = ()
    size: int = 0
    labels: tuple[str, ...] = ()

    def __str__(self) -> str:
        match self.kind:
            case TypeKind.DECIMAL:
                return f"DECIMAL({self.precision},{self.scale})"
            case TypeKind.LIST:
                return f"{self.element.nested_name}[]"
            case TypeKind.ARRAY:
                return f"{self.element.nested_name}[{self.size}]"
            case TypeKind.STRUCT if self.is_row:
                return f"TUPLE({', '.join(child.nested_name for _, child in self.children)})"
            case TypeKind.STRUCT:
                fields = ", ".join(f"{quoted_name(name)} {child.nested_name}" for name, child in self.children)
                return f"STRUCT({fields})" if fields else "STRUCT"
            case TypeKind.MAP:
                return f"MAP({', '.join(child.nested_name for _, child in self.children)})"
            case TypeKind.ENUM:
                labels = (label.replace("'", "''") for label in self.labels)
                return "ENUM('" + "', '".join(labels) + "')"
            case _:
                return str(self.kind.value)

    @property
    def nested_name(self) -> str:
        """The name as it stands inside another type's, where NULL is quoted: it is a keyword, too."""
        return '"NULL"' if self.kind is TypeKind.NULL else str(self)

    @property
    def element(self) -> SqlType:
        """The type of the elements of a LIST or ARRAY."""
        return self.children[0][1]

    @property
    def is_list(self) -> bool:
        """LIST or ARRAY."""
        return self.kind in (TypeKind.LIST, TypeKind.ARRAY)

    @property
    def is_row(self) -> bool:
        """A STRUCT whose fields have no names."""
        return self.kind is TypeKind.STRUCT and bool(self.children) and not self.children[0][0]

    @property
    def is_nested(self) -> bool:
        """LIST, ARRAY, STRUCT or MAP."""
        return self.kind in NESTED_KINDS

    @property
    def is_integer(self) -> bool:
        """Whether this is a whole-number type, HUGEINT and the unsigned ones included."""
        return self.kind in INTEGER_KINDS

    @property
    def is_numeric(self) -> bool:
        """Whether arithmetic applies: integers, decimals and floats."""
        return self.is_integer or self.kind in (TypeKind.DECIMAL, TypeKind.FLOAT, TypeKind.DOUBLE)

    @property
    def is_float(self) -> bool:
        """FLOAT or DOUBLE."""
        return self.kind in (TypeKind.FLOAT, TypeKind.DOUBLE)

    @property
    def is_timestamp(self) -> bool:
        """Any TIMESTAMP, whatever its unit, with or without time zone."""
        return self.kind in TIMESTAMP_UNITS or self.kind is TypeKind.TIMESTAMPTZ

    @property
    def is_temporal(self) -> bool:
        """DATE, TIME without time zone, or any TIMESTAMP."""
        return self.is_timestamp or self.kind in (TypeKind.DATE, TypeKind.TIME)

    @property
    def is_text(self) -> bool:
        """Carried as bytes whose order is the values' order: VARCHAR, BLOB, JSON, UUID, BIT. Arrow computes it."""
        return self.kind in TEXT_KINDS

    @property
    def is_unscaled(self) -> bool:
        """DECIMAL, HUGEINT or UHUGEINT: 128-bit in Arrow, int64 words whenever the values fit."""
        return self.kind in (TypeKind.DECIMAL, TypeKind.HUGEINT, TypeKind.UHUGEINT)


NESTED_KINDS: Final = frozenset({TypeKind.LIST, TypeKind.ARRAY, TypeKind.STRUCT, TypeKind.MAP})
TEXT_KINDS: Final = frozenset({TypeKind.VARCHAR, TypeKind.BLOB, TypeKind.JSON, TypeKind.UUID, TypeKind.BIT})

# Bits of each whole-number type; negative = signed. Order is DuckDB's order of widening.
INTEGER_KINDS: Final[dict[TypeKind, tuple[int, bool]]] = {
    TypeKind.TINYINT: (8, True),
    TypeKind.SMALLINT: (16, True),
    TypeKind.INTEGER: (32, True),
    TypeKind.BIGINT: (64, True),
    TypeKind.HUGEINT: (128, True),
    TypeKind.UTINYINT: (8, False),
    TypeKind.USMALLINT: (16, False),
    TypeKind.UINTEGER: (32, False),
    TypeKind.UBIGINT: (64, False),
    TypeKind.UHUGEINT: (128, False),
}

# Ticks per second of each TIMESTAMP without time zone.
TIMESTAMP_UNITS: Final[dict[TypeKind, int]] = {
    TypeKind.TIMESTAMP_S: 1,
    TypeKind.TIMESTAMP_MS: 1_000,
    TypeKind.TIMESTAMP: 1_000_000,
    TypeKind.TIMESTAMP_NS: 1_000_000_000,
}
