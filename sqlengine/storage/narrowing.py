"""Nested columns of which only some fields are read: where those lie."""

from __future__ import annotations

from sqlengine.types import SqlType, TypeKind


def leaves_of(own: SqlType, wanted: SqlType, leaves: tuple[int, ...]) -> tuple[int, ...]:
    """Those of the physical columns `leaves`, which a column of type `own` is made of, that one of type `wanted` needs.

    The structs of `own`, in lists too, have fields that `wanted` has not; of one without any that it has the first.
    """
    if own.kind is TypeKind.LIST and wanted.kind is TypeKind.LIST:
        return leaves_of(own.element, wanted.element, leaves)
    if own.kind is not TypeKind.STRUCT or wanted.kind is not TypeKind.STRUCT or not own.children:
        return leaves
    parts: dict[str, tuple[int, ...]] = {}
    at = 0
    for name, child in own.children:
        count = _leaf_count(child)
        parts[name] = leaves[at : at + count]
        at += count
    found: list[int] = []
    for name, child, want in _kept(own, wanted):
        found.extend(parts[name] if want is None else leaves_of(child, want, parts[name]))
    return tuple(found)


def _kept(own: SqlType, wanted: SqlType) -> list[tuple[str, SqlType, SqlType | None]]:
    """Name and type of each field that is kept, and as what it is wanted."""
    wants = {name.lower(): child for name, child in wanted.children}
    kept: list[tuple[str, SqlType, SqlType | None]] = [
        (name, child, wants[name.lower()]) for name, child in own.children if name.lower() in wants
    ]
    return kept or [(*own.children[0], None)]


def _leaf_count(type_: SqlType) -> int:
    return sum(_leaf_count(child) for _, child in type_.children) if type_.children else 1
