"""Random joins on inequalities and ASOF joins: rows are DuckDB's, however many batches and tasks there are."""

from __future__ import annotations

from random import Random

import duckdb
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

import sqlengine
from tests.properties.answers import same_multiset

OPERATORS = ("<", "<=", ">", ">=")
TYPES = ("INTEGER", "BIGINT", "DOUBLE", "DECIMAL(9,2)", "DECIMAL(30,3)", "VARCHAR", "DATE", "TIMESTAMP", "UBIGINT")


def rows(rng: Random, count: int) -> pa.Table:
    """Few values, so that many rows are equal, and NULLs."""

    def values(most: int) -> list[int | None]:
        return [None if rng.random() < 0.15 else rng.randint(0, most) for _ in range(count)]

    spread = rng.choice((3, 12, 60))
    return pa.table(
        {
            "id": pa.array(range(count), pa.int32()),
            **{name: pa.array(values(most), pa.int32()) for name, most in (("k", 3), ("t", spread), ("u", spread))},
        }
    )


def typed(rng: Random) -> str:
    """A SELECT of one table with `t` and `u` in another type."""
    type_ = rng.choice(TYPES)
    if type_ == "DATE":
        return "SELECT id, k, DATE '2020-01-01' + {0}.t AS t, DATE '2020-01-01' + {0}.u AS u FROM {0}"
    if type_ == "TIMESTAMP":
        moments = [f"(DATE '2020-01-01' + {{0}}.{name})::TIMESTAMP AS {name}" for name in "tu"]
        return f"SELECT id, k, {', '.join(moments)} FROM {{0}}"
    return f"SELECT id, k, t::{type_} AS t, u::{type_} AS u FROM {{0}}"


def range_condition(rng: Random) -> str:
    parts = [f"a.t {rng.choice(OPERATORS)} b.t"]
    if rng.random() < 0.6:
        one, other = rng.choice((("a.u", "b.u"), ("a.t", "b.u"), ("a.u", "b.t")))
        parts.append(f"{one} {rng.choice(OPERATORS)} {other}")
    if rng.random() < 0.4:
        parts.append("a.k = b.k")
    if rng.random() < 0.3:
        parts.append("a.id <> b.id")
    if rng.random() < 0.3:
        parts = [f"(a.u = b.u AND {' AND '.join(parts)} OR a.k = b.k AND a.t <> b.t)"]
    return " AND ".join(parts)


@given(st.integers(0, 2**32 - 1))
def test_joins_are_duckdbs(seed: int) -> None:
    rng = Random(seed)
    data = {"x": rows(rng, rng.choice((0, 1, 7, 30))), "y": rows(rng, rng.choice((0, 1, 9, 25)))}
    settings = {
        "scheduler": "inline",
        "batch_rows": rng.choice((3, 1000)),
        "task_rows": rng.choice((4, 1000)),
        "join_strategy": rng.choice(("auto", "shuffle")),
        "optimizer": rng.random() < 0.8,
    }
    select = typed(rng)
    a, b = f"({select.format('x')}) a", f"({select.format('y')}) b"
    kind = rng.choice(("", "LEFT", "RIGHT", "FULL", "SEMI", "ANTI"))
    output = "a.id" if kind in ("SEMI", "ANTI") else "a.id, b.id"
    if rng.random() < 0.5:
        sql = f"SELECT {output} FROM {a} {kind} JOIN {b} ON {range_condition(rng)}"
    else:
        # Of rows that are equally close DuckDB takes any.
        keys = "k, t" if rng.random() < 0.6 else "t"
        b = f"(SELECT {keys}, min(id) AS id FROM {b} GROUP BY {keys}) b"
        key = "a.k = b.k AND " if "k" in keys else ""
        sql = f"SELECT {output} FROM {a} ASOF {kind} JOIN {b} ON {key}a.t {rng.choice(OPERATORS)} b.t"
    with duckdb.connect() as oracle, sqlengine.connect(**settings) as connection:
        for name, table in data.items():
            oracle.register(name, table)
            connection.register(name, table)
        expected = oracle.execute(sql).fetchall()
        found = [tuple(row) for row in connection.execute(sql).fetchall()]
    assert same_multiset(found, expected), f"{sql}\n{found}\n{expected}"
