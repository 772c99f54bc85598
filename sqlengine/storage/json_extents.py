"""Stretches of a block of JSON, one a value: found, taken apart and copied by compiled loops, none of them parsed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sqlengine.kernels.json_grammar import DEEPEST
from sqlengine.kernels.json_scanning import (
    blank_values,
    find_children,
    find_members,
    find_values,
    write_values,
)
from sqlengine.storage.json_blocks import Block, Bytes
from sqlengine.storage.json_options import ARRAY, NEWLINE_DELIMITED

Words = NDArray[np.int64]

_NOTHING: Final = np.zeros(0, np.uint8)


class UnfitError(Exception):
    """The block has to be read in another way."""


@dataclass(frozen=True, slots=True)
class Extents:
    """Valid JSON values: value i is `data[starts[i]:stops[i]]`, in order of place; NULL if it starts below 0."""

    data: Bytes
    starts: Words
    stops: Words

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def present(self) -> NDArray[np.bool_] | None:
        """Which are not NULL; None: all."""
        present = self.starts >= 0
        return None if present.all() else present

    def nulls(self) -> Extents:
        """The same, but what is written as null is NULL."""
        null = (self.starts >= 0) & (self.data[np.maximum(self.starts, 0)] == ord("n"))
        return Extents(self.data, np.where(null, -1, self.starts), self.stops)

    def texts(self) -> pa.StringArray:
        """The values as they are written; the data must be UTF-8."""
        present = self.starts >= 0
        bounds = np.empty(2 * int(present.sum()) + 1, np.int32)
        bounds[:-1:2], bounds[1::2], bounds[-1] = self.starts[present], self.stops[present], len(self.data)
        # The values and what is between them, of which the values are taken.
        parts = pa.StringArray.from_buffers(len(bounds) - 1, pa.py_buffer(bounds), pa.py_buffer(self.data))
        places = np.cumsum(present, dtype=np.int64) * 2 - 2
        return parts.take(pa.array(places, mask=None if present.all() else ~present))

    def members(self, keys: Sequence[str]) -> tuple[list[Extents], int]:
        """Of objects the values of each of `keys`, and how many members have other keys.

        Raises
        ------
        UnfitError
            Something is no object, or has a key twice.
        """
        encoded = [key.encode() for key in keys]
        ends = np.cumsum([len(key) for key in encoded], dtype=np.int64)
        begins, behinds = (np.empty((len(keys), len(self)), np.int64) for _ in range(2))
        joined = np.frombuffer(b"".join(encoded), np.uint8)
        others = find_members(self.data, self.starts, self.stops, joined, ends, begins, behinds, _stack())
        if others < 0:
            raise UnfitError
        return [Extents(self.data, *each) for each in zip(begins, behinds, strict=True)], int(others)

    def children(self, bracket: str) -> tuple[Words, Extents, Extents]:
        """Of arrays ("[") or objects ("{"): how many elements or members each has; their keys, and they themselves.

        Raises
        ------
        UnfitError
            Something is no array, or no object.
        """
        most = int(np.count_nonzero(self.data == ord(","))) + len(self)
        sizes = np.empty(len(self), np.int64)
        parts = [np.empty(most, np.int64) for _ in range(4)]
        found = find_children(self.data, self.starts, self.stops, ord(bracket), sizes, *parts, _stack())
        if found < 0:
            raise UnfitError
        keys, key_stops, begins, behinds = (part[:found] for part in parts)
        return sizes, Extents(self.data, keys, key_stops), Extents(self.data, begins, behinds)

    def written(self, before: bytes = b"", behind: bytes = b"") -> Written:
        """The values without blanks, between other bytes; with those, NULL is `null`."""
        present = self.starts >= 0
        size = int((self.stops - self.starts)[present].sum()) + len(self) * (len(before) + len(behind) + 4)
        numbers = 1 + size // 3
        out, offsets, flags = np.empty(size, np.uint8), np.empty(len(self) + 1, np.int32), np.empty(len(self), np.uint8)
        odd = [np.empty(numbers, np.int64) for _ in range(3)]
        around = (np.frombuffer(each, np.uint8) for each in (before, behind))
        found = write_values(self.data, self.starts, self.stops, *around, out, offsets, flags, *odd)
        rows, starts, stops = (each[:found] for each in odd)
        return Written(out, offsets, flags != 0, rows, Extents(out, starts, stops))

    def blanked(self) -> None:
        """Put 0 in the place of each value."""
        blank_values(self.data, self.starts, self.stops)


@dataclass(frozen=True, slots=True)
class Written:
    """Values written again: value i is `data[offsets[i]:offsets[i + 1]]`.

    Attributes
    ----------
    escaped
        Whether a string of the value has an escape that could be written in another way.
    odd_rows, odd
        Numbers that could: the value that each is in, and the number.
    """

    data: Bytes
    offsets: NDArray[np.int32]
    escaped: NDArray[np.bool_]
    odd_rows: Words
    odd: Extents


def find_extents(block: Block) -> Extents:
    """The values of a block, each of them checked to be JSON.

    Raises
    ------
    UnfitError
        Something else is there, or JSON that the loops do not know.
    """
    data = np.frombuffer(block.data, np.uint8)
    lines = block.layout == NEWLINE_DELIMITED
    breaks = np.flatnonzero(data == ord("\n")) if lines else np.empty(0, np.int64)
    ends = np.append(breaks, len(data))
    # Pages of memory that are not written to cost nothing.
    most = len(ends) if lines else len(data) + 1
    starts, stops = (np.empty(most, np.int64) for _ in range(2))
    commas = 0 if lines else 1 if block.layout == ARRAY else 2
    found = find_values(data, ends, commas, int(block.last), starts, stops, _stack())
    if found < 0 or (found == 0 and block.last and not block.first):
        raise UnfitError
    return Extents(data, starts[:found], stops[:found])


def _stack() -> Bytes:
    return np.empty(DEEPEST, np.uint8)
