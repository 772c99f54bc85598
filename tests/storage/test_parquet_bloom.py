import datetime
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sqlengine
from sqlengine.storage.dataset import open_table
from sqlengine.storage.parquet_bloom import BloomFilters, xxhash64
from sqlengine.storage.table import Predicate

Write = Callable[..., str]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0xEF46DB3751D8E999),
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
        (b"as", 0x1C330FB2D66BE179),
        (b"asd", 0x631C37CE72A97393),
        (b"asdf", 0x415872F599CEA71E),
        (b"Call me Ishmael. Some years ago--never mind how long precisely-", 0x02A2E85470D6FD96),
    ],
)
def test_hash_is_xxh64(data: bytes, expected: int) -> None:
    assert xxhash64(data) == expected


KEYS = {
    "signed": pa.array(range(-4000, 4000, 8)),
    "small": pa.array(range(-4000, 4000, 8), pa.int16()),
    "unsigned": pa.array(range(2**32 - 8000, 2**32, 8), pa.uint32()),
    "text": pa.array([f"key {n} of a rather long text" for n in range(1000)]),
    "bytes": pa.array([b"\xff" + n.to_bytes(2, "big") for n in range(1000)]),
    "day": pa.array(range(0, 8000, 8), pa.date32()),
}


@pytest.mark.parametrize("name", KEYS)
def test_what_is_there_is_found_and_most_else_is_not(write_parquet: Write, name: str) -> None:
    column = KEYS[name]
    path = write_parquet(pa.table({"k": column}), bloom_filter_options={"k": {"ndv": 1000, "fpp": 0.01}})
    members = open_table(path)._split_statistics(open_table(path).plan_scan(["k"], []).tasks[0].splits[0], ["k"])
    found = members["k"].members
    assert isinstance(found, BloomFilters)
    assert all(found.may_hold(value) for value in column.to_pylist())
    if pa.types.is_integer(column.type):
        others: list[object] = [value + 1 for value in column.to_pylist()]
    elif name == "day":
        others = [value + datetime.timedelta(days=1) for value in column.to_pylist()]
    else:
        others = [value + value for value in column.to_pylist()]
    assert sum(map(found.may_hold, others)) < 60
    assert found.may_hold(1.5)


def test_filters_skip_row_groups(write_parquet: Write) -> None:
    keys = np.random.default_rng(4).permutation(40_000) * 2
    data = pa.table({"k": keys, "v": np.arange(40_000)})
    path = write_parquet(data, row_group_size=10_000, bloom_filter_options={"k": {"ndv": 10_000, "fpp": 0.001}})
    table = open_table(path)
    assert table.plan_scan(["v"], [Predicate("k", "=", (1001,))]).pruned == 4
    assert table.plan_scan(["v"], [Predicate("k", "=", (int(keys[5]),))]).pruned == 3
    assert table.plan_scan(["v"], [Predicate("k", "in", (int(keys[5]), int(keys[39_999])))]).pruned == 2
    assert table.plan_scan(["v"], [Predicate("k", "<>", (1001,))]).pruned == 0
    connection = sqlengine.connect(scheduler="inline")
    assert connection.execute(f"SELECT v FROM '{path}' WHERE k = {keys[25_000]}").fetchall() == [(25_000,)]
    assert connection.execute(f"SELECT v FROM '{path}' WHERE k = 7").fetchall() == []
    (plan,) = connection.execute(f"EXPLAIN SELECT v FROM '{path}' WHERE k = {keys[25_000]}").fetchall()
    assert "3 pruned by k = " in plan[0]


def test_duckdbs_filters(tmp_path: Path) -> None:
    path = str(tmp_path / "t.parquet")
    duckdb.sql(
        "COPY (SELECT (i * 7919) % 1000 * 2 AS k, 'name ' || (i * 31) % 500 AS s, i FROM range(200_000) t(i))"
        f" TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 50_000)"
    )
    assert pq.read_metadata(path).row_group(0).column(0).bloom_filter_offset is not None
    table = open_table(path)
    total = table.plan_scan(["i"], []).total
    assert table.plan_scan(["i"], [Predicate("k", "=", (801,))]).pruned == total
    assert table.plan_scan(["i"], [Predicate("s", "=", ("name 77x",))]).pruned == total
    connection = sqlengine.connect(scheduler="inline")
    for condition in ("k = 800", "s = 'name 77'", "k IN (801, 12)", "s = 'name 500'"):
        query = f"SELECT count(*), sum(i) FROM '{path}' WHERE {condition}"
        assert connection.execute(query).fetchall() == duckdb.sql(query).fetchall()


def test_a_filter_of_another_kind_says_nothing(write_parquet: Write) -> None:
    path = write_parquet({"k": [1, 2]}, bloom_filter_options={"k": {"ndv": 10}})
    offset = pq.read_metadata(path).row_group(0).column(0).bloom_filter_offset
    content = bytearray(Path(path).read_bytes())
    assert not BloomFilters(path, "INT64", (offset,)).may_hold(7)
    assert BloomFilters(path, "INT64", (len(content) - 3,)).may_hold(7)
    assert BloomFilters(path, "INT64", (len(content) + 9,)).may_hold(7)
    content[offset + 4] = 0x2C
    Path(path).write_bytes(content)
    assert BloomFilters(path, "INT64", (offset,)).may_hold(7)
