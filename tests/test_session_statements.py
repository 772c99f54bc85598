"""Statements that change a session: through a connection, and through the command."""

from __future__ import annotations

from pathlib import Path

import pytest

import sqlengine
from sqlengine.repl.main import main


def test_statements_before_an_unsupported_one_run() -> None:
    with sqlengine.connect(scheduler="inline") as connection:
        with pytest.raises(sqlengine.NotSupportedError, match="UPDATE"):
            connection.execute("CREATE TABLE t AS SELECT 1 AS a; UPDATE t SET a = 2; SELECT 5")
        assert connection.execute("FROM t").fetchall() == [(1,)]


def test_created_tables_and_views_are_listed() -> None:
    with sqlengine.connect(scheduler="inline") as connection:
        connection.execute("CREATE TABLE b(x INTEGER); CREATE VIEW a AS FROM b")
        assert connection.tables() == ["a", "b"]
        connection.execute("DROP VIEW a")
        assert connection.tables() == ["b"]


def test_insert_tells_how_many_rows() -> None:
    with sqlengine.connect(scheduler="inline") as connection:
        connection.execute("CREATE TABLE t(x INTEGER)")
        assert connection.execute("INSERT INTO t VALUES (1), (2)").fetchall() == [(2,)]
        connection.cursor().executemany("INSERT INTO t VALUES (?)", [[3], [4]])
        assert connection.execute("SELECT sum(x) FROM t").fetchall() == [(10,)]


def test_parameters_are_values_in_limits_lists_and_table_functions(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("a\n1\n2\n3\n")
    with sqlengine.connect(scheduler="inline") as connection:
        sql = "SELECT a FROM read_csv(?) WHERE a IN (?, ?) ORDER BY a LIMIT ?"
        assert connection.execute(sql, [str(file), 1, 3, 1]).fetchall() == [(1,)]
        assert connection.execute("FROM range($n)", {"n": 2}).fetchall() == [(0,), (1,)]


def test_an_endless_recursion_ends_at_the_timeout() -> None:
    with sqlengine.connect(scheduler="inline", timeout=0.3) as connection, pytest.raises(sqlengine.Error, match="time"):
        connection.execute("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n FROM t) SELECT count(*) FROM t")


def test_an_endless_recursion_ends_at_the_memory_limit() -> None:
    start = "SELECT range FROM range(1000)"
    sql = f"WITH RECURSIVE t(n) AS ({start} UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t"
    connection = sqlengine.connect(scheduler="inline", memory_limit="1MB", timeout=60)
    with pytest.raises(sqlengine.Error, match="recursive query t"):
        connection.execute(sql)


def test_recursion_is_explained() -> None:
    with sqlengine.connect(scheduler="inline") as connection:
        sql = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT sum(n) FROM t"
        plan = connection.execute(f"EXPLAIN {sql}").fetchall()[0][0]
        assert "t begins with" in plan
        assert "t goes on with" in plan
        assert "3 rows" in connection.execute(f"EXPLAIN ANALYZE {sql}").fetchall()[0][0]
        assert "Recursion: t" in connection.execute(f"EXPLAIN VERBOSE {sql}").fetchall()[0][0]


def test_definitions_through_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    script = "CREATE MACRO twice(x) AS x * 2; CREATE VIEW v AS SELECT twice(21) AS a; FROM v"
    assert main(["--csv", "-c", script]) == 0
    assert capsys.readouterr().out.split() == ["a", "42"]
