"""Every cast from every type to every type, over edge values, against DuckDB: the value, or that there is none."""

from __future__ import annotations

import math
from typing import Any

import duckdb
import pytest

import sqlengine

VALUES: dict[str, tuple[str, ...]] = {
    "BOOLEAN": ("true", "false"),
    "TINYINT": ("-128", "0", "127"),
    "SMALLINT": ("-32768", "300"),
    "INTEGER": ("-2147483648", "1", "70000"),
    "BIGINT": ("-9223372036854775808", "1", "5000000000"),
    "HUGEINT": ("-1", "2", "20000000000000000000"),
    "UTINYINT": ("0", "255"),
    "UINTEGER": ("0", "4294967295"),
    "UBIGINT": ("1", "18446744073709551615"),
    "UHUGEINT": ("0", "7"),
    "FLOAT": ("0.5", "-1.5", "3e38"),
    "DOUBLE": ("0.5", "2.5", "1e300", "nan", "-inf"),
    "DECIMAL(9,2)": ("1.25", "-0.01", "9999999.99"),
    "DECIMAL(38,10)": ("1.5", "-12345678901234567890.5"),
    "VARCHAR": ("", " 7 ", "true", "1.5", "2020-02-29", "10:20:30", "[1, 2]", "{a: 1}", "{1=2}", "null", "x"),
    "BLOB": ("ab", "\\x00\\xFF"),
    "DATE": ("1970-01-01", "2024-02-29"),
    "TIME": ("00:00:00", "23:59:59.999999"),
    "TIMESTAMP": ("1970-01-01 00:00:00", "2024-02-29 12:34:56.789"),
    "TIMESTAMP_S": ("2024-02-29 12:34:56",),
    "TIMESTAMP_MS": ("2024-02-29 12:34:56.789",),
    "TIMESTAMP_NS": ("2024-02-29 12:34:56.123456789",),
    "TIMESTAMPTZ": ("2024-02-29 12:34:56+00",),
    "INTERVAL": ("1 year 2 days", "-1 hour"),
    "UUID": ("550e8400-e29b-41d4-a716-446655440000",),
    "ENUM('x', '1')": ("x", "1"),
    "JSON": ("1", '"x"', "[1, 2]", '{"a": 1}', "null", "true"),
    "INTEGER[]": ("[1, NULL, 300]", "[]"),
    "VARCHAR[]": ("[1, x]", "[null]"),
    "INTEGER[2]": ("[1, 2]",),
    "STRUCT(a INTEGER, b VARCHAR)": ("{a: 1, b: x}", "{a: NULL}"),
    "STRUCT(a VARCHAR)": ("{a: 5}",),
    "MAP(VARCHAR, INTEGER)": ("{a=1}", "{}"),
}
# Where we differ, knowingly: UHUGEINT ends at 10**38, and some conversions are refused, or allowed, that are not there.
KNOWN = {
    ("UHUGEINT", "UUID"),
    ("UUID", "UHUGEINT"),
    ("FLOAT", "UHUGEINT"),
    ("TIMESTAMP_NS", "TIMESTAMP_S"),
    ("JSON", "INTERVAL"),
    ("JSON", "ENUM('x', '1')"),
    ("STRUCT(a INTEGER, b VARCHAR)", "MAP(VARCHAR, INTEGER)"),
    ("STRUCT(a VARCHAR)", "MAP(VARCHAR, INTEGER)"),
}


def literal(value: str, source: str) -> str:
    text = "'" + value.replace("'", "''") + "'"
    return text if source == "VARCHAR" else f"{text}::{source}"


def answer(connection: Any, sql: str) -> Any:
    try:
        return shown(connection.execute(sql).fetchall()[0][0])
    except (duckdb.Error, sqlengine.Error):
        return "error"
    except UnicodeDecodeError:
        # DuckDB's message shows the bytes at fault.
        assert isinstance(connection, duckdb.DuckDBPyConnection)
        return "error"


def shown(value: Any) -> Any:
    if isinstance(value, float):
        return "nan" if math.isnan(value) else float(f"{value:.12g}")
    return repr(value)


@pytest.fixture(scope="module")
def connections() -> Any:
    with duckdb.connect() as oracle, sqlengine.connect(scheduler="inline") as ours:
        oracle.execute("SET TimeZone = 'UTC'")
        yield oracle, ours


@pytest.mark.parametrize("source", VALUES)
def test_casts_agree(source: str, connections: Any) -> None:
    oracle, ours = connections
    different = []
    for value in (*VALUES[source], None):
        operand = f"NULL::{source}" if value is None else literal(value, source)
        for target in VALUES:
            for cast in ("CAST", "TRY_CAST"):
                # DuckDB hands such moments to Python only where pytz is installed.
                as_text = "::VARCHAR" if target == "TIMESTAMPTZ" else ""
                sql = f"SELECT {cast}({operand} AS {target}){as_text}"
                expected, got = answer(oracle, sql), answer(ours, sql)
                if expected != got and (source, target) not in KNOWN:
                    different.append(f"{sql}: {got}, DuckDB {expected}")
                if got != "error":
                    # TRY_CAST matters where CAST fails.
                    break
    assert not different, "\n".join(different)
