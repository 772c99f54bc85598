"""Random frames over random rows: every kind of call answers as DuckDB does."""

from __future__ import annotations

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

import sqlengine

ROWS = st.lists(
    st.tuples(
        st.sampled_from([None, 1, 2]),
        st.one_of(st.none(), st.integers(-4, 4)),
        st.sampled_from([None, "''", "'a'", "'b'", "'ä'"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=24,
)
# Whole numbers as doubles: sums are exact in any order.
CALLS = (
    "sum(v)",
    "sum(v::DOUBLE)",
    "count(*)",
    "count(v)",
    "avg(v)",
    "min(v)",
    "max(s)",
    "bit_xor(v)",
    "median(v)",
    "count(DISTINCT v)",
    "sum(v) FILTER (WHERE b)",
    "max(v) FILTER (WHERE s > 'a')",
    "count(DISTINCT s) FILTER (WHERE b)",
    "list(v ORDER BY id DESC)",
    "first_value(v)",
    "last_value(v IGNORE NULLS)",
    "nth_value(s, 2)",
    "nth_value(v, 2 IGNORE NULLS)",
    "lag(v, 2)",
    "lead(v, 1, 99)",
    "lag(v IGNORE NULLS)",
    "row_number()",
    "ntile(3)",
    "cume_dist()",
)
BOUNDS = ("UNBOUNDED PRECEDING", "{} PRECEDING", "CURRENT ROW", "{} FOLLOWING", "UNBOUNDED FOLLOWING")


@st.composite
def windows(draw: st.DrawFn) -> str:
    """OVER (…) in which no two rows of a partition are peers, so that the answer is one."""
    partition = draw(st.sampled_from(("", "PARTITION BY k ", "PARTITION BY k, b ")))
    direction = draw(st.sampled_from(("", " DESC", " NULLS FIRST")))
    unit = draw(st.sampled_from(("ROWS", "RANGE", "GROUPS")))
    first = draw(st.integers(0, 3))
    last = draw(st.integers(max(first, 1), 4))
    distance = st.sampled_from(("0", "1", "3", "id % 3"))
    frame = f"BETWEEN {BOUNDS[first].format(draw(distance))} AND {BOUNDS[last].format(draw(distance))}"
    exclusion = draw(st.sampled_from(("", "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES")))
    return f"OVER ({partition}ORDER BY id{direction} {unit} {frame}{exclusion})"


@given(ROWS, st.lists(st.tuples(st.sampled_from(CALLS), windows()), min_size=1, max_size=4), st.booleans())
@settings(max_examples=60, deadline=None)
def test_frames_are_duckdbs(rows: list[tuple[object, ...]], calls: list[tuple[str, str]], tiny: bool) -> None:
    values = ", ".join(
        f"({number}, {', '.join('NULL' if value is None else str(value) for value in row)})"
        for number, row in enumerate(rows)
    )
    typed = f"SELECT id, k::INTEGER, v::INTEGER, s::VARCHAR, b FROM (VALUES {values}) AS r(id, k, v, s, b)"
    source = f"({typed}) AS t(id, k, v, s, b)"
    sql = f"SELECT id, {', '.join(f'{call} {over}' for call, over in calls)} FROM {source} ORDER BY id"
    with (
        duckdb.connect() as oracle,
        sqlengine.connect(scheduler="inline", batch_rows=3 if tiny else 1000) as connection,
    ):
        assert connection.execute(sql).fetchall() == oracle.execute(sql).fetchall(), sql
