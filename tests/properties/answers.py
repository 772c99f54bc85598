"""What two answers have to have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Row = Sequence[object]


@dataclass(frozen=True)
class Answer:
    """Column types and rows, in the order they came."""

    types: tuple[str, ...]
    rows: list[tuple[object, ...]]


def same_value(a: object, b: object) -> bool:
    """Equal and of one Python type; floats to a relative 1e-9 (near zero 1e-3: terms cancel), NaN equals NaN."""
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or a == b or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-3)
    if type(a) is not type(b):
        return False
    if isinstance(a, str) and isinstance(b, str):
        # The sign that 0.0 / 0.0 gives a NaN is the processor's.
        return a.replace("-nan", "nan") == b.replace("-nan", "nan")
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same_value, a, b))
    return a == b


def same_row(a: Row, b: Row) -> bool:
    return len(a) == len(b) and all(map(same_value, a, b))


def same_multiset(left: list[tuple[object, ...]], right: list[tuple[object, ...]]) -> bool:
    """Whether the rows pair up, whatever their order."""
    if len(left) != len(right):
        return False
    ours, theirs = sorted(left, key=_rough), sorted(right, key=_rough)
    if all(map(same_row, ours, theirs)):
        return True
    # Floats that differ in the last digits may have sorted differently.
    remaining = list(theirs)
    for row in ours:
        partner = next((k for k, other in enumerate(remaining) if same_row(row, other)), None)
        if partner is None:
            return False
        del remaining[partner]
    return True


def exact(rows: list[tuple[object, ...]]) -> list[str]:
    """Rows as text that tells apart what `==` does not: bits of floats, types."""
    return [", ".join(v.hex() if isinstance(v, float) else repr(v) for v in row) for row in rows]


def _rough(row: Row) -> tuple[str, ...]:
    return tuple(f"{v + 0.0:.6g}" if isinstance(v, float) else repr(v) for v in row)
