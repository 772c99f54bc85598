"""Hold the schemas of a table's files against each other."""

from __future__ import annotations

from collections.abc import Sequence

from sqlengine.errors import FileFormatError
from sqlengine.storage.format import Field


def merge_schemas(schemas: Sequence[tuple[str, tuple[Field, ...]]]) -> tuple[Field, ...]:
    """The fields that all of `schemas` (path, fields) share, in the order of the first.

    Raises
    ------
    FileFormatError
        If a file lacks a column, has one more, or has one of another type; names both files.
    """
    first_path, first = schemas[0]
    types = {field.name: field.type for field in first}
    for path, fields in schemas[1:]:
        other = {field.name: field.type for field in fields}
        for name, type_ in types.items():
            if name not in other:
                raise _missing(name, first_path, path)
            if other[name] != type_:
                raise FileFormatError(
                    f"files of one table disagree: column {name!r} is {type_} in {first_path!r}"
                    f" but {other[name]} in {path!r}; rewrite one of them, or query them as two tables"
                )
        for name in other:
            if name not in types:
                raise _missing(name, path, first_path)
    return first


def unique_names(names: Sequence[str]) -> list[str]:
    """`names` with `_1`, `_2`, … appended to those that an earlier one equals, case aside, as DuckDB does."""
    taken: set[str] = set()
    unique = []
    for name in names:
        candidate, number = name, 0
        while candidate.lower() in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate.lower())
        unique.append(candidate)
    return unique


def _missing(name: str, has: str, lacks: str) -> FileFormatError:
    return FileFormatError(
        f"files of one table disagree: column {name!r} is in {has!r} but not in {lacks!r};"
        " rewrite one of them, or query them as two tables"
    )
