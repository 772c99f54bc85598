"""The aggregate calls of one SELECT, from the moment they are met until its Aggregate is made."""

from __future__ import annotations

from sqlengine.planner.context import BindContext
from sqlengine.planner.expressions import AggregateCall, Column, Expression
from sqlengine.types import BIGINT


class Aggregates:
    """The aggregate calls of one SELECT; equal calls share one column."""

    def __init__(self, context: BindContext) -> None:
        self._context = context
        self.columns: dict[AggregateCall, Column] = {}
        # Arguments of GROUPING -> what stands for the call until the grouping sets are known.
        self.groupings: dict[tuple[Expression, ...], Column] = {}

    def add(self, call: AggregateCall, name: str) -> Column:
        """The column that holds the call's result."""
        column = self.columns.get(call)
        if column is None:
            column = self.columns[call] = self._context.column(name, call.type)
        return column

    def grouping(self, arguments: tuple[Expression, ...]) -> Column:
        """The column that stands for GROUPING(arguments)."""
        column = self.groupings.get(arguments)
        if column is None:
            column = self.groupings[arguments] = self._context.column("grouping", BIGINT)
        return column
