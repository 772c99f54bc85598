"""What plans the binder makes."""

from __future__ import annotations

import textwrap

import pytest

from sqlengine.planner.logical import Scan
from tests.planner.binding import EmptyCatalog, bind, described, oracle, shown, types_of

# query -> plan.
PLANS = {
    # The first row of each key in the query's order; an aggregation keeps the order of first appearance.
    "SELECT DISTINCT ON (a) k, a FROM u ORDER BY k DESC": """
        Sort k#3 desc
          Project k#3, a#0
            Aggregate [a#0] k#3 = first(k#1)
              Sort k#1 desc
                Project a#0, k#1
                  Scan u
    """,
    "PIVOT u ON k IN (1) USING sum(a)": """
        Aggregate [z#2] sum#4 = sum(a#0) where is_not_distinct_from(k#1, 1)
          Scan u
    """,
    # A star passes the scan on as it is.
    "SELECT * FROM u": """
        Scan u
    """,
    "SELECT 1": """
        Project 1#0 = 1
          Values
    """,
    # A second copy of a column gets an id of its own.
    "SELECT a, a FROM u": """
        Project a#0, a#3 = a#0
          Scan u
    """,
    # A sort column that nobody selected goes away again; the limit stands below that.
    "SELECT a FROM u ORDER BY k DESC LIMIT 3 OFFSET 2": """
        Project a#0
          Limit 3 offset 2
            Sort k#1 desc
              Project a#0, k#1
                Scan u
    """,
    # An alias wins over a column as a whole ORDER BY item, a column inside an expression.
    "SELECT -a AS a FROM u ORDER BY a, a + 1": """
        Project a#3
          Sort a#3, order#4
            Project a#3 = negate(a#0), order#4 = +(a#0, 1)
              Scan u
    """,
    "SELECT a FROM u ORDER BY a NULLS FIRST, 1 DESC": """
        Sort a#0 nulls first, a#0 desc
          Project a#0
            Scan u
    """,
    "SELECT a, k FROM u ORDER BY ALL": """
        Sort a#0, k#1
          Project a#0, k#1
            Scan u
    """,
    # An expression of ORDER BY that the select list has is not computed twice.
    "SELECT a + 1 FROM u ORDER BY a + 1": """
        Sort (a + 1)#3
          Project (a + 1)#3 = +(a#0, 1)
            Scan u
    """,
    "SELECT DISTINCT a + 1 AS q, k FROM u ORDER BY a + 1, k + 1": """
        Project q#3, k#1
          Sort q#3, order#4
            Project q#3, k#1, order#4 = +(k#1, 1)
              Aggregate [q#3, k#1]
                Project q#3 = +(a#0, 1), k#1
                  Scan u
    """,
    "SELECT a AS x, x + 1 AS y FROM u WHERE y > 2": """
        Project a#0, y#3 = +(a#0, 1)
          Filter >(+(a#0, 1), 2)
            Scan u
    """,
    # Equal aggregates share a column; HAVING and ORDER BY may use others.
    "SELECT a, count(*), count(*) + 1 FROM u GROUP BY a HAVING max(k) > 1 ORDER BY min(k)": """
        Project a#0, count#3, (count_star() + 1)#6
          Sort min#5
            Project a#0, count#3, (count_star() + 1)#6 = +(count#3, 1), min#5
              Filter >(max#4, 1)
                Aggregate [a#0] count#3 = count_star(), max#4 = max(k#1), min#5 = min(k#1)
                  Scan u
    """,
    "SELECT a + 1 AS x, (a + 1) * 2 FROM u GROUP BY x": """
        Project x#3, ((a + 1) * 2)#4 = *(x#3, 2)
          Aggregate [x#3 = +(a#0, 1)]
            Scan u
    """,
    "SELECT a + 1, sum(k) FROM u GROUP BY 1": """
        Aggregate [(a + 1)#4 = +(a#0, 1)] sum#3 = sum(k#1)
          Scan u
    """,
    "SELECT a, sum(k), z FROM u GROUP BY ALL": """
        Project a#0, sum#3, z#2
          Aggregate [a#0, z#2] sum#3 = sum(k#1)
            Scan u
    """,
    # A constant is no key.
    "SELECT 1, count(*) FROM u GROUP BY ALL": """
        Project 1#4 = 1, count#3
          Aggregate [] count#3 = count_star()
            Scan u
    """,
    "SELECT 1 FROM u GROUP BY ALL": """
        Project 1#3 = 1
          Scan u
    """,
    # FROM's column wins over an alias in GROUP BY.
    "SELECT k AS a, count(*) FROM u GROUP BY a, k": """
        Project k#1, count#3
          Aggregate [a#0, k#1] count#3 = count_star()
            Scan u
    """,
    "SELECT count(DISTINCT a), sum(k) FILTER (WHERE a > 1) FROM u": """
        Aggregate [] count#3 = count(distinct a#0), sum#4 = sum(k#1) where >(a#0, 1)
          Scan u
    """,
    "SELECT 1 FROM u HAVING count(*) > 1": """
        Project 1#4 = 1
          Filter >(count#3, 1)
            Aggregate [] count#3 = count_star()
              Scan u
    """,
    # Joins.
    "SELECT x.a FROM u x JOIN u y ON x.a = y.a AND x.k < y.k": """
        Project a#0
          Join inner =(a#0, a#3), <(k#1, k#4)
            Scan x
            Scan y
    """,
    "SELECT * FROM u x JOIN u y USING (a)": """
        Project a#0, k#1, z#2, k#4, z#5
          Join inner =(a#0, a#3)
            Scan x
            Scan y
    """,
    "SELECT a, x.a, y.a FROM u x FULL JOIN u y USING (a)": """
        Project a#6 = coalesce(a#0, a#3), a#0, a#3
          Join full =(a#0, a#3)
            Scan x
            Scan y
    """,
    "SELECT a FROM u x RIGHT JOIN u y USING (a)": """
        Project a#3
          Join right =(a#0, a#3)
            Scan x
            Scan y
    """,
    "SELECT a FROM u x JOIN u y USING (a) LEFT JOIN u w USING (a)": """
        Project a#0
          Join left =(a#0, a#6)
            Join inner =(a#0, a#3)
              Scan x
              Scan y
            Scan w
    """,
    "SELECT x.a FROM u x SEMI JOIN u y ON x.a = y.k": """
        Project a#0
          Join semi =(cast(a#0 as BIGINT), k#4)
            Scan x
            Scan y
    """,
    "SELECT x.a FROM u x ANTI JOIN u y USING (a, k)": """
        Project a#0
          Join anti =(a#0, a#3), =(k#1, k#4)
            Scan x
            Scan y
    """,
    "SELECT x.k FROM u x CROSS JOIN u y": """
        Project k#1
          Join inner
            Scan x
            Scan y
    """,
    # JOIN binds tighter than the comma.
    "SELECT x.k FROM u x, u y LEFT JOIN u w ON y.a = w.a": """
        Project k#1
          Join inner
            Scan x
            Join left =(a#3, a#6)
              Scan y
              Scan w
    """,
    "SELECT x.k FROM u x JOIN (u y JOIN u w ON y.a = w.a) ON x.a = y.a": """
        Project k#1
          Join inner =(a#0, a#3)
            Scan x
            Join inner =(a#3, a#6)
              Scan y
              Scan w
    """,
    # Each reference to a common table is bound afresh.
    "WITH q(n) AS (SELECT a FROM u) SELECT q.n FROM q, q AS r WHERE q.n = r.n": """
        Project a#0
          Filter =(a#0, a#3)
            Join inner
              Project a#0
                Scan u
              Project a#3
                Scan u
    """,
    "SELECT y FROM (SELECT a AS x, k FROM u) AS s(y)": """
        Project a#0
          Project a#0, k#1
            Scan u
    """,
    # Set operations.
    "SELECT a FROM u UNION ALL SELECT k FROM u UNION ALL SELECT 1": """
        Union a#9
          Project a#7 = cast(a#0 as BIGINT)
            Project a#0
              Scan u
          Project k#4
            Scan u
          Project 1#8 = cast(1#6 as BIGINT)
            Project 1#6 = 1
              Values
    """,
    "SELECT a FROM u UNION SELECT a FROM u ORDER BY a LIMIT 1": """
        Limit 1 offset 0
          Sort a#6
            Aggregate [a#6]
              Union a#6
                Project a#0
                  Scan u
                Project a#3
                  Scan u
    """,
    "SELECT a FROM u EXCEPT SELECT a FROM u": """
        Join anti is_not_distinct_from(a#0, a#3)
          Aggregate [a#0]
            Project a#0
              Scan u
          Project a#3
            Scan u
    """,
    "VALUES (1, 'x'), (2.5, NULL)": """
        Values 1.0, 'x'; 2.5, NULL
    """,
    # Expressions.
    "SELECT a FROM u WHERE a IN (1, 2, NULL) AND k NOT IN (3) AND a IN (k, 1)": """
        Project a#0
          Filter and(a#0 in (1, 2, NULL), k#1 not in (3), or(=(cast(a#0 as BIGINT), k#1), =(cast(a#0 as BIGINT), 1)))
            Scan u
    """,
    "SELECT a FROM u WHERE a BETWEEN 1 AND 2 OR NOT z LIKE 'x%' OR z IS NOT NULL": """
        Project a#0
          Filter or(and(>=(a#0, 1), <=(a#0, 2)), not(like(z#2, 'x%')), is_not_null(z#2))
            Scan u
    """,
    "SELECT CASE a WHEN 1 THEN 'x' END, if(a = 1, 2, 3) FROM u": """
        Project CASE  WHEN ((a = 1)) THEN ('x') ELSE NULL END#3 = case(=(a#0, 1): 'x', else NULL), \
"if"((a = 1), 2, 3)#4 = case(=(a#0, 1): 2, else 3)
          Scan u
    """,
    "SELECT TRY_CAST(z AS INTEGER), z::DATE AS q FROM u": """
        Project TRY_CAST(z AS INTEGER)#3 = try_cast(z#2 as INTEGER), q#4 = cast(z#2 as DATE)
          Scan u
    """,
}


@pytest.mark.parametrize("sql", PLANS)
def test_plan(sql: str) -> None:
    assert shown(bind(sql).plan) == textwrap.dedent(PLANS[sql]).strip("\n").removesuffix("\n")


# Queries whose header and types are DuckDB's.
LIKE_DUCKDB = [
    "SELECT * FROM t",
    'SELECT T.A, "B" FROM t',
    "SELECT x.* FROM t x, u",
    "SELECT * EXCLUDE (a, B) FROM t",
    "SELECT * REPLACE (a + 1 AS a) FROM t",
    "SELECT t.* EXCLUDE (a), u.* FROM t, u",
    "SELECT * FROM t JOIN u USING (a)",
    "SELECT * FROM t FULL JOIN u USING (a)",
    "SELECT * FROM t RIGHT JOIN u USING (a)",
    "SELECT * FROM t NATURAL LEFT JOIN u",
    "SELECT u.*, a FROM t JOIN u USING (a)",
    "SELECT a AS \"Q q\", a q, a AS 'z', q2: a FROM t",
    'SELECT "some name", "Some Name" + 1 FROM "Mixed Case"',
    "FROM u",
    "FROM u SELECT k, a",
    "FROM u WHERE a > 1",
    "TABLE u",
    "VALUES (1, 'a'), (2.5, NULL)",
    "SELECT * FROM (VALUES (1), (2)) v",
    "SELECT * FROM (VALUES (1, 2)) v(x)",
    "SELECT * FROM (SELECT a, k FROM u) s(x), u",
    "SELECT 1 UNION ALL SELECT 'a'",
    "SELECT 1 AS x UNION SELECT 1.5",
    "SELECT NULL AS x UNION ALL SELECT 1",
    "SELECT d FROM t UNION SELECT ts FROM t",
    "SELECT a FROM t INTERSECT SELECT k FROM u",
    "SELECT a, b FROM t EXCEPT SELECT a, k FROM u",
    "(SELECT a FROM t ORDER BY a LIMIT 1) UNION ALL (SELECT k FROM u)",
    "WITH x(q) AS (SELECT a FROM t), y AS (SELECT q + 1 AS r FROM x) SELECT * FROM y, x",
    "WITH t AS (SELECT 1 AS only) SELECT * FROM t",
    "WITH x AS (SELECT a FROM t) SELECT * FROM x UNION ALL SELECT * FROM x",
    "SELECT * FROM (WITH x AS (SELECT 1 AS i) FROM x) s",
    "SELECT * FROM (t JOIN u ON t.a = u.a) JOIN (SELECT 1 AS one) s ON true",
    "SELECT a % 2 AS z, sum(b) FROM t GROUP BY z HAVING z > 0 ORDER BY sum(e)",
    "SELECT sum(a) AS s, s + 1 FROM t",
    "SELECT a + 1 AS b, b + 1 FROM t",
    "SELECT a FROM t FETCH FIRST 3 ROWS ONLY",
    "SELECT a FROM t LIMIT ALL",
    "SELECT a FROM t LIMIT NULL",
    "SELECT count(*), a FROM t GROUP BY ALL ORDER BY ALL",
    "SELECT a, FROM t",
    "SELECT * FROM (SELECT 1 a, 2 a, 3 A) x",
    "SELECT a, a_1 FROM (SELECT 1 a, 2.5 a) x",
    "WITH x AS (SELECT 1 a, 2.5 a) SELECT * FROM x",
    "SELECT * FROM (SELECT * FROM t x JOIN t y ON x.a = y.a)",
    "SELECT sum(a) AS a FROM t HAVING a > 1",
    "SELECT a AS b, sum(b) FROM t GROUP BY a, b HAVING b > 2",
    "SELECT max(a) AS m FROM t ORDER BY m + 1",
    "SELECT a FROM t UNION ALL SELECT k FROM u ORDER BY k",
    "SELECT a + b AS z, z * 2 AS w, w + z FROM t",
    "SELECT 'x' AS y GROUP BY y",
    "SELECT a AS x FROM t WHERE x > 1 GROUP BY x HAVING x > 1 ORDER BY x",
    "SELECT ALL a FROM t",
]


@pytest.mark.parametrize("sql", LIKE_DUCKDB)
def test_header_and_types_are_duckdbs(sql: str) -> None:
    query = bind(sql)
    assert list(zip(query.names, types_of(query), strict=True)) == described(sql)


# Both refuse these.
WRONG = [
    "SELECT a FROM t, u",
    "SELECT t.a FROM t x",
    "SELECT x.* FROM t",
    "SELECT a % 2 AS z, sum(b) FROM t GROUP BY z + 1",
    "SELECT sum(a) AS s, sum(s) FROM t",
    "SELECT a, sum(b) FROM t",
    "SELECT a FROM t GROUP BY a ORDER BY b",
    "SELECT b AS a FROM t GROUP BY a",
    "SELECT a FROM t HAVING a > 1",
    "SELECT a FROM t GROUP BY 3",
    "SELECT a FROM t ORDER BY 0",
    "SELECT a FROM t ORDER BY 'x'",
    "SELECT sum(a) FROM t ORDER BY a",
    "SELECT a AS q FROM t x ORDER BY t.a",
    "SELECT 1 UNION ALL SELECT 2, 3",
    "SELECT a FROM t LIMIT -1",
    "SELECT a FROM t LIMIT a",
    "SELECT a = b = p FROM t",
    "SELECT a FROM t ORDER BY a UNION ALL SELECT k FROM u",
    "SELECT a FROM t LIMIT 1 UNION SELECT k FROM u",
    "SELECT a FROM t GROUP BY a, -1",
    "SELECT a FROM t ORDER BY -1",
    "SELECT a FROM t ORDER BY -1.5",
    "SELECT upper(*) FROM t",
    "SELECT * FROM t x JOIN u x ON x.a = 1",
]


@pytest.mark.parametrize("sql", WRONG)
def test_refused_as_in_duckdb(sql: str) -> None:
    import duckdb

    from sqlengine.errors import Error

    with pytest.raises(duckdb.Error):
        oracle().execute(sql)
    with pytest.raises(Error):
        bind(sql)


def test_paths_and_functions_reach_the_catalog() -> None:
    from sqlengine.planner.binder import bind_statement
    from sqlengine.planner.parse import parse_statements

    catalog = EmptyCatalog()
    sql = """
        SELECT trips.a FROM 'data/trips.parquet', "x/*.csv" AS y,
            read_csv(['a.csv', 'b.csv'], header = true, columns = {'a': 'INT', 'b': 'VARCHAR'}, sep = ',', skip = -1) r
    """
    bind_statement(parse_statements(sql)[0], catalog)
    assert catalog.paths == ["data/trips.parquet", "x/*.csv"]
    assert catalog.calls == [
        (
            "read_csv",
            [["a.csv", "b.csv"]],
            {"header": True, "columns": {"a": "INT", "b": "VARCHAR"}, "sep": ",", "skip": -1},
        )
    ]


def test_names_do_not_depend_on_case_but_show_as_stored() -> None:
    query = bind('SELECT "SOME NAME", OTHER FROM "mixed case"')
    assert query.names == ("Some Name", "other")


def test_a_wide_table_is_bound_in_time() -> None:
    plan = bind("SELECT * FROM kinds").plan
    assert isinstance(plan, Scan)
    assert len({column.id for column in plan.columns}) == len(plan.columns)


def test_many_branches_of_union_all_and_of_or() -> None:
    assert len(bind(" UNION ALL ".join(["SELECT 1"] * 300)).plan.columns) == 1
    assert bind("SELECT a FROM t WHERE " + " OR ".join(f"a = {n}" for n in range(300))).names == ("a",)


def test_every_function_is_reached_by_its_name() -> None:
    """The parser keeps calls as typed, whatever classes sqlglot has for them."""
    from sqlglot import exp

    from sqlengine.functions.registry import function_names
    from sqlengine.planner.bind_function import HANDLERS
    from sqlengine.planner.parse import QueryTree, parse_statements

    operators = {"and", "or", "not"}
    for name in set(function_names()) - operators:
        if not name.isidentifier():
            continue
        content = parse_statements(f"SELECT {name}(a, b)")[0].content
        assert isinstance(content, QueryTree)
        (tree,) = content.tree.expressions
        assert type(tree) in HANDLERS
        if type(tree) is exp.Anonymous:
            assert (tree.name, len(tree.expressions)) == (name, 2)
        else:
            assert name in ("map", "position", "substring", "trim")
