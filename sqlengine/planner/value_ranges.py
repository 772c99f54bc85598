"""Columns between bounds: what part of the values is left, and how many values there can be."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Final

from sqlengine.planner.expressions import Call, Column, Expression, Literal
from sqlengine.storage.format import ColumnStatistics
from sqlengine.types import SqlType

UNKNOWN_RANGE: Final = 1 / 3


class Range:
    """The part of a column's values that some bounds leave."""

    def __init__(self, statistics: ColumnStatistics) -> None:
        self._minimum = as_number(statistics.minimum)
        self._maximum = as_number(statistics.maximum)
        self._low: float | None = None
        self._high: float | None = None
        self._bounds = 0

    def narrow(self, operator: str, value: object) -> None:
        """Add the bound `column operator value`; one whose value is no number counts as unknown."""
        self._bounds += 1
        number = as_number(value)
        if number is None:
            return
        if operator in (">", ">="):
            self._low = number if self._low is None else max(self._low, number)
        else:
            self._high = number if self._high is None else min(self._high, number)

    def fraction(self) -> float:
        """Fraction of the values that all bounds leave, taking values as evenly spread; a guess if nothing is known."""
        low, high = self._minimum, self._maximum
        if low is None or high is None or (self._low is None and self._high is None):
            return max(UNKNOWN_RANGE**self._bounds, UNKNOWN_RANGE**2)
        inside_low = low if self._low is None else max(low, self._low)
        inside_high = high if self._high is None else min(high, self._high)
        if high <= low:
            return 1.0 if inside_low <= inside_high else 0.0
        return max(0.0, (inside_high - inside_low) / (high - low))


def column_bound(condition: Expression) -> tuple[Column, str, object] | None:
    """(column, operator, constant) of a condition that bounds a bare column, else None."""
    if isinstance(condition, Call) and condition.function in ("<", "<=", ">", ">="):
        left, right = condition.arguments
        if isinstance(left, Column) and isinstance(right, Literal):
            return left, condition.function, right.value
    return None


def as_number(value: object) -> float | None:
    """A number that orders like `value` (dates: seconds since 1970), None for what has none."""
    match value:
        case bool() | int() | float() | Decimal():
            return float(value)
        case datetime.datetime():
            return value.replace(tzinfo=datetime.UTC).timestamp()
        case datetime.date():
            return datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC).timestamp()
        case _:
            return None


def spread(minimum: object, maximum: object, sql_type: SqlType) -> float | None:
    """Values there are between two bounds, where the type is discrete."""
    match minimum, maximum:
        case (bool(), bool()):
            return 2.0
        case (int(), int()):
            return float(maximum - minimum + 1)
        case (Decimal(), Decimal()):
            return float((maximum - minimum).scaleb(sql_type.scale)) + 1.0
        case (datetime.datetime(), datetime.datetime()):
            return None
        case (datetime.date(), datetime.date()):
            return float((maximum - minimum).days + 1)
        case (str(), str()) if len(minimum) == 1 and len(maximum) == 1:
            return float(ord(maximum) - ord(minimum) + 1)
        case _:
            return None
