"""The engines compared: each a module with `open_engine(folder, cores)`, each run in a process of its own."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Protocol, cast

import pyarrow as pa

# Engine -> module. Imported in the engine's process only.
ENGINES = {
    "sqlengine": "bench.engines.sqlengine_sql",
    "duckdb": "bench.engines.duckdb_sql",
    "polars": "bench.engines.polars_sql",
    "datafusion": "bench.engines.datafusion_sql",
    "pandas": "bench.engines.pandas_frames",
    "dask": "bench.engines.dask_frames",
}


class NoQuery(LookupError):
    """The engine has no form of that query."""


class Engine(Protocol):
    """An engine that has the tables of a folder."""

    def run(self, query: int) -> pa.Table:
        """Answer a TPC-H query from the files; NoQuery if nobody wrote it for this engine."""
        ...

    def close(self) -> None:
        """End helper processes, if any."""
        ...


def open_engine(name: str, folder: Path, cores: int) -> Engine:
    """The engine `name` over the Parquet files in `folder`, limited to `cores` cores."""
    return cast(Engine, importlib.import_module(ENGINES[name]).open_engine(folder, cores))
