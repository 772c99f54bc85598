"""Scan, filter, project, values, append, and what run_pipeline does around operators."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlengine.errors import MemoryBudgetError
from sqlengine.executor.context import QueryCancelled
from sqlengine.executor.operators.run import run_pipeline
from sqlengine.planner.expressions import Call, Column, Literal, SortKey
from sqlengine.planner.logical_joins import JoinKind
from sqlengine.planner.physical import AppendExec, FilterExec, LimitExec, ProjectExec, ScanExec, SortExec, ValuesExec
from sqlengine.planner.physical_aggregates import AggregateExec, AggregateMode
from sqlengine.planner.physical_joins import HashJoinExec
from sqlengine.types import BIGINT, BOOLEAN, INTEGER, VARCHAR
from tests.operators.support import Inputs, Row, Source, ask_duckdb, canonical, context, rows_of, run

X = Column(0, "x", INTEGER)
Y = Column(1, "y", INTEGER)
S = Column(2, "s", VARCHAR)
ABOVE = Call(">", (X, Literal(0, INTEGER)), BOOLEAN)
BELOW = Call("<", (X, Y), BOOLEAN)
SUM = Call("+", (X, Y), INTEGER)


def scan_of(source: Source, filters: tuple[Call, ...], delivered: tuple[Column, ...]) -> ScanExec:
    names = tuple(column.name for column in source.columns)
    return ScanExec(source.node.leaf, "t", None, source.columns, names, delivered, filters, 1, 0)  # type: ignore[arg-type]


@given(rows=rows_of((INTEGER, INTEGER, VARCHAR)), batch_rows=st.sampled_from([1, 3, 1000]), dictionary=st.booleans())
def test_scan_filter_project(rows: list[Row], batch_rows: int, dictionary: bool) -> None:
    source = Source(0, (X, Y, S), rows, batch_rows, dictionary)
    columns = (Column(10, "s", VARCHAR), Column(11, "z", INTEGER), Column(12, "c", INTEGER))
    scan = scan_of(source, (ABOVE,), (X, Y, S))
    root = ProjectExec(FilterExec(scan, BELOW), columns, (S, SUM, Literal(7, INTEGER)))
    expected = ask_duckdb("SELECT s, x + y, 7 FROM t WHERE x > 0 AND x < y", t=source)
    assert canonical(run(root, Inputs([source]), batch_rows)) == canonical(expected)


def test_scan_drops_columns_only_its_filter_needs() -> None:
    source = Source(0, (X, Y), [(1, 5), (-1, 6), (None, 7)])
    scan = scan_of(source, (ABOVE,), (Y,))
    (batch,) = run_pipeline(scan, Inputs([source]), context())
    assert batch.ids == (Y.id,)
    assert run(scan_of(source, (ABOVE,), ()), Inputs([source])) == [()]


def test_project_of_one_column_twice() -> None:
    source = Source(0, (X,), [(1,), (2,)])
    root = ProjectExec(source.node, (Column(5, "a", INTEGER), Column(6, "b", INTEGER)), (X, X))
    assert run(root, Inputs([source])) == [(1, 1), (2, 2)]


def test_values() -> None:
    columns = (Column(0, "a", INTEGER), Column(1, "b", VARCHAR))
    rows = tuple((Literal(k if k else None, INTEGER), Literal(f"s{k}", VARCHAR)) for k in range(5))
    assert run(ValuesExec(0, columns, rows), Inputs([]), batch_rows=2) == [
        (None, "s0"), (1, "s1"), (2, "s2"), (3, "s3"), (4, "s4"),
    ]  # fmt: skip
    assert run(ValuesExec(0, (), ((),)), Inputs([])) == [()]
    assert run(ValuesExec(0, columns, ()), Inputs([])) == []


def test_append() -> None:
    first, second = Source(0, (X, S), [(1, "a"), (2, "b")], 1), Source(1, (Y, Column(9, "u", VARCHAR)), [(3, "c")])
    root = AppendExec((first.node, second.node), (Column(20, "n", INTEGER), Column(21, "v", VARCHAR)))
    assert run(root, Inputs([first, second])) == [(1, "a"), (2, "b"), (3, "c")]


def test_operators_are_metered_in_pre_order() -> None:
    probe = Source(0, (X, Y), [(k, k) for k in range(10)], 4)
    build = Source(1, (Column(5, "k", INTEGER),), [(k,) for k in range(3)])
    join = HashJoinExec(probe.node, build.node, JoinKind.INNER, (X,), build.columns, (), (X, Y), (False,))
    root = LimitExec(SortExec(join, (SortKey(X, descending=True),)), 2)
    task = context()
    assert sum(batch.length for batch in run_pipeline(root, Inputs([probe, build]), task)) == 2
    assert [task.operators[k][0] for k in range(5)] == [2, 3, 3, 10, 3]
    assert all(seconds >= 0 for _, seconds in task.operators.values())


def test_metrics_are_there_when_a_reader_stops_early() -> None:
    source = Source(0, (X,), [(k,) for k in range(10)], 2)
    task = context()
    batches = run_pipeline(source.node, Inputs([source]), task)
    next(batches)
    batches.close()
    assert task.operators[0][0] == 2


def test_cancellation_is_noticed_between_batches() -> None:
    source = Source(0, (X,), [(k,) for k in range(10)], 1)
    task = context()
    inputs = Inputs([source])
    node = AggregateExec(source.node, AggregateMode.SINGLE, (Column(7, "k", INTEGER),), (X,), ())
    task.cancel.cancel()  # type: ignore[attr-defined]
    with pytest.raises(QueryCancelled):
        list(run_pipeline(node, inputs, task))
    assert inputs.pulled == 0


def test_sorts_and_joins_count_what_they_hold() -> None:
    column = Column(0, "k", BIGINT)
    source = Source(0, (column,), [(k,) for k in range(2000)], 500)
    other = Source(1, (Column(1, "j", BIGINT),), [(k,) for k in range(2000)], 500)
    sort = SortExec(source.node, (SortKey(column),))
    join = HashJoinExec(
        source.node, other.node, JoinKind.INNER, (column,), other.columns, (), (column, *other.columns), (False,)
    )
    for node, what in ((sort, "sort"), (join, "join")):
        with pytest.raises(MemoryBudgetError, match=what):
            run(node, Inputs([source, other]), memory_limit=1000)
