"""An engine in its own process, with its memory watched."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa

from bench.engines import NoQuery

_SAMPLE_SECONDS = 0.02


class EngineProcess:
    """Runs queries in a subprocess (`bench.worker`) and knows the peak memory of it and all its children.

    `idle_bytes` is what it uses before its first query, `last_peak_bytes` the most during its last one.

    Memory is the proportional set size where the system tells it (Linux), so that pages shared by several processes
    of an engine count once; else resident size.
    """

    def __init__(self, name: str, module: str, folder: Path, cores: int) -> None:
        self.name = name
        self.peak_bytes = 0
        self.last_peak_bytes = 0
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - read when the process fails, closed with it
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.worker", module, str(folder), str(cores)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=Path(__file__).resolve().parents[1],
        )
        self._receive()
        self.idle_bytes = _tree_bytes(psutil.Process(self._process.pid))

    def run(self, query: str) -> float:
        """Run a query; its wall-clock seconds as the engine's process saw them."""
        return float(self._ask(query)["seconds"])

    def answer(self, query: str) -> pa.Table:
        """Run a query and fetch its answer."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "answer.arrow"
            self._ask(f"{query} {path}")
            return pa.ipc.open_file(pa.BufferReader(path.read_bytes())).read_all()

    def close(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()

    def _ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        finished = threading.Event()
        sampler = threading.Thread(target=self._sample, args=(finished,), daemon=True)
        sampler.start()
        try:
            reply = self._receive()
        finally:
            finished.set()
            sampler.join()
        if "missing" in reply:
            raise NoQuery(reply["missing"])
        if "error" in reply:
            raise RuntimeError(f"{self.name}, query {line.split()[0]}: {reply['error']}")
        return reply

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            tail = self._errors.read()[-2000:]
            raise RuntimeError(f"{self.name}: its process ended with code {self._process.returncode}\n{tail}")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _sample(self, finished: threading.Event) -> None:
        try:
            root = psutil.Process(self._process.pid)
        except psutil.NoSuchProcess:
            return
        self.last_peak_bytes = 0
        while True:
            self.last_peak_bytes = max(self.last_peak_bytes, _tree_bytes(root))
            self.peak_bytes = max(self.peak_bytes, self.last_peak_bytes)
            if finished.wait(_SAMPLE_SECONDS):
                return


def _tree_bytes(root: psutil.Process) -> int:
    total = 0
    try:
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in processes:
        try:
            total += _process_bytes(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total


def _process_bytes(process: psutil.Process) -> int:
    try:
        with open(f"/proc/{process.pid}/smaps_rollup") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return int(process.memory_info().rss)
