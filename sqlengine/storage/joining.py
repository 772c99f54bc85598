"""One file made of parts that several writers wrote: for formats whose bytes can be put one after the other.

A part is a whole file by itself; its writer knows nothing of the others. What begins and ends the joined file comes
from a file without rows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Final, Protocol

from sqlengine.storage.format import Options

# Bytes that are copied at a time: with more, memory that is new each time costs more than the copying.
_PIECE: Final = 256 << 10


class Joining(Protocol):
    """How parts of one format become a file."""

    def part_options(self, options: Options) -> Options | None:
        """The options that parts of a file with `options` are written with; None: one writer must write it all."""
        ...

    def part_rows(self, options: Options) -> int:
        """The rows that a part should have at least: with fewer the file would be worse than one writer's."""
        ...

    def join(
        self, head: str, parts: Sequence[str], options: Options, stream: IO[bytes], check: Callable[[], None]
    ) -> None:
        """Write the rows of the files `parts`, in order, to `stream` as one file; the parts are used up.

        `head` is a whole file of that kind without rows. `check` is called now and then, to raise if nobody wants the
        file any more.
        """
        ...


class Concatenation:
    """For text: the head, then line after line. Of compressed files each part stays a member (gzip, bz2), a frame
    (zstd, lz4) or a stream (xz) of its own, which readers of these take for one.

    Parameters
    ----------
    changes
        What the options of parts have otherwise: no second header.
    excluded
        Name of an option with which files cannot be put one after the other.
    """

    def __init__(self, changes: Mapping[str, object], excluded: str = "") -> None:
        self._changes = changes
        self._excluded = excluded

    def part_options(self, options: Options) -> Options | None:
        """See `Joining.part_options`."""
        return None if options.get(self._excluded) else {**options, **self._changes}

    def part_rows(self, options: Options) -> int:
        """See `Joining.part_rows`."""
        return 1

    def join(
        self, head: str, parts: Sequence[str], options: Options, stream: IO[bytes], check: Callable[[], None]
    ) -> None:
        """See `Joining.join`."""
        for part in (head, *parts):
            copy_bytes(part, 0, os.path.getsize(part), stream, check)
            os.unlink(part)


def copy_bytes(path: str, start: int, stop: int, stream: IO[bytes], check: Callable[[], None]) -> None:
    """Append bytes of a file to `stream`."""
    buffer = memoryview(bytearray(_PIECE))
    with open(path, "rb", buffering=0) as source:
        source.seek(start)
        while start < stop:
            check()
            size = source.readinto(buffer[: stop - start])
            if not size:
                raise OSError(f"{path!r} ends early")
            stream.write(buffer[:size])
            start += size
