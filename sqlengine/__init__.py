"""SQL over folders of files, planned and run in parallel.

>>> import sqlengine
>>> sqlengine.query("SELECT 6 * 7 AS answer")
   answer
0      42

The life of one query, step by step (each name is a function of this package; a test checks that they exist):

1. `dbapi.query` opens a session and hands it the SQL text.
2. `planner.parse.parse_statements` makes syntax trees (sqlglot), with places for carets.
3. `planner.binder.bind_statement` resolves names, types and functions into a logical plan, and refuses
   whatever it did not understand.
4. `planner.optimizer.optimize` applies the rewrite rules.
5. `planner.parallelize.parallelize` decides partitioning and cuts the plan into stages and tasks.
6. `executor.execute.choose_scheduler` picks inline, threads or processes.
7. `executor.driver.Driver.run` feeds ready tasks to the scheduler's workers.
8. `executor.task.run_task` runs one task: splits or exchanged pieces in, pieces out.
9. `executor.operators.run.run_pipeline` chains the operators of the task's stage.
10. `result.Result.from_batches` collects the last stage's batches into the answer.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from sqlengine.errors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,  # noqa: A004 - the name PEP 249 demands
)

if TYPE_CHECKING:
    from sqlengine.dbapi import (
        BINARY,
        DATETIME,
        NUMBER,
        ROWID,
        STRING,
        Binary,
        Connection,
        Cursor,
        Date,
        DateFromTicks,
        Time,
        TimeFromTicks,
        Timestamp,
        TimestampFromTicks,
        apilevel,
        connect,
        paramstyle,
        query,
        threadsafety,
    )

__version__ = "0.1.0"

__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
    "Binary",
    "Connection",
    "Cursor",
    "DataError",
    "DatabaseError",
    "Date",
    "DateFromTicks",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "Warning",
    "apilevel",
    "connect",
    "paramstyle",
    "query",
    "threadsafety",
]


def __getattr__(name: str) -> object:
    # pyarrow and everything above it load with the first use, so that importing the package stays cheap.
    if name in __all__:
        value: object = getattr(importlib.import_module("sqlengine.dbapi"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'sqlengine' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
