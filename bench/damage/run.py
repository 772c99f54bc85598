"""Damaged files of every format: each must be a clear error or an answer, in little time and memory."""

from __future__ import annotations

import argparse
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.damage.cases import Case, cases_of
from bench.damage.files import KINDS, write_files
from bench.report import format_table

MOST_SECONDS = 10.0
MOST_BYTES = 300 << 20

Outcome = dict[str, Any]


def main(arguments: list[str]) -> int:
    """`python -m bench damage`: exit code 1 if a case is neither."""
    parser = argparse.ArgumentParser(prog="python -m bench damage", description=__doc__)
    parser.add_argument("--flips", type=int, default=200, help="cases of changed bytes a file (default: 200)")
    parser.add_argument("--files", default=",".join(KINDS), help="default: all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes that read (default: cores)")
    parser.add_argument("--show", action="store_true", help="print every error, to read whether it is clear")
    options = parser.parse_args(arguments)
    cases = [case for name in options.files.split(",") for case in cases_of(name, options.flips)]
    outcomes = judge(cases, options.jobs)
    print(summarize(outcomes))
    for case, outcome in outcomes.items():
        if outcome["outcome"] == "failed" or options.show:
            print(f"{case.name} {case.number}: {outcome['outcome']}: {outcome['reason']}")
    return int(any(outcome["outcome"] == "failed" for outcome in outcomes.values()))


def judge(cases: Sequence[Case], jobs: int) -> dict[Case, Outcome]:
    """What became of each case: `outcome` (error, answer, failed), `reason`, `seconds`, `bytes`.

    A process that dies, or takes more than ten seconds for a case, fails that case; another one goes on.
    """
    with tempfile.TemporaryDirectory() as folder:
        good, scratch = Path(folder) / "good", Path(folder) / "scratch"
        good.mkdir()
        scratch.mkdir()
        write_files(good)
        shares = [list(cases[job::jobs]) for job in range(jobs)]
        with ThreadPoolExecutor(jobs) as pool:
            found = pool.map(lambda share: _share(share, good, scratch), shares)
            outcomes = {case: outcome for part in found for case, outcome in part.items()}
    return {case: outcomes[case] for case in cases}


def summarize(outcomes: dict[Case, Outcome]) -> str:
    """A row a file: how many of which outcome, the slowest case, and the one that took most memory."""
    counts = Counter((case.name, outcome["outcome"]) for case, outcome in outcomes.items())
    rows = []
    for name in dict.fromkeys(case.name for case in outcomes):
        of_file = [outcome for case, outcome in outcomes.items() if case.name == name]
        rows.append(
            [
                name,
                *(str(counts[name, kind]) for kind in ("error", "answer", "failed")),
                f"{max(outcome['seconds'] for outcome in of_file):.2f} s",
                f"{max(outcome['bytes'] for outcome in of_file) / 2**20:.0f} MiB",
            ]
        )
    return format_table(["file", "errors", "answers", "failed", "slowest", "most memory"], rows)


def _share(cases: Sequence[Case], good: Path, scratch: Path) -> dict[Case, Outcome]:
    outcomes: dict[Case, Outcome] = {}
    worker: _Worker | None = None
    for case in cases:
        worker = worker or _Worker(good, scratch)
        outcome = worker.read(case)
        if outcome is None:
            outcome = {"outcome": "failed", "reason": worker.end(), "seconds": 0.0, "bytes": 0}
            worker = None
        elif outcome["bytes"] > MOST_BYTES:
            outcome |= {"outcome": "failed", "reason": f"{outcome['bytes']:,} bytes; {outcome['reason']}"}
        outcomes[case] = outcome
    if worker is not None:
        worker.end()
    return outcomes


class _Worker:
    def __init__(self, good: Path, scratch: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "bench.damage.worker", str(good), str(scratch)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
        )
        self._said: list[str] = []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._first = True

    def read(self, case: Case) -> Outcome | None:
        """What the process says of a case; None if it died or hangs."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{case.name} {case.number}\n")
        self._process.stdin.flush()
        # The first one waits for imports, too.
        limit = MOST_SECONDS + 60 * self._first
        self._first = False
        if not select.select([self._process.stdout], [], [], limit)[0]:
            self._process.kill()
            self._said.append(f"no answer in {limit:.0f} s")
            return None
        line = self._process.stdout.readline()
        return json.loads(line) if line else None

    def end(self) -> str:
        """End the process; how it ended and the last of what it said on stderr."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        code = self._process.wait()
        self._listener.join()
        self._process.stdout.close()
        return f"the process ended with {code}: " + "".join(self._said)[-1500:]

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            self._said.extend(stream)
