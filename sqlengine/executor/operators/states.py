"""The states of an aggregation: which rows and which argument feed which accumulator.

::

    rows of a batch ─┬─ all ────────────────┬─ rows counted ── COUNT_ALL, COUNT(x) = rows - NULLs of x
                     │                      └─ SUM(x), MIN(y) …
                     ├─ FILTER (x > 1) ─────── …
                     └─ DISTINCT x ─────────── …
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sqlengine.batch import Batch
from sqlengine.errors import InternalError
from sqlengine.executor.accumulators.accumulator import Accumulator
from sqlengine.executor.accumulators.make import make_accumulator
from sqlengine.executor.evaluate import evaluate, may_raise, truth_of
from sqlengine.executor.operators.grouping import FirstOccurrences
from sqlengine.executor.whole import aggregate_rows, collect_rows
from sqlengine.functions.registry import AggregateFunction, StateOp, find_aggregate
from sqlengine.planner.expressions import Case, Expression, Literal, columns_of
from sqlengine.planner.physical_aggregates import AggregateColumn, AggregateExec
from sqlengine.types import BIGINT, arrow_type
from sqlengine.vector import Vector, concat_vectors

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
        merging = node.reads_states
        for item in node.aggregates:
            choice = self._choice(item, merging)
            if item.is_whole:
                self._states[item.column.id] = self._collected(item, choice)
            for state in item.states:
                if state.column.id in self._states:
                    continue
                made: _State
                if merging:
                    made = _Merged(make_accumulator(state.op, state.column.type), self._number(state.column))
                else:
                    numbers = [self._number(_guarded(argument, item.filter)) for argument in state.arguments]
                    if state.op in (StateOp.COUNT, StateOp.COUNT_ALL):
                        made = _Count(choice, numbers)
                    else:
                        made = _Plain(make_accumulator(state.op, state.column.type), choice, numbers)
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
            state.update(groups, count, vectors, length)

    def results(self, count: int) -> dict[int, Vector]:
        """Each state of the first `count` groups, and each whole aggregate's result, by the id of its column."""
        return {column_id: state.result(count) for column_id, state in self._states.items()}

    def _choice(self, item: AggregateColumn, merging: bool) -> _RowChoice:
        """The rows that feed `item`: shared by all aggregates with the same FILTER and DISTINCT."""
        filter_ = None if merging else item.filter
        distinct: tuple[Expression, ...] = ()
        if item.distinct and not merging:
            read = item.arguments or tuple(argument for state in item.states for argument in state.arguments)
            distinct = tuple(dict.fromkeys([argument for argument in read if columns_of(argument)] or read))
        key = (filter_, distinct)
        choice = self._choices.get(key)
        if choice is None:
            choice = self._choices[key] = _RowChoice(
                None if filter_ is None else self._number(filter_),
                [self._number(_guarded(argument, filter_)) for argument in distinct],
                FirstOccurrences([argument.type for argument in distinct]) if distinct else None,
            )
        return choice

    def _collected(self, item: AggregateColumn, choice: _RowChoice) -> _Collected:
        function = find_aggregate(item.function)
        if function is None:
            raise InternalError(f"the plan calls an aggregate {item.function!r} that is not registered")
        arguments = [self._number(_guarded(argument, item.filter)) for argument in item.arguments]
        keys = [self._number(_guarded(key.expression, item.filter)) for key in item.order]
        return _Collected(function, item, choice, arguments, keys)

    def _number(self, expression: Expression) -> int:
        self.expressions.append(expression)
        return len(self.expressions) - 1


def _guarded(argument: Expression, filter_: Expression | None) -> Expression:
    """The argument, asked only about rows that pass the filter if it might raise on others."""
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
            self.rows.update(groups, count, (), length)


class _State(Protocol):
    """One state column, or one whole aggregate."""

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        ...

    def update(self, groups: Groups, count: int, vectors: Sequence[Vector], length: int) -> None:
        """Add a batch, or of it the rows that the state's choice has picked."""
        ...

    def result(self, count: int) -> Vector:
        """The state, or the result, of each group."""
        ...


class _Plain:
    """A state that its accumulator keeps; `arguments` are numbers of expressions."""

    def __init__(self, accumulator: Accumulator, choice: _RowChoice, arguments: Sequence[int]) -> None:
        self._accumulator = accumulator
        self._choice = choice
        self._arguments = arguments

    @property
    def nbytes(self) -> int:
        return self._accumulator.nbytes

    def update(self, groups: Groups, count: int, vectors: Sequence[Vector], length: int) -> None:
        self._accumulator.update(self._choice.groups, count, [vectors[number] for number in self._arguments], length)

    def result(self, count: int) -> Vector:
        return self._accumulator.result(count)


class _Merged:
    """A state made of partial ones."""

    def __init__(self, accumulator: Accumulator, column: int) -> None:
        self._accumulator = accumulator
        self._column = column

    @property
    def nbytes(self) -> int:
        return self._accumulator.nbytes

    def update(self, groups: Groups, count: int, vectors: Sequence[Vector], length: int) -> None:
        self._accumulator.merge(groups, count, vectors[self._column], length)

    def result(self, count: int) -> Vector:
        return self._accumulator.result(count)


class _Count:
    """Rows whose argument is not NULL: rows less NULLs, because most columns have none to count."""

    def __init__(self, choice: _RowChoice, arguments: Sequence[int]) -> None:
        choice.count_rows()
        self._choice = choice
        self._arguments = arguments
        self._nulls: Accumulator | None = None

    @property
    def nbytes(self) -> int:
        return 0 if self._nulls is None else self._nulls.nbytes

    def update(self, groups: Groups, count: int, vectors: Sequence[Vector], length: int) -> None:
        valid = vectors[self._arguments[0]].valid() if self._arguments else None
        if valid is None or valid.all():
            return
        if self._nulls is None:
            self._nulls = make_accumulator(StateOp.COUNT_ALL, BIGINT)
        groups = self._choice.groups
        null_groups = np.where(
            np.broadcast_to(valid, (length,)), np.int64(-1), np.int64(0) if groups is None else groups
        )
        self._nulls.update(null_groups, count, (), length)

    def result(self, count: int) -> Vector:
        assert self._choice.rows is not None
        rows = self._choice.rows.result(count)
        if self._nulls is None:
            return rows
        return Vector.from_values(rows.values() - self._nulls.result(count).values(), None, BIGINT)


class _Collected:
    """An aggregate that wants all rows of a group at once: keeps them until it is asked for its result."""

    def __init__(
        self,
        function: AggregateFunction,
        item: AggregateColumn,
        choice: _RowChoice,
        arguments: Sequence[int],
        keys: Sequence[int],
    ) -> None:
        self._function = function
        self._item = item
        self._choice = choice
        self._width = len(arguments)
        self._read = [*arguments, *keys]
        self._groups: list[NDArray[np.int64]] = []
        self._vectors: list[list[Vector]] = [[] for _ in self._read]
        self._nbytes = 0

    @property
    def nbytes(self) -> int:
        return self._nbytes

    def update(self, groups: Groups, count: int, vectors: Sequence[Vector], length: int) -> None:
        chosen = self._choice.groups
        if chosen is None:
            chosen = np.zeros(length, np.int64)
        rows = np.flatnonzero(chosen >= 0)
        few = len(rows) < length
        if few:
            chosen = chosen[rows]
        self._groups.append(chosen)
        self._nbytes += chosen.nbytes
        for k, number in enumerate(self._read):
            vector = vectors[number].take(rows) if few else vectors[number]
            self._vectors[k].append(vector)
            self._nbytes += vector.nbytes

    def result(self, count: int) -> Vector:
        groups = np.concatenate(self._groups) if self._groups else np.empty(0, np.int64)
        columns = [self._column(k) for k in range(len(self._read))]
        rows = collect_rows(
            groups,
            count,
            columns[: self._width],
            columns[self._width :],
            [key.descending for key in self._item.order],
            [key.nulls_first for key in self._item.order],
        )
        return aggregate_rows(self._function, rows, self._item.column.type)

    def _expression(self, k: int) -> Expression:
        return self._item.arguments[k] if k < self._width else self._item.order[k - self._width].expression

    def _column(self, k: int) -> Vector:
        """All rows of one argument or key; a constant stays one value."""
        import pyarrow as pa

        expression, vectors = self._expression(k), self._vectors[k]
        if not columns_of(expression) and all(vector.constant for vector in vectors):
            return vectors[0] if vectors else evaluate(expression, Batch(1, {}))
        parts = [each.expand(len(rows)) for each, rows in zip(vectors, self._groups, strict=True)]
        if not parts:
            return Vector.from_arrow(pa.nulls(0, arrow_type(expression.type)), expression.type)
        return concat_vectors(parts)
