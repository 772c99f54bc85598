"""SQL type names in options, such as `columns = {'price': 'DECIMAL(10,2)'}`."""

from __future__ import annotations

import re
from typing import Final

from sqlengine.errors import SettingError, did_you_mean
from sqlengine.types import MAX_DECIMAL_PRECISION, SqlType, TypeKind, array_of, decimal, list_of, map_of, struct_of

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


_OTHERS: Final = {kind.value: SqlType(kind) for kind in (TypeKind.BLOB, TypeKind.INTERVAL)}
_FIELD: Final = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^\s,()\[\]"]+))\s+(.*)', re.DOTALL)


def parse_nested_type_name(text: object) -> SqlType:
    """The type called `text`, nested ones included: `STRUCT(id BIGINT, name VARCHAR)[]`, `MAP(VARCHAR, INT)`.

    Raises
    ------
    SettingError
        If there is none.
    """
    name = str(text).strip()
    sized = re.fullmatch(r"(.*)\[\s*(\d*)\s*\]", name, re.DOTALL)
    if sized:
        element = parse_nested_type_name(sized[1])
        return array_of(element, int(sized[2])) if sized[2] else list_of(element)
    nested = re.fullmatch(r"(STRUCT|MAP)\s*\((.*)\)", name, re.DOTALL | re.IGNORECASE)
    if nested is None:
        return _OTHERS.get(name.upper()) or parse_type_name(name)
    parts = _split(nested[2])
    if nested[1].upper() == "MAP":
        if len(parts) != 2:
            raise SettingError(f"{text} is not a type: MAP takes two, as MAP(VARCHAR, BIGINT)")
        return map_of(parse_nested_type_name(parts[0]), parse_nested_type_name(parts[1]))
    fields = [_FIELD.fullmatch(part) for part in parts]
    if not all(fields):
        raise SettingError(f"{text} is not a type: STRUCT takes names and types, as STRUCT(id BIGINT, name VARCHAR)")
    return struct_of(
        (field[2] if field[1] is None else field[1].replace('""', '"'), parse_nested_type_name(field[3]))
        for field in fields
        if field
    )


def _split(text: str) -> list[str]:
    """What stands between the commas that are in neither parentheses nor quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for place, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif not quoted:
            depth += (character in "([") - (character in ")]")
            if character == "," and depth == 0:
                parts.append(text[start:place])
                start = place + 1
    return [*parts, text[start:]]
