"""Aggregation in every mode against DuckDB and plain Python."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlengine.errors import MemoryBudgetError
from sqlengine.executor.operators.run import run_pipeline
from sqlengine.functions.registry import Operand, find_aggregate
from sqlengine.planner.expressions import Call, Column, Expression, Literal
from sqlengine.planner.physical_aggregates import AggregateColumn, AggregateExec, AggregateMode, StateColumn
from sqlengine.types import BIGINT, BOOLEAN, DATE, DOUBLE, INTEGER, VARCHAR, SqlType, decimal
from tests.operators.support import Inputs, Row, Source, ask_duckdb, bag, canonical, context, rows_of, run

K = Column(0, "k", VARCHAR)
D = Column(1, "d", DOUBLE)
X = Column(2, "x", INTEGER)
M = Column(3, "m", decimal(12, 2))
S = Column(4, "s", VARCHAR)
T = Column(5, "t", DATE)
COLUMNS = (K, D, X, M, S, T)
TYPES = tuple(column.type for column in COLUMNS)
X_ABOVE_0 = Call(">", (X, Literal(0, INTEGER)), BOOLEAN)


class Aggregates:
    """Builds aggregate columns with fresh ids."""

    def __init__(self) -> None:
        self._next = 100
        self._states: dict[object, StateColumn] = {}

    def fresh(self, type_: SqlType) -> Column:
        self._next += 1
        return Column(self._next, f"c{self._next}", type_)

    def make(
        self, name: str, *arguments: Expression, distinct: bool = False, filter_: Expression | None = None
    ) -> AggregateColumn:
        function = find_aggregate(name)
        assert function is not None
        signature = function.resolve([Operand(argument.type) for argument in arguments])
        states = []
        for state in signature.states:
            read = tuple(arguments[number] for number in state.arguments)
            key = (state.op, read, state.type, distinct, filter_)
            if key not in self._states:
                self._states[key] = StateColumn(state.op, read, self.fresh(state.type))
            states.append(self._states[key])
        return AggregateColumn(name, self.fresh(signature.result), tuple(states), distinct, filter_)


def some_aggregates(distinct: bool) -> tuple[AggregateColumn, ...]:
    make = Aggregates().make
    plain = (
        make("count_star"),
        make("count", X),
        make("sum", X),
        make("sum", M),
        make("min", S),
        make("max", S),
        make("min", D),
        make("max", D),
        make("min", T),
        make("sum", X, filter_=X_ABOVE_0),
        make("count_star", filter_=X_ABOVE_0),
        make("count", S, filter_=X_ABOVE_0),
    )
    if not distinct:
        return plain
    return (
        *plain,
        make("count", X, distinct=True),
        make("sum", X, distinct=True),
        make("count", S, distinct=True),
        make("sum", M, distinct=True, filter_=X_ABOVE_0),
    )


PLAIN_SQL = """count(*), count(x), sum(x), sum(m), min(s), max(s), min(d), max(d), min(t),
    sum(x) FILTER (x > 0), count(*) FILTER (x > 0), count(s) FILTER (x > 0)"""
DISTINCT_SQL = """count(DISTINCT x), sum(DISTINCT x), count(DISTINCT s), sum(DISTINCT m) FILTER (x > 0)"""


def single(source: Source, keys: tuple[Column, ...], aggregates: tuple[AggregateColumn, ...]) -> AggregateExec:
    outputs = tuple(Column(50 + key.id, key.name, key.type) for key in keys)
    return AggregateExec(source.node, AggregateMode.SINGLE, outputs, keys, aggregates)


def two_phases(
    parts: list[Source], keys: tuple[Column, ...], aggregates: tuple[AggregateColumn, ...], batch_rows: int
) -> list[Row]:
    """PARTIAL over each part, FINAL over what they deliver."""
    outputs = tuple(Column(50 + key.id, key.name, key.type) for key in keys)
    states: list[Row] = []
    for part in parts:
        partial = AggregateExec(part.node, AggregateMode.PARTIAL, outputs, keys, aggregates)
        states += run(partial, Inputs([part]), batch_rows)
    between = Source(9, partial.columns, states, batch_rows)
    final = AggregateExec(
        between.node,
        AggregateMode.FINAL,
        tuple(Column(80 + k.id, k.name, k.type) for k in outputs),
        outputs,
        aggregates,
    )
    return run(final, Inputs([between]), batch_rows)


KEYS = st.sampled_from([(), (K,), (D,), (X, K), (M, T, D)])


@given(rows=rows_of(TYPES, 20), keys=KEYS, batch_rows=st.sampled_from([1, 3, 1000]), dictionary=st.booleans())
def test_single(rows: list[Row], keys: tuple[Column, ...], batch_rows: int, dictionary: bool) -> None:
    source = Source(0, COLUMNS, rows, batch_rows, dictionary)
    result = run(single(source, keys, some_aggregates(distinct=True)), Inputs([source]), batch_rows)
    names = "".join(f"{key.name}, " for key in keys)
    grouping = f"GROUP BY {names[:-2]}" if keys else ""
    expected = ask_duckdb(f"SELECT {names}{PLAIN_SQL}, {DISTINCT_SQL} FROM t {grouping}", t=source)
    assert bag(result) == bag(expected)


@given(rows=rows_of(TYPES, 20), keys=KEYS, cut=st.integers(0, 20), batch_rows=st.sampled_from([1, 3, 1000]))
def test_partial_then_final_equals_single(rows: list[Row], keys: tuple[Column, ...], cut: int, batch_rows: int) -> None:
    aggregates = some_aggregates(distinct=False)
    whole = Source(0, COLUMNS, rows, batch_rows)
    parts = [Source(0, COLUMNS, rows[:cut], batch_rows), Source(0, COLUMNS, rows[cut:], batch_rows)]
    expected = run(single(whole, keys, aggregates), Inputs([whole]), batch_rows)
    assert canonical(two_phases(parts, keys, aggregates, batch_rows)) == canonical(expected)


@given(
    rows=rows_of(TYPES, 20),
    keys=st.sampled_from([(K,), (X, K)]),
    batch_rows=st.sampled_from([1, 3]),
    look_rows=st.sampled_from([1, 4]),
)
def test_partial_that_gives_up_changes_no_answer(
    rows: list[Row], keys: tuple[Column, ...], batch_rows: int, look_rows: int
) -> None:
    aggregates = some_aggregates(distinct=False)
    source = Source(0, COLUMNS, rows, batch_rows)
    expected = run(single(source, keys, aggregates), Inputs([source]), batch_rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sqlengine.executor.operators.aggregate._MANY_GROUPS", 1)
        patch.setattr("sqlengine.executor.operators.aggregate._POOR_REDUCTION", 0.3)
        patch.setattr("sqlengine.executor.operators.aggregate._LOOK_ROWS", look_rows)
        assert canonical(two_phases([source], keys, aggregates, batch_rows)) == canonical(expected)


def test_when_a_partial_gives_up_does_not_depend_on_batches() -> None:
    rows = [(number % 5, "s", f"k{number % 7}") for number in range(40)]
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sqlengine.executor.operators.aggregate._MANY_GROUPS", 1)
        patch.setattr("sqlengine.executor.operators.aggregate._POOR_REDUCTION", 0.3)
        patch.setattr("sqlengine.executor.operators.aggregate._LOOK_ROWS", 8)
        for batch_rows in (1, 3, 7, 8, 11, 40):
            source = Source(0, (X, S, K), rows, batch_rows)
            (item,) = (Aggregates().make("count_star"),)
            node = AggregateExec(source.node, AggregateMode.PARTIAL, (Column(7, "k", VARCHAR),), (K,), (item,))
            found.append(run(node, Inputs([source])))
    assert len(found[0]) > 7
    assert all(each == found[0] for each in found)


def test_groups_come_in_order_of_first_appearance() -> None:
    source = Source(0, (K,), [("b",), (None,), ("a",), ("b",), ("c",), (None,)], batch_rows=2)
    node = AggregateExec(source.node, AggregateMode.SINGLE, (Column(7, "k", VARCHAR),), (K,), ())
    assert run(node, Inputs([source])) == [("b",), (None,), ("a",), ("c",)]


def test_without_keys_there_is_one_row_whatever_the_input() -> None:
    source = Source(0, COLUMNS, [])
    make = Aggregates().make
    aggregates = (make("count_star"), make("count", X), make("sum", X), make("max", S))
    assert run(single(source, (), aggregates), Inputs([source])) == [(0, 0, None, None)]
    assert two_phases([source], (), aggregates, 4) == [(0, 0, None, None)]
    # No partial task ran at all.
    assert two_phases_of_nothing(aggregates) == [(0, 0, None, None)]


def two_phases_of_nothing(aggregates: tuple[AggregateColumn, ...]) -> list[Row]:
    states = tuple({state.column.id: state.column for item in aggregates for state in item.states}.values())
    between = Source(9, states, [])
    return run(AggregateExec(between.node, AggregateMode.FINAL, (), (), aggregates), Inputs([between]))


def test_filter_guards_the_argument() -> None:
    source = Source(0, (X,), [(0,), (2,), (None,), (4,)])
    checked = Call("error_if_zero", (X,), INTEGER)
    from sqlengine.functions import registry

    assert registry.find_scalar("sum") is None

    def run_checked(arguments: list, type_: SqlType) -> object:
        assert 0 not in arguments[0].arrow().to_pylist()
        return arguments[0]

    with pytest.MonkeyPatch.context() as patch:
        function = registry.ScalarFunction("error_if_zero", lambda _: None, run_checked)  # type: ignore[arg-type]
        patch.setitem(registry._SCALARS, "error_if_zero", function)
        aggregate = Aggregates().make("sum", checked, filter_=X_ABOVE_0)
        assert run(single(source, (), (aggregate,)), Inputs([source])) == [(6,)]


def test_states_shared_by_aggregates_are_kept_once() -> None:
    source = Source(0, (X,), [(1,), (2,), (None,)])
    make = Aggregates().make
    aggregates = (make("sum", X), make("avg", X), make("count", X))
    node = AggregateExec(source.node, AggregateMode.PARTIAL, (), (), aggregates)
    assert len(node.columns) == len({state.column.id for item in aggregates for state in item.states})
    assert run(single(source, (), aggregates), Inputs([source])) == [(3, 1.5, 2)]


def test_output_comes_in_batches_of_batch_rows() -> None:
    source = Source(0, (Column(0, "k", BIGINT),), [(number,) for number in range(10)], batch_rows=10)
    node = AggregateExec(source.node, AggregateMode.SINGLE, (Column(7, "k", BIGINT),), source.columns, ())
    lengths = [batch.length for batch in run_pipeline(node, Inputs([source]), context(batch_rows=4))]
    assert lengths == [4, 4, 2]


def test_memory_is_reserved_and_given_back() -> None:
    source = Source(0, (Column(0, "k", BIGINT),), [(number,) for number in range(5000)], batch_rows=1000)
    node = AggregateExec(source.node, AggregateMode.SINGLE, (Column(7, "k", BIGINT),), source.columns, ())
    with pytest.raises(MemoryBudgetError, match="aggregation"):
        run(node, Inputs([source]), memory_limit=1000)
    task = context(batch_rows=1000)
    assert sum(batch.length for batch in run_pipeline(node, Inputs([source]), task)) == 5000
    assert task.memory.used == 0
    assert task.memory.peak > 5000 * 8
