"""Random correlated queries over random tables: types and rows are DuckDB's, with the optimizer and without."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

import sqlengine
from tests.properties.answers import Answer, same_multiset
from tests.properties.data import tables
from tests.properties.engines import ask, ask_duckdb, duckdb_over, folder_of, is_data_error

QUERIES_PER_TABLES = 4
COMPARISONS = ("=", "=", "=", "<", "<>", ">=", "IS NOT DISTINCT FROM")


class Correlated:
    """Queries over tables `t` and `u` whose subqueries name columns of any query around them."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._names = 0

    def query(self) -> str:
        outer = self._name()
        rng = self._rng
        match rng.randrange(4):
            case 0:
                return f"SELECT {outer}.k, {self._value([outer])} FROM t {outer}"
            case 1:
                return f"SELECT {outer}.k, {outer}.i FROM t {outer} WHERE {self._condition([outer])}"
            case 2:
                name = self._name()
                join = rng.choice((", LATERAL", " LEFT JOIN LATERAL"))
                on = " ON true" if "LEFT" in join else ""
                return f"SELECT {outer}.k, {name}.x FROM t {outer}{join} ({self._rows([outer])}) AS {name}(x){on}"
            case _:
                key = f"{outer}.k"
                return f"SELECT {key}, count(*) FROM t {outer} GROUP BY {key} HAVING {self._condition([outer], ('k',))}"

    def _name(self) -> str:
        self._names += 1
        return f"q{self._names}"

    def _column(self, scopes: list[str], columns: tuple[str, ...] = ("k", "i")) -> str:
        return f"{self._rng.choice(scopes)}.{self._rng.choice(columns)}"

    def _value(self, scopes: list[str], columns: tuple[str, ...] = ("k", "i")) -> str:
        inner = self._name()
        body = f"FROM u {inner} WHERE {self._where(scopes, inner, columns)}"
        function = self._rng.choice(("count(*)", "max({0}.i)", "sum({0}.i)", "count(DISTINCT {0}.k)", "min({0}.k) + 1"))
        if self._rng.random() < 0.2:
            return f"(SELECT {inner}.k {body} ORDER BY ALL LIMIT 1)"
        return f"(SELECT {function.format(inner)} {body})"

    def _rows(self, scopes: list[str], columns: tuple[str, ...] = ("k", "i")) -> str:
        inner = self._name()
        where = self._where(scopes, inner, columns)
        match self._rng.randrange(5):
            case 0:
                return f"SELECT DISTINCT {inner}.k FROM u {inner} WHERE {where}"
            case 1:
                return f"SELECT {inner}.k FROM u {inner} WHERE {where} ORDER BY ALL LIMIT {self._rng.randint(1, 3)}"
            case 2:
                other = self._name()
                kind = self._rng.choice(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))
                tie = f"{inner}.k = {other}.k"
                return f"SELECT {other}.k FROM u {inner} {kind} t {other} ON {tie} WHERE {where}"
            case 3:
                second = self._name()
                return (
                    f"SELECT {inner}.k FROM u {inner} WHERE {where} UNION ALL "
                    f"SELECT {second}.k FROM t {second} WHERE {self._where(scopes, second, columns)}"
                )
            case _:
                return f"SELECT {inner}.k FROM u {inner} WHERE {where}"

    def _where(self, scopes: list[str], inner: str, columns: tuple[str, ...]) -> str:
        rng = self._rng
        parts = []
        for _ in range(rng.randint(1, 2)):
            # Only the outermost query of GROUP BY knows keys alone.
            outer = f"{scopes[0]}.{rng.choice(columns)}" if len(scopes) == 1 else self._column(scopes, ("k",))
            parts.append(f"{inner}.{rng.choice(('k', 'i'))} {rng.choice(COMPARISONS)} {outer}")
        if rng.random() < 0.3 and len(scopes) < 3:
            parts.append(self._condition([*scopes, inner], ("k",)))
        return " AND ".join(parts)

    def _condition(self, scopes: list[str], columns: tuple[str, ...] = ("k", "i")) -> str:
        rng = self._rng
        operand = self._column(scopes, columns)
        rows = self._rows(scopes, columns)
        condition = rng.choice(
            (
                f"EXISTS ({rows})",
                f"NOT EXISTS ({rows})",
                f"{operand} IN ({rows})",
                f"{operand} NOT IN ({rows})",
                f"{operand} {rng.choice(('<', '>=', '<>'))} {rng.choice(('ANY', 'ALL'))} ({rows})",
                f"{operand} {rng.choice(('=', '<'))} {self._value(scopes, columns)}",
            )
        )
        return f"({condition} OR {operand} IS NULL)" if rng.random() < 0.3 else condition


@given(st.integers(0, 2**32 - 1))
def test_correlated_answers_are_duckdbs(seed: int) -> None:
    rng = Random(seed)
    data = tables(rng)
    settings = {
        "scheduler": "inline",
        "task_rows": rng.choice((1, 3, 1000)),
        "join_strategy": rng.choice(("auto", "broadcast", "shuffle")),
        "optimizer": rng.random() < 0.7,
    }
    with (
        duckdb_over(data) as oracle,
        folder_of(data, rng.randint(1, 3)) as folder,
        sqlengine.connect(folder, **settings) as connection,
    ):
        for _ in range(QUERIES_PER_TABLES):
            sql = Correlated(rng).query()
            ours, theirs = ask(connection, sql), ask_duckdb(oracle, sql)
            if isinstance(ours, Answer) and isinstance(theirs, Answer):
                assert ours.types == theirs.types, sql
                assert same_multiset(ours.rows, theirs.rows), f"{sql}\n{ours.rows}\n{theirs.rows}"
            else:
                # What fails on values may fail on rows that the other engine never looks at.
                assert is_data_error(ours) or is_data_error(theirs), f"{sql}\n{ours}\n{theirs}"
