"""Names that mean one function of text and another of nested values or of BIT: `len`, `contains`, `||`, …"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlengine.types import SqlType, TypeKind

_LISTS: Final = {
    "contains": "list_contains",
    "len": "array_length",
    "length": "array_length",
    "||": "list_||",
    "concat": "list_concat",
    "repeat": "__list_repeat",
    "<->": "list_distance",
    "<=>": "list_cosine_distance",
}
_MAPS: Final = {"contains": "map_contains", "list_extract": "map_extract_value"}
_STRUCTS: Final = {"contains": "struct_contains", "list_extract": "struct_extract", "array_extract": "struct_extract"}
_BITS: Final = {
    "len": "__bits_length",
    "length": "__bits_length",
    "bit_length": "__bits_length",
    "octet_length": "__bits_octets",
    "bit_count": "__bits_count",
}

_BY_KIND: Final = {
    TypeKind.LIST: _LISTS,
    TypeKind.ARRAY: _LISTS,
    TypeKind.MAP: _MAPS,
    TypeKind.STRUCT: _STRUCTS,
    TypeKind.BIT: _BITS,
}


def overload_for(name: str, types: Sequence[SqlType]) -> str:
    """The function that `name` means for arguments of these types: by the first of such a type."""
    for type_ in types[:2]:
        overloads = _BY_KIND.get(type_.kind)
        if overloads is not None:
            return overloads.get(name, name)
    return name
