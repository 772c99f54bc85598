"""Files of one table whose columns differ: what DuckDB answers, or a refusal; never a changed value."""

import datetime
import itertools
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

import sqlengine
from sqlengine.errors import FileFormatError
from sqlengine.storage.dataset import open_table
from sqlengine.storage.table import Predicate
from tests.storage.support import scan, types

Write = Callable[..., str]

VALUES = {
    "int32": pa.array([1, None], pa.int32()),
    "int64": pa.array([2**53 + 1, -1], pa.int64()),
    "uint8": pa.array([200, 0], pa.uint8()),
    "uint64": pa.array([2**64 - 1, 0], pa.uint64()),
    "float32": pa.array([1.5, 0.1], pa.float32()),
    "float64": pa.array([1.5, 1e300]),
    "decimal": pa.array([Decimal("1.50"), None], pa.decimal128(9, 2)),
    "wide decimal": pa.array([Decimal("-1.0000"), None], pa.decimal128(38, 4)),
    "bool": pa.array([True, None]),
    "text": pa.array(["x", None]),
    "bytes": pa.array([b"x", None]),
    "date": pa.array([datetime.date(2020, 1, 1), None]),
    "timestamp": pa.array([1, -1], pa.timestamp("us")),
    "nanoseconds": pa.array([1000, -1000], pa.timestamp("ns")),
    "time": pa.array([1, None], pa.time64("us")),
    "ints": pa.array([[1], None], pa.list_(pa.int32())),
    "floats": pa.array([[1.5, None], []]),
    "struct": pa.array([{"x": 1}, None]),
    "other struct": pa.array([{"y": "a", "x": 1.5}, None]),
}


FAMILIES = (
    {"int32", "int64", "uint8", "uint64", "float32", "float64", "decimal", "wide decimal"},
    {"date", "timestamp", "nanoseconds"},
    {"ints", "floats"},
    {"struct", "other struct"},
)


@pytest.mark.parametrize("first", VALUES)
def test_types_widen_as_in_duckdb_or_are_refused(write_parquet: Write, first: str) -> None:
    one = write_parquet({"c": VALUES[first]}, "1.parquet")
    connection = sqlengine.connect(scheduler="inline")
    for second in VALUES:
        paths = [one, write_parquet({"c": VALUES[second]}, f"{second}.parquet")]
        query = f"FROM read_parquet({paths}, union_by_name = true)"
        if first == second or any({first, second} <= family for family in FAMILIES):
            assert connection.execute(query).fetchall() == duckdb.sql(query).fetchall(), (first, second)
        else:
            with pytest.raises(FileFormatError, match=rf"1\.parquet' but .*{second}\.parquet'"):
                connection.execute(query)


def test_the_first_file_names_the_columns(write_parquet: Write) -> None:
    one = write_parquet({"a": [1], "b": ["x"]}, "1.parquet")
    two = write_parquet({"B": ["y"], "extra": [0], "a": [2]}, "2.parquet")
    assert scan(open_table([one, two])) == duckdb.sql(f"FROM read_parquet({[one, two]})").fetchall()
    with pytest.raises(
        FileFormatError, match=r"'extra' is in '.*2\.parquet' but not in '.*1\.parquet'; union_by_name = true"
    ):
        open_table([two, one])


def test_types_widen_without_union_by_name(write_parquet: Write) -> None:
    paths = [
        write_parquet({"a": column}, f"{number}.parquet")
        for number, column in enumerate([pa.nulls(1), pa.array([1], pa.int16()), pa.array([2**40]), pa.array([0.5])])
    ]
    assert scan(open_table(paths[:3])) == [(None,), (1,), (2**40,)]
    for order in itertools.permutations(paths):
        table = open_table(order)
        assert types(table) == {"a": "DOUBLE"}
        assert sorted(scan(table), key=str) == [(0.5,), (1.0,), (1099511627776.0,), (None,)]


def test_missing_and_widened_columns_prune(write_parquet: Write) -> None:
    one = write_parquet({"a": [1, 2]}, "1.parquet")
    two = write_parquet({"a": [7.5], "b": [datetime.date(2020, 1, 1)]}, "2.parquet")
    three = write_parquet({"a": [9.5], "B": [datetime.datetime(2021, 1, 1)]}, "3.parquet")
    table = open_table([one, two, three], options={"union_by_name": True})
    assert types(table) == {"a": "DOUBLE", "b": "TIMESTAMP"}

    def kept(*predicates: Predicate) -> list[str]:
        plan = table.plan_scan(["a"], predicates)
        return [split.path for task in plan.tasks for split in task.splits]

    assert kept(Predicate("b", "is_not_null")) == [two, three]
    assert kept(Predicate("b", "<", (datetime.datetime(2020, 6, 1),))) == [two]
    assert kept(Predicate("a", "<=", (2.0,))) == [one]
    assert kept(Predicate("b", "is_null")) == [one]
    statistics = table.statistics("b")
    assert (statistics.minimum, statistics.maximum, statistics.nulls) == (
        datetime.datetime(2020, 1, 1),
        datetime.datetime(2021, 1, 1),
        2,
    )


def test_types_with_nothing_in_common_name_both_files(write_parquet: Write, tmp_path: Path) -> None:
    write_parquet({"k": [1], "v": [1]}, "1.parquet")
    write_parquet({"k": [1], "v": ["x"]}, "2.parquet")
    with pytest.raises(FileFormatError, match=r"column 'v' is BIGINT in '.*1\.parquet' but VARCHAR in '.*2\.parquet'"):
        open_table(str(tmp_path))
