"""Directories for what processes exchange, and their removal: at the query's end, at exit, or by the next start.

Each coordinator has one in shared memory and one in the directory for temporary files (`storage.shared_memory`).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlengine.storage.shared_memory import (
    HEADROOM,
    SHARED_MEMORY,
    free_bytes,
    new_private_folder,
    remove_private_folder,
)


class Workspace:
    """A coordinator's own directories, memory first; removed by `close`."""

    def __init__(self) -> None:
        self._locks: list[int] = []
        self._roots: list[Path] = []
        for place in _places():
            path, lock = new_private_folder(place)
            self._roots.append(path)
            self._locks.append(lock)

    def with_room(self, size: int) -> Path:
        """The first directory that can take `size` bytes with some to spare, else the last one."""
        for root in self._roots[:-1]:
            if free_bytes(root) >= size + HEADROOM:
                return root
        return self._roots[-1]

    @contextlib.contextmanager
    def query_directories(self, name: str) -> Iterator[tuple[Path, ...]]:
        """Directories for one query, one in each place; removed with all they hold at the end.

        One query at a time: what an earlier one left, because its cleaning up was interrupted, goes now.
        """
        for root in self._roots:
            for entry in root.iterdir():
                if entry.is_dir():
                    shutil.rmtree(entry, ignore_errors=True)
        directories = tuple(root / name for root in self._roots)
        try:
            for directory in directories:
                directory.mkdir(mode=0o700)
            yield directories
        finally:
            for directory in directories:
                # Under another name first: a task that nobody waits for cannot put a file there meanwhile.
                with contextlib.suppress(OSError):
                    shutil.rmtree(directory.rename(directory.with_suffix(".ended")), ignore_errors=True)

    def close(self) -> None:
        """Remove everything."""
        for root, lock in zip(self._roots, self._locks, strict=True):
            remove_private_folder(root)
            os.close(lock)
        self._roots, self._locks = [], []

    def forget(self) -> None:
        """In a forked child: leave the directories to the parent, whose lock must not live on here."""
        for lock in self._locks:
            os.close(lock)
        self._roots, self._locks = [], []


def _places() -> list[Path]:
    temporary = Path(tempfile.gettempdir())
    return [SHARED_MEMORY, temporary] if os.access(SHARED_MEMORY, os.W_OK) else [temporary]
