"""The shell, typed at in a pseudo-terminal."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sqlengine.repl.commands import COMMANDS
from tests.repl.terminal import Terminal

pytestmark = [pytest.mark.slow, pytest.mark.processes]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables")
    pq.write_table(pa.table({"id": [1, 2], "name": ["a", None]}), path / "items.parquet")
    pq.write_table(pa.table({"n": range(20_000)}), path / "big.parquet")
    return path


@pytest.fixture
def terminal(folder: Path, tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path, str(folder))
    yield terminal
    terminal.process.close(force=True)


def test_a_query_shows_its_rows_and_its_time(terminal: Terminal) -> None:
    shown = terminal.run("SELECT id, name FROM items ORDER BY id;")
    assert "│   id   │  name   │" in shown
    assert "│      2 │ NULL    │" in shown
    assert re.search(r"2 rows, \d+\.\d{3} s", shown)


def test_several_lines_until_the_semicolon(terminal: Terminal) -> None:
    terminal.process.send("SELECT 41 +\r")
    terminal.process.expect_exact("...>")
    assert "│     42 │" in terminal.run("1::BIGINT AS n;")


def test_errors_have_a_caret_and_the_loop_goes_on(terminal: Terminal) -> None:
    shown = terminal.run("SELECT nam FROM items;")
    assert "BindError" in shown
    assert "LINE 1: SELECT nam FROM items;" in shown
    assert "       ^^^" in shown
    assert "1 row" in terminal.run("SELECT 1;")


def test_elided_rows_are_told(terminal: Terminal) -> None:
    assert "shown 40 of 20,000 rows" in terminal.run("FROM big;")


@pytest.mark.parametrize("settings", ["SET scheduler = 'inline';", "SET inline_bytes = 0;"])
def test_ctrl_c_ends_the_query_and_not_the_shell(terminal: Terminal, settings: str) -> None:
    terminal.run(settings)
    terminal.process.send("SELECT count(*) FROM big a, big b, big c WHERE a.n + b.n + c.n < 0;\r")
    terminal.process.expect_exact("\x1b[?2004l")
    time.sleep(1.5)
    started = time.monotonic()
    terminal.process.sendintr()
    assert "interrupted" in terminal.wait_for_prompt()
    assert time.monotonic() - started < 5
    assert "20000" in terminal.run("SELECT count(*) FROM big;")


def test_ctrl_c_at_the_prompt_clears_the_line(terminal: Terminal) -> None:
    terminal.process.send("SELECT nonsense")
    terminal.process.expect_exact("nonsense")
    terminal.process.sendintr()
    terminal.process.expect_exact("\x1b[?2004l")
    terminal.wait_for_prompt()
    assert "1 row" in terminal.run("SELECT 1;")


def test_tables_and_schema_under_both_prefixes(terminal: Terminal) -> None:
    for command in (".tables", "\\dt", ".tables;"):
        assert terminal.run(command).split() == ["big", "items"]
    for command in (".schema items", "\\d items"):
        assert terminal.run(command).split() == ["id", "BIGINT", "name", "VARCHAR"]
    assert "Did you mean 'items'?" in terminal.run(".schema itms")


def test_modes_and_switches(terminal: Terminal) -> None:
    assert "mode: csv" in terminal.run(".mode csv")
    assert "id,name\r\n1,a\r\n" in terminal.run("FROM items WHERE id = 1;")
    assert "there is no mode 'nope'" in terminal.run(".mode nope")
    assert "mode: line" in terminal.run("\\x")
    assert "  id = 1" in terminal.run("FROM items WHERE id = 1;")
    assert "timer: off" in terminal.run(".timer off")
    assert " s\r\n" not in terminal.run("FROM items;")


def test_export_of_the_last_answer(terminal: Terminal, tmp_path: Path) -> None:
    assert "there is no answer yet" in terminal.run(f".export {tmp_path}/a.csv")
    terminal.run("FROM items ORDER BY id;")
    assert "2 rows" in terminal.run(f".export {tmp_path}/a.csv")
    assert (tmp_path / "a.csv").read_text() == "id,name\n1,a\n2,\n"
    assert "the suffix must be" in terminal.run(f".export {tmp_path}/a.nope")


def test_help_names_every_command(terminal: Terminal) -> None:
    shown = terminal.run(".help")
    for name in COMMANDS:
        assert f".{name}" in shown or f"\\{name}" in shown
    assert "there is no command '.tabels'. Did you mean 'tables'?" in terminal.run(".tabels")


def test_help_of_a_function(terminal: Terminal) -> None:
    shown = terminal.run(".help levenshtein")
    assert "to make one text the other" in shown
    assert "SELECT levenshtein('duck', 'dock')" in shown
    assert "Did you mean" in terminal.run(".help levenstein")


def test_completion_of_columns(terminal: Terminal) -> None:
    terminal.process.send("SELECT i. FROM items i;" + "\x1b[D" * len(" FROM items i;") + "na")
    # The menu names the kind of what it offers.
    terminal.process.expect_exact("column")
    terminal.process.send("\t")
    # The name has reached the line before Enter is pressed.
    terminal.process.expect_exact("name")
    assert "2 rows" in terminal.run("")


def test_history_outlives_the_shell(terminal: Terminal, tmp_path: Path, folder: Path) -> None:
    terminal.run("SELECT 12345;")
    assert terminal.close() == 0
    history = tmp_path / "sqlengine" / "history"
    assert "SELECT 12345;" in history.read_text()
    assert history.stat().st_mode & 0o077 == 0
    again = Terminal(tmp_path, str(folder))
    again.process.send("\x1b[A")
    assert "12345" in again.run("")
    assert again.close() == 0


def test_quit(terminal: Terminal) -> None:
    import pexpect

    terminal.process.send(".quit\r")
    terminal.process.expect(pexpect.EOF)
    terminal.process.close()
    assert terminal.process.exitstatus == 0
