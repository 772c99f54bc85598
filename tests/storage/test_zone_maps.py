"""What scans remember of files: used by later filters, never wrong, never stale, never needed."""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

import sqlengine
from sqlengine.storage import zone_store
from sqlengine.storage.files.access import FileInfo
from sqlengine.storage.format import ColumnStatistics
from sqlengine.storage.zone_maps import Zone

ROWS = 12_000
FORMATS = ("csv", "ndjson", "h5")


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty store of its own, for small files too."""
    folder = tmp_path / "cache"
    monkeypatch.setattr("sqlengine.storage.zone_store.cache_folder", lambda: folder)
    monkeypatch.setattr("sqlengine.storage.zone_maps.TABLE_BYTES", 0)
    return folder


def _numbers() -> list[tuple[int, float, str]]:
    rng = Random(3)
    return [(k // 1000, rng.uniform(-1, 1) * 10 ** rng.randint(-8, 12), f"name {k:05}") for k in range(ROWS)]


def _write(folder: Path, kind: str, rows: list[tuple[int, float, str]]) -> Path:
    path = folder / f"t.{kind}"
    if kind == "csv":
        path.write_text("year,x,s\n" + "".join(f"{year},{x!r},{s}\n" for year, x, s in rows))
    elif kind == "ndjson":
        path.write_text("".join(json.dumps({"year": year, "x": x, "s": s}) + "\n" for year, x, s in rows))
    else:
        import h5py

        with h5py.File(path, "w") as file:
            file.create_dataset("year", data=[year for year, _, _ in rows], chunks=(1000,))
            file.create_dataset("x", data=[x for _, x, _ in rows], chunks=(1000,))
    _age(path)
    return path


def _age(path: Path, seconds: int = 60) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - seconds * 10**9))


def _connect(scheduler: str = "inline", **settings: object) -> sqlengine.Connection:
    changes = {"split_bytes": 66_000, "task_rows": 3_000, "inline_bytes": 0, **settings}
    return sqlengine.connect(scheduler=scheduler, **changes)


def _ask(sql: str, **settings: object) -> list[tuple[object, ...]]:
    with _connect(**settings) as connection:
        return connection.execute(sql).fetchall()


def _pruned(sql: str, **settings: object) -> tuple[int, int]:
    """Splits left out by zone maps, and all of them."""
    ((text,),) = _ask(f"EXPLAIN {sql}", **settings)
    found = re.search(r"\d+ of (\d+) splits(?: \((\d+) pruned by .*zone maps)?", str(text))
    assert found, text
    return int(found[2] or 0), int(found[1])


def _bits(rows: list[tuple[object, ...]]) -> list[list[object]]:
    return [[struct.pack("d", value) if isinstance(value, float) else value for value in row] for row in rows]


@pytest.mark.parametrize("kind", FORMATS)
def test_second_query_skips_splits_and_answers_to_the_last_bit(tmp_path: Path, kind: str) -> None:
    path = _write(tmp_path, kind, _numbers())
    queries = [
        f"SELECT sum(x), avg(x), count(*) FROM '{path}' WHERE year BETWEEN 3 AND 6",
        f"SELECT year, sum(x), stddev(x) FROM '{path}' WHERE year IN (2, 9) GROUP BY year ORDER BY year",
        f"SELECT sum(x), count(*) FROM '{path}' WHERE year = 77",
        f"SELECT kahan_sum(x), regr_slope(x, year) FROM '{path}' WHERE year > 6",
    ]
    off = [_bits(_ask(sql, zone_maps=False)) for sql in queries]
    assert not zone_store.cache_folder().exists()
    cold = [_bits(_ask(queries[0])), *(_bits(_ask(sql)) for sql in queries[1:])]
    warm = [_bits(_ask(sql)) for sql in queries]
    assert off == cold == warm
    pruned, total = _pruned(queries[0])
    assert 0 < pruned < total
    assert _pruned(queries[2]) == (total, total)
    assert _pruned(queries[2], zone_maps=False) == (0, total)
    assert _pruned(f"SELECT x FROM '{path}'") == (0, total)


def test_workers_report_what_they_find(tmp_path: Path) -> None:
    path = _write(tmp_path, "csv", _numbers())
    sql = f"SELECT sum(x), count(*) FROM '{path}' WHERE year = 4"
    cold = _ask(sql, scheduler="processes", workers=2)
    assert _pruned(sql)[0]
    assert _bits(_ask(sql, scheduler="processes", workers=2)) == _bits(cold) == _bits(_ask(sql, scheduler="threads"))


def test_filters_on_text_and_nulls(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    lines = [f"name {k:05},{'' if k < 6000 else k}\n" for k in range(20_000)]
    path.write_text("s,n\n" + "".join(lines))
    _age(path)
    _ask(f"SELECT min(s), min(n) FROM '{path}'")
    sql = f"SELECT count(*) FROM '{path}' WHERE s = 'name 00018'"
    assert _pruned(sql)[0] == 0
    # Texts are looked at once a filter asks for them.
    assert _ask(sql) == [(1,)]
    for condition, rows in (
        ("s = 'name 00017'", 1),
        ("s LIKE 'name 19%'", 1000),
        ("n IS NULL", 6000),
        ("n IS NOT NULL", 14_000),
        ("n < 6010", 10),
    ):
        sql = f"SELECT count(*) FROM '{path}' WHERE {condition}"
        assert _pruned(sql)[0], condition
        assert _ask(sql) == [(rows,)]


def test_found_out_in_another_process(tmp_path: Path) -> None:
    path = _write(tmp_path, "csv", _numbers())
    sql = f"SELECT count(*) FROM '{path}' WHERE year = 4"
    _ask(sql)
    zone_store.forget_loaded()
    assert _pruned(sql)[0]
    database = zone_store.cache_folder() / "zones-1.sqlite"
    assert database.stat().st_mode & 0o777 == 0o600
    assert zone_store.cache_folder().stat().st_mode & 0o777 == 0o700


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = _write(tmp_path, "csv", _numbers())
    sql = f"SELECT count(*) FROM '{path}' WHERE year = 4"
    assert _ask(sql) == [(1000,)]
    assert _pruned(sql)[0]
    # The same size, and another time.
    path.write_bytes(path.read_bytes().replace(b"\n5,", b"\n4,"))
    _age(path, 30)
    assert _pruned(sql)[0] == 0
    assert _ask(sql) == [(2000,)]
    assert _pruned(sql)[0]


def test_nothing_is_remembered_of_a_file_that_has_just_changed(tmp_path: Path) -> None:
    path = _write(tmp_path, "csv", _numbers())
    os.utime(path, ns=(0, 2**62))
    sql = f"SELECT count(*) FROM '{path}' WHERE year = 4"
    assert _ask(sql) == [(1000,)]
    assert _pruned(sql)[0] == 0


def test_other_options_read_other_values(tmp_path: Path) -> None:
    path = _write(tmp_path, "csv", _numbers())
    _ask(f"SELECT count(*) FROM '{path}' WHERE year = 4")
    sql = f"SELECT count(*) FROM read_csv('{path}', {{}}) WHERE year = 4"
    assert _pruned(sql.format("header = true"))[0]
    assert _pruned(sql.format("nullstr = '4'"))[0] == 0
    assert _pruned(sql.format("nullstr = '4'").replace("= 4", "IS NULL"))[0] == 0
    assert _ask(sql.format("nullstr = '4'").replace("= 4", "IS NULL").replace("year IS", "year IS")) == [(1000,)]
    # As text '10' comes before '4'.
    text = sql.format("types = {'year': 'VARCHAR'}").replace("= 4", "< '2'")
    assert _pruned(text)[0] == 0
    assert _ask(text) == [(4000,)]


def test_only_what_was_read_in_full_counts(tmp_path: Path) -> None:
    path = _write(tmp_path, "csv", _numbers())
    assert len(_ask(f"SELECT year FROM '{path}' LIMIT 5", batch_rows=100)) == 5
    assert _pruned(f"SELECT count(*) FROM '{path}' WHERE year = 0")[0] == 0
    # A filter of the scan hides no value from what is remembered: x of all years, of splits that were read.
    _ask(f"SELECT sum(x) FROM '{path}' WHERE year = 4")
    least = min(x for _, x, _ in _numbers())
    assert _ask(f"SELECT count(*) FROM '{path}' WHERE x <= {least!r}") == [(1,)]


def test_columns_are_remembered_one_by_one(tmp_path: Path) -> None:
    path = _write(tmp_path, "csv", _numbers())
    _ask(f"SELECT max(x) FROM '{path}'")
    sql = f"SELECT count(*) FROM '{path}' WHERE year = 4"
    assert _pruned(sql)[0] == 0
    _ask(f"SELECT max(year) FROM '{path}'")
    assert _pruned(sql)[0]
    pruned, total = _pruned(f"SELECT count(*) FROM '{path}' WHERE x > 1e20 OR year = 4 AND x < 0")
    assert pruned == 0 < total
    assert _pruned(f"SELECT count(*) FROM '{path}' WHERE x < -1e20")[0]


def test_damage_costs_nothing_but_time(tmp_path: Path) -> None:
    path = _write(tmp_path, "csv", _numbers())
    sql = f"SELECT count(*) FROM '{path}' WHERE year = 4"
    _ask(sql)
    database = zone_store.cache_folder() / "zones-1.sqlite"
    import sqlite3

    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE zones SET content = replace(content, '\"BIGINT\", 4', '\"BIGINT\", 9')")
    zone_store.forget_loaded()
    assert _ask(sql) == [(1000,)]
    for name in list(zone_store.cache_folder().iterdir()):
        name.write_bytes(b"no database at all" * 1000)
    zone_store.forget_loaded()
    assert _ask(sql) == [(1000,)]
    zone_store.forget_loaded()
    assert _ask(sql) == [(1000,)]
    zone_store.forget_loaded()
    assert _pruned(sql)[0]


def test_what_somebody_else_wrote_is_no_zone() -> None:
    zone = Zone("scope", FileInfo("/a", 1, 2, "3"), 0, 9, 5, {"k": ("BIGINT", ColumnStatistics(1, 2, 0))})
    *place, text, checksum = zone_store._row(zone)
    assert zone_store._zone(*place, text, checksum) == zone
    decimal = text.replace(", 1, 2, 0]", ', {"decimal": "x"}, {"timestamp": "x"}, 0]')
    for wrong in ("", "[1, 2]", "no JSON", "[" * 100_000, '[1, 2, "", 3, 4]', '[1, 2, "", 3, {"k": 4}]', decimal):
        assert wrong != text
        assert zone_store._zone(*place, wrong, zone_store._checksum(*place, wrong)) is None


def test_a_folder_of_others_is_not_used(tmp_path: Path) -> None:
    path = _write(tmp_path, "csv", _numbers())
    zone_store.cache_folder().mkdir()
    zone_store.cache_folder().chmod(0o777)
    assert _ask(f"SELECT count(*) FROM '{path}' WHERE year = 4") == [(1000,)]
    assert not list(zone_store.cache_folder().iterdir())


def test_the_store_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlengine.storage.zone_store.MOST_BYTES", 200_000)
    for number in range(40):
        file = FileInfo("/a/\udcff" + "x" * 100, 1, 2)
        columns = {f"c{k}": ("BIGINT", ColumnStatistics(k, k, 0)) for k in range(20)}
        zone_store.keep_zones(Zone(f"scope {number}", file, k, k + 1, 10, columns) for k in range(20))
    zone_store.forget_loaded()
    assert len(zone_store.known_zones("scope 39")) == 20
    assert not zone_store.known_zones("scope 0")
    assert sum(file.stat().st_size for file in zone_store.cache_folder().glob("*.sqlite")) < 400_000


def test_values_of_other_files_are_not_remembered(tmp_path: Path) -> None:
    path = _write(tmp_path, "h5", _numbers())
    source = f"read_hdf5('{path}', allow_external = true)"
    _ask(f"SELECT count(*) FROM {source} WHERE year = 4")
    assert _pruned(f"SELECT count(*) FROM {source} WHERE year = 4")[0] == 0
