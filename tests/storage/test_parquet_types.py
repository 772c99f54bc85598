"""Every encoding, codec and type of Parquet, read as DuckDB reads it."""

import pickle
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sqlengine
from sqlengine.errors import NotSupportedError
from sqlengine.storage.dataset import open_table
from sqlengine.storage.filesystem import file_info
from sqlengine.storage.parquet_footer import load_footer
from sqlengine.storage.type_names import parse_nested_type_name
from tests.storage.support import scan, types

Write = Callable[..., str]
ROWS = 50
DECIMALS = [Decimal("1.50"), None, Decimal("-2.25")] * ROWS
COLUMNS = {
    "int32": pa.array([1, None, -3] * ROWS, pa.int32()),
    "int64": pa.array([1, None, 2**40] * ROWS),
    "float": pa.array([1.5, None, 2.5] * ROWS, pa.float32()),
    "double": pa.array([1.5, None, -2.5] * ROWS),
    "text": pa.array(["a", None, "bbb"] * ROWS),
    "bool": pa.array([True, None, False] * ROWS),
    "fixed": pa.array([b"abc", None, b"def"] * ROWS, pa.binary(3)),
    **{f"decimal{digits}": pa.array(DECIMALS, pa.decimal128(digits, 2)) for digits in (9, 18, 38)},
}
ENCODINGS = {
    "int32": ("PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"),
    "int64": ("PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"),
    "float": ("PLAIN", "BYTE_STREAM_SPLIT"),
    "double": ("PLAIN", "BYTE_STREAM_SPLIT"),
    "text": ("PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"),
    "bool": ("PLAIN", "RLE"),
    "fixed": ("PLAIN", "BYTE_STREAM_SPLIT", "DELTA_BYTE_ARRAY"),
    "decimal9": ("PLAIN", "BYTE_STREAM_SPLIT", "DELTA_BYTE_ARRAY"),
}


def same_as_duckdb(query: str) -> None:
    ours = sqlengine.connect(scheduler="inline").execute(query)
    theirs = duckdb.sql(query)
    assert [each[1].replace('"', "") for each in ours.description] == [str(t).replace('"', "") for t in theirs.types]
    assert ours.fetchall() == theirs.fetchall()


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", ["NONE", "SNAPPY", "GZIP", "BROTLI", "ZSTD", "LZ4"])
def test_codecs_and_pages(write_parquet: Write, codec: str, version: str) -> None:
    options = {"compression": codec, "data_page_version": version, "store_decimal_as_integer": version == "2.0"}
    same_as_duckdb(f"FROM '{write_parquet(pa.table(COLUMNS), dictionary_pagesize_limit=8, **options)}'")


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("name", ENCODINGS)
def test_encodings(write_parquet: Write, name: str, version: str) -> None:
    for encoding in ENCODINGS[name]:
        options = {"use_dictionary": False, "column_encoding": encoding, "data_page_version": version}
        path = write_parquet(pa.table({"c": COLUMNS[name]}), **options)
        assert [value for (value,) in scan(open_table(path), batch_rows=64)] == COLUMNS[name].to_pylist()


NESTED = {
    "lists": pa.array([[[[1], None], None], None, [], [[[]]]], pa.list_(pa.list_(pa.list_(pa.int64())))),
    "structs": pa.array([{"a": {"b": {"c": 1}}}, None, {"a": None}, {"a": {"b": None}}]),
    "both": pa.array([[{"x": [1, None], "y": "z"}, None], None, [], [{"x": None, "y": None}]]),
    "map": pa.array(
        [[("k", [{"x": 1, "y": [None, "z"]}, None])], None, [], [("q", None)]],
        pa.map_(pa.string(), pa.list_(pa.struct([("x", pa.int32()), ("y", pa.list_(pa.string()))]))),
    ),
    "times": pa.array([[1, None], None, [], [2]], pa.list_(pa.timestamp("ms"))),
    "array": pa.array([[1, 2], None, [3, None], [4, 5]], pa.list_(pa.int8(), 2)),
}


@pytest.mark.parametrize("name", NESTED)
def test_nested_values(write_parquet: Write, name: str) -> None:
    for compliant in (True, False):
        same_as_duckdb(f"FROM '{write_parquet({'n': NESTED[name]}, use_compliant_nested_type=compliant)}'")


def test_logical_types(write_parquet: Write) -> None:
    data = {
        "u": pa.array([b"0" * 16, None], pa.uuid()),
        "j": pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a":1}', None])),
        "h": pa.array(np.array([1.5, -0.5], np.float16)),
        "ms": pa.array([1, None], pa.timestamp("ms")),
        "ns": pa.array([1000, None], pa.timestamp("ns")),
        "t": pa.array([1, None], pa.time32("ms")),
        "n": pa.nulls(2),
        "codes": pa.array(["x", None]).dictionary_encode(),
        "large": pa.array([["x"], None], pa.large_list(pa.large_string())),
        **{
            str(kind): pa.array([0, 100], kind)
            for kind in (pa.int8(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())
        },
    }
    same_as_duckdb(f"FROM '{write_parquet(data)}'")
    for times in ({"use_deprecated_int96_timestamps": True}, {"coerce_timestamps": "us"}):
        same_as_duckdb(f"FROM '{write_parquet({'ns': data['ns']}, **times)}'")


def test_types_of_duckdbs_files(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    duckdb.sql(
        "COPY (SELECT [uuid()] AS u, [{'a': '{}'::JSON}] AS j, 'b'::ENUM ('a', 'b') AS e, [1, 2]::INT[2] AS a,"
        " CASE WHEN i % 2 = 1 THEN INTERVAL (i) DAY + INTERVAL 3 MONTH + INTERVAL 5 MILLISECOND END AS v,"
        f" i::UHUGEINT AS h, map {{'k': i}} AS m, 'x'::BLOB AS b FROM range(5) t(i)) TO '{path}' (FORMAT parquet)"
    )
    same_as_duckdb(f"FROM '{path}'")
    same_as_duckdb(f"SELECT v FROM '{path}' WHERE h > 2")


def test_bytes_as_text(write_parquet: Write) -> None:
    path = write_parquet({"b": pa.array([b"x", None]), "f": pa.array([b"ab", None], pa.binary(2)), "t": ["y", None]})
    same_as_duckdb(f"FROM read_parquet('{path}', binary_as_string = true)")
    same_as_duckdb(f"FROM read_parquet('{path}', binary_as_string = 0)")


def test_empty_files(write_parquet: Write, tmp_path: Path) -> None:
    same_as_duckdb(f"FROM '{write_parquet(pa.table(COLUMNS).slice(0, 0))}'")
    pq.ParquetWriter(tmp_path / "none.parquet", pa.table(COLUMNS).schema).close()
    same_as_duckdb(f"FROM '{tmp_path}/none.parquet'")
    same_as_duckdb(f"SELECT count(*) FROM '{tmp_path}/*.parquet'")


def test_what_is_refused_is_refused_by_name(write_parquet: Write) -> None:
    path = write_parquet({"a": [1], "t": pa.array([1], pa.time64("us"))}, write_time_adjusted_to_utc=True)
    assert types(open_table(path))["a"] == "BIGINT"
    assert scan(open_table(path), ["a"]) == [(1,)]
    with pytest.raises(NotSupportedError, match=r"column 't' .*TIME WITH TIME ZONE"):
        scan(open_table(path), ["t"])


def test_encrypted_files_are_refused(write_parquet: Write) -> None:
    path = Path(write_parquet({"a": [1]}))
    path.write_bytes(path.read_bytes()[:-4] + b"PARE")
    with pytest.raises(NotSupportedError, match="encrypted"):
        open_table(str(path))


def test_types_of_partitions_can_be_given(write_parquet: Write, tmp_path: Path) -> None:
    for year in (1999, 2000):
        write_parquet({"a": [year]}, f"year={year}/k=x/t.parquet")
    given = f"FROM read_parquet('{tmp_path}/**/*.parquet', hive_types"
    for kind in ("SMALLINT", "VARCHAR", "'UINTEGER'"):
        same_as_duckdb(f"{given} = {{'year': {kind}}}) ORDER BY ALL")
    same_as_duckdb(f"{given}_autocast = 0) ORDER BY ALL")
    connection = sqlengine.connect(scheduler="inline")
    for kind, message in (("TINYINT", "year=1999 is no TINYINT"), ("DOUBLE", "not DOUBLE"), ("INT, b: INT", "'b'")):
        with pytest.raises(sqlengine.Error, match=message):
            connection.execute(f"{given} = {{year: {kind}}})")


def test_files_whose_innermost_names_alone_are_the_same(write_parquet: Write) -> None:
    struct = pa.array([{"v": 1}, {"v": 2}])
    for name, column in (("x", struct), ("y", struct), ("v", pa.array([3, 4])), ("z", pa.array([[{"v": 5}], []]))):
        same_as_duckdb(f"FROM '{write_parquet(pa.table({name: column}), f'{name}.parquet')}'")


def test_only_the_fields_asked_for_are_read(write_parquet: Write) -> None:
    rows = [
        {"i": k, "s": {"a": k, "b": {"c": [k], "d": str(k)}}, "l": [{"x": k, "y": [{"u": k}]}, None]} for k in range(9)
    ]
    path = write_parquet(pa.Table.from_pylist(rows), "whole.parquet")
    table = open_table(path)
    narrow = {"s": "STRUCT(b STRUCT(d VARCHAR))", "l": "STRUCT(y STRUCT(u BIGINT)[])[]"}
    narrowed = table.narrowed({name: parse_nested_type_name(text) for name, text in narrow.items()})
    assert narrowed is not None
    assert types(narrowed) == {"i": "BIGINT", **narrow}
    assert {field.name: str(field.type) for field in narrowed.whole_fields} == types(table)
    expected = [({"b": {"d": row["s"]["b"]["d"]}}, [{"y": row["l"][0]["y"]}, None]) for row in rows]
    assert scan(narrowed, ["s", "l"]) == expected
    assert pickle.loads(pickle.dumps(narrowed)) == narrowed != table
    footer = load_footer(file_info(path))
    assert footer.stored(narrowed.fields) == {"i": (0,), "s": (3,), "l": (5,)}


def test_fields_that_not_all_files_have(write_parquet: Write) -> None:
    for name, struct in (("one", {"a": 1, "b": "x"}), ("two", {"b": "y", "c": 2.5}), ("three", {"d": [1]})):
        path = write_parquet(pa.table({"s": pa.array([struct, None])}), f"{name}.parquet")
    folder = Path(path).parent
    for query in ("s.a", "s.c, s.b", "s IS NULL", "s.d[1], s.a"):
        same_as_duckdb(f"SELECT {query} FROM read_parquet('{folder}/*.parquet', union_by_name = true) ORDER BY ALL")


def test_columns_of_one_name(write_parquet: Write) -> None:
    names = ["a", "s", "A", "s.x", "a"]
    values = ["p", "q"] * ROWS
    columns = [values, [{"x": 1, "y": [2]}, None] * ROWS, [5, None] * ROWS, [7, 8] * ROWS, values]
    path = write_parquet(pa.table([pa.array(column) for column in columns], names=names))
    for query in ("*", "a_2, a, A_1", '"s.x", s.x, s.y', "count(A_1)"):
        same_as_duckdb(f"SELECT {query} FROM '{path}'")
