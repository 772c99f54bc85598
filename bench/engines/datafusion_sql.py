"""DataFusion: Parquet tables in a session, SQL as it stands."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from datafusion import SessionConfig, SessionContext

from bench.tpch.data import TABLES, read_query


class DatafusionEngine:
    """A session with a registered table a file."""

    def __init__(self, folder: Path, cores: int) -> None:
        self._context = SessionContext(SessionConfig().with_target_partitions(cores))
        for table in TABLES:
            self._context.register_parquet(table, str(folder / f"{table}.parquet"))

    def run(self, query: str) -> pa.Table:
        """Answer from SQL."""
        return self._context.sql(read_query(query)).to_arrow_table()

    def close(self) -> None:
        """Nothing to end."""


def open_engine(folder: Path, cores: int) -> DatafusionEngine:
    """See `bench.engines.open_engine`."""
    return DatafusionEngine(folder, cores)
