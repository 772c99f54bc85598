"""Parquet files put together: their row groups as they are, one after the other, and a footer that knows where.

Apache Parquet, `parquet.thrift`: the numbers of fields below are from there. Only for files that this package wrote:
they have no page indexes and no encryption, whose places are told elsewhere, too.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Final

from sqlengine.storage.format import Options
from sqlengine.storage.joining import copy_bytes
from sqlengine.storage.thrift import Struct, Value, parse_struct, struct_bytes

_MAGIC: Final = b"PAR1"
# FileMetaData
_NUM_ROWS, _ROW_GROUPS = 3, 4
# RowGroup
_COLUMNS, _GROUP_AT, _ORDINAL = 1, 5, 7
_LAST_ORDINAL: Final = 32_767
# ColumnChunk
_CHUNK_AT, _METADATA = 2, 3
# ColumnMetaData: pages of data, of an index, of the dictionary; the Bloom filter.
_PLACES: Final = (9, 10, 11, 14)


class ParquetJoining:
    """Joins parts; those with few rows, which would be small row groups, are encoded again as one.

    Parameters
    ----------
    group_rows
        The size of row groups under some options.
    encode
        Writes one file from several, given their paths.
    """

    def __init__(
        self, group_rows: Callable[[Options], int], encode: Callable[[Sequence[str], Options, IO[bytes]], None]
    ) -> None:
        self._group_rows = group_rows
        self._encode = encode

    def part_options(self, options: Options) -> Options | None:
        """See `Joining.part_options`."""
        return options

    def part_rows(self, options: Options) -> int:
        """See `Joining.part_rows`: those of a row group."""
        return self._group_rows(options)

    def join(
        self, head: str, parts: Sequence[str], options: Options, stream: IO[bytes], check: Callable[[], None]
    ) -> None:
        """See `Joining.join`."""
        footer = _Part.of(head).footer
        groups = []
        stream.write(_MAGIC)
        at = len(_MAGIC)
        for few in _together(map(_Part.of, parts), self._group_rows(options)):
            part = few[0] if len(few) == 1 else self._encoded_again(few, options)
            copy_bytes(part.path, len(_MAGIC), part.stop, stream, check)
            for group in part.footer[_ROW_GROUPS].content.elements:
                _shift(group, at - len(_MAGIC))
                groups.append(group)
            at += part.stop - len(_MAGIC)
            footer[_NUM_ROWS].content += part.rows
            for used in {part.path, *(each.path for each in few)}:
                os.unlink(used)
        for number, group in enumerate(groups):
            group.pop(_ORDINAL, None) if number > _LAST_ORDINAL else _number(group, number)
        footer[_ROW_GROUPS].content.elements = groups
        data = struct_bytes(footer)
        stream.write(data + struct.pack("<I", len(data)) + _MAGIC)

    def _encoded_again(self, few: Sequence[_Part], options: Options) -> _Part:
        path = few[0].path + ".again"
        with open(path, "xb") as target:
            self._encode([each.path for each in few], options, target)
        return _Part.of(path)


@dataclass(frozen=True, slots=True)
class _Part:
    """A file, its footer, and where that begins."""

    path: str
    footer: Struct
    stop: int

    @staticmethod
    def of(path: str) -> _Part:
        with open(path, "rb") as file:
            file.seek(-8, os.SEEK_END)
            end = file.tell()
            length = struct.unpack("<I", file.read(4))[0]
            file.seek(end - length)
            return _Part(path, parse_struct(file.read(length)), end - length)

    @property
    def rows(self) -> int:
        rows: int = self.footer[_NUM_ROWS].content
        return rows


def _together(parts: Iterable[_Part], most: int) -> Iterator[list[_Part]]:
    """The parts in order, neighbours together as long as they have no more than `most` rows."""
    few: list[_Part] = []
    rows = 0
    for part in parts:
        if few and rows + part.rows > most:
            yield few
            few, rows = [], 0
        few.append(part)
        rows += part.rows
    if few:
        yield few


def _number(group: Struct, number: int) -> None:
    if _ORDINAL in group:
        group[_ORDINAL].content = number


def _shift(group: Struct, distance: int) -> None:
    """Tell of a row group that lies `distance` bytes further on."""
    places: list[Value | None] = [group.get(_GROUP_AT)]
    for chunk in group[_COLUMNS].content.elements:
        metadata = chunk[_METADATA].content
        places += [chunk.get(_CHUNK_AT), *(metadata.get(place) for place in _PLACES)]
    for place in places:
        # 0 stands for nothing.
        if place is not None and place.content > 0:
            place.content += distance
