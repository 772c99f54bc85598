"""What EXPLAIN says of the columns that a scan reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlengine.planner.expression_text import ExpressionText
from sqlengine.planner.expressions import Column
from sqlengine.storage.table import NarrowingTable, Table
from sqlengine.types import SqlType, TypeKind


def scanned(table: Table, columns: Sequence[tuple[Column, str]], text: ExpressionText) -> tuple[str, ...]:
    """Columns, each with its name in the table; with their fields those of which not all are read: `s.x`, `l[].y`."""
    if not isinstance(table, NarrowingTable):
        return tuple(text.column(column) for column, _ in columns)
    whole = {field.name: field.type for field in table.whole_fields}
    return tuple(
        part
        for column, name in columns
        for part in _parts(text.column(column), column.type, whole.get(name, column.type))
    )


def _parts(path: str, type_: SqlType, whole: SqlType) -> Iterator[str]:
    if type_ == whole:
        yield path
    elif type_.kind is TypeKind.LIST:
        yield from _parts(f"{path}[]", type_.element, whole.element)
    else:
        of_whole = dict(whole.children)
        for name, child in type_.children:
            yield from _parts(f"{path}.{name}", child, of_whole[name])
