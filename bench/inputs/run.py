"""The five inputs beside other engines: same files, same cores, runs interleaved, answers compared."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.inputs.data import INPUTS, ensure_inputs
from bench.inputs.engines import ENGINES
from bench.inputs.questions import QUESTIONS
from bench.machine import describe_machine
from bench.measure import measure, summarize
from bench.report import format_table, write_result


def main(arguments: list[str]) -> int:
    """`python -m bench inputs make|run`: exit code 1 when answers disagree or an engine fails."""
    parser = argparse.ArgumentParser(prog="python -m bench inputs", description=__doc__)
    parser.add_argument("action", choices=("make", "run"), help="make the files only, or ask the questions too")
    parser.add_argument("--scale", type=float, default=0.1, help="1 is about 5 GB of files (default: 0.1)")
    parser.add_argument("--folder", type=Path, default=None, help="where they are or shall be (default: bench/data)")
    parser.add_argument("--inputs", type=_some_of(INPUTS), default=tuple(INPUTS), help=f"default: {','.join(INPUTS)}")
    parser.add_argument("--questions", type=_some_of(QUESTIONS), default=tuple(QUESTIONS), help="default: all")
    parser.add_argument(
        "--engines", type=_some_of(ENGINES), default=tuple(ENGINES), help=f"default: {','.join(ENGINES)}"
    )
    parser.add_argument("--runs", type=int, default=5, help="measured runs after one that is not (default: 5)")
    parser.add_argument("--cores", type=int, default=None, help="cores every engine may use (default: all)")
    options = parser.parse_args(arguments)
    folder = ensure_inputs(options.scale, options.folder, options.inputs)
    if options.action == "make":
        print(folder)
        return 0
    machine = describe_machine()
    cores = options.cores or machine["cores"]
    questions = [name for name in options.questions if QUESTIONS[name].input in options.inputs]
    engines = {name: ENGINES[name] for name in options.engines}
    result = measure(folder.resolve(), engines, questions, options.runs, cores)
    print(summarize(result["times"], result["peak_bytes"], options.engines), end="\n\n")
    print(_memory(result["peaks"], result["idle_bytes"], questions))
    for problem in result["problems"]:
        print(problem, file=sys.stderr)
    path = write_result("inputs", {"machine": machine, "scale": options.scale, "cores": cores, **result})
    print(f"\n{cores} cores, scale {options.scale:g}; medians of {options.runs} warm runs; details: {path}")
    return 1 if result["problems"] else 0


def _memory(peaks: dict[str, dict[str, int]], idle: dict[str, int], questions: list[str]) -> str:
    """Peak memory of each question, and what an engine used before the first one."""
    rows = [[name, *(_mebibytes(peaks[engine].get(name)) for engine in peaks)] for name in questions]
    rows.append(["before the first", *(_mebibytes(idle.get(engine)) for engine in peaks)])
    return format_table(["peak MiB", *peaks], rows)


def _mebibytes(size: int | None) -> str:
    return "-" if size is None else f"{size / 2**20:,.0f}"


def _some_of(known: dict[str, object]) -> object:
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"no {unknown[0]!r}; there are {', '.join(known)}")
        return names

    return parse
