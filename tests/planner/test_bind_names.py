"""What unnamed columns are called: as in DuckDB."""

from __future__ import annotations

import pytest

from sqlengine.planner.output_name import output_name
from sqlengine.planner.parse import QueryTree, parse_statements
from sqlengine.planner.scope import Scope
from tests.planner.binding import described

# The rendering has parentheses everywhere, so equal names show equal precedence, too.
NAMED_ALIKE = """
    a + b * e
    a - b - e
    a * b / e % 2
    a // b * 2
    -a ^ 2
    -2 ^ 2
    a ^ b ^ 2
    a || b + 1
    a + b || c
    not a = b
    not a = b and p
    not p or p
    a = b and b = e or p
    p and not p and a = 1 and b = 1
    p or p and p or p
    (p and p) and p
    p and (p and p)
    (p or p) and p and (p or p or p)
    a + 1 is null
    a = b is null
    a is null = p
    a between 1 and 2 and p
    a between 1 + 1 and 2 * 3
    a not between 1 and 2 or p
    c like 'a' || 'b'
    c like 'a' and p
    c not like 'a' || 'b'
    c ilike 'x'
    c not ilike 'x'
    c like 'x' escape '$'
    a in (1, 2) and p
    a not in (1, 2)
    not a in (1, 2)
    a + 1 in (1, 2)
    a in (1,2) = p
    -a::int
    a::int + 1
    a - -1
    a - - b
    a is distinct from b and p
    a = b is not distinct from p
    p is true and p
    p is not true
    case when a = 1 then b + 1 else -e end
    case a + 1 when 1 + 1 then 2 end
    (a + b) * e
    ((a + b))
    a << 1 + 2
    a & b + 1
    a | b & 1
    a + b << 1
    a <> b
    a >= b and a <= b
    c ~ 'x' || 'y'
    c similar to 'x' and p
    date '2020-01-01' + 1
    d + interval 1 month
    d - interval 90 seconds
    interval (a + 1) hour
    d at time zone 'UTC'
    ~a
    ~(a + 1)
    timestamp '2020-01-01'
    extract(year from d) + 1
    extract(dow from d)
    extract('month' from d)
    date_part('year', d)
    a::decimal(10,2) * 2
    cast(a as varchar)
    try_cast(c as integer)
    c::hugeint
    c::blob
    a = 1 and (b = 2 or e = 3)
    a isnull
    a notnull
    sum(a) + 1
    sum(a + 1) / count(*)
    count()
    count(distinct a) * 2
    min(a) filter (where b > 1) + 1
    coalesce(a, b, 1) + 1
    ifnull(a, b)
    nullif(a, 1)
    not not p
    a = -1
    -5.5
    - 5
    -(a)
    -(-a)
    t.a + t.b
    "a" + "B"
    A + T.B
    SUM(a)
    substring(c, 1, 2)
    substring(c from 2)
    substring(c from 2 for 3)
    trim(c)
    trim(c, 'x')
    trim(both 'x' from c)
    trim(leading from c)
    trim(trailing 'x' from c)
    position('x' in c)
    date_trunc('month', d)
    year(d)
    if(a = 1, b, e)
    round(e, 2)
    left(c, 1)
    replace(c, 'a', 'b')
    date_diff('day', d, d)
    stddev(a)
    first(a)
    string_agg(c, ',')
    current_date
    true
    null
    'it''s'
    1.50
    1e3
""".strip().splitlines()


@pytest.mark.parametrize("expression", [line.strip() for line in NAMED_ALIKE])
def test_named_as_in_duckdb(expression: str) -> None:
    sql = f"SELECT {expression} FROM t"
    content = parse_statements(sql)[0].content
    assert isinstance(content, QueryTree)
    assert output_name(content.tree.expressions[0], Scope()) == described(sql)[0][0]


def test_what_sqlglot_cannot_write_has_a_name_nevertheless() -> None:
    """It parses the arguments of quantile_disc again to write them, without knowing //."""
    (statement,) = parse_statements("SELECT EXISTS (SELECT quantile_disc(DISTINCT (a // b), 1) FILTER (WHERE p))")
    assert isinstance(statement.content, QueryTree)
    assert output_name(statement.content.tree.selects[0], Scope()) == "exists"
