"""Read a little of a JSON file: values from all over it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlengine.storage.csv_sample import spread
from sqlengine.storage.filesystem import FileInfo, compression_of
from sqlengine.storage.json_blocks import BLOCK_BYTES, line_windows, read_blocks
from sqlengine.storage.json_options import NEWLINE_DELIMITED, JsonOptions
from sqlengine.storage.json_values import parse_values

# Of all files together: what is parsed, and what is read of files that can only be read from the front.
_PARSED_BYTES: Final = 4 << 20
_STREAMED_BYTES: Final = 32 << 20
# Of each file.
_LEAST_BYTES: Final = 32 << 10
_WINDOW_BYTES: Final = 64 << 10


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
    blocks = read_blocks(file.path, 0, file.size, options.format, options.maximum_object_size)
    if options.sample_rows < 0:
        for block in blocks:
            everything = (len(block.data) + 1, len(block.data) + 1)
            yield Sample(parse_values(file.path, block, options.ignore_errors, everything).trees, len(block.data))
        return
    wanted = max(_LEAST_BYTES, _PARSED_BYTES // files)
    head = next(blocks, None)
    if head is None:
        return
    if head.layout == NEWLINE_DELIMITED and compression_of(file.path) is None and file.size > wanted:
        most = options.maximum_object_size
        chosen = list(line_windows(file.path, file.size, -(-wanted // _WINDOW_BYTES), _WINDOW_BYTES, most))
    else:
        streamed = max(BLOCK_BYTES, _STREAMED_BYTES // files)
        chosen = list(itertools.islice(itertools.chain([head], blocks), -(-streamed // BLOCK_BYTES)))
    rows = max(1, -(-options.sample_rows // (files * len(chosen))))
    share = wanted // len(chosen)
    for block in chosen:
        values = parse_values(file.path, block, options.ignore_errors, (rows, share))
        yield Sample(values.trees, sum(end - start + 1 for start, end in values.places))
