"""Folders of one process in memory that other processes can map, and how much memory there is.

Below `sqlengine-<uid>` each process that needs one has a folder of its own and holds a lock on it
(`storage.locked_folders`); one that belongs to nobody is removed by whoever comes next.
"""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import shutil
import stat
import sys
from pathlib import Path

from sqlengine.errors import OperationalError
from sqlengine.storage.locked_folders import abandoned, create_locked

SHARED_MEMORY = Path("/dev/shm")
#: Bytes that a directory must have to spare after something is written there, or the next one is taken.
HEADROOM = 64 << 20

_CGROUP = Path("/sys/fs/cgroup")


def new_private_folder(place: Path) -> tuple[Path, int]:
    """A folder of this process in `place`, after clearing away those of dead ones; and the descriptor of its lock.

    Raises
    ------
    OperationalError
        If others can open the folder it would lie in.
    """
    root = place / f"sqlengine-{os.getuid()}"
    _make_private(root)
    remove_abandoned(root)
    return create_locked(root, _new_name, functools.partial(_make_private, root))


def remove_private_folder(path: Path) -> None:
    """Remove a folder made by `new_private_folder`, with all it holds."""
    shutil.rmtree(path, ignore_errors=True)
    # The root goes when the last coordinator does.
    with contextlib.suppress(OSError):
        path.parent.rmdir()


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
