"""Hold the schemas of a table's files against each other."""

from __future__ import annotations

from collections.abc import Sequence

from sqlengine.errors import FileFormatError
from sqlengine.storage.format import Field
from sqlengine.storage.widening import wider, widest
from sqlengine.types import SqlType


def merge_schemas(schemas: Sequence[tuple[str, tuple[Field, ...]]], union_by_name: bool = False) -> tuple[Field, ...]:
    """The columns of a table whose files have the columns `schemas` (path, fields).

    They are the first file's, in its order, each of the widest of the types it has in the files (see `widening`); with
    `union_by_name` those of all files, in the order in which they come up. Names are the same whatever their case.

    Raises
    ------
    FileFormatError
        If, without `union_by_name`, a file lacks a column of the first, or if the types of a column have nothing in
        common; names both files.
    """
    first_path, first = schemas[0]
    found = {field.name.lower(): [(first_path, field)] for field in first}
    for path, fields in schemas[1:]:
        own = {field.name.lower(): field for field in fields}
        for key, columns in found.items():
            if key in own:
                columns.append((path, own[key]))
            elif not union_by_name:
                raise _missing(columns[0][1].name, first_path, path)
        if union_by_name:
            found.update({key: [(path, field)] for key, field in own.items() if key not in found})
    return tuple(Field(columns[0][1].name, _common_type(columns)) for columns in found.values())


def check_columns(
    fields: Sequence[Field], first_path: str, path: str, own: Sequence[Field], union_by_name: bool
) -> None:
    """Refuse the file at `path`, whose columns are `own`, if `fields` of its table cannot be read from it.

    Raises
    ------
    FileFormatError
        If it lacks one, without `union_by_name`, or has one whose values the table's type does not hold.
    """
    by_key = {field.name.lower(): field for field in own}
    for field in fields:
        mine = by_key.get(field.name.lower())
        if mine is None and not union_by_name:
            raise _missing(field.name, first_path, path)
        if mine is not None and wider(field.type, mine.type) != field.type:
            raise FileFormatError(
                f"files of one table disagree: column {mine.name!r} is {mine.type} in {path!r} but {field.type} in"
                f" others, such as {first_path!r}; union_by_name = true reads the columns of all files first"
            )


def _missing(name: str, has: str, lacks: str) -> FileFormatError:
    return FileFormatError(
        f"files of one table disagree: column {name!r} is in {has!r} but not in {lacks!r};"
        " union_by_name = true fills it with NULL there"
    )


def _common_type(columns: Sequence[tuple[str, Field]]) -> SqlType:
    """The type that a column, given with the files that have it, has in their table."""
    distinct = list(dict.fromkeys(field.type for _, field in columns))
    wide = distinct[0] if len(distinct) == 1 else widest(distinct)
    if wide is not None:
        return wide
    first_path, first = columns[0]
    # Two of them may be at odds only through a third; then the last one is named.
    path, field = next((column for column in columns if wider(first.type, column[1].type) is None), columns[-1])
    raise FileFormatError(
        f"files of one table disagree: column {first.name!r} is {first.type} in {first_path!r}"
        f" but {field.type} in {path!r}, which no type holds without a change of values;"
        " rewrite one of them, or query them as two tables"
    )


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """`names` with `_1`, `_2`, … appended to those that an earlier one equals, case aside, as DuckDB does."""
    taken: set[str] = set()
    unique: list[str] = []
    for name in names:
        candidate, number = name, 0
        while candidate.lower() in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate.lower())
        unique.append(candidate)
    return tuple(unique)
