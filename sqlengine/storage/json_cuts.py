"""Where uncompressed JSON files are cut into stretches of whole values.

A line end cannot stand within a string, so newline-delimited files are cut at any. Whether a comma stands between two
elements of an array only all bytes before it tell: they are skimmed, half a gigabyte a second, and not kept.
"""

from __future__ import annotations

import numpy as np

from sqlengine.kernels.json_scanning import find_commas
from sqlengine.storage.filesystem import file_errors, open_input
from sqlengine.storage.json_blocks import BOM, line_end
from sqlengine.storage.json_options import ARRAY, NEWLINE_DELIMITED

_SKIMMED_BYTES = 1 << 20


def line_cuts(path: str, size: int, target: int) -> list[int]:
    """Offsets [start, …, size] that cut a file into whole lines, about `target` bytes each."""
    with file_errors(path, "JSON"):
        source = open_input(path)
        start = len(BOM) if source.read_at(len(BOM), 0) == BOM else 0
        cuts = [start]
        while size - cuts[-1] > target + target // 4:
            end = line_end(source, cuts[-1] + target, size)
            if end >= size:
                break
            cuts.append(end)
    return [*cuts, size] if size > start else []


def array_cuts(path: str, size: int, target: int) -> list[int]:
    """Offsets [0, …, size] that cut a file that is one array behind commas, about `target` bytes each."""
    cuts = [0]
    state = np.array([0, 0, 0, target], np.int64)
    places = np.empty(_SKIMMED_BYTES // target + 2, np.int64)
    offset = 0
    with file_errors(path, "JSON"):
        source = open_input(path)
        while offset < size and (data := source.read(_SKIMMED_BYTES)):
            found = find_commas(np.frombuffer(data, np.uint8), offset, target, state, places)
            cuts.extend(place for place in places[:found].tolist() if size - place > target // 4)
            offset += len(data)
    return [*cuts, size]


def layout_from(path: str, start: int) -> str:
    """How the stretch is laid out that begins at one of these offsets, the first one aside."""
    with file_errors(path, "JSON"):
        return ARRAY if open_input(path).read_at(1, start - 1) == b"," else NEWLINE_DELIMITED
