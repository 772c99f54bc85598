"""A single call in a worker process, outside of any query: for what may crash."""

from __future__ import annotations

import pickle
from multiprocessing.connection import wait
from typing import Any

from sqlengine.errors import WorkerError
from sqlengine.executor.failure import unpack
from sqlengine.executor.pool import Worker, WorkerPool, shared_pool
from sqlengine.executor.worker import Call, Returned
from sqlengine.storage.files.isolation import Look

#: Workers that a call may end until it is given up.
ATTEMPTS = 2


def call_in_worker(workers: int, call: Look) -> Any:
    """What `call` returns in one of the pool's `workers` processes.

    Raises
    ------
    WorkerError
        If its process died, and so did the next one's.
    Error
        What the call raised.
    """
    pool = shared_pool(workers)
    request = Call(pickle.dumps(call))
    death = ""
    with pool.lease(_go_on):
        for _ in range(ATTEMPTS):
            pool.fill(_go_on)
            worker = _idle(pool)
            try:
                worker.send(request)
                returned = worker.receive()
            except (EOFError, OSError):
                pool.bury(worker)
                death = worker.death
            except BaseException:
                # Interrupted: whatever it still says, nobody listens any more.
                pool.discard(worker)
                raise
            else:
                assert isinstance(returned, Returned)
                if returned.error is not None:
                    raise unpack(returned.error)
                return pickle.loads(returned.value)
    raise WorkerError(
        f"reading {call.what} crashed {ATTEMPTS} worker processes, the last one {death};"
        " the file may be damaged, or made to do harm"
    )


def _idle(pool: WorkerPool) -> Worker:
    """A worker that has nothing to do: always the first one if it can be, for it knows what was looked at before."""
    while True:
        idle = [worker for worker in pool.workers if not worker.busy]
        if idle:
            return min(idle, key=lambda worker: worker.name)
        # Tasks of a query that has ended are about to stop.
        busy = {worker.connection: worker for worker in pool.workers}
        for connection in wait(list(busy)):
            worker = busy[connection]  # type: ignore[index]
            try:
                worker.receive()
            except (EOFError, OSError):
                pool.bury(worker)
                pool.fill(_go_on)


def _go_on() -> None:
    """Nothing stops a look but an interrupt."""
