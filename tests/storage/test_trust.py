"""Allowed paths and locked settings: what is outside cannot be listed, read or written, in whatever way."""

from __future__ import annotations

import os
import pickle
import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sqlengine
from sqlengine import Connection
from sqlengine.errors import FileFormatError, FileMissingError, OperationalError, SettingError
from sqlengine.storage.files.access import FileAccess, within
from sqlengine.storage.filesystem import open_input


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """`open` is allowed and holds links out of it; `shut`, and `opener`, which only begins alike, are not."""
    for name in ("open/a.csv", "open/sub/b.csv", "shut/secret.csv", "opener/c.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x\n1\n")
    (tmp_path / "links").mkdir()
    (tmp_path / "links/file.csv").symlink_to(tmp_path / "shut/secret.csv")
    (tmp_path / "links/back.csv").symlink_to(tmp_path / "open/a.csv")
    return tmp_path


def restricted(tree: Path, **settings: object) -> Connection:
    return sqlengine.connect(scheduler="inline", allowed_paths=[tree / "open"], **settings)


ESCAPES = (
    "FROM '{t}/shut/secret.csv'",
    "FROM '{t}/shut/*.csv'",
    "FROM '{t}/shut'",
    "FROM '{t}/opener/c.csv'",
    "FROM '{t}/open/../shut/secret.csv'",
    "FROM '{t}/open/*/../../shut/*.csv'",
    "FROM 'file://{t}/shut/secret.csv'",
    "FROM '{t}/open/out.csv'",
    "FROM '{t}/open/folder/secret.csv'",
    "FROM '{t}/open/folder/*'",
    "FROM '{t}/open/**/*.csv'",
    "FROM '{t}/open'",
    "FROM glob('{t}/shut/*')",
    "FROM glob('/etc/*')",
    "FROM read_csv(['{t}/open/a.csv', '{t}/shut/secret.csv'])",
    "FROM read_csv('/etc/passwd', delim = ':')",
    "FROM read_csv('/dev/stdin')",
    "FROM read_parquet('{t}/shut/gone.parquet')",
    "FROM 'https://127.0.0.1:9/x.csv'",
    "FROM 'memory://x/y.csv'",
    "COPY (SELECT 1) TO '{t}/shut/new.csv'",
    "COPY (SELECT 1) TO '{t}/open/out.csv'",
    "COPY (SELECT 1) TO '{t}/open/folder/new.csv'",
    "COPY (SELECT 1 AS a, 2 AS b) TO '{t}/shut/new' (FORMAT parquet, PARTITION_BY (a))",
    "COPY (FROM '{t}/shut/secret.csv') TO '{t}/open/new.csv'",
    "CREATE TABLE t (x INT); COPY t FROM '{t}/shut/secret.csv'",
    "FROM read_hdf5_objects('{t}/shut/x.h5')",
    "FROM read_json('{t}/shut/secret.csv')",
    "FROM read_arrow('{t}/shut/secret.csv')",
    "SELECT * FROM (VALUES (1)) v(x) WHERE x IN (SELECT x FROM '{t}/shut/secret.csv')",
    "CREATE TABLE stolen AS FROM '{t}/shut/secret.csv'",
    "SELECT (SELECT x FROM '{t}/shut/secret.csv')",
    "DESCRIBE FROM '{t}/shut/secret.csv'",
    "SUMMARIZE '{t}/shut/secret.csv'",
    "EXPLAIN FROM '{t}/shut/secret.csv'",
)


@pytest.mark.parametrize("sql", ESCAPES)
def test_nothing_escapes(tree: Path, sql: str) -> None:
    connection = restricted(tree)
    assert connection.execute(f"FROM '{tree}/open/sub/*.csv'").fetchall() == [(1,)]
    (tree / "open/out.csv").symlink_to(tree / "shut/secret.csv")
    (tree / "open/folder").symlink_to(tree / "shut")
    before = sorted(tree.rglob("*"))
    with pytest.raises(OperationalError, match="allowed") as caught:
        connection.execute(sql.format(t=tree))
    assert not isinstance(caught.value, FileMissingError)
    assert "allowed_paths" in caught.value.message
    assert sorted(tree.rglob("*")) == before
    assert (tree / "shut/secret.csv").read_text() == "x\n1\n"


def test_links_may_lead_in(tree: Path) -> None:
    connection = restricted(tree)
    assert connection.execute(f"FROM '{tree}/links/back.csv'").fetchall() == [(1,)]
    with pytest.raises(OperationalError, match=r"links/file\.csv', which is '.*/shut/secret\.csv', is not within"):
        connection.execute(f"FROM '{tree}/links/file.csv'")
    connection.execute(f"COPY (SELECT 2 AS x) TO '{tree}/open/new.csv'")
    assert connection.execute(f"FROM '{tree}/open/new.csv'").fetchall() == [(2,)]


def test_a_link_that_comes_after_the_check_is_seen(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tree / "open/a.csv"
    original = FileAccess.check

    def check_and_lose(self: FileAccess, checked: str) -> str:
        real = original(self, checked)
        if checked == str(path) and not path.is_symlink():
            path.unlink()
            path.symlink_to(tree / "shut/secret.csv")
        return real

    monkeypatch.setattr(FileAccess, "check", check_and_lose)
    with within(FileAccess(roots=(str(tree / "open"),))), pytest.raises(OperationalError, match="allowed_paths"):
        open_input(str(path))


def test_names_outside_are_not_told(tree: Path) -> None:
    (tree / "open/folder").symlink_to(tree / "shut")
    connection = restricted(tree)
    for pattern in ("open/*/secret*", "open/*/*", "open/folder/*", "open/f*/nothing*", "shut/*", "open/../shut/secre"):
        with pytest.raises(OperationalError, match="allowed_paths") as caught:
            connection.execute(f"FROM '{tree}/{pattern}'")
        assert "secret.csv" not in caught.value.message
    connection = sqlengine.connect(scheduler="inline", allowed_paths=[tree / "shut/gone.csv"])
    with pytest.raises(FileMissingError) as caught:
        connection.execute(f"FROM '{tree}/shut/gone.csv'")
    assert "secret.csv" not in caught.value.message


def test_a_partition_that_is_a_link_out_is_not_written(tree: Path) -> None:
    (tree / "open/new").mkdir()
    (tree / "open/new/k=1").symlink_to(tree / "shut")
    before = sorted(tree.rglob("*"))
    rows = "(SELECT k, k AS v FROM range(2) t(k))"
    for option in ("APPEND", "OVERWRITE_OR_IGNORE"):
        with pytest.raises(OperationalError, match="allowed_paths"):
            restricted(tree).execute(f"COPY {rows} TO '{tree}/open/new' (FORMAT csv, PARTITION_BY (k), {option})")
        assert sorted(tree.rglob("*")) == before


def test_forms_of_the_setting(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = sqlengine.connect(scheduler="inline")
    connection.execute(f"SET allowed_paths = ['{tree}/links', 'file://{tree}/open', 's3://Bucket/a']")
    assert connection.execute("SHOW allowed_paths").fetchall() == [
        (str([f"{tree}/links", f"{tree}/open", "s3://Bucket/a"]),)
    ]
    shown = connection.execute("SHOW allowed_paths").fetchall()
    assert connection.execute("SELECT current_setting('allowed_paths')").fetchall() == shown
    connection.execute(f"FROM '{tree}/open/a.csv'")
    connection.execute(f"SET allowed_paths = '{tree}/shut,{tree}/opener'")
    connection.execute(f"FROM '{tree}/opener/c.csv'")
    monkeypatch.chdir(tree)
    connection.execute("SET allowed_paths = ['open']")
    monkeypatch.chdir("/")
    connection.execute(f"FROM '{tree}/open/a.csv'")
    connection.execute("SET allowed_paths = []")
    with pytest.raises(OperationalError, match="allowed_paths"):
        connection.execute(f"FROM '{tree}/open/a.csv'")
    connection.execute("RESET allowed_paths")
    connection.execute(f"FROM '{tree}/open/a.csv'")
    connection.execute(f"SET allowed_paths = ['{tree}/open/a.csv']")
    connection.execute(f"FROM '{tree}/open/a.csv'")
    with pytest.raises(OperationalError, match="allowed_paths"):
        connection.execute(f"FROM '{tree}/open/*.csv'")
    with pytest.raises(SettingError, match="a list of texts"):
        connection.set("allowed_paths", 3)


def test_urls_are_compared_by_whole_parts() -> None:
    access = FileAccess(roots=("https://good.com/data", "s3://b"))
    for url in ("https://good.com/data/x.csv", "HTTPS://GOOD.com/data?x=1", "https://good.com/data", "s3://b/x/a b"):
        access.check(url)
    for url in (
        "https://good.com/database/x.csv",
        "https://good.com.evil.org/data/x.csv",
        "https://good.com@evil.org/data/x.csv",
        "https://good.com:8080/data/x.csv",
        "https://good.com/data/../x.csv",
        "https://good.com/data/%2e%2E/x.csv",
        "https://good.com/data/..%2fx.csv",
        "https://good.com/data/..\\x.csv",
        "https://good.com/data/.\t./x.csv",
        "https://good.com/data/.\n./x.csv",
        "https://good.com/data/%2e%\r2e/x.csv",
        "https://good.com/DATA/x.csv",
        "http://good.com/data/x.csv",
        "s3://b2/x",
        "/data",
    ):
        with pytest.raises(OperationalError, match="allowed"):
            access.check(url)


def test_tables_and_views_of_before_obey_too(tree: Path) -> None:
    connection = sqlengine.connect(scheduler="inline")
    connection.register("r", str(tree / "shut/secret.csv"))
    connection.register("frame", pd.DataFrame({"x": [5]}))
    connection.execute(f"CREATE VIEW v AS FROM '{tree}/shut/secret.csv'")
    connection.execute(f"PREPARE p AS FROM '{tree}/shut/secret.csv'")
    connection.execute(f"CREATE MACRO m() AS TABLE FROM '{tree}/shut/secret.csv'")
    statements = ("FROM r", "FROM v", "EXECUTE p", "FROM m()")
    for sql in statements:
        assert connection.execute(sql).fetchall() == [(1,)]
    connection.execute(f"SET allowed_paths = ['{tree}/open']")
    for sql in statements:
        with pytest.raises(OperationalError, match="allowed_paths"):
            connection.execute(sql)
    assert connection.execute("FROM frame").fetchall() == [(5,)]


def test_a_folder_of_tables_obeys(tree: Path) -> None:
    connection = sqlengine.connect(tree, scheduler="inline", allowed_paths=[tree / "open"])
    with pytest.raises(OperationalError, match="allowed_paths"):
        connection.execute("FROM shut")


@pytest.mark.processes
def test_workers_obey(tree: Path) -> None:
    pq.write_table(pa.table({"x": list(range(100))}), tree / "open/t.parquet", row_group_size=10)
    settings = {"inline_bytes": 0, "task_rows": 10, "workers": 2}
    connection = sqlengine.connect(scheduler="processes", allowed_paths=[tree / "open"], **settings)
    sql = f"SELECT sum(x) FROM '{tree}/open/t.parquet'"
    assert connection.execute(sql).fetchall() == [(4950,)]
    # What the plan found is replaced by a link out before the workers come: they look again.
    plan = connection._session
    table = plan.catalog.open_path(f"{tree}/open/t.parquet")
    tasks = table.plan_scan(["x"], []).tasks
    os.rename(tree / "open/t.parquet", tree / "shut/t.parquet")
    (tree / "open/t.parquet").symlink_to(tree / "shut/t.parquet")
    with pytest.raises(OperationalError, match="allowed_paths"):
        list(table.read(tasks[0], ["x"], 100))


def test_the_lock_is_one_way(tree: Path) -> None:
    connection = restricted(tree)
    connection.execute("SET lock_configuration = true")
    for sql in (
        "SET allowed_paths = NULL",
        "RESET allowed_paths",
        "SET lock_configuration = false",
        "RESET lock_configuration",
        "SET workers = 2",
        "SET max_decompression_ratio = 1000000",
    ):
        with pytest.raises(SettingError, match="locked"):
            connection.execute(sql)
    with pytest.raises(SettingError, match="locked"):
        connection.set("allowed_paths", None)
    with pytest.raises(SettingError, match="locked"):
        connection.execute("FROM read_csv('s3://b/x.csv', storage_options = {'endpoint_url': 'http://evil'})")
    assert connection.execute("SHOW lock_configuration").fetchall() == [("true",)]
    connection.execute(f"FROM '{tree}/open/a.csv'")
    # Another connection has its own.
    sqlengine.connect(lock_configuration=True, allowed_paths=[]).execute("SELECT 1")


def test_nothing_in_a_parquet_file_is_unpickled(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (os.mkdir, (str(tmp_path / "exploded"),))

    data = pickle.dumps(Bomb())
    meta = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": data, b"pandas": data}
    schema = pa.schema([pa.field("x", pa.int64(), metadata=meta)], metadata={b"pandas": data})
    table = pa.table({"x": [1]}).cast(schema)
    pq.write_table(table, tmp_path / "x.parquet")
    with pa.OSFile(str(tmp_path / "x.arrow"), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        writer.write_table(table)
    for name in ("x.parquet", "x.arrow"):
        assert sqlengine.connect(scheduler="inline").execute(f"FROM '{tmp_path}/{name}'").fetchall() == [(1,)]
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("page", ["remote", "trust"])
def test_the_examples_of_the_pages_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    pytest.importorskip("fsspec")
    text = (Path(__file__).parents[2] / "docs" / "formats" / f"{page}.md").read_text()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SQLENGINE_SCHEDULER", "inline")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(code, {})


@pytest.mark.parametrize(
    ("name", "begin", "words"),
    [
        ("x.csv", b"a,b\n1,2\n", "a record of more than 128 MiB"),
        ("quote.csv", b'a,b\n1,"2\n', "a record of more than 128 MiB; is a quote not closed"),
        ("x.ndjson", b'{"a":1}\n', "a value has more than 16777216 bytes"),
        ("x.json", b'[{"a":1},{"b":"', "a value has more than 16777216 bytes"),
    ],
)
def test_a_line_without_end_is_not_taken_into_memory(tmp_path: Path, name: str, begin: bytes, words: str) -> None:
    with open(tmp_path / name, "wb") as file:
        file.write(begin)
        # A hole, which takes no room on the disk.
        file.truncate(200 << 20)
    pool = pa.default_memory_pool().max_memory()
    with pytest.raises(FileFormatError, match=words):
        sqlengine.connect(scheduler="inline").execute(f"SELECT count(*) FROM '{tmp_path}/{name}'")
    assert pa.default_memory_pool().max_memory() < pool + (100 << 20)
