"""What the binder asks of whoever knows the tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from sqlengine.planner.definitions import Macro, View
from sqlengine.storage.table import Predicate, Table


class Catalog(Protocol):
    """Names, paths and table functions to tables. Case does not count in names."""

    def table(self, parts: tuple[str, ...], where: Sequence[Predicate] = ()) -> Table | None:
        """The table of that (possibly qualified) name, or None; `where`: see `open_path`."""
        ...

    def view(self, parts: tuple[str, ...]) -> View | None:
        """The view of that (possibly qualified) name, or None."""
        ...

    def macro(self, name: str) -> Macro | None:
        """The macro of that name, or None."""
        ...

    def table_names(self) -> Iterable[str]:
        """Names of all tables: for suggestions."""
        ...

    def open_path(self, path: str, where: Sequence[Predicate] = ()) -> Table:
        """The table behind `FROM 'trips/*.csv'`; FileMissingError if nothing is there.

        Rows that do not fulfil all of `where` may be missing.
        """
        ...

    def series(self, name: str, start: int, step: int, rows: int) -> Table:
        """The table behind `FROM range(…)`: one BIGINT column `name` of numbers at equal steps."""
        ...

    def open_function(
        self,
        name: str,
        positional: Sequence[object],
        options: Mapping[str, object],
        where: Sequence[Predicate] = (),
    ) -> Table:
        """The table behind `FROM read_csv('x.csv', header = true)`.

        Arguments are Python values: str, int, Decimal, float, bool, None, lists of them, and dicts for structs.
        Raises BindError for an unknown function or option.
        """
        ...
