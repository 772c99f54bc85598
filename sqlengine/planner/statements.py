"""The kinds of statement, bound and ready to run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlengine.planner.bound import BoundQuery
from sqlengine.planner.definitions import Macro, View
from sqlengine.planner.expressions import Literal
from sqlengine.planner.physical_write import WriteSpec
from sqlengine.storage.output_files import Existing
from sqlengine.types import SqlType

if TYPE_CHECKING:
    from sqlengine.planner.parse import Statement


@dataclass(frozen=True, slots=True)
class Query:
    """Something that delivers rows: SELECT, VALUES, FROM, WITH."""

    query: BoundQuery


@dataclass(frozen=True, slots=True)
class Explain:
    """EXPLAIN [VERBOSE | ANALYZE]; `level` is plan, verbose or analyze. `copy`: what is to become of the rows."""

    level: str
    query: BoundQuery
    copy: CopyTo | None = None


@dataclass(frozen=True, slots=True)
class SetStatement:
    """SET name = value, and RESET name with the default as value."""

    name: str
    value: object


@dataclass(frozen=True, slots=True)
class ShowStatement:
    """SHOW name; SHOW ALL when `name` is None."""

    name: str | None


@dataclass(frozen=True, slots=True)
class ShowTables:
    """SHOW TABLES."""


@dataclass(frozen=True, slots=True)
class ShowAllTables:
    """SHOW ALL TABLES."""


@dataclass(frozen=True, slots=True)
class Describe:
    """DESCRIBE of a query or a table: its columns, in order."""

    columns: tuple[tuple[str, SqlType], ...]


@dataclass(frozen=True, slots=True)
class CreateView:
    """CREATE VIEW."""

    view: View
    replace: bool
    if_missing: bool


@dataclass(frozen=True, slots=True)
class CreateMacro:
    """CREATE MACRO."""

    macro: Macro
    replace: bool
    if_missing: bool


@dataclass(frozen=True, slots=True)
class CreateTable:
    """CREATE TABLE: of the rows of `query`, or empty."""

    name: str
    columns: tuple[tuple[str, SqlType], ...]
    query: BoundQuery | None
    replace: bool
    if_missing: bool


@dataclass(frozen=True, slots=True)
class Insert:
    """INSERT INTO: `query` delivers exactly the table's columns."""

    name: str
    query: BoundQuery


@dataclass(frozen=True, slots=True)
class CopyTo:
    """COPY … TO: the columns of `query` are as `write` wants them.

    `pattern` names the files of a folder: `{i}` is a number, `{uuid}` a random one. With `returns_files` the answer
    lists the files. `storage_options` are fsspec's and may hold credentials, so they are not shown.
    """

    query: BoundQuery
    write: WriteSpec
    target: str
    existing: Existing
    pattern: str
    extension: str
    returns_files: bool
    storage_options: object = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Drop:
    """DROP `kind` (TABLE, VIEW, MACRO)."""

    kind: str
    names: tuple[str, ...]
    if_exists: bool


@dataclass(frozen=True, slots=True)
class Prepare:
    """PREPARE name AS statement; the statement is bound when it is executed."""

    name: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class Execute:
    """EXECUTE name with values, by position or by name."""

    name: str
    values: list[Literal] | dict[str, Literal]


@dataclass(frozen=True, slots=True)
class Deallocate:
    """DEALLOCATE name."""

    name: str


@dataclass(frozen=True, slots=True)
class SetVariable:
    """SET VARIABLE to the one value of a query; RESET VARIABLE if there is none."""

    name: str
    query: BoundQuery | None


Definition = (
    CreateView | CreateMacro | CreateTable | Insert | CopyTo | Drop | Prepare | Execute | Deallocate | SetVariable
)
BoundStatement = Query | Explain | SetStatement | ShowStatement | ShowTables | ShowAllTables | Describe | Definition
