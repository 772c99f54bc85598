from __future__ import annotations

import io

import pytest

from sqlengine.executor.context import Progress, TaskMetrics
from sqlengine.repl import progress
from sqlengine.repl.progress import ProgressLine


def event(done: int, total: int) -> Progress:
    return Progress(done, total, TaskMetrics(0, done, 1, 0.1, 0, 0, "w", 0.0))


def test_the_line_appears_after_two_seconds_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    stream = io.StringIO()
    line = ProgressLine(stream)
    now = 101.9
    line(event(1, 8))
    assert stream.getvalue() == ""
    now = 104.0
    line(event(2, 8))
    assert stream.getvalue() == "\r\x1b[K" + "█" * 8 + "░" * 22 + "  25%, about 12 s left"
    now = 104.05
    line(event(3, 8))
    assert "38%" not in stream.getvalue()
    line.clear()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_a_short_query_leaves_nothing() -> None:
    stream = io.StringIO()
    line = ProgressLine(stream)
    line(event(1, 1))
    line.clear()
    assert stream.getvalue() == ""
