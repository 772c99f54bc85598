"""What a session has defined: views, macros, and tables in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlengine.errors import BindError, did_you_mean
from sqlengine.planner.definitions import Macro, View
from sqlengine.storage.memory import ArrowTable
from sqlengine.types import SqlType, arrow_type

if TYPE_CHECKING:
    import pyarrow as pa


class Definitions:
    """Names in lower case to what they mean; tables and views share their names, macros have their own."""

    def __init__(self) -> None:
        self._views: dict[str, View] = {}
        self._macros: dict[str, Macro] = {}
        self._tables: dict[str, tuple[str, pa.Table, tuple[SqlType, ...], ArrowTable]] = {}

    def view(self, name: str) -> View | None:
        """The view of that name."""
        return self._views.get(name.lower())

    def macro(self, name: str) -> Macro | None:
        """The macro of that name, scalar or table."""
        return self._macros.get(name.lower())

    def table(self, name: str) -> ArrowTable | None:
        """The table of that name."""
        found = self._tables.get(name.lower())
        return None if found is None else found[3]

    def names(self) -> list[str]:
        """Of tables and views."""
        return [*(found[0] for found in self._tables.values()), *(view.name for view in self._views.values())]

    def macro_names(self) -> list[str]:
        """Of macros: for suggestions and completion."""
        return [macro.name for macro in self._macros.values()]

    def create_view(self, view: View, replace: bool, if_missing: bool) -> None:
        """Keep a view; BindError if the name is taken and nothing says what to do then."""
        if self._may_define(view.name, "view", replace, if_missing):
            self._views[view.name.lower()] = view

    def create_macro(self, macro: Macro, replace: bool, if_missing: bool) -> None:
        """Keep a macro; see `create_view`."""
        if macro.name.lower() in self._macros and not replace:
            if if_missing:
                return
            raise BindError(f'there is a macro "{macro.name}" already; write CREATE OR REPLACE MACRO')
        self._macros[macro.name.lower()] = macro

    def wants_table(self, name: str, replace: bool, if_missing: bool) -> bool:
        """Whether CREATE TABLE has something to do; see `create_view`."""
        return self._may_define(name, "table", replace, if_missing)

    def put_table(
        self, name: str, columns: Sequence[tuple[str, SqlType]], rows: pa.Table | None, task_rows: int
    ) -> None:
        """Keep a table of `rows` (None: no rows), which replaces one of that name."""
        import pyarrow as pa

        names = [column for column, _ in columns]
        types = tuple(type_ for _, type_ in columns)
        if rows is None:
            rows = pa.table([pa.array([], arrow_type(type_)) for type_ in types], names=names)
        data = rows.rename_columns(names)
        self._tables[name.lower()] = (name, data, types, ArrowTable(name, data, task_rows, types))

    def insert(self, name: str, rows: pa.Table, task_rows: int) -> None:
        """Append rows, whose columns are the table's, to a table that CREATE TABLE made."""
        import pyarrow as pa

        found = self._tables.get(name.lower())
        if found is None:
            raise BindError(f'"{name}" is not a table that CREATE TABLE made; INSERT changes only such tables')
        name, data, types, _ = found
        together = pa.concat_tables([data, rows.rename_columns(data.column_names)])
        self.put_table(name, list(zip(data.column_names, types, strict=True)), together, task_rows)

    def drop(self, kind: str, name: str, if_exists: bool) -> None:
        """Forget a TABLE, VIEW or MACRO."""
        kinds: dict[str, dict[str, object]] = {
            "TABLE": self._tables,  # type: ignore[dict-item]
            "VIEW": self._views,  # type: ignore[dict-item]
            "MACRO": self._macros,  # type: ignore[dict-item]
        }
        if kinds[kind].pop(name.lower(), None) is not None:
            return
        other = next((each for each in ("TABLE", "VIEW") if kind != "MACRO" and name.lower() in kinds[each]), None)
        if other is not None:
            raise BindError(f'"{name}" is a {other.lower()}; write DROP {other}')
        if not if_exists:
            known = self.macro_names() if kind == "MACRO" else self.names()
            raise BindError(f'there is no {kind.lower()} "{name}" to drop.{did_you_mean(name, known)}')

    def _may_define(self, name: str, kind: str, replace: bool, if_missing: bool) -> bool:
        taken = next(
            (each for each, of in (("view", self._views), ("table", self._tables)) if name.lower() in of), None
        )
        if taken is None:
            return True
        if taken != kind:
            raise BindError(f'there is a {taken} "{name}" already; drop it first')
        if not replace and not if_missing:
            raise BindError(f'there is a {kind} "{name}" already; write CREATE OR REPLACE {kind.upper()}')
        return replace
