"""What the kernels of `moments` and `sketching`, and the newer ones of `accumulating`, do, in plain Python."""

from __future__ import annotations

from collections.abc import Sequence


def reference_moments(values: Sequence[float]) -> list[float]:
    """n, mean and sum of squared deviations."""
    if not values:
        return [0.0, 0.0, 0.0]
    mean = sum(values) / len(values)
    return [float(len(values)), mean, sum((value - mean) ** 2 for value in values)]


def reference_shapes(values: Sequence[float]) -> list[float]:
    """n, mean and the sums of the second to fourth powers of the deviations."""
    if not values:
        return [0.0] * 5
    mean = sum(values) / len(values)
    return [float(len(values)), mean, *(float(sum((value - mean) ** k for value in values)) for k in (2, 3, 4))]


def reference_comoments(ys: Sequence[float], xs: Sequence[float]) -> list[float]:
    """n, mean of x, mean of y, squared deviations of x and of y, and the sum of their products."""
    if not ys:
        return [0.0] * 6
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    products = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return [
        float(len(ys)),
        mean_x,
        mean_y,
        sum((x - mean_x) ** 2 for x in xs),
        sum((y - mean_y) ** 2 for y in ys),
        products,
    ]


def reference_products(values: Sequence[float]) -> list[float]:
    """n and the product."""
    product = 1.0
    for value in values:
        product *= value
    return [float(len(values)), product]


def reference_kahan(values: Sequence[float]) -> list[float]:
    """n and the sum."""
    return [float(len(values)), sum(values)]


def reference_registers(hashes: Sequence[int], size: int) -> list[int]:
    """Of each register the greatest place of the lowest bit, from 1, among the bits above those that choose it."""
    registers = [0] * size
    for each in hashes:
        rest = each // size
        place = (rest & -rest).bit_length() if rest else 64
        registers[each % size] = max(registers[each % size], place)
    return registers


def reference_best_rows(words: Sequence[int], largest: bool) -> int:
    """The first row with the least or greatest word; -2 for none."""
    if not words:
        return -2
    return words.index(max(words) if largest else min(words))


def reference_fold_bits(words: Sequence[int], operation: int) -> int:
    """All words combined by and, or, exclusive or."""
    folded = -1 if operation == 0 else 0
    for word in words:
        folded = (folded & word, folded | word, folded ^ word)[operation]
    return folded
