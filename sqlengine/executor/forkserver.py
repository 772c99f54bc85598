"""Where worker processes come from: one small server process with everything loaded, which forks them.

Why not `multiprocessing`: its children import the user's main module again, which runs scripts that have no
`if __name__ == "__main__"` twice and cannot work for `python -c`, notebooks and standard input; and its fork
server is one for the whole process, with the user's own preloads. Ours knows nothing of `__main__`.

No process is left behind: the server ends when its socket to the coordinator closes or its parent changes, and
workers die with the server (PR_SET_PDEATHSIG on Linux) or when their own socket closes.

On the socket, coordinator to server: `F` + descriptor of the worker's socket (fork), `K` + pid (kill). Server to
coordinator: `R` (ready), `P` + pid (forked), `X` + pid + wait status (ended).
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Final, NoReturn

from sqlengine.errors import WorkerError

_REQUEST: Final = struct.Struct("<cI")
_REPLY: Final = struct.Struct("<cII")

#: Loaded before the first fork, so that workers share the memory and need no time for it.
_PRELOADED: Final = (
    "pyarrow",
    "pyarrow.compute",
    "pyarrow.parquet",
    "sqlengine.storage.formats",
    "sqlengine.executor.operators.run",
    "sqlengine.executor.worker",
)

# Large arrays come and go with every batch: what glibc gets from the kernel it keeps, instead of faulting the pages
# in again. One thread a worker: the parallelism is in the processes.
_ENVIRONMENT: Final = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def can_fork() -> bool:
    """Whether this process can start a server: not on Windows, nor where Python is part of another program."""
    return hasattr(os, "fork") and bool(sys.executable) and not getattr(sys, "frozen", False)


class ForkServer:
    """The coordinator's side: starts the server and asks it for workers. Not thread-safe."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        self._ready = False
        self._ended: dict[int, int] = {}
        with theirs:
            fd = theirs.fileno()
            # The path is the user's; -P keeps the current directory from shadowing modules before it is set.
            code = (
                f"import sys; sys.path[:] = {import_path()!r}\n"
                f"from sqlengine.executor.forkserver import serve; serve({fd}, {os.getpid()})"
            )
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", code],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=(fd,),
                    env={**os.environ, **_ENVIRONMENT},
                    # A group of its own: Ctrl-C at the terminal is for the coordinator alone.
                    process_group=0,
                )
            except OSError as error:
                self._control.close()
                raise _start_error(f"{sys.executable!r} cannot be run: {error}") from error

    def wait_ready(self, check: Callable[[], None]) -> None:
        """Return when the server can fork, at once if it has said so; `check` is called meanwhile and may raise.

        Raises
        ------
        WorkerError
            The server ended instead; what it wrote to stderr says why.
        """
        if self._ready:
            return
        while not select.select([self._control], [], [], 0.05)[0]:
            check()
        try:
            self._receive(b"R")
        except EOFError:
            raise _start_error(f"their server ended with status {self._process.wait()}, see stderr") from None
        self._ready = True

    def fork(self, count: int) -> list[tuple[int, Connection]]:
        """Fork that many workers: the process id of each and the connection to it.

        Raises
        ------
        EOFError, OSError
            The server is gone.
        """
        connections = []
        for _ in range(count):
            ours, theirs = socket.socketpair()
            with theirs:
                connections.append(Connection(ours.detach()))
                socket.send_fds(self._control, [_REQUEST.pack(b"F", 0)], [theirs.fileno()])
        return [(self._receive(b"P")[0], connection) for connection in connections]

    def kill(self, pid: int) -> None:
        """Kill a worker, if it still lives."""
        with contextlib.suppress(OSError):
            self._control.send(_REQUEST.pack(b"K", pid))

    def death_of(self, pid: int) -> str:
        """How a worker that is known to have ended did so: `killed by SIGKILL`, `exit status 3`."""
        deadline = time.monotonic() + 0.2
        while pid not in self._ended and select.select([self._control], [], [], deadline - time.monotonic())[0]:
            try:
                self._receive(b"X")
            except (EOFError, OSError):
                break
        status = self._ended.pop(pid, None)
        if status is None:
            return "for an unknown reason"
        if os.WIFSIGNALED(status):
            return f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
        return f"with exit status {os.waitstatus_to_exitcode(status)}"

    def close(self) -> None:
        """End the server and with it all workers."""
        self._control.close()
        if not self._ready:
            # Still loading, it would not notice.
            self._process.kill()
        try:
            self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        """In a forked child: let go of the parent's server. Its socket must not stay open here."""
        self._control.close()
        self._process.returncode = 0

    def _receive(self, kind: bytes) -> tuple[int, int]:
        while True:
            data = b""
            while len(data) < _REPLY.size:
                part = self._control.recv(_REPLY.size - len(data))
                if not part:
                    raise EOFError("the server of the worker processes is gone")
                data += part
            received, pid, status = _REPLY.unpack(data)
            if received == b"X":
                self._ended[pid] = status
            if received == kind:
                return pid, status


def import_path() -> tuple[str, ...]:
    """Where this process imports from, for another one: absolute."""
    return tuple(os.path.abspath(entry) for entry in sys.path if isinstance(entry, str))


def _start_error(reason: str) -> WorkerError:
    return WorkerError(f"worker processes cannot be started: {reason}. The setting scheduler = 'threads' needs none")


# -- the server's side ----------------------------------------------------------------------------


def serve(fd: int, coordinator: int) -> NoReturn:
    """Fork workers on request until the coordinator is gone; the main function of the server process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in _PRELOADED:
        importlib.import_module(name)
    from sqlengine.functions.registry import function_names
    from sqlengine.kernels import _jit

    function_names()
    _jit.preload()
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=fd)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    workers: set[int] = set()
    with contextlib.suppress(OSError):
        control.send(_REPLY.pack(b"R", 0, 0))
        # The parent is looked at as well: a fork of the coordinator may hold a copy of its socket open.
        while os.getppid() == coordinator:
            ready, _, _ = select.select([fd, wake_read], [], [], 1.0)
            if wake_read in ready:
                os.read(wake_read, 512)
                _reap(workers, control)
            if fd in ready and not _obey(control, workers, (wake_read, wake_write)):
                break
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    os._exit(0)


def _obey(control: socket.socket, workers: set[int], private: tuple[int, ...]) -> bool:
    """Carry out one request; False when there will be no more."""
    data, descriptors, _, _ = socket.recv_fds(control, _REQUEST.size, 1)
    if not data:
        return False
    kind, pid = _REQUEST.unpack(data)
    if kind == b"K":
        if pid in workers:
            os.kill(pid, signal.SIGKILL)
        return True
    (descriptor,) = descriptors
    child = os.fork()
    if child == 0:
        _become_worker(descriptor, (control.detach(), *private))
    os.close(descriptor)
    workers.add(child)
    control.send(_REPLY.pack(b"P", child, 0))
    return True


def _reap(workers: set[int], control: socket.socket) -> None:
    for pid in list(workers):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            workers.discard(pid)
            control.send(_REPLY.pack(b"X", pid, status))


def _become_worker(fd: int, inherited: tuple[int, ...]) -> NoReturn:
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        server = os.getppid()
        _die_with_parent()
        for each in inherited:
            os.close(each)
        if server != os.getppid():
            os._exit(1)
        from sqlengine.executor.worker import work

        work(Connection(fd))
        status = 0
    finally:
        os._exit(status)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
