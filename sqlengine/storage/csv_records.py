"""Where the records of a CSV file end, found without parsing it: only quotes are looked at.

A quote opens a quoted field only at the start of a field, so whether a line end closes a record is decided by
the quotes before it. They are found by numpy, a chunk at a time; 1 to 2 GB/s. (Cutting CSV for parallel
parsing: Ge, Li, Eilebrecht, Chandramouli, Kossmann: "Speculative Distributed CSV Data Parsing for Big Data
Analytics", SIGMOD 2019; theirs guesses, this reads the file once.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, cached_property, partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Offsets = NDArray[np.int64]

# Fits a core's cache together with what is made of it: twice as fast as 1 MiB.
_CHUNK: Final = 1 << 18
# The first bytes of a record, which mostly hold all of it.
_NEAR: Final = 4096
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
    plain = _plain_line(delimiter, quote).match(bytes(data[start : start + _NEAR]))
    if plain is not None:
        return start + plain.end()
    for chunk in _scan(data, start, len(data), delimiter, quote):
        end = chunk.record_end(data, chunk.start)
        if end is not None:
            return end
    return len(data)


@cache
def _plain_line(delimiter: str, quote: str) -> re.Pattern[bytes]:
    """A line whose quotes, if it has any, enclose whole fields: most records, and it ends them for certain."""
    separator, sign = re.escape(delimiter), re.escape(quote)
    field = rf"(?:{sign}[^{sign}\r\n]*{sign}|[^{sign}{separator}\r\n]*)" if quote else rf"[^{separator}\r\n]*"
    return re.compile(rf"{field}(?:{separator}{field})*\r?\n".encode())


def last_record_end(data: Bytes, start: int, stop: int, delimiter: str, quote: str) -> int:
    """The offset behind the last record that ends within [start, stop); `start` if none does."""
    # Only the last chunks need a close look; whether they start within quotes, those before tell.
    for chunk in reversed(list(_scan(data, start, stop, delimiter, quote))):
        ends = chunk.record_ends(data)
        if len(ends):
            return int(ends[-1]) + 1
    return start


def ends_within_quotes(data: Bytes, delimiter: str, quote: str) -> bool:
    """Whether the last quote that opens a field is never closed."""
    last_quote = _last(data, quote) if quote else -1
    # It can only be one that opens a field, or the second of a pair.
    if last_quote < 0 or (
        last_quote and data[last_quote - 1] not in (*map(ord, (delimiter, quote)), _NEWLINE, _RETURN)
    ):
        return False
    *_, last = _scan(data, 0, len(data), delimiter, quote)
    return last.inside ^ bool(len(last.toggles) & 1)


def _last(data: Bytes, sign: str) -> int:
    """The offset of the last `sign` in `data`; -1 if there is none."""
    for stop in range(len(data), 0, -_CHUNK):
        start = max(0, stop - _CHUNK)
        found = data[start:stop].tobytes().rfind(ord(sign))
        if found >= 0:
            return start + found
    return -1


def record_starts(data: Bytes, delimiter: str, quote: str, keep_empty: bool) -> Offsets:
    """Where each record starts; `data` is whole records. Empty lines are no records, unless `keep_empty`.

    A lone carriage return ends a record too, wherever it stands: Arrow's reader, whose records these are, takes it so.
    """
    if not len(data):
        return np.zeros(0, np.int64)
    ends = [chunk.line_ends(data) + 1 for chunk in _scan(data, 0, len(data), delimiter, quote)]
    stops: Offsets = np.concatenate([*ends, np.asarray([len(data)], np.int64)])
    starts = np.concatenate([np.zeros(1, np.int64), stops[:-1]])
    kept = starts < len(data)
    if not keep_empty:
        # What has more than a line end: one byte, or a carriage return and a newline.
        first = data[np.minimum(starts, len(data) - 1)]
        kept &= (first != _NEWLINE) & (first != _RETURN)
    found: Offsets = starts[kept]
    return found


class _Chunk:
    """A stretch of a file.

    `inside` says whether `start` lies within quotes, `newline` is the byte that ends lines.
    """

    def __init__(self, start: int, stop: int, inside: bool, newline: int, toggles: Callable[[], Offsets]) -> None:
        self.start = start
        self.stop = stop
        self.inside = inside
        self.newline = newline
        self._toggles = toggles

    @cached_property
    def toggles(self) -> Offsets:
        """Offsets of the quotes that open or close a field within [start, stop)."""
        return self._toggles()

    def record_end(self, data: Bytes, offset: int) -> int | None:
        """The offset behind the first record that ends at or after `offset`, or None if none does in this chunk."""
        # Lines are short: look at a little first.
        for stop in (min(offset + 4096, self.stop), self.stop):
            ends = self._record_ends(data, offset, stop)
            if len(ends):
                return int(ends[0]) + 1
        return None

    def record_ends(self, data: Bytes) -> Offsets:
        """Offsets of all line ends in this chunk that end a record."""
        return self._record_ends(data, self.start, self.stop)

    def _record_ends(self, data: Bytes, start: int, stop: int) -> Offsets:
        ends = np.flatnonzero(data[start:stop] == self.newline) + start
        outside = (np.searchsorted(self.toggles, ends) & 1) == int(self.inside)
        kept: Offsets = ends[outside]
        return kept

    def line_ends(self, data: Bytes) -> Offsets:
        """As `record_ends`, but a carriage return alone ends a record as well."""
        block = data[self.start : self.stop]
        ends = np.flatnonzero((block == _NEWLINE) | (block == _RETURN)) + self.start
        following = data[np.minimum(ends + 1, len(data) - 1)]
        alone = (data[ends] == _NEWLINE) | (following != _NEWLINE) | (ends + 1 == len(data))
        outside = (np.searchsorted(self.toggles, ends) & 1) == int(self.inside)
        kept: Offsets = ends[alone & outside]
        return kept


def _scan(data: Bytes, start: int, stop: int, delimiter: str, quote: str) -> Iterator[_Chunk]:
    newline = line_end_byte(data, start, stop)
    inside = False
    # The last quote that opened or closed a field; only asked whether it is the byte before.
    last = -1
    for first in range(start, stop, _CHUNK):
        end = min(first + _CHUNK, stop)
        chunk = data[first:end]
        quotes = chunk == ord(quote) if quote else np.zeros(0, np.bool_)
        count = int(np.count_nonzero(quotes))
        if not count:
            yield _Chunk(first, end, inside, newline, lambda: np.empty(0, np.int64))
            continue
        separators = (chunk == ord(delimiter)) | (chunk == _NEWLINE) | (chunk == _RETURN)
        boundary = first == start or last == first - 1 or data[first - 1] in (ord(delimiter), _NEWLINE, _RETURN)
        if _is_regular(quotes, separators, inside, boundary):
            yield _Chunk(first, end, inside, newline, partial(_offsets, quotes, first))
            inside ^= bool(count & 1)
            last = end - 1 if quotes[-1] else -1
        else:
            toggles = _walk(quotes, separators, inside, boundary, first)
            yield _Chunk(first, end, inside, newline, partial(_same, toggles))
            inside ^= bool(len(toggles) & 1)
            last = int(toggles[-1]) if len(toggles) else -1


def _offsets(quotes: Flags, first: int) -> Offsets:
    return np.flatnonzero(quotes) + first


def _same(toggles: Offsets) -> Offsets:
    return toggles


def line_end_byte(data: Bytes, start: int, stop: int) -> int:
    """The byte that ends lines: a carriage return only where no newline is near (old Macintosh files)."""
    head = data[start : min(stop, start + _CHUNK)]
    return _RETURN if (head == _RETURN).any() and not (head == _NEWLINE).any() else _NEWLINE


def _is_regular(quotes: Flags, separators: Flags, inside: bool, boundary: bool) -> bool:
    """Whether every quote of a chunk opens or closes a field, as in a well-formed file all do.

    Every other quote opens (the second of a doubled quote opens again), so it must follow a separator or
    another quote. Computed on bits, 64 bytes a word, with a prefix XOR for "inside" (Langdale, Lemire:
    "Parsing Gigabytes of JSON per Second", VLDB Journal 28, 2019, section 3.1.1).

    Parameters
    ----------
    boundary
        Whether a quote may open at the chunk's first byte.
    """
    words = _bits(quotes)
    within = words.copy()
    for shift in (1, 2, 4, 8, 16, 32):
        within ^= within << np.uint64(shift)
    odd = np.bitwise_count(words) & 1
    before = np.cumsum(odd, dtype=np.uint8) - odd + inside
    # Words that start within quotes are flipped: subtracting 1 from 0 sets every bit.
    within ^= np.where(before & 1, ~np.uint64(0), np.uint64(0))
    opening = _bits(quotes | separators)
    allowed = opening << np.uint64(1)
    allowed[1:] |= opening[:-1] >> np.uint64(63)
    allowed[0] |= np.uint64(boundary)
    return not bool((words & within & ~allowed).any())


def _bits(flags: Flags) -> NDArray[np.uint64]:
    packed = np.packbits(flags, bitorder="little")
    padded = np.zeros(-(-len(packed) // 8) * 8, np.uint8)
    padded[: len(packed)] = packed
    return padded.view(np.uint64)


def _walk(quotes: Flags, separators: Flags, inside: bool, boundary: bool, first: int) -> Offsets:
    """The quotes of a chunk that open or close a field, where some do not: 5" pipe is just text."""
    kept = []
    last = -1
    for position in np.flatnonzero(quotes).tolist():
        opens = boundary if position == 0 else separators[position - 1] or (last >= 0 and last == position - 1)
        if inside or opens:
            kept.append(position)
            inside = not inside
            last = position
    return np.asarray(kept, np.int64) + first
