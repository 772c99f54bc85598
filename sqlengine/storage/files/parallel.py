"""Doing the same for many files, at the same time where a network makes it slow."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from sqlengine.storage.files.access import is_url

T = TypeVar("T")
S = TypeVar("S")

_THREADS: Final = 16


def in_parallel(function: Callable[[S], T], items: Sequence[S], paths: Sequence[str]) -> list[T]:
    """`function` of each item, in order; by threads if files behind URLs, at `paths`, make it wait for a network.

    The first item's error that there is is raised.
    """
    if len(items) < 2 or not any(is_url(path) for path in paths):
        return [function(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    # The access in force is this thread's; each of the others gets a copy.
    contexts = [contextvars.copy_context() for _ in items]
    with ThreadPoolExecutor(min(_THREADS, len(items))) as threads:
        pending = [threads.submit(context.run, function, item) for context, item in zip(contexts, items, strict=True)]
        try:
            return [each.result() for each in pending]
        finally:
            for each in pending:
                each.cancel()
