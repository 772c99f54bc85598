"""The queries of TPC-H and TPC-DS on little data, against DuckDB."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pyarrow as pa
import pytest

from bench import proof
from bench.tpcds import data as tpcds
from bench.tpch import data as tpch

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _keep_no_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(proof, "write_result", lambda kind, result: tmp_path)


def test_all_of_tpch_is_right_under_every_scheduler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tpch, "FOLDER", tmp_path)
    assert proof.main(["tpch", "--sf", "0.01"]) == 0, capsys.readouterr().out


def test_all_of_tpcds_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tpcds, "FOLDER", tmp_path)
    try:
        tpcds.ensure_data(0.01)
    except subprocess.CalledProcessError:
        pytest.skip("DuckDB's TPC-DS generator cannot be installed here")
    assert proof.main(["tpcds", "--sf", "0.01", "--schedulers", "inline"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "same"),
    [
        ({"a": [1, 2], "b": [0.5, 1.5]}, True),
        ({"a": [2, 1], "b": [1.5, 0.5]}, True),
        ({"a": [2, 1], "b": [0.5, 1.5]}, False),
        ({"a": [1], "b": [0.5]}, False),
    ],
)
def test_rows_may_stand_in_any_order(answer: dict[str, list[float]], same: bool) -> None:
    expected = pa.table({"a": [1, 2], "b": [0.5, 1.5]})
    assert (proof.differs(pa.table(answer), expected) is None) is same
