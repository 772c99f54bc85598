"""One query, many ways to run it: answers do not depend on the optimizer, partitions, batches, joins or schedulers."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sqlengine
from tests.properties.answers import Answer, exact, same_multiset
from tests.properties.data import FAMILIES, tables
from tests.properties.engines import ask, folder_of
from tests.properties.expressions import Expressions
from tests.properties.queries import WHOLE_GRAMMAR, Queries

INLINE = {"scheduler": "inline"}
ONE_TASK = {**INLINE, "task_rows": 1_000_000}
OTHERS = {
    "optimizer off": {**INLINE, "optimizer": False},
    "a task per row group": {**INLINE, "task_rows": 1},
    "batches of 3": {**INLINE, "batch_rows": 3},
    "broadcast": {**INLINE, "join_strategy": "broadcast"},
    "shuffle": {**INLINE, "join_strategy": "shuffle", "shuffle_buckets": 3},
    "verified": {**INLINE, "verify_plans": True},
}
seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("name", OTHERS)
@given(seeds)
def test_same_rows_under_other_settings(name: str, seed: int) -> None:
    rng = Random(seed)
    with (
        folder_of(tables(rng), rng.randint(1, 3)) as folder,
        sqlengine.connect(folder, **INLINE) as one,
        sqlengine.connect(folder, **OTHERS[name]) as other,
    ):
        for _ in range(3):
            sql = Queries(rng, **WHOLE_GRAMMAR).query().sql
            _assert_same_rows(ask(one, sql), ask(other, sql), sql)


@given(seeds)
def test_same_rows_in_one_partition_and_in_seven(seed: int) -> None:
    rng = Random(seed)
    data = tables(rng)
    with (
        folder_of(data, 1) as whole,
        folder_of(data, 7) as parts,
        sqlengine.connect(whole, **ONE_TASK) as one,
        sqlengine.connect(parts, task_rows=1, **INLINE) as seven,
    ):
        for _ in range(3):
            sql = Queries(rng, **WHOLE_GRAMMAR).query().sql
            _assert_same_rows(ask(one, sql), ask(seven, sql), sql)


@given(seeds)
def test_threads_give_the_bits_of_inline(seed: int) -> None:
    rng = Random(seed)
    threads = {"scheduler": "threads", "workers": 3, "inline_bytes": 0}
    with (
        folder_of(tables(rng), 3) as folder,
        sqlengine.connect(folder, task_rows=1, **INLINE) as one,
        sqlengine.connect(folder, task_rows=1, **threads) as three,
    ):
        for _ in range(3):
            sql = Queries(rng, **WHOLE_GRAMMAR).query().sql
            inline, threaded = ask(one, sql), ask(three, sql)
            assert isinstance(inline, Answer) == isinstance(threaded, Answer), sql
            if isinstance(inline, Answer) and isinstance(threaded, Answer):
                assert exact(inline.rows) == exact(threaded.rows), sql


@given(seeds)
def test_a_predicate_is_true_false_or_null(seed: int) -> None:
    """Ternary-logic partitioning: the three parts add up to the whole."""
    rng = Random(seed)
    source = rng.choice(("t AS a", "t AS a LEFT JOIN u AS b ON a.k = b.k", "t AS a FULL JOIN u AS b ON a.k = b.k"))
    aliases = ("a", "b") if "b" in source.split() else ("a",)
    columns = tuple((f"{alias}.{name}", family) for alias in aliases for name, family in FAMILIES.items())
    predicate = Expressions(rng, columns).condition()
    select = f"SELECT {', '.join(name for name, _ in columns)} FROM {source}"
    with folder_of(tables(rng), 2) as folder, sqlengine.connect(folder, **INLINE) as connection:
        whole = ask(connection, select)
        parts = [
            ask(connection, f"{select} WHERE {test}")
            for test in (predicate, f"NOT {predicate}", f"{predicate} IS NULL")
        ]
        assert isinstance(whole, Answer)
        rows = [row for part in parts if isinstance(part, Answer) for row in part.rows]
        if all(isinstance(part, Answer) for part in parts):
            assert same_multiset(whole.rows, rows), predicate


def _assert_same_rows(one: Answer | Exception, other: Answer | Exception, sql: str) -> None:
    # Which values are computed at all depends on the plan, and with them overflows and divisions by zero.
    if isinstance(one, Answer) and isinstance(other, Answer):
        assert one.types == other.types, sql
        assert same_multiset(one.rows, other.rows), f"{sql}\n{one.rows}\n{other.rows}"
