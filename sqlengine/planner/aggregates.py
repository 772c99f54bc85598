"""The aggregate calls of one SELECT, from the moment they are met until its Aggregate is made."""

from __future__ import annotations

from sqlengine.planner.context import BindContext
from sqlengine.planner.expressions import AggregateCall, Column


class Aggregates:
    """The aggregate calls of one SELECT; equal calls share one column."""

    def __init__(self, context: BindContext) -> None:
        self._context = context
        self.columns: dict[AggregateCall, Column] = {}

    def add(self, call: AggregateCall, name: str) -> Column:
        """The column that holds the call's result."""
        column = self.columns.get(call)
        if column is None:
            column = self.columns[call] = self._context.column(name, call.type)
        return column
