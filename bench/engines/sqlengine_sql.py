"""This project, through its DB-API, with its default scheduler."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

import sqlengine
from bench.tpch.data import read_query


class SqlengineEngine:
    """A connection to the folder."""

    def __init__(self, folder: Path, cores: int) -> None:
        self._connection = sqlengine.connect(folder, workers=cores)

    def run(self, query: str) -> pa.Table:
        """Answer from SQL."""
        return self._connection.execute(read_query(query)).arrow()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def open_engine(folder: Path, cores: int) -> SqlengineEngine:
    """See `bench.engines.open_engine`."""
    return SqlengineEngine(folder, cores)
