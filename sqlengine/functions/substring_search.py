"""Finding pieces of text in all texts of an array at once, by looking at its bytes as one long text.

Arrow's search goes text by text and byte by byte. Here the rarest byte of the piece is looked for with one
vectorized comparison; the few places it stands at are then checked against the other bytes. UTF-8 makes
that right for any text: no character's bytes occur inside another's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.vector import buffer_words

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Positions = NDArray[np.int64]

# Bytes looked at to learn which are rare.
_SAMPLE: Final = 16_384


def contains_in_order(array: pa.Array, pieces: Sequence[str]) -> pa.Array:
    """Whether each text contains all `pieces`, one after the other without overlap; NULL for NULL.

    Parameters
    ----------
    array
        Arrow `string`.
    pieces
        At least one; none empty.
    """
    import pyarrow as pa

    length = len(array)
    offsets, data = _offsets_and_data(array)
    # From where on the next piece may begin: at first, anywhere in the text.
    earliest = offsets[:-1]
    rows: Positions = np.empty(0, np.int64)
    for piece in pieces:
        wanted = piece.encode()
        found = _occurrences(data, wanted)
        rows = np.searchsorted(offsets, found, side="right") - 1
        stop = found + len(wanted)
        usable = (stop <= offsets[1:].take(rows)) & (found >= earliest.take(rows))
        rows, stop = rows[usable], stop[usable]
        # The first occurrence leaves the most room for the pieces to come.
        first = np.ones(len(rows), np.bool_)
        first[1:] = rows[1:] != rows[:-1]
        rows = rows[first]
        earliest = np.full(length, len(data) + 1, np.int64)
        earliest[rows] = stop[first]
    matched = np.zeros(length, np.bool_)
    matched[rows] = True
    missing = None if array.null_count == 0 else ~array.is_valid().to_numpy(zero_copy_only=False)
    return pa.array(matched, mask=missing)


def _offsets_and_data(array: pa.Array) -> tuple[Positions, Bytes]:
    """Where each text begins (and the last ends), and the bytes of all texts."""
    _, offset_buffer, data_buffer = array.buffers()
    if len(array) == 0 or offset_buffer is None:
        return np.zeros(len(array) + 1, np.int64), np.empty(0, np.uint8)
    offsets = buffer_words(offset_buffer, np.dtype("int32"), array.offset, len(array) + 1).astype(np.int64)
    first = int(offsets[0])
    size = int(offsets[-1]) - first
    if data_buffer is None or size == 0:
        return offsets - first, np.empty(0, np.uint8)
    return offsets - first, buffer_words(data_buffer, np.dtype("uint8"), first, size)


def _occurrences(data: Bytes, wanted: bytes) -> Positions:
    """Ascending positions of `wanted` in `data`."""
    last_start = len(data) - len(wanted)
    if last_start < 0:
        return np.empty(0, np.int64)
    frequency: NDArray[Any] = np.bincount(data[:_SAMPLE], minlength=256)
    by_rarity = sorted(range(len(wanted)), key=lambda place: int(frequency[wanted[place]]))
    rarest, *others = by_rarity
    found = np.flatnonzero(data[rarest : rarest + last_start + 1] == wanted[rarest])
    for place in others:
        found = found[data.take(found + place) == wanted[place]]
    return found
