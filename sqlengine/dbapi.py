"""The Python interface: `query()`, and PEP 249 connections and cursors with Arrow and pandas beside rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sqlengine import errors
from sqlengine.catalog import caller_variables
from sqlengine.config import Settings
from sqlengine.dbapi_types import (
    BINARY,
    DATETIME,
    NUMBER,
    ROWID,
    STRING,
    Binary,
    Date,
    DateFromTicks,
    Time,
    TimeFromTicks,
    Timestamp,
    TimestampFromTicks,
    TypeCode,
    apilevel,
    paramstyle,
    threadsafety,
)
from sqlengine.executor.context import Progress
from sqlengine.result import Result
from sqlengine.session import Parameters, Session

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Description = tuple[str, TypeCode, None, None, None, None, None]


class Cursor:
    """Runs statements and hands out rows of the last answer. Made by `Connection.cursor()`."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._result: Result | None = None
        self._executed = False
        self._position = 0
        self._closed = False

    # -- running ------------------------------------------------------------------------------

    def execute(self, operation: str, parameters: Parameters = None) -> Self:
        """Run SQL; with several statements, each in turn, and the last one's answer is kept.

        Parameters
        ----------
        operation
            SQL text.
        parameters
            A sequence for `?` and `$1`, a mapping for `$name` and `:name`. Bound as values, never as text.
        """
        self._check_open()
        self._result, self._position, self._executed = None, 0, False
        if not isinstance(operation, str):
            raise errors.InterfaceError(f"SQL must be text, not {type(operation).__name__}")
        for result in self.connection._run(operation, parameters):
            self._result = result
        self._executed = True
        return self

    def executemany(self, operation: str, seq_of_parameters: Sequence[Parameters]) -> Self:
        """Run SQL once for each set of parameters; the last answer is kept."""
        self._check_open()
        for parameters in seq_of_parameters:
            self.execute(operation, parameters)
        return self

    # -- the answer ---------------------------------------------------------------------------

    @property
    def description(self) -> list[Description] | None:
        """(name, type code, five times None) of each column; None without an answer."""
        if self._result is None:
            return None
        return [(c.name, TypeCode(c.type), None, None, None, None, None) for c in self._result.columns]

    @property
    def rowcount(self) -> int:
        """Rows of the answer; -1 without one."""
        return -1 if self._result is None else len(self._result)

    @property
    def rownumber(self) -> int | None:
        """Index of the next row to be fetched; None without an answer."""
        return None if self._result is None else self._position

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, or None at the end."""
        rows = self.fetchmany(1)
        return rows[0] if rows else None

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """The next `size` rows (default `arraysize`), fewer at the end."""
        result = self._answer()
        rows = result.rows(self._position, self.arraysize if size is None else size)
        self._position += len(rows)
        return rows

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All remaining rows."""
        result = self._answer()
        return self.fetchmany(max(len(result) - self._position, 0))

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        while rows := self.fetchmany(10_000):
            yield from rows

    def df(self) -> pd.DataFrame:
        """The whole answer as a pandas DataFrame (dtypes: see `Result.df`)."""
        return self._answer().df()

    def arrow(self) -> pa.Table:
        """The whole answer as a `pyarrow.Table`."""
        return self._answer().arrow()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The whole answer through the Arrow PyCapsule protocol."""
        return self._answer().__arrow_c_stream__(requested_schema)

    # -- PEP 249 formalities ------------------------------------------------------------------

    def setinputsizes(self, sizes: Sequence[object]) -> None:
        """Accepted and without effect, as PEP 249 allows."""
        self._check_open()

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Accepted and without effect, as PEP 249 allows."""
        self._check_open()

    def close(self) -> None:
        """Forget the answer; any further use raises."""
        self._result = None
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _answer(self) -> Result:
        self._check_open()
        if not self._executed:
            raise errors.InterfaceError("nothing to fetch: call execute() first")
        if self._result is None:
            raise errors.InterfaceError("the last statement has no answer to fetch")
        return self._result

    def _check_open(self) -> None:
        if self._closed:
            raise errors.InterfaceError("the cursor is closed")
        self.connection._check_open()


class Connection:
    """A session: its settings and tables. Made by `connect()`; PEP 249 plus `register`, `execute`, `set`."""

    Warning = errors.Warning
    Error = errors.Error
    InterfaceError = errors.InterfaceError
    DatabaseError = errors.DatabaseError
    DataError = errors.DataError
    OperationalError = errors.OperationalError
    IntegrityError = errors.IntegrityError
    InternalError = errors.InternalError
    ProgrammingError = errors.ProgrammingError
    NotSupportedError = errors.NotSupportedError

    def __init__(self, session: Session) -> None:
        self._session = session
        self._closed = False

    def cursor(self) -> Cursor:
        """A new cursor."""
        self._check_open()
        return Cursor(self)

    def execute(self, operation: str, parameters: Parameters = None) -> Cursor:
        """`cursor().execute(…)` in one step."""
        return self.cursor().execute(operation, parameters)

    def execute_script(self, sql: str) -> Iterator[Cursor]:
        """Run the statements of `sql` one by one; a cursor after each, with or without an answer."""
        for result in self._run(sql, None):
            cursor = self.cursor()
            cursor._result, cursor._executed = result, True
            yield cursor

    def register(self, name: str, source: object) -> Self:
        """Make `source` the table `name`: a path, a glob, a list of paths, a pandas DataFrame, a pyarrow Table, or
        any object with an Arrow C stream (polars, DuckDB relations, …).
        """
        self._check_open()
        self._session.catalog.register(name, source)
        return self

    def unregister(self, name: str) -> Self:
        """Forget a registered table."""
        self._check_open()
        self._session.catalog.unregister(name)
        return self

    def tables(self) -> list[str]:
        """Names of created tables and views, registered tables, and those of the folder."""
        self._check_open()
        return self._session.catalog.table_names()

    def macros(self) -> list[str]:
        """Names of the macros that CREATE MACRO has made."""
        self._check_open()
        return self._session.catalog.definitions.macro_names()

    @property
    def settings(self) -> Settings:
        """The settings now in force."""
        return self._session.settings

    def set(self, name: str, value: object) -> Self:
        """Change a setting for the statements that follow."""
        self._check_open()
        self._session.change_setting(name, value)
        return self

    def on_progress(self, callback: Callable[[Progress], None] | None) -> Self:
        """Call `callback` after each finished task of the following queries (None: stop calling)."""
        self._session.on_progress = callback
        return self

    def interrupt(self) -> None:
        """End the running query, from another thread; its caller gets QueryInterruptedError."""
        self._session.interrupt()

    def commit(self) -> None:
        """Nothing to do: there are no transactions."""
        self._check_open()

    def rollback(self) -> None:
        """Refused: there are no transactions to roll back."""
        self._check_open()
        raise errors.NotSupportedError("there are no transactions to roll back")

    def close(self) -> None:
        """End the session; any further use of it or its cursors raises."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, sql: str, parameters: Parameters) -> Iterator[Result | None]:
        self._check_open()
        self._session.catalog.scope = caller_variables("sqlengine")
        try:
            yield from self._session.run_script(sql, parameters)
        finally:
            self._session.catalog.scope = None

    def _check_open(self) -> None:
        if self._closed:
            raise errors.InterfaceError("the connection is closed")


def connect(path: str | os.PathLike[str] | None = None, **settings: object) -> Connection:
    """Open a session.

    Parameters
    ----------
    path
        A folder: each data file and each sub-folder of data files in it is a table, named without its
        suffixes. None: no such tables.
    **settings
        Settings by name, as in `SET` (see `SHOW ALL`): `workers=4`, `scheduler="inline"`.

    Raises
    ------
    FileMissingError
        If `path` is not a folder.
    SettingError
        On an unknown setting or a value it does not take.
    """
    return Connection(Session(None if path is None else os.fspath(path), settings))


def query(sql: str, params: Parameters = None, *, dialect: str = "duckdb", **tables: object) -> pd.DataFrame:
    """Answer one SELECT as a pandas DataFrame.

    Parameters
    ----------
    sql
        A query. Tables are quoted paths or globs (`FROM 'trips/*.csv'`), `read_csv(…)` and `read_parquet(…)`,
        the names given in `tables`, and DataFrames or Arrow tables among the caller's variables.
    params
        Values for `?` (a sequence) or `$name` (a mapping).
    dialect
        The SQL that the query is written in: "spark", "postgres", "bigquery", … (see the setting `dialect`).
    **tables
        Tables by name: a path, a DataFrame, or anything `Connection.register` takes.

    Returns
    -------
    pandas.DataFrame
        The answer (dtypes: see `Result.df`); empty without columns for a statement that has none.

    Examples
    --------
    >>> import sqlengine, pandas
    >>> trips = pandas.DataFrame({"month": [1, 1, 2], "minutes": [5.0, 31.0, 22.0]})
    >>> sqlengine.query("SELECT month, avg(minutes) AS mean FROM trips GROUP BY month ORDER BY month")
       month  mean
    0      1  18.0
    1      2  22.0
    """
    connection = connect(dialect=dialect)
    for name, source in tables.items():
        connection.register(name, source)
    cursor = connection.execute(sql, params)
    if cursor.description is None:
        import pandas as pd

        return pd.DataFrame()
    return cursor.df()


__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
    "Binary",
    "Connection",
    "Cursor",
    "Date",
    "DateFromTicks",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "apilevel",
    "connect",
    "paramstyle",
    "query",
    "threadsafety",
]
