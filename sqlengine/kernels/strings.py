"""String ids: equal strings get one dense number, so that grouping and joining see words only.

n: rows, d: distinct strings, c: slots (a power of two, at least twice d).

Same table as in `grouping`, blocks and prefetching included; a key is a run of bytes of one growing heap instead of
w words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import MemoryBudgetError
from sqlengine.kernels._jit import address_of, inner, kernel, load_uint8, load_uint64, prefetch
from sqlengine.kernels.grouping import CACHED_SLOTS, move_slots, shift_of
from sqlengine.kernels.hashing import hash_bytes, hash_mask, string_parts

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Words = NDArray[np.int64]

NULL_ID: Final = -1
ABSENT_ID: Final = -2

_EMPTY = np.uint64(0)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_FIRST_SLOTS = 1024
_FIRST_BYTES = 1 << 14
_GROWTH = 4
_BLOCK = 256


@inner
def same_bytes(a: Any, b: Any, length: Any) -> Any:
    """Whether `length` bytes at addresses `a` and `b` are equal; reads nothing beyond them."""
    if length >= 8:
        at = 0
        while at + 8 < length:
            if load_uint64(a + at) != load_uint64(b + at):
                return False
            at += 8
        return load_uint64(a + length - 8) == load_uint64(b + length - 8)
    for at in range(length):  # noqa: SIM110 - numba knows no generators
        if load_uint8(a + at) != load_uint8(b + at):
            return False
    return True


@inner
def _hash_block(
    offsets: Any, data: Any, begin: Any, end: Any, mask: Any, slots: Any, ends: Any, heap: Any, block: Any
) -> None:
    """block[i] = hash of string `begin + i`, for those up to `end`; fetches what looking them up will read first."""
    shift = shift_of(slots)
    for row in range(begin, end):
        start = np.int64(offsets[row])
        block[row - begin] = hash_bytes(data + start, np.int64(offsets[row + 1]) - start, mask)
    if slots.size <= CACHED_SLOTS:
        return
    first = address_of(slots)
    for i in range(end - begin):
        prefetch(first + 8 * np.int64(block[i] >> shift))
    first = address_of(ends)
    for i in range(end - begin):
        prefetch(first + 8 * np.int64(slots[np.int64(block[i] >> shift)] & _LOW))
    first = address_of(heap)
    for i in range(end - begin):
        known = np.int64(slots[np.int64(block[i] >> shift)] & _LOW) - 1
        if known >= 0:
            prefetch(first + ends[known])


@kernel(
    "int64(int32[::1], int64, boolean[::1], int64, uint64, uint64[::1], uint64[::1], int64[::1], uint8[::1],"
    " int64[::1], uint64[::1], int64[::1])"
)
def intern_strings(
    offsets: Any,
    data: Any,
    valid: Any,
    start: Any,
    mask: Any,
    slots: Any,
    hashes: Any,
    ends: Any,
    heap: Any,
    count: Any,
    block: Any,
    ids: Any,
) -> Any:
    """Number the strings from row `start` on, adding new ones to the table.

    offsets  int32[n+1]  where each string starts, from address `data`
    valid    bool[n], or empty when nothing is NULL
    slots    uint64[c]     changed
    hashes   uint64[c/2]   hash of each distinct string, changed
    ends     int64[c/2+1]  string k is heap[ends[k]:ends[k+1]], changed
    heap     uint8[]       changed
    count    int64[1]      distinct strings so far, changed
    block    uint64[]      scratch
    ids      int64[n]      written

    Returns the row before which the table must grow, or n.
    """
    last = slots.size - 1
    shift = shift_of(slots)
    number = count[0]
    base = address_of(heap)
    for begin in range(start, ids.size, _BLOCK):
        end = min(begin + _BLOCK, ids.size)
        _hash_block(offsets, data, begin, end, mask, slots, ends, heap, block)
        for row in range(begin, end):
            if valid.size > 0 and not valid[row]:
                ids[row] = NULL_ID
                continue
            address = data + np.int64(offsets[row])
            length = np.int64(offsets[row + 1]) - np.int64(offsets[row])
            hash_ = block[row - begin]
            tag = hash_ << _HALF
            slot = np.int64(hash_ >> shift) & last
            while True:
                entry = slots[slot]
                known = np.int64(entry & _LOW) - 1
                if (
                    (entry & ~_LOW) == tag
                    and known >= 0
                    and ends[known + 1] - ends[known] == length
                    and same_bytes(address, base + ends[known], length)
                ):
                    break
                if entry == _EMPTY:
                    if number == hashes.size or ends[number] + length > heap.size:
                        count[0] = number
                        return row
                    known = number
                    number += 1
                    slots[slot] = tag | np.uint64(number)
                    hashes[known] = hash_
                    for at in range(length):
                        heap[ends[known] + at] = load_uint8(address + at)
                    ends[number] = ends[known] + length
                    break
                slot = (slot + 1) & last
            ids[row] = known
    count[0] = number
    return ids.size


@kernel("void(int32[::1], int64, boolean[::1], uint64, uint64[::1], int64[::1], uint8[::1], uint64[::1], int64[::1])")
def find_strings(
    offsets: Any, data: Any, valid: Any, mask: Any, slots: Any, ends: Any, heap: Any, block: Any, ids: Any
) -> None:
    """Number the strings; one that is not in the table gives ABSENT_ID.

    Arguments as in `intern_strings`; only `block` and `ids` are written.
    """
    last = slots.size - 1
    shift = shift_of(slots)
    base = address_of(heap)
    for begin in range(0, ids.size, _BLOCK):
        end = min(begin + _BLOCK, ids.size)
        _hash_block(offsets, data, begin, end, mask, slots, ends, heap, block)
        for row in range(begin, end):
            if valid.size > 0 and not valid[row]:
                ids[row] = NULL_ID
                continue
            address = data + np.int64(offsets[row])
            length = np.int64(offsets[row + 1]) - np.int64(offsets[row])
            hash_ = block[row - begin]
            tag = hash_ << _HALF
            slot = np.int64(hash_ >> shift) & last
            known = np.int64(ABSENT_ID)
            while slots[slot] != _EMPTY:
                entry = slots[slot]
                candidate = np.int64(entry & _LOW) - 1
                if (
                    (entry & ~_LOW) == tag
                    and ends[candidate + 1] - ends[candidate] == length
                    and same_bytes(address, base + ends[candidate], length)
                ):
                    known = candidate
                    break
                slot = (slot + 1) & last
            ids[row] = known


class StringTable:
    """Numbers distinct strings (or binary values) densely, in order of first appearance.

    Examples
    --------
    >>> import pyarrow as pa
    >>> table = StringTable()
    >>> table.intern(pa.array(["b", None, "a", "b"])).tolist()
    [0, -1, 1, 0]
    >>> table.values().to_pylist()
    [b'b', b'a']
    """

    def __init__(self) -> None:
        self._slots = np.zeros(_FIRST_SLOTS, np.uint64)
        self._hashes = np.empty(_FIRST_SLOTS // 2, np.uint64)
        self._ends = np.zeros(_FIRST_SLOTS // 2 + 1, np.int64)
        self._heap = np.empty(_FIRST_BYTES, np.uint8)
        self._count = np.zeros(1, np.int64)
        self._block = np.empty(_BLOCK, np.uint64)
        self._mask = hash_mask()

    def __len__(self) -> int:
        return int(self._count[0])

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._slots.nbytes + self._hashes.nbytes + self._ends.nbytes + self._heap.nbytes

    def intern(self, array: pa.Array) -> Words:
        """Number of each string, int64[n]; a new string gets the next number, NULL gives -1."""
        offsets, data, valid = string_parts(array)
        ids = np.empty(len(array), np.int64)
        done = 0
        while True:
            done = intern_strings(
                offsets,
                data,
                valid,
                done,
                self._mask,
                self._slots,
                self._hashes,
                self._ends,
                self._heap,
                self._count,
                self._block,
                ids,
            )
            if done == len(ids):
                return ids
            self._grow(int(offsets[done + 1]) - int(offsets[done]))

    def find(self, array: pa.Array) -> Words:
        """Number of each string, int64[n]; -2 if it was never interned, -1 for NULL. The table does not change."""
        offsets, data, valid = string_parts(array)
        ids = np.empty(len(array), np.int64)
        # Tables may be shared by threads that probe, so the scratch space is the caller's.
        block = np.empty(_BLOCK, np.uint64)
        find_strings(offsets, data, valid, self._mask, self._slots, self._ends, self._heap, block, ids)
        return ids

    def values(self) -> pa.Array:
        """The strings in order of number, as a binary array (cast it to string without a copy).

        Raises
        ------
        MemoryBudgetError
            If they hold more than 2 GiB, which the offsets of an Arrow binary array cannot address.
        """
        import pyarrow as pa

        ends = self._ends[: len(self) + 1]
        size = int(ends[-1])
        if size > np.iinfo(np.int32).max:
            raise MemoryBudgetError(f"{size:,} bytes of distinct text in one key; at most 2 GiB fit into one batch")
        # A copy, since the heap and its ends go on growing under a table that still interns.
        data = self._heap[:size].copy()
        return pa.BinaryArray.from_buffers(
            pa.binary(), len(self), [None, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(data)]
        )

    def _grow(self, needed: int) -> None:
        """Make room for a string of `needed` bytes, and for four times the strings if their number is at its limit."""
        count = len(self)
        used = int(self._ends[count])
        if used + needed > len(self._heap):
            heap = np.empty((used + needed) * 2, np.uint8)
            heap[:used] = self._heap[:used]
            self._heap = heap
        if count == len(self._hashes):
            slots = np.zeros(len(self._slots) * _GROWTH, np.uint64)
            hashes = np.empty(len(slots) // 2, np.uint64)
            hashes[:count] = self._hashes
            ends = np.zeros(len(hashes) + 1, np.int64)
            ends[: count + 1] = self._ends
            move_slots(hashes[:count], slots)
            self._slots, self._hashes, self._ends = slots, hashes, ends
