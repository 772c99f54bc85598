"""The five inputs, small: what they hold, and every question's answer against DuckDB, or NumPy for HDF5."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import sqlengine
from bench.agree import disagreement
from bench.inputs.data import INPUTS, ensure_inputs
from bench.inputs.engines import ENGINES, duckdb_sql, h5py_loops, pandas_frames
from bench.inputs.questions import QUESTIONS

pytestmark = pytest.mark.slow

SCALE = 0.001


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensure_inputs(SCALE, tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlengine.Connection]:
    with sqlengine.connect(scheduler="threads", workers=2, verify_plans=True) as opened:
        yield opened


@pytest.mark.parametrize("name", QUESTIONS)
def test_answers(folder: Path, connection: sqlengine.Connection, name: str) -> None:
    answer = connection.execute(QUESTIONS[name].text(folder)).arrow()
    assert answer.num_rows > 0
    for module in (h5py_loops,) if QUESTIONS[name].input == "arrays" else (duckdb_sql, pandas_frames):
        engine = module.open_engine(folder, 1)
        expected = engine.run(name)
        engine.close()
        assert disagreement(answer, expected) is None


def test_a_year_is_one_file(folder: Path, connection: sqlengine.Connection) -> None:
    plan = connection.execute("EXPLAIN " + QUESTIONS["one_year"].text(folder)).fetchall()
    assert "25 folders not listed, 1 of 2 splits" in str(plan)


def test_the_same_bytes_again(folder: Path, tmp_path: Path) -> None:
    assert digests(ensure_inputs(SCALE, tmp_path)) == digests(folder)
    assert set(digests(folder)) == set(INPUTS)


def digests(folder: Path) -> dict[str, str]:
    found = {}
    for name in INPUTS:
        files = sorted(path for path in (folder / name).rglob("*") if path.is_file())
        lines = [f"{path.relative_to(folder)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files]
        found[name] = "\n".join(lines)
    return found


def test_each_question_has_an_oracle() -> None:
    for name, question in QUESTIONS.items():
        oracle = h5py_loops.ANSWERS if question.input == "arrays" else pandas_frames.ANSWERS
        assert name in oracle
    assert set(ENGINES) == {"sqlengine", "cached", "duckdb", "h5py", "polars", "pandas", "dask"}
