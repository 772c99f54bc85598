"""One session that reads damaged files: `python -m bench.damage.worker GOOD SCRATCH`.

A case a line in, JSON a line out.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import sqlengine
from bench.damage.cases import Case
from bench.damage.files import ROWS
from sqlengine.errors import Error, InternalError

# What a damaged file may make of a process that a good one leaves small.
ADDRESS_SPACE = 16 << 30
# Damaged bytes of text may well be line ends.
MOST_ROWS = 20 * ROWS
# Arrow writes zstd and lz4 without them.
CHECKED = (".gz", ".bz2", ".xz")


def main(good: str, scratch: str) -> None:
    """Serve until stdin ends."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    reader = _Reader(Path(good), Path(scratch))
    for line in sys.stdin:
        name, number = line.split()
        replies.write(json.dumps(reader.read(Case(name, int(number)))) + "\n")
        replies.flush()


class _Reader:
    def __init__(self, good: Path, scratch: Path) -> None:
        self._good = good
        self._scratch = scratch
        self._connection = sqlengine.connect(scheduler="inline")
        self._expected: dict[str, str] = {}

    def read(self, case: Case) -> dict[str, Any]:
        """What became of it: outcome `error`, `answer` or `failed`, with a reason."""
        intact = self._good / case.name
        if case.name not in self._expected:
            self._expected[case.name] = self._answer(intact)
        path = self._scratch / f"{os.getpid()}-{case.number}-{case.name}"
        path.write_bytes(case.apply(intact.read_bytes()))
        _reset_peak()
        before, started = _peak_bytes(), time.perf_counter()
        try:
            found = self._judge(case, path)
        finally:
            path.unlink()
        found |= {"seconds": time.perf_counter() - started, "bytes": _peak_bytes() - before}
        if case.number % 10 == 0 and self._answer(intact) != self._expected[case.name]:
            found |= {"outcome": "failed", "reason": "the intact file is not answered as before"}
        return found

    def _judge(self, case: Case, path: Path) -> dict[str, Any]:
        try:
            answer = self._answer(path)
        except InternalError as error:
            return {"outcome": "failed", "reason": f"InternalError: {error}"}
        except Error as error:
            words = f"{type(error).__name__}: {error}"
            named = path.name in str(error)
            return {"outcome": "error" if named else "failed", "reason": words if named else f"no path: {words}"}
        except BaseException:
            return {"outcome": "failed", "reason": traceback.format_exc()[-1500:]}
        if answer == self._expected[case.name]:
            return {"outcome": "answer", "reason": "the right one"}
        if answer.count("\n") > MOST_ROWS:
            return {"outcome": "failed", "reason": f"{answer.count(chr(10))} rows"}
        if not answer and not path.stat().st_size:
            return {"outcome": "answer", "reason": "no bytes, no rows"}
        if case.name.endswith(CHECKED):
            return {"outcome": "failed", "reason": "a wrong answer, though the file has a check sum"}
        if case.is_cut and not case.name.endswith((".csv", ".ndjson")):
            return {"outcome": "failed", "reason": "an answer of a part of the file"}
        return {"outcome": "answer", "reason": "of values that may have been so"}

    def _answer(self, path: Path) -> str:
        cursor = self._connection.execute(f"FROM '{path}'")
        return "\n".join(map(repr, cursor.fetchall()))


def _reset_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
