"""DuckDB: views on the Parquet files, SQL as it stands."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from bench.tpch.data import TABLES, read_query


class DuckdbEngine:
    """An in-memory database with a view a table."""

    def __init__(self, folder: Path, cores: int) -> None:
        self._connection = duckdb.connect(config={"threads": cores})
        for table in TABLES:
            self._connection.execute(f"CREATE VIEW {table} AS FROM '{folder / table}.parquet'")

    def run(self, query: str) -> pa.Table:
        """Answer from SQL."""
        return self._connection.sql(read_query(query)).to_arrow_table()

    def close(self) -> None:
        """Close the database."""
        self._connection.close()


def open_engine(folder: Path, cores: int) -> DuckdbEngine:
    """See `bench.engines.open_engine`."""
    return DuckdbEngine(folder, cores)
