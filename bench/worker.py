"""The process of one engine: `python -m bench.worker MODULE FOLDER CORES`; a query's name a line in, JSON a line out.

The answer's path follows the name when the answer is to be kept: `Q1 /tmp/answer.arrow`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

# Whatever an engine does its threading with, it is told the number of cores before it is imported.
_THREAD_VARIABLES = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def main(module: str, folder: str, cores: int) -> None:
    """Open the engine, then answer until stdin ends."""
    # Engines may print; the answers go their own way.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(cores)))
    from bench.engines import NoQuery, open_engine

    engine = open_engine(module, Path(folder), cores)
    _reply(replies, {"ready": True})
    for line in sys.stdin:
        query, _, path = line.strip().partition(" ")
        started = time.perf_counter()
        try:
            answer = engine.run(query)
            seconds = time.perf_counter() - started
            if path:
                _keep(answer, path)
            _reply(replies, {"seconds": seconds, "rows": answer.num_rows})
        except NoQuery:
            _reply(replies, {"missing": query})
        except Exception as error:
            _reply(replies, {"error": f"{type(error).__name__}: {error}"})
    engine.close()


def _keep(answer: Any, path: str) -> None:
    import pyarrow as pa

    with pa.ipc.new_file(path, answer.schema) as writer:
        writer.write_table(answer)


def _reply(stream: Any, reply: dict[str, Any]) -> None:
    stream.write(json.dumps(reply) + "\n")
    stream.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
