"""The engines compared on TPC-H: each a module with `open_engine(folder, cores)`, run in a process of its own."""

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
    """An engine over the files of a folder."""

    def run(self, query: str) -> pa.Table:
        """Answer a query from the files; NoQuery if nobody wrote it for this engine."""
        ...

    def close(self) -> None:
        """End helper processes, if any."""
        ...


def open_engine(module: str, folder: Path, cores: int) -> Engine:
    """The engine of `module` over the files in `folder`, limited to `cores` cores."""
    return cast(Engine, importlib.import_module(module).open_engine(folder, cores))
