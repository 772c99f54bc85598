"""How long until the first answer: import, first query in a fresh process, first query ever (no compiled kernels)."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.machine import describe_machine
from bench.report import format_table, write_result
from bench.tpch.data import ensure_data, read_query

_IMPORT = "import time; t = time.perf_counter(); import sqlengine; print(time.perf_counter() - t)"
_QUERY = """
import sys, time
started = time.perf_counter()
import sqlengine
with sqlengine.connect(sys.argv[1]) as connection:
    connection.execute(sys.argv[2]).fetchall()
    print(time.perf_counter() - started)
"""
_SMALL = "SELECT n_regionkey, count(*) FROM nation GROUP BY n_regionkey ORDER BY 1"


def main(arguments: list[str]) -> int:
    """`python -m bench start`."""
    parser = argparse.ArgumentParser(prog="python -m bench start", description=__doc__)
    parser.add_argument("--sf", type=float, default=1.0, help="scale factor of the larger data (default: 1)")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--data", type=Path, default=None, help="a folder with TPC-H Parquet files")
    options = parser.parse_args(arguments)
    folder = str(ensure_data(options.sf, options.data))
    # The caches are filled once before anything is timed, except for the runs that start without.
    for sql in (_SMALL, read_query("Q1")):
        _seconds(_QUERY, folder, sql)
    measured = {
        "import sqlengine": [_seconds(_IMPORT) for _ in range(options.runs)],
        "first query of a process, 25 rows": [_seconds(_QUERY, folder, _SMALL) for _ in range(options.runs)],
        f"first query of a process, Q1 at SF {options.sf:g}": [
            _seconds(_QUERY, folder, read_query("Q1")) for _ in range(options.runs)
        ],
        "first query ever, 25 rows": [_seconds_without_cache(folder, _SMALL) for _ in range(options.runs)],
        f"first query ever, Q1 at SF {options.sf:g}": [
            _seconds_without_cache(folder, read_query("Q1")) for _ in range(options.runs)
        ],
    }
    rows = [[name, f"{statistics.median(times):.3f} s"] for name, times in measured.items()]
    print(format_table(["until the first answer", "median"], rows))
    path = write_result("start", {"machine": describe_machine(), "seconds": measured})
    print(f"details: {path}")
    return 0


def _seconds(code: str, *arguments: str, cache: str | None = None) -> float:
    environment = {**os.environ, **({} if cache is None else {"XDG_CACHE_HOME": cache})}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(done.stdout)


def _seconds_without_cache(folder: str, sql: str) -> float:
    with tempfile.TemporaryDirectory() as cache:
        return _seconds(_QUERY, folder, sql, cache=cache)
