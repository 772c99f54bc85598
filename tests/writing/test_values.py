"""Values of every type go into files and come back; DuckDB writes the same texts and reads the same values."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sqlengine

# Column -> two values, as both engines write them; a NULL is added.
VALUES = {
    "boolean": ("true", "false"),
    "tinyint": ("(-128)::TINYINT", "127::TINYINT"),
    "bigint": ("(-9223372036854775807)::BIGINT", "9223372036854775807"),
    "utinyint": ("0::UTINYINT", "255::UTINYINT"),
    "ubigint": ("0::UBIGINT", "18446744073709551615::UBIGINT"),
    "hugeint": ("(-1)::HUGEINT", "99999999999999999999999999999999999999::HUGEINT"),
    "decimal4": ("'-999.9'::DECIMAL(4, 1)", "'0.1'::DECIMAL(4, 1)"),
    "decimal18": ("'-999999999999999.999'::DECIMAL(18, 3)", "0::DECIMAL(18, 3)"),
    "decimal38": ("'1234567890123456789012345678.0123456789'::DECIMAL(38, 10)", "'-0.0000000001'::DECIMAL(38, 10)"),
    "float": ("0.1::FLOAT", "'-inf'::FLOAT"),
    "double": ("'nan'::DOUBLE", "5e-324::DOUBLE"),
    "varchar": ("''", "'ü😀 \"q\", ''s'' \t\\ # ' || chr(10) || chr(13)"),
    "blob": ("'\\x00\\xFFa'::BLOB", "'abc'::BLOB"),
    "date": ("DATE '0001-01-01'", "DATE '9999-12-31'"),
    "time": ("TIME '00:00:00'", "TIME '23:59:59.999999'"),
    "timetz": ("'01:02:03+05:30'::TIMETZ", "'23:59:59-12'::TIMETZ"),
    "timestamp": ("TIMESTAMP '1677-09-22 00:00:00'", "TIMESTAMP '9999-12-31 23:59:59.999999'"),
    "timestamp_s": ("'2020-01-01 01:02:03'::TIMESTAMP_S", "'1970-01-01 00:00:00'::TIMESTAMP_S"),
    "timestamp_ms": ("'2020-01-01 01:02:03.123'::TIMESTAMP_MS", "'1970-01-01 00:00:00'::TIMESTAMP_MS"),
    "timestamp_ns": ("'2020-01-01 01:02:03.123456789'::TIMESTAMP_NS", "'1970-01-01 00:00:00'::TIMESTAMP_NS"),
    "timestamptz": ("TIMESTAMPTZ '2020-01-01 01:02:03.5+02'", "TIMESTAMPTZ '1970-01-01 00:00:00+00'"),
    "uuid": ("'11111111-1111-1111-1111-11111111abcd'::UUID", "'f1111111-1111-1111-1111-111111111111'::UUID"),
    "bit": ("'101'::BIT", "'00000000'::BIT"),
    "enum": ("'a'::ENUM('b', 'a')", "'b'::ENUM('b', 'a')"),
    "json": ("'{\"a\": [1, null]}'::JSON", "'\"x\"'::JSON"),
    "list": ("[1, NULL, 3]", "[]::INTEGER[]"),
    "texts": ("['a,b', NULL, 'null', '']", "[]::VARCHAR[]"),
    "fixed": ("array_value(1, 2)", "array_value(NULL, 4)"),
    "struct": ("{'a': 1, 'b b': 'x'}", "{'a': NULL, 'b b': NULL}"),
    "map": ("MAP {'k': 1.5}", "MAP {'k': NULL::DECIMAL(2, 1)}"),
    "deep": ("[{'a': [1], 'u': '11111111-1111-1111-1111-11111111abcd'::UUID}, NULL]", "[{'a': NULL, 'u': NULL}]"),
    "map_of_json": ("MAP {'k': '[1]'::JSON}", "MAP {'k': NULL::JSON}"),
    "fixed_uuids": ("array_value('00000000-0000-0000-0000-000000000001'::UUID, NULL)", "NULL"),
    "interval": ("INTERVAL '1 year 2 months 3 days 04:05:06.7'", "INTERVAL '-1 day'"),
}


def query(names: list[str]) -> str:
    """Three rows: the values, and NULLs last."""
    columns = [
        f"CASE n WHEN 0 THEN {first} WHEN 1 THEN {second} END AS {name}_"
        for name, (first, second) in VALUES.items()
        if name in names
    ]
    return f"SELECT n, {', '.join(columns)} FROM (VALUES (0), (1), (2)) t(n) ORDER BY n"


def texts(connection: object, source: str, names: list[str]) -> list[tuple[object, ...]]:
    columns = ", ".join(f"{name}_::VARCHAR" for name in VALUES if name in names)
    result: list[tuple[object, ...]] = connection.execute(f"SELECT {columns} FROM {source} ORDER BY n").fetchall()  # type: ignore[attr-defined]
    return result


@pytest.fixture
def connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sqlengine.Connection:
    monkeypatch.chdir(tmp_path)
    return sqlengine.connect(scheduler="inline")


@pytest.fixture
def oracle() -> duckdb.DuckDBPyConnection:
    opened = duckdb.connect()
    opened.execute("SET timezone = 'UTC'")
    return opened


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_texts_are_duckdbs(connection: sqlengine.Connection, oracle: duckdb.DuckDBPyConnection, ending: str) -> None:
    sql = query(list(VALUES))
    connection.execute(f"COPY ({sql}) TO 'ours.{ending}'")
    oracle.execute(f"COPY ({sql}) TO 'theirs.{ending}'")
    assert Path(f"ours.{ending}").read_text() == Path(f"theirs.{ending}").read_text()


def test_parquet_holds_what_duckdb_reads(connection: sqlengine.Connection, oracle: duckdb.DuckDBPyConnection) -> None:
    names = [name for name in VALUES if name != "interval"]
    connection.execute(f"COPY ({query(names)}) TO 'a.parquet' (ROW_GROUP_SIZE 2)")
    expected = texts(connection, f"({query(names)})", names)
    assert texts(connection, "'a.parquet'", names) == expected
    assert texts(oracle, "'a.parquet'", names) == expected
    assert texts(oracle, f"({query(names)})", names) == expected


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_parts_hold_what_their_file_holds(
    connection: sqlengine.Connection, oracle: duckdb.DuckDBPyConnection, ending: str
) -> None:
    names = [name for name in VALUES if name != "interval"]
    for _ in range(3):
        nine = f"SELECT q.* REPLACE (n + 3 * k AS n) FROM ({query(names)}) q, range(3) r(k)"
        connection.execute(f"COPY ({nine}) TO 'source/' (FORMAT arrow, APPEND)")
    connection.set("task_rows", 1)
    # Row groups as they were, and some of one row that are encoded again.
    for number, condition in enumerate(("true", "n % 9 < 1")):
        rows = f"SELECT * FROM 'source' WHERE {condition}"
        rest = "(ROW_GROUP_SIZE 2)" if ending == "parquet" else ""
        copy = f"COPY ({rows}) TO '{number}.{ending}' {rest}"
        assert "parts by every task" in connection.execute(f"EXPLAIN {copy}").fetchall()[0][0]
        connection.execute(copy)
        connection.execute(f"COPY (FROM ({rows}) LIMIT 100) TO 'whole.{ending}'")
        if ending != "parquet":
            assert Path(f"{number}.{ending}").read_bytes() == Path(f"whole.{ending}").read_bytes()
            continue
        expected = texts(connection, f"({rows})", names)
        assert len(expected) == (27, 3)[number]
        assert texts(connection, f"'{number}.parquet'", names) == expected
        assert texts(oracle, f"'{number}.parquet'", names) == expected
        joined, whole = pq.ParquetFile(f"{number}.parquet"), pq.ParquetFile("whole.parquet")
        assert joined.schema_arrow.equals(whole.schema_arrow, check_metadata=True)
        sizes = [joined.metadata.row_group(k).num_rows for k in range(joined.num_row_groups)]
        assert sizes == ([2, 2, 2, 2, 1] * 3, [2, 1])[number]


def test_arrow_holds_everything(connection: sqlengine.Connection) -> None:
    names = list(VALUES)
    connection.execute(f"COPY ({query(names)}) TO 'a.arrow' (COMPRESSION zstd)")
    assert texts(connection, "'a.arrow'", names) == texts(connection, f"({query(names)})", names)
    with pa.memory_map("a.arrow") as file:
        written, expected = pa.ipc.open_file(file).read_all(), connection.execute(query(names)).arrow()
    # Arrow's NaN equals nothing; UUID and JSON have types of their own in files.
    for name in set(names) - {"double", "uuid", "json", "deep", "map_of_json", "fixed_uuids"}:
        assert written.column(f"{name}_").equals(expected.column(f"{name}_")), name
    assert [str(written.schema.field(f"{name}_").type) for name in ("uuid", "json")] == [
        "extension<arrow.uuid>",
        "extension<arrow.json>",
    ]


def test_types_that_come_back(connection: sqlengine.Connection) -> None:
    kept = ["boolean", "tinyint", "bigint", "ubigint", "decimal4", "decimal38", "float", "double", "blob", "date"]
    kept += ["time", "timestamp", "timestamp_ns", "timestamptz", "list", "struct", "map", "uuid", "json"]
    connection.execute(f"COPY ({query(kept)}) TO 'a.parquet'")
    connection.execute(f"COPY ({query(kept)}) TO 'a.arrow'")
    expected = connection.execute(f"DESCRIBE {query(kept)}").fetchall()
    assert connection.execute("DESCRIBE FROM 'a.parquet'").fetchall() == expected
    assert connection.execute("DESCRIBE FROM 'a.arrow'").fetchall() == expected


@pytest.mark.parametrize("ending", ["csv", "json", "json.zst", "parquet", "arrow"])
def test_tables_of_every_type_come_back(connection: sqlengine.Connection, ending: str) -> None:
    # JSON's own spaces are not values.
    changed = {"parquet": "interval", "json": "json", "json.zst": "json"}.get(ending)
    names = [name for name in VALUES if name != changed]
    options = "(NULL 'NA')" if ending == "csv" else ""
    connection.execute(f"CREATE TABLE before AS {query(names)}")
    connection.execute("CREATE TABLE after AS FROM before LIMIT 0")
    connection.execute(f"COPY before TO 'a.{ending}' {options}")
    connection.execute(f"COPY after FROM 'a.{ending}' {options}")
    assert connection.execute("DESCRIBE after").fetchall() == connection.execute("DESCRIBE before").fetchall()
    assert texts(connection, "after", names) == texts(connection, f"({query(names)})", names)


def test_hdf5_holds_numbers_and_texts(connection: sqlengine.Connection) -> None:
    sql = "SELECT range::TINYINT a, range / 3 b, range > 2 c, 'ü' || range d, (range / 7)::FLOAT e FROM range(100)"
    for rest in ("", " (COMPRESSION gzip, COMPRESSION_LEVEL 3)", " (COMPRESSION lzf)"):
        connection.execute(f"COPY ({sql}) TO 'a.h5'{rest}")
        assert connection.execute("SELECT a, b, c, d, e FROM 'a.h5'").fetchall() == connection.execute(sql).fetchall()
    connection.execute("COPY (SELECT NULL::DOUBLE a) TO 'a.h5'")
    assert str(connection.execute("SELECT a FROM 'a.h5'").fetchall()) == "[(nan,)]"


@pytest.mark.parametrize("codec", ["gzip", "zstd", "bz2", "xz", "lz4"])
def test_compressed_text_reads_back(connection: sqlengine.Connection, codec: str) -> None:
    for form in ("csv", "json"):
        connection.execute(f"COPY (SELECT range a FROM range(5000)) TO '{form}/' (FORMAT {form}, COMPRESSION {codec})")
        (name,) = os.listdir(form)
        assert name.startswith(f"data_0.{form}.")
        assert connection.execute(f"SELECT count(*), sum(a) FROM '{form}/'").fetchall() == [(5000, 12497500)]
        ending = name.removeprefix("data_0.")
        connection.execute(f"COPY (SELECT range a FROM range(5000)) TO 'a.{ending}'")
        assert Path(f"a.{ending}").read_bytes() == Path(form, name).read_bytes()
