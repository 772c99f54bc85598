"""Folders that belong to a running process: it holds a lock on them, which the kernel drops however the process ends.

So a folder that can be locked belongs to nobody and may be removed. (Process ids would do the same until two containers
share the folders but not the numbers.) Where there are no such locks (Windows) no folder counts as abandoned.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path


def create_locked(root: Path, new_name: Callable[[], str], prepare: Callable[[], None]) -> tuple[Path, int]:
    """A new folder in `root` and the descriptor that holds its lock.

    Parameters
    ----------
    new_name
        Gives the folder's name, another one each time.
    prepare
        Called when `root` turns out to be missing, before the next attempt.
    """
    while True:
        path = root / new_name()
        # Another process may remove the folder, or the empty root, before the lock is ours.
        try:
            path.mkdir(mode=0o700)
            lock = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        except FileNotFoundError:
            prepare()
            continue
        _lock(lock, wait=True)
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(lock).st_ino:
                return path, lock
        os.close(lock)


@contextlib.contextmanager
def abandoned(path: Path) -> Iterator[bool]:
    """Whether the folder `path` belongs to nobody; if so it is locked while the caller clears it away."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except (OSError, AttributeError):
        yield False
        return
    try:
        yield _lock(lock, wait=False)
    finally:
        os.close(lock)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Inside, whoever else locks the folder `path` this way waits: another process, or another thread."""
    lock = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        _lock(lock, wait=True)
        yield
    finally:
        os.close(lock)


def _lock(descriptor: int, wait: bool) -> bool:
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True
