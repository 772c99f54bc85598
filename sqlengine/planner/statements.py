"""The kinds of statement, bound and ready to run."""

from __future__ import annotations

from dataclasses import dataclass

from sqlengine.planner.bound import BoundQuery
from sqlengine.types import SqlType


@dataclass(frozen=True, slots=True)
class Query:
    """Something that delivers rows: SELECT, VALUES, FROM, WITH."""

    query: BoundQuery


@dataclass(frozen=True, slots=True)
class Explain:
    """EXPLAIN [VERBOSE | ANALYZE]; `level` is plan, verbose or analyze."""

    level: str
    query: BoundQuery


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
class Describe:
    """DESCRIBE of a query or a table: its columns, in order."""

    columns: tuple[tuple[str, SqlType], ...]


BoundStatement = Query | Explain | SetStatement | ShowStatement | ShowTables | Describe
