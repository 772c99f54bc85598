"""The subqueries of one clause, from the moment they are met until the clause attaches them to its plan."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlengine.planner.context import BindContext
from sqlengine.planner.correlation import free_columns, refers_to, with_columns
from sqlengine.planner.expressions import Column, Expression
from sqlengine.planner.logical import Node
from sqlengine.planner.logical_joins import JoinKind
from sqlengine.planner.unnest import dependent_join


class Subqueries:
    """The subqueries of one clause, in the order in which they must be attached to the clause's plan."""

    def __init__(self, context: BindContext) -> None:
        self._context = context
        self._plans: list[tuple[JoinKind, Node]] = []
        self._values: dict[Any, Expression] = {}

    def value_of(self, tree: Any, bind: Callable[[], Expression]) -> Expression:
        """`bind()`, once for equal syntax trees: `SELECT (SELECT …) … GROUP BY (SELECT …)` computes one."""
        known = self._values.get(tree)
        if known is None:
            known = self._values[tree] = bind()
        else:
            # Whatever another copy says has been read in the first one.
            self._context.reader.skip(tree)
        return known

    def add(self, kind: JoinKind, plan: Node) -> None:
        """Put the columns of `plan`, one row for each row of the clause, beside it. INNER or LEFT."""
        self._plans.append((kind, plan))

    @property
    def columns(self) -> frozenset[int]:
        """Ids of all columns that hold outcomes."""
        return frozenset(column.id for _, plan in self._plans for column in plan.columns)

    def names(self) -> dict[int, Column]:
        """The columns of the clause's own plan, and of enclosing ones, that the subqueries refer to."""
        own = self.columns
        return {i: c for _, plan in self._plans for i, c in free_columns(plan).items() if i not in own}

    def rename(self, mapping: Mapping[int, Column]) -> None:
        """Make the subqueries refer to other columns of the clause's plan."""
        self._plans = [(kind, with_columns(plan, mapping)) for kind, plan in self._plans]

    def taken(self, wanted: Collection[int]) -> Subqueries:
        """Those that make the `wanted` columns, and those that these refer to; they are no longer here."""
        taken = Subqueries(self._context)
        needed = set(wanted)
        kept = []
        for kind, plan in reversed(self._plans):
            if needed.isdisjoint(column.id for column in plan.columns):
                kept.append((kind, plan))
            else:
                needed.update(free_columns(plan))
                taken._plans.insert(0, (kind, plan))
        self._plans = kept[::-1]
        return taken

    def attach_to_sides(self, left: Node, right: Node) -> tuple[Node, Node]:
        """The inputs of a join, each subquery of its condition attached to the one it names.

        One that names both goes to the right, which thereby names columns of the left.
        """
        plans, self._plans = self._plans, []
        for kind, inner in plans:
            if refers_to(inner, left) and not refers_to(inner, right):
                left = dependent_join(self._context.column, kind, left, inner)
            else:
                right = dependent_join(self._context.column, kind, right, inner)
        return left, right

    def attach(self, plan: Node) -> Node:
        """`plan` with the columns of all subqueries beside its own."""
        for kind, inner in self._plans:
            plan = dependent_join(self._context.column, kind, plan, inner)
        self._plans = []
        return plan
