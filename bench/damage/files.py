"""Good files of every format, small, with every kind of value that the format holds."""

from __future__ import annotations

import bz2
import datetime
import gzip
import json
import lzma
import warnings
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

ROWS = 240


def table() -> pa.Table:
    """Rows with NULLs, text of all kinds, times and nested values."""
    random = np.random.default_rng(7)
    rows = range(ROWS)
    names = ["", "plain", "with, comma", 'with "quotes"', "two\nlines", "naïve — ☃ 🜁", "a" * 60]
    day = datetime.date(2020, 1, 1)
    return pa.table(
        {
            "id": pa.array(rows, pa.int64()),
            "flag": [None if k % 7 == 0 else k % 2 == 0 for k in rows],
            "small": pa.array([None if k % 5 == 0 else k % 100 for k in rows], pa.int16()),
            "real": [None if k % 11 == 0 else float(value) for k, value in enumerate(random.normal(size=ROWS))],
            "price": [None if k % 13 == 0 else Decimal(k * 37).scaleb(-2) for k in rows],
            "name": [None if k % 9 == 0 else f"{names[k % len(names)]}" for k in rows],
            "text": [f"row {k} says {random.integers(10**9)}" for k in rows],
            "born": [None if k % 4 == 3 else day + datetime.timedelta(days=k * 31) for k in rows],
            "seen": [datetime.datetime(2021, 3, 4, 5, 6, 7) + datetime.timedelta(minutes=k * 977) for k in rows],
        }
    )


def nested() -> pa.Table:
    """The same with lists and structs."""
    tags = [None if k % 6 == 5 else [f"t{j}" for j in range(k % 4)] for k in range(ROWS)]
    point = [None if k % 8 == 7 else {"x": k, "y": None if k % 3 == 0 else k / 3} for k in range(ROWS)]
    return table().append_column("tags", pa.array(tags)).append_column("point", pa.array(point))


def write_files(folder: Path) -> list[Path]:
    """Write a file of each kind of `KINDS` into `folder`; their paths."""
    paths = []
    for name, write in KINDS.items():
        path = folder / name
        write(path)
        paths.append(path)
    return paths


def _parquet(path: Path, **options: Any) -> None:
    import pyarrow.parquet as pq

    pq.write_table(nested(), path, row_group_size=100, data_page_size=700, **options)


def _arrow(path: Path, compression: str | None = None) -> None:
    data = nested()
    data = data.set_column(5, "name", data["name"].combine_chunks().dictionary_encode())
    make = pa.ipc.new_stream if path.suffix == ".arrows" else pa.ipc.new_file
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.OSFile(str(path), "wb") as sink, make(sink, data.schema, options=options) as writer:
        writer.write_table(data, max_chunksize=100)


def _csv(path: Path) -> None:
    from pyarrow import csv

    sink = pa.BufferOutputStream()
    csv.write_csv(table(), sink, csv.WriteOptions(quoting_style="needed"))
    _write_text(path, sink.getvalue().to_pybytes())


def _json_lines(path: Path) -> None:
    lines = [json.dumps(row, default=str, ensure_ascii=False) for row in nested().to_pylist()]
    _write_text(path, "\n".join([*lines, ""]).encode())


def _json_array(path: Path) -> None:
    path.write_text(json.dumps(nested().to_pylist(), default=str, ensure_ascii=False, indent=1))


def _write_text(path: Path, data: bytes) -> None:
    match path.suffix:
        case ".gz":
            data = gzip.compress(data, mtime=0)
        case ".bz2":
            data = bz2.compress(data)
        case ".xz":
            data = lzma.compress(data)
        case ".zst" | ".lz4":
            sink = pa.BufferOutputStream()
            with pa.CompressedOutputStream(sink, {".zst": "zstd", ".lz4": "lz4"}[path.suffix]) as stream:
                stream.write(data)
            data = sink.getvalue().to_pybytes()
    path.write_bytes(data)


def _hdf5_columns(path: Path) -> dict[str, Any]:
    data = table()
    columns: dict[str, Any] = {
        "id": data["id"].to_numpy(),
        "small": data["small"].fill_null(0).to_numpy(),
        "real": data["real"].fill_null(0).to_numpy(),
        "fixed": np.array([text[:20].encode() for text in data["text"].to_pylist()]),
    }
    return columns


def _hdf5_chunks(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for name, values in _hdf5_columns(path).items():
            file.create_dataset(name, data=values, chunks=(64,), compression="gzip", shuffle=True)


def _hdf5_plain(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        group = file.create_group("g")
        group.attrs["title"] = "data"
        for name, values in _hdf5_columns(path).items():
            group[name] = values
        group.create_dataset("text", data=table()["text"].to_pylist(), dtype=h5py.string_dtype())


def _hdf5_records(path: Path) -> None:
    import h5py

    kind = np.dtype([("a", "i4"), ("b", "f8"), ("name", h5py.string_dtype()), ("inner", [("c", "S4"), ("d", "i2", 3)])])
    with h5py.File(path, "w") as file:
        records = file.create_dataset("r", (ROWS,), kind, chunks=(50,), compression="gzip", fletcher32=True)
        records[:] = np.array([(k, k / 2, f"name {k}", (b"abcd", [k, 1, 2])) for k in range(ROWS)], kind)


def _hdf5_latest(path: Path) -> None:
    import h5py

    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset("m", data=np.arange(ROWS * 12.0).reshape(ROWS, 12), chunks=(50, 5), compression="lzf")


def _hdf5_pandas(path: Path) -> None:
    # PyTables is used by pandas; only the tests' and the bench's environment have it.
    import tables

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tables.NaturalNameWarning)
        frame = table().select(["id", "real", "text"]).to_pandas()
        frame.to_hdf(path, key="t", format="table", index=False)


_TEXTS: dict[str, Callable[[Path], None]] = {"csv": _csv, "json": _json_lines}

KINDS: dict[str, Callable[[Path], None]] = {
    "plain.parquet": lambda path: _parquet(path, compression="none", use_dictionary=False),
    "dictionary.parquet": lambda path: _parquet(path, compression="snappy"),
    "zstd.parquet": lambda path: _parquet(path, compression="zstd", data_page_version="2.0"),
    "plain.arrow": _arrow,
    "lz4.arrow": lambda path: _arrow(path, "lz4"),
    "zstd.arrow": lambda path: _arrow(path, "zstd"),
    "plain.arrows": _arrow,
    "lz4.arrows": lambda path: _arrow(path, "lz4"),
    "plain.csv": _csv,
    "packed.csv.gz": _csv,
    "lines.ndjson": _json_lines,
    "array.json": _json_array,
    "packed.json.gz": _json_lines,
    **{f"packed.{name}{ending}": write for name, write in _TEXTS.items() for ending in (".bz2", ".xz", ".zst", ".lz4")},
    "chunks.h5": _hdf5_chunks,
    "plain.h5": _hdf5_plain,
    "records.h5": _hdf5_records,
    "latest.h5": _hdf5_latest,
    "pandas.h5": _hdf5_pandas,
}
