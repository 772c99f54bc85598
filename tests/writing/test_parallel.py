"""COPY by many tasks: the same files whoever runs them, in order where rows are, each partition together."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

import sqlengine
from tests.writing.test_copy import tree

ROWS = 5000
# Every task has rows of every partition; keys repeat, one is NULL.
DATA = "SELECT range AS id, range * 7919 % 1009 AS key, 'text ' || range % 11 AS word FROM range(5000)"

STATEMENTS = {
    "file": "COPY (SELECT * FROM 'data') TO 'out.csv'",
    "parquet": "COPY (SELECT * FROM 'data') TO 'out.parquet'",
    "row groups": "COPY (SELECT * FROM 'data') TO 'out.parquet' (ROW_GROUP_SIZE 300, COMPRESSION zstd)",
    "few rows": "COPY (SELECT * FROM 'data' WHERE word <> 'text 3' AND id % 400 < 20) TO 'out.parquet'"
    " (ROW_GROUP_SIZE 100)",
    "no rows": "COPY (SELECT * FROM 'data' WHERE id % 2 = 2) TO 'out.csv.zst'",
    "compressed": "COPY (SELECT * FROM 'data') TO 'out.csv.gz'",
    "json": "COPY (SELECT * FROM 'data') TO 'out.json'",
    "array": "COPY (SELECT * FROM 'data') TO 'out.json' (ARRAY)",
    "sorted file": "COPY (SELECT * FROM 'data' ORDER BY key DESC, id) TO 'out.parquet' (ROW_GROUP_SIZE 500)",
    "sorted groups": "COPY (SELECT key, count(*) AS n FROM 'data' GROUP BY key ORDER BY key) TO 'out.csv'",
    "folder": "COPY (SELECT * FROM 'data' WHERE id % 2 = 0) TO 'out/' (FORMAT parquet, ROW_GROUP_SIZE 100)",
    "partitions": "COPY (SELECT *, key % 3 AS p, key % 2 AS q FROM 'data') TO 'out' (FORMAT csv, PARTITION_BY (q, p))",
    "sorted": "COPY (SELECT * FROM 'data' ORDER BY key DESC, id) TO 'out/' (FORMAT json)",
    "sorted text": "COPY (SELECT id, nullif(word, 'text 3') w FROM 'data' ORDER BY w NULLS FIRST)"
    " TO 'out/' (FORMAT csv)",
    "sorted by what is not written": "COPY (SELECT id FROM 'data' ORDER BY key / 2.5) TO 'out/' (FORMAT csv)",
    "rolling": "COPY (SELECT * FROM 'data') TO 'out' (FORMAT csv, FILE_SIZE_BYTES '4kb')",
}

SCHEDULERS = (
    {"scheduler": "inline"},
    {"scheduler": "threads", "workers": 3},
    pytest.param({"scheduler": "processes", "workers": 2}, marks=pytest.mark.processes),
)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the data in five files, and for each statement what one scheduler has made of it."""
    root = tmp_path_factory.mktemp("parallel")
    before = os.getcwd()
    os.chdir(root)
    try:
        with sqlengine.connect(scheduler="inline") as connection:
            for part in range(5):
                rows = f"FROM ({DATA}) WHERE id // 1000 = {part}"
                connection.execute(f"COPY ({rows}) TO 'data/' (FORMAT parquet, APPEND)")
            assert sorted(os.listdir("data")) == [f"data_{part}.parquet" for part in range(5)]
        for name, statement in STATEMENTS.items():
            run(root / name, statement, {"scheduler": "inline", "workers": 1})
    finally:
        os.chdir(before)
    return root


def run(folder: Path, statement: str, settings: dict[str, object]) -> dict[str, bytes]:
    folder.mkdir()
    source = folder.parent / "data" if (folder.parent / "data").exists() else folder.parent.parent / "data"
    os.chdir(folder)
    tuned = {
        "inline_bytes": 0,
        "task_rows": 1,
        "batch_rows": 100,
        "shuffle_buckets": 3,
        "verify_plans": True,
        **settings,
    }
    with sqlengine.connect(**tuned) as connection:
        assert connection.execute(statement.replace("'data'", f"'{source}'")).fetchall()[0][0] >= 0
    return tree(folder)


@pytest.mark.parametrize("settings", SCHEDULERS, ids=["inline", "threads", "processes"])
def test_files_are_the_same_whoever_writes_them(
    expected: Path, settings: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(expected / "data")
    for name, statement in STATEMENTS.items():
        assert run(tmp_path / name, statement, settings) == tree(expected / name), name


def rows_of(folder: Path, source: str, columns: str) -> list[tuple[object, ...]]:
    with sqlengine.connect(scheduler="inline") as connection:
        return connection.execute(f"SELECT {columns} FROM '{folder / source}'").fetchall()


def test_sorted_files_follow_each_other(expected: Path) -> None:
    ordered = sorted(((id_, id_ * 7919 % 1009) for id_ in range(ROWS)), key=lambda row: (-row[1], row[0]))
    assert len(os.listdir(expected / "sorted" / "out")) == 3
    assert rows_of(expected, "sorted/out", "id, key") == ordered
    assert rows_of(expected, "sorted file/out.parquet", "id, key") == ordered
    words = [None if id_ % 11 == 3 else f"text {id_ % 11}" for id_ in range(ROWS)]
    by_word = sorted(
        ((id_, word) for id_, word in enumerate(words)), key=lambda row: (row[1] is not None, row[1] or "")
    )
    assert rows_of(expected, "sorted text/out", "id, w") == by_word
    hidden = sorted(range(ROWS), key=lambda id_: id_ * 7919 % 1009)
    assert [row[0] for row in rows_of(expected, "sorted by what is not written/out", "id")] == hidden


def test_parts_become_one_file(expected: Path) -> None:
    ids = list(range(ROWS))
    for name, file in (("file", "out.csv"), ("row groups", "out.parquet"), ("json", "out.json"), ("array", "out.json")):
        assert [row[0] for row in rows_of(expected, f"{name}/{file}", "id")] == ids, name
    text = (expected / "file/out.csv").read_bytes()
    assert gzip.decompress((expected / "compressed/out.csv.gz").read_bytes()) == text
    assert len(json.loads((expected / "array/out.json").read_text())) == ROWS
    with sqlengine.connect() as connection:
        source = expected / "no rows/out.csv.zst"
        assert connection.execute(f"SELECT * FROM read_csv('{source}', header = true)").df().columns.tolist() == [
            "id",
            "key",
            "word",
        ]


def test_row_groups_of_parts(expected: Path) -> None:
    """Those of every part, told of where they are; what is small is put together."""
    found = {
        name: pq.ParquetFile(expected / name / "out.parquet") for name in ("row groups", "few rows", "sorted file")
    }
    sizes = {
        name: [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)] for name, file in found.items()
    }
    assert sizes["row groups"] == [300, 300, 300, 100] * 5
    assert sizes["few rows"] == [92, 90, 55]
    assert sum(sizes["sorted file"]) == ROWS
    file = found["row groups"]
    for number in range(file.num_row_groups):
        statistics = file.metadata.row_group(number).column(0).statistics
        assert file.read_row_group(number)["id"].to_pylist() == list(range(statistics.min, statistics.max + 1))
    assert file.metadata.num_rows == ROWS
    keys = found["sorted file"].read(["key"])["key"].to_pylist()
    assert keys == sorted(keys, reverse=True)
    for name in found:
        path = expected / name / "out.parquet"
        columns = "count(*), sum(id), sum(hash(key, word))"
        counted = duckdb.sql(f"SELECT {columns} FROM '{path}' WHERE id >= 0").fetchall()
        statement = STATEMENTS[name].partition("(SELECT")[2].partition(") TO")[0].replace("'data'", f"({DATA})")
        assert counted == duckdb.sql(f"SELECT {columns} FROM (SELECT {statement})").fetchall()


def test_ranges_of_sorted_files_are_pruned(expected: Path) -> None:
    with sqlengine.connect(scheduler="inline", task_rows=1, shuffle_buckets=5) as connection:
        target = expected / "ranges"
        connection.execute(
            f"COPY (FROM '{expected / 'data'}' ORDER BY key) TO '{target}/' (FORMAT parquet, ROW_GROUP_SIZE 200)"
        )
        assert len(os.listdir(target)) == 5
        query = f"SELECT count(*), min(key), max(key) FROM '{target}' WHERE key BETWEEN 100 AND 150"
        ((plan,),) = connection.execute(f"EXPLAIN {query}").fetchall()
        assert "5 files, 2 of 27 splits" in plan, plan
        assert "pruned by key" in plan
        count = sum(100 <= id_ * 7919 % 1009 <= 150 for id_ in range(ROWS))
        assert connection.execute(query).fetchall() == [(count, 100, 150)]


def test_partitions_hold_their_rows_in_order(expected: Path) -> None:
    folder = expected / "partitions" / "out"
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.csv")) == [
        f"q={q}/p={p}/data_0.csv" for q in range(2) for p in range(3)
    ]
    for q in range(2):
        for p in range(3):
            ids = [row[0] for row in rows_of(folder, f"q={q}/p={p}/data_0.csv", "id")]
            assert ids == [i for i in range(ROWS) if i * 7919 % 1009 % 3 == p and i * 7919 % 1009 % 2 == q]


def test_files_roll_over(expected: Path) -> None:
    folder = expected / "rolling" / "out"
    assert sorted(os.listdir(folder)) == [f"data_{number:02}.csv" for number in range(20)]
    assert [row[0] for row in rows_of(folder.parent, "out", "id")] == list(range(ROWS))


@pytest.mark.parametrize("name", STATEMENTS)
def test_explain(expected: Path, name: str) -> None:
    with sqlengine.connect(scheduler="inline", task_rows=1, shuffle_buckets=3) as connection:
        statement = STATEMENTS[name].replace("'data'", f"'{expected / 'data'}'")
        ((plan,),) = connection.execute(f"EXPLAIN {statement}").fetchall()
    words = {
        "file": "WriteExec: csv, one file; parts by every task",
        "parquet": "WriteExec: parquet, one file; one task",
        "row groups": "WriteExec: parquet, one file; parts by every task",
        "array": "WriteExec: json, one file; one task",
        "sorted file": "ranges of key DESC into 3",
        "sorted groups": "WriteExec: csv, one file; one task",
        "folder": "WriteExec: parquet, folder; files of every task",
        "partitions": "WriteExec: csv, folder; by q, p; about",
        "sorted": "ranges of key DESC into 3",
    }
    assert words.get(name, "WriteExec") in plan
    assert not (Path.cwd() / "out").exists()
