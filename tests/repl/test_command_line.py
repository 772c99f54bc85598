"""The program `sqlengine` as other programs use it: data on stdout, words on stderr, exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sqlengine

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "sqlengine.repl.main"]
# Cancelled long before it ends.
LONG = "SELECT count(*) FROM big a, big b, big c WHERE a.n + b.n + c.n < 0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables")
    prices = pa.array([1.5, None, 20.25]).cast(pa.decimal128(6, 2))
    pq.write_table(pa.table({"id": [1, 2, 3], "name": ["a", "b,c", None], "price": prices}), path / "items.parquet")
    pq.write_table(pa.table({"n": range(20_000)}), path / "big.parquet")
    return path


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], input=stdin, capture_output=True, text=True, timeout=60, check=False)


def test_csv_is_the_default_of_a_pipe(folder: Path) -> None:
    done = run(str(folder), "-c", "SELECT * FROM items ORDER BY id")
    assert (done.returncode, done.stdout, done.stderr) == (0, 'id,name,price\n1,a,1.50\n2,"b,c",\n3,,20.25\n', "")


def test_null_text(folder: Path) -> None:
    done = run(str(folder), "-c", "SELECT name FROM items WHERE id = 3", "--null", "NA")
    assert done.stdout == "name\nNA\n"


def test_json_is_one_array(folder: Path) -> None:
    done = run(str(folder), "--json", "-c", "SELECT * FROM items ORDER BY id")
    assert json.loads(done.stdout)[1] == {"id": 2, "name": "b,c", "price": None}
    assert '"price":1.50' in done.stdout


def test_json_lines_have_two_names(folder: Path) -> None:
    outputs = {
        run(str(folder), flag, "-c", "SELECT id FROM items ORDER BY id").stdout for flag in ("--ndjson", "--jsonl")
    }
    assert outputs == {'{"id":1}\n{"id":2}\n{"id":3}\n'}


def test_table(folder: Path) -> None:
    done = run(str(folder), "--table", "-c", "SELECT id FROM items WHERE id = 1")
    assert done.stdout == "┌────────┐\n│   id   │\n│ BIGINT │\n├────────┤\n│      1 │\n└────────┘\n"


def test_elided_rows_are_never_silent(folder: Path) -> None:
    done = run(str(folder), "--table", "--max-rows", "2", "-c", "FROM big")
    assert done.stderr == "shown 2 of 20,000 rows\n"
    assert run(str(folder), "--max-rows", "0", "--table", "-c", "FROM items").stderr == ""
    # What is for programs is complete.
    assert len(run(str(folder), "--csv", "--max-rows", "2", "-c", "FROM big").stdout.splitlines()) == 20_001


def test_each_statement_gives_its_answer(folder: Path) -> None:
    assert run("-c", "SELECT 1 AS a; SELECT 2 AS b", "-c", "SELECT 3 AS c").stdout == "a\n1\nb\n2\nc\n3\n"


def test_parquet_goes_into_a_file(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.parquet"
    done = run(str(folder), "--parquet", "-o", str(target), "-c", "SELECT * FROM items ORDER BY id")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (
        pq.read_table(target).column("price").to_pylist()
        == pq.read_table(folder / "items.parquet").column(2).to_pylist()
    )


def test_output_file_takes_every_answer(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old")
    run("-o", str(target), "--csv", "-c", "SELECT 1 AS a; SELECT 2 AS b")
    assert target.read_text() == "a\n1\nb\n2\n"


def test_scripts_come_from_files_and_pipes(tmp_path: Path) -> None:
    script = tmp_path / "script.sql"
    script.write_text("SELECT 1 AS a;\n-- a comment\nSELECT 2 AS b;\n")
    expected = "a\n1\nb\n2\n"
    assert run("-f", str(script)).stdout == expected
    assert run("-f", "-", stdin=script.read_text()).stdout == expected
    assert run(stdin=script.read_text()).stdout == expected


def test_explain_is_plain_text(folder: Path) -> None:
    done = run(str(folder), "--table", "-c", "EXPLAIN SELECT count(*) FROM items")
    assert "items" in done.stdout
    assert "│ " not in done.stdout.splitlines()[0]


def test_settings(folder: Path) -> None:
    done = run("--set", "task_rows=77", "--workers", "3", "-c", "SHOW task_rows; SHOW workers")
    assert done.stdout == "task_rows\n77\nworkers\n3\n"


def test_version_and_help() -> None:
    assert run("--version").stdout == f"sqlengine {sqlengine.__version__}\n"
    done = run("--help")
    assert done.returncode == 0
    assert "examples:" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["-c", "SELECT nonsense"], 1, "nonsense"),
        (["-c", "SELECT FROM WHERE"], 1, "LINE 1:"),
        (["-c", "SELECT * FROM 'no/such/file.parquet'"], 1, "no/such/file.parquet"),
        (["--nonsense"], 2, "--nonsense"),
        (["--max-rows", "-1", "-c", "SELECT 1"], 2, "--max-rows"),
        (["--set", "workrs=2", "-c", "SELECT 1"], 2, "'workers'"),
        (["--set", "workers", "-c", "SELECT 1"], 2, "NAME=VALUE"),
        (["--workers", "none at all", "-c", "SELECT 1"], 2, "workers"),
        (["-f", "no-such-file.sql"], 2, "no-such-file.sql"),
        (["--parquet", "-c", "SELECT 1"], 2, "-o FILE"),
        (["no-such-folder", "-c", "SELECT 1"], 3, "no-such-folder"),
        (["-o", "no-such-folder/out.csv", "-c", "SELECT 1"], 1, "no-such-folder/out.csv"),
    ],
)
def test_exit_codes(arguments: list[str], code: int, words: str) -> None:
    done = run(*arguments)
    assert done.returncode == code
    assert words in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_an_error_ends_the_script_after_what_was_answered() -> None:
    done = run("-c", "SELECT 1 AS a; SELECT nonsense; SELECT 2 AS b")
    assert (done.returncode, done.stdout) == (1, "a\n1\n")


def test_a_second_answer_does_not_overwrite_the_parquet_file(tmp_path: Path) -> None:
    done = run("--parquet", "-o", str(tmp_path / "o.parquet"), "-c", "SELECT 1 AS a; SELECT 2 AS a")
    assert done.returncode == 2
    assert pq.read_table(tmp_path / "o.parquet").to_pylist() == [{"a": 1}]


def test_a_reader_that_has_seen_enough(folder: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, str(folder), "--csv", "-c", "SELECT a.n, b.n FROM big a, big b WHERE b.n < 30"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == b"n,n\n"
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", ["inline", pytest.param("processes", marks=pytest.mark.processes)])
def test_interrupt(folder: Path, scheduler: str) -> None:
    process = subprocess.Popen(
        [
            *COMMAND,
            str(folder),
            "--scheduler",
            scheduler,
            "--set",
            "inline_bytes=0",
            "-c",
            "SELECT 1 AS ready",
            "-c",
            LONG,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        process.stdout.readline()
        time.sleep(1.0)
        started = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 130
        assert time.monotonic() - started < 5
        assert b"Traceback" not in process.stderr.read()
        process.stdout.close()
        process.stderr.close()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def test_a_run_loads_no_shell() -> None:
    code = (
        "import sys\nfrom sqlengine.repl.main import main\nmain(['-c', 'SELECT 1'])\n"
        "print([m for m in ('prompt_toolkit', 'pygments') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
