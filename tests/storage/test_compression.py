"""Compressed text: every codec, several members, damage, and bombs."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sqlengine
from sqlengine.errors import Error, FileFormatError, SettingError
from sqlengine.storage.files import compression
from sqlengine.storage.files.compression import COMPRESSIONS
from sqlengine.storage.filesystem import open_stream

CSV = b"i,s\n" + b"".join(b"%d,value %d\n" % (k, k * k) for k in range(3000))
JSON = b"".join(b'{"i":%d,"s":"value %d"}\n' % (k, k * k) for k in range(3000))
ENDINGS = list(COMPRESSIONS)


def compress(data: bytes, ending: str) -> bytes:
    match ending:
        case ".gz":
            return gzip.compress(data)
        case ".bz2":
            return bz2.compress(data)
        case ".xz":
            return lzma.compress(data)
        case _:
            sink = pa.BufferOutputStream()
            with pa.CompressedOutputStream(sink, COMPRESSIONS[ending]) as stream:
                stream.write(data)
            return bytes(sink.getvalue())


def run(sql: str, **settings: object) -> list[tuple[object, ...]]:
    return sqlengine.connect(scheduler="inline", **settings).execute(sql).fetchall()  # type: ignore[arg-type]


@pytest.mark.parametrize("ending", ENDINGS)
def test_text_of_every_codec(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"x.csv{ending}").write_bytes(compress(CSV, ending))
    (tmp_path / f"x.ndjson{ending}").write_bytes(compress(JSON, ending))
    for name in ("csv", "ndjson"):
        assert run(f"SELECT sum(i), max(s), count(*) FROM '{tmp_path}/x.{name}{ending}'") == [
            (3000 * 2999 // 2, "value 99856", 3000)
        ]


@pytest.mark.parametrize("ending", ENDINGS)
def test_several_members_are_one_stream(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x.csv{ending}"
    path.write_bytes(b"".join(compress(part, ending) for part in (CSV[:7], CSV[7:1000], CSV[1000:])))
    assert open_stream(str(path)).read() == CSV


def test_members_of_xz_may_be_padded(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.xz"
    path.write_bytes(lzma.compress(b"a") + bytes(8) + lzma.compress(b"b") + bytes(4))
    assert open_stream(str(path)).read() == b"ab"


@pytest.mark.parametrize("ending", ENDINGS)
def test_damage_is_told(tmp_path: Path, ending: str) -> None:
    whole = compress(CSV, ending)
    path = tmp_path / f"x.csv{ending}"
    told = 0
    for k in range(1, 20):
        path.write_bytes(whole[: len(whole) * k // 20])
        with pytest.raises(FileFormatError, match=r"x\.csv.* truncated or damaged: .* as "):
            open_stream(str(path)).read()
        flipped = bytearray(whole)
        flipped[len(whole) * k // 20] ^= 0x10
        path.write_bytes(flipped)
        try:
            read = open_stream(str(path)).read()
        except FileFormatError:
            told += 1
        else:
            # lz4's frames have no checksum unless asked for.
            assert read == CSV or ending in (".lz4", ".zst")
    assert told >= (10 if ending not in (".lz4", ".zst") else 1)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_bomb_is_not_read_to_its_end(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "_HARMLESS", 1 << 20)
    path = tmp_path / f"bomb.csv{ending}"
    line = b"0" * 99 + b"\n"
    path.write_bytes(compress(b"a\n" + line * 50_000, ending))
    with pytest.raises(FileFormatError, match="max_decompression_ratio"):
        run(f"SELECT count(*) FROM '{path}'", max_decompression_ratio=50)
    with pytest.raises(FileFormatError, match="decompressed_limit"):
        run(f"SELECT count(*) FROM '{path}'", decompressed_limit="1MB")


def test_the_default_ratio_stops_a_bomb_and_passes_a_dull_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "_HARMLESS", 1 << 20)
    (tmp_path / "bomb.csv.xz").write_bytes(lzma.compress(b"a\n" + b"\n" * (8 << 20), preset=0))
    with pytest.raises(FileFormatError, match="1000 times"):
        run(f"SELECT count(*) FROM '{tmp_path}/bomb.csv.xz'")
    log = b"".join(b"2024-01-01 00:00:%02d,INFO,request served,/index.html,200\n" % (k % 60) for k in range(100_000))
    (tmp_path / "log.csv.gz").write_bytes(gzip.compress(log))
    (tmp_path / "log.csv.zst").write_bytes(compress(log, ".zst"))
    for ending in (".gz", ".zst"):
        sql = f"SELECT count(*) FROM read_csv('{tmp_path}/log.csv{ending}', header = false)"
        assert run(sql, max_decompression_ratio=1000) == [(100_000,)]


def test_a_small_file_may_be_anything(tmp_path: Path) -> None:
    (tmp_path / "x.csv.xz").write_bytes(lzma.compress(b"a\n" + b"\n" * (8 << 20), preset=0))
    assert run(f"SELECT count(*) FROM '{tmp_path}/x.csv.xz'") == [(8 << 20,)]


def test_option_compression_overrules_the_name(tmp_path: Path) -> None:
    (tmp_path / "x.dat").write_bytes(gzip.compress(CSV))
    (tmp_path / "plain.csv.gz").write_bytes(CSV)
    (tmp_path / "y.dat").write_bytes(gzip.compress(JSON))
    count = [(3000,)]
    assert run(f"SELECT count(*) FROM read_csv('{tmp_path}/x.dat', compression = 'gzip')") == count
    assert run(f"SELECT count(*) FROM read_csv('{tmp_path}/plain.csv.gz', compression = 'none')") == count
    assert run(f"SELECT count(*) FROM read_json('{tmp_path}/y.dat', compression = 'GZIP')") == count
    with pytest.raises(SettingError, match="takes one of auto, none, gzip"):
        run(f"SELECT count(*) FROM read_csv('{tmp_path}/x.dat', compression = 'gzi')")
    with pytest.raises(SettingError, match="no option 'compression'"):
        run(f"SELECT count(*) FROM read_parquet('{tmp_path}/x.dat', compression = 'gzip')")
    with pytest.raises(Error):
        run(f"SELECT count(*) FROM read_csv('{tmp_path}/plain.csv.gz')")


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow", "x.arrows"])
def test_bombs_of_formats_that_compress_themselves(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "_HARMLESS", 1 << 20)
    path = tmp_path / name
    table = pa.table({"a": [bytes(8)] * (1 << 20), "b": range(1 << 20)})
    if name == "x.parquet":
        pq.write_table(table, path, compression="zstd", use_dictionary=False)
    else:
        make = pa.ipc.new_file if name == "x.arrow" else pa.ipc.new_stream
        with make(str(path), table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
            writer.write_table(table)
    sql = f"SELECT max(a) FROM '{path}'"
    with pytest.raises(
        FileFormatError, match=rf"{name}' decompresses to more than 3 times its size.*max_decompression"
    ):
        run(sql, max_decompression_ratio=3)
    assert run(sql, max_decompression_ratio=100_000) == [(bytes(8),)]


def test_a_parquet_footer_may_not_be_huge(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    with open(path, "wb") as file:
        file.write(b"PAR1")
        file.truncate(400 << 20)
        file.seek(0, 2)
        file.write((300 << 20).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(FileFormatError, match=r"x\.parquet.* declares a footer of 314572800 bytes"):
        run(f"SELECT count(*) FROM '{path}'")
