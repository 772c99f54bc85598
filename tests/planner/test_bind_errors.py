"""What the binder says when a query is wrong, and where the caret stands."""

from __future__ import annotations

import pytest

from sqlengine.errors import BindError, ParseError
from sqlengine.planner.parse import parse_statements
from tests.planner.binding import bind, refusal

# query -> the error as the user reads it.
ERRORS = {
    "SELECT custkey FROM customer": """
        BindError: there is no column "custkey". Did you mean 'c_custkey'?
        LINE 1: SELECT custkey FROM customer
                       ^^^^^^^
    """,
    "SELECT x.nope FROM t AS x": """
        BindError: table "x" has no column "nope".
        LINE 1: SELECT x.nope FROM t AS x
                       ^
    """,
    "SELECT t.a FROM t AS tt": """
        BindError: there is no table "t" in FROM. Did you mean 'tt'?
        LINE 1: SELECT t.a FROM t AS tt
                       ^
    """,
    "SELECT a": """
        BindError: there is no column "a": the query has no FROM clause
        LINE 1: SELECT a
                       ^
    """,
    "SELECT *": """
        BindError: * needs a FROM clause
    """,
    "SELECT 1\\nFROM lineitm": """
        BindError: there is no table "lineitm". Did you mean 'lineitem'?
        LINE 2: FROM lineitm
                     ^^^^^^^
    """,
    "SELECT 1 FROM trips.parquet": """
        BindError: there is no table "trips.parquet". To read a file, put its path in quotes: FROM 'trips.parquet'.
        LINE 1: SELECT 1 FROM trips.parquet
                              ^^^^^
    """,
    "SELECT a FROM t, u": """
        BindError: column name "a" is ambiguous: write t.a or u.a
        LINE 1: SELECT a FROM t, u
                       ^
    """,
    "SELECT 1 FROM t JOIN t ON true": """
        BindError: table name "t" appears twice in FROM; give one of them an alias
        LINE 1: SELECT 1 FROM t JOIN t ON true
                                     ^
    """,
    "SELECT lenght(c) FROM t": """
        BindError: there is no function "lenght". Did you mean 'length'*
        LINE 1: SELECT lenght(c) FROM t
                       ^^^^^^
    """,
    "SELECT a FROM t WHERE sum(b) > 1": """
        BindError: the aggregate sum() cannot stand in WHERE
        LINE 1: SELECT a FROM t WHERE sum(b) > 1
                                      ^^^
    """,
    "SELECT sum(max(a)) FROM t": """
        BindError: the aggregate max() cannot stand in the arguments of another aggregate
        LINE 1: SELECT sum(max(a)) FROM t
                           ^^^
    """,
    "SELECT sum(a) FILTER (WHERE sum(b) > 1) FROM t": """
        BindError: the aggregate sum() cannot stand in FILTER
        LINE 1: SELECT sum(a) FILTER (WHERE sum(b) > 1) FROM t
                                            ^^^
    """,
    "SELECT sum(a) FROM t GROUP BY sum(a)": """
        BindError: the aggregate sum() cannot stand in GROUP BY
        LINE 1: SELECT sum(a) FROM t GROUP BY sum(a)
                                              ^^^
    """,
    "SELECT sum(a) AS s FROM t GROUP BY s": """
        BindError: GROUP BY cannot contain aggregates or window functions
        LINE 1: SELECT sum(a) AS s FROM t GROUP BY s
                                                   ^
    """,
    "SELECT upper(c) FILTER (WHERE a > 1) FROM t": """
        BindError: FILTER needs an aggregate; upper() is none
        LINE 1: SELECT upper(c) FILTER (WHERE a > 1) FROM t
                       ^^^^^
    """,
    "SELECT a, sum(b) FROM t": """
        BindError: column "a" must appear in GROUP BY or inside an aggregate, such as any_value("a")
        LINE 1: SELECT a, sum(b) FROM t
                       ^
    """,
    "SELECT a FROM t GROUP BY a ORDER BY e": """
        BindError: column "e" must appear in GROUP BY or inside an aggregate, such as any_value("e")
        LINE 1: SELECT a FROM t GROUP BY a ORDER BY e
                                                    ^
    """,
    "SELECT a FROM t HAVING b > 1": """
        BindError: column "a" must appear in GROUP BY or inside an aggregate, such as any_value("a")
        LINE 1: SELECT a FROM t HAVING b > 1
                       ^
    """,
    "SELECT a FROM t GROUP BY 2": """
        BindError: GROUP BY 2 is out of range: the query has 1 column
        LINE 1: SELECT a FROM t GROUP BY 2
                                         ^
    """,
    "SELECT a, b FROM t ORDER BY 3": """
        BindError: ORDER BY 3 is out of range: the query has 2 columns
        LINE 1: SELECT a, b FROM t ORDER BY 3
                                            ^
    """,
    "SELECT a FROM t ORDER BY 'a'": """
        BindError: ORDER BY a constant has no effect; give a column's name or number
        LINE 1: SELECT a FROM t ORDER BY 'a'
                                         ^^^
    """,
    "SELECT a FROM t UNION ALL SELECT a, k FROM u": """
        BindError: UNION needs the same number of columns on both sides; there are 1 and 2
        LINE 1: SELECT a FROM t UNION ALL SELECT a, k FROM u
                       ^
    """,
    "VALUES (1), (2, 3)": """
        BindError: the rows of VALUES have 1 and 2 columns
        LINE 1: VALUES (1), (2, 3)
                             ^
    """,
    "SELECT * FROM t AS x(a, b, c, d, e, f, g, h, i)": """
        BindError: table "x" has 8 columns, but 9 names are given
        LINE 1: SELECT * FROM t AS x(a, b, c, d, e, f, g, h, i)
                              ^
    """,
    "SELECT * FROM t JOIN u USING (kk)": """
        BindError: USING: the left side of the join has no column "kk".
        LINE 1: SELECT * FROM t JOIN u USING (kk)
                                     ^
    """,
    "SELECT * FROM region NATURAL JOIN t": """
        BindError: NATURAL JOIN: the two sides have no column name in common
        LINE 1: SELECT * FROM region NATURAL JOIN t
                                                  ^
    """,
    "SELECT * EXCLUDE (aa) FROM u": """
        BindError: EXCLUDE: there is no column "aa". Did you mean 'a'?
        LINE 1: SELECT * EXCLUDE (aa) FROM u
                                  ^^
    """,
    "SELECT upper(*) FROM t": """
        BindError: * may stand alone in a SELECT list or in count(*) only
        LINE 1: SELECT upper(*) FROM t
                             ^
    """,
    "SELECT a::intt FROM t": """
        BindError: there is no type 'intt'. Did you mean*
    """,
    "SELECT a::DECIMAL(40, 2) FROM t": """
        BindError: DECIMAL(40,2) is out of range: 1 to 38 digits, at most all of them after the point
        LINE 1: SELECT a::DECIMAL(40, 2) FROM t
                                  ^^
    """,
    "SELECT a FROM t WHERE d = 'tomorrow'": """
        ConversionError: *tomorrow*
        LINE 1: SELECT a FROM t WHERE d = 'tomorrow'
                                      ^
    """,
    "SELECT a FROM t LIMIT -1": """
        BindError: LIMIT cannot be negative
        LINE 1: SELECT a FROM t LIMIT -1
                                       ^
    """,
    "SELECT a FROM t LIMIT a": """
        BindError: there is no column "a": the query has no FROM clause
        LINE 1: SELECT a FROM t LIMIT a
                                      ^
    """,
    "WITH x AS (SELECT 1), X AS (SELECT 2) SELECT * FROM x": """
        BindError: the name "X" is given to two queries in WITH
        LINE 1: WITH x AS (SELECT 1), X AS (SELECT 2) SELECT * FROM x
                                      ^
    """,
    "SELECT CASE WHEN a = 1 THEN d ELSE e END FROM t": """
        BindError: the types DATE, DOUBLE have nothing in common; add a cast
        LINE 1: SELECT CASE WHEN a = 1 THEN d ELSE e END FROM t
                                 ^
    """,
    "SELECT INTERVAL 3 FORTNIGHTS": """
        BindError: there is no unit of time*
    """,
}


@pytest.mark.parametrize("sql", ERRORS)
def test_error(sql: str) -> None:
    lines = ERRORS[sql].strip("\n").splitlines()
    expected = "\n".join(line.removeprefix("        ") for line in lines).rstrip()
    message = refusal(sql.replace("\\n", "\n"))
    first, *rest = expected.splitlines()
    kind, _, tail = first.partition(": ")
    shown_first, *shown_rest = message.splitlines()
    if tail.endswith("*") or tail.startswith("*t"):
        assert shown_first.startswith(kind)
        assert all(part in shown_first for part in tail.split("*"))
    else:
        assert shown_first == first
    if rest:
        assert shown_rest == rest


def test_types_are_named() -> None:
    message = refusal("SELECT d + e FROM t")
    assert message.startswith("BindError: ")
    assert "DATE" in message
    assert "DOUBLE" in message
    assert message.endswith("^")


def test_alias_defined_by_itself() -> None:
    with pytest.raises(BindError, match="defined by itself"):
        bind(
            "SELECT a FROM t WHERE q = 1 GROUP BY ALL HAVING max(b) > 1 ORDER BY 1".replace(
                "SELECT a", "SELECT q + 1 AS q"
            )
        )


# -- syntax ---------------------------------------------------------------------------------------

SYNTAX = {
    "SELECT 1 2": ("syntax error at '2'", 10),
    "SELECT (1": ("syntax error at the end: expected ')'", 9),
    "SELECT * FROM": ("syntax error at the end: something is missing after 'FROM'", 10),
    "SELECT a FROM t WHERE": ("syntax error at the end: something is missing after 'WHERE'", 17),
    "SELECT a FROM t WHERE a = = 3": ("syntax error near '='", 27),
    "SELECT 'abc": ("a text begins with ' and does not end", 8),
    "SELECT /* abc": ("a comment begins with /* and does not end", 8),
    "SELCT 1": ("a statement cannot begin with 'SELCT'. Did you mean 'SELECT', 'SET', 'RESET'?", 1),
    "SELECT a,, b FROM t": ("syntax error at ',': an item is missing", 10),
    "SELECT 1a": ("syntax error at 'a': letters follow a number", 9),
    "SELECT * FROM t JOIN u": ("JOIN needs ON or USING; CROSS JOIN has neither", 22),
    "EXPLAIN": ("EXPLAIN needs a query", 1),
    "SET x": ("SET is written: SET name = value", 1),
}


@pytest.mark.parametrize("sql", SYNTAX)
def test_syntax_error(sql: str) -> None:
    message, column = SYNTAX[sql]
    with pytest.raises(ParseError) as caught:
        parse_statements(sql)
    assert caught.value.message == message
    assert caught.value.position is not None
    assert (caught.value.position.line, caught.value.position.column) == (1, column)


def test_places_count_from_the_start_of_the_script() -> None:
    message = refusal_of_last("SELECT 1;\n\nSELECT nope FROM t")
    assert message.splitlines()[1] == "LINE 3: SELECT nope FROM t"


def refusal_of_last(script: str) -> str:
    from sqlengine.errors import Error, render
    from sqlengine.planner.binder import bind_statement
    from tests.planner.binding import EmptyCatalog

    statement = parse_statements(script)[-1]
    with pytest.raises(Error) as caught:
        bind_statement(statement, EmptyCatalog())
    return render(caught.value, script)
