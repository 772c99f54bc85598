import datetime
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from sqlengine.errors import FileFormatError
from sqlengine.storage.dataset import open_table
from sqlengine.storage.table import Predicate
from tests.storage.support import count, scan, types

Write = Callable[..., str]


@pytest.mark.parametrize(
    "values",
    [
        ["1", "2"],
        ["-5", "0"],
        ["01", "12"],
        ["1", "x"],
        ["1.5", "2"],
        ["2020-01-01", "2020-01-02"],
        ["2020-02-30", "2020-01-02"],
        ["2020-01-01", "5"],
        ["2020-01-01 10:00:00", "2021-01-01 00:00:00"],
        ["__HIVE_DEFAULT_PARTITION__", "3"],
        ["__HIVE_DEFAULT_PARTITION__"],
        ["__HIVE_DEFAULT_PARTITION__", "%5F_HIVE_DEFAULT_PARTITION__"],
        ["a%20b", "c+d"],
        ["true"],
        ["99999999999999999999"],
    ],
)
def test_types_and_values_are_duckdbs(write_parquet: Write, tmp_path: Path, values: list[str]) -> None:
    for number, value in enumerate(values):
        write_parquet({"a": [number]}, f"k={value}/x.parquet")
    table = open_table(str(tmp_path))
    with duckdb.connect() as connection:
        relation = connection.sql(f"SELECT * FROM read_parquet('{tmp_path}/**/*.parquet') ORDER BY a")
        expected_types = {name: str(type_) for name, type_ in zip(relation.columns, relation.types, strict=True)}
        assert types(table) == expected_types
        assert sorted(scan(table)) == relation.fetchall()


def test_partition_columns_come_last_and_prune_before_opening(write_parquet: Write, tmp_path: Path) -> None:
    for year in (2014, 2015):
        for month in (1, 2):
            write_parquet({"v": [year * 100 + month] * 3}, f"year={year}/month={month}/x.parquet")
    table = open_table(str(tmp_path))
    assert types(table) == {"v": "BIGINT", "year": "BIGINT", "month": "BIGINT"}
    plan = table.plan_scan(["v"], [Predicate("year", "=", (2015,)), Predicate("month", "<", (2,))])
    assert (plan.total, plan.pruned, plan.pruned_by) == (4, 3, "year = 2015, month < 2")
    assert "year=2015/month=1" in plan.tasks[0].splits[0].path
    assert scan(table, ["month", "v"])[:4] == [(1, 201401)] * 3 + [(2, 201402)]
    assert scan(table, ["year"])[-1] == (2015,)
    assert count(table) == 12
    assert (table.statistics("year").minimum, table.statistics("year").maximum) == (2014, 2015)


def test_null_partition_is_pruned_like_null(write_parquet: Write, tmp_path: Path) -> None:
    write_parquet({"a": [1]}, "k=__HIVE_DEFAULT_PARTITION__/x.parquet")
    write_parquet({"a": [2]}, "k=3/x.parquet")
    table = open_table(str(tmp_path))
    assert table.plan_scan(["a"], [Predicate("k", "is_null")]).pruned == 1
    assert table.plan_scan(["a"], [Predicate("k", "<>", (5,))]).pruned == 1


def test_partition_value_wins_over_a_column_of_the_file(write_parquet: Write, tmp_path: Path) -> None:
    write_parquet({"a": [1], "k": [9], "z": [3]}, "K=1/x.parquet")
    table = open_table(str(tmp_path))
    with duckdb.connect() as connection:
        relation = connection.sql(f"FROM read_parquet('{tmp_path}/**/*.parquet')")
        assert list(types(table)) == relation.columns
        assert scan(table) == relation.fetchall() == [(1, 1, 3)]
    assert open_table(str(tmp_path), options={"hive_partitioning": False}).statistics("k").minimum == 9


def test_files_outside_partitions(write_parquet: Write, tmp_path: Path) -> None:
    write_parquet({"a": [1]}, "k=1/x.parquet")
    write_parquet({"a": [2]}, "x.parquet")
    assert types(open_table(str(tmp_path))) == {"a": "BIGINT"}
    with pytest.raises(FileFormatError, match=r"every file needs the same keys"):
        open_table(str(tmp_path), options={"hive_partitioning": True})


def test_autocast_can_be_turned_off_and_filename_added(write_parquet: Write, tmp_path: Path) -> None:
    path = write_parquet({"a": [1]}, "k=1/x.parquet")
    table = open_table(str(tmp_path), options={"hive_types_autocast": False, "filename": True})
    assert types(table) == {"a": "BIGINT", "filename": "VARCHAR", "k": "VARCHAR"}
    assert scan(table) == [(1, path, "1")]


def test_csv_partitions(write_csv: Write, tmp_path: Path) -> None:
    write_csv("a\n1\n", "day=2020-01-01/x.csv")
    write_csv("a\n2\n", "day=2020-01-02/x.csv")
    table = open_table(str(tmp_path))
    assert scan(table) == [(1, datetime.date(2020, 1, 1)), (2, datetime.date(2020, 1, 2))]
    assert table.description == "csv, 2 files by day"


def test_a_list_of_sources_keeps_its_order_and_drops_repeats(write_parquet: Write) -> None:
    first, second = write_parquet({"a": [1]}, "1.parquet"), write_parquet({"a": [2]}, "2.parquet")
    assert scan(open_table([second, first, second])) == [(2,), (1,)]
