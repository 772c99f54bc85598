"""A whole benchmark's queries against DuckDB, under every scheduler: how many run, how many are right."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

import sqlengine
from bench.agree import disagreement
from bench.machine import describe_machine
from bench.report import format_table, geometric_mean, write_result
from bench.tpcds import data as tpcds
from bench.tpch import data as tpch

SCHEDULERS = ("inline", "threads", "processes")


def main(arguments: list[str]) -> int:
    """`python -m bench proof tpch|tpcds`: exit code 1 when a query is refused, fails or differs."""
    parser = argparse.ArgumentParser(prog="python -m bench proof", description=__doc__)
    parser.add_argument("suite", choices=("tpch", "tpcds"))
    parser.add_argument("--sf", type=float, default=None, help="scale factor (default: tpch 1, tpcds 0.1)")
    parser.add_argument("--data", type=Path, default=None, help="a folder with the files, instead of making them")
    parser.add_argument("--queries", type=_numbers, default=None, help="default: all")
    parser.add_argument("--schedulers", type=lambda text: text.split(","), default=list(SCHEDULERS))
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds a query may take (default: 120)")
    options = parser.parse_args(arguments)
    folder, queries = _suite(options.suite, options.sf, options.data)
    chosen = {number: queries[number] for number in options.queries or queries}
    oracle = _oracle(folder)
    outcomes: dict[int, dict[str, str]] = {number: {} for number in chosen}
    ratios: dict[str, list[float]] = {name: [] for name in options.schedulers}
    answers = {number: _timed(lambda text=text: oracle.sql(text).to_arrow_table()) for number, text in chosen.items()}
    for scheduler in options.schedulers:
        with sqlengine.connect(folder, scheduler=scheduler, timeout=options.timeout) as connection:
            for number, text in chosen.items():
                expected, reference_seconds = answers[number]
                try:
                    answer, seconds = _timed(lambda text=text: connection.execute(text).arrow())
                except sqlengine.NotSupportedError as error:
                    outcomes[number][scheduler] = f"refused: {_first_line(error)}"
                except Exception as error:
                    outcomes[number][scheduler] = f"failed: {type(error).__name__}: {_first_line(error)}"
                else:
                    difference = differs(answer, expected)
                    outcomes[number][scheduler] = "right" if difference is None else f"differs: {difference}"
                    ratios[scheduler].append(seconds / reference_seconds)
    planning = _planning_seconds(folder, chosen)
    for number, by_scheduler in outcomes.items():
        for outcome in dict.fromkeys(each for each in by_scheduler.values() if each != "right"):
            where = [name for name, each in by_scheduler.items() if each == outcome]
            print(f"Q{number} ({', '.join(where)}): {outcome}")
    rows = []
    for scheduler in options.schedulers:
        counts = Counter(each[scheduler].split(":")[0] for each in outcomes.values())
        ratio = f"{geometric_mean(ratios[scheduler]):.2f}" if ratios[scheduler] else "-"
        rows.append([scheduler, *(str(counts[kind]) for kind in ("right", "differs", "refused", "failed")), ratio])
    print(format_table(["scheduler", "right", "differs", "refused", "failed", "time / duckdb, first run"], rows))
    slowest = max(planning, key=lambda number: planning[number])
    print(f"slowest to plan: Q{slowest}, {planning[slowest] * 1000:.0f} ms")
    contents = {"folder": folder.name, "outcomes": outcomes, "ratios": ratios, "planning": planning}
    path = write_result(f"proof-{options.suite}", {"machine": describe_machine(), **contents})
    print(f"details: {path}")
    return 0 if all(each == "right" for by in outcomes.values() for each in by.values()) else 1


def _planning_seconds(folder: Path, queries: Mapping[int, str]) -> dict[int, float]:
    """Seconds from the text to the plan, the shortest of three; 0 where there is none."""
    seconds = dict.fromkeys(queries, 0.0)
    with sqlengine.connect(folder) as connection:
        for number, text in queries.items():
            with contextlib.suppress(sqlengine.Error):
                runs = [_timed(lambda text=text: connection.execute(f"EXPLAIN {text}").arrow())[1] for _ in range(3)]
                seconds[number] = min(runs)
    return seconds


def differs(answer: pa.Table, expected: pa.Table) -> str | None:
    """Where two answers differ, or None; rows that ORDER BY leaves in any order may stand in any order."""
    difference = disagreement(answer, expected)
    if difference is None or answer.num_rows != expected.num_rows or answer.num_columns != expected.num_columns:
        return difference
    return None if disagreement(_sorted(answer), _sorted(expected)) is None else difference


def _sorted(table: pa.Table) -> pa.Table:
    # Names may repeat.
    rows = table.rename_columns([str(position) for position in range(table.num_columns)]).to_pylist()
    # Floats by their first digits only: two engines add in different orders.
    order = sorted(range(len(rows)), key=lambda row: [_shown(value) for value in rows[row].values()])
    return table.take(pa.array(order, pa.int64()))


def _shown(value: object) -> str:
    return f"{float(value):.6g}" if isinstance(value, int | float) or hasattr(value, "as_tuple") else str(value)


def _suite(name: str, scale: float | None, folder: Path | None) -> tuple[Path, dict[int, str]]:
    if name == "tpch":
        folder = tpch.ensure_data(scale or 1.0, folder)
        return folder, {number: tpch.read_query(f"Q{number}") for number in range(1, 23)}
    folder = folder or tpcds.ensure_data(scale or 0.1)
    return folder, tpcds.read_queries(folder)


def _oracle(folder: Path) -> duckdb.DuckDBPyConnection:
    oracle = duckdb.connect()
    for file in sorted(folder.glob("*.parquet")):
        oracle.execute(f"CREATE VIEW {file.stem} AS FROM '{file}'")
    return oracle


def _timed(run: Callable[[], pa.Table]) -> tuple[pa.Table, float]:
    started = time.perf_counter()
    table = run()
    return table, time.perf_counter() - started


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]


def _numbers(text: str) -> Iterable[int]:
    return [int(part) for part in text.split(",")]
