"""This project, through its DB-API, with its default scheduler; files are read and decoded by every query."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

import sqlengine
from bench.inputs.questions import QUESTIONS


class SqlengineEngine:
    """A connection; the questions name the files."""

    def __init__(self, folder: Path, cores: int, column_cache: str) -> None:
        self._folder = folder
        self._connection = sqlengine.connect(workers=cores, column_cache=column_cache)

    def run(self, query: str) -> pa.Table:
        """Answer from SQL."""
        return self._connection.execute(QUESTIONS[query].text(self._folder)).arrow()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def open_engine(folder: Path, cores: int) -> SqlengineEngine:
    """See `bench.engines.open_engine`."""
    return SqlengineEngine(folder, cores, "off")
