"""The bytes of JSON files in blocks of whole values, and which of the three layouts a file has.

A line end cannot stand within a JSON string, so in newline-delimited files every line end closes a value. Elsewhere
values end where brackets outside of strings balance; a compiled loop finds these places, in short texts numpy.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sqlengine.errors import FileFormatError
from sqlengine.kernels.json_scanning import find_boundary
from sqlengine.storage.filesystem import compression_of, file_errors, open_input, open_stream
from sqlengine.storage.json_options import ARRAY, AUTO, NEWLINE_DELIMITED, UNSTRUCTURED

BLOCK_BYTES: Final = 1 << 20
"""What is parsed at a time, about."""

SCANNED_BYTES: Final = 32 << 10
"""Text of fewer bytes is not worth loading compiled code for."""

BOM: Final = b"\xef\xbb\xbf"
_BLANK: Final = b" \t\r\n"
_MARKS: Final = np.zeros(256, np.bool_)
_MARKS[list(b'"\\{}[],')] = True
_STEPS: Final = np.zeros(256, np.int8)
_STEPS[list(b"{[")] = 1
_STEPS[list(b"}]")] = -1

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Block:
    """Whole values of one file.

    Attributes
    ----------
    data
        The bytes; of an array without its brackets.
    layout
        How the file is laid out.
    offset
        Of the first byte in the (decompressed) file.
    first, last
        Whether this is the first, the last block of an array.
    """

    data: bytes
    layout: str
    offset: int
    first: bool = False
    last: bool = False


def read_blocks(path: str, start: int, stop: int, layout: str, most: int) -> Iterator[Block]:
    """The blocks of a stretch of a file, or of all of it if it is compressed.

    Parameters
    ----------
    layout
        One of the formats of `json_options`; AUTO looks at the first block. A stretch of an array that does not begin,
        or end, with the file begins, or ends, behind a comma.
    most
        Bytes that a value may have.

    Raises
    ------
    FileFormatError
        A value is longer than that, or an array does not end.
    """
    pieces = _Pieces(path, start, stop)
    if layout == AUTO:
        layout = find_layout(pieces.peek(), pieces.ended)
    if layout == ARRAY:
        yield from _array_blocks(pieces, most, start <= len(BOM))
        return
    cut = _last_line_end if layout == NEWLINE_DELIMITED else _last_value_end
    while data := pieces.take(cut, most):
        yield Block(data, layout, pieces.offset - len(data))


def find_layout(head: bytes, whole: bool) -> str:
    """The layout of a file that begins with `head`; `whole` says whether that is all of it.

    As DuckDB tells them: newline-delimited if the first line that is not empty is a value; an array if there is one
    array and nothing else.
    """
    text = head.lstrip(_BLANK)
    if not text:
        return NEWLINE_DELIMITED
    line, ending, rest = text.partition(b"\n")
    if _is_value(line):
        alone = whole and not rest.strip(_BLANK)
        return ARRAY if line.startswith(b"[") and alone else NEWLINE_DELIMITED
    if not text.startswith(b"["):
        return NEWLINE_DELIMITED if ending and _is_broken_line(text, rest.partition(b"\n")[0]) else UNSTRUCTURED
    end = _array_end(np.frombuffer(text, np.uint8)[1:])
    if end is None:
        return ARRAY
    return ARRAY if whole and not text[end + 2 :].strip(_BLANK) else UNSTRUCTURED


def line_windows(path: str, size: int, count: int, width: int, most: int) -> Iterator[Block]:
    """At most `count` stretches of whole lines, about `width` bytes each, evenly spread over an uncompressed file.

    FileFormatError if one of them must have a value of more than `most` bytes.
    """
    stop = 0
    with file_errors(path, "JSON"):
        source = open_input(path)
        for number in range(count):
            begin = number * max(0, size - width) // max(1, count - 1)
            start = line_end(source, begin - 1, size) if begin else 0
            if start < stop:
                continue
            stop = line_end(source, start + width, size)
            if stop - start > width + most:
                raise _too_long(path, start, most)
            data = source.read_at(stop - start, start)
            yield Block(data if start else data.removeprefix(BOM), NEWLINE_DELIMITED, start)


def line_number(path: str, offset: int) -> int:
    """The number of the line, from 1, that holds the byte at `offset` of the (decompressed) file."""
    lines = 1
    with file_errors(path, "JSON"):
        stream = open_stream(path)
        while offset > 0 and (data := stream.read(min(offset, BLOCK_BYTES))):
            lines += data.count(b"\n")
            offset -= len(data)
    return lines


def _too_long(path: str, offset: int, most: int) -> FileFormatError:
    line = line_number(path, offset)
    return FileFormatError(
        f"{path!r}, line {line}: a value has more than {most} bytes; allow more with maximum_object_size"
    )


class _Pieces:
    """The bytes of a stretch of a file, handed out as far as a cut says."""

    def __init__(self, path: str, start: int, stop: int) -> None:
        self.path = path
        self.offset = start
        self.ended = False
        self.cut_off = False
        self._rest = b""
        with file_errors(path, "JSON"):
            if compression_of(path) is None:
                self._source = open_input(path)
                self._source.seek(start)
                self._left = stop - start
                self.reach_end = stop >= self._source.size()
            else:
                self._source = open_stream(path)
                self._left = 1 << 62
                self.reach_end = True
        if start == 0:
            head = self.peek()
            if head.startswith(BOM):
                self.offset = len(BOM)
                self._rest = head[len(BOM) :]

    def peek(self, least: int = BLOCK_BYTES) -> bytes:
        """The next bytes, at least so many unless the file ends."""
        with file_errors(self.path, "JSON"):
            while not self.ended and len(self._rest) < least:
                data = self._source.read(min(self._left, least - len(self._rest)))
                self._left -= len(data)
                self._rest = self._rest + data if self._rest else data
                self.ended = not data or not self._left
        return self._rest

    def take(self, cut: Callable[[bytes], int], most: int, exactly: bool = False) -> bytes:
        """The next bytes up to where `cut` says, or all of the last ones; b"" when there is nothing.

        `exactly`: the last bytes are cut, too; if there is nowhere to cut them, `cut_off` is set.
        """
        wanted = BLOCK_BYTES
        while True:
            data = self.peek(wanted)
            end = cut(data) if exactly or not self.ended else 0
            if end or self.ended:
                self.cut_off = exactly and not end
                return self.drop(end or len(data))
            if len(data) > max(most, BLOCK_BYTES):
                raise _too_long(self.path, self.offset, most)
            wanted = min(2 * len(data), max(most, BLOCK_BYTES) + 1)

    def drop(self, size: int) -> bytes:
        """Hand out so many of the bytes last peeked at."""
        taken, self._rest = self._rest[:size], self._rest[size:]
        self.offset += len(taken)
        return taken


def _array_blocks(pieces: _Pieces, most: int, first: bool) -> Iterator[Block]:
    if first and not _open_array(pieces):
        return
    while pieces.reach_end or pieces.peek():
        data = pieces.take(_last_comma, most, exactly=True)
        if pieces.cut_off:
            raise FileFormatError(f"{pieces.path!r}: the array does not end; the file may have been cut off")
        last = data.endswith(b"]")
        yield Block(data[:-1] if last else data, ARRAY, pieces.offset - len(data), first, last)
        if last:
            break
        first = False
    while behind := pieces.peek():
        if behind.strip(_BLANK):
            raise FileFormatError(
                f"{pieces.path!r}: {behind.strip(_BLANK)[:20]!r} stands behind the array; leave out format = 'array'"
            )
        pieces.drop(len(behind))


def _open_array(pieces: _Pieces) -> bool:
    """Drop the opening bracket; whether there is one: there is none in a blank file."""
    head = pieces.peek()
    blank = len(head) - len(head.lstrip(_BLANK))
    if head[blank : blank + 1] != b"[":
        if not head.strip(_BLANK) and pieces.ended:
            return False
        raise FileFormatError(
            f"{pieces.path!r} is not a JSON array: it begins with {head[blank:][:20]!r}; leave format out"
        )
    pieces.drop(blank + 1)
    return True


@dataclass(frozen=True, slots=True)
class Outline:
    """Where the brackets and commas outside of strings are, and how deep one is behind each."""

    places: NDArray[np.int64]
    marks: Bytes
    steps: NDArray[np.int8]
    depths: NDArray[np.int64]


def outline(data: Bytes) -> Outline:
    """The outline of bytes that begin outside of strings."""
    places = np.flatnonzero(_MARKS[data])
    marks = data[places]
    slashes = places[marks == ord("\\")]
    if len(slashes):
        kept = marks != ord("\\")
        places, marks = places[kept], marks[kept]
        # A quote is escaped by an odd number of backslashes before it.
        starts = slashes[np.flatnonzero(np.diff(slashes, prepend=-2) != 1)]
        behind = (places > 0) & (data[np.maximum(places - 1, 0)] == ord("\\"))
        run = starts[np.maximum(np.searchsorted(starts, places) - 1, 0)]
        kept = ~(behind & (marks == ord('"')) & ((places - run) % 2 == 1))
        places, marks = places[kept], marks[kept]
    quotes = marks == ord('"')
    outside = ~quotes & (np.cumsum(quotes) % 2 == 0)
    places, marks = places[outside], marks[outside]
    steps = _STEPS[marks]
    return Outline(places, marks, steps, np.cumsum(steps, dtype=np.int64))


def as_objects(data: bytes) -> bytes | None:
    """The bytes of an array of objects with blanks for the commas between them.

    None if there is something else in it, or not one comma behind each object (but perhaps the last).
    """
    array = np.frombuffer(data, np.uint8).copy()
    found = outline(array)
    commas = (found.marks == ord(",")) & (found.depths == 0)
    marks = found.marks[commas | ((found.steps == 1) & (found.depths == 1))]
    if not ((marks[::2] == ord("{")).all() and (marks[1::2] == ord(",")).all()):
        return None
    array[found.places[commas]] = ord(" ")
    return array.tobytes()


def _last_line_end(data: bytes) -> int:
    return data.rfind(b"\n") + 1


def _last_value_end(data: bytes) -> int:
    """Behind the last bracket that closes a value; 0 if there is none."""
    array = np.frombuffer(data, np.uint8)
    if len(data) >= SCANNED_BYTES:
        return int(find_boundary(array, 0))
    found = outline(array)
    ends = found.places[(found.steps == -1) & (found.depths == 0)]
    return int(ends[-1]) + 1 if len(ends) else 0


def _last_comma(data: bytes) -> int:
    """Behind the last comma between elements, or behind the bracket that closes the array."""
    array = np.frombuffer(data, np.uint8)
    if len(data) >= SCANNED_BYTES:
        return int(find_boundary(array, 1))
    found = outline(array)
    below = np.flatnonzero(found.depths < 0)
    if len(below):
        return int(found.places[below[0]]) + 1
    commas = found.places[(found.marks == ord(",")) & (found.depths == 0)]
    return int(commas[-1]) + 1 if len(commas) else 0


def _array_end(data: Bytes) -> int | None:
    """Where the bracket is that closes an array whose opening bracket is before `data`."""
    found = outline(data)
    below = np.flatnonzero(found.depths < 0)
    return int(found.places[below[0]]) if len(below) else None


def line_end(source: pa.NativeFile, offset: int, size: int) -> int:
    """The offset behind the first line end at or after `offset`; `size` if there is none."""
    while offset < size:
        data = source.read_at(min(64 << 10, size - offset), offset)
        found = data.find(b"\n")
        if found >= 0:
            return int(offset + found + 1)
        offset += len(data)
        if not data:
            break
    return size


def _is_broken_line(text: bytes, second: bytes) -> bool:
    """Whether `text` begins with no value at all, but an object makes up its second line."""
    try:
        json.JSONDecoder().raw_decode(text.decode(errors="replace"))
    except ValueError:
        return second.startswith(b"{") and _is_value(second)
    except RecursionError:
        pass
    return False


def _is_value(line: bytes) -> bool:
    if not line.strip(_BLANK):
        return False
    try:
        json.loads(line)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True
