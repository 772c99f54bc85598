"""DuckDB: the SQL as it stands; it does not read HDF5."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from bench.engines import NoQuery
from bench.inputs.questions import QUESTIONS


class DuckdbEngine:
    """An in-memory database; the questions name the files."""

    def __init__(self, folder: Path, cores: int) -> None:
        self._folder = folder
        self._connection = duckdb.connect(config={"threads": cores})

    def run(self, query: str) -> pa.Table:
        """Answer from SQL."""
        question = QUESTIONS[query]
        if question.input == "arrays":
            raise NoQuery(query)
        return self._connection.sql(question.text(self._folder)).to_arrow_table()

    def close(self) -> None:
        """Close the database."""
        self._connection.close()


def open_engine(folder: Path, cores: int) -> DuckdbEngine:
    """See `bench.engines.open_engine`."""
    return DuckdbEngine(folder, cores)
