"""Polars: lazy scans of the Parquet files in a SQL context, on the streaming engine."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa

from bench.tpch.data import TABLES, read_query


class PolarsEngine:
    """A SQL context with a lazy scan a table. Its number of threads is set by the environment, before the import."""

    def __init__(self, folder: Path) -> None:
        self._context = pl.SQLContext({table: pl.scan_parquet(folder / f"{table}.parquet") for table in TABLES})

    def run(self, query: str) -> pa.Table:
        """Answer from SQL."""
        return self._context.execute(read_query(query)).collect(engine="streaming").to_arrow()

    def close(self) -> None:
        """Nothing to end."""


def open_engine(folder: Path, cores: int) -> PolarsEngine:
    """See `bench.engines.open_engine`."""
    assert pl.thread_pool_size() == cores
    return PolarsEngine(folder)
