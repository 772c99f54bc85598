"""Read a little of a JSON file: values from all over it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlengine.storage.csv_sample import spread
from sqlengine.storage.filesystem import FileInfo, compression_of
from sqlengine.storage.json_blocks import BLOCK_BYTES, Block, line_cuts, read_blocks
from sqlengine.storage.json_options import NEWLINE_DELIMITED, JsonOptions
from sqlengine.storage.json_values import parse_values

# Of all files together: what is parsed, and what is read of files that can only be read from the front.
_PARSED_BYTES: Final = 4 << 20
_STREAMED_BYTES: Final = 32 << 20
# Of each file.
_LEAST_BYTES: Final = 32 << 10
_WINDOWS: Final = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """Some values of a file, and the bytes they take."""

    values: list[Any]
    size: int


def spread_files(files: Sequence[FileInfo], most: int) -> list[FileInfo]:
    """At most `most` of `files` (-1: all), evenly spread over their sorted paths."""
    ordered = sorted(files, key=lambda file: file.path)
    return ordered[:1] if most == 1 else spread(ordered, len(ordered) if most < 0 else most)


def sample_values(file: FileInfo, options: JsonOptions, files: int) -> Iterator[Sample]:
    """Values from all over `file`, one of `files`; all of them if it is small, or the options ask for all.

    Files that can only be read from the front are sampled from the first megabytes.
    """
    whole = options.sample_rows < 0
    rows = max(1, -(-options.sample_rows // files))
    blocks = read_blocks(file.path, 0, file.size, options.format, options.maximum_object_size)
    if whole:
        for block in blocks:
            values = parse_values(file.path, block, options.ignore_errors, True)
            yield Sample(values.trees, len(block.data))
        return
    parsed = max(_LEAST_BYTES, _PARSED_BYTES // files)
    head = next(blocks, None)
    if head is None:
        return
    if head.layout == NEWLINE_DELIMITED and compression_of(file.path) is None:
        chosen = [head] if len(head.data) >= file.size - 3 else list(_windows(file, parsed // _WINDOWS, options))
    else:
        streamed = max(BLOCK_BYTES, _STREAMED_BYTES // files)
        chosen = list(itertools.islice(itertools.chain([head], blocks), -(-streamed // BLOCK_BYTES)))
    yield from _parsed(file, chosen, parsed, rows, options)


def _windows(file: FileInfo, size: int, options: JsonOptions) -> Iterator[Block]:
    """A block of the beginning, one of the middle and one of the end of a file of lines."""
    cuts = line_cuts(file.path, file.size, max(size, file.size // _WINDOWS - size))
    for start, stop in itertools.pairwise(cuts):
        yield from itertools.islice(
            read_blocks(file.path, start, stop, NEWLINE_DELIMITED, options.maximum_object_size), 1
        )
    last = max(0, file.size - size)
    cuts = line_cuts(file.path, file.size, last) if last else []
    if len(cuts) == 3:
        yield from read_blocks(file.path, cuts[1], cuts[2], NEWLINE_DELIMITED, options.maximum_object_size)


def _parsed(file: FileInfo, blocks: Sequence[Block], size: int, rows: int, options: JsonOptions) -> Iterator[Sample]:
    """About `size` bytes and `rows` values of `blocks`, as many of each."""
    each = size // len(blocks)
    for block in blocks:
        data = block.data
        if len(data) > each and block.layout == NEWLINE_DELIMITED:
            end = data.find(b"\n", each) + 1
            data = data[:end] if end else data
        shortened = Block(data, block.layout, block.offset, block.first, block.last)
        trees = parse_values(file.path, shortened, options.ignore_errors, True).trees
        step = max(1, -(-len(trees) // max(1, -(-rows // len(blocks)))))
        yield Sample(trees[::step], len(data) // step)
