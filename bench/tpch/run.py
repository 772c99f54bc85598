"""TPC-H beside other engines: same files, same cores, each engine a process, runs interleaved, answers compared."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.engines import ENGINES
from bench.machine import describe_machine
from bench.measure import measure, summarize
from bench.report import write_result
from bench.tpch.data import QUERIES, ensure_data


def main(arguments: list[str]) -> int:
    """`python -m bench tpch`: exit code 1 when answers disagree or an engine fails."""
    parser = argparse.ArgumentParser(prog="python -m bench tpch", description=__doc__)
    parser.add_argument("--sf", type=float, default=1.0, help="scale factor (default: 1)")
    parser.add_argument("--queries", type=_numbers, default=QUERIES, help="numbers, such as 1,6 (default: all)")
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
    result = measure(folder, {name: ENGINES[name] for name in options.engines}, options.queries, options.runs, cores)
    print(summarize(result["times"], result["peak_bytes"], options.engines))
    for problem in result["problems"]:
        print(problem, file=sys.stderr)
    path = write_result("tpch", {"machine": machine, "scale": options.sf, "cores": cores, **result})
    print(f"\n{cores} cores, scale factor {options.sf:g}; medians of {options.runs} warm runs; details: {path}")
    return 1 if result["problems"] else 0


def _numbers(text: str) -> tuple[str, ...]:
    queries = tuple(f"Q{part}" for part in text.split(","))
    unknown = [query for query in queries if query not in QUERIES]
    if unknown:
        raise argparse.ArgumentTypeError(f"no query {unknown[0]}; there are {', '.join(QUERIES)}")
    return queries


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in ENGINES]
    if unknown:
        raise argparse.ArgumentTypeError(f"no engine {unknown[0]!r}; there are {', '.join(ENGINES)}")
    return names
