"""Blocks of remote files, kept for a while: planning a query and running it look at the same places."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable


class BlockCache:
    """The blocks used last, up to a number of bytes; for any number of threads.

    Keys name one version of one file: a block that is there is never stale.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._size = 0
        self._blocks: OrderedDict[tuple[Hashable, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, number: int) -> bytes | None:
        """Block `number` of a file, or None."""
        with self._lock:
            block = self._blocks.get((key, number))
            if block is not None:
                self._blocks.move_to_end((key, number))
            return block

    def put(self, key: Hashable, number: int, block: bytes) -> None:
        """Keep a block."""
        with self._lock:
            self._size += len(block) - len(self._blocks.pop((key, number), b""))
            self._blocks[key, number] = block
            while self._size > self._most:
                _, dropped = self._blocks.popitem(last=False)
                self._size -= len(dropped)

    def clear(self) -> None:
        """Forget all blocks."""
        with self._lock:
            self._blocks.clear()
            self._size = 0
