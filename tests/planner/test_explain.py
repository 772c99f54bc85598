"""EXPLAIN: expressions as SQL, widths, and the three levels."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from sqlengine.config import default_settings
from sqlengine.planner.explain import explain_analyze, explain_logical, explain_physical, explain_verbose
from sqlengine.planner.explain_changes import explain_change
from sqlengine.planner.expression_text import ExpressionText
from sqlengine.planner.expressions import Call, Case, Cast, Column, Expression, InList, Literal, SortKey
from sqlengine.planner.optimizer import optimize, optimize_traced
from sqlengine.planner.parallelize import parallelize
from sqlengine.planner.physical import PhysicalPlan
from sqlengine.planner.tree_text import WIDTH, Line, Part, render
from sqlengine.storage.table import ScanReport
from sqlengine.types import BIGINT, BOOLEAN, DATE, INTEGER, INTERVAL, TIME, TIMESTAMP, VARCHAR
from tests.planner.golden import FOLDER, bind, read_cases

SETTINGS = default_settings({})
X, Y, Z = (Column(number, name, INTEGER) for number, name in enumerate("xyz"))
P, Q = (Column(number, name, BOOLEAN) for number, name in enumerate("pq"))


def number(function: str, *arguments: Expression) -> Call:
    return Call(function, arguments, INTEGER)


def boolean(function: str, *arguments: Expression) -> Call:
    return Call(function, arguments, BOOLEAN)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (number("*", number("+", X, Y), Z), "(x + y) * z"),
        (number("+", number("*", X, Y), Z), "x * y + z"),
        (number("-", X, number("-", Y, Z)), "x - (y - z)"),
        (number("-", number("-", X, Y), Z), "x - y - z"),
        (number("negate", number("+", X, Y)), "-(x + y)"),
        (number("*", number("negate", X), Y), "-x * y"),
        (boolean("and", boolean("or", P, Q), P), "(p OR q) AND p"),
        (boolean("or", boolean("and", P, Q), P), "p AND q OR p"),
        (boolean("not", boolean("and", P, Q)), "NOT (p AND q)"),
        (boolean("not", boolean("=", X, Y)), "NOT x = y"),
        (boolean("=", boolean("<", X, Y), P), "(x < y) = p"),
        (boolean("is_null", number("+", X, Y)), "x + y IS NULL"),
        (boolean("is_null", boolean("=", X, Y)), "(x = y) IS NULL"),
        (boolean("like", Cast(X, VARCHAR), Literal("it's%", VARCHAR)), "CAST(x AS VARCHAR) LIKE 'it''s%'"),
        (Cast(X, BIGINT, attempt=True), "TRY_CAST(x AS BIGINT)"),
        (Case(((P, X), (Q, Y)), Literal(None, INTEGER), INTEGER), "CASE WHEN p THEN x WHEN q THEN y ELSE NULL END"),
        (InList(X, (Literal(1, INTEGER), Literal(2, INTEGER)), negated=True), "x NOT IN (1, 2)"),
        (InList(X, tuple(Literal(n, INTEGER) for n in range(12))), "x IN (12 values)"),
        (number("round", X, Literal(2, INTEGER)), "round(x, 2)"),
        (Literal(datetime.date(1995, 1, 2), DATE), "DATE '1995-01-02'"),
        (Literal(datetime.datetime(1995, 1, 2, 3), TIMESTAMP), "TIMESTAMP '1995-01-02 03:00:00'"),
        (Literal(datetime.time(1, 2), TIME), "TIME '01:02:00'"),
        (Literal((14, 3, 5_000_000_000), INTERVAL), "INTERVAL '14 months 3 days 0:00:05'"),
        (Literal(True, BOOLEAN), "TRUE"),
    ],
)
def test_expressions_are_written_with_the_parentheses_they_need(expression: Expression, expected: str) -> None:
    assert ExpressionText().expression(expression) == expected


def test_sort_keys_say_only_what_is_unusual() -> None:
    text = ExpressionText({0: "a.x"})
    assert text.key(SortKey(X)) == "a.x"
    assert text.key(SortKey(X, descending=True, nulls_first=True)) == "a.x DESC NULLS FIRST"


def test_what_does_not_fit_is_wrapped_then_elided() -> None:
    names = tuple(f"a_rather_long_column_{number}" for number in range(12))
    tree = Line("Kind", (Part("short"), Part("by", names)), (Line("Leaf", (Part("x" * 200),)),))
    lines = list(render(tree, "  "))
    assert lines[0] == "  Kind: short;"
    assert lines[1].startswith("  │    by a_rather_long_column_0, ")
    assert lines[1].endswith(", … 9 more")
    assert lines[2].startswith("  └─ Leaf: xxx")
    assert lines[2].endswith("x…")
    assert max(map(len, lines)) <= WIDTH


def test_no_line_of_any_plan_is_wider_than_100_columns() -> None:
    for path in FOLDER.glob("*.txt"):
        for case in read_cases(path):
            assert max(map(len, case.expected)) <= WIDTH, path


def planned(sql: str) -> PhysicalPlan:
    query = bind(sql)
    return parallelize(optimize(query.plan, SETTINGS), query.names, SETTINGS)


def test_verbose_shows_every_rule_that_changed_the_plan() -> None:
    query = bind("SELECT x FROM a WHERE x > 1 + 1")
    traces = optimize_traced(query.plan, SETTINGS)
    text = explain_verbose(query.plan, traces, planned("SELECT x FROM a WHERE x > 2"))
    titles = [line for line in text.splitlines() if line.startswith("-- ")]
    assert titles == [
        "-- Bound",
        "-- fold_constants",
        "-- push_down_filter",
        "-- prune_columns",
        "-- merge_projects",
        "-- Optimized",
        "-- Physical",
    ]
    assert explain_logical(query.plan) in text
    assert CHANGED_CONSTANT in text


CHANGED_CONSTANT = """-- fold_constants
- Filter: x > 1 + 1
- └─ Scan: a; k, x, d, s, f, ref
+ Filter: x > 2
+ └─ Scan: a; k, x, d, s, f, ref"""

PUSHED = """- Filter: x > 2
- └─ Join: left on a.k = b.k
-    ├─ Scan: a; k, x, d, s, f, ref
-    └─ Aggregate: by b.k
-       └─ …
+ Join: left on a.k = b.k
+ ├─ Scan: a; k, x, d, s, f, ref; where x > 2
+ └─ Aggregate: by b.k
+    └─ …"""


def test_verbose_leaves_out_what_a_rule_kept() -> None:
    query = bind("SELECT a.x FROM a LEFT JOIN (SELECT k FROM b GROUP BY k) b ON a.k = b.k WHERE a.x > 2")
    traces = dict(optimize_traced(query.plan, SETTINGS))
    assert explain_change(query.plan, traces["push_down_filter"]) == PUSHED


@dataclass
class Metrics:
    stage: int
    task: int
    rows: int
    seconds: float
    bytes: int
    peak_memory: int
    operators: tuple[tuple[int, float], ...]
    reports: Mapping[int, ScanReport] = field(default_factory=dict)


def test_analyze_adds_rows_and_time_to_stages_and_operators() -> None:
    plan = planned("SELECT x, count(*) AS n FROM a GROUP BY x")
    metrics = [
        Metrics(0, 0, 100, 0.2, 2048, 1024, ((100, 0.15), (400_000, 0.05))),
        Metrics(0, 1, 90, 0.5, 2048, 4096, ((90, 0.4), (600_000, 0.1))),
        Metrics(1, 0, 100, 0.001, 900, 0, ((100, 0.0007), (190, 0.0003))),
    ]
    assert explain_analyze(plan, metrics, 0.42, 100).splitlines() == [
        "100 rows in 0.42 s",
        "Stage 1: 1 task, result [100 rows (est. 100), 900 B, peak 0 B, 1.0 ms]",
        "  AggregateExec: final by x; count(*); about 100 groups [100 rows (est. 100), 0.7 ms]",
        "  └─ ExchangeRead: stage 0 [190 rows (est. 300), 0.3 ms]",
        "Stage 0: 3 tasks, gathered [190 rows (est. 300), 4.0 KiB, peak 4.0 KiB, 0.70 s, 1 not needed, slowest 0.50 s"
        " (task 1)]",
        "  AggregateExec: partial by x; count(*); about 100 groups [190 rows, 0.55 s]",
        "  └─ ScanExec: a, parquet, 9 of 9 splits; x [1.0M rows (est. 1.0M), 0.15 s]",
    ]


def test_analyze_marks_estimates_that_are_far_off() -> None:
    plan = planned("SELECT x FROM a WHERE k < 0 OR x > 3")
    rows = round(sum(stage.estimated_rows or 0 for stage in plan.stages))
    (stage,) = plan.stages
    close, far = (
        explain_analyze(plan, [Metrics(stage.id, 0, n, 0.1, 8, 8, ((n, 0.1),))], 0.1, n)
        for n in (rows // 9, rows // 10)
    )
    assert "off" not in close
    assert "10x off)" in far


def test_small_queries_say_why_they_run_inline() -> None:
    assert explain_physical(planned("SELECT z FROM c")).startswith(
        "Inline: scans 29 KiB <= 4.0 MiB\nStage 0: 1 task, result"
    )
