"""What values a column has, and what fraction of rows meets a condition: estimates from what storage knows.

The rules of thumb are those of System R (Selinger et al. 1979, section 4): independence of conjuncts, uniform
values between minimum and maximum. Where nothing is known, a constant says so.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from sqlengine.planner.expressions import (
    Call,
    Case,
    Cast,
    Column,
    Expression,
    InList,
    LambdaCall,
    Literal,
    columns_of,
    conjuncts,
    walk,
)
from sqlengine.planner.logical import Aggregate, Expand, Filter, Node, Project, Scan, Union, Values, inputs_of
from sqlengine.planner.value_ranges import UNKNOWN_RANGE, Range, column_bound, spread
from sqlengine.storage.format import ColumnStatistics
from sqlengine.storage.sampling import sampled_distinct
from sqlengine.storage.table import Table
from sqlengine.types import SqlType, TypeKind

UNKNOWN_EQUALITY: Final = 0.05
UNKNOWN_CONDITION: Final = 0.25
PATTERN: Final = 0.1
# A whole number's range is taken for its number of values if there are so many rows for each.
_ROWS_PER_VALUE: Final = 8

# Distinct results of functions of a date.
_CALENDAR: Final = {
    "month": 12,
    "quarter": 4,
    "day": 31,
    "dayofmonth": 31,
    "dayofweek": 7,
    "isodow": 7,
    "weekday": 7,
    "week": 53,
    "dayofyear": 366,
    "hour": 24,
    "minute": 60,
    "second": 60,
}

# Days of a unit that moments are cut off at.
_DAYS: Final = {
    "day": 1.0,
    "week": 7.0,
    "month": 30.4,
    "quarter": 91.3,
    "year": 365.2,
    "decade": 3652.0,
    "hour": 1 / 24,
}
# Functions that make many values one, and what fraction of the values is taken to be left: enough for an aggregation
# of partial states to be worth trying, not so few that one task would have to merge them.
_LOSSY: Final = frozenset(
    {"floor", "ceil", "ceiling", "round", "trunc", "round_even", "//", "time_bucket", "date_diff", "date_sub"}
    | {"left", "right", "substring", "substr", "length", "split_part", "regexp_extract", "date_part"}
)
_KEPT_BY_ROUNDING: Final = 0.1


@dataclass(frozen=True, slots=True)
class _Source:
    """The table column a plan column comes from."""

    table: Table
    name: str
    type: SqlType


class ValueEstimates:
    """Estimates about columns for one plan and for every rewriting of it that keeps its column ids.

    Parameters
    ----------
    plan
        Tells where columns come from; statistics of a table column are asked for when first needed.
    """

    def __init__(self, plan: Node) -> None:
        self._sources: dict[int, _Source] = {}
        self._aliases: dict[int, Expression] = {}
        self._value_counts: dict[int, int] = {}
        self._statistics: dict[int, ColumnStatistics] = {}
        self._distinct: dict[int, float | None] = {}
        self._conditions: dict[int, list[Expression]] = {}
        self._kept: dict[int, float] = {}
        self._learn(plan)

    def _learn(self, node: Node) -> None:
        match node:
            case Scan():
                for column, name in zip(node.columns, node.source_names, strict=True):
                    self._sources[column.id] = _Source(node.table, name, column.type)
                self._learn_conditions(node.filters)
            case Filter():
                self._learn_conditions(conjuncts(node.condition))
            case Values():
                self._value_counts.update({column.id: len(node.rows) for column in node.columns})
            case Project():
                for column, expression in zip(node.columns, node.expressions, strict=True):
                    if expression != column:
                        self._aliases[column.id] = expression
            case Expand():
                self._aliases.update(zip((column.id for column in node.key_columns), node.keys, strict=True))
                self._aliases[node.set_column.id] = Literal(0, node.set_column.type)
            case Aggregate():
                for column, key in zip(node.key_columns, node.keys, strict=True):
                    if key != column:
                        self._aliases[column.id] = key
            case Union():
                for column, first in zip(node.columns, node.inputs[0].columns, strict=True):
                    self._aliases[column.id] = first
            case _:
                pass
        for child in inputs_of(node):
            self._learn(child)

    def _learn_conditions(self, conditions: Iterable[Expression]) -> None:
        for condition in conditions:
            columns = columns_of(condition)
            if len(columns) == 1:
                self._conditions.setdefault(next(iter(columns)), []).append(condition)

    # -- values -------------------------------------------------------------------------------

    def distinct(self, expression: Expression) -> float | None:
        """Distinct values of `expression` over the unfiltered tables; None = unknown."""
        match expression:
            case Literal():
                return 1.0
            case Column():
                if expression.id not in self._distinct:
                    self._distinct[expression.id] = None  # ends a cycle, should a plan be malformed
                    self._distinct[expression.id] = self._column_distinct(expression)
                return self._distinct[expression.id]
            case Cast():
                return self.distinct(expression.operand)
            case Case():
                values = [value for _, value in expression.branches] + [expression.otherwise]
                return _sum_known([self.distinct(value) for value in values])
            case InList():
                return 2.0
            case LambdaCall():
                return None
            case Call():
                return self._call_distinct(expression)
            case _:
                assert_never(expression)

    def _column_distinct(self, column: Column) -> float | None:
        alias = self._aliases.get(column.id)
        if alias is not None:
            return self.distinct(alias)
        if column.id in self._value_counts:
            return float(self._value_counts[column.id])
        if column.type.kind is TypeKind.BOOLEAN:
            return 2.0
        source = self._sources.get(column.id)
        if source is None:
            return None
        rows = float(source.table.row_count())
        statistics = self.statistics(column)
        if statistics.distinct is not None:
            return min(float(statistics.distinct), rows)
        values = spread(statistics.minimum, statistics.maximum, source.type)
        if values is not None and values * _ROWS_PER_VALUE <= rows:
            return values
        sampled = sampled_distinct(source.table, source.name)
        if sampled is not None:
            return sampled if values is None else min(values, sampled)
        if values is not None:
            return min(values, rows)
        # A short table bounds the guess however little is known of its values.
        return rows if rows <= 1_000 else None

    def _call_distinct(self, call: Call) -> float | None:
        if call.type.kind is TypeKind.BOOLEAN:
            return 2.0
        name, arguments = call.function, call.arguments
        if name in ("date_part", "extract", "datepart") and arguments and isinstance(arguments[0], Literal):
            name, arguments = str(arguments[0].value), arguments[1:]
        if name in _CALENDAR:
            return float(_CALENDAR[name])
        if name == "year" and len(arguments) == 1 and isinstance(arguments[0], Column):
            statistics = self.statistics(arguments[0])
            low, high = statistics.minimum, statistics.maximum
            if isinstance(low, datetime.date) and isinstance(high, datetime.date):
                return float(high.year - low.year + 1)
        if name == "%" and isinstance(arguments[1], Literal) and isinstance(arguments[1].value, int):
            return float(max(1, abs(arguments[1].value)))
        distinct = 1.0
        for argument in arguments:
            each = self.distinct(argument)
            if each is None:
                return None
            distinct *= each
        if name == "date_trunc" and isinstance(arguments[0], Literal):
            return self._units(str(arguments[0].value).lower(), arguments[1], distinct)
        return self._fewer(call, distinct) if name in _LOSSY else distinct

    def _fewer(self, expression: Expression, distinct: float) -> float:
        """Values that rounding leaves: a fraction of the possible ones, of which there are no more than rows."""
        sources = [self._source(part) for part in walk(expression) if isinstance(part, Column)]
        tables = {id(source.table): source.table for source in sources if source is not None}
        rows = math.prod(float(table.row_count()) for table in tables.values()) if None not in sources else distinct
        return max(1.0, min(distinct, rows) * _KEPT_BY_ROUNDING)

    def _units(self, unit: str, moment: Expression, distinct: float) -> float:
        """Days, months, … that values of `moment` lie in, of which there are `distinct`."""
        known = self.statistics(moment) if isinstance(moment, Column) else ColumnStatistics()
        days = _DAYS.get(unit.rstrip("s"))
        match known.minimum, known.maximum:
            case (datetime.date() as low, datetime.date() as high) if days is not None:
                return min(distinct, (high.toordinal() - low.toordinal()) / days + 2.0)
            case _:
                return self._fewer(moment, distinct)

    def statistics(self, column: Column) -> ColumnStatistics:
        """What storage knows of the table column behind `column`; nothing for a computed one."""
        known = self._statistics.get(column.id)
        if known is None:
            source = self._source(column)
            known = ColumnStatistics() if source is None else source.table.statistics(source.name)
            self._statistics[column.id] = known
        return known

    def _source(self, expression: Expression) -> _Source | None:
        while isinstance(expression, Column):
            source = self._sources.get(expression.id)
            if source is not None:
                return source
            alias = self._aliases.get(expression.id)
            if alias is None:
                return None
            expression = alias
        return None

    # -- conditions ---------------------------------------------------------------------------

    def selectivity(self, conditions: Iterable[Expression]) -> float:
        """Fraction of rows for which all `conditions` hold; bounds of one column are taken together."""
        fraction = 1.0
        ranges: dict[int, Range] = {}
        for condition in conditions:
            bound = column_bound(condition)
            if bound is None:
                fraction *= self._condition(condition)
                continue
            column, operator, value = bound
            span = ranges.get(column.id)
            if span is None:
                span = ranges[column.id] = Range(self.statistics(column))
            span.narrow(operator, value)
        for span in ranges.values():
            fraction *= span.fraction()
        return fraction

    def _condition(self, condition: Expression) -> float:
        match condition:
            case Literal(value=value):
                return 1.0 if value is True else 0.0
            case Call(function="and"):
                return self.selectivity(conjuncts(condition))
            case Call(function="or", arguments=arguments):
                return 1.0 - math.prod(1.0 - self.selectivity(conjuncts(each)) for each in arguments)
            case Call(function="not", arguments=(operand,)):
                return 1.0 - self.selectivity(conjuncts(operand))
            case Call(function="=" | "is_not_distinct_from", arguments=(left, right)):
                return self._equality(left, right)
            case Call(function="<>" | "is_distinct_from", arguments=(left, right)):
                return 1.0 - self._equality(left, right)
            case Call(function="<" | "<=" | ">" | ">="):
                return UNKNOWN_RANGE
            case Call(function="like" | "ilike"):
                return PATTERN
            case Call(function="is_null", arguments=(operand,)):
                return self._null_fraction(operand)
            case Call(function="is_not_null", arguments=(operand,)):
                return 1.0 - self._null_fraction(operand)
            case InList(operand=operand, values=values, negated=negated):
                distinct = self.distinct(operand)
                each = UNKNOWN_EQUALITY if distinct is None else 1.0 / max(1.0, distinct)
                inside = min(1.0, len(values) * each)
                return 1.0 - inside if negated else inside
            case _:
                return UNKNOWN_CONDITION

    def _equality(self, left: Expression, right: Expression) -> float:
        known = [each for each in (self.distinct(left), self.distinct(right)) if each is not None]
        if not known or max(known) <= 1.0:
            return UNKNOWN_EQUALITY
        return 1.0 / max(known)

    def _null_fraction(self, operand: Expression) -> float:
        source = self._source(operand)
        if source is None or not isinstance(operand, Column):
            return UNKNOWN_EQUALITY
        nulls = self.statistics(operand).nulls
        rows = source.table.row_count()
        return UNKNOWN_EQUALITY if nulls is None or rows == 0 else nulls / rows

    def kept(self, expression: Expression) -> float:
        """Fraction of a column's values that the plan's conditions on that column alone leave; 1 for all else."""
        if not isinstance(expression, Column):
            return 1.0
        known = self._kept.get(expression.id)
        if known is None:
            known = self._kept[expression.id] = self.selectivity(self._conditions.get(expression.id, ()))
        return known


def _sum_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
