"""Joins against a plain-Python nested loop (order included) and against DuckDB."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlengine.planner.expressions import Call, Column, Expression
from sqlengine.planner.logical_joins import JoinKind
from sqlengine.planner.physical_joins import HashJoinExec, NestedLoopJoinExec
from sqlengine.types import BIGINT, BOOLEAN, DATE, DOUBLE, INTEGER, VARCHAR, SqlType, decimal
from tests.operators.support import Inputs, Row, Source, ask_duckdb, bag, canonical, rows_of, run

KEY_TYPES = [(INTEGER,), (VARCHAR,), (DOUBLE,), (decimal(30, 3),), (BIGINT, VARCHAR), (DATE, decimal(12, 2), INTEGER)]
FILTERING = (JoinKind.SEMI, JoinKind.ANTI)
SQL_JOIN = {
    JoinKind.INNER: "JOIN",
    JoinKind.LEFT: "LEFT JOIN",
    JoinKind.RIGHT: "RIGHT JOIN",
    JoinKind.FULL: "FULL JOIN",
    JoinKind.SEMI: "SEMI JOIN",
    JoinKind.ANTI: "ANTI JOIN",
}


def columns(side: str, types: Sequence[SqlType], first: int) -> list[Column]:
    """The keys, then one INTEGER to compare in residual conditions."""
    return [Column(first + k, f"{side}{k}", type_) for k, type_ in enumerate((*types, INTEGER))]


def same(a: object, b: object, null_equal: bool) -> bool:
    if a is None or b is None:
        return null_equal and a is None and b is None
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b):
        return True
    return a == b


def reference_join(
    kind: JoinKind, probe: Sequence[Row], build: Sequence[Row], null_equal: Sequence[bool], residual: bool
) -> list[Row]:
    """Pairs in order of probe row, then build row; unmatched build rows last."""
    width = len(null_equal)
    result: list[Row] = []
    seen: set[int] = set()
    for left in probe:
        partners = [
            number
            for number, right in enumerate(build)
            if all(same(left[k], right[k], null_equal[k]) for k in range(width))
            and (not residual or (left[width] is not None and right[width] is not None and left[width] < right[width]))
        ]
        seen.update(partners)
        if kind in FILTERING:
            result += [left] if bool(partners) == (kind is JoinKind.SEMI) else []
        elif partners:
            result += [left + build[number] for number in partners]
        elif kind in (JoinKind.LEFT, JoinKind.FULL):
            result.append(left + (None,) * (width + 1))
    if kind in (JoinKind.RIGHT, JoinKind.FULL):
        result += [(None,) * (width + 1) + row for number, row in enumerate(build) if number not in seen]
    return result


def less(left: Sequence[Column], right: Sequence[Column]) -> tuple[Expression, ...]:
    return (Call("<", (left[-1], right[-1]), BOOLEAN),)


@pytest.mark.parametrize("kind", JoinKind)
@pytest.mark.parametrize("residual", [False, True])
@given(
    data=st.data(), types=st.sampled_from(KEY_TYPES), batch_rows=st.sampled_from([1, 3, 1000]), dictionary=st.booleans()
)
def test_hash_join(
    kind: JoinKind,
    residual: bool,
    data: st.DataObject,
    types: tuple[SqlType, ...],
    batch_rows: int,
    dictionary: bool,
) -> None:
    null_equal = data.draw(st.tuples(*[st.booleans()] * len(types)))
    left, right = columns("p", types, 0), columns("b", types, 10)
    probe = Source(0, left, data.draw(rows_of((*types, INTEGER))), batch_rows, dictionary)
    build = Source(1, right, data.draw(rows_of((*types, INTEGER))), batch_rows, not dictionary)
    node = HashJoinExec(
        probe.node,
        build.node,
        kind,
        tuple(left[:-1]),
        tuple(right[:-1]),
        less(left, right) if residual else (),
        tuple(left) if kind in FILTERING else (*left, *right),
        null_equal,
    )
    rows = run(node, Inputs([probe, build]), batch_rows)
    assert canonical(rows) == canonical(reference_join(kind, probe.rows, build.rows, null_equal, residual))


@pytest.mark.parametrize("kind", JoinKind)
@pytest.mark.parametrize("residual", [False, True])
@given(probe_rows=rows_of((DOUBLE, VARCHAR, INTEGER)), build_rows=rows_of((DOUBLE, VARCHAR, INTEGER)))
def test_hash_join_as_duckdb(kind: JoinKind, residual: bool, probe_rows: list[Row], build_rows: list[Row]) -> None:
    left, right = columns("p", (DOUBLE, VARCHAR), 0), columns("b", (DOUBLE, VARCHAR), 10)
    probe, build = Source(0, left, probe_rows), Source(1, right, build_rows)
    node = HashJoinExec(
        probe.node,
        build.node,
        kind,
        tuple(left[:2]),
        tuple(right[:2]),
        less(left, right) if residual else (),
        tuple(left) if kind in FILTERING else (*left, *right),
        (False, True),
    )
    condition = "p0 = b0 AND p1 IS NOT DISTINCT FROM b1" + (" AND p2 < b2" if residual else "")
    expected = ask_duckdb(f"SELECT * FROM probe {SQL_JOIN[kind]} build ON {condition}", probe=probe, build=build)
    assert bag(run(node, Inputs([probe, build]))) == bag(expected)


@pytest.mark.parametrize("kind", JoinKind)
@pytest.mark.parametrize("conditions", [False, True])
@given(data=st.data(), batch_rows=st.sampled_from([1, 3, 1000]), block=st.sampled_from([2, 5, 1000]))
def test_nested_loop_join(kind: JoinKind, conditions: bool, data: st.DataObject, batch_rows: int, block: int) -> None:
    left, right = columns("p", (VARCHAR,), 0), columns("b", (VARCHAR,), 10)
    probe = Source(0, left, data.draw(rows_of((VARCHAR, INTEGER))), batch_rows)
    build = Source(1, right, data.draw(rows_of((VARCHAR, INTEGER), 6)), batch_rows)
    node = NestedLoopJoinExec(
        probe.node,
        build.node,
        kind,
        less(left, right) if conditions else (),
        tuple(left) if kind in FILTERING else (*left, *right),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sqlengine.executor.operators.nested_loop_join._BLOCK_PAIRS", block)
        rows = run(node, Inputs([probe, build]), batch_rows)
    condition = "p1 < b1" if conditions else "true"
    expected = ask_duckdb(f"SELECT * FROM probe {SQL_JOIN[kind]} build ON {condition}", probe=probe, build=build)
    assert bag(rows) == bag(expected)
    if kind in (JoinKind.INNER, JoinKind.LEFT):
        # Positions of delivered probe rows never go back.
        numbers = {id(row): number for number, row in enumerate(probe.rows)}
        assert len(numbers) == len({id(row) for row in probe.rows})
        by_hand = [
            a + b
            for a in probe.rows
            for b in [b for b in build.rows if not conditions or _below(a[1], b[1])]
            or ([(None, None)] if kind is JoinKind.LEFT else [])
        ]
        assert canonical(rows) == canonical(by_hand)


def _below(a: object, b: object) -> bool:
    return isinstance(a, int) and isinstance(b, int) and a < b


@pytest.mark.parametrize("broadcast", [False, True])
def test_build_side_is_shared_only_if_broadcast(broadcast: bool) -> None:
    left, right = columns("p", (INTEGER,), 0), columns("b", (INTEGER,), 10)
    probe, build = Source(0, left, [(1, 1), (2, 2)]), Source(1, right, [(2, 5)])
    node = HashJoinExec(probe.node, build.node, JoinKind.INNER, (left[0],), (right[0],), (), (*left, *right), (False,))
    inputs = Inputs([probe, build], broadcast=broadcast)
    assert run(node, inputs) == run(node, inputs) == [(2, 2, 2, 5)]
    assert len(inputs.built) == broadcast
    # Two runs pull one probe batch each, and the build batch once or twice.
    assert inputs.pulled == (3 if broadcast else 4)


def test_empty_build_side_leaves_the_probe_side_alone() -> None:
    left, right = columns("p", (INTEGER,), 0), columns("b", (INTEGER,), 10)
    probe, build = Source(0, left, [(1, 1)]), Source(1, right, [])
    node = HashJoinExec(probe.node, build.node, JoinKind.INNER, (left[0],), (right[0],), (), (*left, *right), (False,))
    inputs = Inputs([probe, build])
    assert run(node, inputs) == []
    assert inputs.pulled == 0


def test_exploding_matches_come_in_bounded_batches() -> None:
    left, right = columns("p", (INTEGER,), 0), columns("b", (INTEGER,), 10)
    probe = Source(0, left, [(1, number) for number in range(30)], batch_rows=30)
    build = Source(1, right, [(1, number) for number in range(20)], batch_rows=30)
    node = HashJoinExec(
        probe.node, build.node, JoinKind.LEFT, (left[0],), (right[0],), (), (left[1], right[1]), (False,)
    )
    from sqlengine.executor.operators.run import run_pipeline
    from tests.operators.support import context

    lengths = [batch.length for batch in run_pipeline(node, Inputs([probe, build]), context(batch_rows=50))]
    assert sum(lengths) == 600
    assert max(lengths) <= 50
