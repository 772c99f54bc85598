"""The progress line: on a terminal, for queries that take longer than a glance."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from sqlengine.executor.context import Progress

_QUIET_SECONDS: Final = 2.0
_REDRAW_SECONDS: Final = 0.1
_ERASE: Final = "\r\x1b[K"
_BAR: Final = 30


class ProgressLine:
    """Call it with each progress event of one query; `clear` it before anything else is printed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started = time.monotonic()
        self._drawn = 0.0

    def __call__(self, progress: Progress) -> None:
        """Redraw the line, at most ten times a second, and not before two seconds have passed."""
        now = time.monotonic()
        if now - self._started < _QUIET_SECONDS or now - self._drawn < _REDRAW_SECONDS:
            return
        self._drawn = now
        share = progress.done / max(progress.total, 1)
        left = (now - self._started) * (1 - share) / share if share else 0.0
        bar = "█" * round(share * _BAR)
        self._stream.write(f"{_ERASE}{bar:░<{_BAR}} {share:4.0%}, about {left:,.0f} s left")
        self._stream.flush()

    def clear(self) -> None:
        """Remove the line, if it was drawn, and start the clock again."""
        if self._drawn:
            self._stream.write(_ERASE)
            self._stream.flush()
        self._started, self._drawn = time.monotonic(), 0.0
