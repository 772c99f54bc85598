"""The aggregations of the physical plan."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlengine.functions.registry import StateOp
from sqlengine.planner.expressions import Column, Expression, Literal, SortKey

if TYPE_CHECKING:
    from sqlengine.planner.physical import Exec


class AggregateMode(enum.Enum):
    """Where an AggregateExec stands.

    ========  ==============  ===============
    mode      input           output
    ========  ==============  ===============
    PARTIAL   rows            keys and states
    MERGE     keys and states keys and states
    FINAL     keys and states keys and results
    SINGLE    rows            keys and results
    ========  ==============  ===============
    """

    PARTIAL = "partial"
    MERGE = "merge"
    FINAL = "final"
    SINGLE = "single"


@dataclass(frozen=True, slots=True)
class StateColumn:
    """One state of one aggregate: `op` over `arguments` (none for COUNT_ALL), kept in `column`."""

    op: StateOp
    arguments: tuple[Expression, ...]
    column: Column


@dataclass(frozen=True, slots=True)
class AggregateColumn:
    """One aggregate: its states, and the function whose `finalize` makes `column` of them.

    `filter` and `distinct` apply to the rows that reach the states (PARTIAL without distinct, or SINGLE).

    A *whole* aggregate (holistic, or with an `order` that matters) has no states: it wants its `arguments` of all rows
    of a group at once, sorted by `order`, and stands in SINGLE only.
    """

    function: str
    column: Column
    states: tuple[StateColumn, ...]
    distinct: bool = False
    filter: Expression | None = None
    arguments: tuple[Expression, ...] = ()
    order: tuple[SortKey, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether all rows of a group are wanted at once."""
        return bool(self.arguments)


@dataclass(frozen=True, slots=True)
class AggregateExec:
    """Hash aggregation; groups come out in order of first appearance in the input.

    Aggregates may share a state (`sum(x)` and `avg(x)`): the same StateColumn then stands in both, to be
    computed once; `states` lists each once. `reason` says in EXPLAIN why the aggregation has this form.

    In MERGE and FINAL mode `keys` are the partial output's key columns and each state merges by `op.merge`.
    `always`: see `logical.Aggregate`; all modes but FINAL see to it.
    Without keys, FINAL and SINGLE deliver one row even for no input; PARTIAL delivers one row of empty states.
    """

    input: Exec
    mode: AggregateMode
    key_columns: tuple[Column, ...]
    keys: tuple[Expression, ...]
    aggregates: tuple[AggregateColumn, ...]
    reason: str = ""
    always: tuple[tuple[Literal, ...], ...] = ()

    @property
    def delivers_states(self) -> bool:
        """Whether partial states come out, not results."""
        return self.mode in (AggregateMode.PARTIAL, AggregateMode.MERGE)

    @property
    def reads_states(self) -> bool:
        """Whether partial states come in, not rows."""
        return self.mode in (AggregateMode.MERGE, AggregateMode.FINAL)

    @property
    def states(self) -> tuple[StateColumn, ...]:
        """The states of all aggregates, each once, in order of first appearance."""
        return tuple({state.column.id: state for a in self.aggregates for state in a.states}.values())

    @property
    def columns(self) -> tuple[Column, ...]:
        """Keys, then states or results."""
        if self.delivers_states:
            return self.key_columns + tuple(state.column for state in self.states)
        return self.key_columns + tuple(a.column for a in self.aggregates)


@dataclass(frozen=True, slots=True)
class ExpandExec:
    """Every row once for each grouping set; see `logical.Expand`. `columns` is what is delivered."""

    input: Exec
    keys: tuple[Expression, ...]
    key_columns: tuple[Column, ...]
    set_column: Column
    sets: tuple[tuple[int, ...], ...]
    columns: tuple[Column, ...]
