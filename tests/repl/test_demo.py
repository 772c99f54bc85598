from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import sqlengine
from sqlengine.repl.demo import QUESTIONS
from sqlengine.repl.trips import write_trips

pytestmark = pytest.mark.slow


def test_the_answers_are_those_of_duckdb(tmp_path: Path) -> None:
    write_trips(tmp_path, rows=20_000)
    with duckdb.connect() as oracle, sqlengine.connect(tmp_path) as connection:
        oracle.execute(f"CREATE VIEW trips AS FROM '{tmp_path}/trips/*.csv'")
        oracle.execute(f"CREATE VIEW zones AS FROM '{tmp_path}/zones.parquet'")
        for question, sql in QUESTIONS:
            expected = oracle.execute(sql).fetchall()
            got = connection.execute(sql).fetchall()
            assert len(got) == len(expected), question
            for row, other in zip(got, expected, strict=True):
                for value, wanted in zip(row, other, strict=True):
                    assert value == (pytest.approx(wanted, rel=1e-12) if isinstance(wanted, float) else wanted), (
                        question
                    )


def test_the_demo_tells_what_it_does(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sqlengine.repl.main", "demo", "trips-here", "--rows", "5000"]
    first, second = (
        subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True) for _ in range(2)
    )
    assert "wrote 5,000 trips" in first.stdout
    assert "the files are there already" in second.stdout
    assert "12 rows, " in first.stdout
    assert "Stage 0: " in first.stdout
    assert "sqlengine trips-here" in first.stdout
    assert all(sql in first.stdout for _, sql in QUESTIONS)
    assert first.stderr == ""
