"""Join tables: from a key to the build rows that have it.

n: probe rows, b: build rows, w: words of a key, d: numbers that keys can have, m: matches.

Every distinct build key has a dense number; probing turns a row into that number, then the number into build
rows. The number comes from a `GroupTable`, or, when the only word is a whole number within some range, from
`key_ranges`, without hashing. Rows of a number lie side by side (CSR); if no key repeats there is one row for each
number, or -1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sqlengine.errors import MemoryBudgetError
from sqlengine.kernels._jit import kernel, writable
from sqlengine.kernels.grouping import GroupTable
from sqlengine.kernels.key_ranges import DenseKeys, RankedKeys, number_range
from sqlengine.kernels.partitioning import group_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.int64]
    Mask = NDArray[np.bool_]


@kernel("boolean(int64[::1], int32[::1])")
def place_unique(numbers: Any, rows: Any) -> Any:
    """rows[numbers[i]] = i; stops and returns False when a number repeats.

    numbers  int64[b]  in [0, d), negative to leave a row out
    rows     int32[d]  -1 everywhere before, changed
    """
    for row in range(numbers.size):
        number = numbers[row]
        if number >= 0:
            if rows[number] >= 0:
                return False
            rows[number] = row
    return True


@kernel("int64(int64[::1], int32[::1], int64[::1], int64[::1])")
def match_unique(numbers: Any, rows: Any, probe_rows: Any, build_rows: Any) -> Any:
    """Pair each probe row with the one build row of its number, if there is one.

    numbers                 int64[n]  in [0, d), or -1
    rows                    int32[d]  build row or -1
    probe_rows, build_rows  int64[n]  written up to the returned number of matches
    """
    matches = 0
    for i in range(numbers.size):
        number = numbers[i]
        row = np.int64(rows[max(number, 0)])
        # Written always, kept only if it counts: no branch to mispredict.
        probe_rows[matches] = i
        build_rows[matches] = row
        matches += 1 if number >= 0 and row >= 0 else 0
    return matches


@kernel("int64(int64[::1], int64[::1])")
def count_matches(numbers: Any, offsets: Any) -> Any:
    """Number of pairs that `match_many` will write."""
    matches = 0
    for i in range(numbers.size):
        if numbers[i] >= 0:
            matches += offsets[numbers[i] + 1] - offsets[numbers[i]]
    return matches


@kernel("void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def match_many(numbers: Any, offsets: Any, rows: Any, probe_rows: Any, build_rows: Any) -> None:
    """Pair each probe row with every build row of its number.

    numbers                 int64[n]    in [0, d), or -1
    offsets                 int64[d+1]  rows of number k are rows[offsets[k]:offsets[k+1]]
    rows                    int64[b]
    probe_rows, build_rows  int64[m]    written
    """
    match = 0
    for i in range(numbers.size):
        if numbers[i] >= 0:
            for at in range(offsets[numbers[i]], offsets[numbers[i] + 1]):
                probe_rows[match] = i
                build_rows[match] = rows[at]
                match += 1


KeyNumbers = GroupTable | DenseKeys | RankedKeys


def number_keys(words: Sequence[Words]) -> tuple[KeyNumbers, Words]:
    """What finds the numbers of keys, and the number of each of these, int64[b]; `words` are one or more int64[b]."""
    ranged = number_range(words)
    if ranged is not None:
        return ranged, ranged.find(words)
    table = GroupTable(len(words))
    return table, table.assign(words)


class JoinTable:
    """The build side of a hash join: flat arrays, picklable, and shareable through `arrays`.

    Examples
    --------
    >>> everything = np.empty(0, np.bool_)
    >>> table = JoinTable.build([np.array([5, 6, 5])], everything)
    >>> [rows.tolist() for rows in table.probe([np.array([4, 5])], everything)]
    [[1, 1], [0, 2]]
    """

    __slots__ = ("_keys", "_offsets", "_rows", "_unique", "_width")

    def __init__(self, width: int, keys: KeyNumbers, unique: NDArray[np.int32], offsets: Words, rows: Words) -> None:
        self._width = width
        self._keys = keys
        self._unique = unique
        self._offsets = offsets
        self._rows = rows

    @staticmethod
    def build(words: Sequence[Words], usable: Mask) -> JoinTable:
        """A table of the build rows.

        Parameters
        ----------
        words
            One or more int64[b].
        usable
            bool[b], False for rows that match nothing; empty: all are usable.

        Raises
        ------
        MemoryBudgetError
            For 2**31 rows or more: row numbers are 32 bits wide.
        """
        size = len(words[0])
        if size > np.iinfo(np.int32).max:
            raise MemoryBudgetError(f"the build side of a join has {size:,} rows in one task; at most 2**31 - 1 fit")
        kept = np.flatnonzero(usable) if len(usable) else None
        if kept is not None and len(kept) == size:
            kept = None
        if kept is not None:
            words = [column[kept] for column in words]
        keys, numbers = number_keys(words)
        unique = np.full(keys.count, -1, np.int32)
        offsets = rows = np.empty(0, np.int64)
        if place_unique(numbers, unique):
            if kept is not None:
                unique[unique >= 0] = kept[unique[unique >= 0]]
        else:
            unique = np.empty(0, np.int32)
            rows, offsets, _ = group_rows(numbers, keys.count)
            if kept is not None:
                rows = kept[rows]
        return JoinTable(len(words), keys, unique, offsets, rows)

    def probe(self, words: Sequence[Words], usable: Mask) -> tuple[Words, Words]:
        """Pairs of equal keys.

        Parameters
        ----------
        words
            One int64[n] for each word of the build keys.
        usable
            bool[n], False for rows that match nothing; empty: all are usable.

        Returns
        -------
        probe_rows, build_rows
            int64[m] each, ordered by probe row, then build row.
        """
        return self._pairs(self._numbers(words, usable))

    def probe_blocks(self, words: Sequence[Words], usable: Mask, most: int) -> Iterator[tuple[int, int, Words, Words]]:
        """As `probe`, cut between probe rows into blocks of at most `most` pairs, or one probe row if it has more.

        Yields
        ------
        start, stop, probe_rows, build_rows
            All pairs of the probe rows [start, stop); the blocks cover all n rows, in order.
        """
        numbers = self._numbers(words, usable)
        size = len(numbers)
        if len(self._unique) or not len(self._rows) or count_matches(numbers, self._offsets) <= most:
            yield 0, size, *self._pairs(numbers)
            return
        places = np.maximum(numbers, 0)
        partners = np.where(numbers >= 0, self._offsets[places + 1] - self._offsets[places], 0)
        ends = np.cumsum(partners)
        start = before = 0
        while start < size:
            stop = max(start + 1, int(np.searchsorted(ends, before + most, side="right")))
            probe_rows, build_rows = self._pairs(numbers[start:stop])
            yield start, stop, probe_rows + start, build_rows
            start, before = stop, int(ends[stop - 1])

    def matches(self, words: Sequence[Words], usable: Mask) -> Mask:
        """Whether each probe row has at least one partner, bool[n]; arguments as for `probe`."""
        numbers = self._numbers(words, usable)
        found: Mask = numbers >= 0
        if isinstance(self._keys, DenseKeys):
            # A number in between may belong to no row.
            places = np.maximum(numbers, 0)
            if len(self._unique):
                found &= self._unique[places] >= 0
            else:
                found &= self._offsets[places + 1] > self._offsets[places]
        return found

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(array.nbytes for array in self.arrays().values())

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The table as flat arrays, to be put into shared memory; see `from_arrays`."""
        kind = 0 if isinstance(self._keys, GroupTable) else self._keys.kind
        return {
            "header": np.array([self._width, kind], np.int64),
            "unique": self._unique,
            "offsets": self._offsets,
            "rows": self._rows,
            **self._keys.arrays(),
        }

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> JoinTable:
        """The table that gave `arrays`, over their memory, which may be read-only."""
        lent = {name: writable(array) for name, array in arrays.items()}
        width, kind = (int(item) for item in arrays["header"])
        keys: KeyNumbers
        if kind == DenseKeys.kind:
            keys = DenseKeys.from_arrays(lent)
        elif kind == RankedKeys.kind:
            keys = RankedKeys.from_arrays(lent)
        else:
            keys = GroupTable.from_arrays(width, lent)
        return JoinTable(width, keys, lent["unique"], lent["offsets"], lent["rows"])

    def __reduce__(self) -> tuple[object, ...]:
        return JoinTable.from_arrays, (self.arrays(),)

    def _pairs(self, numbers: Words) -> tuple[Words, Words]:
        """Probe and build rows of each row's number, int64[m] each."""
        if len(self._unique):
            probe_rows = np.empty(len(numbers), np.int64)
            build_rows = np.empty(len(numbers), np.int64)
            matches = match_unique(numbers, self._unique, probe_rows, build_rows)
            return probe_rows[:matches], build_rows[:matches]
        if not len(self._rows):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        matches = count_matches(numbers, self._offsets)
        probe_rows = np.empty(matches, np.int64)
        build_rows = np.empty(matches, np.int64)
        match_many(numbers, self._offsets, self._rows, probe_rows, build_rows)
        return probe_rows, build_rows

    def _numbers(self, words: Sequence[Words], usable: Mask) -> Words:
        """Number of each probe row's key, int64[n], or -1; a dense number may belong to no build row."""
        numbers = self._keys.find(words)
        if len(usable):
            numbers[~usable] = -1
        return numbers
