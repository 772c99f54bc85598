"""The benchmark's own parts, and one run of it on little data."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.agree import disagreement
from bench.compare import compare
from bench.flights import read_table, write_flights
from bench.measure import measure, summarize
from bench.report import format_table, geometric_mean
from bench.tpch import run as tpch
from bench.tpch.data import QUERIES, ensure_data, read_query


def decimals(*values: str, scale: int) -> pa.Array:
    return pa.array([Decimal(value) for value in values], pa.decimal128(20, scale))


@pytest.mark.parametrize(
    ("answer", "reference", "same"),
    [
        (pa.array([1, 2]), pa.array([1, 2]), True),
        (pa.array([1, 2]), pa.array([1, 3]), False),
        (pa.array([1, None]), pa.array([1, None]), True),
        (pa.array([1, None]), pa.array([1, 0]), False),
        (pa.array([1, 2]), decimals("1", "2", scale=0), True),
        (pa.array([1.0]), pa.array([1.0 + 1e-12]), True),
        (pa.array([1.0]), pa.array([1.0 + 1e-7]), False),
        (decimals("1.00", scale=2), decimals("1.01", scale=2), False),
        (decimals("25.522005", scale=6), pa.array([25.5220058]), True),
        (decimals("25.522003", scale=6), pa.array([25.5220058]), False),
        (pa.array(["a"]), pa.array(["b"]), False),
        (pa.array([datetime.datetime(2024, 1, 1)]), pa.array([datetime.date(2024, 1, 1)]), True),
    ],
)
def test_disagreement(answer: pa.Array, reference: pa.Array, same: bool) -> None:
    found = disagreement(pa.table({"a": answer}), pa.table({"b": reference}))
    assert (found is None) is same


def test_disagreement_of_shapes() -> None:
    one, two = pa.table({"a": [1]}), pa.table({"a": [1, 2]})
    assert disagreement(one, two) == "1 rows, not 2"
    assert disagreement(one, pa.table({"a": [1], "b": [1]})) == "1 columns, not 2"


def test_report() -> None:
    assert geometric_mean([2.0, 0.5]) == pytest.approx(1.0)
    assert format_table(["query", "s"], [["Q1", "0.1"], ["mean", "12.5"]]) == (
        "| query |    s |\n|-------|-----:|\n| Q1    |  0.1 |\n| mean  | 12.5 |"
    )


def test_compare_shows_ratios_and_what_changed() -> None:
    machine = {"commit": "a", "cpu": "x", "cores": 2, "python": "3"}
    old = {"machine": machine, "times": {"sqlengine": {"Q1": [2.0, 4.0, 3.0]}, "gone": {"Q1": [1.0]}}}
    new = {"machine": {**machine, "commit": "b"}, "times": {"sqlengine": {"Q1": [1.5]}}}
    text = compare(old, new)
    assert "0.50" in text
    assert "commit: a then, b now" in text


def test_ratios_are_of_the_first_engine() -> None:
    times = {"sqlengine": {"Q1": [2.0], "Q6": []}, "duckdb": {"Q1": [1.0], "Q6": [1.0]}}
    text = summarize(times, {"sqlengine": 2**20}, ("sqlengine", "duckdb"))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert rows[0] == ["query", "sqlengine", "/ duckdb"]
    assert rows[2:] == [
        ["Q1", "2.000 s", "2.00"],
        ["Q6", "failed", "-"],
        ["geometric mean", "", "2.00"],
        ["peak memory", "1 MiB", "-"],
    ]


def test_flights_have_every_row_once(tmp_path: Path) -> None:
    for suffix in ("parquet", "csv"):
        write_flights(tmp_path / suffix, suffix)
    flights = read_table("flights")
    assert flights.schema.field("dep_time").type == pa.int64()
    assert flights["dep_time"].null_count == 8255
    partitions = sorted((tmp_path / "parquet" / "flights").iterdir())
    assert len(partitions) == 12
    assert sum(pq.read_metadata(path / "flights.parquet").num_rows for path in partitions) == flights.num_rows
    lines = sum(path.read_bytes().count(b"\n") - 1 for path in (tmp_path / "csv" / "flights").iterdir())
    assert lines == flights.num_rows
    with pytest.raises(ValueError, match="xlsx"):
        write_flights(tmp_path, "xlsx")


@pytest.mark.slow
def test_an_engine_that_does_not_start_is_a_problem_not_the_end(tmp_path: Path) -> None:
    pytest.importorskip("psutil")
    result = measure(tmp_path, {"absent": "bench.engines.absent"}, ("Q1", "Q6"), 1, 1)
    assert result["times"] == {"absent": {}}
    assert "No module named 'bench.engines.absent'" in result["problems"][0]


def test_every_query_has_a_text() -> None:
    assert all("SELECT" in read_query(query) for query in QUERIES)


def test_missing_data_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no customer\.parquet, lineitem\.parquet"):
        ensure_data(1, tmp_path)


@pytest.mark.slow
@pytest.mark.processes
def test_tpch_on_little_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("psutil")
    monkeypatch.setattr("bench.tpch.data.FOLDER", tmp_path)
    try:
        ensure_data(0.01)
    except SystemExit:
        pytest.skip("tpchgen-cli is not installed")
    monkeypatch.setattr(tpch, "write_result", lambda kind, result: _write(tmp_path / f"{kind}.json", result))
    code = tpch.main(["--sf", "0.01", "--engines", "sqlengine,duckdb", "--runs", "2"])
    captured = capsys.readouterr()
    assert captured.err == ""
    assert code == 0
    result = json.loads((tmp_path / "tpch.json").read_text())
    assert set(result["times"]) == {"sqlengine", "duckdb"}
    assert all(len(seconds) == 2 for times in result["times"].values() for seconds in times.values())
    assert all(peak > 10_000_000 for peak in result["peak_bytes"].values())
    assert "geometric mean" in captured.out


def _write(path: Path, result: object) -> Path:
    path.write_text(json.dumps(result))
    return path
