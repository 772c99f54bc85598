"""Files behind URLs, through fsspec: which store a URL belongs to, what it lists, and opening what is there."""

from __future__ import annotations

import contextlib
import datetime
import functools
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from sqlengine.errors import FileMissingError, NotSupportedError
from sqlengine.storage.files.access import FileInfo, changed, current_access, known_file, scheme_of, unknown_version
from sqlengine.storage.files.block_cache import BlockCache
from sqlengine.storage.files.http import HttpStore
from sqlengine.storage.files.parallel import in_parallel
from sqlengine.storage.files.remote_errors import TransientError, missing_package, persistently, remote_errors
from sqlengine.storage.files.remote_file import Range, RemoteFile, RemoteInput
from sqlengine.storage.files.walk import ANY_DEPTH, Entry, Found, Pattern, is_hidden, split_pattern, walk

T = TypeVar("T")

# What stores call that which changes with the content, the surest first.
_VERSIONS: Final = (
    "ETag",
    "etag",
    "md5Hash",
    "generation",
    "LastModified",
    "last_modified",
    "mtime",
    "modified",
    "created",
)

_CACHE_BYTES: Final = 64 << 20
_SMALL: Final = 1 << 20

_blocks: Final = BlockCache(_CACHE_BYTES)


def remote_info(url: str) -> FileInfo:
    """Size and version of one file: as the table being read knows it, else as the store says now."""
    return known_file(url) or store_of(url).info(url)


def list_remote(source: str, is_unwanted: Callable[[str], bool] | None) -> Found:
    """The files that a URL names: a file, a folder with all below it, or a pattern, where the store can list.

    Parameters
    ----------
    is_unwanted
        Whether a folder of that name need not be listed; see `walk`.

    Raises
    ------
    FileMissingError
        If there is none.
    NotSupportedError
        If the protocol's package is missing, or the store cannot list.
    """
    store = store_of(source)
    if isinstance(store, FsspecStore):
        return store.listing(source, is_unwanted)
    return Found([_listed_by_http(store, source)])


def open_remote(url: str) -> RemoteInput:
    """One file for random access."""
    info = remote_info(url)
    # Who may not have a file must not get it from what others fetched.
    key = info, current_access().storage_options
    return RemoteInput(RemoteFile(store_of(url), info, _blocks, key), mode="r")


def fetch_files(urls: Sequence[str]) -> None:
    """Fetch small files that will be read next, at the same time, as far as they can be kept."""
    wanted: list[str] = []
    left = _CACHE_BYTES // 2
    for url in urls:
        size = remote_info(url).size
        left -= size
        if left < 0:
            break
        if 0 < size <= _SMALL:
            wanted.append(url)
    if len(wanted) > 1:
        in_parallel(_fetch_file, wanted, wanted)


def _fetch_file(url: str) -> None:
    raw = open_remote(url).raw
    raw.read_range(0, raw.info.size)


class FsspecStore:
    """A file system of fsspec's."""

    def __init__(self, filesystem: Any) -> None:
        self.filesystem = filesystem

    def listing(self, source: str, is_unwanted: Callable[[str], bool] | None) -> Found:
        """See `list_remote`."""
        filesystem = self.filesystem
        path = filesystem._strip_protocol(source)
        whole: Pattern = (ANY_DEPTH,)
        with self._errors(source):
            if not any(mark in path for mark in "*?[") or patiently(lambda: filesystem.exists(path)):
                entry = patiently(lambda: filesystem.info(path))
                if entry["type"] != "directory":
                    return Found([self._file(source, entry)])
                root, pattern = path, whole
                every = functools.partial(filesystem.find, path, detail=True)
            else:
                root, pattern = split_pattern(path)
                every = functools.partial(filesystem.glob, path, detail=True)
            top = filesystem.unstrip_protocol(root)
            # A pattern that names no folders leaves none out.
            may_prune = is_unwanted is not None and (len(pattern) > 1 or pattern == whole)
            if may_prune and any(each.info is None and "=" in each.name for each in self._entries(top)):
                found = walk(top, pattern, self._entries, is_unwanted)
            else:
                # All that lies below a folder comes in few answers, however many folders it has.
                found = Found(self._below(root, patiently(every)))
        if not found.files and not found.unlisted:
            what = f"the folder {source!r} holds no data files" if path == root else f"no file matches {source!r}"
            raise FileMissingError(what)
        return found

    def _below(self, root: str, entries: Mapping[str, Mapping[str, Any]]) -> list[FileInfo]:
        """The files among `entries` (path -> what the store says), but for those of hidden names below `root`."""
        return [
            self._file(self.filesystem.unstrip_protocol(name), entry)
            for name, entry in entries.items()
            # Some stores list a folder as an empty file whose name ends so.
            if entry["type"] != "directory"
            and not name.endswith("/")
            and not any(map(is_hidden, name[len(root) :].lstrip("/").split("/")))
        ]

    def _entries(self, url: str) -> list[Entry]:
        """What a folder holds."""
        filesystem = self.filesystem
        folder = filesystem._strip_protocol(url)
        with self._errors(url):
            found = patiently(lambda: filesystem.ls(folder, detail=True))
        return [
            Entry(
                entry["name"].rstrip("/").rpartition("/")[2],
                None
                if entry["type"] == "directory"
                else functools.partial(self._file, filesystem.unstrip_protocol(entry["name"]), entry),
            )
            for entry in found
            if entry["type"] == "directory" or (entry["name"].rstrip("/") != folder and not entry["name"].endswith("/"))
        ]

    def info(self, url: str) -> FileInfo:
        """Size and version, now."""
        filesystem = self.filesystem
        with self._errors(url):
            entry = patiently(lambda: filesystem.info(filesystem._strip_protocol(url)))
            if entry["type"] == "directory":
                raise IsADirectoryError(url)
            return self._file(url, entry)

    def confirm(self, file: FileInfo) -> None:
        """See `Store.confirm`: these stores do not tell with the bytes."""
        if known_file(file.path) is not None:
            now = self.info(file.path)
            if now.size != file.size or not file.is_version(now.version):
                raise changed(file.path)

    def fetch(self, file: FileInfo, ranges: Sequence[Range]) -> list[bytes]:
        """See `Store.fetch`."""
        path = self.filesystem._strip_protocol(file.path)
        starts, stops = [start for start, _ in ranges], [stop for _, stop in ranges]

        def attempt() -> list[bytes]:
            data: list[bytes] = self.filesystem.cat_ranges([path] * len(ranges), starts, stops, on_error="raise")
            for part, (start, stop) in zip(data, ranges, strict=True):
                if len(part) != stop - start:
                    raise TransientError(f"{len(part)} bytes came of {stop - start}")
            return data

        with self._errors(file.path):
            return patiently(attempt)

    def _file(self, url: str, entry: Mapping[str, Any]) -> FileInfo:
        version = next((_text(entry[key]) for key in _VERSIONS if entry.get(key) is not None), "")
        version = version or unknown_version()
        return FileInfo(url, int(entry.get("size") or 0), 0, version)

    def _errors(self, url: str) -> contextlib.AbstractContextManager[None]:
        return remote_errors(url, current_access().timeout)


def patiently(attempt: Callable[[], T]) -> T:
    """See `persistently`; as long as the access in force allows a server to be silent."""
    return persistently(attempt, current_access().timeout)


def _text(version: Any) -> str:
    """An ETag, a number, or a time, which the same store tells as an object here and as seconds there."""
    seconds = version.timestamp() if isinstance(version, datetime.datetime) else version
    return f"{seconds:.6f}" if isinstance(seconds, float) else str(seconds)


_stores: dict[tuple[int, str, str], FsspecStore | HttpStore] = {}
_lock = threading.Lock()


def store_of(url: str) -> FsspecStore | HttpStore:
    """The store of `url` under the options in force; one per process, so that its connections are kept."""
    scheme = scheme_of(url)
    assert scheme is not None
    if "::" in url:
        raise NotSupportedError(f"{url!r}: URLs within URLs ('::') cannot be read")
    options = current_access().storage_options
    key = (os.getpid(), scheme, options)
    with _lock:
        store = _stores.get(key)
        if store is None:
            with remote_errors(url, 0.0):
                store = _stores[key] = _make_store(scheme, json.loads(options))
        return store


def _make_store(scheme: str, options: dict[str, Any]) -> FsspecStore | HttpStore:
    try:
        import fsspec

        # What was listed once would be taken for the truth for ever.
        filesystem = fsspec.filesystem(scheme, **{"use_listings_cache": False, **options})
    except (ImportError, ValueError) as error:
        raise missing_package(scheme, error) from error
    return HttpStore(filesystem) if scheme in ("http", "https") else FsspecStore(filesystem)


def _listed_by_http(store: HttpStore, source: str) -> FileInfo:
    if "*" in source.partition("?")[0]:
        raise NotSupportedError(f"{source!r}: web servers do not list their files; give a list of exact URLs")
    return store.info(source)
