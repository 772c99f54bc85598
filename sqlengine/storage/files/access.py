"""What a statement may open and how: allowed roots, credentials, compression, caps.

The access in force is a context variable, so that formats need not hand it around. Whoever begins something sets
it: a session for a statement, a table for its own reading. Tables carry their access to workers.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from sqlengine.config import Settings
from sqlengine.errors import Error, FileFormatError, OperationalError, SettingError

T = TypeVar("T")

_SCHEME: Final = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_LOCAL: Final = ("file", "local")
# Who takes URLs apart leaves some of them out, so that `.<tab>./` climbs.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
# Only this process sees what is in them.
_OF_THIS_PROCESS: Final = "memory"


_UNKNOWN: Final = "unknown "


def unknown_version() -> str:
    """A version of its own for each look at a file of which its store tells none: nothing kept of it is used again."""
    return f"{_UNKNOWN}{uuid.uuid4().hex}"


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file as it was when listed.

    Attributes
    ----------
    path
        Absolute path, or URL.
    size
        In bytes.
    mtime_ns
        Time of last change in nanoseconds; 0 if it is remote.
    version
        What a remote store says of the content (ETag, time of last change), or `unknown_version()`; of a local file
        when anything of it changed last, its name and rights included.
    """

    path: str
    size: int
    mtime_ns: int
    version: str = ""

    @property
    def is_versioned(self) -> bool:
        """Whether a remote store tells one content of the file from another."""
        return bool(self.version) and not self.version.startswith(_UNKNOWN)

    def is_version(self, version: str) -> bool:
        """Whether the file may be what it was when its store says `version` of it now ('': nothing)."""
        return self.version.startswith(_UNKNOWN) or not version or self.version == version


@dataclass(frozen=True, slots=True)
class FileAccess:
    """How files are opened.

    Attributes
    ----------
    roots
        Real paths of folders and files, and prefixes of URLs, that may be listed, read and written; None: all.
    storage_options
        Of fsspec, as JSON; they may hold credentials, so they are not shown.
    compression
        'auto' (by the ending of the name), 'none', or the name of a codec.
    most_ratio
        Bytes that a byte of a compressed file may stand for.
    most_bytes
        Bytes that a file may have when decompressed; None: any number.
    most_download
        Bytes that a file may have that can only be fetched whole.
    timeout
        Seconds that a remote store may be silent.
    zone_maps
        Whether what scans find out is remembered and used.
    column_cache
        Bytes of decoded columns that may be kept.
    is_locked
        Whether the session's settings are; queries then bring no storage options, for these say where a URL leads.
    isolated_workers
        The size of the pool whose workers look at files for the coordinator; None: it does so itself.
    """

    roots: tuple[str, ...] | None = None
    storage_options: str = field(default="{}", repr=False)
    compression: str = "auto"
    most_ratio: int = 1000
    most_bytes: int | None = None
    most_download: int = 4 << 30
    timeout: float = 30.0
    is_locked: bool = False
    isolated_workers: int | None = None
    zone_maps: bool = False
    column_cache: int = 0

    @staticmethod
    def of(settings: Settings) -> FileAccess:
        """The access that a session's settings give."""
        roots = settings.get_texts("allowed_paths")
        # No store may be silent for longer than a query may take.
        silences = [settings.get_optional_float(name) for name in ("remote_timeout", "timeout")]
        return FileAccess(
            roots=None if roots is None else tuple(map(_lowered, roots)),
            most_ratio=settings.get_int("max_decompression_ratio"),
            most_bytes=settings.get_optional_int("decompressed_limit"),
            most_download=settings.get_int("download_limit"),
            timeout=max(0.001, min(silence for silence in silences if silence is not None)),
            isolated_workers=settings.worker_count if settings.get_bool("isolate_readers") else None,
            is_locked=settings.get_bool("lock_configuration"),
            zone_maps=settings.get_bool("zone_maps"),
            column_cache=_cache_bytes(settings),
        )

    def with_options(self, storage_options: object, compression: object) -> FileAccess:
        """The same, with options of one table; None leaves what is there.

        Raises
        ------
        SettingError
            If `storage_options` is no mapping of plain values (which are not shown), or none may be given.
        """
        access = self
        if storage_options is not None:
            if self.is_locked:
                raise SettingError(
                    "option 'storage_options' is locked, as all settings are (lock_configuration = true)"
                )
            if not isinstance(storage_options, Mapping):
                raise SettingError("option 'storage_options' takes names and values: {'key': '…', 'secret': '…'}")
            try:
                text = json.dumps(storage_options, sort_keys=True, default=float)
            except (TypeError, ValueError):
                raise SettingError("option 'storage_options' takes texts, numbers, lists and structs only") from None
            access = replace(access, storage_options=text)
        if compression is None:
            return access
        # DuckDB calls it 'auto_detect' where it reads JSON.
        return replace(access, compression=str(compression).lower().removesuffix("_detect"))

    def check(self, path: str) -> str:
        """Where `path` really lies, links resolved; a URL is returned as it is.

        Raises
        ------
        OperationalError
            If that is not within the allowed roots; names the setting.
        """
        if self.roots is None:
            return path
        real = path if is_url(path) else os.path.realpath(path)
        if is_url(path) and (_climbs(path) or _CONTROL.search(path)):
            raise OperationalError(
                f"{path!r} is not allowed: it climbs with '..', or holds control characters (setting 'allowed_paths')"
            )
        spelled = _lowered(real)
        if not any(_is_within(spelled, root) for root in self.roots):
            through = f", which is {real!r}," if real != path else ""
            raise OperationalError(f"{path!r}{through} is not within the allowed paths (setting 'allowed_paths')")
        return real

    def allows(self, path: str) -> bool:
        """Whether `check` finds nothing wrong with `path`."""
        try:
            self.check(path)
        except OperationalError:
            return False
        return True


_access: ContextVar[FileAccess] = ContextVar("file_access", default=FileAccess())  # noqa: B039 - it is immutable
_known: ContextVar[Callable[[str], FileInfo | None] | None] = ContextVar("known_files", default=None)


def current_access() -> FileAccess:
    """The access in force; everything is allowed where nobody has set one."""
    return _access.get()


def current_known() -> Callable[[str], FileInfo | None] | None:
    """The look-up behind `known_file`."""
    return _known.get()


def known_file(path: str) -> FileInfo | None:
    """What the table being read knows of `path` since it was listed, or None."""
    find = _known.get()
    return None if find is None else find(path)


class within:  # noqa: N801 - a word to its callers; a class, because entering one is cheap
    """Inside, `access` is in force, and `known` tells what a file was when it was listed."""

    __slots__ = ("_access", "_known", "_tokens")

    def __init__(self, access: FileAccess, known: Callable[[str], FileInfo | None] | None = None) -> None:
        self._access = access
        self._known = known

    def __enter__(self) -> None:
        self._tokens = _access.set(self._access), _known.set(self._known)

    def __exit__(self, *error: object) -> None:
        _access.reset(self._tokens[0])
        _known.reset(self._tokens[1])


def each_within(access: FileAccess, known: Callable[[str], FileInfo | None] | None, items: Iterator[T]) -> Iterator[T]:
    """`items`, each made under `access`; between them the caller's own is in force."""
    while True:
        with within(access, known):
            try:
                item = next(items)
            except StopIteration:
                return
        yield item


def changed(path: str) -> Error:
    """The error for a file that is not what it was when it was listed."""
    return FileFormatError(f"{path!r} changed while the query ran; run the query again")


def is_url(path: str) -> bool:
    """Whether `path` names something behind fsspec; `file://` is a local path."""
    scheme = scheme_of(path)
    return scheme is not None and scheme not in _LOCAL


def is_file(path: str) -> bool:
    """Whether the path of a split is one of a file, local or not, rather than a name of rows in memory."""
    return os.path.isabs(path) or scheme_of(path) is not None


def is_of_this_process(path: str) -> bool:
    """Whether other processes cannot see the file at `path`."""
    return path.startswith(_OF_THIS_PROCESS) and scheme_of(path) == _OF_THIS_PROCESS


def scheme_of(path: str) -> str | None:
    """`s3` of `s3://bucket/x`, lower-case; None of a plain path."""
    # Most paths have none, and many are asked.
    match = _SCHEME.match(path) if "://" in path else None
    return match[1].lower() if match else None


def local_path(source: str) -> str:
    """The absolute path of `source`, which is no URL but perhaps `file://…`; `~` is expanded."""
    match = _SCHEME.match(source)
    if match and match[1].lower() in _LOCAL:
        source = source[match.end() :]
    return os.path.abspath(os.path.expanduser(source))


def _cache_bytes(settings: Settings) -> int:
    size = settings.bytes_of_memory("column_cache")
    limit = settings.get_optional_int("memory_limit")
    return size if limit is None else min(size, limit)


def _lowered(path: str) -> str:
    match = _SCHEME.match(path)
    if not match:
        return path
    host, slash, rest = path[match.end() :].partition("/")
    # A bucket's name has no capitals; a host's do not count.
    return f"{match[1].lower()}://{host.lower()}{slash}{rest}"


def _climbs(url: str) -> bool:
    parts = re.split(r"[/\\]", url.lower().replace("%2e", ".").replace("%2f", "/").replace("%5c", "\\"))
    return ".." in parts


def _is_within(path: str, root: str) -> bool:
    root = root.rstrip("/")
    return path == root or path.startswith(f"{root}/") or (is_url(root) and path.startswith(f"{root}?"))
