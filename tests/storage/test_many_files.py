"""Files of one table whose columns differ: what DuckDB answers, or a refusal; never a changed value."""

import datetime
import itertools
import pickle
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sqlengine
from sqlengine.errors import BindError, ConversionError, FileFormatError
from sqlengine.storage import parquet_footer
from sqlengine.storage.dataset import open_table
from sqlengine.storage.table import Predicate
from tests.storage.support import count, scan, types

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


def test_where_a_row_lies_is_known_without_asking(write_parquet: Write, tmp_path: Path) -> None:
    for year, rows in ((2019, 3), (2020, 5)):
        write_parquet({"a": list(range(rows)), "b": ["x"] * rows}, f"year={year}/part.parquet", row_group_size=2)
    connection = sqlengine.connect(scheduler="inline")
    scanned = f"FROM '{tmp_path}/*/*.parquet'"
    for query in (
        f"SELECT filename, file_index, file_row_number, a {scanned}",
        f"SELECT t.file_row_number, year {scanned} t WHERE a >= 4 OR t.filename LIKE '%2019%'",
        f"SELECT max(file_row_number), count(*), filename {scanned} WHERE file_index = 1 GROUP BY filename",
        f"SELECT * FROM read_parquet('{tmp_path}/*/*.parquet', filename = true, file_row_number = true)",
        f"SELECT * FROM read_parquet('{tmp_path}/*/*.parquet', filename = 'where') WHERE \"where\" LIKE '%2020%'",
        f"SELECT * {scanned} WHERE filename < '{tmp_path}/year=2020'",
        f"SELECT x.filename, y.a {scanned} AS x JOIN '{tmp_path}/*/*.parquet' AS y USING (filename, a)",
    ):
        assert sorted(connection.execute(query).fetchall(), key=str) == sorted(duckdb.sql(query).fetchall(), key=str)
    for query in (
        f"SELECT filename FROM (SELECT * {scanned})",
        f"SELECT filename, name FROM read_parquet('{tmp_path}/*/*.parquet', filename = 'name')",
    ):
        with pytest.raises(duckdb.BinderException):
            duckdb.sql(query)
        with pytest.raises(BindError):
            connection.execute(query)
    plan = open_table(str(tmp_path)).plan_scan(["a"], [Predicate("filename", "=", ("elsewhere",))])
    assert (plan.total, plan.pruned, plan.pruned_by) == (2, 2, "filename = elsewhere")


def test_file_names_are_shown_as_they_were_given(
    write_parquet: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_parquet({"a": [1]}, "d/t.parquet")
    monkeypatch.chdir(tmp_path)
    connection = sqlengine.connect(scheduler="inline")
    for given in ("d/t.parquet", "d/*.parquet", "./d/t.parquet", "./d/*.parquet", "*/t.parquet", "d//t.parquet"):
        query = f"SELECT filename FROM '{given}'"
        assert connection.execute(query).fetchall() == duckdb.sql(query).fetchall(), given
    assert connection.execute("SELECT filename FROM 'd'").fetchall() == [("d/t.parquet",)]


def test_a_column_called_filename_is_the_column(write_parquet: Write) -> None:
    query = f"SELECT filename FROM '{write_parquet({'filename': [1]})}'"
    assert sqlengine.connect(scheduler="inline").execute(query).fetchall() == duckdb.sql(query).fetchall() == [(1,)]


def test_small_files_share_tasks_and_batches(write_parquet: Write, tmp_path: Path) -> None:
    for number in range(300):
        codes = ["x", "y"] * 3
        text = pa.array(codes if number % 2 else [f"long text number {number} {k}" for k in range(6)])
        write_parquet(pa.table({"a": [number] * 6, "s": text}), f"{number:03}.parquet")
    table = open_table(str(tmp_path))
    plan = table.plan_scan(["a"], [])
    assert len(plan.tasks) < 20
    assert len(pickle.dumps(table)) < 10_000
    batches = [list(table.read(task, ["a", "s", "filename"], 65_536)) for task in plan.tasks]
    assert {len(of_task) for of_task in batches} == {1}
    assert sum(batch.num_rows for (batch,) in batches) == 1800
    assert [a for a, _ in scan(table, ["a", "s"], batch_rows=100)] == [n for n in range(300) for _ in range(6)]
    assert scan(table, ["s"])[:7] == [(f"long text number 0 {k}",) for k in range(6)] + [("x",)]


@pytest.fixture(scope="module")
def three_hundred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More files than of which all footers are read before a query."""
    folder = tmp_path_factory.mktemp("many")
    pq.write_table(pa.table({"a": [0, 1], "b": ["x", "y"]}), folder / "000.parquet", row_group_size=1)
    for number in range(1, 300):
        (folder / f"{number:03}.parquet").write_bytes((folder / "000.parquet").read_bytes())
    return folder


def test_footers_of_many_files_are_read_with_their_rows(three_hundred: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    keep = parquet_footer._kept
    monkeypatch.setattr(parquet_footer, "_kept", lambda file, *rest: (read.append(file), keep(file, *rest))[1])
    table = open_table(str(three_hundred))
    plan = table.plan_scan(["a"], [])
    assert (len(read), plan.total, table.row_count()) == (64, 300, 600)
    assert count(table) == 600
    assert len(set(read)) == 300
    assert scan(table, ["file_row_number", "b"])[-2:] == [(0, "x"), (1, "y")]
    pruned = table.plan_scan(["a"], [Predicate("a", ">", (1,))])
    assert (pruned.total, pruned.pruned) == (300, 300)
    assert table.statistics("a").maximum is None


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [2**40], "c": [1]}, r"column 'b' is in '.*000\.parquet' but not in '.*/151\.parquet'; union_by_name"),
        ({"a": [0.5], "b": ["z"]}, r"column 'a' is DOUBLE in '.*/151\.parquet' but BIGINT in others.*union_by_name"),
    ],
)
def test_an_odd_one_among_many_is_named(three_hundred: Path, columns: dict[str, list[object]], message: str) -> None:
    odd = three_hundred / "151.parquet"
    whole = odd.read_bytes()
    pq.write_table(pa.table(columns), odd)
    try:
        with pytest.raises(FileFormatError, match=message):
            scan(open_table(str(three_hundred)), ["a", "b"])
        rows = scan(open_table(str(three_hundred), options={"union_by_name": True}), ["a", "b"])
        assert len(rows) == 599
        assert rows[302] == (columns["a"][0], columns.get("b", [None])[0])
    finally:
        odd.write_bytes(whole)


def test_estimated_rows_prune_nothing_that_has_values(write_parquet: Write, tmp_path: Path) -> None:
    for number in range(300):
        rows = 1 if number != 150 else 400
        columns = {"few": [*[None] * (rows - 1), 7], "none": pa.nulls(rows, pa.int64()), "all": [7] * rows}
        write_parquet(columns, f"{number:03}.parquet")
    connection = sqlengine.connect(scheduler="inline")
    for condition in ("few = 7", "few IS NULL", "few IS NOT NULL", "none IS NULL", "none = 7", '"all" IS NULL'):
        query = f"SELECT count(*), count(few) FROM '{tmp_path}/*.parquet' WHERE {condition}"
        assert connection.execute(query).fetchall() == duckdb.sql(query).fetchall(), condition


def test_small_csv_files_are_read_together_and_told_apart(tmp_path: Path) -> None:
    ends = ["\n", "", "\r\n", "\n\n"]
    for number in range(40):
        folder = tmp_path / f"k={number // 10}"
        folder.mkdir(exist_ok=True)
        text = "" if number % 13 == 5 else f"{number},{chr(34)}x,{number}{chr(34)}{ends[number % 4]}"
        (folder / f"{number:02}.csv").write_text(f"n,s\n{text}")
    run = sqlengine.connect(scheduler="inline").execute
    expected = [(number, f"x,{number}", number // 10, f"{number:02}.csv") for number in range(40) if number % 13 != 5]
    sql = f"SELECT n, s, k, parse_filename(filename) FROM '{tmp_path}/**' ORDER BY n"
    assert run(sql).fetchall() == expected
    assert run(f"SELECT k, sum(n) FROM '{tmp_path}/**' GROUP BY k ORDER BY k").fetchall() == [
        (k, sum(row[0] for row in expected if row[2] == k)) for k in range(4)
    ]
    assert run(f"SELECT count(*) FROM '{tmp_path}/**'").fetchall() == [(len(expected),)]
    types = "types = {'n': 'INTEGER', 's': 'VARCHAR'}"
    # What does not fit is found in its file, and only there.
    (tmp_path / "k=2/25.csv").write_text("n,s\n25,x\noops,y\n")
    with pytest.raises(ConversionError, match=r"25\.csv', line 3, column 'n': 'oops' is not a INTEGER"):
        run(f"SELECT sum(n) FROM read_csv('{tmp_path}/**', {types})").fetchall()
    skipped = run(f"SELECT count(*) FROM read_csv('{tmp_path}/**', {types}, ignore_errors = true)").fetchall()
    assert skipped == [(len(expected),)]
    # A quote that is left open does not reach into the next file.
    (tmp_path / "k=2/25.csv").write_text('n,s\n25,"x\n')
    with pytest.raises(FileFormatError, match=r"25\.csv', line 2: a quote is opened and never closed"):
        run(f"SELECT count(*) FROM read_csv('{tmp_path}/**', {types})").fetchall()
