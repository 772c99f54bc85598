"""Runs every script under every configuration; `SLT_COMPLETE=1` fills expectations in from DuckDB instead."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest

import sqlengine
from sqlengine.errors import Error
from tests.slt.script import Record, complete, matches, read_script, shown_rows, write_script
from tests.slt.tables import write_folder

HERE = Path(__file__).parent
SCRIPTS = sorted(HERE.glob("*.slt"))

# What SET can change in both engines, and changes answers; other settings are ours alone.
_SHARED_SETTINGS = ("set timezone", "set variable", "reset variable")


@dataclass(frozen=True)
class Configuration:
    name: str
    partitions: int
    settings: dict[str, object] = field(default_factory=dict)


CONFIGURATIONS = (
    Configuration("inline-1", 1, {"scheduler": "inline"}),
    Configuration("inline-2-verified", 2, {"scheduler": "inline", "verify_plans": True, "task_rows": 1}),
    Configuration("inline-7-batch-3", 7, {"scheduler": "inline", "batch_rows": 3, "task_rows": 1}),
    Configuration("inline-7-no-optimizer", 7, {"scheduler": "inline", "optimizer": False, "task_rows": 1}),
    Configuration(
        "threads-2-broadcast",
        2,
        {"scheduler": "threads", "workers": 3, "inline_bytes": 0, "join_strategy": "broadcast", "task_rows": 1},
    ),
    Configuration(
        "inline-7-shuffle", 7, {"scheduler": "inline", "join_strategy": "shuffle", "shuffle_buckets": 3, "task_rows": 1}
    ),
    Configuration(
        "processes-7-shuffle",
        7,
        {"scheduler": "processes", "workers": 2, "inline_bytes": 0, "join_strategy": "shuffle", "task_rows": 1},
    ),
    Configuration("processes-2", 2, {"scheduler": "processes", "workers": 2, "inline_bytes": 0, "task_rows": 1}),
)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    return {n: write_folder(tmp_path_factory.mktemp(f"tables{n}"), n) for n in (1, 2, 7)}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda configuration: configuration.name)
def test_script(
    script: Path,
    configuration: Configuration,
    folders: dict[int, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Where scripts write files.
    monkeypatch.chdir(tmp_path)
    if "SLT_COMPLETE" in os.environ:
        if configuration is CONFIGURATIONS[0]:
            write_script(script, _completed(script, folders[1]))
        pytest.skip("expectations were filled in")
    failures = list(_failures(script, configuration, folders[configuration.partitions]))
    assert not failures, f"{len(failures)} records differ\n\n" + "\n\n".join(failures[:12])


def _failures(script: Path, configuration: Configuration, folder: Path) -> Iterator[str]:
    with sqlengine.connect(str(folder), **configuration.settings) as connection:
        for record in read_script(script):
            problem = _problem(connection, record)
            if problem:
                yield f"{script.name}:{record.line}\n{record.sql}\n{problem}"


def _problem(connection: sqlengine.Connection, record: Record) -> str | None:
    try:
        cursor = connection.execute(record.sql)
        if record.kind == "error":
            return f"succeeded, but an error matching {record.pattern!r} was expected"
        if record.kind == "ok":
            return None
        assert cursor.description is not None
        types = ", ".join(str(column[1]) for column in cursor.description)
        rows = shown_rows(cursor.fetchall(), record.rowsort)
    except Error as error:
        if record.kind == "error":
            return None if matches(record.pattern, error.message) else f"another error: {error.message}"
        return f"{type(error).__name__}: {error.message}"
    if types != record.types:
        return f"types {types}\nexpected {record.types}"
    if rows != record.expected:
        return f"got\n{_clip(rows)}\nexpected\n{_clip(record.expected)}"
    return None


def _clip(lines: tuple[str, ...]) -> str:
    return "\n".join(lines[:12]) + (f"\n… {len(lines)} rows" if len(lines) > 12 else "")


def _completed(script: Path, folder: Path) -> list[Record]:
    with duckdb.connect() as oracle:
        oracle.execute("SET TimeZone = 'UTC'")
        for path in folder.iterdir():
            source = f"{path}/*.parquet" if path.is_dir() else str(path)
            oracle.execute(f"CREATE VIEW {path.name.split('.')[0]} AS FROM '{source}'")
        records = []
        for record in read_script(script):
            if record.kind == "query":
                cursor = oracle.execute(record.sql)
                types = ", ".join(
                    str(column[1]) if str(column[1]) != '"NULL"' else "NULL" for column in cursor.description
                )
                record = complete(record, types, cursor.fetchall())
            elif record.kind == "ok" and record.sql.lower().startswith(_SHARED_SETTINGS):
                oracle.execute(record.sql)
            elif record.kind == "error":
                # What we refuse on purpose DuckDB may well answer; only the wording is ours.
                pass
            elif not record.sql.upper().startswith(("SET ", "RESET ")):
                oracle.execute(record.sql)
            records.append(record)
        return records
