"""Sort, top-k, merge and limit against DuckDB and plain Python."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sqlengine.executor.operators.run import run_pipeline
from sqlengine.planner.expressions import Column, Literal, SortKey
from sqlengine.planner.physical import ExchangeRead, LimitExec, SortExec
from sqlengine.types import DATE, DOUBLE, INTEGER, VARCHAR, decimal
from tests.operators.support import Inputs, Row, Source, ask_duckdb, canonical, context, rows_of, run

X = Column(0, "x", INTEGER)
D = Column(1, "d", DOUBLE)
S = Column(2, "s", VARCHAR)
W = Column(3, "w", decimal(30, 3))
T = Column(4, "t", DATE)
N = Column(5, "n", INTEGER)
COLUMNS = (X, D, S, W, T, N)
TYPES = (INTEGER, DOUBLE, VARCHAR, decimal(30, 3), DATE)

SORT_KEYS = st.lists(
    st.builds(SortKey, st.sampled_from([X, D, S, W, T]), st.booleans(), st.booleans()), min_size=1, max_size=3
)
ROWS = rows_of(TYPES, 25).map(lambda rows: [(*row, number) for number, row in enumerate(rows)])


def order_by(keys: list[SortKey]) -> str:
    """The clause; the row number makes DuckDB's sort stable."""
    parts = [
        f"{key.expression.name} {'DESC' if key.descending else 'ASC'} NULLS {'FIRST' if key.nulls_first else 'LAST'}"
        for key in keys
        if isinstance(key.expression, Column)
    ]
    return "ORDER BY " + ", ".join([*parts, "n"])


@given(rows=ROWS, keys=SORT_KEYS, batch_rows=st.sampled_from([1, 3, 1000]), dictionary=st.booleans())
def test_sort(rows: list[Row], keys: list[SortKey], batch_rows: int, dictionary: bool) -> None:
    source = Source(0, COLUMNS, rows, batch_rows, dictionary)
    expected = ask_duckdb(f"SELECT * FROM t {order_by(keys)}", t=source)
    assert canonical(run(SortExec(source.node, tuple(keys)), Inputs([source]), batch_rows)) == canonical(expected)


@given(
    rows=ROWS,
    keys=SORT_KEYS,
    limit=st.integers(0, 8),
    batch_rows=st.sampled_from([1, 3, 1000]),
    dictionary=st.booleans(),
)
def test_top_rows(rows: list[Row], keys: list[SortKey], limit: int, batch_rows: int, dictionary: bool) -> None:
    source = Source(0, COLUMNS, rows, batch_rows, dictionary)
    expected = ask_duckdb(f"SELECT * FROM t {order_by(keys)} LIMIT {limit}", t=source)
    rows_out = run(SortExec(source.node, tuple(keys), limit), Inputs([source]), batch_rows)
    assert canonical(rows_out) == canonical(expected)


def test_top_rows_keep_memory_bounded() -> None:
    rows = [(number * 7919 % 10_007,) for number in range(10_000)]
    source = Source(0, (X,), rows, batch_rows=100)
    task = context(batch_rows=100)
    batches = list(run_pipeline(SortExec(source.node, (SortKey(X),), 10), Inputs([source]), task))
    assert [batch.length for batch in batches] == [10]
    assert batches[0].column(X.id).values().tolist() == sorted(row[0] for row in rows)[:10]
    assert task.memory.peak < 4 * 400
    assert task.memory.used == 0


def test_equal_rows_and_constant_keys_keep_the_input_order() -> None:
    source = Source(0, (X, N), [(1, 0), (None, 1), (1, 2), (None, 3)], batch_rows=2)
    constant = SortExec(source.node, (SortKey(Literal(1, INTEGER)),))
    assert run(constant, Inputs([source])) == source.rows
    top = SortExec(source.node, (SortKey(Literal(1, INTEGER), descending=True),), 3)
    assert run(top, Inputs([source])) == source.rows[:3]
    by_x = SortExec(source.node, (SortKey(X, descending=True, nulls_first=True),))
    assert run(by_x, Inputs([source])) == [(None, 1), (None, 3), (1, 0), (1, 2)]


@given(parts=st.lists(ROWS, max_size=4), keys=SORT_KEYS, batch_rows=st.sampled_from([1, 3, 1000]))
def test_merge_equals_sorting_everything(parts: list[list[Row]], keys: list[SortKey], batch_rows: int) -> None:
    runs = []
    for rows in parts:
        source = Source(0, COLUMNS, rows, batch_rows)
        runs.append(Source(0, COLUMNS, run(SortExec(source.node, tuple(keys)), Inputs([source])), batch_rows))
    everything = Source(0, COLUMNS, [row for part in parts for row in part])
    expected = run(SortExec(everything.node, tuple(keys)), Inputs([everything]))
    node = ExchangeRead(0, 0, COLUMNS, tuple(keys))
    assert canonical(run(node, Inputs([], runs=runs), batch_rows)) == canonical(expected)


@given(
    count=st.integers(0, 12),
    limit=st.one_of(st.none(), st.integers(0, 12)),
    offset=st.integers(0, 12),
    batch_rows=st.sampled_from([1, 3, 1000]),
)
def test_limit(count: int, limit: int | None, offset: int, batch_rows: int) -> None:
    source = Source(0, (X,), [(number,) for number in range(count)], batch_rows)
    inputs = Inputs([source])
    rows = run(LimitExec(source.node, limit, offset), inputs, batch_rows)
    assert rows == source.rows[offset:][:limit]
    if limit is not None:
        # Nothing is pulled beyond the batch that holds the last row.
        assert inputs.pulled <= (-(-(offset + limit) // batch_rows) if limit else 0)
