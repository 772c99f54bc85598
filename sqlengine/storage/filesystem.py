"""The one layer through which every file is listed and opened.

Formats ask here for bytes and never call `open` themselves, so that allowed roots, remote file systems and
caps on declared sizes have a single place to be enforced. The rest of it is in the room `files`.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sqlengine.errors import Error, FileFormatError, FileMissingError, NotSupportedError, OperationalError, nearest
from sqlengine.storage.files.access import FileInfo, current_access, is_url, local_path
from sqlengine.storage.files.compression import COMPRESSIONS, compression_of, decompressed, file_name
from sqlengine.storage.files.parallel import in_parallel

if TYPE_CHECKING:
    from pyarrow import NativeFile

__all__ = [
    "COMPRESSIONS",
    "Bytes",
    "FileInfo",
    "check_allowed",
    "compression_of",
    "fetch_files",
    "file_bytes",
    "file_errors",
    "file_info",
    "file_name",
    "in_parallel",
    "is_folder",
    "is_url",
    "list_files",
    "open_input",
    "open_stream",
    "prefetch",
]

# The bytes of a file: `len`, slices that are arrays, single bytes.
Bytes = NDArray[np.uint8]


def is_folder(path: str) -> bool:
    """Whether `path` is an existing local folder."""
    return not is_url(path) and os.path.isdir(os.path.expanduser(path))


def check_allowed(path: str) -> str:
    """The real path (links resolved) of a file to be read or written, which need not exist; a URL as it is.

    Raises
    ------
    OperationalError
        If it is not within the allowed paths.
    """
    return current_access().check(path if is_url(path) else local_path(path))


def list_files(source: str) -> list[FileInfo]:
    """The files that `source` names, sorted by path.

    Parameters
    ----------
    source
        A file, a folder (taken with everything below it), or a pattern with `*`, `?`, `[...]` and `**`.
        Relative to the working directory; `~` is expanded. In folders and patterns, names that start with
        `.` or `_` are skipped: they are metadata and unfinished writes. Or a URL that fsspec knows, `s3://…`;
        web servers do not list, so one behind https:// names one file.

    Raises
    ------
    FileMissingError
        If there is no such file, or none matches; names what is there instead.
    OperationalError
        If it is not within the allowed paths, or its server cannot be reached.
    NotSupportedError
        If the protocol of a URL needs a package that is missing.
    """
    access = current_access()
    if is_url(source):
        from sqlengine.storage.files.remote import list_remote

        access.check(_fixed_part(source))
        return [_allowed(file) for file in list_remote(source, lambda name: any(map(_is_hidden, name.split("/"))))]
    path = local_path(source)
    access.check(path if os.path.exists(path) else _fixed_part(path))
    if os.path.isdir(path):
        files = sorted(_walk(path), key=lambda file: file.path)
        if not files:
            raise FileMissingError(f"the folder {source!r} holds no data files")
        return [_allowed(file) for file in files]
    if os.path.exists(path):
        return [_allowed(file_info(path))]
    if not glob.has_magic(path):
        raise FileMissingError(f"there is no file {source!r}.{_suggestion(path)}")
    matches = glob.glob(path, recursive=True)
    root = path[: re.search(r"[*?\[]", path).start()]  # type: ignore[union-attr]
    files = [file_info(match) for match in matches if os.path.isfile(match) and not _is_skipped(match, root)]
    if not files:
        hint = ""
        if any(os.path.isdir(match) for match in matches):
            hint = f" It matches folders; {os.path.join(source, '**')!r} names the files within them."
        raise FileMissingError(f"no file matches {source!r}.{hint or _suggestion(root)}")
    return [_allowed(file) for file in sorted(files, key=lambda file: file.path)]


def file_info(path: str) -> FileInfo:
    """Size and time of last change of one file, now; FileMissingError if it is gone.

    A remote file is taken to be as it was when it was listed: whoever reads it finds out if it is not.
    """
    if is_url(path):
        from sqlengine.storage.files.remote import remote_info

        return remote_info(current_access().check(path))
    with file_errors(path):
        status = os.stat(current_access().check(path))
    return FileInfo(path, status.st_size, status.st_mtime_ns)


def open_input(path: str, mapped: bool = True) -> NativeFile:
    """One file for random access; a local one is memory-mapped, or with `mapped` off read into memory of its own.

    A mapped file that somebody shortens while it is read ends the process; one that is read is an error.

    Raises
    ------
    FileMissingError, OperationalError
        If it is gone, may not be read, or is not within the allowed paths.
    """
    real = current_access().check(path)
    if is_url(path):
        from sqlengine.storage.files.remote import open_remote

        return open_remote(path)
    with file_errors(path):
        # An empty file cannot be mapped.
        return pa.memory_map(real) if mapped and os.stat(real).st_size else pa.OSFile(real)


def open_stream(path: str) -> NativeFile:
    """One file for reading from front to back, decompressed as `compression_of` says."""
    codec = compression_of(path)
    file = open_input(path)
    return file if codec is None else decompressed(file, codec, path)


def file_bytes(path: str) -> Bytes:
    """The bytes of a file as it lies there, compressed or not: mapped if it is local.

    A remote file looks the same; each slice is fetched when it is taken, and a slice of 8 MiB or more is not kept.
    """
    source = open_input(path)
    if is_url(path):
        from sqlengine.storage.files.remote_file import RemoteBytes

        return RemoteBytes(source.raw)  # type: ignore[return-value]
    return np.frombuffer(source.read_buffer(source.size()), np.uint8)


def fetch_files(paths: Sequence[str]) -> None:
    """Fetch small remote files that will be read next, at the same time; nothing for local ones."""
    urls = [path for path in paths if is_url(path)]
    if len(urls) > 1:
        from sqlengine.storage.files.remote import fetch_files as fetch

        fetch([current_access().check(url) for url in urls])


def prefetch(source: NativeFile, ranges: Callable[[], Sequence[tuple[int, int]]]) -> None:
    """Fetch the byte ranges of a remote file that will be read next, at the same time; nothing for a local one."""
    raw = getattr(source, "raw", None)
    if raw is not None:
        raw.prefetch(ranges())


@contextlib.contextmanager
def file_errors(path: str, what: str = "") -> Iterator[None]:
    """Turn what Python and Arrow raise while `path` is read into this package's errors.

    `what` is what the file was taken for ("Parquet"); with it, unreadable content is a FileFormatError.
    """
    try:
        yield
    except Error:
        raise
    except FileNotFoundError as error:
        raise FileMissingError(f"there is no file {path!r}; it may have been removed since it was listed") from error
    except PermissionError as error:
        raise OperationalError(f"{path!r} may not be read: {error.strerror or error}") from error
    except pa.ArrowNotImplementedError as error:
        raise NotSupportedError(f"{path!r}: {_first_line(error)}") from error
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
        if not what:
            raise OperationalError(f"{path!r} cannot be read: {_first_line(error)}") from error
        raise FileFormatError(f"{path!r} is not a readable {what} file: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _allowed(file: FileInfo) -> FileInfo:
    current_access().check(file.path)
    return file


def _fixed_part(source: str) -> str:
    """The folder that a pattern starts in, or all of a path without pattern."""
    if is_url(source):
        source = source.partition("?")[0]
    match = re.search(r"[*?\[]", source)
    if match is None:
        return source
    if current_access().roots is not None and ".." in source[match.start() :].split("/"):
        raise NotSupportedError(f"{source!r}: '..' behind a pattern cannot be followed")
    return os.path.dirname(source[: match.start()]) or source


def _walk(folder: str) -> Iterator[FileInfo]:
    with file_errors(folder), os.scandir(folder) as entries:
        for entry in entries:
            if _is_hidden(entry.name):
                continue
            if entry.is_dir():
                yield from _walk(entry.path)
            elif entry.is_file():
                status = entry.stat()
                yield FileInfo(entry.path, status.st_size, status.st_mtime_ns)


def _is_hidden(name: str) -> bool:
    # `_year=2024` is a partition folder, not metadata.
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def _is_skipped(match: str, root: str) -> bool:
    """Whether a pattern reached a hidden name that its fixed part did not spell out."""
    return any(_is_hidden(part) for part in match[root.rfind(os.sep) + 1 :].split(os.sep)) and not _is_hidden(
        os.path.basename(root)
    )


def _suggestion(path: str) -> str:
    """What is near a path that does not exist: `' Did you mean …?'` or what the folder holds."""
    missing = os.path.basename(path)
    folder = os.path.dirname(path)
    while folder and not os.path.isdir(folder):
        missing, folder = os.path.basename(folder), os.path.dirname(folder)
    try:
        names = sorted(name for name in os.listdir(folder) if not _is_hidden(name))
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
