"""The files of a table, listed and kept: cheap to compare, and cheap to send to workers."""

from __future__ import annotations

import functools
import glob
import hashlib
import os
import pickle
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from sqlengine.storage.files.access import is_url, local_path
from sqlengine.storage.files.parallel import in_parallel
from sqlengine.storage.filesystem import FileInfo, find_files

Row = tuple[str, int, int, str]


def list_sources(sources: Sequence[str], is_unwanted: Callable[[str], bool] | None = None) -> FileList:
    """The files of all `sources`; one that two patterns match is one file, at its first place.

    Folders whose names `is_unwanted` may be left out; see `find_files`.
    """
    found = in_parallel(functools.partial(find_files, is_unwanted=is_unwanted), sources, sources)
    files = tuple(dict.fromkeys(file for each in found for file in each.files))
    roots = tuple(dict.fromkeys(_root(source) for source in sources if not is_url(source)))
    return FileList(files, roots, tuple(name for each in found for name in each.unlisted))


def _root(source: str) -> tuple[str, str]:
    """The fixed part of a local source: its real path, and how it was given."""
    given = source
    if glob.has_magic(source) and not os.path.exists(local_path(source)):
        while glob.has_magic(given):
            given = os.path.dirname(given)
        given = os.path.normpath(given) if given else ""
        given = "" if given == "." else given
    return local_path(given or "."), given


class FileList:
    """The files of a table; pickled compressed, and unpacked only when asked for.

    `roots`: fixed parts of the sources, their real paths with how they were given.

    Attributes
    ----------
    unlisted
        Names of folders below them that were not looked into; not pickled.
    digest
        Of all paths, how they were given, sizes, times and versions, and of the folders that were left out.
    """

    def __init__(
        self, files: tuple[FileInfo, ...], roots: tuple[tuple[str, str], ...] = (), unlisted: tuple[str, ...] = ()
    ) -> None:
        self.unlisted = unlisted
        self._unpacked: tuple[FileInfo, ...] | None = files
        self._packed: bytes | None = None
        self._by_path: dict[str, FileInfo] | None = None
        self._positions: dict[str, int] | None = None
        self._roots = roots
        text = "\n".join("\0".join(map(str, row)) for row in (*roots, *map(_row, files), unlisted))
        self.digest = hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=16).digest()

    @property
    def files(self) -> tuple[FileInfo, ...]:
        """The files, in order."""
        if self._unpacked is None:
            assert self._packed is not None
            self._unpacked = tuple(FileInfo(*row) for row in pickle.loads(zlib.decompress(self._packed)))
        return self._unpacked

    def find(self, path: str) -> FileInfo | None:
        """The file at `path` as it was listed, or None. Only readers of remote files ask."""
        if self._by_path is None:
            self._by_path = {file.path: file for file in self.files}
        return self._by_path.get(path)

    def position(self, path: str) -> int:
        """The number of the file at `path`."""
        if self._positions is None:
            self._positions = {file.path: number for number, file in enumerate(self.files)}
        return self._positions[path]

    def shown(self, path: str) -> str:
        """The path as it follows from how the source was given: relative if that was."""
        for real, given in self._roots:
            if path == real:
                return given
            if path.startswith(real if real.endswith(os.sep) else real + os.sep):
                return os.path.join(given, path[len(real) :].lstrip(os.sep))
        return path

    def __getstate__(self) -> dict[str, Any]:
        if self._packed is None:
            self._packed = zlib.compress(pickle.dumps([_row(file) for file in self.files]), 1)
        return {**self.__dict__, "unlisted": (), "_unpacked": None, "_by_path": None, "_positions": None}


def _row(file: FileInfo) -> Row:
    return file.path, file.size, file.mtime_ns, file.version


def spread(files: Sequence[FileInfo], most: int) -> Sequence[FileInfo]:
    """At most `most` of `files` (two or more), evenly spread over them in their order, first and last included."""
    if len(files) <= most:
        return files
    return [files[round(k * (len(files) - 1) / (most - 1))] for k in range(most)]
