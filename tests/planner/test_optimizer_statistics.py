"""Estimates: the arithmetic on statistics that are known, and what stands in for those that are not."""

from __future__ import annotations

import pytest

from sqlengine.config import default_settings
from sqlengine.planner.logical import Node
from sqlengine.planner.optimizer import optimize
from sqlengine.planner.statistics import Estimator, row_bytes
from tests.planner.golden import bind


def estimate(sql: str, tables: str = "small") -> float:
    plan: Node = optimize(bind(sql, tables).plan, default_settings({}))
    return Estimator(plan).rows(plan)


@pytest.mark.parametrize(
    ("sql", "low", "high"),
    [
        ("SELECT * FROM a", 1_000_000, 1_000_000),
        ("SELECT * FROM a WHERE x = 5", 10_000, 10_000),
        ("SELECT * FROM a WHERE x <> 5", 990_000, 990_000),
        ("SELECT * FROM a WHERE x IN (1, 2, 3)", 30_000, 30_000),
        ("SELECT * FROM a WHERE x < 50", 500_000, 510_000),
        ("SELECT * FROM a WHERE x >= 40 AND x < 60", 200_000, 210_000),
        ("SELECT * FROM a WHERE d >= DATE '2023-01-01' AND d < DATE '2024-01-01'", 245_000, 255_000),
        ("SELECT * FROM a WHERE x < -5", 1, 1),
        ("SELECT * FROM a WHERE x = 5 OR x > 49", 505_000, 515_000),
        ("SELECT * FROM a WHERE s IS NULL", 1, 1),
        ("SELECT * FROM a WHERE s IS NOT NULL", 1_000_000, 1_000_000),
        ("SELECT x, count(*) FROM a GROUP BY x", 100, 100),
        ("SELECT x, d, count(*) FROM a GROUP BY x, d", 100 * 1461, 100 * 1461),
        ("SELECT year(d) AS y, count(*) FROM a GROUP BY y", 4, 4),
        ("SELECT date_trunc('month', d) AS m, count(*) FROM a GROUP BY m", 48, 51),
        ("SELECT floor(k / 7) AS g, count(*) FROM a GROUP BY g", 100_000, 100_000),
        ("SELECT (k - ref) // 7 AS g, count(*) FROM a GROUP BY g", 100_000, 100_000),
        ("SELECT count(*) FROM a", 1, 1),
        ("SELECT * FROM a JOIN c ON a.ref = c.k", 1_000_000, 1_000_000),
        ("SELECT * FROM a JOIN c ON a.ref = c.k WHERE c.z = 1", 200_000, 200_000),
        ("SELECT * FROM a LEFT JOIN c ON a.ref = c.k AND c.z = 1", 1_000_000, 1_000_000),
        ("SELECT * FROM c, b WHERE c.z < b.y", 60_000_000, 70_000_000),
        ("SELECT * FROM a LIMIT 10 OFFSET 5", 10, 10),
        ("SELECT k FROM a UNION ALL SELECT k FROM b", 1_200_000, 1_200_000),
    ],
)
def test_rows(sql: str, low: float, high: float) -> None:
    assert low <= estimate(sql) <= high


def test_a_foreign_key_with_a_wide_range_is_not_taken_for_unique() -> None:
    sql = "SELECT * FROM lineitem, orders WHERE l_orderkey = o_orderkey"
    assert estimate(sql, "tpch") == pytest.approx(6_001_215, rel=0.01)


def test_two_keys_do_not_multiply_beyond_the_rows() -> None:
    sql = "SELECT * FROM lineitem, partsupp WHERE l_partkey = ps_partkey AND l_suppkey = ps_suppkey"
    assert estimate(sql, "tpch") == pytest.approx(6_001_215, rel=0.01)


def test_bytes_of_a_row() -> None:
    columns = {column.name: column for column in bind("SELECT * FROM a").plan.columns}
    assert row_bytes([columns["k"]]) == 8
    assert row_bytes([columns["x"], columns["d"]]) == 8
    assert row_bytes([columns["s"]]) == 24
    assert row_bytes([]) == 1
