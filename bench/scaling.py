"""What a second worker brings: one query with 1, 2, … workers, interleaved."""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path

import sqlengine
from bench.machine import describe_machine
from bench.report import format_table, write_result
from bench.tpch.data import ensure_data, read_query


def main(arguments: list[str]) -> int:
    """`python -m bench scaling`."""
    parser = argparse.ArgumentParser(prog="python -m bench scaling", description=__doc__)
    parser.add_argument("--sf", type=float, default=1.0)
    parser.add_argument("--query", default="Q1")
    parser.add_argument("--workers", default=f"1,{len(os.sched_getaffinity(0))}", help="numbers of workers to try")
    parser.add_argument("--schedulers", default="threads,processes")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--data", type=Path, default=None, help="a folder with TPC-H Parquet files")
    options = parser.parse_args(arguments)
    folder = ensure_data(options.sf, options.data)
    sql = read_query(options.query)
    counts = [int(count) for count in options.workers.split(",")]
    settings = [(scheduler, count) for scheduler in options.schedulers.split(",") for count in counts]
    connections = {key: sqlengine.connect(folder, scheduler=key[0], workers=key[1]) for key in settings}
    times: dict[tuple[str, int], list[float]] = {key: [] for key in settings}
    for run in range(options.runs + 1):
        for key, connection in connections.items():
            started = time.perf_counter()
            connection.execute(sql).fetchall()
            # The first round warms up.
            if run:
                times[key].append(time.perf_counter() - started)
    medians = {key: statistics.median(seconds) for key, seconds in times.items()}
    rows = [
        [scheduler, str(count), f"{medians[scheduler, count]:.3f} s", f"{medians[scheduler, counts[0]] / seconds:.2f}"]
        for (scheduler, count), seconds in medians.items()
    ]
    print(format_table(["scheduler", "workers", "median", "speed-up"], rows))
    measured = [{"scheduler": key[0], "workers": key[1], "seconds": seconds} for key, seconds in times.items()]
    path = write_result("scaling", {"machine": describe_machine(), "query": options.query, "runs": measured})
    print(f"details: {path}")
    for connection in connections.values():
        connection.close()
    return 0
