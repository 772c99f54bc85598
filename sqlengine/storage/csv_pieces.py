"""The bytes of CSV files in pieces of whole records, as Arrow's parser wants them: UTF-8, without comments.

A plain file is cut into splits at record ends, each of which is one piece. Files that cannot be cut (compressed, with
comments, with other escapes than doubled quotes, in UTF-16) are read from front to back, a piece at a time.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

import numpy as np

from sqlengine.errors import Error, FileFormatError
from sqlengine.storage.csv_dialect import Dialect
from sqlengine.storage.csv_records import (
    Bytes,
    Offsets,
    ends_within_quotes,
    first_record_end,
    last_record_end,
    line_end_byte,
)
from sqlengine.storage.filesystem import changed, compression_of, file_bytes, file_errors, open_stream

_BOM: Final = b"\xef\xbb\xbf"

# A file that cannot be cut is read in blocks of this size.
BLOCK: Final = 16 << 20
# A record may have so many bytes.
MOST_BYTES: Final = 8 * BLOCK

_NO_OFFSETS: Final[Offsets] = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Piece:
    """Records, and where they come from.

    Attributes
    ----------
    data
        The records without comments, in UTF-8 (where the file is; lone bytes that are not are left as they are).
    original
        The same with comments.
    start
        Bytes of the file (decompressed, in UTF-8) before the piece.
    lines
        Lines of the file before the piece.
    places, removed
        Offsets in `data` at which bytes of `original` were left out, and how many were up to there.
    is_last
        Whether the file ends with it.
    """

    data: Bytes
    original: Bytes
    start: int = 0
    lines: int = 0
    places: Offsets = field(default_factory=lambda: _NO_OFFSETS)
    removed: Offsets = field(default_factory=lambda: _NO_OFFSETS)
    is_last: bool = False

    def offset(self, place: int) -> int:
        """The offset in `original` of the byte at `place` in `data`."""
        passed = int(np.searchsorted(self.places, place, side="right"))
        return place + (int(self.removed[passed - 1]) if passed else 0)

    def line(self, place: int) -> int:
        """The number, from 1, of the file's line with the byte at `place` in `data`."""
        before = self.original[: self.offset(place)]
        return self.lines + 1 + int(np.count_nonzero(before == line_end_byte(self.original, 0, len(self.original))))


def map_file(path: str) -> Bytes:
    """The bytes of an uncompressed file."""
    with file_errors(path, "CSV"):
        return file_bytes(path)


def too_long(path: str) -> Error:
    """The error for a file with a record of more than `MOST_BYTES`."""
    return FileFormatError(f"{path!r} has a record of more than {MOST_BYTES >> 20} MiB; is a quote not closed?")


def is_streamed(path: str, dialect: Dialect) -> bool:
    """Whether a file can only be read from front to back."""
    return compression_of(path) is not None or not dialect.can_be_cut


def read_start(path: str, size: int, encoding: str) -> tuple[bytes, bool]:
    """The first `size` bytes of a file, decompressed, made UTF-8, and whether these are all."""
    with file_errors(path, "CSV"), open_stream(path) as stream:
        raw = bytes(stream.read(size + 1))
    text = raw[:size]
    if encoding != "utf8":
        # The last character may be cut.
        text = _decoder(encoding, text, "replace").decode(text).encode("utf8", "replace")
    return text, len(raw) <= size


def pieces(path: str, start: int, stop: int, dialect: Dialect) -> Iterator[Piece]:
    """The pieces of the stretch [start, stop) of a file, header left out; of all of it if it is streamed.

    Lines are counted for streamed files only; see `with_lines`.

    Raises
    ------
    FileFormatError
        If the file is shorter than it was, is no text in the encoding, or has a record of more than 128 MiB.
    """
    if is_streamed(path, dialect):
        yield from _stream(path, dialect)
        return
    whole = map_file(path)
    data = whole[start:stop]
    if len(data) < stop - start:
        raise changed(path)
    if dialect.encoding != "utf8":
        text = bytes(data).decode(dialect.encoding).encode()
        data = np.frombuffer(text, np.uint8)
    yield Piece(data, data, start, is_last=stop == len(whole))


def with_lines(path: str, piece: Piece, dialect: Dialect) -> Piece:
    """A piece that knows the number of its first line, for telling what is wrong with it."""
    if is_streamed(path, dialect) or not piece.start:
        return piece
    before = map_file(path)[: piece.start]
    lines = int(np.count_nonzero(before == line_end_byte(before, 0, len(before))))
    return Piece(piece.data, piece.original, piece.start, lines)


def prepared(data: bytes | Bytes, dialect: Dialect, at_start: bool) -> Piece:
    """Bytes in UTF-8 as a piece: comments left out, and at the start of a file byte order mark and skipped lines."""
    array = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
    begin = records_start(array, dialect) if at_start else 0
    lines = int(np.count_nonzero(array[:begin] == line_end_byte(array, 0, len(array)))) if begin else 0
    return _without_comments(array[begin:], dialect, begin, lines)


def records_start(data: Bytes, dialect: Dialect) -> int:
    """The offset of the first record (the header, if there is one): behind byte order mark and skipped lines."""
    start = 3 if bytes(data[:3]) == _BOM else 0
    for _ in range(dialect.skip):
        start = first_record_end(data, start, dialect.delimiter, "")
    return start


def header_end(data: Bytes, start: int, dialect: Dialect) -> int:
    """The offset behind the first record that is not an empty line, if that is the header; else `start`."""
    if not dialect.header:
        return start
    visible = neutral(data, dialect)
    while start < len(data):
        end = first_record_end(visible, start, dialect.delimiter, dialect.quote)
        if bytes(data[start:end]).strip(b"\r\n"):
            return end
        start = end
    return start


def neutral(data: Bytes, dialect: Dialect) -> Bytes:
    """`data` with escaped characters as letters, so that all quotes that are left open or close a field."""
    if dialect.doubles:
        return data
    text = data.tobytes()
    if dialect.escape.encode() in text:
        text = _escaped(dialect.escape).sub(b"xx", text)
    if dialect.quote and (dialect.quote * 2).encode() in text:
        # Behind a quote that closes a field, others are just text: here they are not doubled.
        fields = _quoted_fields(dialect.delimiter, dialect.quote)
        text = fields.sub(lambda match: match[1] + b"x" * len(match[2]), text)
    return np.frombuffer(text, np.uint8)


def is_left_open(data: Bytes, dialect: Dialect) -> bool:
    """Whether records end within quotes."""
    return ends_within_quotes(neutral(data, dialect), dialect.delimiter, dialect.quote)


@cache
def _escaped(escape: str) -> re.Pattern[bytes]:
    return re.compile(re.escape(escape.encode()) + rb"[\s\S]")


@cache
def _quoted_fields(delimiter: str, quote: str) -> re.Pattern[bytes]:
    sign, separator = re.escape(quote), re.escape(delimiter)
    return re.compile(rf"((?:\A|(?<=[\r\n{separator}])){sign}[^{sign}]*{sign})([^\r\n{separator}]*)".encode())


def _stream(path: str, dialect: Dialect) -> Iterator[Piece]:
    rest = np.zeros(0, np.uint8)
    start = lines = 0
    for block, is_last in _blocks(path, dialect.encoding):
        rest = np.concatenate([rest, block]) if len(rest) else block
        if len(rest) > MOST_BYTES:
            raise too_long(path)
        begin = records_start(rest, dialect) if start == 0 else 0
        newline = line_end_byte(rest, 0, len(rest))
        before = int(np.count_nonzero(rest[:begin] == newline))
        piece = _without_comments(rest[begin:], dialect, start + begin, lines + before)
        visible = neutral(piece.data, dialect)
        first = header_end(piece.data, 0, dialect) if start == 0 else 0
        stop = len(piece.data)
        if not is_last:
            stop = last_record_end(visible, first, stop, dialect.delimiter, dialect.quote)
            if stop == first:
                continue
        used = begin + (len(piece.original) if is_last else piece.offset(stop))
        yield replace(between(piece, first, stop), is_last=is_last)
        start += used
        lines += int(np.count_nonzero(rest[:used] == newline))
        rest = rest[used:]


def between(piece: Piece, first: int, stop: int) -> Piece:
    """The records of `piece` from `first` to `stop`."""
    kept = (piece.places >= first) & (piece.places <= stop)
    passed = int(np.searchsorted(piece.places, first, side="left"))
    before = int(piece.removed[passed - 1]) if passed else 0
    newline = line_end_byte(piece.original, 0, len(piece.original))
    skipped = first + before
    return Piece(
        piece.data[first:stop],
        piece.original[skipped:],
        piece.start + skipped,
        piece.lines + int(np.count_nonzero(piece.original[:skipped] == newline)),
        piece.places[kept] - first,
        piece.removed[kept] - before,
    )


def _blocks(path: str, encoding: str) -> Iterator[tuple[Bytes, bool]]:
    """(bytes in UTF-8, whether they are the last) of a file, decompressed."""
    with file_errors(path, "CSV"), open_stream(path) as stream:
        ahead = stream.read(BLOCK)
        decoder = None if encoding == "utf8" else _decoder(encoding, bytes(ahead[:2]))
        while True:
            raw, ahead = ahead, stream.read(BLOCK) if ahead else b""
            last = not ahead
            if decoder is not None:
                raw = decoder.decode(bytes(raw), last).encode()
            yield np.frombuffer(raw, np.uint8), last
            if last:
                return


def _decoder(encoding: str, head: bytes, errors: str = "strict") -> codecs.IncrementalDecoder:
    """A decoder of a file that starts with `head`; UTF-16 without a byte order mark is little-endian, as in DuckDB."""
    if encoding == "utf-16":
        encoding = "utf-16-be" if head.startswith(codecs.BOM_UTF16_BE) else "utf-16-le"
    return codecs.getincrementaldecoder(encoding)(errors)


def _without_comments(data: Bytes, dialect: Dialect, start: int, lines: int) -> Piece:
    """`data` without comments; a line of nothing else goes as a whole."""
    if not dialect.comment or not (data == ord(dialect.comment)).any():
        return Piece(data, data, start, lines)
    text = data.tobytes()
    kept: list[bytes] = []
    places: list[int] = []
    removed: list[int] = []
    size = gone = last = 0
    # A quoted field is passed over by the same expression, so that a sign of comments in it is none.
    for match in _comments(dialect.delimiter, dialect.quote, dialect.escape, dialect.comment).finditer(text):
        comment = match[1] or match[2]
        if comment is None:
            continue
        kept.append(text[last : match.start()])
        size += len(kept[-1])
        gone += len(comment)
        places.append(size)
        removed.append(gone)
        last = match.end()
    kept.append(text[last:])
    whole = np.frombuffer(b"".join(kept), np.uint8)
    return Piece(whole, data, start, lines, np.asarray(places, np.int64), np.asarray(removed, np.int64))


@cache
def _comments(delimiter: str, quote: str, escape: str, comment: str) -> re.Pattern[bytes]:
    mark, separator = re.escape(comment), re.escape(delimiter)
    parts = []
    if quote:
        sign, way = re.escape(quote), re.escape(escape)
        inside = rf"[^{sign}]|{sign}{sign}" if escape in ("", quote) else rf"[^{sign}{way}]|{way}[\s\S]"
        parts.append(rf"(?:\A|(?<=[\r\n{separator}])){sign}(?:{inside})*{sign}")
    parts.append(rf"(?:\A|(?<=[\r\n]))({mark}[^\r\n]*(?:\r\n|\r|\n|\Z))")
    parts.append(rf"({mark}[^\r\n]*)")
    return re.compile("|".join(parts).encode())
