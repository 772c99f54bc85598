"""TPC-H beside other engines: same files, same cores, each engine a process, runs interleaved, answers compared."""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.agree import disagreement
from bench.engines import ENGINES, NoQuery
from bench.machine import describe_machine
from bench.process import EngineProcess
from bench.report import format_table, geometric_mean, write_result
from bench.tpch.data import QUERIES, ensure_data

Times = dict[str, dict[int, list[float]]]


def main(arguments: list[str]) -> int:
    """`python -m bench tpch`: exit code 1 when answers disagree or an engine fails."""
    parser = argparse.ArgumentParser(prog="python -m bench tpch", description=__doc__)
    parser.add_argument("--sf", type=float, default=1.0, help="scale factor (default: 1)")
    parser.add_argument("--queries", type=_numbers, default=QUERIES, help=f"default: {','.join(map(str, QUERIES))}")
    parser.add_argument("--engines", type=_names, default=tuple(ENGINES), help=f"default: {','.join(ENGINES)}")
    parser.add_argument("--runs", type=int, default=5, help="measured runs after one that is not (default: 5)")
    parser.add_argument("--cores", type=int, default=None, help="cores every engine may use (default: all)")
    parser.add_argument(
        "--data", type=Path, default=None, help="a folder with the Parquet files, instead of making them"
    )
    options = parser.parse_args(arguments)
    machine = describe_machine()
    cores = options.cores or machine["cores"]
    folder = ensure_data(options.sf, options.data)
    result = measure(folder, options.engines, options.queries, options.runs, cores)
    print(summarize(result["times"], result["peak_bytes"], options.engines))
    for problem in result["problems"]:
        print(problem, file=sys.stderr)
    path = write_result("tpch", {"machine": machine, "scale": options.sf, "cores": cores, **result})
    print(f"\n{cores} cores, scale factor {options.sf:g}; medians of {options.runs} warm runs; details: {path}")
    return 1 if result["problems"] else 0


def measure(folder: Path, engines: tuple[str, ...], queries: tuple[int, ...], runs: int, cores: int) -> dict[str, Any]:
    """Run each query on each engine.

    Returns
    -------
    dict
        `times[engine][query]`: seconds of each measured run, in order; `peak_bytes[engine]`; `problems`: failures and
        disagreements with DuckDB (or, without it, with the first engine), as sentences.
    """
    processes: dict[str, EngineProcess] = {}
    problems: list[str] = []
    times: Times = {name: {query: [] for query in queries} for name in engines}
    try:
        for name in engines:
            try:
                processes[name] = EngineProcess(name, folder, cores)
            except RuntimeError as error:
                problems.append(str(error))
                times[name].clear()
        for query in queries:
            problems += _compare_answers(processes, query, times)
        for run in range(runs):
            for query in queries:
                # Interleaved, so that a disturbance of the machine hits all engines; rotated, so that none always
                # runs in the wake of the same other.
                for name in _rotated([name for name in engines if query in times[name]], run):
                    times[name][query].append(processes[name].run(query))
    finally:
        for process in processes.values():
            process.close()
    peaks = {name: process.peak_bytes for name, process in processes.items()}
    return {"times": times, "peak_bytes": peaks, "problems": problems}


def summarize(times: Times, peaks: dict[str, int], engines: tuple[str, ...]) -> str:
    """Seconds of the first engine, and how many times as long it takes as each other; below 1 it is the faster one."""
    first, others = engines[0], engines[1:]
    rows, ratios = [], {name: [] for name in others}  # type: dict[str, list[float]]
    for query in sorted({query for measured in times.values() for query in measured}):
        own = statistics.median(times[first][query]) if times[first].get(query) else None
        cells = [f"Q{query}", "failed" if own is None else f"{own:.3f} s"]
        for name in others:
            measured = times[name].get(query)
            if not measured or own is None:
                cells.append("-")
                continue
            ratios[name].append(own / statistics.median(measured))
            cells.append(f"{ratios[name][-1]:.2f}")
        rows.append(cells)
    means = [f"{geometric_mean(ratios[name]):.2f}" if ratios[name] else "-" for name in others]
    rows.append(["geometric mean", "", *means])
    rows.append(["peak memory", *(f"{peaks[name] / 2**20:,.0f} MiB" if name in peaks else "-" for name in engines)])
    return format_table(["query", first, *(f"/ {name}" for name in others)], rows)


def _compare_answers(processes: dict[str, EngineProcess], query: int, times: Times) -> list[str]:
    """Warm each engine up with the query and compare what they say; who fails is taken out of `times`."""
    answers: dict[str, pa.Table] = {}
    problems = []
    for name, process in processes.items():
        try:
            answers[name] = process.answer(query)
        except (RuntimeError, NoQuery) as error:
            if isinstance(error, RuntimeError):
                problems.append(str(error))
            del times[name][query]
    reference = "duckdb" if "duckdb" in answers else next(iter(answers), None)
    for name, answer in answers.items():
        difference = None if reference is None else disagreement(answer, answers[reference])
        if difference is not None:
            problems.append(f"Q{query}: {name} and {reference} disagree: {difference}")
    return problems


def _rotated(names: list[str], by: int) -> list[str]:
    start = by % len(names) if names else 0
    return names[start:] + names[:start]


def _numbers(text: str) -> tuple[int, ...]:
    numbers = tuple(int(part) for part in text.split(","))
    unknown = [number for number in numbers if number not in QUERIES]
    if unknown:
        raise argparse.ArgumentTypeError(f"no query {unknown[0]}; there are {', '.join(map(str, QUERIES))}")
    return numbers


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in ENGINES]
    if unknown:
        raise argparse.ArgumentTypeError(f"no engine {unknown[0]!r}; there are {', '.join(ENGINES)}")
    return names
