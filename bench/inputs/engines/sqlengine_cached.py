"""This project with its default settings: columns that were decoded before are kept in memory."""

from __future__ import annotations

from pathlib import Path

from bench.inputs.engines.sqlengine_sql import SqlengineEngine


def open_engine(folder: Path, cores: int) -> SqlengineEngine:
    """See `bench.engines.open_engine`."""
    return SqlengineEngine(folder, cores, "10%")
