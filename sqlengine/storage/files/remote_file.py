"""A remote file as a file object: ranges are fetched when asked for, or ahead of time, many at once."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, Protocol, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sqlengine.errors import InternalError
from sqlengine.storage.files.access import FileInfo

Range = tuple[int, int]
# By number, those used last at the end.
Blocks = OrderedDict[int, bytes]

# Small reads fetch what is around them: a request costs as much as some 100 KB.
_BLOCK: Final = 256 << 10
_BLOCKS: Final = 32
# Reading on from where the last read ended fetches twice as much each time, up to this.
_MOST_AHEAD: Final = 8 << 20
# Gaps up to this between ranges are fetched with them.
_HOLE: Final = 1 << 20
# Longer ranges are fetched in pieces, at the same time.
_PIECE: Final = 8 << 20


class Store(Protocol):
    """A remote file system, as the files in it need it."""

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
    blocks
        Where blocks of the file are kept; several openings by one thread may share it.
    """

    closed = False

    def __init__(self, store: Store, file: FileInfo, blocks: Blocks | None = None) -> None:
        self.info = file
        self._store = store
        self._position = 0
        self._blocks = Blocks() if blocks is None else blocks
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
        missing = [block for block in blocks if block not in self._blocks]
        if missing:
            self._load(missing[0], missing[-1] + 1)
        data = b"".join(self._blocks[block] for block in blocks)
        for block in blocks:
            self._blocks.move_to_end(block)
        while len(self._blocks) > 2 * _BLOCKS:
            self._blocks.popitem(last=False)
        return data[start - blocks.start * _BLOCK : stop - blocks.start * _BLOCK]

    def _load(self, first: int, stop: int) -> None:
        """Fetch the blocks [first, stop), and more where reading goes on where it was."""
        self._ahead = min(2 * self._ahead, _MOST_AHEAD) if first == self._next else _BLOCK
        stop = max(stop, first + self._ahead // _BLOCK)
        end = min(stop * _BLOCK, self.info.size)
        data = self._fetch([(first * _BLOCK, end)])[0]
        for offset in range(0, len(data), _BLOCK):
            self._blocks[first + offset // _BLOCK] = data[offset : offset + _BLOCK]
        self._next = -(-end // _BLOCK)

    def _fetch(self, ranges: Sequence[Range]) -> list[bytes]:
        pieces = [(at, min(at + _PIECE, stop)) for start, stop in ranges for at in range(start, stop, _PIECE)]
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
