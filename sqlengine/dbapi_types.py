"""PEP 249's module-level names: constants, constructors, and type objects."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from typing import Final

from sqlengine.types import SqlType, TypeKind

apilevel: Final = "2.0"
threadsafety: Final = 1  # threads may share the module, not a connection
paramstyle: Final = "qmark"  # `$name` and `:name` with a mapping are understood too

Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime
Binary = bytes


def DateFromTicks(ticks: float) -> datetime.date:  # noqa: N802 - the name PEP 249 demands
    """A date from seconds since the epoch, local time."""
    return Date(*time.localtime(ticks)[:3])


def TimeFromTicks(ticks: float) -> datetime.time:  # noqa: N802
    """A time of day from seconds since the epoch, local time."""
    return Time(*time.localtime(ticks)[3:6])


def TimestampFromTicks(ticks: float) -> datetime.datetime:  # noqa: N802
    """A timestamp from seconds since the epoch, local time."""
    return Timestamp(*time.localtime(ticks)[:6])


class TypeCode(str):
    """A column's type in `Cursor.description`: the SQL name, equal to the PEP 249 type object of its family."""

    __slots__ = ("kind",)
    kind: TypeKind

    def __new__(cls, type_: SqlType) -> TypeCode:
        """The code of `type_`."""
        code = super().__new__(cls, str(type_))
        code.kind = type_.kind
        return code

    def __eq__(self, other: object) -> bool:
        return self.kind in other.kinds if isinstance(other, TypeObject) else str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


class TypeObject:
    """A PEP 249 type object: equal to the code of every column of its family."""

    def __init__(self, name: str, kinds: frozenset[TypeKind]) -> None:
        self.name = name
        self.kinds = kinds

    def __eq__(self, other: object) -> bool:
        return other.kind in self.kinds if isinstance(other, TypeCode) else self is other

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return self.name


def _family(test: Callable[[SqlType], bool]) -> frozenset[TypeKind]:
    return frozenset(kind for kind in TypeKind if test(SqlType(kind)))


STRING: Final = TypeObject("STRING", frozenset({TypeKind.VARCHAR}))
BINARY: Final = TypeObject("BINARY", frozenset({TypeKind.BLOB}))
NUMBER: Final = TypeObject("NUMBER", _family(lambda t: t.is_numeric) | {TypeKind.BOOLEAN})
DATETIME: Final = TypeObject("DATETIME", _family(lambda t: t.is_temporal) | {TypeKind.INTERVAL})
ROWID: Final = TypeObject("ROWID", frozenset())
