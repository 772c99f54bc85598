"""Column statistics: merging them, and deciding from them whether rows can satisfy a predicate."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from sqlengine.storage.format import ColumnStatistics
from sqlengine.storage.table import Predicate
from sqlengine.types import SqlType, TypeKind

UNKNOWN = ColumnStatistics()


def merge_statistics(parts: Iterable[tuple[int, ColumnStatistics]]) -> ColumnStatistics:
    """Statistics of the union of row sets, each given as (number of rows, its statistics).

    A bound is known only if it is known of every part that has a non-NULL value.
    """
    minima: list[Any] = []
    maxima: list[Any] = []
    nulls: int | None = 0
    empty = True
    for rows, part in parts:
        empty = False
        nulls = None if nulls is None or part.nulls is None else nulls + part.nulls
        if part.nulls is None or part.nulls < rows:
            minima.append(part.minimum)
            maxima.append(part.maximum)
    if empty:
        return UNKNOWN
    return ColumnStatistics(_extreme(min, minima), _extreme(max, maxima), nulls)


def _extreme(choose: Any, bounds: list[Any]) -> Any:
    return None if not bounds or any(bound is None for bound in bounds) else choose(bounds)


def widened(statistics: ColumnStatistics, type_: SqlType) -> ColumnStatistics:
    """What is known of a file's column, as its values are read: widened to `type_`, the type of the table's column.

    Rounding keeps order, so rounded bounds are bounds of rounded values.
    """
    low, high = (_widened(bound, type_) for bound in (statistics.minimum, statistics.maximum))
    if low is statistics.minimum and high is statistics.maximum:
        return statistics
    return dataclasses.replace(statistics, minimum=low, maximum=high)


def _widened(bound: Any, type_: SqlType) -> Any:
    if type(bound) in (int, Decimal) and type_.kind in (TypeKind.DOUBLE, TypeKind.FLOAT):
        return float(np.float32(bound)) if type_.kind is TypeKind.FLOAT else float(bound)
    if type(bound) is datetime.date and type_.is_timestamp:
        return datetime.datetime.combine(bound, datetime.time())
    return bound


def may_match(predicate: Predicate, rows: int, statistics: ColumnStatistics) -> bool:
    """Whether some of `rows` rows with `statistics` may satisfy `predicate`; True when in doubt.

    NULL satisfies only IS NULL. NaN stands above every number (as in DuckDB) but outside the bounds, so a
    maximum of floats proves nothing about `>` and `<>`.
    """
    op = predicate.op
    nulls = statistics.nulls
    if op == "is_null":
        return nulls != 0
    if nulls is not None and nulls >= rows:
        return False
    if op == "is_not_null":
        return True
    values = [value for value in predicate.values if value is not None]
    if not values:
        return False
    low: Any = statistics.minimum
    high: Any = statistics.maximum
    try:
        values = [value for value in values if value != value or _compatible(op, value, low, high)]
    except (TypeError, ArithmeticError):
        # A literal of another family (a naive and an aware timestamp, say) cannot be compared here.
        return True
    if statistics.members is not None and op in ("=", "in"):
        return any(statistics.members.may_hold(value) for value in values)
    return bool(values)


def _compatible(op: str, value: Any, low: Any, high: Any) -> bool:
    floating = isinstance(low, float) or isinstance(high, float)
    match op:
        case "=" | "in":
            return not ((low is not None and value < low) or (high is not None and value > high))
        case "<":
            return low is None or bool(low < value)
        case "<=":
            return low is None or bool(low <= value)
        case ">":
            return high is None or floating or bool(high > value)
        case ">=":
            return high is None or floating or bool(high >= value)
        case "<>":
            return low is None or floating or not (low == high == value)
        case _:
            return True


def within_bounds(predicate: Predicate, low: int, high: int) -> tuple[int, int]:
    """The smallest range of whole numbers that has all from `low` to `high` that satisfy `predicate`; None do if it is
    empty (its second number below the first).
    """
    values = [value for value in predicate.values if isinstance(value, int)]
    if len(values) != len(predicate.values) or not values:
        return low, high
    match predicate.op:
        case "=" | "in":
            return max(low, min(values)), min(high, max(values))
        case "<":
            return low, min(high, values[0] - 1)
        case "<=":
            return low, min(high, values[0])
        case ">":
            return max(low, values[0] + 1), high
        case ">=":
            return max(low, values[0]), high
        case _:
            return low, high


def excluding(predicates: Sequence[Predicate], rows: int, statistics: dict[str, ColumnStatistics]) -> Predicate | None:
    """The first predicate that none of the rows can satisfy, or None if all may be satisfied."""
    for predicate in predicates:
        found = statistics.get(predicate.column)
        if found is not None and not may_match(predicate, rows, found):
            return predicate
    return None
