import datetime
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest

import sqlengine
from sqlengine.errors import ConversionError, FileFormatError, NotSupportedError, SettingError
from sqlengine.storage.dataset import open_table
from sqlengine.storage.hdf5_file import open_hdf5
from sqlengine.storage.table import Predicate
from tests.storage.support import count, scan, types

Build = Callable[[Any], None]


@pytest.fixture
def make(tmp_path: Path) -> Callable[[Build], str]:
    """Writes an HDF5 file by a function of the open file; returns its path."""

    def write(build: Build) -> str:
        path = tmp_path / "data.h5"
        with h5py.File(path, "w") as file:
            build(file)
        return str(path)

    return write


def test_equally_long_datasets_of_a_group_are_columns(make: Callable[[Build], str]) -> None:
    def build(file: Any) -> None:
        file["g/x"] = np.arange(5)
        file["g/y"] = np.linspace(0, 1, 5, dtype="f4")

    path = make(build)
    table = open_table(path)
    assert types(table) == {"x": "BIGINT", "y": "FLOAT"}
    assert scan(table) == [(k, np.float32(k / 4)) for k in range(5)]
    assert scan(open_table(path, options={"group": "/g"}), ["y"]) == scan(table, ["y"])
    assert scan(open_table(path, options={"dataset": "g/x"})) == [(k,) for k in range(5)]
    assert (count(table), table.row_count()) == (5, 5)


PLAIN = {
    "bool": (np.array([True, False]), "BOOLEAN", [True, False]),
    "i1": (np.array([-128, 127], "i1"), "TINYINT", [-128, 127]),
    "i2 big-endian": (np.array([-2, 300], ">i2"), "SMALLINT", [-2, 300]),
    "u4": (np.array([0, 2**32 - 1], "u4"), "UINTEGER", [0, 2**32 - 1]),
    "i8": (np.array([-(2**63), 2**63 - 1]), "BIGINT", [-(2**63), 2**63 - 1]),
    "u8": (np.array([0, 2**64 - 1], "u8"), "UBIGINT", [0, 2**64 - 1]),
    "f2": (np.array([0.5, -2], "f2"), "FLOAT", [0.5, -2]),
    "f4 big-endian": (np.array([1.5, np.inf], ">f4"), "FLOAT", [1.5, np.inf]),
    "f8": (np.array([1e300, -0.0]), "DOUBLE", [1e300, -0.0]),
    "complex": (np.array([1 + 2j]), "STRUCT(r DOUBLE, i DOUBLE)", [{"r": 1.0, "i": 2.0}]),
    "fixed": (np.array([b"ab", b""], "S3"), "VARCHAR", ["ab", ""]),
    "variable": (np.array(["ä", ""], h5py.string_dtype()), "VARCHAR", ["ä", ""]),
    "date": (
        np.array(["2020-02-29", "NaT"], "M8[D]").astype(h5py.opaque_dtype("M8[D]")),
        "DATE",
        [datetime.date(2020, 2, 29), None],
    ),
    "moment": (
        np.array(["2020-02-29T01:02:03", "NaT"], "M8[us]").astype(h5py.opaque_dtype("M8[us]")),
        "TIMESTAMP",
        [datetime.datetime(2020, 2, 29, 1, 2, 3), None],
    ),
    "record": (
        np.array(
            [(1, b"x", (2, [[1, 2], [3, 4]]))], [("a", "i1"), ("b", "S2"), ("c", [("d", ">i2"), ("e", "f4", (2, 2))])]
        ),
        None,
        [(1, "x", {"d": 2, "e": [[1, 2], [3, 4]]})],
    ),
}


@pytest.mark.parametrize("storage", [{}, {"chunks": True}, {"chunks": True, "compression": "gzip", "shuffle": True}])
@pytest.mark.parametrize("name", PLAIN)
def test_every_type_from_every_storage(make: Callable[[Build], str], name: str, storage: dict[str, Any]) -> None:
    values, type_, expected = PLAIN[name]
    table = open_table(make(lambda file: file.create_dataset("v", data=values, **storage)))
    if type_ is None:
        assert types(table) == {"a": "TINYINT", "b": "VARCHAR", "c": "STRUCT(d SMALLINT, e FLOAT[2][2])"}
        assert scan(table) == expected
    else:
        assert types(table) == {"v": type_}
        assert scan(table) == [(value,) for value in expected]


@pytest.mark.parametrize("tracked", [False, True])
def test_columns_are_in_the_order_they_were_made_in_if_the_file_tells(tmp_path: Path, tracked: bool) -> None:
    path = str(tmp_path / "order.h5")
    with h5py.File(path, "w", track_order=tracked) as file:
        for name in ("z", "a", "m"):
            file[name] = np.arange(2)
    expected = ["z", "a", "m"] if tracked else ["a", "m", "z"]
    assert [field.name for field in open_table(path).fields] == expected
    assert [field.name for field in open_table(path, options={"group": "/"}).fields] == expected


def test_nan_is_not_null(make: Callable[[Build], str]) -> None:
    ((value,),) = scan(open_table(make(lambda file: file.create_dataset("v", data=np.array([np.nan])))))
    assert value is not None
    assert np.isnan(value)


def test_enumerations_are_in_the_order_of_their_numbers(make: Callable[[Build], str]) -> None:
    kind = h5py.enum_dtype({"blue": 7, "red": -1, "green": 3}, "i2")
    path = make(lambda file: file.create_dataset("v", data=[3, 7, -1], dtype=kind))
    table = open_table(path)
    assert types(table) == {"v": "ENUM('red', 'green', 'blue')"}
    assert scan(table) == [(1,), (2,), (0,)]
    with h5py.File(path, "a") as file:
        file["v"].id.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([3, 4, 5], "i2"), h5py.h5t.py_create(kind))
    with pytest.raises(ConversionError, match="number 4, which its enumeration does not name, in row 1"):
        scan(open_table(path))


def test_sequences_of_variable_length_are_lists(make: Callable[[Build], str]) -> None:
    def build(file: Any) -> None:
        dataset = file.create_dataset("v", (3,), h5py.vlen_dtype("i4"))
        dataset[0], dataset[2] = [1, 2], [3]

    table = open_table(make(build))
    assert types(table) == {"v": "INTEGER[]"}
    assert scan(table) == [([1, 2],), ([],), ([3],)]


@pytest.mark.parametrize(
    ("padding", "stored", "expected"),
    [
        (h5py.h5t.STR_SPACEPAD, b"ab  ", "ab"),
        (h5py.h5t.STR_NULLTERM, b"ab\0x", "ab"),
        (h5py.h5t.STR_NULLPAD, b"ab", "ab"),
    ],
)
def test_padding_of_fixed_strings_is_no_text(
    make: Callable[[Build], str], padding: int, stored: bytes, expected: str
) -> None:
    def build(file: Any) -> None:
        kind = h5py.h5t.C_S1.copy()
        kind.set_size(4)
        kind.set_strpad(padding)
        dataset = h5py.h5d.create(file.id, b"v", kind, h5py.h5s.create_simple((1,)))
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([stored], "S4"), kind)

    assert scan(open_table(make(build))) == [(expected,)]


def test_text_that_is_not_utf8_is_named(make: Callable[[Build], str]) -> None:
    path = make(lambda file: file.create_dataset("v", data=np.array([b"ok", b"\xff"])))
    with pytest.raises(ConversionError, match=r"(?s)b'\\xff', in row 1.*column 'v'"):
        scan(open_table(path))


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda file: file.create_dataset("v", data=np.array([b"xx"], "V2")), "opaque bytes"),
        (lambda file: file.create_dataset("v", (1,), h5py.ref_dtype), "an object or region reference"),
        (lambda file: file.create_dataset("v", data=np.zeros(1, "g")), "numbers of 16 bytes"),
    ],
)
def test_types_without_a_meaning_are_refused_when_read(make: Callable[[Build], str], build: Build, reason: str) -> None:
    table = open_table(make(build))
    with pytest.raises(NotSupportedError, match=f"column 'v' of .* cannot be read: it holds {reason}"):
        table.plan_scan(["v"], [])


def test_matrix_in_three_layouts(make: Callable[[Build], str]) -> None:
    values = np.arange(6, dtype="i4").reshape(2, 3)
    path = make(lambda file: file.create_dataset("m", data=values))
    assert types(open_table(path)) == {"c0": "INTEGER", "c1": "INTEGER", "c2": "INTEGER"}
    assert scan(open_table(path), ["c2", "c0"]) == [(2, 0), (5, 3)]
    array = open_table(path, options={"layout": "array"})
    assert types(array) == {"m": "INTEGER[3]"}
    assert scan(array) == [([0, 1, 2],), ([3, 4, 5],)]
    long = open_table(path, options={"layout": "long"})
    assert types(long) == {"dim0": "BIGINT", "dim1": "BIGINT", "value": "INTEGER"}
    assert scan(long) == [(i, j, int(values[i, j])) for i in range(2) for j in range(3)]
    assert (count(long), long.row_count()) == (6, 6)
    with pytest.raises(SettingError, match="'columns', 'array', 'long'"):
        open_table(path, options={"layout": "wide"})


def test_three_dimensions(make: Callable[[Build], str]) -> None:
    values = np.arange(24).reshape(2, 3, 4)
    path = make(lambda file: file.create_dataset("m", data=values, chunks=(1, 2, 3)))
    with pytest.raises(NotSupportedError, match="more than two dimensions; read it with layout = 'long' or"):
        open_table(path)
    assert scan(open_table(path, options={"layout": "array"})) == [(values[0].tolist(),), (values[1].tolist(),)]
    long = open_table(path, options={"layout": "long"})
    assert scan(long, batch_rows=5) == [(i, j, k, int(v)) for (i, j, k), v in np.ndenumerate(values)]


def test_datasets_of_one_shape_in_long_form(make: Callable[[Build], str]) -> None:
    def build(file: Any) -> None:
        file["a"], file["b"] = np.arange(4).reshape(2, 2), np.arange(4, 8).reshape(2, 2)

    path = make(build)
    assert scan(open_table(path, options={"group": "/", "layout": "long"}))[-1] == (1, 1, 3, 7)
    assert scan(open_table(path, options={"group": "/"})) == [([0, 1], [4, 5]), ([2, 3], [6, 7])]


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"compression": "gzip"},
        {"compression": "gzip", "shuffle": True},
        {"compression": "lzf"},
        {"fletcher32": True},
        dict(hdf5plugin.Blosc()),
        dict(hdf5plugin.Zstd()),
    ],
)
def test_splits_at_chunks_lose_and_double_no_row(make: Callable[[Build], str], filters: dict[str, Any]) -> None:
    rng = np.random.default_rng(3)
    values = rng.integers(0, 100, (1003, 37)).astype("i2")

    def build(file: Any) -> None:
        dataset = file.create_dataset("m", (1003, 37), "i2", chunks=(100, 10), fillvalue=-5, **filters)
        dataset[:] = values

    path = make(build)
    for split_bytes in (1, 20_000, 10**6):
        table = open_table(path, options={"split_bytes": split_bytes, "task_rows": 1})
        plan = table.plan_scan(["c36", "c7", "c9"], [])
        assert all(split.start % 100 == 0 for task in plan.tasks for split in task.splits)
        for batch_rows in (64, 250, 5000):
            found = np.array(scan(table, ["c36", "c7", "c9"], batch_rows=batch_rows))
            assert (found == values[:, [36, 7, 9]]).all()


def test_chunks_never_written_hold_the_fill_value(make: Callable[[Build], str]) -> None:
    def build(file: Any) -> None:
        file.create_dataset("v", (10,), "i4", chunks=(4,), fillvalue=-5)[:4] = 1
        file.create_dataset("w", (10,), "i4", fillvalue=7)

    assert scan(open_table(make(build))) == [(1, 7)] * 4 + [(-5, 7)] * 6


def test_where_values_lie_is_asked_once_for_each_version_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data.h5"
    opened = []

    def counted(*arguments: Any) -> Any:
        opened.append(arguments[0])
        return open_hdf5(*arguments)

    monkeypatch.setattr("sqlengine.storage.hdf5.open_hdf5", counted)
    for version, names in enumerate((("x", "y"), ("y", "x"))):
        # The same size, but the datasets change places.
        with h5py.File(path, "w") as file:
            for name in names:
                file[name] = np.arange(1000) + (5 if name == "y" else version)
        os.utime(path, ns=(0, 10**18 + version))
        opened.clear()
        for _ in range(3):
            table = open_table(str(path), options={"split_bytes": 4000})
            assert scan(table) == [(k + version, k + 5) for k in range(1000)]
        assert opened == [str(path)]
    # Of what may still change without a trace, nothing is kept.
    with h5py.File(path, "a") as file:
        file["x"][0] = -1
    os.utime(path, (0, time.time() + 60))
    opened.clear()
    for _ in range(2):
        assert scan(open_table(str(path)))[0] == (-1, 5)
    assert len(opened) == 2


def test_row_numbers_skip_splits(make: Callable[[Build], str]) -> None:
    path = make(lambda file: file.create_dataset("v", data=np.arange(1000) * 2))
    table = open_table(path, options={"file_row_number": True, "split_bytes": 800})
    plan = table.plan_scan(
        ["v"], [Predicate("file_row_number", ">=", (150,)), Predicate("file_row_number", "<", (210,))]
    )
    assert (plan.total, plan.pruned) == (10, 8)
    assert scan(table)[777] == (1554, 777)


def test_long_form_skips_splits_by_the_first_dimension(make: Callable[[Build], str]) -> None:
    path = make(lambda file: file.create_dataset("v", data=np.zeros((100, 10))))
    table = open_table(path, options={"layout": "long", "split_bytes": 800})
    assert table.plan_scan(["value"], [Predicate("dim0", "=", (42,))]).pruned == 9


def test_an_ambiguous_file_lists_what_it_holds(make: Callable[[Build], str]) -> None:
    def build(file: Any) -> None:
        file["a"], file["b"] = np.zeros(3), np.zeros(4, "i1")

    path = make(build)
    with pytest.raises(FileFormatError, match=r"several tables; .* '/a' \(DOUBLE, 3\), '/b' \(TINYINT, 4\)"):
        open_table(path)
    with pytest.raises(FileFormatError, match=r"has no dataset '/aa'. Did you mean '/a'\?"):
        open_table(path, options={"dataset": "/aa"})
    with pytest.raises(FileFormatError, match="different lengths"):
        open_table(path, options={"group": "/"})
    with pytest.raises(SettingError, match="not both"):
        open_table(path, options={"group": "/", "dataset": "a"})


def test_several_files_are_one_table(tmp_path: Path) -> None:
    for name, start in (("b", 3), ("a", 0)):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["x"] = np.arange(start, start + 3)
    assert scan(open_table(str(tmp_path))) == [(k,) for k in range(6)]
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["y"] = np.arange(3)
    with pytest.raises(FileFormatError, match=r"column 'x' is in .*a.h5' but not in .*c.h5'"):
        open_table(str(tmp_path))


def test_the_example_of_the_documentation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "docs" / "formats" / "hdf5.md").read_text()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SQLENGINE_SCHEDULER", "inline")
    shown: list[Any] = []
    exec(text.split("```python\n")[1].split("```")[0], {"print": shown.append})
    assert [frame.values.tolist()[0] for frame in shown[:3]] == [[pytest.approx(0.8)], [4.0, 11.0], [0, 12.0]]
    assert shown[4].values.tolist() == [["/image", "unit", "K"]]


@pytest.mark.processes
def test_all_schedulers_give_the_same_bits(make: Callable[[Build], str]) -> None:
    rng = np.random.default_rng(5)

    def build(file: Any) -> None:
        values = rng.standard_normal(60_000) * 10.0 ** rng.integers(-8, 8, 60_000)
        file.create_dataset("f", data=values.astype("f4"))
        file.create_dataset("z", data=values, chunks=(5000,), compression="gzip", shuffle=True)
        file.create_dataset("s", data=[str(k % 7) for k in range(60_000)], dtype=h5py.string_dtype(), chunks=(7000,))

    path = make(build)
    sql = f"SELECT s, avg(f), sum(z), min(f), max(z) FROM '{path}' GROUP BY s ORDER BY s"
    whole = f"SELECT avg(f), sum(z), min(f), max(z), count(s) FROM '{path}'"
    answers = []
    for scheduler, workers in (("inline", 1), ("threads", 3), ("processes", 2)):
        with sqlengine.connect(scheduler=scheduler, workers=workers, task_rows=9000, split_bytes=100_000) as session:
            answers.append((session.execute(sql).fetchall(), session.execute(whole).fetchall()))
    assert answers[0] == answers[1] == answers[2]


def test_files_with_other_types_and_columns(tmp_path: Path) -> None:
    for name, columns in {
        "a": {"X": np.arange(2, dtype="i2"), "s": np.array([b"a", b"b"])},
        "b": {"x": np.array([0.5, 1.5]), "t": np.array([True, False])},
    }.items():
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            for column, values in columns.items():
                file[column] = values
    table = open_table(str(tmp_path), options={"union_by_name": True, "file_row_number": True})
    assert types(table) == {"X": "DOUBLE", "s": "VARCHAR", "t": "BOOLEAN", "file_row_number": "BIGINT"}
    assert scan(table) == [(0, "a", None, 0), (1, "b", None, 1), (0.5, None, True, 0), (1.5, None, False, 1)]
    assert scan(table, ["s"]) == [("a",), ("b",), (None,), (None,)]
    with pytest.raises(FileFormatError, match=r"column 's' is in .*a.h5' but not in .*b.h5'"):
        open_table(str(tmp_path))
