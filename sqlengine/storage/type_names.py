"""SQL type names in options, such as `columns = {'price': 'DECIMAL(10,2)'}`."""

from __future__ import annotations

import re
from typing import Final

from sqlengine.errors import SettingError, did_you_mean
from sqlengine.types import MAX_DECIMAL_PRECISION, SqlType, TypeKind, decimal

_ALIASES: Final[dict[str, TypeKind]] = {
    "BOOL": TypeKind.BOOLEAN,
    "INT": TypeKind.INTEGER,
    "INT1": TypeKind.TINYINT,
    "INT2": TypeKind.SMALLINT,
    "INT4": TypeKind.INTEGER,
    "INT8": TypeKind.BIGINT,
    "LONG": TypeKind.BIGINT,
    "REAL": TypeKind.FLOAT,
    "FLOAT4": TypeKind.FLOAT,
    "FLOAT8": TypeKind.DOUBLE,
    "STRING": TypeKind.VARCHAR,
    "TEXT": TypeKind.VARCHAR,
    "CHAR": TypeKind.VARCHAR,
    "DATETIME": TypeKind.TIMESTAMP,
    "TIMESTAMPTZ": TypeKind.TIMESTAMPTZ,
    "TIMESTAMP WITH TIME ZONE": TypeKind.TIMESTAMPTZ,
}
_SIMPLE: Final[dict[str, TypeKind]] = {
    **{
        kind.value: kind
        for kind in TypeKind
        if kind
        not in (
            TypeKind.NULL,
            TypeKind.BLOB,
            TypeKind.INTERVAL,
            TypeKind.DECIMAL,
            TypeKind.LIST,
            TypeKind.STRUCT,
            TypeKind.MAP,
        )
    },
    **_ALIASES,
}
_DECIMAL: Final = re.compile(r"(?:DECIMAL|NUMERIC)(?:\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?")


def parse_type_name(text: object) -> SqlType:
    """The type called `text`; of those that text files can hold. SettingError if there is none."""
    name = " ".join(str(text).upper().split())
    match = _DECIMAL.fullmatch(name)
    if match:
        precision, scale = int(match[1] or 18), int(match[2] or (0 if match[1] else 3))
        if not 1 <= precision <= MAX_DECIMAL_PRECISION or scale > precision:
            raise SettingError(f"{text} is not a type: at most {MAX_DECIMAL_PRECISION} digits, scale within them")
        return decimal(precision, scale)
    kind = _SIMPLE.get(re.sub(r"^(VARCHAR|CHAR)\s*\(\s*\d+\s*\)$", r"\1", name))
    if kind is None:
        raise SettingError(f"{text!r} is not a type of columns in text files.{did_you_mean(name, _SIMPLE)}")
    return SqlType(kind)
