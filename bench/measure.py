"""Queries on several engines beside each other: each engine a process, runs interleaved, answers compared."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.agree import disagreement
from bench.engines import NoQuery
from bench.process import EngineProcess
from bench.report import format_table, geometric_mean

Times = dict[str, dict[str, list[float]]]

# Who is believed when answers differ, as far as they take part.
REFERENCES = ("duckdb", "h5py")


def measure(folder: Path, engines: Mapping[str, str], queries: Sequence[str], runs: int, cores: int) -> dict[str, Any]:
    """Run each query on each engine.

    Parameters
    ----------
    engines
        Name -> module with `open_engine`.

    Returns
    -------
    dict
        `times[engine][query]`: seconds of each measured run, in order; `peak_bytes[engine]`, and
        `peaks[engine][query]`: the most of each query's runs; `idle_bytes[engine]`: before the first query; `problems`:
        failures and disagreements with a reference (or, without it, with the first engine), as sentences.
    """
    processes: dict[str, EngineProcess] = {}
    problems: list[str] = []
    times: Times = {name: {query: [] for query in queries} for name in engines}
    peaks: dict[str, dict[str, int]] = {name: {} for name in engines}
    try:
        for name, module in engines.items():
            try:
                processes[name] = EngineProcess(name, module, folder, cores)
            except RuntimeError as error:
                problems.append(str(error))
                times[name].clear()
        idle = {name: process.idle_bytes for name, process in processes.items()}
        for query in queries:
            problems += _compare_answers(processes, query, times)
        for run in range(runs):
            for query in queries:
                # Interleaved, so that a disturbance of the machine hits all engines; rotated, so that none always
                # runs in the wake of the same other.
                for name in _rotated([name for name in engines if query in times[name]], run):
                    times[name][query].append(processes[name].run(query))
                    peaks[name][query] = max(peaks[name].get(query, 0), processes[name].last_peak_bytes)
    finally:
        for process in processes.values():
            process.close()
    most = {name: process.peak_bytes for name, process in processes.items()}
    return {"times": times, "peak_bytes": most, "peaks": peaks, "idle_bytes": idle, "problems": problems}


def summarize(times: Times, peaks: Mapping[str, int], engines: Sequence[str]) -> str:
    """Seconds of the first engine, and how many times as long it takes as each other; below 1 it is the faster one."""
    first, others = engines[0], engines[1:]
    rows, ratios = [], {name: [] for name in others}  # type: dict[str, list[float]]
    for query in dict.fromkeys(query for measured in times.values() for query in measured):
        own = statistics.median(times[first][query]) if times[first].get(query) else None
        cells = [query, "failed" if own is None else f"{own:.3f} s"]
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


def _compare_answers(processes: Mapping[str, EngineProcess], query: str, times: Times) -> list[str]:
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
    reference = next((name for name in REFERENCES if name in answers), next(iter(answers), None))
    for name, answer in answers.items():
        difference = None if reference is None else disagreement(answer, answers[reference])
        if difference is not None:
            problems.append(f"{query}: {name} and {reference} disagree: {difference}")
    return problems


def _rotated(names: list[str], by: int) -> list[str]:
    start = by % len(names) if names else 0
    return names[start:] + names[:start]
