"""Partitions that a filter rules out are not listed, whatever stands in WHERE and however values are written."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sqlengine
from sqlengine.storage.hive import FolderFilter
from sqlengine.storage.table import Predicate

YEARS = range(1974, 2001)


def write(root: Path, *places: str) -> None:
    for number, place in enumerate(places):
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"v,name\n{number},{place.rpartition('/')[0]}\n")


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the folders that are listed."""
    found: list[str] = []
    scandir = os.scandir

    def counting(folder: str) -> os.ScandirIterator[str]:
        if os.fspath(folder).startswith(str(tmp_path)):
            found.append(os.path.basename(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", counting)
    return found


def run(sql: str, *parameters: object) -> list[tuple[object, ...]]:
    return sqlengine.connect(scheduler="inline").execute(sql, parameters or None).fetchall()


@pytest.fixture
def survey(tmp_path: Path) -> str:
    write(tmp_path, *(f"year={year}/{part}.csv" for year in YEARS for part in "ab"))
    return str(tmp_path)


@pytest.mark.parametrize("source", ["{}", "{}/**", "{}/*/*.csv", "{}/year=*/*.csv", "{}/**/b.csv"])
def test_other_folders_are_not_listed(survey: str, listed: list[str], source: str) -> None:
    path = source.format(survey)
    (answer,) = run(f"SELECT count(*) FROM '{path}' WHERE year = 1990 AND v >= 0")
    assert answer == (1 if "b.csv" in source else 2,)
    # The first one tells the columns.
    assert listed == [os.path.basename(survey), "year=1974", "year=1990"]
    plan = str(run(f"EXPLAIN SELECT count(*) FROM '{path}' WHERE year = 1990"))
    assert "by year, 25 folders not listed" in plan


@pytest.mark.parametrize(
    ("condition", "years"),
    [
        ("year IN (1980, 1990 + 1)", [1980, 1991]),
        ("t.year BETWEEN 1989 AND 1990", [1989, 1990]),
        ("year > 1998 AND 1999 >= year", [1999]),
        ("(year = '1995')", [1995]),
        ("year = 1900", []),
        ("year IS NULL", []),
    ],
)
def test_conditions(survey: str, listed: list[str], condition: str, years: list[int]) -> None:
    assert run(f"SELECT DISTINCT year FROM read_csv('{survey}/**') t WHERE {condition} ORDER BY 1") == [
        (year,) for year in years
    ]
    assert listed[1:] == [f"year={year}" for year in dict.fromkeys([1974, *years])]


def test_parameters_and_tables_of_a_folder(survey: str, listed: list[str]) -> None:
    assert run(f"SELECT count(*) FROM '{survey}/**' WHERE year = ?", 1990) == [(2,)]
    assert len(listed) == 3
    parent, name = os.path.split(survey)
    connection = sqlengine.connect(parent, scheduler="inline")
    connection.execute("SELECT 1").fetchall()
    listed.clear()
    assert connection.execute(f'SELECT count(*) FROM "{name}" WHERE year = 2000').fetchall() == [(2,)]
    assert {"year=1974", "year=2000"} <= set(listed)
    assert "year=1980" not in listed


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sum(file_index) FROM '{}/**' WHERE year = 1990",
        "SELECT count(*) FROM read_csv('{}/**', union_by_name = true) WHERE year = 1990",
        "SELECT count(*) FROM read_csv('{}/**', hive_partitioning = false) WHERE v = 3",
        "SELECT count(*) FROM '{}/**' WHERE year = 1990 OR v = 3",
        "SELECT count(*) FROM '{}/**' WHERE year + 1 = 1990",
        "SELECT count(*) FROM (FROM '{}/**' USING SAMPLE 3 ROWS) WHERE year = 1990",
        "SELECT count(*) FROM '{}/**' USING SAMPLE 3 ROWS WHERE year = 1990",
        "SELECT count(*) FROM range(3) a POSITIONAL JOIN '{}/**' b WHERE year = 1990",
        "SELECT count(*) FROM range(3) a ANTI JOIN '{}/**' b ON a.range = b.v WHERE range <> 5",
        "SELECT count(*) FROM range(60) a LEFT JOIN '{}/**' b ON a.range = b.v WHERE year IS NULL",
        "SELECT count(*) FROM '{}/**' AS t(year, b, c) WHERE year = 1990",
    ],
)
def test_all_is_listed_where_it_matters(survey: str, listed: list[str], sql: str) -> None:
    run(sql.format(survey))
    assert len(listed) == 1 + len(YEARS)


def test_a_parameter_of_a_macro_is_no_partition(survey: str) -> None:
    connection = sqlengine.connect(scheduler="inline")
    connection.execute(f"CREATE MACRO told(year) AS TABLE SELECT count(*) FROM '{survey}/**' WHERE year = 1990")
    assert connection.execute("FROM told(1990)").fetchall() == [(2 * len(YEARS),)]


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_workers_read_what_was_listed(survey: str, scheduler: str) -> None:
    connection = sqlengine.connect(scheduler=scheduler, workers=2, inline_bytes=0)
    sql = f"SELECT year, sum(v), max(name) FROM '{survey}/**' WHERE year >= 1999 GROUP BY year ORDER BY year"
    assert connection.execute(sql).fetchall() == [(1999, 101, "year=1999"), (2000, 105, "year=2000")]


def test_joins_prune_the_table_that_is_meant(survey: str, listed: list[str]) -> None:
    sql = "SELECT count(*) FROM '{0}/**' a LEFT JOIN '{0}/**' b ON a.v = b.v WHERE b.year = 1990"
    assert run(sql.format(survey)) == [(2,)]
    assert len(listed) == 1 + len(YEARS) + 3


def test_a_column_that_files_store_is_no_partition(tmp_path: Path) -> None:
    for place, year in (("year=1990/a.csv", 1991), ("year=1991/b.csv", 1991), ("c.csv", 5)):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(f"year,v\n{year},1\n")
    # Not all files lie in such a folder.
    assert run(f"SELECT count(*) FROM '{tmp_path}/**' WHERE year = 1991") == [(2,)]


def test_the_first_file_names_the_columns(tmp_path: Path) -> None:
    write(tmp_path, "k=1/a.csv", "k=2/a.csv", "k=3/a.csv")
    (tmp_path / "k=3/a.csv").write_text("name,v\nx,9\n")
    connection = sqlengine.connect(scheduler="inline")
    cursor = connection.execute(f"SELECT * FROM '{tmp_path}/**' WHERE k = 3")
    assert [column[0] for column in cursor.description or ()] == ["v", "name", "k"]
    assert cursor.fetchall() == [(9, "x", 3)]


def test_an_empty_first_folder(tmp_path: Path) -> None:
    write(tmp_path, "k=2/a.csv", "k=3/a.csv")
    (tmp_path / "k=1").mkdir()
    assert run(f"SELECT count(*) FROM '{tmp_path}/**' WHERE k = 3") == [(1,)]
    assert run(f"SELECT count(*) FROM '{tmp_path}/**' WHERE k = 4") == [(0,)]


def test_two_levels(tmp_path: Path, listed: list[str]) -> None:
    write(tmp_path, *(f"y={y}/m={m}/a.csv" for y in (1, 2, 3) for m in (1, 2, 3)))
    assert run(f"SELECT count(*) FROM '{tmp_path}/**' WHERE m = 2 AND y >= 2") == [(2,)]
    assert listed == [tmp_path.name, "y=1", "y=2", "y=3", "m=1", "m=2", "m=2", "m=2"]


def test_a_store_lists_only_what_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = pytest.importorskip("fsspec").filesystem("memory")
    root = f"/{uuid.uuid4().hex}"
    for year in YEARS:
        memory.pipe(f"{root}/year={year}/a.csv", f"v\n{year}\n".encode())
        memory.pipe(f"{root}/plain/{year}.csv", b"v\n1\n")
    memory.pipe(f"{root}/year=1990/.hidden.csv", b"x,y,z\n")
    asked = []
    ls = type(memory).ls

    def counting(self: object, path: str, **options: object) -> object:
        asked.append(path)
        return ls(self, path, **options)

    monkeypatch.setattr(type(memory), "ls", counting)
    for source in (f"memory:/{root}/year=*/*.csv", f"memory:/{root}/*=*/*"):
        asked.clear()
        assert run(f"SELECT v, year FROM '{source}' WHERE year = 1990") == [(1990, 1990)]
        assert set(asked) == {root, f"{root}/year=1974", f"{root}/year=1990"}
    # The first folder has no file that the pattern names: all are listed.
    for year in YEARS[1:]:
        memory.pipe(f"{root}/year={year}/b.csv", b"v\n1\n")
    assert run(f"SELECT count(*) FROM 'memory:/{root}/*/b.csv' WHERE year = 1960") == [(0,)]
    # All names in one answer, however many there are.
    asked.clear()
    assert run(f"SELECT count(*) FROM 'memory:/{root}/plain/*' WHERE v = 1") == [(len(YEARS),)]
    assert asked == []
    memory.rm(root, recursive=True)


VALUES = ["1", "2", "10", "01", "-3", "x", "", "2020-01-02", "2020-1-5", "2021-12-31", "__HIVE_DEFAULT_PARTITION__"]
CONSTANTS = ["1", "10", "1.5", "'1'", "'10'", "'x'", "'2020-01-02'", "DATE '2020-01-05'", "'2020-1-5'", "''", "true"]


@settings(max_examples=30, deadline=None)
@given(
    names=st.lists(st.sampled_from(VALUES), min_size=1, max_size=4, unique=True),
    operator=st.sampled_from(["=", "<>", "<", "<=", ">", ">="]),
    constant=st.sampled_from(CONSTANTS),
    autocast=st.booleans(),
)
def test_what_is_left_out_would_be_filtered(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], operator: str, constant: str, autocast: bool
) -> None:
    root = tmp_path_factory.mktemp("tree")
    write(root, *(f"k={name}/a.csv" for name in names))
    source = f"read_csv('{root}/**', hive_types_autocast = {autocast})"

    def answer(table: str) -> object:
        try:
            return run(f"SELECT name, k FROM {table} WHERE k {operator} {constant} ORDER BY 1")
        except sqlengine.Error as error:
            return type(error)

    assert answer(source) == answer(f"(FROM {source})")


@pytest.mark.parametrize(
    ("predicate", "name", "may_be_left_out"),
    [
        (Predicate("k", "=", (1,)), "k=2", True),
        (Predicate("k", "=", (1,)), "k=01", False),
        (Predicate("K", "=", ("a/b",)), "k=a%2Fb", False),
        (Predicate("k", "=", ("a/b",)), "%6B=c", True),
        (Predicate("k", "=", (1,)), "j=2", False),
        (Predicate("k", "=", (1,)), "2", False),
        (Predicate("k", "in", ("a", "b")), "k=c", True),
        (Predicate("k", "is_not_null"), "k=__HIVE_DEFAULT_PARTITION__", True),
    ],
)
def test_names_of_folders(predicate: Predicate, name: str, may_be_left_out: bool) -> None:
    assert FolderFilter([predicate])(name) is may_be_left_out
