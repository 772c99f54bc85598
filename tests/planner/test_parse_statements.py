"""Scripts to statements."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sqlengine.errors import NotSupportedError, ParseError, ProgrammingError
from sqlengine.planner.binder import bind_statement
from sqlengine.planner.parse import ExplainTree, QueryTree, parse_statements
from sqlengine.planner.statements import Describe, Explain, Query, SetStatement, ShowStatement, ShowTables
from sqlengine.types import INTEGER
from tests.planner.binding import EmptyCatalog, types_of


def test_a_script_is_cut_at_semicolons_and_keeps_its_texts() -> None:
    script = "SELECT 1 ; -- one; two\n;; /* ; */ SELECT ';'\n  ;\nFROM t"
    statements = parse_statements(script)
    assert [statement.text for statement in statements] == ["SELECT 1", "SELECT ';'", "FROM t"]
    assert [script[s.source.start : s.source.stop] for s in statements] == [s.text for s in statements]


@pytest.mark.parametrize("script", ["", "  ", ";", ";;\n;", "-- nothing", "/* nothing */ ;"])
def test_nothing_is_no_statement(script: str) -> None:
    assert parse_statements(script) == []


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SET workers = 4", SetStatement("workers", 4)),
        ("set Workers to '4'", SetStatement("Workers", "4")),
        ("SET SESSION timeout = 1.5", SetStatement("timeout", 1.5)),
        ("SET GLOBAL x = -1", SetStatement("x", -1)),
        ("SET optimizer = false", SetStatement("optimizer", False)),
        ("SET memory_limit = NULL", SetStatement("memory_limit", None)),
        ("SET scheduler = threads", SetStatement("scheduler", "threads")),
        ("RESET task_rows", SetStatement("task_rows", 524_288)),
        ("SHOW TABLES", ShowTables()),
        ("SHOW ALL", ShowStatement(None)),
        ("SHOW workers", ShowStatement("workers")),
    ],
)
def test_settings(sql: str, expected: object) -> None:
    (statement,) = parse_statements(sql)
    assert statement.content == expected
    assert bind_statement(statement, EmptyCatalog()) == expected


@pytest.mark.parametrize(
    ("sql", "level"),
    [
        ("EXPLAIN SELECT 1", "plan"),
        ("explain verbose FROM t", "verbose"),
        ("EXPLAIN ANALYZE (SELECT 1)", "analyze"),
        ("EXPLAIN (SELECT 1)", "plan"),
    ],
)
def test_explain(sql: str, level: str) -> None:
    (statement,) = parse_statements(sql)
    assert isinstance(statement.content, ExplainTree)
    bound = bind_statement(statement, EmptyCatalog())
    assert isinstance(bound, Explain)
    assert bound.level == level


@pytest.mark.parametrize(
    "sql", ["DESCRIBE u", "DESC u", "DESCRIBE SELECT * FROM u", "DESCRIBE FROM u", "DESCRIBE 'u.csv'"]
)
def test_describe(sql: str) -> None:
    bound = bind_statement(parse_statements(sql)[0], EmptyCatalog())
    assert isinstance(bound, Describe)
    assert bound.columns[0] == ("a", INTEGER)


@pytest.mark.parametrize(
    "sql", ["SET x", "SET x =", "SET x = 1 2", "SHOW", "SHOW a b", "RESET", "EXPLAIN", "DESCRIBE", "EXPLAIN SET x = 1"]
)
def test_malformed(sql: str) -> None:
    with pytest.raises(ParseError):
        parse_statements(sql)


def test_settings_take_no_parameters() -> None:
    with pytest.raises(ProgrammingError):
        bind_statement(parse_statements("SET x = 1")[0], EmptyCatalog(), [1])


def test_another_dialect_is_translated() -> None:
    (statement,) = parse_statements("SELECT `a`, IFNULL(b, 0) FROM t", dialect="mysql")
    assert isinstance(statement.content, QueryTree)
    bound = bind_statement(statement, EmptyCatalog())
    assert isinstance(bound, Query)
    assert types_of(bound.query) == ["INTEGER", "BIGINT"]
    assert statement.text.startswith('SELECT "a"')


def test_another_dialects_errors_are_ours() -> None:
    with pytest.raises(ParseError, match="not mysql SQL"):
        parse_statements("SELECT (", dialect="mysql")
    with pytest.raises(ParseError, match="dialect"):
        parse_statements("SELECT 1", dialect="klingon")


def test_deep_nesting_is_refused_not_a_crash() -> None:
    with pytest.raises(NotSupportedError, match="too deeply"):
        parse_statements("SELECT " + "(" * 5000 + "1" + ")" * 5000)


def test_sqlglot_is_not_loaded_before_the_first_query() -> None:
    code = "import sys, sqlengine.planner.parse, sqlengine.planner.binder; print('sqlglot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
