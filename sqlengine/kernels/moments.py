"""Loops that bring doubles into states of some doubles a group: moments, products, compensated sums.

n: rows, g: groups, k: doubles a state. `groups` is int64[n], negative to skip the row, or empty when all rows are of
group 0; `valid` is bool[n], False marks NULL, or empty; `states` is float64[k*g], changed; `others` float64[k*n] are
states to merge. The first double of a state counts its values. Rows are taken in order, so results depend on the
order of the input only.

Means and squared deviations: Welford, "Note on a method for calculating corrected sums of squares and products",
1962; merged by Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances",
1979; third and fourth powers by Pebay, "Formulas for robust, one-pass parallel computation of covariances and
arbitrary-order statistical moments", 2008. Compensated sums: Kahan, "Further remarks on reducing truncation errors",
1965.
"""

from __future__ import annotations

from typing import Any

from sqlengine.kernels._jit import kernel


@kernel("void(int64[::1], boolean[::1], float64[::1], float64[::1])")
def add_moments(groups: Any, valid: Any, values: Any, states: Any) -> None:
    """States n, mean, m2: sum of squared deviations from the mean."""
    for i in range(values.size):
        group = groups[i] if groups.size > 0 else 0
        if group < 0 or (valid.size > 0 and not valid[i]):
            continue
        at = 3 * group
        states[at] += 1.0
        delta = values[i] - states[at + 1]
        states[at + 1] += delta / states[at]
        states[at + 2] += delta * (values[i] - states[at + 1])


@kernel("void(int64[::1], float64[::1], float64[::1])")
def merge_moments(groups: Any, others: Any, states: Any) -> None:
    """As `add_moments`."""
    for i in range(others.size // 3):
        group = groups[i] if groups.size > 0 else 0
        n = others[3 * i]
        if group < 0 or n == 0.0:
            continue
        at = 3 * group
        before = states[at]
        if before == 0.0:
            for k in range(3):
                states[at + k] = others[3 * i + k]
            continue
        total = before + n
        delta = others[3 * i + 1] - states[at + 1]
        states[at + 2] += others[3 * i + 2] + delta * delta * n * before / total
        states[at + 1] = (n * others[3 * i + 1] + before * states[at + 1]) / total
        states[at] = total


@kernel("void(int64[::1], boolean[::1], float64[::1], float64[::1])")
def add_shapes(groups: Any, valid: Any, values: Any, states: Any) -> None:
    """States n, mean, m2, m3, m4: sums of the second to fourth powers of the deviations from the mean."""
    for i in range(values.size):
        group = groups[i] if groups.size > 0 else 0
        if group < 0 or (valid.size > 0 and not valid[i]):
            continue
        at = 5 * group
        before = states[at]
        n = before + 1.0
        delta = values[i] - states[at + 1]
        part = delta / n
        square = part * part
        step = delta * part * before
        states[at] = n
        states[at + 1] += part
        states[at + 4] += step * square * (n * n - 3.0 * n + 3.0)
        states[at + 4] += 6.0 * square * states[at + 2] - 4.0 * part * states[at + 3]
        states[at + 3] += step * part * (n - 2.0) - 3.0 * part * states[at + 2]
        states[at + 2] += step


@kernel("void(int64[::1], float64[::1], float64[::1])")
def merge_shapes(groups: Any, others: Any, states: Any) -> None:
    """As `add_shapes`."""
    for i in range(others.size // 5):
        group = groups[i] if groups.size > 0 else 0
        n = others[5 * i]
        if group < 0 or n == 0.0:
            continue
        at = 5 * group
        before = states[at]
        if before == 0.0:
            for k in range(5):
                states[at + k] = others[5 * i + k]
            continue
        total = before + n
        delta = others[5 * i + 1] - states[at + 1]
        part = delta / total
        m2, m3 = others[5 * i + 2], others[5 * i + 3]
        product = delta * part * before * n
        states[at + 4] += others[5 * i + 4] + product * part * part * (before * before - before * n + n * n)
        states[at + 4] += 6.0 * part * part * (before * before * m2 + n * n * states[at + 2])
        states[at + 4] += 4.0 * part * (before * m3 - n * states[at + 3])
        states[at + 3] += m3 + product * part * (before - n) + 3.0 * part * (before * m2 - n * states[at + 2])
        states[at + 2] += m2 + product
        states[at + 1] = (n * others[5 * i + 1] + before * states[at + 1]) / total
        states[at] = total


@kernel("void(int64[::1], boolean[::1], float64[::1], float64[::1], float64[::1])")
def add_comoments(groups: Any, valid: Any, ys: Any, xs: Any, states: Any) -> None:
    """States n, mean of x, mean of y, squared deviations of x and of y, and the sum of their products."""
    for i in range(ys.size):
        group = groups[i] if groups.size > 0 else 0
        if group < 0 or (valid.size > 0 and not valid[i]):
            continue
        at = 6 * group
        states[at] += 1.0
        dx = xs[i] - states[at + 1]
        dy = ys[i] - states[at + 2]
        states[at + 1] += dx / states[at]
        states[at + 2] += dy / states[at]
        states[at + 3] += dx * (xs[i] - states[at + 1])
        states[at + 4] += dy * (ys[i] - states[at + 2])
        states[at + 5] += dx * (ys[i] - states[at + 2])


@kernel("void(int64[::1], float64[::1], float64[::1])")
def merge_comoments(groups: Any, others: Any, states: Any) -> None:
    """As `add_comoments`."""
    for i in range(others.size // 6):
        group = groups[i] if groups.size > 0 else 0
        n = others[6 * i]
        if group < 0 or n == 0.0:
            continue
        at = 6 * group
        before = states[at]
        if before == 0.0:
            for k in range(6):
                states[at + k] = others[6 * i + k]
            continue
        total = before + n
        dx = others[6 * i + 1] - states[at + 1]
        dy = others[6 * i + 2] - states[at + 2]
        weight = n * before / total
        states[at + 1] = (n * others[6 * i + 1] + before * states[at + 1]) / total
        states[at + 2] = (n * others[6 * i + 2] + before * states[at + 2]) / total
        states[at + 3] += others[6 * i + 3] + dx * dx * weight
        states[at + 4] += others[6 * i + 4] + dy * dy * weight
        states[at + 5] += others[6 * i + 5] + dx * dy * weight
        states[at] = total


@kernel("void(int64[::1], boolean[::1], float64[::1], float64[::1])")
def add_products(groups: Any, valid: Any, values: Any, states: Any) -> None:
    """States n and the product, 1 before the first value."""
    for i in range(values.size):
        group = groups[i] if groups.size > 0 else 0
        if group >= 0 and (valid.size == 0 or valid[i]):
            states[2 * group] += 1.0
            states[2 * group + 1] *= values[i]


@kernel("void(int64[::1], float64[::1], float64[::1])")
def merge_products(groups: Any, others: Any, states: Any) -> None:
    """As `add_products`."""
    for i in range(others.size // 2):
        group = groups[i] if groups.size > 0 else 0
        if group >= 0:
            states[2 * group] += others[2 * i]
            states[2 * group + 1] *= others[2 * i + 1]


@kernel("void(int64[::1], boolean[::1], float64[::1], float64[::1])")
def add_kahan(groups: Any, valid: Any, values: Any, states: Any) -> None:
    """States n, sum, and the error of the sum so far, to be taken off the next value."""
    for i in range(values.size):
        group = groups[i] if groups.size > 0 else 0
        if group < 0 or (valid.size > 0 and not valid[i]):
            continue
        at = 3 * group
        states[at] += 1.0
        value = values[i] - states[at + 2]
        total = states[at + 1] + value
        states[at + 2] = (total - states[at + 1]) - value
        states[at + 1] = total


@kernel("void(int64[::1], float64[::1], float64[::1])")
def merge_kahan(groups: Any, others: Any, states: Any) -> None:
    """As `add_kahan`: adds the other sum, then takes off its error."""
    for i in range(others.size // 3):
        group = groups[i] if groups.size > 0 else 0
        if group < 0:
            continue
        at = 3 * group
        states[at] += others[3 * i]
        for k in range(1, 3):
            value = (others[3 * i + 1] if k == 1 else -others[3 * i + 2]) - states[at + 2]
            total = states[at + 1] + value
            states[at + 2] = (total - states[at + 1]) - value
            states[at + 1] = total
