"""What every part of the binder shares while it binds one query."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlengine.errors import BindError, Error, NotSupportedError
from sqlengine.planner.bind_parameter import ParameterValues
from sqlengine.planner.bound import BoundQuery
from sqlengine.planner.catalog import Catalog
from sqlengine.planner.consume import Reader
from sqlengine.planner.expressions import Column, Expression
from sqlengine.storage.table import Predicate, Table
from sqlengine.types import SqlType

if TYPE_CHECKING:
    from sqlengine.planner.bind_expression import ExpressionBinder


@dataclass(frozen=True, slots=True)
class CommonTable:
    """A CTE: bound afresh at each reference, seeing the CTEs that stood before it.

    `outer` is what names mean around the WITH clause, for a WITH in a subquery. `recursive`: it reads itself.
    `working`: inside itself, the table of the rows found last. `repeated`: NOT MATERIALIZED.
    """

    name: str
    tree: Any
    column_names: tuple[str, ...]
    visible: CommonTables
    outer: ExpressionBinder | None = None
    recursive: bool = False
    working: Table | None = None
    repeated: bool = False


Evaluate = Callable[[BoundQuery], Sequence[Sequence[object]]]

CommonTables = dict[str, CommonTable]


@dataclass(slots=True)
class BindContext:
    """One statement being bound: its tables, its parameters, its tree's reader, and the next column id.

    `outer` binds the expression around the query that is being bound (None for the statement itself): a name that the
    query does not know is looked up there. `tables` are the CTEs which that query sees.

    `given` says what some nodes of the tree mean, by their `id`: COLUMNS(…) while it stands for one column.
    `evaluate` runs a query at once and gives its rows, for what only the data can tell (PIVOT without IN); None where
    no query may run. `references` is by the `id` of a CTE's tree that of the first node which names it; `seeds` by the
    `id` of a sample that gives no seed the one drawn for it, so that a CTE is the same sample wherever it is named.
    `conditions` are by the `id` of a table's node what WHERE implies for its rows; see `folder_conditions`.
    """

    catalog: Catalog
    parameters: ParameterValues
    reader: Reader
    names: Mapping[str, Expression] = field(default_factory=dict)
    used_tables: set[int] = field(default_factory=set)
    references: dict[int, int] = field(default_factory=dict)
    seeds: dict[int, int] = field(default_factory=dict)
    conditions: dict[int, tuple[Predicate, ...]] = field(default_factory=dict)
    given: dict[int, Expression] = field(default_factory=dict)
    evaluate: Evaluate | None = None
    outer: ExpressionBinder | None = None
    tables: CommonTables = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=itertools.count)

    def column(self, name: str, type_: SqlType) -> Column:
        """A new column."""
        return Column(next(self._ids), name, type_)

    def refuse_unread(self, tree: Any) -> None:
        """Raise NotSupportedError for what nobody read; as in DuckDB a WITH query nobody refers to means nothing."""
        from sqlglot import exp

        for common in tree.find_all(exp.CTE):
            if id(common) not in self.used_tables:
                self.reader.skip(common)
        self.reader.refuse_unread(tree)

    def error(self, message: str, node: Any) -> BindError:
        """A BindError at a node's place."""
        return BindError(message, self.reader.source.position(node))

    def refuse(self, message: str, node: Any) -> NotSupportedError:
        """A NotSupportedError at a node's place."""
        return NotSupportedError(message, self.reader.source.position(node))

    @contextmanager
    def inside(self, outer: ExpressionBinder | None, tables: CommonTables) -> Iterator[None]:
        """Bind a query at another place: within an expression, or where a WITH stood."""
        before = self.outer, self.tables
        self.outer, self.tables = outer, tables
        try:
            yield
        finally:
            self.outer, self.tables = before

    @contextmanager
    def at(self, node: Any) -> Iterator[None]:
        """Give errors that have no place the place of `node`."""
        try:
            yield
        except Error as error:
            if error.position is None:
                error.position = self.reader.source.position(node)
            raise
