"""The one layer through which every file is listed and opened.

Formats ask here for bytes and never call `open` themselves, so that allowed roots, remote file systems and
caps on declared sizes have a single place to be enforced. The rest of it is in the room `files`.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sqlengine.errors import Error, FileFormatError, FileMissingError, NotSupportedError, OperationalError
from sqlengine.storage.files.access import FileInfo, changed, current_access, is_url, local_path
from sqlengine.storage.files.compression import COMPRESSIONS, check_ratio, compression_of, decompressed, file_name
from sqlengine.storage.files.listing import entries_of, no_file, regular_file, suggestion
from sqlengine.storage.files.parallel import in_parallel
from sqlengine.storage.files.walk import ANY_DEPTH, Found, split_pattern, walk

if TYPE_CHECKING:
    from pyarrow import NativeFile

__all__ = [
    "COMPRESSIONS",
    "Bytes",
    "FileInfo",
    "changed",
    "check_allowed",
    "check_ratio",
    "compression_of",
    "fetch_files",
    "file_bytes",
    "file_errors",
    "file_info",
    "file_name",
    "find_files",
    "in_parallel",
    "is_folder",
    "is_unchanged",
    "is_url",
    "list_files",
    "open_input",
    "open_stream",
    "prefetch",
    "read_file",
]

# Where Linux has the files that this process opened, by number.
_DESCRIPTORS: Final = "/proc/self/fd"

# Files of so many bytes are read sooner than mapped.
_SMALL: Final = 64 << 10

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
    """The files that `source` names, sorted by path; see `find_files`."""
    return find_files(source).files


def find_files(source: str, is_unwanted: Callable[[str], bool] | None = None) -> Found:
    """The files that `source` names, sorted by path.

    Parameters
    ----------
    source
        A file, a folder (taken with everything below it), or a pattern with `*`, `?`, `[...]` and `**`;
        see `files.listing` for links.
        Relative to the working directory; `~` is expanded. In folders and patterns, names that start with
        `.` or `_` are skipped: they are metadata and unfinished writes. Or a URL that fsspec knows, `s3://…`;
        web servers do not list, so one behind https:// names one file.
    is_unwanted
        Whether a folder of that name need not be listed; see `walk`.

    Raises
    ------
    FileMissingError
        If there is no such file, or none matches; names what is there instead.
    OperationalError
        If it is not within the allowed paths, its server cannot be reached, or a folder may not be listed.
    NotSupportedError
        If the protocol of a URL needs a package that is missing, or it names a pipe or a device.
    """
    access = current_access()
    if is_url(source):
        from sqlengine.storage.files.remote import list_remote

        access.check(_fixed_part(source))
        found = list_remote(source, is_unwanted)
    else:
        path = local_path(source)
        access.check(path if os.path.exists(path) else _fixed_part(path))
        found = _find_local(source, path, is_unwanted)
    if found.unlisted and not found.files:
        return find_files(source)
    if not found.files and not is_url(source):
        raise _nothing_found(source, local_path(source), found)
    for file in found.files:
        access.check(file.path)
    found.files.sort(key=lambda file: file.path)
    return found


def _find_local(source: str, path: str, is_unwanted: Callable[[str], bool] | None) -> Found:
    if os.path.isdir(path):
        return walk(path, (ANY_DEPTH,), entries_of, is_unwanted)
    if os.path.exists(path):
        file = file_info(path)
        if not file.size:
            # Whether it is empty.
            open_input(path).close()
        return Found([file])
    if not glob.has_magic(path):
        raise FileMissingError(f"there is no file {source!r}.{suggestion(path, current_access())}")
    root, pattern = split_pattern(path)
    return walk(root, pattern, entries_of, is_unwanted)


def _nothing_found(source: str, path: str, found: Found) -> FileMissingError:
    if os.path.isdir(path):
        return FileMissingError(f"the folder {source!r} holds no data files")
    hint = suggestion(re.split(r"[*?\[]", path)[0], current_access())
    if found.names_folders:
        hint = f" It matches folders; {os.path.join(source, ANY_DEPTH)!r} names the files within them."
    return FileMissingError(f"no file matches {source!r}.{hint}")


def file_info(path: str) -> FileInfo:
    """Size and time of last change of one file, now; FileMissingError if it is gone.

    A remote file is taken to be as it was when it was listed: whoever reads it finds out if it is not.
    """
    if is_url(path):
        from sqlengine.storage.files.remote import remote_info

        return remote_info(current_access().check(path))
    with file_errors(path):
        return regular_file(path, os.stat(current_access().check(path)))


def is_unchanged(file: FileInfo) -> bool:
    """Whether a local file has the size and time of change that it had; new names or rights do not count."""
    try:
        status = os.stat(file.path)
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (file.size, file.mtime_ns)


def open_input(path: str, mapped: bool = True) -> NativeFile:
    """One file for random access; a local one is memory-mapped, or with `mapped` off read into memory of its own.

    A mapped file that somebody shortens while it is read ends the process; one that is read is an error.

    Raises
    ------
    FileMissingError, OperationalError
        If it is gone, may not be read, or is not within the allowed paths.
    """
    access = current_access()
    real = access.check(path)
    if is_url(path):
        from sqlengine.storage.files.remote import open_remote

        return open_remote(path)
    with file_errors(path):
        if access.roots is None or not os.path.isdir(_DESCRIPTORS):
            return _opened(path, real, mapped)
        # Somebody may have put a link into the path since it was checked: what counts is what was opened.
        descriptor = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            by_descriptor = f"{_DESCRIPTORS}/{descriptor}"
            access.check(os.path.realpath(by_descriptor))
            return _opened(path, by_descriptor, mapped)
        finally:
            os.close(descriptor)


def _opened(path: str, real: str, mapped: bool) -> NativeFile:
    if regular_file(path, os.stat(real)).size:
        return pa.memory_map(real) if mapped else pa.OSFile(real)
    # An empty file cannot be mapped.
    file = pa.OSFile(real)
    if file.read(1):
        raise no_file(path, "without a size, as the files of the kernel are")
    file.seek(0)
    return file


def read_file(path: str) -> bytes:
    """The bytes of a small file, as it lies there: a third of the cost of opening one for random access."""
    if current_access().roots is not None or is_url(path):
        content: bytes = open_input(path, mapped=False).read()
        return content
    with file_errors(path), open(path, "rb", buffering=0) as file:
        return file.read()


def open_stream(path: str) -> NativeFile:
    """One file for reading from front to back, decompressed as `compression_of` says."""
    codec = compression_of(path)
    file = open_input(path)
    return file if codec is None else decompressed(file, codec, path)


def file_bytes(path: str) -> Bytes:
    """The bytes of a file as it lies there, compressed or not: mapped if it is local and not small.

    A remote file looks the same; each slice is fetched when it is taken, and a slice of 8 MiB or more is not kept.
    """
    if is_url(path):
        from sqlengine.storage.files.remote_file import RemoteBytes

        return RemoteBytes(open_input(path).raw)  # type: ignore[return-value]
    if 0 < file_info(path).size <= _SMALL:
        return np.frombuffer(read_file(path), np.uint8)
    source = open_input(path)
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


class file_errors:  # noqa: N801 - a verb to its callers; a class, because entering one is ten times as fast
    """Turn what Python and Arrow raise while `path` is read into this package's errors.

    `what` is what the file was taken for ("Parquet"); with it, unreadable content is a FileFormatError.
    """

    __slots__ = ("_path", "_what")

    def __init__(self, path: str, what: str = "") -> None:
        self._path = path
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        path, what = self._path, self._what
        match error:
            case None | Error():
                return
            case FileNotFoundError():
                raise FileMissingError(
                    f"there is no file {path!r}; it may have been removed since it was listed"
                ) from error
            case PermissionError():
                raise OperationalError(f"{path!r} may not be read: {error.strerror or error}") from error
            case pa.ArrowNotImplementedError():
                raise NotSupportedError(f"{path!r}: {_first_line(error)}") from error
            case pa.ArrowException() | OSError() | EOFError() | UnicodeDecodeError():
                if not what:
                    raise OperationalError(f"{path!r} cannot be read: {_first_line(error)}") from error
                raise FileFormatError(f"{path!r} is not a readable {what} file: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _fixed_part(source: str) -> str:
    """The folder that a pattern starts in, or all of a path without pattern."""
    if is_url(source):
        source = source.partition("?")[0]
    match = re.search(r"[*?\[]", source)
    if match is None:
        return source
    if ".." in source[match.start() :].split("/"):
        raise NotSupportedError(f"{source!r}: '..' behind a pattern cannot be followed")
    return os.path.dirname(source[: match.start()]) or source
