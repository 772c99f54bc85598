"""Hashes of rows of words and of strings.

n: rows, w: word columns. A column of words is int64[n]; w columns come as an array of w addresses, so that one
compiled signature serves any number of columns without copying them side by side (interleaving 1M rows of two
words costs 5 ms, as much as grouping them).

The mixer multiplies and folds per word, in the manner of MurmurHash3's finalizer (Appleby, 2011): every input bit
reaches the top bits (which choose a slot or a bucket) and the low bits (which serve as tag).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import InternalError
from sqlengine.kernels._jit import address_of, inner, kernel, load_uint8, load_uint32, load_uint64, words_at
from sqlengine.vector import buffer_words
from sqlengine.words import unpack_bits

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Words = NDArray[np.int64]
    Hashes = NDArray[np.uint64]
    Mask = NDArray[np.bool_]

# Rows of one bucket must not crowd one region of the tables built from it, hence two seeds.
PARTITION_SEED: Final = 0x243F6A8885A308D3
TABLE_SEED: Final = 0x13198A2E03707344

_MULTIPLY = np.uint64(0x9E3779B97F4A7C15)
_FINISH = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)
_FOLD = np.uint64(29)
_NULL_HASH = np.uint64(0xA0761D6478BD642F)
_BLOCK = 1024


@inner
def mix(state: Any, word: Any) -> Any:
    """Fold one uint64 word into a uint64 state."""
    state = (state ^ word) * _MULTIPLY
    return state ^ (state >> _HALF)


@inner
def finish(state: Any) -> Any:
    """Spread a mixed state over all 64 bits."""
    state = state * _FINISH
    return state ^ (state >> _FOLD)


@inner
def hash_block(columns: Any, n: Any, begin: Any, end: Any, seed: Any, mask: Any, hashes: Any) -> None:
    """hashes[i] = hash of row `begin + i`, for the rows up to `end`; column by column, so that it vectorizes."""
    size = end - begin
    for i in range(size):
        hashes[i] = seed
    for k in range(columns.size):
        column = words_at(columns[k], n)
        for i in range(size):
            hashes[i] = mix(hashes[i], np.uint64(column[begin + i]))
    for i in range(size):
        hashes[i] = finish(hashes[i]) & mask


@inner
def hash_bytes(address: Any, length: Any, mask: Any) -> Any:
    """Hash of `length` bytes at `address`; never reads outside of them (overlapping loads, as in wyhash)."""
    state = np.uint64(length)
    if length >= 8:
        at = 0
        while at + 8 < length:
            state = mix(state, load_uint64(address + at))
            at += 8
        state = mix(state, load_uint64(address + length - 8))
    elif length >= 4:
        state = mix(state, load_uint32(address) << _HALF | load_uint32(address + length - 4))
    elif length > 0:
        last = load_uint8(address + length - 1)
        middle = load_uint8(address + length // 2)
        state = mix(state, load_uint8(address) << np.uint64(16) | middle << np.uint64(8) | last)
    return finish(state) & mask


@kernel("void(int64[::1], int64, uint64, uint64, uint64[::1])")
def hash_rows(columns: Any, n: Any, seed: Any, mask: Any, hashes: Any) -> None:
    """Hash every row.

    columns  int64[w]   addresses of int64[n]
    hashes   uint64[n]  written
    """
    for begin in range(0, n, _BLOCK):
        end = min(begin + _BLOCK, n)
        hash_block(columns, n, begin, end, seed, mask, hashes[begin:end])


@kernel("void(int32[::1], int64, boolean[::1], uint64, uint64[::1])")
def hash_string_rows(offsets: Any, data: Any, valid: Any, mask: Any, hashes: Any) -> None:
    """Hash every string.

    offsets  int32[n+1]  where each string starts, from `data`
    data     address of the bytes
    valid    bool[n], or empty when nothing is NULL
    hashes   uint64[n]   written; NULL has a hash of its own
    """
    for i in range(hashes.size):
        if valid.size > 0 and not valid[i]:
            hashes[i] = _NULL_HASH & mask
        else:
            start = np.int64(offsets[i])
            hashes[i] = hash_bytes(data + start, np.int64(offsets[i + 1]) - start, mask)


def hash_mask() -> np.uint64:
    """All ones; zero under SQLENGINE_FORCE_HASH_COLLISIONS=1, which makes every hash equal."""
    return np.uint64(0 if os.environ.get("SQLENGINE_FORCE_HASH_COLLISIONS") == "1" else 0xFFFFFFFFFFFFFFFF)


def addresses(columns: Sequence[NDArray[Any]]) -> Words:
    """int64[w]: where each column's words lie. The caller keeps the columns alive.

    Raises
    ------
    InternalError
        If a column is not a contiguous array of 8-byte words, or lengths differ.
    """
    for column in columns:
        if column.dtype.itemsize != 8 or not column.flags.c_contiguous or len(column) != len(columns[0]):
            raise InternalError(f"a {column.dtype} array of {column.shape} items is not a column of words")
    return np.array([address_of(column) for column in columns], np.int64)


def hash_words(words: Sequence[Words], seed: int) -> Hashes:
    """Hash of each row of one or more equally long columns of words, uint64[n]."""
    hashes = np.empty(len(words[0]), np.uint64)
    hash_rows(addresses(words), len(hashes), np.uint64(seed), hash_mask(), hashes)
    return hashes


def hash_strings(array: pa.Array) -> Hashes:
    """Hash of the bytes of each string (or binary value), uint64[n]; all NULLs have one hash."""
    hashes = np.empty(len(array), np.uint64)
    offsets, data, valid = string_parts(array)
    hash_string_rows(offsets, data, valid, hash_mask(), hashes)
    return hashes


def string_parts(array: pa.Array) -> tuple[NDArray[np.int32], int, Mask]:
    """(offsets int32[n+1], address of the bytes, validity bool[n] or empty) of a string or binary array.

    No copy, and right for sliced arrays; the caller keeps `array` alive.
    """
    import pyarrow as pa

    if array.type not in (pa.string(), pa.binary()):
        raise InternalError(f"string kernels take string and binary arrays, not {array.type}")
    valid = np.empty(0, np.bool_)
    if array.null_count:
        valid = unpack_bits(array.is_valid())
    _, offsets, data = array.buffers()
    if len(array) == 0 or offsets is None:
        return np.zeros(len(array) + 1, np.int32), 0, valid
    starts = buffer_words(offsets, np.dtype(np.int32), array.offset, len(array) + 1)
    return starts, 0 if data is None else data.address, valid
