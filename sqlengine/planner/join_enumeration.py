"""Pairs of sets of relations that a join can bring together without a cross product.

Sets are bit masks. The algorithm is DPccp (Moerkotte and Neumann, "Analysis of Two Existing and One New Dynamic
Programming Algorithm for the Generation of Optimal Bushy Join Trees without Cross Products", VLDB 2006, section 3):
every pair of disjoint connected sets with an edge between them comes exactly once, after all pairs inside either set.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def connected_pairs(neighbours: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(set, other set) for each such pair of a graph; `neighbours[k]` are the relations with an edge to relation k."""
    for start in range(len(neighbours) - 1, -1, -1):
        below = (2 << start) - 1
        for one in _grown(1 << start, below, neighbours):
            lowest = (one & -one).bit_length() - 1
            banned = one | ((2 << lowest) - 1)
            candidates = _around(one, neighbours) & ~banned
            remaining = candidates
            while remaining:
                top = remaining.bit_length() - 1
                remaining ^= 1 << top
                for other in _grown(1 << top, banned | (candidates & ((2 << top) - 1)), neighbours):
                    yield one, other


def _grown(members: int, banned: int, neighbours: Sequence[int]) -> Iterator[int]:
    """`members`, then all connected sets that contain them and otherwise no relation of `banned`."""
    yield members
    yield from _extensions(members, banned, neighbours)


def _extensions(members: int, banned: int, neighbours: Sequence[int]) -> Iterator[int]:
    candidates = _around(members, neighbours) & ~banned
    if not candidates:
        return
    subset = -candidates & candidates
    subsets = []
    while subset:
        subsets.append(subset)
        yield members | subset
        subset = (subset - candidates) & candidates
    for each in subsets:
        yield from _extensions(members | each, banned | candidates, neighbours)


def _around(members: int, neighbours: Sequence[int]) -> int:
    """The relations with an edge into `members`, members aside."""
    around, rest = 0, members
    while rest:
        lowest = rest & -rest
        around |= neighbours[lowest.bit_length() - 1]
        rest ^= lowest
    return around & ~members
