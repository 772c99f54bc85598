"""Directories for what processes exchange, and their removal: at the query's end, at exit, or by the next start.

Below `sqlengine-<uid>`, in shared memory and in the directory for temporary files, each coordinator has a
directory of its own and holds a lock on it (`storage.locked_folders`); one that belongs to nobody is removed.
"""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlengine.errors import OperationalError
from sqlengine.storage.locked_folders import abandoned, create_locked

SHARED_MEMORY = Path("/dev/shm")
#: Bytes that a directory must have to spare after something is written there, or the next one is taken.
HEADROOM = 64 << 20

_CGROUP = Path("/sys/fs/cgroup")


class Workspace:
    """A coordinator's own directories, memory first; removed by `close`."""

    def __init__(self) -> None:
        self._locks: list[int] = []
        self._roots: list[Path] = []
        for place in _places():
            root = place / f"sqlengine-{os.getuid()}"
            _make_private(root)
            remove_abandoned(root)
            path, lock = create_locked(root, _new_name, functools.partial(_make_private, root))
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
            _remove(root)
            os.close(lock)
        self._roots, self._locks = [], []

    def forget(self) -> None:
        """In a forked child: leave the directories to the parent, whose lock must not live on here."""
        for lock in self._locks:
            os.close(lock)
        self._roots, self._locks = [], []


def remove_abandoned(root: Path) -> None:
    """Remove the directories in `root` whose coordinator has ended."""
    try:
        paths = list(root.iterdir())
    except FileNotFoundError:
        return
    for path in paths:
        with abandoned(path) as free:
            if free:
                shutil.rmtree(path, ignore_errors=True)


def free_bytes(directory: Path) -> int:
    """Bytes that may still be written into `directory`: what its file system, and if it is memory, memory has left.

    Of available memory one half is left to those who compute.
    """
    status = os.statvfs(directory)
    free = status.f_bavail * status.f_frsize
    return min(free, available_memory() // 2) if directory.is_relative_to(SHARED_MEMORY) else free


def available_memory() -> int:
    """Bytes of memory that can be had without swapping (Linux; elsewhere no limit is known).

    In a container with a limit of its own (cgroup v2), what is left of that, cached files aside.
    """
    available = sys.maxsize
    with contextlib.suppress(OSError):
        available = _fields("/proc/meminfo").get("MemAvailable:", sys.maxsize >> 10) << 10
    with contextlib.suppress(OSError, ValueError):
        limit = int((_CGROUP / "memory.max").read_text())
        used = int((_CGROUP / "memory.current").read_text())
        cached = _fields(str(_CGROUP / "memory.stat")).get("inactive_file", 0)
        available = min(available, max(0, limit - used + cached))
    return available


def _fields(path: str) -> dict[str, int]:
    with open(path) as file:
        return {words[0]: int(words[1]) for line in file if len(words := line.split()) > 1}


def _places() -> list[Path]:
    temporary = Path(tempfile.gettempdir())
    return [SHARED_MEMORY, temporary] if os.access(SHARED_MEMORY, os.W_OK) else [temporary]


def _make_private(root: Path) -> None:
    with contextlib.suppress(FileExistsError):
        root.mkdir(mode=0o700)
    try:
        status = root.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise OperationalError(
            f"{root} must be a directory that only you can open, since query results pass through it;"
            " remove it or ask its owner to"
        )


def _new_name() -> str:
    return f"{os.getpid()}-{secrets.token_hex(4)}"


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    # The root goes when the last coordinator does.
    with contextlib.suppress(OSError):
        path.parent.rmdir()
