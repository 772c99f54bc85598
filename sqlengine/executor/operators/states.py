"""The states of an aggregation: which rows and which argument feed which accumulator.

::

    rows of a batch ─┬─ all ────────────────┬─ rows counted ── COUNT_ALL, COUNT(x) = rows - NULLs of x
                     │                      └─ SUM(x), MIN(y) …
                     ├─ FILTER (x > 1) ─────── …
                     └─ DISTINCT x ─────────── …
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.errors import InternalError
from sqlengine.executor.accumulators import Accumulator, make_accumulator
from sqlengine.executor.evaluate import may_raise, truth_of
from sqlengine.executor.operators.grouping import FirstOccurrences
from sqlengine.functions.registry import StateOp
from sqlengine.planner.expressions import Case, Expression, Literal
from sqlengine.planner.physical import AggregateColumn, AggregateExec, AggregateMode
from sqlengine.types import BIGINT
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Groups = NDArray[np.int64] | None


class StateAccumulators:
    """All states of one aggregation node, each kept once.

    Attributes
    ----------
    expressions
        What `update` wants the values of, in that order.
    """

    def __init__(self, node: AggregateExec) -> None:
        self.expressions: list[Expression] = []
        self._choices: dict[Hashable, _RowChoice] = {}
        self._states: dict[int, _State] = {}
        merging = node.mode is AggregateMode.FINAL
        for item in node.aggregates:
            choice = self._choice(item, merging)
            for state in item.states:
                if state.column.id in self._states:
                    continue
                counts = state.op in (StateOp.COUNT, StateOp.COUNT_ALL)
                made: _State
                if merging:
                    made = _Plain(make_accumulator(state.op.merge, state.column.type), choice, zero_for_null=counts)
                    made.argument = self._number(state.column)
                elif counts:
                    made = _Count(choice)
                    if state.op is StateOp.COUNT:
                        made.argument = self._number(_guarded(state.argument, item.filter))
                else:
                    made = _Plain(make_accumulator(state.op, state.column.type), choice)
                    made.argument = self._number(_guarded(state.argument, item.filter))
                self._states[state.column.id] = made

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        states = sum(state.nbytes for state in self._states.values())
        return states + sum(choice.nbytes for choice in self._choices.values())

    def update(self, groups: Groups, count: int, vectors: Sequence[Vector], length: int) -> None:
        """Add a batch: row r, of group `groups[r]` < `count`, where the expressions have the values `vectors`.

        `groups` None puts every row into group 0.
        """
        for choice in self._choices.values():
            choice.update(groups, count, vectors, length)
        for state in self._states.values():
            state.update(count, vectors, length)

    def results(self, count: int) -> dict[int, Vector]:
        """Each state of the first `count` groups, by the id of its column."""
        return {column_id: state.result(count) for column_id, state in self._states.items()}

    def _choice(self, item: AggregateColumn, merging: bool) -> _RowChoice:
        """The rows that feed `item`: shared by all aggregates with the same FILTER and DISTINCT."""
        filter_ = None if merging else item.filter
        distinct: tuple[Expression, ...] = ()
        if item.distinct and not merging:
            distinct = tuple(dict.fromkeys(state.argument for state in item.states if state.argument is not None))
        key = (filter_, distinct)
        choice = self._choices.get(key)
        if choice is None:
            choice = self._choices[key] = _RowChoice(
                None if filter_ is None else self._number(filter_),
                [self._number(_guarded(argument, filter_)) for argument in distinct],
                FirstOccurrences([argument.type for argument in distinct]) if distinct else None,
            )
        return choice

    def _number(self, expression: Expression) -> int:
        self.expressions.append(expression)
        return len(self.expressions) - 1


def _guarded(argument: Expression | None, filter_: Expression | None) -> Expression:
    """The argument, asked only about rows that pass the filter if it might raise on others."""
    if argument is None:
        raise InternalError("a state other than COUNT_ALL has no argument")
    if filter_ is None or not may_raise(argument):
        return argument
    return Case(((filter_, argument),), Literal(None, argument.type), argument.type)


class _RowChoice:
    """Rows picked by FILTER and DISTINCT: the batch's group ids with -1 for the others, and their number."""

    def __init__(self, filter_: int | None, distinct: Sequence[int], firsts: FirstOccurrences | None) -> None:
        self._filter = filter_
        self._distinct = distinct
        self._firsts = firsts
        self.groups: Groups = None
        self.rows: Accumulator | None = None

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return (self._firsts.nbytes if self._firsts else 0) + (self.rows.nbytes if self.rows else 0)

    def count_rows(self) -> None:
        """Ask for the number of rows per group, kept once for all who need it."""
        if self.rows is None:
            self.rows = make_accumulator(StateOp.COUNT_ALL, BIGINT)

    def update(self, groups: Groups, count: int, vectors: Sequence[Vector], length: int) -> None:
        """Choose among the rows of a batch."""
        if self._filter is not None:
            kept = truth_of(vectors[self._filter], length)
            if not kept.all():
                groups = np.where(kept, np.int64(0) if groups is None else groups, np.int64(-1))
        if self._firsts is not None:
            groups = self._firsts.among(groups, [vectors[number] for number in self._distinct], length)
        self.groups = groups
        if self.rows is not None:
            self.rows.update(groups, count, None, length)


class _State:
    """One state column; `argument` is the number of its argument among the expressions."""

    argument: int | None = None

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        raise NotImplementedError

    def update(self, count: int, vectors: Sequence[Vector], length: int) -> None:
        """Add the rows that the state's choice has picked."""
        raise NotImplementedError

    def result(self, count: int) -> Vector:
        """The state of each group."""
        raise NotImplementedError


class _Plain(_State):
    """A state that its accumulator keeps."""

    def __init__(self, accumulator: Accumulator, choice: _RowChoice, zero_for_null: bool = False) -> None:
        self._accumulator = accumulator
        self._choice = choice
        self._zero_for_null = zero_for_null

    @property
    def nbytes(self) -> int:
        return self._accumulator.nbytes

    def update(self, count: int, vectors: Sequence[Vector], length: int) -> None:
        assert self.argument is not None
        self._accumulator.update(self._choice.groups, count, vectors[self.argument], length)

    def result(self, count: int) -> Vector:
        result = self._accumulator.result(count)
        valid = result.valid()
        if self._zero_for_null and valid is not None:
            # The sum of no counts is NULL, the count of no rows is 0.
            return Vector.from_values(np.where(valid, result.values(), 0), None, result.type)
        return result


class _Count(_State):
    """Rows whose argument is not NULL: rows less NULLs, because most columns have none to count."""

    def __init__(self, choice: _RowChoice) -> None:
        choice.count_rows()
        self._choice = choice
        self._nulls: Accumulator | None = None

    @property
    def nbytes(self) -> int:
        return 0 if self._nulls is None else self._nulls.nbytes

    def update(self, count: int, vectors: Sequence[Vector], length: int) -> None:
        valid = None if self.argument is None else vectors[self.argument].valid()
        if valid is None or valid.all():
            return
        if self._nulls is None:
            self._nulls = make_accumulator(StateOp.COUNT_ALL, BIGINT)
        groups = self._choice.groups
        null_groups = np.where(valid, np.int64(-1), np.int64(0) if groups is None else groups)
        self._nulls.update(np.ascontiguousarray(np.broadcast_to(null_groups, (length,))), count, None, length)

    def result(self, count: int) -> Vector:
        assert self._choice.rows is not None
        rows = self._choice.rows.result(count)
        if self._nulls is None:
            return rows
        return Vector.from_values(rows.values() - self._nulls.result(count).values(), None, BIGINT)
