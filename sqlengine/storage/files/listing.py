"""Local files that a folder or a pattern names.

Links to files count as files. Links to folders are followed where a pattern names them or matches them with `*`, but
not at any depth (`**`, or all of a folder), as in DuckDB: those may lead in circles.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence

from sqlengine.errors import Error, NotSupportedError, nearest
from sqlengine.storage.files.access import FileAccess, FileInfo

_ANY_DEPTH = "**"


def is_hidden(name: str) -> bool:
    """Whether a name is that of metadata or of an unfinished write."""
    # `_year=2024` is a partition folder, not metadata.
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def regular_file(path: str, status: os.stat_result) -> FileInfo:
    """The file at `path`, whose `status` is given.

    Raises
    ------
    NotSupportedError
        If it is a pipe, a socket or a device: they have no size, and cannot be read at any place, nor twice.
    """
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise no_file(path, "a pipe, a socket or a device")
    return FileInfo(path, status.st_size, status.st_mtime_ns)


def file_at(path: str) -> FileInfo | None:
    """The file at `path`; None if there is no regular one, or none that may be seen."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return FileInfo(path, status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


def no_file(path: str, what: str) -> Error:
    """The error for what looks like a file but cannot be read like one."""
    return NotSupportedError(f"{path!r} is {what}, which cannot be read as a table; write what it gives to a file")


def walk(folder: str) -> Iterator[FileInfo]:
    """All files below `folder` that are not hidden. OSError if a folder cannot be listed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_hidden(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from walk(entry.path)
            elif entry.is_file():
                status = entry.stat()
                yield FileInfo(entry.path, status.st_size, status.st_mtime_ns)


def matching(pattern: str, access: FileAccess) -> list[str]:
    """The paths of the files and folders that an absolute `pattern` matches.

    Hidden names match only what begins as they do. A folder that may not be listed holds nothing.

    Raises
    ------
    OperationalError
        If a folder to list is not within the allowed paths; nothing is told of what it holds.
    """
    parts = pattern.split(os.sep)
    at = next((k for k, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    found = [os.sep.join(parts[:at]) or os.sep]
    for part, following in zip(parts[at:], [*parts[at + 1 :], None], strict=True):
        if part == _ANY_DEPTH:
            # One after another says nothing more.
            if following != _ANY_DEPTH:
                found = [path for folder in found for path in _below(folder, access, with_files=following is None)]
        elif glob.has_magic(part):
            is_match = _matcher(part)
            found = [entry.path for folder in found for entry in _entries(folder, access) if is_match(entry.name)]
        else:
            found = [path for folder in found if os.path.lexists(path := os.path.join(folder, part))]
    return found


def _matcher(part: str) -> Callable[[str], bool]:
    match = re.compile(fnmatch.translate(part)).match
    return lambda name: match(name) is not None and (not is_hidden(name) or part[0] == name[0])


def _below(folder: str, access: FileAccess, with_files: bool) -> Iterator[str]:
    """`folder` and all folders below it, and perhaps their files."""
    yield folder
    for entry in _entries(folder, access):
        if is_hidden(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path, access, with_files)
        elif with_files:
            yield entry.path


def _entries(folder: str, access: FileAccess) -> list[os.DirEntry[str]]:
    if access.roots is not None:
        access.check(folder)
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        # No folder, or one that may not be listed.
        return []


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
