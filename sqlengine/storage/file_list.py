"""The files of a table, listed and kept: cheap to compare, and cheap to send to workers."""

from __future__ import annotations

import hashlib
import pickle
import zlib
from collections.abc import Sequence
from typing import Any

from sqlengine.storage.files.parallel import in_parallel
from sqlengine.storage.filesystem import FileInfo, list_files

Row = tuple[str, int, int, str]


def list_sources(sources: Sequence[str]) -> FileList:
    """The files of all `sources`; one that two patterns match is one file, at its first place."""
    found = in_parallel(list_files, sources, sources)
    return FileList(tuple(dict.fromkeys(file for files in found for file in files)))


class FileList:
    """The files of a table; pickled compressed, and unpacked only when asked for.

    Attributes
    ----------
    digest
        Of all paths, sizes, times and versions.
    """

    def __init__(self, files: tuple[FileInfo, ...]) -> None:
        self._unpacked: tuple[FileInfo, ...] | None = files
        self._packed: bytes | None = None
        self._by_path: dict[str, FileInfo] | None = None
        text = "\n".join("\0".join(map(str, _row(file))) for file in files)
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

    def __getstate__(self) -> dict[str, Any]:
        if self._packed is None:
            self._packed = zlib.compress(pickle.dumps([_row(file) for file in self.files]), 1)
        return {"_unpacked": None, "_packed": self._packed, "_by_path": None, "digest": self.digest}


def _row(file: FileInfo) -> Row:
    return file.path, file.size, file.mtime_ns, file.version
