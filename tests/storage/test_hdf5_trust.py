"""What a file says is not believed: links, declared sizes, filters, and what lies in other files."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sqlengine
from sqlengine.errors import Error, FileFormatError, FileMissingError, NotSupportedError
from sqlengine.storage.dataset import open_table
from tests.storage.support import scan

Build = Callable[[Any], None]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "data.h5")


def write(path: str, build: Build) -> None:
    with h5py.File(path, "w") as file:
        build(file)


def test_links_within_the_file_are_followed(path: str) -> None:
    def build(file: Any) -> None:
        file["g/x"] = np.arange(3)
        file["g/alias"] = h5py.SoftLink("x")
        file["far"] = h5py.SoftLink("/g/nowhere")
        file["chain"] = h5py.SoftLink("/g/alias")
        file["g/up"] = file["/"]

    write(path, build)
    for dataset in ("chain", "g/up/g/up/g/alias"):
        assert scan(open_table(path, options={"dataset": dataset})) == [(0,), (1,), (2,)]
    assert scan(open_table(path, options={"group": "g"})) == [(k, k) for k in range(3)]
    # The group holds itself; it is met once.
    assert scan(open_table(path)) == [(0,), (1,), (2,)]
    with pytest.raises(FileFormatError, match="no dataset 'far'"):
        open_table(path, options={"dataset": "far"})


def test_links_in_a_circle_end(path: str) -> None:
    def build(file: Any) -> None:
        file["a"], file["b"] = h5py.SoftLink("/b"), h5py.SoftLink("/a")
        file["deep"] = h5py.SoftLink("/deep/deep")

    write(path, build)
    for name in ("a", "deep"):
        with pytest.raises(FileFormatError, match="lead in a circle"):
            open_table(path, options={"dataset": name})


def test_links_to_other_files_are_followed_if_allowed(path: str, tmp_path: Path) -> None:
    write(str(tmp_path / "other.h5"), lambda file: file.create_dataset("g/x", data=np.arange(3)))
    with h5py.File(path, "w") as file:
        file["link"] = h5py.ExternalLink("other.h5", "/g")
        file["self"] = h5py.ExternalLink("data.h5", "/self")
    for options in ({"dataset": "link/x"}, {"group": "link"}):
        with pytest.raises(NotSupportedError, match=r"'/link' of .* lies in another file .*allow_external = true"):
            open_table(path, options=options)
        assert scan(open_table(path, options={**options, "allow_external": True})) == [(0,), (1,), (2,)]
    with pytest.raises(FileFormatError, match=r"more than 32 other files|in a circle"):
        open_table(path, options={"dataset": "self", "allow_external": True})


def test_values_in_other_files_are_read_if_allowed(path: str, tmp_path: Path) -> None:
    values = np.arange(100, dtype="i4")
    (tmp_path / "one.bin").write_bytes(b"skip" + values[:30].tobytes())
    (tmp_path / "two.bin").write_bytes(values[30:].tobytes())
    external = [("one.bin", 4, 120), ("two.bin", 0, h5py.h5f.UNLIMITED)]
    write(path, lambda file: file.create_dataset("x", (100,), "i4", external=external))
    with pytest.raises(NotSupportedError, match=r"'/x' of .* lies in another file \('one.bin'\)"):
        open_table(path)
    allowed = {"allow_external": True, "split_bytes": 100}
    assert scan(open_table(path, options=allowed)) == [(k,) for k in range(100)]
    session = sqlengine.connect(scheduler="inline", allowed_paths=[path])
    with pytest.raises(Error, match=r"one.bin"):
        session.execute(f"SELECT * FROM read_hdf5('{path}', allow_external = true)")


def _virtual(path: str, *sources: str) -> None:
    """A virtual dataset of six values each of dataset `x` of files."""

    def build(file: Any) -> None:
        layout = h5py.VirtualLayout((6 * len(sources),), "i4")
        for number, source in enumerate(sources):
            layout[6 * number : 6 * number + 6] = h5py.VirtualSource(source, "x", (6,))
        file.create_virtual_dataset("x", layout)

    write(path, build)


def test_virtual_datasets_are_read_if_allowed(path: str, tmp_path: Path) -> None:
    for name in "ab":
        write(str(tmp_path / f"{name}.h5"), lambda file: file.create_dataset("x", data=np.arange(6, dtype="i4")))
    _virtual(path, "a.h5", str(tmp_path / "b.h5"))
    with pytest.raises(NotSupportedError, match=r"a part of '/x' of .* lies in another file .*allow_external = true"):
        open_table(path)
    assert scan(open_table(path, options={"allow_external": True})) == [(k,) for k in [*range(6), *range(6)]]
    sql = f"SELECT sum(x) FROM read_hdf5('{path}', allow_external = true)"
    session = sqlengine.connect(scheduler="inline", allowed_paths=[path, str(tmp_path / "a.h5")])
    with pytest.raises(Error, match=r"b.h5' is not within the allowed paths"):
        session.execute(sql)
    with sqlengine.connect(scheduler="inline", allowed_paths=[str(tmp_path)]) as session:
        assert session.execute(sql).fetchall() == [(30,)]
        (tmp_path / "b.h5").unlink()
        with pytest.raises(FileMissingError, match=r"b.h5"):
            session.execute(sql)


def test_virtual_datasets_in_a_circle_end(path: str, tmp_path: Path) -> None:
    _virtual(path, "other.h5")
    _virtual(str(tmp_path / "other.h5"), "data.h5")
    with pytest.raises(FileFormatError, match="lead in a circle"):
        scan(open_table(path, options={"allow_external": True}))
    _virtual(path, ".")
    with pytest.raises(FileFormatError, match="lead in a circle"):
        scan(open_table(path))


def test_virtual_datasets_cannot_declare_what_is_not_there(path: str, tmp_path: Path) -> None:
    def build(file: Any) -> None:
        layout = h5py.VirtualLayout((10**13,), "i4")
        layout[:6] = h5py.VirtualSource("a.h5", "x", (6,))
        file.create_virtual_dataset("x", layout)

    write(str(tmp_path / "a.h5"), lambda file: file.create_dataset("x", data=np.arange(6, dtype="i4")))
    write(path, build)
    with pytest.raises(FileFormatError, match="declares 40,000,000,000,000 bytes of values, but stores only"):
        open_table(path, options={"allow_external": True})


@pytest.mark.parametrize("chunks", [None, (1000,)])
def test_declared_but_empty_sizes_are_errors(path: str, chunks: Any) -> None:
    write(path, lambda file: file.create_dataset("x", (10**15,), "i1", chunks=chunks))
    with pytest.raises(FileFormatError, match="declares 1,000,000,000,000,000 bytes of values, but stores only 0"):
        open_table(path)


def test_huge_chunks_are_refused(path: str) -> None:
    write(path, lambda file: file.create_dataset("x", (10,), "i1", chunks=(2**31,), maxshape=(None,)))
    with pytest.raises(NotSupportedError, match="chunks of 2,147,483,648 bytes"):
        open_table(path)


def test_unknown_filters_are_named_and_plugins_never_sought(path: str, tmp_path: Path) -> None:
    write(path, lambda file: file.create_dataset("x", data=np.arange(10), chunks=(10,), compression="gzip"))
    data = Path(path).read_bytes()
    # The number of the filter stands before its name in the message of the dataset's header.
    place = data.index(b"deflate\0") - 8
    assert data[place : place + 2] == b"\1\0"
    Path(path).write_bytes(data[:place] + (31_999).to_bytes(2, "little") + data[place + 2 :])
    with pytest.raises(NotSupportedError, match=r"compressed by filter 31999 .*which is not installed"):
        open_table(path)
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    script = f"""
import sqlengine
try:
    sqlengine.query("FROM '{path}'")
except sqlengine.NotSupportedError:
    import h5py
    print([h5py.h5pl.get(k) for k in range(h5py.h5pl.size())])
"""
    environment = {**os.environ, "HDF5_PLUGIN_PATH": str(plugins), "SQLENGINE_SCHEDULER": "inline"}
    out = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    # The variable is ignored, and what the rest of the program has set stays.
    assert out.stdout.strip() == str([str(plugins).encode()])


@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}])
def test_truncated_data_is_an_error(path: str, options: dict[str, Any]) -> None:
    write(path, lambda file: file.create_dataset("x", data=np.random.default_rng(1).random(5000), **options))
    data = Path(path).read_bytes()
    for share in range(0, 100, 5):
        Path(path).write_bytes(data[: len(data) * share // 100])
        with pytest.raises(Error, match=r"data.h5"):
            scan(open_table(path))


def test_damaged_deflated_data_is_an_error(path: str) -> None:
    write(path, lambda file: file.create_dataset("x", data=np.arange(5000), chunks=(5000,), compression="gzip"))
    with h5py.File(path) as file:
        chunk = file["x"].id.get_chunk_info(0)
    data = bytearray(Path(path).read_bytes())
    data[chunk.byte_offset + chunk.size // 2] ^= 0xFF
    Path(path).write_bytes(data)
    with pytest.raises(FileFormatError, match="cannot be decompressed"):
        scan(open_table(path))


def test_what_is_no_hdf5_file(path: str) -> None:
    for content in (b"", b"hello", b"\x89HDF\r\n\x1a\n" + bytes(500)):
        Path(path).write_bytes(content)
        with pytest.raises(FileFormatError, match=r"data.h5' is not a readable HDF5 file"):
            open_table(path)


def test_objects_and_attributes_are_tables(path: str) -> None:
    def build(file: Any) -> None:
        file.create_dataset("g/x", data=np.zeros((4, 6), "f4"), chunks=(2, 3), compression="gzip", shuffle=True)
        file["g/soft"], file["g/away"] = h5py.SoftLink("x"), h5py.ExternalLink("o.h5", "/y")
        file["g"].attrs["unit"] = "m/s"
        file["g/x"].attrs["scale"] = np.array([1.5, 2.0])
        file["g/x"].attrs["none"] = h5py.Empty("f4")
        file.attrs["refs"] = np.array([file["g"].ref], h5py.ref_dtype)

    write(path, build)
    session = sqlengine.connect(scheduler="inline")
    found = session.execute(f"SELECT * EXCLUDE (file, stored_bytes) FROM read_hdf5_objects('{path}')").fetchall()
    assert [tuple(row) for row in found] == [
        ("/", "group", None, None, None, None, None),
        ("/g", "group", None, None, None, None, None),
        ("/g/away", "external link", None, None, None, None, "o.h5:/y"),
        ("/g/soft", "soft link", None, None, None, None, "x"),
        ("/g/x", "dataset", "FLOAT", [4, 6], [2, 3], "shuffle, deflate", None),
    ]
    found = session.execute(f"SELECT * EXCLUDE (file) FROM read_hdf5_attributes('{path}')").fetchall()
    assert [tuple(row) for row in found] == [
        ("/", "refs", "an object or region reference", None),
        ("/g", "unit", "VARCHAR", "m/s"),
        ("/g/x", "none", "FLOAT", None),
        ("/g/x", "scale", "DOUBLE", "[1.5, 2.0]"),
    ]


@pytest.mark.parametrize("options", [{}, {"chunks": (4,)}, {"chunks": (4,), "compression": "gzip", "shuffle": True}])
def test_declared_lengths_of_sequences_are_checked(path: str, options: dict[str, Any]) -> None:
    text, numbers = h5py.string_dtype(), h5py.vlen_dtype("i8")
    record = np.dtype([("n", "i4"), ("s", text), ("m", "i2"), ("t", text), ("v", numbers)])

    def build(file: Any) -> None:
        file.create_dataset("s", data=["abc"] * 10, dtype=text, **options)
        file.create_dataset("v", (10,), numbers, **options)[:] = [np.arange(k) for k in range(1, 11)]
        file.create_dataset("r", (10,), record, **options)[:] = [(k, "ab", -k, "c", np.arange(2)) for k in range(10)]

    write(path, build)
    assert scan(open_table(path, options={"dataset": "r"}))[3] == (3, "ab", -3, "c", [0, 1])
    assert scan(open_table(path, options={"dataset": "s"})) == [("abc",)] * 10
    if options.get("compression"):
        return
    with h5py.File(path) as file:
        places = {}
        for name, offset in (("s", 0), ("v", 0), ("r", 4), ("r", 22), ("r", 38)):
            chunked = file[name].chunks is not None
            start = file[name].id.get_chunk_info(0).byte_offset if chunked else file[name].id.get_offset()
            places[name, offset] = start + offset
    data = Path(path).read_bytes()
    for (name, _), place in places.items():
        assert int.from_bytes(data[place : place + 4], "little") in (1, 2, 3)
        Path(path).write_bytes(data[:place] + b"\xff\xff\xff\x7f" + data[place + 4 :])
        with pytest.raises(FileFormatError, match=r"damaged: it declares values of [0-9,]+ bytes"):
            scan(open_table(path, options={"dataset": name}))
        # A heap that is not there, an object that is not in it, a length that is not the object's.
        for damage, at in ((b"\x10\0", 4), (b"\xff\xff", 12), (b"\x40\0", 0)):
            Path(path).write_bytes(data[: place + at] + damage + data[place + at + 2 :])
            with pytest.raises(FileFormatError, match=r"damaged: a (value lies in no heap|value of .* its heap)"):
                scan(open_table(path, options={"dataset": name}))


def test_free_space_of_a_heap_that_leads_nowhere(path: str) -> None:
    write(path, lambda file: file.create_dataset("s", data=["abc"] * 10, dtype=h5py.string_dtype()))
    data = bytearray(Path(path).read_bytes())
    # HDF5 2.0 never returns from a heap whose free space has no size.
    last = data.rindex(b"abc") + 8
    assert data[last : last + 8] == bytes(8)
    data[last + 8 : last + 16] = bytes(8)
    Path(path).write_bytes(data)
    with pytest.raises(FileFormatError, match="the objects of a heap overlap its end"):
        scan(open_table(path))
