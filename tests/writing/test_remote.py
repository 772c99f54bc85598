"""COPY to URLs: memory://, S3 by moto; all or nothing as far as a store goes."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sqlengine
from sqlengine.errors import (
    Error,
    FileMissingError,
    NotSupportedError,
    OperationalError,
    QueryInterruptedError,
    SettingError,
    render,
)
from tests.s3 import s3_server

fsspec = pytest.importorskip("fsspec")
SORTED = "SELECT i, i % 3 AS k FROM range(1000) t(i) ORDER BY i DESC"


@pytest.fixture
def store() -> Iterator[tuple[str, Any]]:
    """A folder of memory:// and its file system."""
    name = f"/{uuid.uuid4().hex}"
    filesystem = fsspec.filesystem("memory")
    yield f"memory:/{name}", filesystem
    if filesystem.exists(name):
        filesystem.rm(name, recursive=True)


@pytest.fixture(autouse=True)
def nothing_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.fixture
def connection() -> Iterator[sqlengine.Connection]:
    with sqlengine.connect(scheduler="inline") as opened:
        yield opened


def held(url: str, filesystem: Any) -> dict[str, bytes]:
    root = filesystem._strip_protocol(url)
    return {name[len(root) + 1 :]: filesystem.cat_file(name) for name in filesystem.find(root)}


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "json", "parquet", "arrow", "h5"])
def test_every_format(connection: sqlengine.Connection, store: tuple[str, Any], ending: str) -> None:
    url, filesystem = store
    assert connection.execute(f"COPY ({SORTED}) TO '{url}/a.{ending}'").fetchall() == [(1000,)]
    assert connection.execute(f"FROM '{url}/a.{ending}'").fetchall() == connection.execute(SORTED).fetchall()
    connection.execute(f"COPY (SELECT 7 AS i) TO '{url}/a.{ending}'")
    assert connection.execute(f"SELECT i FROM '{url}/a.{ending}'").fetchall() == [(7,)]
    assert list(held(url, filesystem)) == [f"a.{ending}"]


@pytest.mark.processes
def test_workers_write_what_the_coordinator_puts_there(store: tuple[str, Any], tmp_path: Path) -> None:
    url, filesystem = store
    local = tmp_path / "local"
    rows = "FROM 'source'"
    with sqlengine.connect(scheduler="inline") as connection:
        connection.execute(f"COPY ({SORTED}) TO '{tmp_path}/source.csv'")
    for scheduler in ("processes", "threads"):
        with sqlengine.connect(scheduler=scheduler, workers=2, inline_bytes=0, split_bytes=1000) as connection:
            for target in (local, f"{url}/{scheduler}"):
                source = rows.replace("source", f"{tmp_path}/source.csv")
                options = "FORMAT csv, PARTITION_BY (k), OVERWRITE"
                connection.execute(f"COPY ({source}) TO '{target}' ({options})")
        expected = {str(path.relative_to(local)): path.read_bytes() for path in local.rglob("*.csv")}
        assert len(expected) == 3
        assert held(f"{url}/{scheduler}", filesystem) == expected
    for path in [tmp_path / "source.csv", *local.rglob("*.csv")]:
        path.unlink()


def test_overwrite_modes(connection: sqlengine.Connection, store: tuple[str, Any]) -> None:
    url, filesystem = store

    def copy(value: int, rest: str = "") -> None:
        connection.execute(f"COPY (SELECT {value} a) TO '{url}/out/' (FORMAT csv{rest})")

    copy(1)
    filesystem.pipe(f"{url}/out/mine/x.txt", b"mine")
    with pytest.raises(OperationalError, match="not empty"):
        copy(2)
    copy(3, ", APPEND")
    first, second = {"data_0.csv": b"a\n1\n", "mine/x.txt": b"mine"}, {"data_1.csv": b"a\n3\n"}
    assert held(f"{url}/out", filesystem) == first | second
    copy(4, ", OVERWRITE_OR_IGNORE")
    assert held(f"{url}/out", filesystem) == first | second | {"data_0.csv": b"a\n4\n"}
    copy(5, ", OVERWRITE, FILENAME_PATTERN 'new{i}', RETURN_FILES")
    assert held(f"{url}/out", filesystem) == {"new0.csv": b"a\n5\n"}
    with pytest.raises(OperationalError, match="is a folder"):
        connection.execute(f"COPY (SELECT 1 a) TO '{url}/out' (FORMAT csv)")
    with pytest.raises(OperationalError, match="is a file"):
        connection.execute(f"COPY (SELECT 1 a) TO '{url}/out/new0.csv/' (FORMAT csv)")
    count, files = connection.execute(f"COPY (SELECT 1 a) TO '{url}/other/' (FORMAT csv, RETURN_FILES)").fetchall()[0]
    assert (count, files) == (1, [f"{url}/other/data_0.csv"])


def test_a_query_that_fails_puts_nothing_there(connection: sqlengine.Connection, store: tuple[str, Any]) -> None:
    url, filesystem = store
    for target in ("a.csv", "a/"):
        with pytest.raises(Error, match="no more"):
            connection.execute(f"COPY (SELECT error('no more') FROM range(3)) TO '{url}/{target}'")
    assert held(url, filesystem) == {}


@pytest.mark.parametrize("mode", ["APPEND", "OVERWRITE", "OVERWRITE_OR_IGNORE"])
def test_putting_that_fails_is_undone(
    connection: sqlengine.Connection, store: tuple[str, Any], mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, filesystem = store
    sql = f"COPY (SELECT i, i % 3 AS k FROM range(9) t(i)) TO '{url}' (FORMAT csv, PARTITION_BY (k)"
    connection.execute(f"{sql})")
    before = held(url, filesystem)
    put = filesystem.put_file

    def failing(path: str, target: str, **options: object) -> None:
        put(path, target, **options)
        if "k=2" in target:
            raise ValueError("the disk of the store is full")

    monkeypatch.setattr(type(filesystem), "put_file", staticmethod(failing))
    with pytest.raises(OperationalError, match="cannot be written: the disk of the store is full"):
        connection.execute(f"{sql}, {mode})".replace("SELECT i,", "SELECT i + 10 AS i,"))
    assert held(url, filesystem) == before


def test_an_interrupted_copy_takes_back_what_it_put_there(
    connection: sqlengine.Connection, store: tuple[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, filesystem = store
    put = filesystem.put_file

    def interrupting(path: str, target: str, **options: object) -> None:
        put(path, target, **options)
        connection.interrupt()

    monkeypatch.setattr(type(filesystem), "put_file", staticmethod(interrupting))
    with pytest.raises(QueryInterruptedError):
        connection.execute(
            f"COPY (SELECT i FROM range(99) t(i)) TO '{url}' (FORMAT csv, PARTITION_BY (i), WRITE_PARTITION_COLUMNS)"
        )
    assert held(url, filesystem) == {}


def test_allowed_paths_hold_for_urls(connection: sqlengine.Connection, store: tuple[str, Any]) -> None:
    url, filesystem = store
    connection.set("allowed_paths", [f"{url}/free"])
    for target in ("a.csv", "free/../a.csv", "freedom.csv"):
        with pytest.raises(OperationalError, match="allowed"):
            connection.execute(f"COPY (SELECT 1 a) TO '{url}/{target}'")
    connection.execute(f"COPY (SELECT 1 a) TO '{url}/free/a.csv'")
    assert list(held(url, filesystem)) == ["free/a.csv"]
    connection.set("lock_configuration", True)
    with pytest.raises(SettingError, match="locked"):
        connection.execute(f"COPY (SELECT 1 a) TO '{url}/free/a.csv' (STORAGE_OPTIONS {{'x': 1}})")


def test_s3(connection: sqlengine.Connection) -> None:
    with s3_server() as s3:
        options = f"STORAGE_OPTIONS {s3.options!r}"
        connection.execute(f"COPY ({SORTED}) TO 's3://bucket/a.parquet' ({options})")
        source = f"read_parquet('s3://bucket/a.parquet', storage_options = {s3.options!r})"
        assert connection.execute(f"FROM {source}").fetchall() == connection.execute(SORTED).fetchall()
        text = "CASE k WHEN 1 THEN 'a/b=%é' END"
        sql = f"COPY (SELECT i, {text} AS k FROM ({SORTED})) TO 's3://bucket/parts' (FORMAT csv, PARTITION_BY (k), "
        connection.execute(f"{sql}{options})")
        assert sorted(held("s3://bucket/parts", s3.store)) == [
            "k=__HIVE_DEFAULT_PARTITION__/data_0.csv",
            "k=a%2Fb%3D%25%C3%A9/data_0.csv",
        ]
        source = f"read_csv('s3://bucket/parts/**', storage_options = {s3.options!r})"
        counted = connection.execute(f"SELECT k, count(*), sum(i) FROM {source} GROUP BY k ORDER BY k").fetchall()
        assert counted == [("a/b=%é", 333, 166167), (None, 667, 333333)]
        with pytest.raises(OperationalError, match="not empty"):
            connection.execute(f"{sql}{options})")
        connection.execute(f"{sql}OVERWRITE, FILENAME_PATTERN 'x', {options})")
        assert {name.rpartition("/")[2] for name in held("s3://bucket/parts", s3.store)} == {"x0.csv"}
        connection.execute("CREATE TABLE t (i BIGINT, k BIGINT)")
        connection.execute(f"COPY t FROM 's3://bucket/a.parquet' ({options})")
        assert connection.execute("SELECT sum(i) FROM t").fetchall() == [(499500,)]
        for target in ("s3://nobucket/a.csv", "s3://nobucket/a/"):
            with pytest.raises(FileMissingError, match="cannot be written") as caught:
                connection.execute(f"COPY (SELECT 1 a) TO '{target}' (FORMAT csv, {options})")
            assert "hidden" not in str(caught.value)
        sql = f"COPY (SELECT nope) TO 's3://bucket/b.csv' ({options})"
        with pytest.raises(Error) as caught_:
            connection.execute(sql)
        assert "hidden" not in render(caught_.value, sql)


def test_a_file_system_that_cannot_be_written_to(connection: sqlengine.Connection, tmp_path: Path) -> None:
    with pytest.raises((NotSupportedError, OperationalError), match="reference://"):
        connection.execute("COPY (SELECT 1 a) TO 'reference://a.csv' (STORAGE_OPTIONS {'fo': {}})")
