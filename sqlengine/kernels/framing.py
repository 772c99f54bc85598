"""Loops over the frames of windows: where groups of equal rows begin, bounds by value, and folds over ranges of rows.

n: rows in window order, w: words of a key, f: frames, s: segments of a frame. Segment k of frame i is rows
begins[k * f + i] … ends[k * f + i] - 1; segments of a frame ascend and do not overlap.

A fold over any frame takes O(log n) steps through a tree of partial folds (Leis, Kundhikanjana, Kemper, Neumann:
"Efficient Processing of Window Functions in Analytical SQL Queries", VLDB 2015, section 4.3), and amortized O(1) as
long as frames begin at one row and grow. Nothing is ever subtracted, so sums of floats do not cancel and survive NaN
and infinities. The association of a sum depends on the frames only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sqlengine.kernels._jit import inner, kernel, words_at


@kernel("void(int64[::1], int64, int64[::1], boolean[::1])")
def mark_changes(columns: Any, n: Any, order: Any, changed: Any) -> None:
    """Mark the rows, in the order given, that differ from the one before them.

    columns  int64[w]  addresses of uint64[n]
    order    int64[n]
    changed  bool[n]   True is set, nothing is cleared; the first row stays as it is
    """
    for k in range(columns.size):
        column = words_at(columns[k], n)
        for i in range(1, n):
            if column[order[i]] != column[order[i - 1]]:
                changed[i] = True


@inner
def _compare(keys: Any, n: Any, row: Any, edges: Any, f: Any, frame: Any) -> Any:
    """-1, 0 or 1: how the key of a row compares with the edge of a frame."""
    for k in range(keys.size):
        left = np.uint64(words_at(keys[k], n)[row])
        right = np.uint64(words_at(edges[k], f)[frame])
        if left != right:
            return -1 if left < right else 1
    return 0


@kernel("void(int64[::1], int64, int64[::1], int64[::1], int64[::1], boolean, int64[::1])")
def search_bounds(keys: Any, n: Any, edges: Any, low: Any, high: Any, after: Any, bounds: Any) -> None:
    """For each frame the first row in low … high whose key is not below its edge, or with `after` is above it.

    keys       int64[w]  addresses of uint64[n], ascending within low … high
    edges      int64[w]  addresses of uint64[f]
    low, high  int64[f]
    bounds     int64[f]  written
    """
    f = low.size
    limit = 1 if after else 0
    for i in range(f):
        # Neighbours have near bounds: gallop from the previous one.
        left = low[i]
        right = high[i]
        if left < right:
            guess = left
            if i > 0:
                guess = min(max(bounds[i - 1], left), right - 1)
            step = 1
            if _compare(keys, n, guess, edges, f, i) < limit:
                left = guess + 1
                while left < right:
                    probe = min(guess + step, right - 1)
                    if _compare(keys, n, probe, edges, f, i) < limit:
                        left = probe + 1
                        step *= 2
                    else:
                        right = probe
                        break
            else:
                right = guess
                while left < right:
                    probe = max(guess - step, left)
                    if _compare(keys, n, probe, edges, f, i) < limit:
                        left = probe + 1
                        break
                    right = probe
                    step *= 2
            while left < right:
                middle = (left + right) // 2
                if _compare(keys, n, middle, edges, f, i) < limit:
                    left = middle + 1
                else:
                    right = middle
        bounds[i] = left


@kernel("void(float64[::1])")
def build_sums(tree: Any) -> None:
    """Fill the first half of a tree of sums: node k is the sum of nodes 2k and 2k + 1.

    tree  float64[2*n]  the values are in the second half; node 0 is unused
    """
    for k in range(tree.size // 2 - 1, 0, -1):
        tree[k] = tree[2 * k] + tree[2 * k + 1]


@kernel("void(float64[::1], int64[::1], int64[::1], float64[::1])")
def sum_frames(tree: Any, begins: Any, ends: Any, sums: Any) -> None:
    """The sum of the values in each frame, 0 where it is empty.

    tree          float64[2*n]  of `build_sums`
    begins, ends  int64[s*f]
    sums          float64[f]    written
    """
    n = tree.size // 2
    f = sums.size
    for i in range(f):
        if begins.size == f and i > 0 and begins[i] == begins[i - 1] and ends[i] >= ends[i - 1] >= begins[i]:
            total = sums[i - 1]
            for k in range(n + ends[i - 1], n + ends[i]):
                total += tree[k]
        else:
            total = 0.0
            for at in range(i, begins.size, f):
                left = n + begins[at]
                right = n + ends[at]
                tail = 0.0
                while left < right:
                    if left & 1:
                        total += tree[left]
                        left += 1
                    if right & 1:
                        right -= 1
                        tail += tree[right]
                    left >>= 1
                    right >>= 1
                total += tail
        sums[i] = total


@kernel("void(int64[::1])")
def build_minima(tree: Any) -> None:
    """As `build_sums`, of the smaller of two words.

    tree  int64[2*n]
    """
    for k in range(tree.size // 2 - 1, 0, -1):
        tree[k] = min(tree[2 * k], tree[2 * k + 1])


@kernel("void(int64[::1], int64[::1], int64[::1], int64[::1])")
def min_frames(tree: Any, begins: Any, ends: Any, minima: Any) -> None:
    """The smallest word in each frame, the largest int64 where it is empty.

    tree          int64[2*n]  of `build_minima`
    begins, ends  int64[s*f]
    minima        int64[f]    written
    """
    n = tree.size // 2
    f = minima.size
    for i in range(f):
        if begins.size == f and i > 0 and begins[i] == begins[i - 1] and ends[i] >= ends[i - 1] >= begins[i]:
            best = minima[i - 1]
            for k in range(n + ends[i - 1], n + ends[i]):
                best = min(best, tree[k])
        else:
            best = np.int64(0x7FFF_FFFF_FFFF_FFFF)
            for at in range(i, begins.size, f):
                left = n + begins[at]
                right = n + ends[at]
                while left < right:
                    if left & 1:
                        best = min(best, tree[left])
                        left += 1
                    if right & 1:
                        right -= 1
                        best = min(best, tree[right])
                    left >>= 1
                    right >>= 1
        minima[i] = best
