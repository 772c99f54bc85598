import datetime
import os
import pickle
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlengine.errors import ConversionError, FileFormatError, NotSupportedError, SettingError
from sqlengine.storage.dataset import open_table
from sqlengine.storage.table import Predicate
from tests.storage.support import count, scan, types

Write = Callable[..., str]
UTC = datetime.UTC


def test_row_groups_are_splits_and_rows_keep_their_order(write_parquet: Write) -> None:
    table = open_table(write_parquet({"a": list(range(1000))}, row_group_size=100), options={"task_rows": 1})
    plan = table.plan_scan(["a"], [])
    assert (plan.total, plan.pruned, len(plan.tasks)) == (10, 0, 10)
    assert scan(table, batch_rows=64) == [(n,) for n in range(1000)]
    assert (count(table), table.row_count()) == (1000, 1000)


def test_small_row_groups_are_read_together(write_parquet: Write) -> None:
    table = open_table(write_parquet({"a": list(range(1000)), "s": ["x", "y"] * 500}, row_group_size=10))
    (task,) = table.plan_scan(["a", "s"], []).tasks
    batches = list(table.read(task, ["s", "a"], 400))
    assert [batch.num_rows for batch in batches] == [200] * 5
    assert pa.Table.from_batches(batches).column("a").to_pylist() == list(range(1000))


@pytest.mark.parametrize(
    ("batch_rows", "lengths", "dictionaries"),
    [(10_000, [10_000], 1), (7000, [5000, 5000], 1), (6000, [5000, 5000], 2), (3500, [3334, 3334, 3332], 3)],
)
def test_a_row_group_comes_in_equal_batches(
    write_parquet: Write, batch_rows: int, lengths: list[int], dictionaries: int
) -> None:
    # Large enough that texts come as dictionaries.
    data = {"s": [f"{n % 7}" for n in range(10_000)], "a": np.random.default_rng(1).integers(0, 1 << 62, 10_000)}
    table = open_table(write_parquet(data))
    (task,) = table.plan_scan(["s"], []).tasks
    batches = list(table.read(task, ["s"], batch_rows))
    assert [batch.num_rows for batch in batches] == lengths
    # Batches that were read as one share theirs.
    assert len({batch.column(0).dictionary.buffers()[2].address for batch in batches}) == dictionaries


def test_columns_come_in_the_order_asked_for(write_parquet: Write) -> None:
    table = open_table(write_parquet({"a": [1], "b.c": ["x"], "d": [{"b": 5}]}))
    assert scan(table, ["d", "b.c", "a"]) == [({"b": 5}, "x", 1)]


def test_repetitive_text_comes_as_dictionary_and_distinct_text_does_not(write_parquet: Write) -> None:
    data = {"few": ["x", "yy"] * 5000, "many": [f"a rather long text {n}" for n in range(10_000)]}
    table = open_table(write_parquet(data))
    batch = next(table.read(table.plan_scan([], []).tasks[0], ["few", "many"], 5000))
    assert batch.schema.types == [pa.dictionary(pa.int32(), pa.string()), pa.string()]


def test_string_view_and_large_string_become_string(write_parquet: Write) -> None:
    texts = [f"some longer text {n}" for n in range(100)]
    data = pa.table({"v": pa.array(texts, pa.string_view()), "l": pa.array(texts, pa.large_string())})
    table = open_table(write_parquet(data, use_dictionary=False))
    batch = next(table.read(table.plan_scan([], []).tasks[0], ["v", "l"], 1000))
    assert batch.schema.types == [pa.string(), pa.string()]
    assert batch.column("v").to_pylist() == texts


ODD_TYPES = {
    "u8": pa.array([1, 255], pa.uint8()),
    "u64": pa.array([1, 2**64 - 1], pa.uint64()),
    "i8": pa.array([-128, None], pa.int8()),
    "f16": pa.array(np.array([1.5, 2], np.float16)),
    "t32": pa.array([1, 2], pa.time32("s")),
    "date64": pa.array([datetime.date(2020, 1, 1), None], pa.date64()),
    "dec256": pa.array([Decimal("1.50"), None], pa.decimal256(20, 2)),
    "dec": pa.array([Decimal("1.50"), Decimal("-99999999999999999999999999.99")], pa.decimal128(30, 2)),
    "fixed": pa.array([b"ab", b"cd"], pa.binary(2)),
    "ts_s": pa.array([1, 2], pa.timestamp("s")),
    "ts_ns": pa.array([1000, 2000], pa.timestamp("ns")),
    "list": pa.array([[1, None], []], pa.list_(pa.int32())),
    "struct": pa.array([{"x": 1, "y": "z"}, None]),
    "map": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
    "bool": pa.array([True, None]),
}


@pytest.mark.parametrize("name", ODD_TYPES)
def test_types_are_duckdbs(write_parquet: Write, name: str) -> None:
    path = write_parquet({"c": ODD_TYPES[name]})
    table = open_table(path)
    with duckdb.connect() as connection:
        relation = connection.sql(f"FROM '{path}'")
        expected_type, expected = str(relation.types[0]), relation.fetchall()
    assert types(table)["c"] == expected_type.replace('"x"', "x").replace('"y"', "y")
    actual = scan(table)
    if name == "map":
        # MAP lies in memory as a list of entries.
        actual = [({entry["key"]: entry["value"] for entry in value},) for (value,) in actual]  # type: ignore[attr-defined]
    assert [(getattr(v, "to_pydatetime", lambda v=v: v)(),) for (v,) in actual] == expected


def test_int96_beyond_the_range_of_nanoseconds(write_parquet: Write) -> None:
    late = datetime.datetime(3000, 1, 1)
    table = open_table(write_parquet({"t": pa.array([late], pa.timestamp("us"))}, use_deprecated_int96_timestamps=True))
    assert types(table) == {"t": "TIMESTAMP"}
    assert scan(table) == [(late,)]


def test_nanoseconds_that_time_cannot_hold_are_refused(write_parquet: Write) -> None:
    table = open_table(write_parquet({"t": pa.array([1500], pa.time64("ns"))}))
    with pytest.raises(ConversionError, match=r"column 't' of '.*t\.parquet' does not fit TIME"):
        scan(table)


def test_a_column_without_sql_type_is_refused_only_when_selected(write_parquet: Write) -> None:
    table = open_table(write_parquet({"ok": [1], "wide": pa.array([Decimal(1)], pa.decimal256(60, 0))}))
    assert scan(table, ["ok"]) == [(1,)]
    with pytest.raises(NotSupportedError, match=r"'wide'.*at most 38 digits"):
        table.plan_scan(["wide"], [])


def test_statistics_are_comparable_with_literals(write_parquet: Write) -> None:
    when = datetime.datetime(2020, 1, 1, 12)
    data = {
        "i": [3, None, 1],
        "f": [1.5, float("nan"), -2.0],
        "s": ["b", "a", None],
        "d": [datetime.date(2020, 1, 2), datetime.date(1969, 12, 31), None],
        "t": pa.array([when, None, when], pa.timestamp("ms")),
        "n": pa.array([-1500, 1500, None], pa.timestamp("ns")),
        "z": pa.array([when.replace(tzinfo=UTC)] * 3, pa.timestamp("us", "UTC")),
        "u": pa.array([2**64 - 1, 0, None], pa.uint64()),
        "b": [True, False, None],
        "dec": [Decimal("1.10"), Decimal("-5.00"), None],
        "nothing": pa.array([None] * 3, pa.int64()),
    }
    table = open_table(write_parquet(data))
    bounds = {name: (table.statistics(name).minimum, table.statistics(name).maximum) for name in data}
    epoch = datetime.datetime(1970, 1, 1)
    micro = datetime.timedelta(microseconds=1)
    assert bounds == {
        "i": (1, 3),
        "f": (-2.0, 1.5),
        "s": ("a", "b"),
        "d": (datetime.date(1969, 12, 31), datetime.date(2020, 1, 2)),
        "t": (when, when),
        "n": (epoch - 2 * micro, epoch + 2 * micro),
        "z": (when.replace(tzinfo=UTC),) * 2,
        "u": (0, 2**64 - 1),
        "b": (False, True),
        "dec": (Decimal("-5.00"), Decimal("1.10")),
        "nothing": (None, None),
    }
    assert [table.statistics(name).nulls for name in ("i", "f", "nothing")] == [1, 0, 3]


def test_all_null_groups_do_not_hide_the_bounds_of_others(write_parquet: Write) -> None:
    table = open_table(write_parquet({"a": [1, 2, None, None]}, row_group_size=2))
    assert (table.statistics("a").minimum, table.statistics("a").maximum, table.statistics("a").nulls) == (1, 2, 2)


@pytest.mark.parametrize("kept", [0, 3, 11, 100, -1])
def test_truncated_files(write_parquet: Write, kept: int) -> None:
    path = write_parquet({"a": list(range(1000))})
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[:kept])
    with pytest.raises(FileFormatError, match=r"t\.parquet' is not a readable Parquet file"):
        open_table(path)


def test_garbage_in_the_footer_and_in_the_pages(write_parquet: Write) -> None:
    path = write_parquet({"a": list(range(10_000))}, compression="zstd")
    content = bytearray(Path(path).read_bytes())
    content[-60:-20] = b"\xff" * 40
    Path(path).write_bytes(content)
    with pytest.raises(FileFormatError, match=r"t\.parquet"):
        scan(open_table(path))
    path = write_parquet({"a": list(range(10_000))}, "u.parquet", compression="zstd")
    content = bytearray(Path(path).read_bytes())
    content[4:60] = b"\xff" * 56
    Path(path).write_bytes(content)
    with pytest.raises(FileFormatError, match=r"u\.parquet"):
        scan(open_table(path))


def test_a_file_rewritten_between_planning_and_reading_is_noticed(write_parquet: Write) -> None:
    path = write_parquet({"a": [1, 2, 3]})
    table = open_table(path)
    (task,) = table.plan_scan(["a"], []).tasks
    write_parquet({"a": [1]})
    with pytest.raises(FileFormatError, match="changed while the query ran"):
        list(table.read(task, ["a"], 10))


def test_a_rewritten_file_is_read_anew(write_parquet: Write) -> None:
    path = write_parquet({"a": [1]})
    assert scan(open_table(path)) == [(1,)]
    os.utime(write_parquet({"a": [2, 3]}), ns=(1, 1))
    assert scan(open_table(path)) == [(2,), (3,)]


def test_empty_files(write_parquet: Write) -> None:
    table = open_table(write_parquet({"a": pa.array([], pa.int64())}))
    assert (scan(table), count(table), types(table)) == ([], 0, {"a": "BIGINT"})


def test_tables_are_small_pickles_equal_by_their_files(write_parquet: Write, tmp_path: Path) -> None:
    for number in range(300):
        write_parquet({"a": [number]}, f"{number:04}.parquet")
    table = open_table(str(tmp_path))
    pickled = pickle.dumps(table)
    copy = pickle.loads(pickled)
    assert len(pickled) < 10_000
    assert copy == table
    assert hash(copy) == hash(table)
    assert scan(copy) == [(number,) for number in range(300)]
    write_parquet({"a": [1, 2]}, "0000.parquet")
    assert open_table(str(tmp_path)) != table


def test_many_small_files_share_tasks(write_parquet: Write, tmp_path: Path) -> None:
    for number in range(100):
        write_parquet({"a": [number]}, f"{number:03}.parquet")
    plan = open_table(str(tmp_path)).plan_scan(["a"], [])
    assert 2 <= len(plan.tasks) <= 10
    assert [split.path for task in plan.tasks for split in task.splits] == sorted(str(p) for p in tmp_path.iterdir())


def test_unknown_options_and_values(write_parquet: Write) -> None:
    path = write_parquet({"a": [1]})
    with pytest.raises(SettingError, match="Did you mean 'hive_partitioning'"):
        open_table(path, options={"hive_partition": True})
    with pytest.raises(SettingError, match=r"'filename' takes a value of type bool . str"):
        open_table(path, options={"filename": 3})
    with pytest.raises(SettingError, match="at least 1"):
        open_table(path, options={"task_rows": 0})
    with pytest.raises(NotSupportedError, match=r"no file format 'parket'.*'parquet'"):
        open_table(path, "parket")


def test_folders_of_several_formats(write_parquet: Write, write_csv: Write, tmp_path: Path) -> None:
    write_parquet({"a": [1]})
    write_csv("a\n1\n")
    with pytest.raises(FileFormatError, match=r"mixes file formats: 1 csv .*, 1 parquet"):
        open_table(str(tmp_path))
    assert scan(open_table(f"{tmp_path}/*.csv")) == [(1,)]
    (tmp_path / "readme.doc").touch()
    with pytest.raises(FileFormatError, match=r"readme\.doc"):
        open_table(str(tmp_path))


VALUES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "i": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "f": (pa.float64(), st.floats(allow_nan=False)),
    "s": (pa.string(), st.text(max_size=5)),
    "d": (pa.date32(), st.dates()),
    "m": (pa.decimal128(12, 2), st.decimals(-(10**9), 10**9, places=2)),
    "t": (pa.timestamp("us"), st.datetimes()),
}
ROWS = st.lists(st.fixed_dictionaries({n: st.none() | s for n, (_, s) in VALUES.items()}), max_size=40)
SCHEMA = pa.schema([(name, type_) for name, (type_, _) in VALUES.items()])


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, group=st.integers(1, 10), batch=st.integers(1, 50), data=st.data())
def test_pruning_never_loses_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], group: int, batch: int, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("p") / "t.parquet"
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), path, row_group_size=group)
    table = open_table(str(path), options={"task_rows": 5})
    names = list(VALUES)
    assert scan(table, batch_rows=batch) == [tuple(row[name] for name in names) for row in rows]

    column = data.draw(st.sampled_from(names))
    op = data.draw(st.sampled_from(["=", "<>", "<", "<=", ">", ">=", "in", "is_null", "is_not_null"]))
    candidates = VALUES[column][1] | st.sampled_from([row[column] for row in rows if row[column] is not None] or [None])
    values = data.draw(st.lists(candidates.filter(lambda v: v is not None), min_size=1, max_size=3))
    predicate = Predicate(column, op, tuple(values if op == "in" else values[:1] if "null" not in op else ()))

    def satisfies(value: Any) -> bool:
        if "null" in op:
            return (value is None) == (op == "is_null")
        if value is None:
            return False
        compare = {
            "=": value == values[0],
            "<>": value != values[0],
            "<": value < values[0],
            "<=": value <= values[0],
            ">": value > values[0],
            ">=": value >= values[0],
            "in": value in values,
        }
        return bool(compare[op])

    plan = table.plan_scan(names, [predicate])
    kept = [
        tuple(column.to_pylist() for column in batch.columns)
        for task in plan.tasks
        for batch in table.read(task, names, 1000)
    ]
    found = [row for columns in kept for row in zip(*columns, strict=True)]
    position = names.index(column)
    expected = [tuple(row[name] for name in names) for row in rows if satisfies(row[column])]
    assert [row for row in found if satisfies(row[position])] == expected
    assert (plan.pruned > 0) == bool(plan.pruned_by)


def test_nan_is_above_every_bound(write_parquet: Write) -> None:
    table = open_table(write_parquet({"x": [1.0, float("nan")]}))
    for op, value in ((">", 5.0), (">=", 5.0), ("<>", 1.0), ("=", float("nan"))):
        assert table.plan_scan(["x"], [Predicate("x", op, (value,))]).pruned == 0, op
    assert table.plan_scan(["x"], [Predicate("x", "<", (0.0,))]).pruned == 1


def test_pruned_by_names_the_predicates(write_parquet: Write) -> None:
    table = open_table(write_parquet({"a": list(range(100)), "b": [1] * 100}, row_group_size=10))
    plan = table.plan_scan(
        ["a"], [Predicate("b", "=", (1,)), Predicate("a", "<", (25,)), Predicate("a", "is_not_null")]
    )
    assert (plan.total, plan.pruned, plan.pruned_by) == (10, 7, "a < 25")


@pytest.mark.parametrize("dictionary", [True, False])
def test_text_that_is_not_utf8_is_refused(write_parquet: Callable[..., str], dictionary: bool) -> None:
    data = pa.array([b"plain", "naïve".encode(), b"\xff\xfe"], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 3, data.buffers())
    path = write_parquet(pa.table({"s": text, "n": [1, 2, 3]}), use_dictionary=dictionary)
    with pytest.raises(FileFormatError, match=r"'s' of '.*t\.parquet' is damaged: Invalid UTF8"):
        scan(open_table(path))
    assert scan(open_table(path), ["n"]) == [(1,), (2,), (3,)]


def test_numbers_of_rows_that_contradict(write_parquet: Write) -> None:
    path = Path(write_parquet({"l": [[1, 2]] * 300, "a": list(range(300))}))
    content = path.read_bytes()
    # 300 as Thrift writes it stands for many things, the numbers of rows among them.
    places = [place for place in range(len(content) - 1) if content[place : place + 2] == b"\xd8\x04"]
    messages = []
    for place in places:
        path.write_bytes(content[:place] + b"\xfe\x7f" + content[place + 2 :])
        try:
            assert count(open_table(str(path))) == 300
        except FileFormatError as error:
            messages.append(str(error))
    assert any("numbers of rows contradict" in message for message in messages)


def test_a_small_file_of_many_repeated_texts_does_not_become_large(tmp_path: Path) -> None:
    rows = 200_000
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), ["x" * 10_000])
    pq.write_table(pa.table({"s": texts}), tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size < 10_000
    table = open_table(str(tmp_path / "t.parquet"))
    batches = [b for task in table.plan_scan(["s"], []).tasks for b in table.read(task, ["s"], 50_000)]
    assert sum(batch.num_rows for batch in batches) == rows
    assert sum(batch.nbytes for batch in batches) < 10 * rows
