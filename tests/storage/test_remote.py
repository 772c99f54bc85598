"""Files behind URLs: a web server with and without ranges, memory://, S3 by moto; faults, changes, secrets."""

from __future__ import annotations

import asyncio
import gzip
import io
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sqlengine
from sqlengine.errors import Error, FileFormatError, FileMissingError, NotSupportedError, OperationalError, render
from sqlengine.redaction import redacted
from sqlengine.storage.dataset import open_table
from sqlengine.storage.files import remote, remote_errors
from sqlengine.storage.files.access import FileAccess, FileInfo, within
from sqlengine.storage.files.http import HttpStore
from sqlengine.storage.files.remote_file import RemoteFile, coalesce
from tests.s3 import s3_server
from tests.storage.web import Web, serving

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")

ROWS = 60_000
CSV = b"i,s\n" + b"".join(b'%d,"a\nb%d"\n' % (k, k % 5) for k in range(ROWS))
ANSWER = [(ROWS * (ROWS - 1) // 2, ROWS, "a\nb4")]


def parquet() -> bytes:
    sink = io.BytesIO()
    numbers = list(range(ROWS))
    texts = [f"a\nb{k % 5}" for k in numbers]
    table = pa.table({"i": numbers, "wide": [f"{k:0200}" for k in numbers], "s": texts})
    pq.write_table(table, sink, row_group_size=10_000, compression="none", use_dictionary=["s"])
    return sink.getvalue()


PARQUET = parquet()


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr(remote_errors, "_PAUSES", (0.0, 0.0, 0.0))
    with serving() as web:
        web.files = {"/t.parquet": PARQUET, "/x.csv": CSV, "/x.csv.gz": gzip.compress(CSV), "/empty.csv": b""}
        yield web


def run(sql: str, **settings: object) -> list[tuple[object, ...]]:
    return sqlengine.connect(scheduler="inline", **settings).execute(sql).fetchall()  # type: ignore[arg-type]


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("name", ["t.parquet", "x.csv", "x.csv.gz"])
def test_files_of_a_web_server(web: Web, name: str, ranges: bool) -> None:
    web.ranges = ranges
    assert run(f"SELECT sum(i), count(*), max(s) FROM '{web.url}/{name}'", split_bytes=100_000) == ANSWER


@pytest.mark.processes
@pytest.mark.parametrize("ranges", [True, False])
def test_workers_fetch_for_themselves(web: Web, ranges: bool) -> None:
    web.ranges = ranges
    connection = sqlengine.connect(scheduler="processes", workers=2, inline_bytes=0, split_bytes=300_000)
    for name in ("t.parquet", "x.csv"):
        sql = f"SELECT sum(i), count(*), max(s) FROM '{web.url}/{name}'"
        assert connection.execute(sql).fetchall() == ANSWER


def test_only_the_columns_and_row_groups_that_are_needed_are_fetched(web: Web) -> None:
    assert run(f"SELECT sum(i) FROM '{web.url}/t.parquet' WHERE i < 100") == [(4950,)]
    assert web.sent < len(PARQUET) / 4
    web.sent = 0
    run(f"SELECT sum(i) FROM '{web.url}/t.parquet'")
    assert web.sent < len(PARQUET) / 4


def test_only_the_chunks_that_are_needed_of_an_hdf5_file_are_fetched(web: Web, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.create_dataset("m", data=np.random.default_rng(1).random((200, 4000)), chunks=(100, 100))
    web.files["/m.h5"] = (tmp_path / "m.h5").read_bytes()
    local = run(f"SELECT avg(c5), avg(c50), avg(c3999) FROM '{tmp_path}/m.h5'")
    assert run(f"SELECT avg(c5), avg(c50), avg(c3999) FROM '{web.url}/m.h5'") == local
    assert web.sent < len(web.files["/m.h5"]) / 2


def test_text_is_not_fetched_over_and_over(web: Web) -> None:
    run(f"SELECT sum(i) FROM '{web.url}/x.csv'", split_bytes=100_000)
    assert web.sent < 2.5 * len(CSV)


def test_several_urls_and_the_filename(web: Web) -> None:
    web.files |= {"/m=1/a.csv": b"i\n1\n", "/m=2/b.csv": b"i\n2\n"}
    urls = [f"{web.url}/m=1/a.csv", f"{web.url}/m=2/b.csv"]
    assert run(f"SELECT i, m, filename FROM read_csv({urls}, filename = true) ORDER BY i") == [
        (1, 1, urls[0]),
        (2, 2, urls[1]),
    ]
    assert run(f"SELECT count(*) FROM '{web.url}/empty.csv'") == [(0,)]
    with pytest.raises(NotSupportedError, match="do not list"):
        run(f"SELECT * FROM '{web.url}/m=1/*.csv'")


def assert_changed(read: Callable[[], object]) -> None:
    """As a worker reads, which has fetched nothing before."""
    remote._stores.clear()
    remote._blocks.clear()
    with ThreadPoolExecutor(1) as thread, pytest.raises(FileFormatError, match="changed while the query ran"):
        thread.submit(read).result()


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("etags", [True, False])
def test_a_change_is_an_error_while_reading_and_seen_by_the_next_query(web: Web, ranges: bool, etags: bool) -> None:
    web.ranges, web.etags = ranges, etags
    web.files["/c.csv"] = b"i\n1\n"
    url = f"{web.url}/c.csv"
    table = open_table(url)
    tasks = table.plan_scan(["i"], []).tasks
    web.files["/c.csv"] = b"i\n12\n"
    assert_changed(lambda: list(table.read(tasks[0], ["i"], 100)))
    assert run(f"SELECT i FROM '{url}'") == [(12,)]
    web.files["/c.csv"] = b"i\n34\n"
    assert run(f"SELECT i FROM '{url}'") == [(34,)]


def test_what_a_server_may_answer(web: Web) -> None:
    web.refused = {"/403.csv": 403, "/500.csv": 500, "/418.csv": 418}
    for name, kind, words in (
        ("404.csv", FileMissingError, "there is no file"),
        ("403.csv", OperationalError, "may not be read: 403 Forbidden; credentials"),
        ("500.csv", OperationalError, "500 Internal Server Error"),
        ("418.csv", OperationalError, "418"),
    ):
        web.requests.clear()
        with pytest.raises(kind, match=f"{name}.*{words}|{words}.*{name}"):
            run(f"SELECT * FROM '{web.url}/{name}'")
        assert len(web.requests) == (4 if name == "500.csv" else 1)
    with pytest.raises(OperationalError, match=r"127\.0\.0\.1:9/x\.csv.*[Cc]onnect"):
        run("SELECT * FROM 'http://127.0.0.1:9/x.csv'")
    for number, faults in enumerate(([503, 429, 503], [503], [None, *["cut"] * 3], [None, "cut", None, 502])):
        # A new file each time: what has been fetched of a file is kept.
        web.files[f"/{number}.csv"] = CSV
        web.faults = list(faults)
        assert run(f"SELECT sum(i), count(*), max(s) FROM '{web.url}/{number}.csv'") == ANSWER
        assert not web.faults
    web.files["/cut.csv"] = CSV
    web.faults = [None, *["cut"] * 4]
    with pytest.raises(OperationalError, match=r"cut\.csv' cannot be read: .*(payload|bytes)"):
        run(f"SELECT count(*) FROM '{web.url}/cut.csv'")


def test_a_silent_server_is_given_up(web: Web) -> None:
    for settings in ({"remote_timeout": 0.1}, {"timeout": 0.1}):
        web.faults = ["hang"] * 4
        web.requests.clear()
        with pytest.raises(OperationalError, match=r"silent for 0\.1 s \(setting 'remote_timeout'\)"):
            run(f"SELECT * FROM '{web.url}/x.csv'", **settings)
        # Who waits again waits for longer than was said.
        assert len(web.requests) == 1


def test_who_is_interrupted_leaves_no_request_behind(web: Web) -> None:
    run(f"SELECT count(*) FROM '{web.url}/x.csv'")
    web.faults = ["hang"]
    web.files["/other.csv"] = CSV
    interrupt = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        run(f"SELECT count(*) FROM '{web.url}/other.csv'")
    (store,) = [store for store in remote._stores.values() if isinstance(store, HttpStore)]
    loop = store._filesystem.loop

    async def others() -> int:
        return len(asyncio.all_tasks()) - 1

    assert asyncio.run_coroutine_threadsafe(others(), loop).result() == 0


@pytest.mark.parametrize("ranges", [True, False])
def test_a_compressed_file_may_be_told_to_be_encoded(web: Web, ranges: bool) -> None:
    web.ranges = ranges
    sql = f"SELECT sum(i), count(*), max(s) FROM '{web.url}/x.csv.gz'"
    web.encodings["/x.csv.gz"] = "x-gzip"
    assert run(sql) == ANSWER
    # Under a name that does not tell.
    web.files["/plain.csv"] = web.files["/x.csv.gz"]
    web.encodings["/plain.csv"] = "gzip"
    plain = f"SELECT sum(i), count(*), max(s) FROM '{web.url}/plain.csv'"
    if ranges:
        with pytest.raises(OperationalError, match=r"plain\.csv.*Content-Encoding: gzip.*compression = 'gzip'"):
            run(plain)
        plain = plain.replace("FROM ", "FROM read_csv(") + ", compression = 'gzip')"
    assert run(plain) == ANSWER
    web.encodings["/x.csv"] = "br"
    with pytest.raises(OperationalError, match=r"x\.csv.*Content-Encoding: br"):
        run(f"SELECT * FROM '{web.url}/x.csv'")


def test_what_is_compressed_on_the_way_is_undone(web: Web) -> None:
    web.ranges = False
    for name in ("x.csv", "x.csv.gz", "t.parquet"):
        web.encodings[f"/{name}"] = "on the way"
        assert run(f"SELECT sum(i), count(*), max(s) FROM '{web.url}/{name}'") == ANSWER
    web.files["/bomb.csv"] = bytes(40 << 20)
    web.encodings["/bomb.csv"] = "on the way"
    with pytest.raises(FileFormatError, match="download_limit"):
        run(f"SELECT * FROM '{web.url}/bomb.csv'", download_limit="1MB")


def test_redirections_that_lead_nowhere(web: Web) -> None:
    web.refused = {"/away.csv": 302}
    for location, words in (("/away.csv", "leads on and on"), ("file:///etc/passwd", "leads to 'file:///etc/passwd'")):
        web.location = location
        with pytest.raises(OperationalError, match=rf"away\.csv' cannot be read: its server {words}"):
            run(f"SELECT * FROM '{web.url}/away.csv'")


def test_guessing_types_fetches_no_more_than_samples(web: Web) -> None:
    web.files["/long.csv"] = b"i,s\n" + b"1234567,some text\n" * 500_000
    run(f"DESCRIBE FROM '{web.url}/long.csv'")
    assert web.sent < len(web.files["/long.csv"]) / 4


def test_a_server_without_ranges_may_not_flood_the_disk(web: Web) -> None:
    web.ranges = False
    with pytest.raises(FileFormatError, match="download_limit"):
        run(f"SELECT * FROM '{web.url}/x.csv'", download_limit=1000)
    assert run(f"SELECT count(*) FROM '{web.url}/x.csv'", download_limit=len(CSV)) == [(ROWS,)]


def test_secrets_are_not_shown(web: Web) -> None:
    with pytest.raises(Error) as caught:
        run(f"SELECT * FROM 'http://user:pa55@{web.url[7:]}/gone.csv?sig=t0ken&x=1'")
    assert "pa55" not in str(caught.value)
    assert "t0ken" not in caught.value.message
    assert "gone.csv?sig=*****&x=*" in caught.value.message
    sql = f"SELECT nope FROM read_csv('{web.url}/x.csv', storage_options = {{'headers': {{'X-Key': 's3cret'}}}})"
    with pytest.raises(Error) as caught:
        run(sql)
    assert "s3cret" not in render(caught.value, sql)
    plan = "".join(str(row) for row in run("EXPLAIN ANALYZE " + sql.replace("nope", "i")))
    assert "s3cret" not in plan
    with pytest.raises(Error) as caught:
        run(f"SELECT * FROM read_csv('{web.url}/x.csv', storage_options = 's3cret')")
    assert "s3cret" not in caught.value.message
    assert "s3cret" not in repr(FileAccess().with_options({"key": "s3cret"}, None))
    assert redacted("a = {'b': 1} storage_options := {'k': '}x', 'l': {'m': 1}} rest").endswith("} rest")


def test_options_of_the_store_reach_it(web: Web) -> None:
    web.files["/o.csv"] = b"i\n7\n"
    sql = f"SELECT i FROM read_csv('{web.url}/o.csv', storage_options = {{'params': {{'who': 'me'}}}})"
    assert run(sql) == [(7,)]
    assert all("who=me" in query for _, _, query in web.requests)


def test_a_redirection_may_not_leave_the_allowed_paths(web: Web) -> None:
    web.refused = {"/away.csv": 302}
    assert run(f"SELECT count(*) FROM '{web.url}/away.csv'") == [(ROWS,)]
    with pytest.raises(OperationalError, match="leads elsewhere"):
        run(f"SELECT * FROM '{web.url}/away.csv'", allowed_paths=[web.url])
    with pytest.raises(OperationalError, match="allowed_paths"):
        run(f"SELECT * FROM '{web.url}/x.csv'", allowed_paths=[f"{web.url}/sub"])


@pytest.fixture
def memory() -> Iterator[str]:
    name = uuid.uuid4().hex
    store = fsspec.filesystem("memory")
    for key in ("a=1/x.csv", "a=2/y.csv", "a=2/.hidden.csv", "_tmp/z.csv"):
        store.pipe(f"/{name}/{key}", b"i,s\n1,a\n2,b\n")
    store.pipe(f"/{name}-2/t.parquet", PARQUET)
    yield f"memory://{name}"
    store.rm(f"/{name}", recursive=True)
    store.rm(f"/{name}-2", recursive=True)


@pytest.mark.parametrize("source", ["", "/", "/**", "/**/*.csv", "/a=*/*.csv", "/*/?.csv"])
def test_folders_and_patterns_of_a_store(memory: str, source: str) -> None:
    assert run(f"SELECT a, sum(i) FROM '{memory}{source}' GROUP BY a ORDER BY a") == [(1, 3), (2, 3)]


def test_what_a_store_has_not(memory: str) -> None:
    for source in ("/nope.csv", "/*.parquet", "-3"):
        with pytest.raises(FileMissingError):
            run(f"SELECT * FROM '{memory}{source}'")
    with pytest.raises(NotSupportedError, match="Protocol not known: nope"):
        run("SELECT * FROM 'nope://x/y.csv'")
    with pytest.raises(NotSupportedError, match="URLs within URLs"):
        run("SELECT * FROM 'simplecache://x::file:///etc/x.csv'")


def test_only_this_process_sees_its_memory(memory: str) -> None:
    sql = f"SELECT sum(i), count(*), max(s) FROM '{memory}-2/t.parquet'"
    connection = sqlengine.connect(scheduler="processes", workers=2, inline_bytes=0)
    assert connection.execute(sql).fetchall() == ANSWER


def test_a_change_in_a_store_is_seen(memory: str) -> None:
    url = f"{memory}/a=1/x.csv"
    table = open_table(url)
    tasks = table.plan_scan(["i"], []).tasks
    fsspec.filesystem("memory").pipe(url, b"i,s\n8,a\n9,b\n")
    assert_changed(lambda: list(table.read(tasks[0], ["i"], 100)))
    assert run(f"SELECT sum(i) FROM '{url}'") == [(17,)]


def test_s3() -> None:
    with s3_server() as s3:
        s3.store.pipe("bucket/t/m=1/x.parquet", PARQUET)
        s3.store.pipe("bucket/t/m=2/x.parquet", PARQUET)
        s3.store.pipe("bucket/x.csv", CSV)
        text = repr(s3.options)
        assert (
            run(f"SELECT sum(i), count(*), max(s) FROM read_csv('s3://bucket/x.csv', storage_options = {text})")
            == ANSWER
        )
        sql = f"SELECT m, sum(i) FROM read_parquet('s3://bucket/t/**', storage_options = {text}) WHERE m = 2 GROUP BY m"
        assert run(sql) == [(2, ANSWER[0][0])]
        for name in ("bucket/gone.csv", "nobucket/gone.csv", "bucket/*.gone"):
            with pytest.raises(FileMissingError) as caught:
                run(f"SELECT * FROM read_csv('s3://{name}', storage_options = {text})")
            assert "hidden" not in str(caught.value)


class Counting:
    """A store over bytes that notes what is fetched."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.calls: list[list[tuple[int, int]]] = []

    def confirm(self, file: FileInfo) -> None:
        pass

    def fetch(self, file: FileInfo, ranges: list[tuple[int, int]]) -> list[bytes]:
        self.calls.append(list(ranges))
        return [self.data[start:stop] for start, stop in ranges]


def test_reading_on_fetches_ever_more() -> None:
    data = bytes(range(256)) * 4 * 4096 * 10
    store = Counting(data)
    file = RemoteFile(store, FileInfo("x", len(data), 0))
    parts = iter(lambda: file.read(100_000), b"")
    assert b"".join(parts) == data
    assert len(store.calls) < 12
    assert sum(stop - start for call in store.calls for start, stop in call) == len(data)


def test_prefetched_ranges_are_fetched_at_once_and_not_again() -> None:
    data = bytes(range(256)) * 4096 * 20
    store = Counting(data)
    file = RemoteFile(store, FileInfo("x", len(data), 0))
    file.prefetch([(10, 20), (100, 9_000_000), (15_000_000, 15_000_100)])
    assert store.calls == [[(10, 10 + (8 << 20)), (10 + (8 << 20), 9_000_000), (15_000_000, 15_000_100)]]
    for start, stop in ((10, 20), (500, 8_999_999), (15_000_050, 15_000_100)):
        file.seek(start)
        assert file.read(stop - start) == data[start:stop]
    assert len(store.calls) == 1
    assert coalesce([(5, 6), (0, 2), (3, 3), (10, 12)], 3) == [(0, 6), (10, 12)]


def test_small_files_are_fetched_once_and_at_the_same_time(web: Web) -> None:
    web.files = {f"/{k}.csv": b"i\n%d\n" % k for k in range(40)}
    urls = [f"{web.url}/{k}.csv" for k in range(40)]
    web.delay = 0.01
    assert run(f"SELECT count(*), sum(i) FROM read_csv({urls})") == [(40, 780)]
    assert len(web.requests) == 80
    assert web.at_once > 4


def test_access_reaches_the_threads_that_list(web: Web) -> None:
    with within(FileAccess(roots=("/nowhere",))), pytest.raises(OperationalError, match="allowed_paths"):
        open_table([f"{web.url}/x.csv", f"{web.url}/empty.csv"])
