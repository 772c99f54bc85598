"""The choices, one by one; and invariants of physical plans for queries made at random."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlengine.config import default_settings
from sqlengine.errors import InternalError
from sqlengine.planner.choices import (
    AggregateStrategy,
    JoinStrategy,
    Side,
    choose_aggregate_strategy,
    choose_buckets,
    choose_join_strategy,
    choose_small,
    format_bytes,
    format_count,
    should_build_left,
)
from sqlengine.planner.logical_joins import JoinKind
from sqlengine.planner.optimizer import optimize
from sqlengine.planner.parallelize import parallelize
from sqlengine.planner.physical import AppendExec, ExchangeRead, PhysicalPlan, ProjectExec, ReadPieces, Stage, Task
from sqlengine.planner.physical_aggregates import AggregateExec
from sqlengine.planner.physical_joins import HashJoinExec
from sqlengine.planner.verify_physical import check_physical
from tests.planner.golden import FOLDER, bind, read_cases

SETTINGS = default_settings({}).replaced({"verify_plans": True})
SMALL = Side(rows=1_000, bytes=20_000, tasks=1)
WIDE = Side(rows=1_000_000, bytes=20_000_000, tasks=4)
HUGE = Side(rows=100_000_000, bytes=2_000_000_000, tasks=200)


def plan_of(sql: str, **changes: object) -> PhysicalPlan:
    query = bind(sql)
    chosen = SETTINGS.replaced(changes)
    return parallelize(optimize(query.plan, chosen), query.names, chosen)


@pytest.mark.parametrize(
    ("kind", "probe", "build", "has_keys", "forced", "expected"),
    [
        (JoinKind.INNER, WIDE, SMALL, True, "auto", JoinStrategy.BROADCAST),
        (JoinKind.INNER, HUGE, HUGE, True, "auto", JoinStrategy.SHUFFLE),
        (JoinKind.INNER, SMALL, SMALL, True, "auto", JoinStrategy.ONE_TASK),
        (JoinKind.INNER, SMALL, SMALL, True, "shuffle", JoinStrategy.SHUFFLE),
        (JoinKind.INNER, WIDE, SMALL, True, "shuffle", JoinStrategy.SHUFFLE),
        (JoinKind.INNER, HUGE, HUGE, True, "broadcast", JoinStrategy.BROADCAST),
        (JoinKind.FULL, WIDE, SMALL, True, "broadcast", JoinStrategy.SHUFFLE),
        (JoinKind.FULL, SMALL, SMALL, True, "auto", JoinStrategy.ONE_TASK),
        (JoinKind.FULL, WIDE, SMALL, False, "auto", JoinStrategy.ONE_TASK),
        (JoinKind.INNER, WIDE, HUGE, False, "shuffle", JoinStrategy.BROADCAST),
        (JoinKind.ANTI, WIDE, SMALL, True, "auto", JoinStrategy.BROADCAST),
    ],
)
def test_join_strategy(
    kind: JoinKind, probe: Side, build: Side, has_keys: bool, forced: str, expected: JoinStrategy
) -> None:
    strategy, reason = choose_join_strategy(kind, probe, build, has_keys, SETTINGS.replaced({"join_strategy": forced}))
    assert strategy is expected
    assert reason


def test_the_smaller_side_of_an_inner_join_builds() -> None:
    assert should_build_left(JoinKind.INNER, SMALL, WIDE)
    assert not should_build_left(JoinKind.INNER, WIDE, SMALL)
    assert not should_build_left(JoinKind.LEFT, SMALL, WIDE)
    assert should_build_left(JoinKind.RIGHT, WIDE, SMALL)


@pytest.mark.parametrize(
    ("tasks", "keys", "partitioned", "distinct", "rows", "groups", "expected"),
    [
        (1, True, False, True, 1e6, 1e6, AggregateStrategy.SINGLE),
        (4, True, True, True, 1e6, 1e6, AggregateStrategy.SINGLE),
        (4, False, False, False, 1e6, 1, AggregateStrategy.PARTIAL_GATHER),
        (4, False, False, True, 1e6, 1, AggregateStrategy.ROWS_GATHER),
        (4, True, False, True, 1e6, 10, AggregateStrategy.ROWS_HASH),
        (4, True, False, False, 1e6, 10, AggregateStrategy.PARTIAL_GATHER),
        (4, True, False, False, 1e7, 1e6, AggregateStrategy.PARTIAL_HASH),
        (4, True, False, False, 1e7, 9e6, AggregateStrategy.ROWS_HASH),
        (4, True, False, False, 1000, 900, AggregateStrategy.PARTIAL_GATHER),
    ],
)
def test_aggregate_strategy(
    tasks: int,
    keys: bool,
    partitioned: bool,
    distinct: bool,
    rows: float,
    groups: float,
    expected: AggregateStrategy,
) -> None:
    assert choose_aggregate_strategy(tasks, keys, partitioned, distinct, rows, groups)[0] is expected


def test_buckets_follow_rows_within_bounds_unless_set() -> None:
    assert choose_buckets(10, SETTINGS) == 8
    assert choose_buckets(5_000_000, SETTINGS) == 20
    assert choose_buckets(1e12, SETTINGS) == 64
    assert choose_buckets(1e12, SETTINGS.replaced({"shuffle_buckets": 3})) == 3


def test_what_is_small() -> None:
    assert choose_small(0, 1, SETTINGS) == (True, "nothing to scan")
    assert choose_small(1_000, 10, SETTINGS)[0]
    assert not choose_small(10**9, 10, SETTINGS)[0]
    assert not choose_small(1_000, 1e9, SETTINGS)[0]


def test_sizes_are_written_short() -> None:
    assert [format_bytes(n) for n in (0, 999, 1536, 15_000, 64 << 20, 5 << 40)] == [
        "0 B",
        "999 B",
        "1.5 KiB",
        "15 KiB",
        "64 MiB",
        "5.0 TiB",
    ]
    assert [format_count(n) for n in (7, 999, 1_500, 25_000, 6_001_215)] == ["7", "999", "1.5K", "25K", "6.0M"]


def test_aggregates_share_states() -> None:
    plan = plan_of("SELECT sum(k) AS s, avg(k) AS m, count(k) AS n, count(*) AS r FROM a")
    partial = plan.stages[0].root
    assert isinstance(partial, AggregateExec)
    assert len(partial.states) == 3
    final = plan.stages[1].root
    assert isinstance(final, AggregateExec)
    assert final.states == partial.states


def test_states_of_different_filters_are_not_shared() -> None:
    plan = plan_of("SELECT sum(k) AS s, sum(k) FILTER (WHERE x > 1) AS t, sum(DISTINCT k) AS u FROM a")
    (root,) = [stage.root for stage in plan.stages if isinstance(stage.root, AggregateExec)]
    assert len(root.states) == 3


def test_a_shuffle_is_reused_by_the_next_join_and_aggregation() -> None:
    plan = plan_of(
        "SELECT a.k, count(*) AS n FROM a JOIN b ON a.k = b.k JOIN c ON a.k = c.k GROUP BY a.k", join_strategy="shuffle"
    )
    exchanges = [stage for stage in plan.stages if stage is not plan.result]
    assert len(exchanges) == 3
    assert {len(task.inputs) for task in plan.result.tasks} == {3}


def test_plans_do_not_depend_on_workers_and_pickle() -> None:
    for case in read_cases(FOLDER / "parallelize.txt"):
        sql = "\n".join(case.sql)
        one, many = plan_of(sql, workers=1), plan_of(sql, workers=64)
        assert one == many
        assert str(pickle.loads(pickle.dumps(one))) == str(one)


def test_scans_ask_for_the_columns_they_deliver_or_filter_by() -> None:
    scan = plan_of("SELECT k FROM a WHERE x > 5 AND s LIKE 'ab%'").result.root
    assert getattr(scan, "source_names", None) == ("k", "x", "s")
    assert [column.name for column in scan.columns] == ["k"]


def test_inputs_of_a_union_line_up_by_position_whatever_order_joins_deliver() -> None:
    plan = plan_of("SELECT b.t, a.k FROM a JOIN b ON a.k = b.k UNION ALL SELECT u, k FROM c")
    append = plan.result.root
    assert isinstance(append, AppendExec)
    assert [[column.name for column in each.columns] for each in append.inputs] == [["t", "k"], ["u", "k"]]


# -- random queries ---------------------------------------------------------------------------


TABLES = ["SELECT k, x AS v FROM a", "SELECT k, y AS v FROM b", "SELECT k, z AS v FROM c", "SELECT k, v FROM big"]
CONDITIONS = ["v > 3", "k = 7 OR k = 9", "v IS NULL", "v > 3 AND NOT (k < 2 OR v = 5)", "1 = 2"]
MATCHES = ["l.k = r.k", "l.k = r.k AND l.v > r.v", "l.v < r.v", "l.k + 1 = r.v"]
CALLS = ["count(*)", "sum(v)", "count(DISTINCT v)", "avg(v) FILTER (WHERE v > 3)"]
KINDS = ["table", "join", "semi", "group", "distinct", "union", "sort", "filter", "values"]


@st.composite
def relations(draw: st.DrawFn, depth: int) -> str:
    """A relation with the columns k and v."""

    def below() -> str:
        return f"({draw(relations(depth - 1))})"

    match draw(st.sampled_from(KINDS if depth else ["table"])):
        case "table":
            return draw(st.sampled_from(TABLES))
        case "join":
            kind = draw(st.sampled_from(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]))
            picked = draw(st.sampled_from(["l.k, r.v", "r.k, l.v", "l.k, l.v"]))
            return f"SELECT {picked} FROM {below()} AS l {kind} {below()} AS r ON {draw(st.sampled_from(MATCHES))}"
        case "semi":
            kind = draw(st.sampled_from(["SEMI JOIN", "ANTI JOIN"]))
            return f"SELECT l.k, l.v FROM {below()} AS l {kind} {below()} AS r ON l.k = r.k"
        case "group":
            call = draw(st.sampled_from(CALLS))
            if draw(st.booleans()):
                return f"SELECT k, {call} AS v FROM {below()} GROUP BY k"
            return f"SELECT 1 AS k, {call} AS v FROM {below()}"
        case "distinct":
            return f"SELECT DISTINCT k, v FROM {below()}"
        case "union":
            return f"{below()} UNION ALL {below()}"
        case "sort":
            window = draw(st.sampled_from(["", "LIMIT 5", "LIMIT 5 OFFSET 2", "OFFSET 3", "LIMIT 0"]))
            order = draw(st.sampled_from(["", "ORDER BY v DESC, k"]))
            return f"SELECT k, v FROM {below()} {order} {window}"
        case "filter":
            return f"SELECT k, v FROM {below()} WHERE {draw(st.sampled_from(CONDITIONS))}"
        case _:
            return "SELECT 1 AS k, 2 AS v"


@settings(max_examples=150, deadline=None)
@given(
    sql=relations(3),
    changes=st.fixed_dictionaries(
        {
            "join_strategy": st.sampled_from(["auto", "shuffle", "broadcast"]),
            "shuffle_buckets": st.sampled_from([None, 3]),
            "optimizer": st.booleans(),
        }
    ),
)
def test_random_queries_make_plans_that_fit_together(sql: str, changes: dict[str, object]) -> None:
    plan = plan_of(sql, **changes)
    assert len(plan.result.root.columns) == 2


# -- the checks themselves --------------------------------------------------------------------


def test_a_piece_read_twice_is_found() -> None:
    plan = plan_of("SELECT k, count(*) AS n FROM big GROUP BY k")
    result = plan.result
    (leaf,) = result.tasks[0].inputs
    tasks = (result.tasks[1], *result.tasks[1:])
    broken = Stage(result.id, result.root, tasks, result.output)
    with pytest.raises(InternalError, match="reads a piece of stage 0 twice"):
        check_physical(PhysicalPlan((plan.stages[0], broken), plan.names))
    partial = Stage(result.id, result.root, result.tasks[1:], result.output)
    with pytest.raises(InternalError, match="does not read every piece of stage 0"):
        check_physical(PhysicalPlan((plan.stages[0], partial), plan.names))
    backwards = ExchangeRead(leaf, 1, result.root.columns)
    loop = Stage(1, backwards, (Task({leaf: ReadPieces()}),), result.output)
    with pytest.raises(InternalError, match="reads stage 1, which does not come before it"):
        check_physical(PhysicalPlan((plan.stages[0], loop), plan.names))


def test_unmatched_build_rows_are_delivered_once() -> None:
    plan = plan_of("SELECT big.k, big.v, b.y FROM big JOIN b ON big.k = b.k")
    last = plan.stages[-1]
    join = last.root.input if isinstance(last.root, ProjectExec) else last.root
    assert isinstance(join, HashJoinExec)
    assert len(last.tasks) > 1
    for kind in (JoinKind.RIGHT, JoinKind.FULL):
        broken = replace(last, root=replace(join, kind=kind))
        with pytest.raises(InternalError, match="unmatched build rows"):
            check_physical(PhysicalPlan((*plan.stages[:-1], broken), plan.names))
