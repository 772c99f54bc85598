"""How a plan travels to workers: pickled once, with big tables in memory replaced by files that workers map."""

from __future__ import annotations

import io
import os
import pickle
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from sqlengine.executor.workspace import Workspace
from sqlengine.planner.physical import Stage
from sqlengine.storage.memory import ArrowTable, MappedTable

T = TypeVar("T")

#: A table in memory of more bytes is not sent with every query but written once, where all workers can map it.
SHARED_TABLE_BYTES = 1 << 20

_shared: weakref.WeakKeyDictionary[ArrowTable, MappedTable] = weakref.WeakKeyDictionary()


def pickle_stages(stages: Sequence[Stage], workspace: Workspace) -> bytes:
    """`stages` for workers of the coordinator that owns `workspace`."""
    buffer = io.BytesIO()
    _StagePickler(buffer, workspace).dump(tuple(stages))
    return buffer.getvalue()


class _StagePickler(pickle.Pickler):
    def __init__(self, buffer: io.BytesIO, workspace: Workspace) -> None:
        super().__init__(buffer, protocol=pickle.HIGHEST_PROTOCOL)
        self._workspace = workspace

    def reducer_override(self, value: object) -> Any:
        if isinstance(value, ArrowTable) and value.size() > SHARED_TABLE_BYTES:
            return _same, (_share(value, self._workspace),)
        return NotImplemented


def _share(table: ArrowTable, workspace: Workspace) -> MappedTable:
    shared = _shared.get(table)
    if shared is None or not Path(shared.path).exists():
        shared = _shared[table] = table.shared(str(workspace.with_room(table.size())))
        # The file goes with the table, or earlier with the workspace. Workers that have mapped it keep their view.
        weakref.finalize(table, _remove, shared.path, os.getpid()).atexit = False
    return shared


def _remove(path: str, owner: int) -> None:
    if os.getpid() == owner:
        Path(path).unlink(missing_ok=True)


def _same(value: T) -> T:
    return value
