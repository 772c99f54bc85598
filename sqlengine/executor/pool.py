"""The pool of worker processes: started when first needed, shared by all connections, closed at exit."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection

from sqlengine.errors import InterfaceError, WorkerError
from sqlengine.executor.forkserver import ForkServer
from sqlengine.executor.worker import Call, CloseQuery, OpenQuery, Reply, Request, Returned, RunTask
from sqlengine.executor.workspace import Workspace

#: Starts of the server that are tried before giving up.
ATTEMPTS = 3


@dataclass(eq=False, slots=True)
class Worker:
    """One worker process as the coordinator sees it.

    `busy`: it owes a reply. `query` is the one it has open. `in_transit`: a message is being sent or received; if an
    exception leaves it so, nothing on the connection can be trusted. `death` says how it died.
    """

    name: str
    pid: int
    connection: Connection
    busy: bool = False
    query: str | None = None
    in_transit: bool = False
    death: str = "for an unknown reason"

    @property
    def alive(self) -> bool:
        """Whether it is not known to be dead."""
        return not self.connection.closed

    def send(self, request: Request) -> None:
        """Send a request. OSError if the worker is dead."""
        self.in_transit = True
        self.connection.send(request)
        self.busy = self.busy or isinstance(request, RunTask | Call)
        match request:
            case OpenQuery(query=query):
                self.query = query
            case CloseQuery():
                self.query = None
        self.in_transit = False

    def receive(self) -> Reply | Returned:
        """The worker's reply, which must be there. EOFError or OSError if it is dead."""
        self.in_transit = True
        reply: Reply | Returned = self.connection.recv()
        self.busy = False
        self.in_transit = False
        return reply


class WorkerPool:
    """A fixed number of worker processes, some of which may have died and wait to be replaced.

    One query at a time leases it; a lease waits for the one before.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._lease = threading.Lock()
        self._tenant: int | None = None
        self._server: ForkServer | None = None
        self._workspace: Workspace | None = None
        self._workers: dict[str, Worker] = {}

    @property
    def workspace(self) -> Workspace:
        """The directories through which the workers exchange rows."""
        if self._workspace is None:
            self._workspace = Workspace()
        return self._workspace

    @property
    def workers(self) -> list[Worker]:
        """The workers believed to live."""
        return list(self._workers.values())

    @contextlib.contextmanager
    def lease(self, check: Callable[[], None]) -> Iterator[None]:
        """Have the pool to oneself, filled with workers; `check` is called while waiting and may raise.

        Raises
        ------
        InterfaceError
            This thread has the pool already: a progress callback ran a query.
        """
        if self._tenant == threading.get_ident():
            raise InterfaceError("a query cannot be run from within another one's progress callback")
        while not self._lease.acquire(timeout=0.05):
            check()
        try:
            self._tenant = threading.get_ident()
            self.fill(check)
            yield
        finally:
            self._tenant = None
            self._lease.release()

    def warm(self) -> None:
        """Begin to start the server without waiting for it, if nobody uses the pool."""
        if self._server is None and self._lease.acquire(blocking=False):
            try:
                self._server = self._server or ForkServer()
            finally:
                self._lease.release()

    def fill(self, check: Callable[[], None]) -> None:
        """Replace workers that are missing.

        Raises
        ------
        WorkerError
            They cannot be started.
        """
        for _ in range(ATTEMPTS):
            names = [name for k in range(self.size) if (name := f"process-{k}") not in self._workers]
            if not names:
                return
            complete = False
            try:
                if self._server is None:
                    self._server = ForkServer()
                self._server.wait_ready(check)
                for name, (pid, connection) in zip(names, self._server.fork(len(names)), strict=True):
                    self._workers[name] = Worker(name, pid, connection)
                complete = True
            except (EOFError, OSError):
                continue
            finally:
                if not complete:
                    # Interrupted half-way or dead: a server in an unknown state is of no use.
                    self.stop()
        raise WorkerError("worker processes end as soon as they start; the setting scheduler = 'threads' needs none")

    def discard(self, worker: Worker) -> None:
        """Kill a worker and forget it."""
        self._workers.pop(worker.name, None)
        worker.connection.close()
        if self._server is not None:
            self._server.kill(worker.pid)

    def bury(self, worker: Worker) -> None:
        """Forget a worker that is found dead, and find out how it died."""
        self._workers.pop(worker.name, None)
        worker.connection.close()
        if self._server is not None:
            worker.death = self._server.death_of(worker.pid)

    def stop(self) -> None:
        """End all workers and their server; the next lease starts new ones."""
        server, self._server = self._server, None
        workers, self._workers = self._workers, {}
        for worker in workers.values():
            worker.connection.close()
        if server is not None:
            server.close()

    def close(self) -> None:
        """Stop, and remove the directories."""
        self.stop()
        workspace, self._workspace = self._workspace, None
        if workspace is not None:
            workspace.close()

    def forget(self) -> None:
        """In a forked child: let go of everything, it is the parent's."""
        for worker in self._workers.values():
            worker.connection.close()
        if self._server is not None:
            self._server.forget()
        if self._workspace is not None:
            self._workspace.forget()


_pools: dict[int, WorkerPool] = {}
_pools_lock = threading.Lock()


def shared_pool(size: int) -> WorkerPool:
    """The pool of `size` workers of this process, made if there is none yet."""
    with _pools_lock:
        pool = _pools.get(size)
        if pool is None:
            pool = _pools[size] = WorkerPool(size)
        return pool


def close_pools() -> None:
    """Close all pools of this process; they may be used again."""
    for pool in list(_pools.values()):
        pool.close()


def pool_memory() -> dict[str, int]:
    """Peak resident bytes of each worker process by its name, where the system tells (Linux)."""
    peaks: dict[str, int] = {}
    for pool in list(_pools.values()):
        for worker in pool.workers:
            with contextlib.suppress(OSError), open(f"/proc/{worker.pid}/status") as status:
                for line in status:
                    if line.startswith("VmHWM:"):
                        peaks[worker.name] = int(line.split()[1]) * 1024
    return peaks


def _after_fork_in_child() -> None:
    global _pools_lock
    _pools_lock = threading.Lock()
    for pool in _pools.values():
        pool.forget()
    _pools.clear()


atexit.register(close_pools)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
