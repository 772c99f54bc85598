"""Refuse or be right: whatever the binder does not read is refused by name, never ignored."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from sqlglot import exp

from sqlengine.errors import Error, NotSupportedError, ParseError, ProgrammingError
from sqlengine.planner.binder import bind_statement
from sqlengine.planner.parse import QueryTree, Statement, parse_statements
from tests.planner.binding import EmptyCatalog, bind, refusal

# query -> what the error must name.
REFUSED = {
    "SELECT a FROM t ORDER BY a FETCH FIRST 3 ROWS WITH TIES": "WITH TIES",
    "SELECT a FROM t FOR UPDATE": "FOR UPDATE",
    "SELECT max(b, a) FROM t": "argument 2 of max",
    "SELECT max(a IGNORE NULLS) FROM t": "IGNORE NULLS",
    "PIVOT t ON a USING sum(b)": "PIVOT",
    "SELECT c COLLATE nocase FROM t": "COLLATE",
    "SELECT a FROM t ORDER BY c COLLATE noaccent": "COLLATE",
    "SELECT CAST(c AS DATE FORMAT 'x') FROM t": "FORMAT",
    "SELECT a INTO q FROM t": "INTO",
    "SELECT a BETWEEN SYMMETRIC 1 AND 2 FROM t": "SYMMETRIC",
    "SELECT 'a' 'b'": "adjacent",
    "SELECT a FROM t LIMIT 3 BY a": "LIMIT",
    "SELECT * FROM ONLY t": "ONLY",
    "SELECT * FROM t AT (VERSION => 1)": "VERSION",
    "WITH x AS (SELECT random() AS r FROM t) SELECT count(*) FROM x JOIN x AS y USING (r)": "read more than once",
    "DELETE FROM t": "DELETE",
    "UPDATE t SET a = 1": "UPDATE",
    "ATTACH 'x.db'": "ATTACH",
    "PRAGMA version": "PRAGMA",
    "BEGIN": "BEGIN",
    "EXPLAIN (FORMAT json) SELECT 1": "EXPLAIN",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_refused_by_name(sql: str) -> None:
    message = refusal(sql)
    assert message.startswith("NotSupportedError: ")
    assert REFUSED[sql] in message


def test_the_place_is_shown() -> None:
    assert refusal("SELECT a\nFROM t\nQUALIFY a = 1").splitlines()[1:] == ["LINE 3: QUALIFY a = 1", "                ^"]


def test_nothing_is_refused_without_reason() -> None:
    bind("SELECT a AS q FROM t WHERE b > 1 GROUP BY a HAVING count(*) > 1 ORDER BY q DESC NULLS FIRST LIMIT 1 OFFSET 2")


def test_an_unused_common_table_means_nothing() -> None:
    # As in DuckDB, which does not even look its names up.
    assert bind("WITH x AS (SELECT nope FROM nowhere QUALIFY 1) SELECT a FROM t").names == ("a",)


# -- the general mechanism --------------------------------------------------------------------------

EVERYTHING = """
    WITH w(x) AS (SELECT a FROM t)
    SELECT DISTINCT s.q AS n, -b, c LIKE 'x' ESCAPE '$', NOT p, e IS NULL, q IN (1, 2), q BETWEEN 1 AND 2,
        CASE WHEN p THEN 1 ELSE 2 END, CAST(q AS DECIMAL(10, 2)), TRY_CAST(c AS INTEGER), DATE '2020-01-01',
        INTERVAL '3' MONTH, extract(year FROM d), substring(c FROM 1 FOR 2), trim(BOTH 'x' FROM c),
        count(*) FILTER (WHERE q > 1), sum(DISTINCT q), q + 1, q // 2, e / 2, c || 'x', p AND p OR p, (q), true, NULL
    FROM (SELECT * EXCLUDE (ts) REPLACE (a + 1 AS a) FROM t) AS s(q, b)
    LEFT JOIN u ON s.b = u.k
    CROSS JOIN w
    WHERE b > 1
    GROUP BY ALL
    HAVING count(*) > 1
    ORDER BY 1 DESC NULLS FIRST
    LIMIT 3
    OFFSET 4
"""

# Arguments that say nothing of the answer, and those whose meaning depends on the others on the node.
MEANINGLESS = {
    ("CTE", "materialized"),
    ("Div", "safe"),
    ("Div", "typed"),
    ("DPipe", "safe"),
    ("TryCast", "safe"),
    ("Cast", "safe"),
    ("Limit", "offset"),
}


def _tree() -> Any:
    (statement,) = parse_statements(EVERYTHING)
    return statement


def _unset_arguments() -> list[tuple[int, str, str]]:
    """(number of the node, its class, argument) for every argument that sqlglot knows and the query does not use."""
    content = _tree().content
    found = []
    for number, node in enumerate(content.tree.walk()):
        for argument in type(node).arg_types:
            name = type(node).__name__
            if not node.args.get(argument) and (name, argument) not in MEANINGLESS:
                found.append((number, name, argument))
    return found


def test_the_query_binds_as_it_stands() -> None:
    assert bind(EVERYTHING).names[0] == "n"


def test_every_argument_the_parser_may_ever_set_is_read_or_refused() -> None:
    """Set each argument that is absent to something meaningful: binding must fail or change the plan."""
    statement = _tree()
    plan = bind(EVERYTHING).plan
    ignored = []
    seen: set[tuple[str, str]] = set()
    for number, name, argument in _unset_arguments():
        if (name, argument) in seen:
            continue
        seen.add((name, argument))
        changed = copy.deepcopy(statement.content.tree)
        node = list(changed.walk())[number]
        node.set(argument, exp.Placeholder(this="surprise"))
        try:
            bound: Any = bind_statement(
                Statement(QueryTree(changed), statement.source), EmptyCatalog(), {"surprise": False}
            )
        except (Error, AttributeError, TypeError):
            continue
        if bound.query.plan == plan:
            ignored.append((name, argument))
    assert not ignored
    assert len(seen) > 100


@pytest.mark.parametrize("argument", sorted(set(exp.Select.arg_types) - {"expressions", "where", "having"}))
def test_every_clause_of_select_is_read_or_refused(argument: str) -> None:
    (statement,) = parse_statements("SELECT 1 AS x")
    assert isinstance(statement.content, QueryTree)
    tree = statement.content.tree
    tree.set(argument, exp.Qualify(this=exp.true()))
    with pytest.raises((NotSupportedError, ProgrammingError, AttributeError, TypeError)):
        bind_statement(statement, EmptyCatalog())


def test_wrong_sql_that_the_parser_takes() -> None:
    for sql in (
        "SELECT a,, b FROM t",
        "SELECT upper(, c) FROM t",
        "SELECT a FROM t JOIN u",
        "SELECT 0xff",
        "SELECT 1a",
    ):
        with pytest.raises(ParseError):
            bind(sql)
    assert "chained" in refusal("SELECT a = b = p FROM t")
