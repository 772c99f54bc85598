"""The demo's files: the same bytes for everyone, written once, never half."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from sqlengine.repl.main import main
from sqlengine.repl.trips import write_trips


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_rows_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    assert write_trips(tmp_path / "a", rows=3000)
    assert write_trips(tmp_path / "b", rows=3000)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert write_trips(tmp_path / "c", rows=3000, seed=1)
    assert contents(tmp_path / "a") != contents(tmp_path / "c")


def test_complete_files_are_kept_and_damaged_ones_replaced(tmp_path: Path) -> None:
    write_trips(tmp_path, rows=500)
    before = contents(tmp_path)
    assert not write_trips(tmp_path, rows=500)
    (tmp_path / "trips" / "2024-05.csv").write_text("cut")
    assert write_trips(tmp_path, rows=500)
    assert contents(tmp_path) == before
    assert write_trips(tmp_path, rows=501)


def test_the_trips_are_plausible(tmp_path: Path) -> None:
    write_trips(tmp_path, rows=20_000)
    with duckdb.connect() as oracle:
        oracle.execute(
            f"CREATE VIEW trips AS SELECT *, filename FROM read_csv('{tmp_path}/trips/*.csv', filename=true)"
        )
        assert oracle.execute("SELECT count(*), count(DISTINCT filename) FROM trips").fetchone() == (20_000, 12)
        row = oracle.execute(
            """SELECT bool_and(dropoff_at > pickup_at), min(fare) > 0, count(*) > count(passenger_count),
                      bool_and((tip IS NULL) = (payment_type = 'cash')),
                      bool_and(filename LIKE '%' || strftime(pickup_at, '%Y-%m') || '.csv')
               FROM trips"""
        ).fetchone()
        assert row == (True, True, True, True, True)
        at_six, at_four = oracle.execute(
            "SELECT count(*) FILTER (hour(pickup_at) = 18), count(*) FILTER (hour(pickup_at) = 4) FROM trips"
        ).fetchone()
        assert at_six > 4 * at_four
        zones = f"'{tmp_path}/zones.parquet'"
        assert oracle.execute(f"SELECT count(*) FROM trips ANTI JOIN {zones} ON pickup_zone = zone_id").fetchone() == (
            0,
        )


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["demo", str(tmp_path / "file" / "demo"), "--rows", "10"]) == 1
    assert "cannot write the demo" in capsys.readouterr().err
