"""Whatever starts or ends the coordinator: queries run, Ctrl-C is prompt, no process and no file stays behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
PLACES = [place for place in (Path("/dev/shm"), Path(tempfile.gettempdir())) if place.exists()]

QUERY = """
from tests.executor.plans import *
print("RAN", flush=True)
print(len(rows_of(shuffled(ActingTable()), "processes")), flush=True)
"""


@pytest.fixture
def environment() -> dict[str, str]:
    # No empty entry: that would be the current directory.
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def descendants(pid: int) -> set[int]:
    found: set[int] = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            if parent == pid:
                child = int(path.parent.name)
                found |= {child} | descendants(child)
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(condition: Callable[[], bool], seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def directories_of(pid: int) -> list[Path]:
    return [path for place in PLACES for path in (place / f"sqlengine-{os.getuid()}").glob(f"{pid}-*")]


@contextlib.contextmanager
def coordinator(code: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("how", ["script", "-c", "standard input", "module run by runpy"])
def test_main_module_needs_no_guard_and_runs_once(how: str, tmp_path: Path, environment: dict[str, str]) -> None:
    script = tmp_path / "script.py"
    script.write_text(QUERY)
    arguments = {
        "script": [str(script)],
        "-c": ["-c", QUERY],
        "standard input": ["-"],
        "module run by runpy": ["-c", f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')"],
    }[how]
    done = subprocess.run(
        [sys.executable, *arguments],
        input=QUERY if how == "standard input" else None,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("RAN\n4000\n", "", 0)


def test_modules_of_the_user_do_not_shadow_ours(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "storage.py").write_text("raise SystemExit('imported')")
    (tmp_path / "select.py").write_text("raise SystemExit('imported')")
    done = subprocess.run(
        [sys.executable, "-P", "-c", QUERY], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30
    )
    assert (done.stdout, done.stderr) == ("RAN\n4000\n", "")


@pytest.mark.parametrize(
    "end", ["", "raise SystemExit(3)", "1 / 0", "rows_of(gathered(ActingTable(action='bug')), 'processes')"]
)
def test_nothing_stays_behind_at_exit(end: str, environment: dict[str, str]) -> None:
    code = f"{QUERY}\nimport os\nfrom sqlengine.executor.pool import shared_pool\n"
    code += f"print(*[w.pid for w in shared_pool(2).workers], shared_pool(2)._server._process.pid, flush=True)\n{end}"
    with coordinator(code, environment) as process:
        output, _ = process.communicate(timeout=30)
        pids = [int(word) for word in output.split()[2:]]
        assert len(pids) == 3
        assert eventually(lambda: not any(map(alive, pids)), 1)
        assert directories_of(process.pid) == []


def test_workers_die_with_a_killed_coordinator_and_the_next_start_cleans_up(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    code = f"""
from tests.executor.plans import *
rows_of(gathered(ActingTable(action="announce and stick", marker={str(tmp_path)!r})), "processes")
"""
    with coordinator(code, environment) as process:
        assert eventually(lambda: any(tmp_path.iterdir()), 20)
        pids = descendants(process.pid)
        assert len(pids) >= 3
        process.kill()
        assert eventually(lambda: not any(map(alive, pids)), 2)
        assert directories_of(process.pid) != []
        subprocess.run([sys.executable, "-c", QUERY], env=environment, capture_output=True, timeout=30, check=True)
        assert directories_of(process.pid) == []


@pytest.mark.parametrize("action", ["announce and stick", "announce"])
def test_interrupt_is_prompt_and_leaves_the_pool_usable(
    action: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    code = f"""
import time
from tests.executor.plans import *
print(len(rows_of(shuffled(ActingTable()), "processes")))
try:
    rows_of(gathered(ActingTable(tasks=5000, rows=40_000, action={action!r}, marker={str(tmp_path)!r})), "processes")
except KeyboardInterrupt:
    print("interrupted", time.monotonic(), flush=True)
print(len(rows_of(shuffled(ActingTable()), "processes")), flush=True)
"""
    with coordinator(code, environment) as process:
        assert eventually(lambda: any(tmp_path.iterdir()), 20)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
        first, interrupted, second = output.splitlines()
        assert (first, second, errors) == ("4000", "4000", "")
        assert float(interrupted.split()[1]) - sent < 0.5
        assert directories_of(process.pid) == []


@pytest.mark.parametrize("scheduler", ["inline", "threads"])
def test_interrupt_without_processes(scheduler: str, tmp_path: Path, environment: dict[str, str]) -> None:
    code = f"""
import time
from tests.executor.plans import *
try:
    rows_of(gathered(ActingTable(tasks=5000, rows=40_000, action="announce", marker={str(tmp_path)!r})), {scheduler!r})
except KeyboardInterrupt:
    print("interrupted", time.monotonic(), flush=True)
print(len(rows_of(shuffled(ActingTable()), {scheduler!r})), flush=True)
"""
    with coordinator(code, environment) as process:
        assert eventually(lambda: any(tmp_path.iterdir()), 20)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
        interrupted, after = output.splitlines()
        assert (after, errors) == ("4000", "")
        assert float(interrupted.split()[1]) - sent < 0.5


def test_forked_child_uses_a_pool_of_its_own(environment: dict[str, str]) -> None:
    code = """
import os, sys
from tests.executor.plans import *
from sqlengine.executor.pool import close_pools, shared_pool
print(len(rows_of(shuffled(ActingTable()), "processes")), flush=True)
parent = {worker.pid for worker in shared_pool(2).workers}
child = os.fork()
if child == 0:
    count = len(rows_of(shuffled(ActingTable()), "processes"))
    own = {worker.pid for worker in shared_pool(2).workers}
    print(count, not parent & own, flush=True)
    close_pools()
    os._exit(0)
os.waitpid(child, 0)
assert {worker.pid for worker in shared_pool(2).workers} == parent
print(len(rows_of(shuffled(ActingTable()), "processes")), flush=True)
"""
    with coordinator(code, environment) as process:
        output, errors = process.communicate(timeout=30)
        assert (output.split("\n"), errors) == (["4000", "4000 True", "4000", ""], "")


def test_orphaned_child_does_not_keep_the_workers_of_a_killed_parent(environment: dict[str, str]) -> None:
    code = """
import os, time
from tests.executor.plans import *
rows_of(shuffled(ActingTable()), "processes")
if os.fork() == 0:
    time.sleep(20)
    os._exit(0)
print("forked", flush=True)
time.sleep(20)
"""
    with coordinator(code, environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "forked\n"
        workers = {
            pid for pid in descendants(process.pid) if b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()
        }
        others = descendants(process.pid) - workers
        assert len(workers) == 3
        process.kill()
        try:
            assert eventually(lambda: not any(map(alive, workers)), 3)
        finally:
            for pid in others:
                os.kill(pid, signal.SIGKILL)


def test_query_from_a_thread_that_ends_leaves_the_pool_alive(environment: dict[str, str]) -> None:
    # PR_SET_PDEATHSIG fires when the *thread* that forked ends; the pool must outlive it.
    code = """
import threading
from tests.executor.plans import *
from sqlengine.executor.pool import shared_pool
def run():
    print(len(rows_of(shuffled(ActingTable()), "processes")), flush=True)
pids = []
for _ in range(2):
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    pids.append([worker.pid for worker in shared_pool(2).workers])
print(pids[0] == pids[1], flush=True)
threads = [threading.Thread(target=run) for _ in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
"""
    with coordinator(code, environment) as process:
        output, errors = process.communicate(timeout=30)
        assert (output.split(), errors) == (["4000", "4000", "True", "4000", "4000", "4000", "4000"], "")
