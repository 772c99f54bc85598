"""A remote file as a file object: ranges are fetched when asked for, or ahead of time, many at once."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Hashable, Sequence
from typing import Final, Protocol, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sqlengine.errors import InternalError
from sqlengine.storage.files.access import FileInfo
from sqlengine.storage.files.block_cache import BlockCache

Range = tuple[int, int]

# Small reads fetch what is around them: a request costs as much as some 100 KB.
_BLOCK: Final = 256 << 10
# Reading on from where the last read ended fetches twice as much each time, up to this.
_MOST_AHEAD: Final = 8 << 20
# Gaps up to this between ranges are fetched with them.
_HOLE: Final = 1 << 20
# Longer ranges are fetched in pieces, at the same time.
_PIECE: Final = 8 << 20


class Store(Protocol):
    """A remote file system, as the files in it need it."""

    def confirm(self, file: FileInfo) -> None:
        """Raise if `file` is known not to be what it was; called before anything is fetched of it."""
        ...

    def fetch(self, file: FileInfo, ranges: Sequence[Range]) -> list[bytes]:
        """The bytes of each range, all of them, fetched at the same time.

        Raises
        ------
        Error
            With the URL, if they cannot be had or `file` is no longer what it was.
        """
        ...


class RemoteFile:
    """For `pa.PythonFile`; used by one thread at a time.

    Parameters
    ----------
    cache
        Where blocks of the file are kept, under `key`.
    """

    closed = False

    def __init__(self, store: Store, file: FileInfo, cache: BlockCache | None = None, key: Hashable = None) -> None:
        self.info = file
        self._store = store
        self._position = 0
        self._cache = BlockCache(2 * _MOST_AHEAD) if cache is None else cache
        self._key = key
        self._is_confirmed = False
        self._next = 0
        self._ahead = _BLOCK
        self._starts: list[int] = []
        self._ahead_parts: list[bytes] = []

    def prefetch(self, ranges: Sequence[Range]) -> None:
        """Fetch `ranges` now, and keep them until the next call."""
        wanted = coalesce(ranges, _HOLE)
        self._starts, self._ahead_parts = [], []
        self._ahead_parts = self._fetch(wanted)
        self._starts = [start for start, _ in wanted]

    def read_range(self, start: int, stop: int) -> bytes:
        """The bytes [start, stop), which lie within the file."""
        part = bisect_right(self._starts, start) - 1
        if part >= 0:
            data, first = self._ahead_parts[part], self._starts[part]
            if stop <= first + len(data):
                return data[start - first : stop - first]
        if stop - start >= _MOST_AHEAD:
            return self._fetch([(start, stop)])[0]
        blocks = range(start // _BLOCK, -(-stop // _BLOCK))
        known = {number: self._cache.get(self._key, number) for number in blocks}
        missing = [number for number, data in known.items() if data is None]
        if missing:
            known |= self._load(missing[0], missing[-1] + 1)
        data = b"".join(known[number] or b"" for number in blocks)
        return data[start - blocks.start * _BLOCK : stop - blocks.start * _BLOCK]

    def _load(self, first: int, stop: int) -> dict[int, bytes]:
        """Fetch the blocks [first, stop), and more where reading goes on where it was."""
        self._ahead = min(2 * self._ahead, _MOST_AHEAD) if first == self._next else _BLOCK
        stop = max(stop, first + self._ahead // _BLOCK)
        end = min(stop * _BLOCK, self.info.size)
        data = self._fetch([(first * _BLOCK, end)])[0]
        loaded = {first + offset // _BLOCK: data[offset : offset + _BLOCK] for offset in range(0, len(data), _BLOCK)}
        for number, block in loaded.items():
            self._cache.put(self._key, number, block)
        self._next = -(-end // _BLOCK)
        return loaded

    def _fetch(self, ranges: Sequence[Range]) -> list[bytes]:
        pieces = [(at, min(at + _PIECE, stop)) for start, stop in ranges for at in range(start, stop, _PIECE)]
        if pieces and not self._is_confirmed:
            self._store.confirm(self.info)
            self._is_confirmed = True
        fetched = iter(self._store.fetch(self.info, pieces) if pieces else ())
        whole = []
        for start, stop in ranges:
            parts = [next(fetched) for _ in range(start, stop, _PIECE)]
            data = parts[0] if len(parts) == 1 else b"".join(parts)
            if len(data) != stop - start:
                raise InternalError(f"{self.info.path!r}: {len(data)} bytes of {stop - start} were fetched")
            whole.append(data)
        return whole

    # -- what pa.PythonFile asks for ------------------------------------------------------------

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, fewer at the end; the rest of the file if negative."""
        left = max(0, self.info.size - self._position)
        size = left if size < 0 else min(size, left)
        if not size:
            return b""
        data = self.read_range(self._position, self._position + size)
        self._position += size
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As of any file object."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.info.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """As of any file object."""
        return self._position

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def writable(self) -> bool:
        """False."""
        return False

    def close(self) -> None:
        """Let go of what was fetched ahead."""
        self.closed = True
        self._starts, self._ahead_parts = [], []


class RemoteInput(pa.PythonFile):  # type: ignore[misc]
    """An Arrow file over a `RemoteFile`, which it tells of itself."""

    def __init__(self, raw: RemoteFile, mode: str) -> None:
        self.raw = raw


class RemoteBytes:
    """A remote file like an array of bytes: a slice is fetched when it is taken."""

    def __init__(self, raw: RemoteFile) -> None:
        self._raw = raw

    def __len__(self) -> int:
        return self._raw.info.size

    @overload
    def __getitem__(self, key: int) -> int: ...
    @overload
    def __getitem__(self, key: slice) -> NDArray[np.uint8]: ...
    def __getitem__(self, key: int | slice) -> int | NDArray[np.uint8]:
        if isinstance(key, int):
            return self._raw.read_range(key, key + 1)[0]
        start, stop, _ = key.indices(len(self))
        data = self._raw.read_range(start, stop) if stop > start else b""
        return np.frombuffer(data, np.uint8)


def coalesce(ranges: Sequence[Range], hole: int) -> list[Range]:
    """`ranges` in order, those that overlap or lie at most `hole` apart joined."""
    joined: list[Range] = []
    for start, stop in sorted(each for each in ranges if each[1] > each[0]):
        if joined and start <= joined[-1][1] + hole:
            joined[-1] = (joined[-1][0], max(joined[-1][1], stop))
        else:
            joined.append((start, stop))
    return joined
