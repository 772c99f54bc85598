"""Types of bound expressions are those DuckDB gives."""

from __future__ import annotations

import pytest

from tests.planner.binding import bind, described, types_of

EXPRESSIONS = """
    1
    2147483647
    2147483648
    -2147483648
    9223372036854775808
    1.5
    0.05
    .5
    5.
    00.50
    1e3
    -5.5
    1_000
    1234567890123456789012345678901234567.89
    'x'
    true
    NULL
    DATE '2020-01-01'
    TIMESTAMP '2020-01-01 10:00:00'
    TIME '10:00:00'
    INTERVAL 3 MONTH
    INTERVAL '1 day 2 hours'
    i1 + 1
    i1 + 1::TINYINT
    1::TINYINT + 1
    i1 + i2
    i2 * i4
    i4 - i8
    i8 + i16
    i4 + 1
    i4 + 3000000000
    i4 + 1.5
    i8 + 1.5
    i8 * 0.5
    u8 + 1
    i4 + f4
    i8 + f8
    f4 + f8
    f4 + 1
    m + 1
    m + m
    m * m
    m - m4
    m4 * m4
    m * 2
    m + f8
    m + i4
    m + i8
    1 - m
    m * (1 - m4)
    m * (1 - m4) * (1 + m4)
    i4 / i4
    m / m
    m / 2
    7 // 2
    i4 // 2
    i8 // i4
    i4 % 2
    m % 2
    f8 % 2
    i4 ^ 2
    2 ** 3
    -i1
    -m
    -f4
    -(i8)
    s || 'x'
    s || i4
    'a' || 'b'
    i4 = 1
    m > 1.5
    s = 'x'
    day >= '2020-01-01'
    moment < DATE '2020-01-01'
    day = moment
    i4 = '1'
    i4 = i8
    flag
    NOT flag
    flag AND i4 = 1
    flag OR NULL
    i4 IS NULL
    s IS NOT NULL
    flag IS TRUE
    flag IS NOT FALSE
    i4 IS DISTINCT FROM 2
    i4 BETWEEN 1 AND 2
    i4 NOT BETWEEN 1 AND 2.5
    i4 IN (1, 2)
    i4 IN (1.5, 2)
    i4 IN ('1')
    s IN ('a', 'b')
    s NOT IN ('a', NULL)
    day IN (DATE '2020-01-01', '2020-01-02')
    s LIKE 'a%'
    s NOT LIKE 'a%'
    s ILIKE 'a%'
    s LIKE 'a$%' ESCAPE '$'
    CASE WHEN flag THEN 1 ELSE 2 END
    CASE WHEN flag THEN 1 ELSE 2.5 END
    CASE WHEN flag THEN m ELSE 0 END
    CASE WHEN flag THEN i1 ELSE 1000 END
    CASE WHEN flag THEN i4 END
    CASE WHEN flag THEN i4 ELSE i8 END
    CASE WHEN flag THEN m ELSE f8 END
    CASE WHEN flag THEN m ELSE m4 END
    CASE WHEN flag THEN day ELSE moment END
    CASE WHEN flag THEN NULL ELSE 'x' END
    CASE i4 WHEN 1 THEN 'a' WHEN 2 THEN 'b' END
    CASE WHEN flag THEN day ELSE '2020-01-01' END
    if(flag, 1, 2)
    coalesce(i4, 1)
    coalesce(i4, i8)
    coalesce(m, 0)
    coalesce(s, 'x')
    ifnull(i4, 0)
    nullif(i4, 1)
    nullif(m, 0)
    i4::BIGINT
    CAST(i4 AS DECIMAL(10, 2))
    CAST(i4 AS DECIMAL)
    CAST(i4 AS DECIMAL(7))
    CAST(i4 AS NUMERIC(5, 1))
    CAST(i4 AS VARCHAR(10))
    CAST(i4 AS TEXT)
    CAST(i4 AS STRING)
    CAST(i4 AS DOUBLE)
    CAST(i4 AS REAL)
    CAST(i4 AS FLOAT)
    CAST(i4 AS FLOAT4)
    CAST(i4 AS FLOAT8)
    CAST(i4 AS HUGEINT)
    CAST(i4 AS UBIGINT)
    CAST(i4 AS UTINYINT)
    CAST(i4 AS UINTEGER)
    CAST(i4 AS USMALLINT)
    CAST(i4 AS INT1)
    CAST(i4 AS INT2)
    CAST(i4 AS INT4)
    CAST(i4 AS INT8)
    CAST(i4 AS LONG)
    CAST(i4 AS SHORT)
    CAST(i4 AS UINT8)
    CAST(i4 AS UINT16)
    CAST(i4 AS UINT32)
    CAST(i4 AS UINT64)
    CAST(i4 AS INTEGER)
    CAST(i4 AS INT)
    CAST(i4 AS SIGNED)
    CAST(i4 AS BOOL)
    CAST(i4 AS BOOLEAN)
    CAST(i4 AS LOGICAL)
    CAST(s AS BLOB)
    CAST(s AS BYTEA)
    CAST(s AS DATE)
    CAST(s AS TIME)
    CAST(s AS TIMESTAMP)
    CAST(s AS DATETIME)
    CAST(s AS TIMESTAMP_S)
    CAST(s AS TIMESTAMP_MS)
    CAST(s AS TIMESTAMP_NS)
    CAST(s AS TIMESTAMPTZ)
    CAST(s AS TIMESTAMP WITH TIME ZONE)
    CAST(s AS INTERVAL)
    CAST(s AS CHAR)
    TRY_CAST(s AS INTEGER)
    day + 1
    day - 1
    day - day
    day + INTERVAL 1 DAY
    day - INTERVAL '3' MONTH
    moment + INTERVAL 1 HOUR
    moment - moment
    moment - INTERVAL 1 DAY
    DATE '1994-01-01' + INTERVAL '1' YEAR
    extract(year FROM day)
    extract('month' FROM day)
    extract(hour FROM moment)
    extract(epoch FROM moment)
    date_part('year', day)
    date_trunc('month', day)
    date_trunc('hour', moment)
    year(day)
    month(day)
    day(moment)
    quarter(day)
    length(s)
    lower(s)
    upper(s)
    substring(s, 1, 2)
    substring(s FROM 2 FOR 3)
    trim(s)
    trim(LEADING 'x' FROM s)
    trim(s, 'xy')
    position('x' IN s)
    replace(s, 'a', 'b')
    concat(s, i4)
    left(s, 2)
    abs(i4)
    abs(m)
    round(f8, 2)
    round(m, 1)
    floor(f8)
    ceil(m)
    sqrt(i4)
    greatest(i4, i8)
    least(m, 1)
    count(*)
    count()
    count(s)
    count(DISTINCT s)
    sum(i1)
    sum(i4)
    sum(i8)
    sum(i16)
    sum(f4)
    sum(f8)
    sum(m)
    sum(m * (1 - m4))
    sum(1)
    sum(DISTINCT i4)
    sum(i4) FILTER (WHERE flag)
    avg(i4)
    avg(m)
    avg(f8)
    min(s)
    max(day)
    min(m)
    max(i1)
    max(moment)
    sum(i4) + 1
    sum(m) / 2
    sum(i4) / count(*)
    100.00 * sum(m) / sum(m)
    sum(CASE WHEN flag THEN 1 ELSE 0 END)
    any_value(s)
""".strip().splitlines()


@pytest.mark.parametrize("expression", [line.strip() for line in EXPRESSIONS])
def test_type_is_duckdbs(expression: str) -> None:
    sql = f"SELECT {expression} AS x FROM kinds"
    assert types_of(bind(sql))[0] == described(sql)[0][1]
