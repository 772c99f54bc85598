"""COPY … FROM: INSERT of a file's rows, as DuckDB does it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

import sqlengine
from sqlengine.errors import BindError, Error, SettingError

# (text of the file, its name, statement)
CASES = (
    ("a,b\n1,007\n2,\n", "x.csv", "COPY e FROM 'x.csv'"),
    ("1,007\n2,\n", "x.csv", "COPY e FROM 'x.csv'"),
    ("b,a\n008,3\n", "x.csv", "COPY e (b, a) FROM 'x.csv' (HEADER)"),
    ("b\n008\n", "x.csv", "COPY e (b) FROM 'x.csv' (HEADER true)"),
    ("a|b\n1|NA\nNA|'x|y'\n", "x.txt", "COPY e FROM 'x.txt' (DELIMITER '|', NULL 'NA', QUOTE '''')"),
    ('{"b":"8","a":1}\n{"a":2}\n', "x.json", "COPY e FROM 'x.json'"),
)


@pytest.mark.parametrize(("text", "name", "statement"), CASES)
def test_rows_are_duckdbs(
    text: str, name: str, statement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(text)
    found = []
    for connection in (sqlengine.connect(scheduler="inline"), duckdb.connect()):
        connection.execute("CREATE TABLE e (a INTEGER, b VARCHAR)")
        connection.execute("INSERT INTO e VALUES (0, 'old')")
        count = connection.execute(statement).fetchall()
        found.append((count, connection.execute("FROM e").fetchall()))
    assert found[0] == found[1]


def test_parquet_goes_by_position_and_is_cast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    connection = sqlengine.connect(scheduler="inline")
    connection.execute("COPY (SELECT '9' b, 8 a) TO 'x.parquet'")
    connection.execute("CREATE TABLE e (a INTEGER, b VARCHAR)")
    assert connection.execute("COPY e FROM $path", {"path": "x.parquet"}).fetchall() == [(1,)]
    assert connection.execute("FROM e").fetchall() == [(9, "8")]


REFUSED = {
    "COPY nope FROM 'x.csv'": (BindError, '"nope"'),
    "COPY e (c) FROM 'x.csv'": (BindError, '"c"'),
    "COPY e FROM 'x.csv' (BOGUS 1)": (SettingError, "'bogus'"),
    "COPY e FROM 'nowhere.csv'": (Error, "nowhere.csv"),
    "COPY (SELECT 1) FROM 'x.csv'": (Error, "COPY"),
    "COPY e FROM 'x.csv' (HEADER 7)": (SettingError, "header"),
}


@pytest.mark.parametrize("statement", REFUSED)
def test_refused(statement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    connection = sqlengine.connect(scheduler="inline")
    connection.execute("CREATE TABLE e (a INTEGER, b VARCHAR)")
    kind, words = REFUSED[statement]
    with pytest.raises(kind, match=words):
        connection.execute(statement)
    assert connection.execute("FROM e").fetchall() == []
