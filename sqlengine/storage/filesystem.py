"""The one layer through which every file is listed and opened.

Formats ask here for bytes and never call `open` themselves, so that allowed roots, remote file systems and
caps on declared sizes have a single place to be enforced.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from sqlengine.errors import Error, FileFormatError, FileMissingError, NotSupportedError, OperationalError, nearest

if TYPE_CHECKING:
    from pyarrow import NativeFile

_SCHEME: Final = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+)://")

# File name ending -> Arrow's name of the codec.
COMPRESSIONS: Final[dict[str, str]] = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file as it was when listed: absolute path, size in bytes, time of last change in nanoseconds."""

    path: str
    size: int
    mtime_ns: int


def is_folder(path: str) -> bool:
    """Whether `path` is an existing folder."""
    return os.path.isdir(os.path.expanduser(path))


def list_files(source: str) -> list[FileInfo]:
    """The files that `source` names, sorted by path.

    Parameters
    ----------
    source
        A file, a folder (taken with everything below it), or a pattern with `*`, `?`, `[...]` and `**`.
        Relative to the working directory; `~` is expanded. In folders and patterns, names that start with
        `.` or `_` are skipped: they are metadata and unfinished writes.

    Raises
    ------
    FileMissingError
        If there is no such file, or none matches; names what is there instead.
    NotSupportedError
        If `source` is a URL.
    """
    path = resolve(source)
    if os.path.isdir(path):
        files = sorted(_walk(path), key=lambda file: file.path)
        if not files:
            raise FileMissingError(f"the folder {source!r} holds no data files")
        return files
    if os.path.exists(path):
        return [file_info(path)]
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
    return sorted(files, key=lambda file: file.path)


def resolve(source: str) -> str:
    """The absolute local path of `source`; NotSupportedError if it is a URL."""
    match = _SCHEME.match(source)
    if match and match[1].lower() == "file":
        source = source[match.end() :]
    elif match:
        raise NotSupportedError(
            f"{source!r}: files behind {match[1]}:// cannot be read yet; copy them to a local folder first"
        )
    return os.path.abspath(os.path.expanduser(source))


def file_info(path: str) -> FileInfo:
    """Size and time of last change of one file, now; FileMissingError if it is gone."""
    with file_errors(path):
        status = os.stat(path)
    return FileInfo(path, status.st_size, status.st_mtime_ns)


def open_input(path: str) -> NativeFile:
    """One file for random access, memory-mapped.

    Raises
    ------
    FileMissingError, OperationalError
        If it is gone or may not be read.
    """
    with file_errors(path):
        # An empty file cannot be mapped.
        return pa.memory_map(path) if os.stat(path).st_size else pa.OSFile(path)


def compression_of(path: str) -> str | None:
    """The codec that the ending of `path` declares, or None."""
    return COMPRESSIONS.get(os.path.splitext(path)[1].lower())


def open_stream(path: str) -> NativeFile:
    """One file for reading from front to back, decompressed as its ending (.gz, .zst, .bz2) says."""
    codec = compression_of(path)
    file = open_input(path)
    return file if codec is None else pa.CompressedInputStream(file, codec)


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
