import datetime
import pickle
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sqlengine.errors import ConversionError, NotSupportedError
from sqlengine.storage.memory import ArrowTable, MappedTable, from_pandas
from sqlengine.storage.table import Table
from tests.storage.support import count, scan, types


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "f": [1.5, np.nan, 3.0],
            "s": ["x", None, "zz"],
            "c": pd.Categorical(["u", None, "u"]),
            "i": pd.array([1, None, 3], "Int64"),
            "t": pd.to_datetime(["2020-01-01 01:02:03", None, "2021-01-01 00:00:00"]),
            "o": [b"x", None, b"y"],
            "b": [True, False, True],
        },
        index=[7, 8, 9],
    )


def test_frames_read_like_duckdbs(frame: pd.DataFrame) -> None:
    table = ArrowTable("frame", from_pandas(frame))
    with duckdb.connect() as connection:
        connection.register("frame", frame)
        relation = connection.sql("SELECT * REPLACE (CAST(c AS VARCHAR) AS c) FROM frame")
        assert types(table) == {n: str(t) for n, t in zip(relation.columns, relation.types, strict=True)}
        assert scan(table) == relation.fetchall()


def test_time_zones_and_durations() -> None:
    frame = pd.DataFrame(
        {
            "z": pd.to_datetime(["2020-07-01 12:00"]).tz_localize("Europe/Berlin"),
            "d": pd.to_timedelta(["-25h"]),
        }
    )
    table = ArrowTable("frame", from_pandas(frame))
    assert types(table) == {"z": "TIMESTAMP WITH TIME ZONE", "d": "INTERVAL"}
    assert scan(table) == [
        (datetime.datetime(2020, 7, 1, 10, tzinfo=datetime.UTC), pa.MonthDayNano([0, -1, -3600 * 10**9]))
    ]


def test_clashing_names_get_suffixes() -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=["a", "A", "a"])
    assert list(types(ArrowTable("frame", from_pandas(frame)))) == ["a", "A_1", "a_2"]


def test_mixed_objects_are_refused_by_column() -> None:
    with pytest.raises(ConversionError, match=r"column 'm' of the DataFrame.*astype\(str\)"):
        from_pandas(pd.DataFrame({"ok": [1, 2], "m": [1, "x"]}))


def test_columns_without_sql_type_are_refused_when_scanned() -> None:
    table = ArrowTable("t", pa.table({"a": [1], "w": pa.array([1], pa.decimal256(60, 0))}))
    assert scan(table, ["a"]) == [(1,)]
    with pytest.raises(NotSupportedError, match="column 'w' of table 't'"):
        scan(table)


@pytest.mark.parametrize("form", ["plain", "pickled", "mapped", "mapped and pickled"])
def test_all_forms_have_the_same_rows_tasks_and_statistics(tmp_path: Path, form: str) -> None:
    rows = 140_000
    texts = pa.array([f"t{n % 7}" for n in range(rows)]).dictionary_encode()
    halves = [pa.table({"n": np.arange(rows), "s": texts})] * 2
    original = ArrowTable("t", pa.concat_tables([halves[0], halves[1].slice(5)]), task_rows=100_000)
    table: Table = original
    if "mapped" in form:
        table = original.shared(str(tmp_path))
        assert isinstance(table, MappedTable)
    if "pickled" in form:
        copy = pickle.loads(pickle.dumps(table))
        assert copy == table
        assert hash(copy) == hash(table)
        table = copy
    expected = [*range(rows), *range(5, rows)]
    assert [n for (n,) in scan(table, ["n"], 50_000)] == expected
    assert scan(table, ["s", "n"], 70_000)[-1] == (f"t{(rows - 1) % 7}", rows - 1)
    assert count(table) == table.row_count() == 2 * rows - 5
    assert [task.rows for task in table.plan_scan(["n"], []).tasks] == [
        task.rows for task in original.plan_scan(["n"], []).tasks
    ]
    assert (table.statistics("n").minimum, table.statistics("n").maximum) == (0, rows - 1)
    assert table.statistics("s").distinct == 7
    assert table.statistics("s").nulls == 0


def test_a_mapped_table_is_written_once_and_pickles_small(tmp_path: Path) -> None:
    table = ArrowTable("t", pa.table({"n": np.arange(100_000)}))
    first, second = table.shared(str(tmp_path)), table.shared(str(tmp_path))
    assert first == second
    assert len(list(tmp_path.iterdir())) == 1
    assert len(pickle.dumps(first)) < 2_000


def test_tables_of_the_same_rows_are_not_the_same_table() -> None:
    data = pa.table({"n": [1]})
    assert ArrowTable("t", data) != ArrowTable("t", data)


def test_empty_tables(tmp_path: Path) -> None:
    table = ArrowTable("t", pa.table({"n": pa.array([], pa.int64())}))
    for form in (table, table.shared(str(tmp_path))):
        assert (scan(form), count(form), form.row_count()) == ([], 0, 0)
