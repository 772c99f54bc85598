"""Where the records of a CSV file end, found without parsing it: only quotes are looked at.

A quote opens a quoted field only at the start of a field, so whether a line end closes a record is decided by
the quotes before it. They are found by numpy, a chunk at a time; about 2 GB/s. (Cutting CSV for parallel
parsing: Ge, Li, Eilebrecht, Chandramouli, Kossmann: "Speculative Distributed CSV Data Parsing for Big Data
Analytics", SIGMOD 2019; theirs guesses, this reads the file once.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

_CHUNK: Final = 1 << 20
_NEWLINE: Final = 10
_RETURN: Final = 13


def cut_records(data: Bytes, start: int, target: int, delimiter: str, quote: str) -> list[int]:
    """Offsets [start, …, len(data)] that cut `data` into pieces of whole records, about `target` bytes each.

    Parameters
    ----------
    data
        The whole file; `start` must be the start of a record.
    quote
        '' if the file has no quoting.
    """
    size = len(data)
    cuts = [start]
    if size - start > target:
        goal = start + target
        for chunk in _scan(data, start, size, delimiter, quote):
            while goal < chunk.stop:
                end = chunk.record_end(data, max(goal, chunk.start))
                if end is None:
                    break
                # The rest must not be a sliver.
                if size - end < max(1, target // 4):
                    goal = size
                    break
                cuts.append(end)
                goal = end + target
            if goal >= size:
                break
    if size > start:
        cuts.append(size)
    return cuts


def first_record_end(data: Bytes, start: int, delimiter: str, quote: str) -> int:
    """The offset behind the record that starts at `start`, line end included."""
    for chunk in _scan(data, start, len(data), delimiter, quote):
        end = chunk.record_end(data, chunk.start)
        if end is not None:
            return end
    return len(data)


def last_record_end(data: Bytes, start: int, stop: int, delimiter: str, quote: str) -> int:
    """The offset behind the last record that ends within [start, stop); `start` if none does."""
    last = start
    for chunk in _scan(data, start, stop, delimiter, quote):
        ends = chunk.record_ends(data)
        if len(ends):
            last = int(ends[-1]) + 1
    return last


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A stretch of a file.

    `toggles` are the offsets of quotes that open or close a field within [start, stop); `inside` says whether
    `start` lies within quotes. `newline` is the byte that ends lines.
    """

    start: int
    stop: int
    inside: bool
    toggles: NDArray[np.int64]
    newline: int

    def record_end(self, data: Bytes, offset: int) -> int | None:
        """The offset behind the first record that ends at or after `offset`, or None if none does in this chunk."""
        while offset < self.stop:
            passed = int(np.searchsorted(self.toggles, offset))
            inside = self.inside ^ bool(passed & 1)
            if inside:
                if passed == len(self.toggles):
                    return None
                offset = int(self.toggles[passed]) + 1
                continue
            until = int(self.toggles[passed]) if passed < len(self.toggles) else self.stop
            # Lines are short: look at a little first.
            step = offset
            while step < until:
                block = data[step : min(until, step + 4096)]
                found = np.flatnonzero(block == self.newline)
                if len(found):
                    return step + int(found[0]) + 1
                step += len(block)
            offset = until + 1
        return None

    def record_ends(self, data: Bytes) -> NDArray[np.int64]:
        """Offsets of all line ends in this chunk that end a record."""
        ends = np.flatnonzero(data[self.start : self.stop] == self.newline) + self.start
        outside = (np.searchsorted(self.toggles, ends) & 1) == int(self.inside)
        kept: NDArray[np.int64] = ends[outside]
        return kept


def _scan(data: Bytes, start: int, stop: int, delimiter: str, quote: str) -> Iterator[_Chunk]:
    newline = _line_end(data, start, stop)
    separators = np.array([ord(delimiter), _NEWLINE, _RETURN], np.uint8)
    inside = False
    last = -1
    for first in range(start, stop, _CHUNK):
        end = min(first + _CHUNK, stop)
        toggles = np.empty(0, np.int64)
        if quote:
            quotes = np.flatnonzero(data[first:end] == ord(quote)) + first
            toggles = _toggles(data, start, quotes, inside, last, separators)
        yield _Chunk(first, end, inside, toggles, newline)
        inside ^= bool(len(toggles) & 1)
        if len(toggles):
            last = int(toggles[-1])


def _line_end(data: Bytes, start: int, stop: int) -> int:
    """The byte that ends lines: a carriage return only where no newline is near (old Macintosh files)."""
    head = data[start : min(stop, start + _CHUNK)]
    return _RETURN if (head == _RETURN).any() and not (head == _NEWLINE).any() else _NEWLINE


def _toggles(data: Bytes, start: int, quotes: Any, inside: bool, last: int, separators: Bytes) -> NDArray[np.int64]:
    """Those of `quotes` that open or close a quoted field.

    In a well-formed file all do: every other one opens (the second of a doubled quote opens again). One that
    should open but stands within a field (5" pipe) is an ordinary character; then the quotes are walked one
    by one, still exactly.

    Parameters
    ----------
    last
        The last quote before these that toggled, -1 if none.
    """
    openers = quotes[int(inside) :: 2]
    before = data[np.maximum(openers - 1, 0)]
    previous = np.concatenate([[last], quotes])[int(inside) :: 2][: len(openers)]
    legal = np.isin(before, separators) | (openers == start) | (previous == openers - 1)
    if legal.all():
        return np.asarray(quotes, np.int64)
    kept = []
    is_separator = np.isin(data[np.maximum(quotes - 1, 0)], separators) | (quotes == start)
    for position, after_separator in zip(quotes.tolist(), is_separator.tolist(), strict=True):
        if inside or after_separator or last == position - 1:
            kept.append(position)
            inside = not inside
            last = position
    return np.asarray(kept, np.int64)
