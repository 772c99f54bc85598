"""What tasks of one query in one process share, such as the hash table of a broadcast join: built once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

T = TypeVar("T")

_MISSING: object = object()


class SharedValues:
    """A cache whose values are built at most once each, whoever asks first; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._building: dict[Hashable, threading.Lock] = {}
        self._values: dict[Hashable, object] = {}

    def get(self, key: Hashable, build: Callable[[], T]) -> T:
        """The value of `key`, built now if it is not there; callers of the same key wait for the builder.

        What `build` raises reaches its caller; the next caller in line then builds.
        """
        with self._lock:
            lock = self._building.setdefault(key, threading.Lock())
        with lock:
            value = self._values.get(key, _MISSING)
            if value is _MISSING:
                value = self._values[key] = build()
            return cast(T, value)
