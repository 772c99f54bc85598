import contextlib
import gzip
import random
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pytest

from sqlengine.errors import Error, FileFormatError, NotSupportedError
from sqlengine.storage.dataset import open_table
from sqlengine.storage.memory import ArrowTable
from tests.storage.support import count, scan, types

Write = Callable[..., str]


@pytest.fixture
def write_arrow(tmp_path: Path) -> Write:
    def write(data: pa.Table, name: str = "t.arrow", rows: int | None = None, compression: str | None = None) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        make = pa.ipc.new_stream if name.endswith(".arrows") else pa.ipc.new_file
        options = pa.ipc.IpcWriteOptions(compression=compression)
        with pa.OSFile(str(path), "wb") as sink, make(sink, data.schema, options=options) as writer:
            writer.write_table(data, max_chunksize=rows)
        return str(path)

    return write


def every_type() -> pa.Table:
    texts = ["a", "some longer text than a view holds", None, ""]
    return pa.table(
        {
            "bool": [True, None, False, True],
            **{
                str(kind): pa.array([0, 1, None, 100], kind)
                for kind in (pa.int8(), pa.uint8(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64(), pa.float64())
            },
            "half": pa.array(np.array([0, 1.5, 2, -1], np.float16)),
            **{f"decimal{kind.bit_width}": pa.array([0, 1, None, -9], kind) for kind in DECIMALS},
            **{str(kind): pa.array(texts, kind) for kind in (pa.string(), pa.large_string(), pa.string_view())},
            **{
                f"{kind} bytes": pa.array([b"a", b"\xff" * 20, None, b""], kind)
                for kind in (pa.binary(), pa.binary_view())
            },
            "fixed": pa.array([b"abc", None, b"def", b"ghi"], pa.binary(3)),
            **{str(kind): pa.array([0, 1, None, -(10**5)], kind) for kind in (pa.date32(), pa.duration("us"))},
            **{f"at {unit}": pa.array([0, 1, None, -(10**6)], pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")},
            "instant": pa.array([0, 1, None, -(10**6)], pa.timestamp("ms", "Europe/Berlin")),
            "time": pa.array([0, 1, None, 86_399], pa.time32("s")),
            "interval": pa.array([(1, 2, 3000), None, (0, 0, 0), (-1, 0, 0)], pa.month_day_nano_interval()),
            "null": pa.nulls(4),
            "codes": pa.array(texts).dictionary_encode(),
            "small codes": pa.DictionaryArray.from_arrays(pa.array([1, None, 0, 1], pa.int8()), ["x", "y"]),
            "holes": pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None]), pa.array(["q", None, "q"])),
            "number codes": pa.array([7, 8, None, 7]).dictionary_encode(),
            "list": pa.array([[1, None], None, [], [3]]),
            "large": pa.array([["a"], None, [], [None]], pa.large_list(pa.string())),
            "view": pa.array([[1, 2], None, [], [3]], pa.list_view(pa.int32())),
            "array": pa.array([[1, 2], None, [3, None], [5, 6]], pa.list_(pa.int16(), 2)),
            "struct": [{"x": 1, "y": ["z"]}, None, {"x": None, "y": None}, {"x": 3, "y": []}],
            "map": pa.array([[("k", 1)], None, [], [("k", None)]], pa.map_(pa.string(), pa.int32())),
            "deep": [[[{"a": [1, None]}], None], None, [], [[None]]],
            "coded list": pa.array([["x"], None, [], ["y", "x"]]).cast(pa.list_(pa.dictionary(pa.int8(), pa.string()))),
            "runs": pa.RunEndEncodedArray.from_arrays([3, 4], ["r", None]),
            "uuid": pa.array([b"0" * 16, None, b"1" * 16, b"\xff" * 16], pa.uuid()),
            "json": pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}", None, "1", "[null]"])),
            "bool8": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, None, 0, 5], pa.int8())),
        }
    )


DECIMALS = (pa.decimal32(5, 2), pa.decimal64(12, 2), pa.decimal128(30, 2))


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
@pytest.mark.parametrize("name", ["t.arrow", "t.feather", "t.ipc", "t.arrows"])
def test_every_type_comes_as_from_memory(write_arrow: Write, name: str, compression: str | None) -> None:
    data = every_type()
    memory = ArrowTable("t", data)
    for rows in (None, 1):
        table = open_table(write_arrow(data, name, rows, compression))
        assert table.fields == memory.fields
        assert scan(table) == scan(memory)
        assert scan(table, ["map", "bool"]) == scan(memory, ["map", "bool"])
        assert count(table) == table.row_count() == 4


def test_extension_types_of_others_are_read_as_their_storage(write_arrow: Write) -> None:
    class Own(pa.ExtensionType):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(pa.int64(), "tests.own")

        def __arrow_ext_serialize__(self) -> bytes:
            return b""

        @classmethod
        def __arrow_ext_deserialize__(cls, storage: object, serialized: bytes) -> "Own":
            raise AssertionError("a file must not run code")

    path = write_arrow(pa.table({"e": pa.ExtensionArray.from_storage(Own(), pa.array([1, None]))}))
    assert types(open_table(path)) == {"e": "BIGINT"}
    assert scan(open_table(path)) == [(1,), (None,)]


def test_files_are_cut_at_rows_and_batches_keep_their_order(write_arrow: Write) -> None:
    numbers = pa.table({"a": np.arange(600_000), "s": pa.array(["x", "y"] * 300_000).dictionary_encode()})
    one = open_table(write_arrow(numbers, "one.arrow"), options={"task_rows": 100_000})
    plan = one.plan_scan(["a"], [])
    assert (plan.total, len(plan.tasks)) == (4, 4)
    small = open_table(write_arrow(numbers, "small.arrow", 1000, "lz4"), options={"task_rows": 100_000})
    assert small.plan_scan(["a"], []).total == 5
    for table in (one, small, open_table(write_arrow(numbers, "t.arrows", 7000))):
        batches = [batch for task in table.plan_scan([], []).tasks for batch in table.read(task, ["s", "a"], 50_000)]
        assert max(batch.num_rows for batch in batches) <= 50_000
        assert len(batches) < 30
        assert pa.Table.from_batches(batches).column("a").equals(numbers.column("a"))
        assert batches[0].schema.types[0] == pa.dictionary(pa.int32(), pa.string())
        assert count(table) == 600_000


def test_uncompressed_numbers_are_not_copied(write_arrow: Write) -> None:
    table = open_table(write_arrow(pa.table({"a": np.arange(100_000)})))
    before = pa.total_allocated_bytes()
    batches = list(table.read(table.plan_scan(["a"], []).tasks[0], ["a"], 100_000))
    assert pa.total_allocated_bytes() - before < 100_000
    assert batches[0].num_rows == 100_000


def test_stream_may_change_its_dictionary(tmp_path: Path) -> None:
    parts = [pa.record_batch({"s": pa.array(values).dictionary_encode()}) for values in (["a", "b"], ["c"], ["b", "c"])]
    with pa.OSFile(str(tmp_path / "t.arrows"), "wb") as sink, pa.ipc.new_stream(sink, parts[0].schema) as writer:
        for part in parts:
            writer.write_batch(part)
    assert scan(open_table(str(tmp_path / "t.arrows"))) == [("a",), ("b",), ("c",), ("b",), ("c",)]


def test_compressed_as_a_whole_and_empty(write_arrow: Write, tmp_path: Path) -> None:
    data = pa.table({"a": [1, 2, 3]})
    for name in ("t.arrow", "t.arrows"):
        packed = tmp_path / f"{name}.gz"
        packed.write_bytes(gzip.compress(Path(write_arrow(data, name, 1)).read_bytes()))
        assert scan(open_table(str(packed))) == [(1,), (2,), (3,)]
        empty = open_table(write_arrow(data.slice(0, 0), f"empty-{name}"))
        assert (types(empty), scan(empty), count(empty)) == ({"a": "BIGINT"}, [], 0)


def test_feather_1_is_refused_by_name(tmp_path: Path) -> None:
    path = str(tmp_path / "old.feather")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyarrow.feather.write_feather(pa.table({"a": [1]}), path, version=1)
    with pytest.raises(NotSupportedError, match="Feather V1"):
        open_table(path)


@pytest.mark.parametrize("name", ["t.arrow", "t.arrows"])
def test_truncated_files_are_errors(write_arrow: Write, name: str) -> None:
    path = Path(write_arrow(every_type(), name, 1, "lz4"))
    whole = path.read_bytes()
    for part in range(20):
        path.write_bytes(whole[: len(whole) * part // 20])
        with pytest.raises(FileFormatError):
            scan(open_table(str(path)))
    path.write_bytes(whole[:-8])
    with pytest.raises(FileFormatError):
        scan(open_table(str(path)))


@pytest.mark.parametrize("name", ["t.arrow", "t.arrows"])
def test_flipped_bytes_are_errors_or_answers(write_arrow: Write, name: str) -> None:
    data = every_type()
    # Text views far outside their buffers, and other surprises for whoever trusts a file.
    path = Path(write_arrow(data, name, 2))
    whole = path.read_bytes()
    chosen = random.Random(4)
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[chosen.randrange(len(whole))] = chosen.randrange(256)
        path.write_bytes(damaged)
        with contextlib.suppress(Error):
            assert len(scan(open_table(str(path)))) < 100


def test_schemas_of_several_files(write_arrow: Write, tmp_path: Path) -> None:
    write_arrow(pa.table({"a": pa.array([1], pa.int32()), "b": ["x"]}), "1.arrow")
    write_arrow(pa.table({"c": [1.5], "A": [2.5]}), "2.arrows")
    with pytest.raises(FileFormatError, match=r"column 'b' is in '.*1\.arrow' but not in .*2\.arrows.*union_by_name"):
        open_table(str(tmp_path))
    table = open_table(str(tmp_path), options={"union_by_name": True})
    assert types(table) == {"a": "DOUBLE", "b": "VARCHAR", "c": "DOUBLE"}
    assert scan(table) == [(1.0, "x", None), (2.5, None, 1.5)]
    assert scan(table, ["c"]) == [(None,), (1.5,)]
