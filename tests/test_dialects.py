"""Queries of other dialects give what the same query gives in DuckDB's SQL, or are refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import sqlengine

_TABLE = """
CREATE TABLE t AS SELECT * FROM (VALUES
    (1, 7, 'ab', DATE '2024-01-31', 2.5), (2, NULL, 'Cd', DATE '2024-02-29', NULL), (3, -7, NULL, NULL, 0.5),
    (4, 2, 'x y', DATE '2023-12-01', 10.0)) v(id, n, s, d, f)
"""


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlengine.Connection]:
    with sqlengine.connect(scheduler="inline") as opened:
        opened.execute(_TABLE)
        yield opened


def _same(everywhere: dict[str, str], *dialects: str) -> list[tuple[str, str, str]]:
    return [(dialect, sql, plain) for dialect in dialects for sql, plain in everywhere.items()]


ALL = ("spark", "postgres", "bigquery", "snowflake", "mysql", "tsql")
# Written alike in all of them.
COMMON = {
    "SELECT id FROM t WHERE n > 1 ORDER BY id": "SELECT id FROM t WHERE n > 1 ORDER BY id",
    "SELECT count(*), sum(id), min(n), max(n) FROM t": "SELECT count(*), sum(id), min(n), max(n) FROM t",
    "SELECT upper(s), lower(s) FROM t ORDER BY id": "SELECT upper(s), lower(s) FROM t ORDER BY id",
    "SELECT coalesce(n, 0), nullif(id, 2) FROM t ORDER BY id": (
        "SELECT coalesce(n, 0), nullif(id, 2) FROM t ORDER BY id"
    ),
    "SELECT CASE WHEN n > 0 THEN 'p' ELSE 'q' END FROM t ORDER BY id": (
        "SELECT CASE WHEN n > 0 THEN 'p' ELSE 'q' END FROM t ORDER BY id"
    ),
    "SELECT a.id FROM t a JOIN t b ON a.id = b.n ORDER BY a.id": (
        "SELECT a.id FROM t a JOIN t b ON a.id = b.n ORDER BY a.id"
    ),
    "SELECT id FROM t WHERE s LIKE 'a%' OR s IN ('Cd', 'zz') ORDER BY id": (
        "SELECT id FROM t WHERE s LIKE 'a%' OR s IN ('Cd', 'zz') ORDER BY id"
    ),
    "WITH c AS (SELECT id * 2 AS k FROM t) SELECT sum(k) FROM c": (
        "WITH c AS (SELECT id * 2 AS k FROM t) SELECT sum(k) FROM c"
    ),
    "SELECT id FROM t WHERE n BETWEEN -7 AND 2 AND s IS NOT NULL ORDER BY id": (
        "SELECT id FROM t WHERE n BETWEEN -7 AND 2 AND s IS NOT NULL ORDER BY id"
    ),
    "SELECT id FROM t UNION ALL SELECT n FROM t WHERE n > 0 ORDER BY 1": (
        "SELECT id FROM t UNION ALL SELECT n FROM t WHERE n > 0 ORDER BY 1"
    ),
    "SELECT DISTINCT n > 0 FROM t WHERE n IS NOT NULL ORDER BY 1": (
        "SELECT DISTINCT n > 0 FROM t WHERE n IS NOT NULL ORDER BY 1"
    ),
    "SELECT id FROM t WHERE id IN (SELECT n FROM t) ORDER BY id": (
        "SELECT id FROM t WHERE id IN (SELECT n FROM t) ORDER BY id"
    ),
    "SELECT abs(n), round(f, 0) FROM t ORDER BY id": "SELECT abs(n), round(f, 0) FROM t ORDER BY id",
    "SELECT row_number() OVER (ORDER BY id DESC) FROM t ORDER BY id": (
        "SELECT row_number() OVER (ORDER BY id DESC) FROM t ORDER BY id"
    ),
}
OWN = [
    ("spark", "SELECT `id` FROM `t` ORDER BY `id` LIMIT 2", "SELECT id FROM t ORDER BY id LIMIT 2"),
    ("spark", "SELECT n FROM t ORDER BY n", "SELECT n FROM t ORDER BY n NULLS FIRST"),
    ("spark", "SELECT n FROM t ORDER BY n DESC", "SELECT n FROM t ORDER BY n DESC NULLS LAST"),
    ("spark", "SELECT id / 2 FROM t ORDER BY id", "SELECT id / 2 FROM t ORDER BY id"),
    ("spark", "SELECT id DIV 2 FROM t ORDER BY id", "SELECT id // 2 FROM t ORDER BY id"),
    ("spark", "SELECT nvl(n, -1) FROM t ORDER BY id", "SELECT coalesce(n, -1) FROM t ORDER BY id"),
    ("spark", "SELECT date_add(d, 3) FROM t ORDER BY id", "SELECT d + INTERVAL 3 DAY FROM t ORDER BY id"),
    (
        "spark",
        "SELECT datediff(d, DATE '2024-01-01') FROM t ORDER BY id",
        "SELECT d - DATE '2024-01-01' FROM t ORDER BY id",
    ),
    ("spark", "SELECT explode(array(1, 2))", "SELECT unnest([1, 2])"),
    ("spark", "SELECT * FROM t LEFT SEMI JOIN (SELECT 1 AS k) b ON t.id = b.k", "SELECT * FROM t WHERE id = 1"),
    (
        "spark",
        "SELECT t.id FROM t LEFT ANTI JOIN (SELECT 1 AS k) b ON t.id = b.k ORDER BY 1",
        "SELECT id FROM t WHERE id <> 1 ORDER BY 1",
    ),
    (
        "spark",
        "SELECT if(n > 0, 'a', 'b') FROM t ORDER BY id",
        "SELECT CASE WHEN n > 0 THEN 'a' ELSE 'b' END FROM t ORDER BY id",
    ),
    ("spark", "SELECT s RLIKE '^a' FROM t ORDER BY id", "SELECT regexp_matches(s, '^a') FROM t ORDER BY id"),
    ("spark", "SELECT CAST(id AS STRING) FROM t ORDER BY id", "SELECT id::VARCHAR FROM t ORDER BY id"),
    ("spark", "SELECT date_format(d, 'yyyy-MM') FROM t ORDER BY id", "SELECT strftime(d, '%Y-%m') FROM t ORDER BY id"),
    ("postgres", "SELECT id / 2 FROM t ORDER BY id", "SELECT id // 2 FROM t ORDER BY id"),
    ("postgres", "SELECT n / 2 FROM t ORDER BY id", "SELECT n // 2 FROM t ORDER BY id"),
    ("postgres", "SELECT 5 / 2, 5 / 2.0, f / 2 FROM t ORDER BY id", "SELECT 5 // 2, 5 / 2.0, f / 2 FROM t ORDER BY id"),
    ("postgres", "SELECT id / (1 + 1) + 6 / 4 / 1 FROM t ORDER BY id", "SELECT id // 2 + 1 FROM t ORDER BY id"),
    ("postgres", "SELECT n FROM t ORDER BY n", "SELECT n FROM t ORDER BY n NULLS LAST"),
    ("postgres", "SELECT n FROM t ORDER BY n DESC", "SELECT n FROM t ORDER BY n DESC NULLS FIRST"),
    ("postgres", "SELECT id::text || '!' FROM t ORDER BY id", "SELECT id::VARCHAR || '!' FROM t ORDER BY id"),
    ("postgres", "SELECT d + interval '1 month' FROM t ORDER BY id", "SELECT d + INTERVAL 1 MONTH FROM t ORDER BY id"),
    ("postgres", "SELECT to_char(d, 'YYYY-MM') FROM t ORDER BY id", "SELECT strftime(d, '%Y-%m') FROM t ORDER BY id"),
    ("postgres", "SELECT substring(s from 1 for 1) FROM t ORDER BY id", "SELECT substring(s, 1, 1) FROM t ORDER BY id"),
    ("postgres", "SELECT s ~ '^a' FROM t ORDER BY id", "SELECT regexp_matches(s, '^a') FROM t ORDER BY id"),
    (
        "postgres",
        "SELECT id FROM t ORDER BY id OFFSET 1 FETCH FIRST 2 ROWS ONLY",
        "SELECT id FROM t ORDER BY id LIMIT 2 OFFSET 1",
    ),
    ("postgres", "SELECT extract(year from d) FROM t ORDER BY id", "SELECT extract(year FROM d) FROM t ORDER BY id"),
    ("postgres", "SELECT id FROM t WHERE s ILIKE 'AB' ORDER BY id", "SELECT id FROM t WHERE s ILIKE 'AB' ORDER BY id"),
    ("postgres", "SELECT sum(id) FILTER (WHERE n > 0) FROM t", "SELECT sum(id) FILTER (WHERE n > 0) FROM t"),
    (
        "postgres",
        "SELECT DISTINCT ON (n > 0) id FROM t WHERE n IS NOT NULL ORDER BY n > 0, id",
        "SELECT DISTINCT ON (n > 0) id FROM t WHERE n IS NOT NULL ORDER BY n > 0, id",
    ),
    ("bigquery", "SELECT `id` FROM `t` ORDER BY id", "SELECT id FROM t ORDER BY id"),
    ("bigquery", "SELECT SAFE_DIVIDE(id, n) FROM t ORDER BY id", "SELECT id / n FROM t ORDER BY id"),
    (
        "bigquery",
        "SELECT IF(n > 0, 1, 2) FROM t ORDER BY id",
        "SELECT CASE WHEN n > 0 THEN 1 ELSE 2 END FROM t ORDER BY id",
    ),
    ("bigquery", "SELECT CAST(id AS STRING) FROM t ORDER BY id", "SELECT id::VARCHAR FROM t ORDER BY id"),
    ("bigquery", "SELECT COUNTIF(n > 0) FROM t", "SELECT count(*) FILTER (WHERE n > 0) FROM t"),
    ("bigquery", "SELECT * EXCEPT (s, d, f) FROM t ORDER BY id", "SELECT id, n FROM t ORDER BY id"),
    (
        "bigquery",
        "SELECT DATE_ADD(d, INTERVAL 1 DAY) FROM t ORDER BY id",
        "SELECT d + INTERVAL 1 DAY FROM t ORDER BY id",
    ),
    (
        "snowflake",
        "SELECT IFF(n > 0, 1, 2) FROM t ORDER BY id",
        "SELECT CASE WHEN n > 0 THEN 1 ELSE 2 END FROM t ORDER BY id",
    ),
    (
        "snowflake",
        "SELECT NVL2(n, 1, 0) FROM t ORDER BY id",
        "SELECT CASE WHEN n IS NULL THEN 0 ELSE 1 END FROM t ORDER BY id",
    ),
    ("snowflake", "SELECT DATEADD(day, 3, d) FROM t ORDER BY id", "SELECT d + INTERVAL 3 DAY FROM t ORDER BY id"),
    ("snowflake", "SELECT id FROM t QUALIFY row_number() OVER (ORDER BY id) = 1", "SELECT 1"),
    ("snowflake", "SELECT n FROM t ORDER BY n", "SELECT n FROM t ORDER BY n NULLS LAST"),
    ("snowflake", "SELECT id / 2 FROM t ORDER BY id", "SELECT id / 2 FROM t ORDER BY id"),
    ("mysql", "SELECT `id` FROM `t` ORDER BY id LIMIT 1, 2", "SELECT id FROM t ORDER BY id LIMIT 2 OFFSET 1"),
    ("mysql", "SELECT IFNULL(n, 5) FROM t ORDER BY id", "SELECT coalesce(n, 5) FROM t ORDER BY id"),
    ("mysql", "SELECT CONCAT(s, '!') FROM t ORDER BY id", "SELECT s || '!' FROM t ORDER BY id"),
    ("mysql", "SELECT id DIV 2, id / 2 FROM t ORDER BY id", "SELECT id // 2, id / 2 FROM t ORDER BY id"),
    ("mysql", "SELECT n FROM t ORDER BY n", "SELECT n FROM t ORDER BY n NULLS FIRST"),
    ("mysql", "SELECT DATE_FORMAT(d, '%Y') FROM t ORDER BY id", "SELECT strftime(d, '%Y') FROM t ORDER BY id"),
    ("mysql", 'SELECT "text"', "SELECT 'text'"),
    (
        "mysql",
        "SELECT 7.5 DIV 2, -7 DIV 2, (id DIV 2) DIV 2 FROM t ORDER BY id",
        "SELECT 3, -3, id // 4 FROM t ORDER BY id",
    ),
    ("spark", "SELECT 7.5 div 2", "SELECT 3"),
    (
        "tsql",
        "SELECT t.id, x.n FROM t CROSS APPLY (SELECT u.id AS n FROM t u WHERE u.id = t.id + 1) x ORDER BY 1",
        "SELECT t.id, x.n FROM t, LATERAL (SELECT u.id AS n FROM t u WHERE u.id = t.id + 1) x ORDER BY 1",
    ),
    (
        "tsql",
        "SELECT t.id, x.n FROM t OUTER APPLY (SELECT u.id AS n FROM t u WHERE u.id = t.id + 1) x ORDER BY 1",
        "SELECT t.id, u.id FROM t LEFT JOIN t u ON u.id = t.id + 1 ORDER BY 1",
    ),
    ("tsql", "SELECT TOP 2 [id] FROM t ORDER BY id", "SELECT id FROM t ORDER BY id LIMIT 2"),
    ("tsql", "SELECT id / 2 FROM t ORDER BY id", "SELECT id // 2 FROM t ORDER BY id"),
    ("tsql", "SELECT ISNULL(n, 5) FROM t ORDER BY id", "SELECT coalesce(n, 5) FROM t ORDER BY id"),
    ("tsql", "SELECT LEN(s) FROM t ORDER BY id", "SELECT length(s) FROM t ORDER BY id"),
    ("tsql", "SELECT DATEADD(day, 1, d) FROM t ORDER BY id", "SELECT d + INTERVAL 1 DAY FROM t ORDER BY id"),
    (
        "tsql",
        "SELECT IIF(n > 0, 1, 2) FROM t ORDER BY id",
        "SELECT CASE WHEN n > 0 THEN 1 ELSE 2 END FROM t ORDER BY id",
    ),
    (
        "tsql",
        "SELECT id FROM t ORDER BY id OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY",
        "SELECT id FROM t ORDER BY id LIMIT 2 OFFSET 1",
    ),
]


@pytest.mark.parametrize(("dialect", "sql", "plain"), [*_same(COMMON, *ALL), *OWN])
def test_same_answer(connection: sqlengine.Connection, dialect: str, sql: str, plain: str) -> None:
    expected = connection.execute(plain).fetchall()
    connection.set("dialect", dialect)
    try:
        assert connection.execute(sql).fetchall() == expected
    finally:
        connection.set("dialect", "duckdb")


@pytest.mark.parametrize(
    ("dialect", "sql", "words"),
    [
        ("spark", "SELECT my_function(id) FROM t", "my_function"),
        ("postgres", "SELECT pg_typeof(id) FROM t", "pg_typeof"),
        ("mysql", "SELECT (", "not mysql SQL"),
        ("tsql", "UPDATE t SET id = 1", "UPDATE"),
        ("postgres", "SELECT id / 0 FROM t", "zero"),
    ],
)
def test_refused(connection: sqlengine.Connection, dialect: str, sql: str, words: str) -> None:
    connection.set("dialect", dialect)
    try:
        with pytest.raises(sqlengine.Error, match=words):
            connection.execute(sql)
    finally:
        connection.set("dialect", "duckdb")


def test_a_script_changes_its_dialect() -> None:
    with sqlengine.connect(scheduler="inline") as connection:
        connection.execute("CREATE TABLE t AS SELECT 5 AS a")
        script = "SET dialect = 'mysql'; SELECT `a` FROM `t`; SET dialect = 'duckdb'; SELECT [a] FROM t"
        assert [cursor.fetchall() for cursor in connection.execute_script(script) if cursor.description] == [
            [(5,)],
            [([5],)],
        ]


def test_places_are_those_of_the_original() -> None:
    with sqlengine.connect(scheduler="inline", dialect="mysql") as connection, pytest.raises(sqlengine.Error) as caught:
        connection.execute("SELECT IFNULL(1, 2),\n  `nonsense` FROM (SELECT 1 AS `a`) AS t")
    assert caught.value.position is not None
    assert (caught.value.position.line, caught.value.position.column) == (2, 4)


def test_the_dialect_is_an_argument() -> None:
    assert sqlengine.query("SELECT 7 / 2 AS x", dialect="postgres")["x"].tolist() == [3]
    assert sqlengine.query("SELECT 7 / 2 AS x")["x"].tolist() == [3.5]
