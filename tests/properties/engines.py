"""Runs queries on our engine and on the oracle, over the same random tables."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

import sqlengine
from sqlengine.errors import DataError, InternalError
from tests.properties.answers import Answer
from tests.properties.data import write

Outcome = Answer | Exception


@contextmanager
def duckdb_over(tables: Mapping[str, pa.Table]) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with `tables` as its own, so that its readers' push-down has no part in the answers."""
    with duckdb.connect(config={"threads": 1}) as oracle:
        oracle.execute("SET TimeZone = 'UTC'")
        for name, table in tables.items():
            oracle.register("source", table)
            oracle.execute(f"CREATE TABLE {name} AS FROM source")
            oracle.unregister("source")
        yield oracle


@contextmanager
def folder_of(tables: Mapping[str, pa.Table], partitions: int) -> Iterator[str]:
    """A temporary folder of `tables` as Parquet files."""
    with tempfile.TemporaryDirectory() as folder:
        yield str(write(tables, Path(folder), partitions))


def ask_duckdb(oracle: duckdb.DuckDBPyConnection, sql: str) -> Outcome:
    """DuckDB's answer or error."""
    try:
        cursor = oracle.execute(sql)
        return Answer(tuple(str(column[1]).strip('"') for column in cursor.description), cursor.fetchall())
    except duckdb.Error as error:
        return error


def ask(connection: sqlengine.Connection, sql: str) -> Outcome:
    """Our answer or the error a user would see; a defect passes through."""
    try:
        cursor = connection.execute(sql)
        assert cursor.description is not None
        return Answer(tuple(str(column[1]) for column in cursor.description), cursor.fetchall())
    except InternalError:
        raise
    except sqlengine.Error as error:
        return error


def fails_on_data(oracle: duckdb.DuckDBPyConnection, sql: str) -> bool:
    """Whether DuckDB meets a bad value (an overflow, a division by zero) when it runs the query as written.

    Which values are computed at all is the optimizer's choice, so an error of this kind on one side is no difference.
    """
    oracle.execute("PRAGMA disable_optimizer")
    try:
        return isinstance(ask_duckdb(oracle, sql), duckdb.Error)
    finally:
        oracle.execute("PRAGMA enable_optimizer")


def is_data_error(outcome: Outcome) -> bool:
    """Whether a value, not the query, was refused."""
    kinds = (DataError, duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException)
    return isinstance(outcome, kinds)
