"""Group ids: equal rows of words get one dense number, in order of first appearance.

n: rows, w: words of a key, g: groups, c: slots (a power of two, at least twice the groups).

Open addressing with linear probing. A slot is one uint64: 0 if empty, else the hash's low half as tag above the
group's number plus one, so a probe that misses reads one cache line and compares no key. Keys lie dense, the w
words of a group side by side, so a hit reads one more line. Rows are taken in blocks: hash a block, prefetch its
slots, prefetch the keys they point to, then look up (Chen et al., "Improving Hash Join Performance through
Prefetching", TODS 2007, group prefetching).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sqlengine.kernels._jit import address_of, inner, kernel, prefetch, words_at
from sqlengine.kernels.hashing import TABLE_SEED, addresses, hash_block, hash_mask, hash_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]

_SEED = np.uint64(TABLE_SEED)
_EMPTY = np.uint64(0)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_BITS = 64
_BLOCK = 512
# Up to this many slots the table stays in the core's own cache, and prefetching only costs.
CACHED_SLOTS = 1 << 14
_FIRST_SLOTS = 1024
# Quadrupling moves each group less often than doubling; a batch of new keys would double several times.
_GROWTH = 4


@inner
def shift_of(slots: Any) -> Any:
    """How far to shift a hash so that its top bits number a slot."""
    bits = 0
    while (1 << bits) < slots.size:
        bits += 1
    return np.uint64(_BITS - bits)


@inner
def _prefetch_block(hashes: Any, size: Any, shift: Any, slots: Any, keys: Any, width: Any) -> None:
    """Fetch what looking up the block's hashes will read first."""
    if slots.size <= CACHED_SLOTS:
        return
    first = address_of(slots)
    for i in range(size):
        prefetch(first + 8 * np.int64(hashes[i] >> shift))
    first = address_of(keys)
    for i in range(size):
        group = np.int64(slots[np.int64(hashes[i] >> shift)] & _LOW) - 1
        prefetch(first + 8 * width * group)


@inner
def _same_key(columns: Any, n: Any, row: Any, keys: Any, group: Any) -> Any:
    """Whether row `row` has the key of group `group`."""
    width = columns.size
    for k in range(width):  # noqa: SIM110 - numba knows no generators
        if words_at(columns[k], n)[row] != keys[group * width + k]:
            return False
    return True


@kernel("int64(int64[::1], int64, int64, uint64, uint64[::1], int64[::1], int64[::1], uint64[::1], int64[::1])")
def assign_groups(
    columns: Any, n: Any, start: Any, mask: Any, slots: Any, keys: Any, count: Any, hashes: Any, groups: Any
) -> Any:
    """Number the rows from `start` on by their keys, adding new keys to the table.

    columns  int64[w]       addresses of int64[n]
    slots    uint64[c]      changed
    keys     int64[c/2*w]   changed
    count    int64[1]       groups so far, changed
    hashes   uint64[block]  scratch
    groups   int64[n]       written

    Returns the row before which the table must grow, or n.
    """
    width = columns.size
    last = slots.size - 1
    limit = slots.size // 2
    shift = shift_of(slots)
    number = count[0]
    for begin in range(start, n, _BLOCK):
        end = min(begin + _BLOCK, n)
        hash_block(columns, n, begin, end, _SEED, mask, hashes)
        _prefetch_block(hashes, end - begin, shift, slots, keys, width)
        for row in range(begin, end):
            hash_ = hashes[row - begin]
            tag = hash_ << _HALF
            slot = np.int64(hash_ >> shift) & last
            while True:
                entry = slots[slot]
                group = np.int64(entry & _LOW) - 1
                if (entry & ~_LOW) == tag and group >= 0 and _same_key(columns, n, row, keys, group):
                    break
                if entry == _EMPTY:
                    if number == limit:
                        count[0] = number
                        return row
                    group = number
                    number += 1
                    slots[slot] = tag | np.uint64(number)
                    for k in range(width):
                        keys[group * width + k] = words_at(columns[k], n)[row]
                    break
                slot = (slot + 1) & last
            groups[row] = group
    count[0] = number
    return n


@kernel("void(int64[::1], int64, uint64, uint64[::1], int64[::1], uint64[::1], int64[::1])")
def find_groups(columns: Any, n: Any, mask: Any, slots: Any, keys: Any, hashes: Any, groups: Any) -> None:
    """Number the rows by their keys; a key that is not in the table gives -1.

    Arguments as in `assign_groups`; only `hashes` and `groups` are written.
    """
    width = columns.size
    last = slots.size - 1
    shift = shift_of(slots)
    for begin in range(0, n, _BLOCK):
        end = min(begin + _BLOCK, n)
        hash_block(columns, n, begin, end, _SEED, mask, hashes)
        _prefetch_block(hashes, end - begin, shift, slots, keys, width)
        for row in range(begin, end):
            hash_ = hashes[row - begin]
            tag = hash_ << _HALF
            slot = np.int64(hash_ >> shift) & last
            while True:
                entry = slots[slot]
                group = np.int64(entry & _LOW) - 1
                if group < 0 or ((entry & ~_LOW) == tag and _same_key(columns, n, row, keys, group)):
                    break
                slot = (slot + 1) & last
            groups[row] = group


@kernel("void(uint64[::1], uint64[::1])")
def move_slots(hashes: Any, slots: Any) -> None:
    """Fill empty slots with groups 0, 1, … of these hashes, all of different keys.

    hashes  uint64[g]
    slots   uint64[c]  written
    """
    last = slots.size - 1
    shift = shift_of(slots)
    for group in range(hashes.size):
        slot = np.int64(hashes[group] >> shift) & last
        while slots[slot] != _EMPTY:
            slot = (slot + 1) & last
        slots[slot] = hashes[group] << _HALF | np.uint64(group + 1)


class GroupTable:
    """Numbers distinct keys of `width` words densely, in order of first appearance.

    Parameters
    ----------
    width
        Words of a key; 0 puts every row into group 0.

    Examples
    --------
    >>> table = GroupTable(1)
    >>> table.assign([np.array([7, 9, 7])]).tolist()
    [0, 1, 0]
    >>> table.keys(0).tolist()
    [7, 9]
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self._slots = np.zeros(_FIRST_SLOTS, np.uint64)
        self._keys = np.empty(_FIRST_SLOTS // 2 * width, np.int64)
        self._count = np.zeros(1, np.int64)
        self._hashes = np.empty(_BLOCK, np.uint64)
        self._mask = hash_mask()

    @property
    def count(self) -> int:
        """Distinct keys so far."""
        return int(self._count[0])

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._slots.nbytes + self._keys.nbytes

    def assign(self, words: Sequence[Words], length: int | None = None) -> Words:
        """Group of each row, int64[n]; a key not met before gets the next number.

        `length` is n, needed only when there are no words.
        """
        n = len(words[0]) if words else int(length or 0)
        columns = addresses(words)
        groups = np.empty(n, np.int64)
        done = 0
        while True:
            done = assign_groups(
                columns, n, done, self._mask, self._slots, self._keys, self._count, self._hashes, groups
            )
            if done == n:
                return groups
            self._grow()

    def find(self, words: Sequence[Words]) -> Words:
        """Group of each row, int64[n], or -1 if its key was never assigned. The table does not change."""
        n = len(words[0])
        groups = np.empty(n, np.int64)
        # Tables may be shared by threads that probe, so the scratch space is the caller's.
        hashes = np.empty(_BLOCK, np.uint64)
        find_groups(addresses(words), n, self._mask, self._slots, self._keys, hashes, groups)
        return groups

    def keys(self, k: int) -> Words:
        """Word `k` of every group's key, int64[count], in order of group number."""
        return np.ascontiguousarray(self._keys[k : self.count * self.width : self.width])

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The table as flat arrays; see `from_arrays`."""
        return {"slots": self._slots, "keys": self._keys[: self.count * self.width], "count": self._count}

    @classmethod
    def from_arrays(cls, width: int, arrays: Mapping[str, NDArray[Any]]) -> GroupTable:
        """A table to `find` in, over what `arrays` gave; nothing is copied."""
        table = cls.__new__(cls)
        table.width = width
        table._slots, table._keys, table._count = arrays["slots"], arrays["keys"], arrays["count"]
        table._hashes = np.empty(_BLOCK, np.uint64)
        table._mask = hash_mask()
        return table

    def _grow(self) -> None:
        """Make room for four times the groups."""
        columns = [self.keys(k) for k in range(self.width)]
        hashes = hash_words(columns, TABLE_SEED)
        self._slots = np.zeros(len(self._slots) * _GROWTH, np.uint64)
        move_slots(hashes, self._slots)
        keys = np.empty(len(self._slots) // 2 * self.width, np.int64)
        keys[: len(self._keys)] = self._keys
        self._keys = keys
