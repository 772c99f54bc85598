"""What lies in local folders.

Links to files count as files. Links to folders are followed where a pattern names them or matches them with `*`, but
not at any depth (`**`, or all of a folder), as in DuckDB: those may lead in circles.
"""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Sequence

from sqlengine.errors import Error, NotSupportedError, OperationalError, nearest
from sqlengine.storage.files.access import FileAccess, FileInfo, current_access
from sqlengine.storage.files.walk import Entry, is_hidden


def regular_file(path: str, status: os.stat_result) -> FileInfo:
    """The file at `path`, whose `status` is given.

    Raises
    ------
    NotSupportedError
        If it is a pipe, a socket or a device: they have no size, and cannot be read at any place, nor twice.
    """
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise no_file(path, "a pipe, a socket or a device")
    return _info(path, status)


def _info(path: str, status: os.stat_result) -> FileInfo:
    # Programs set the time of change as they like, but not that of the last change of any kind.
    return FileInfo(path, status.st_size, status.st_mtime_ns, str(status.st_ctime_ns))


def file_at(path: str) -> FileInfo | None:
    """The file at `path`; None if there is no regular one, or none that may be seen."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return _info(path, status) if stat.S_ISREG(status.st_mode) else None


def no_file(path: str, what: str) -> Error:
    """The error for what looks like a file but cannot be read like one."""
    return NotSupportedError(f"{path!r} is {what}, which cannot be read as a table; write what it gives to a file")


def entries_of(folder: str) -> list[Entry]:
    """What lies in a folder; nothing if it is none.

    Raises
    ------
    OperationalError
        If it is not within the allowed paths (nothing is told of what it holds), or may not be listed.
    """
    access = current_access()
    if access.roots is not None:
        access.check(folder)
    try:
        with os.scandir(folder) as entries:
            return [_entry(entry) for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise OperationalError(f"the folder {folder!r} cannot be listed: {error.strerror or error}") from error


def _entry(entry: os.DirEntry[str]) -> Entry:
    if entry.is_dir():
        return Entry(entry.name, None, entry.is_symlink())
    return Entry(entry.name, functools.partial(file_at, entry.path))


def suggestion(path: str, access: FileAccess) -> str:
    """What is near a path that does not exist: `' Did you mean …?'` or what the folder holds; '' outside the roots."""
    missing = os.path.basename(path)
    folder = os.path.dirname(path)
    while folder and not os.path.isdir(folder):
        missing, folder = os.path.basename(folder), os.path.dirname(folder)
    if not access.allows(folder):
        return ""
    try:
        names = sorted(name for name in os.listdir(folder) if not is_hidden(name))
    except OSError:
        return ""
    close = nearest(missing, names)
    if close:
        return f" Did you mean {', '.join(repr(os.path.join(folder, name)) for name in close)}?"
    if not names:
        return f" The folder {folder!r} is empty."
    return f" The folder {folder!r} holds {_some(names)}."


def _some(names: Sequence[str], limit: int = 5) -> str:
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
