"""Expressions over batches: which rows a part sees, what is shared, and values as DuckDB has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlengine.batch import Batch
from sqlengine.errors import DataError
from sqlengine.executor.evaluate import Evaluator, evaluate, filter_batch, may_raise
from sqlengine.functions import registry
from sqlengine.planner.expressions import Call, Case, Cast, Column, Expression, InList, Literal
from sqlengine.types import BIGINT, BOOLEAN, DOUBLE, INTEGER, VARCHAR, SqlType, decimal
from sqlengine.vector import Vector
from tests.operators.support import Row, Source, ask_duckdb, canonical, rows_of

X = Column(0, "x", INTEGER)
Y = Column(1, "y", INTEGER)
S = Column(2, "s", VARCHAR)
W = Column(3, "w", decimal(30, 3))
A = Column(4, "a", BOOLEAN)
B = Column(5, "b", BOOLEAN)
ZERO = Literal(0, INTEGER)


def batch_of(**columns: list[object]) -> Batch:
    vectors = {}
    for column in (X, Y, S, W, A, B):
        if column.name in columns:
            array = pa.array(columns[column.name], {INTEGER: pa.int32(), BOOLEAN: pa.bool_()}.get(column.type))
            vectors[column.id] = Vector.from_arrow(array, column.type)
    return Batch(len(next(iter(columns.values()))), vectors)


def values(expression: Expression, batch: Batch) -> list[object]:
    return evaluate(expression, batch).expand(batch.length).arrow().to_pylist()


def less(a: Expression, b: Expression) -> Call:
    return Call("<", (a, b), BOOLEAN)


@pytest.fixture
def calls() -> Iterator[list[list[object]]]:
    """Registers `watched(x)`, which is x; the fixture's value lists the arguments it was called with."""
    seen: list[list[object]] = []

    def watch(arguments: Sequence[Vector], result: SqlType) -> Vector:
        seen.append(arguments[0].arrow().to_pylist())
        return arguments[0]

    def random(arguments: Sequence[Vector], result: SqlType) -> Vector:
        seen.append([])
        return Vector.from_values(np.array([len(seen)]), None, BIGINT, constant=True)

    with pytest.MonkeyPatch.context() as patch:
        for function in (
            registry.ScalarFunction("watched", _unresolved, watch),
            registry.ScalarFunction("dice", _unresolved, random, deterministic=False),
        ):
            registry.find_scalar("and")
            patch.setitem(registry._SCALARS, function.name, function)
        yield seen


def _unresolved(operands: Sequence[registry.Operand]) -> registry.Signature:
    raise AssertionError("bound by hand")


def watched(expression: Expression) -> Call:
    return Call("watched", (expression,), expression.type)


def test_case_evaluates_a_branch_on_the_rows_that_reach_it(calls: list[list[object]]) -> None:
    batch = batch_of(x=[1, 5, None, 3, 9])
    expression = Case(
        ((less(X, Literal(2, INTEGER)), watched(X)), (less(X, Literal(4, INTEGER)), watched(X))),
        Call("watched", (X,), INTEGER),
        INTEGER,
    )
    assert values(expression, batch) == [1, 5, None, 3, 9]
    assert calls == [[1], [3], [5, None, 9]]


def test_case_guards_a_division() -> None:
    batch = batch_of(x=[1, 5, None, 3], y=[0, 2, 1, 0])
    quotient = Call("//", (X, Y), INTEGER)
    guarded = Case(((Call("<>", (Y, ZERO), BOOLEAN), quotient),), Literal(None, INTEGER), INTEGER)
    assert values(guarded, batch) == [None, 2, None, None]
    with pytest.raises(DataError):
        values(quotient, batch)


def test_conjunction_asks_a_part_that_may_raise_only_where_it_matters() -> None:
    batch = batch_of(x=[1, 5, None, 3], y=[0, 2, 1, 0])
    no_zero = Call("<>", (Y, ZERO), BOOLEAN)
    even = Call("=", (Call("//", (X, Y), INTEGER), Literal(2, INTEGER)), BOOLEAN)
    assert values(Call("and", (no_zero, even), BOOLEAN), batch) == [False, True, None, False]
    zero = Call("=", (Y, ZERO), BOOLEAN)
    assert values(Call("or", (zero, even), BOOLEAN), batch) == [True, True, None, True]
    assert filter_batch(batch, (no_zero, even)).column(0).values().tolist() == [5]


def test_coalesce_stops_asking() -> None:
    batch = batch_of(x=[1, None, None], y=[7, None, 8])
    assert values(Call("coalesce", (X, Y, ZERO), INTEGER), batch) == [1, 0, 8]
    assert values(Call("coalesce", (Literal(None, INTEGER), X), INTEGER), batch) == [1, None, None]
    failing = Call("//", (ZERO, ZERO), INTEGER)
    assert values(Call("coalesce", (Literal(3, INTEGER), failing), INTEGER), batch) == [3, 3, 3]


def test_equal_parts_are_computed_once(calls: list[list[object]]) -> None:
    batch = batch_of(x=[1, 2])
    first = Call("+", (watched(X), Literal(1, INTEGER)), INTEGER)
    second = Call("*", (watched(X), Literal(2, INTEGER)), INTEGER)
    results = Evaluator((first, second)).vectors(batch)
    assert [vector.values().tolist() for vector in results] == [[2, 3], [2, 4]]
    assert calls == [[1, 2]]


def test_a_value_known_outside_is_not_computed_again_in_a_branch(calls: list[list[object]]) -> None:
    batch = batch_of(x=[1, 2, 3])
    inner = Case(((less(X, Literal(3, INTEGER)), Call("+", (watched(X), ZERO), INTEGER)),), ZERO, INTEGER)
    results = Evaluator((watched(X), inner)).vectors(batch)
    assert results[1].values().tolist() == [1, 2, 0]
    assert calls == [[1, 2, 3]]


def test_functions_that_are_not_deterministic_are_never_shared(calls: list[list[object]]) -> None:
    one, other = Call("dice", (), BIGINT), Call("dice", (), BIGINT)
    first, second = Evaluator((one, other)).vectors(batch_of(x=[1]))
    assert first.values().tolist() != second.values().tolist()


def test_zeros_of_either_sign_are_different_literals() -> None:
    positive, negative = Evaluator((Literal(0.0, DOUBLE), Literal(-0.0, DOUBLE))).vectors(batch_of(x=[1]))
    assert not np.signbit(positive.values()[0])
    assert np.signbit(negative.values()[0])


def test_what_may_raise() -> None:
    assert not may_raise(Call("and", (less(X, Y), InList(X, (ZERO,))), BOOLEAN))
    assert may_raise(less(Call("+", (X, Y), INTEGER), ZERO))
    assert may_raise(Cast(S, INTEGER))
    assert not may_raise(Cast(S, INTEGER, attempt=True))


@pytest.mark.parametrize("result", ["s", "w", "x", "constants"])
@given(rows=rows_of((INTEGER, INTEGER, VARCHAR, decimal(30, 3))), dictionary=st.booleans())
def test_case_as_duckdb(result: str, rows: list[Row], dictionary: bool) -> None:
    source = Source(0, (X, Y, S, W), rows, 1000, dictionary)
    outcomes: dict[str, tuple[Expression, Expression, SqlType, str]] = {
        "s": (S, Literal("other", VARCHAR), VARCHAR, "s, 'other'"),
        "w": (W, W, W.type, "w, w"),
        "x": (X, Call("+", (X, Y), INTEGER), INTEGER, "x, x + y"),
        "constants": (Literal("one", VARCHAR), Literal(None, VARCHAR), VARCHAR, "'one', NULL"),
    }
    first, second, type_, _ = outcomes[result]
    one, other = outcomes[result][3].split(", ")
    expression = Case(((less(X, Y), first), (less(Y, ZERO), second)), Literal(None, type_), type_)
    sql = f"SELECT CASE WHEN x < y THEN {one} WHEN y < 0 THEN {other} END FROM t"
    ours = [(value,) for batch in source.read() for value in values(expression, batch)]
    assert canonical(ours) == canonical(ask_duckdb(sql, t=source))


BOOLEANS = st.lists(st.tuples(*[st.sampled_from([None, True, False])] * 2), min_size=1, max_size=9)


@given(rows=BOOLEANS)
def test_three_valued_logic_and_filters(rows: list[Row]) -> None:
    batch = batch_of(a=[row[0] for row in rows], b=[row[1] for row in rows])
    both, either = Call("and", (A, B), BOOLEAN), Call("or", (A, B), BOOLEAN)
    assert values(both, batch) == [False if False in row else None if None in row else True for row in rows]
    assert values(either, batch) == [True if True in row else None if None in row else False for row in rows]
    expected = [row for row in rows if row == (True, True)]
    for conditions in ((A, B), (both,), (B, A, Literal(True, BOOLEAN))):
        assert filter_batch(batch, conditions).length == len(expected)
    assert filter_batch(batch, (A, Literal(None, BOOLEAN))).length == 0


@given(rows=rows_of((INTEGER, INTEGER)), share=st.sampled_from([0.0, 0.5, 1.1]))
def test_narrowing_early_or_late_keeps_the_same_rows(rows: list[Row], share: float) -> None:
    source = Source(0, (X, Y), rows, 1000)
    conditions = (less(X, Y), less(Call("+", (X, X), INTEGER), Literal(3, INTEGER)), less(ZERO, Y))
    expected = [(x, y) for x, y in rows if isinstance(x, int) and isinstance(y, int) and x < y and x + x < 3 and y > 0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sqlengine.executor.evaluate._NARROW_BELOW", share)
        for batch in source.read():
            kept = filter_batch(batch, conditions)
            record = kept.to_arrow([X.id, Y.id])
            assert list(zip(*(array.to_pylist() for array in record.columns), strict=True)) == expected
