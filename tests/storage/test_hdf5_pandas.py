import contextlib
import datetime
import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

from sqlengine.errors import FileFormatError, NotSupportedError
from sqlengine.storage.dataset import open_table
from sqlengine.storage.plain_pickle import Opaque, read_plain_pickle
from tests.storage.support import scan, types

pytestmark = pytest.mark.filterwarnings("ignore")
UTC = datetime.UTC


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "data.h5")


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "n": [1, -2, 3],
            "x": [1.5, np.nan, -0.0],
            "s": ["x", None, "zä"],
            "t": pd.to_datetime(["2020-01-01", None, "2021-01-01"]).astype("datetime64[ns]"),
            "m": [7, 8, 9],
            "b": [True, False, True],
            "f": np.array([1, 2, 3], "f4"),
            "tz": pd.to_datetime(["2020-01-01", None, "2021-07-01"]).tz_localize("Europe/Berlin"),
            "d": pd.to_timedelta([90, 2, None], unit="s"),
        },
        index=pd.Index([10, 20, 30]),
    )


TYPES = {
    "index": "BIGINT",
    "n": "BIGINT",
    "x": "DOUBLE",
    "s": "VARCHAR",
    "t": "TIMESTAMP_NS",
    "m": "BIGINT",
    "b": "BOOLEAN",
    "f": "FLOAT",
    "tz": "TIMESTAMP WITH TIME ZONE",
    "d": "INTERVAL",
}
ROWS = [
    (10, 1, "x", 7, True, 1.0, datetime.datetime(2019, 12, 31, 23, tzinfo=UTC)),
    (20, -2, None, 8, False, 2.0, None),
    (30, 3, "zä", 9, True, 3.0, datetime.datetime(2021, 6, 30, 22, tzinfo=UTC)),
]


@pytest.mark.parametrize("data_columns", [None, True, ["s", "x"]])
def test_table_format(path: str, data_columns: Any) -> None:
    frame().to_hdf(path, key="g/df", format="table", data_columns=data_columns)
    table = open_table(path)
    assert types(table) == TYPES
    assert scan(table, ["index", "n", "s", "m", "b", "f", "tz"]) == ROWS
    assert [value for (value,) in scan(table, ["t"])] == [pd.Timestamp("2020-01-01"), None, pd.Timestamp("2021-01-01")]
    assert [value if value is None else value.nanoseconds for (value,) in scan(table, ["d"])] == [
        90 * 10**9,
        2 * 10**9,
        None,
    ]
    assert str(scan(table, ["x"])) == "[(1.5,), (nan,), (-0.0,)]"


def test_fixed_format_with_its_pickled_text_refused(path: str) -> None:
    frame().to_hdf(path, key="df", format="fixed")
    table = open_table(path)
    assert types(table) == {**TYPES, "s": "NULL"}
    wanted = [(index, n, m, b, f, tz) for index, n, _, m, b, f, tz in ROWS]
    assert scan(table, ["index", "n", "m", "b", "f", "tz"]) == wanted
    with pytest.raises(NotSupportedError, match=r"column 's' of .*: it holds pickled Python objects"):
        table.plan_scan(["s"], [])


def test_categories(path: str) -> None:
    data = pd.DataFrame({"c": pd.Categorical(["v", None, "u"]), "k": pd.Categorical([30, 10, 30])})
    data.to_hdf(path, key="df", format="table")
    table = open_table(path)
    assert types(table) == {"index": "BIGINT", "c": "VARCHAR", "k": "BIGINT"}
    assert scan(table) == [(0, "v", 30), (1, None, 10), (2, "u", 30)]


def test_indexes(path: str) -> None:
    levels = pd.MultiIndex.from_tuples([(1, "x"), (2, "y")], names=["a", "b"])
    pd.DataFrame({"v": [1.0, 2.0]}, index=levels).to_hdf(path, key="levels", format="table")
    named = pd.DataFrame({"v": [1.0, 2.0]}, index=pd.DatetimeIndex(["2020-01-01", "2020-01-02"], name="day", freq="D"))
    named.to_hdf(path, key="named", format="table")
    named.to_hdf(path, key="fixed", format="fixed")
    pd.Series([1.5, 2.5], index=["p", "q"], name="s").to_hdf(path, key="series", format="table")
    pd.Series([1.5, 2.5], index=["p", "q"], name="s").to_hdf(path, key="fixed_series", format="fixed")

    def of(group: str) -> Any:
        return open_table(path, options={"group": group})

    assert scan(of("levels")) == [(1, "x", 1.0), (2, "y", 2.0)]
    assert list(types(of("levels"))) == ["a", "b", "v"]
    for group in ("named", "fixed"):
        assert list(types(of(group))) == ["day", "v"]
        assert scan(of(group))[1] == (datetime.datetime(2020, 1, 2), 2.0)
    for group in ("series", "fixed_series"):
        assert list(types(of(group))) == ["index", "s"]
        assert scan(of(group)) == [("p", 1.5), ("q", 2.5)]
    with pytest.raises(FileFormatError, match=r"several tables; .*'/fixed', '/fixed_series', '/levels'"):
        open_table(path)


def test_whole_numbers_as_names(path: str) -> None:
    for kind in ("table", "fixed"):
        pd.DataFrame([[1, 2], [3, 4]], columns=[5, 6]).to_hdf(path, key="df", format=kind, mode="w")
        assert scan(open_table(path), ["6", "5"]) == [(2, 1), (4, 3)]


def test_column_names_that_are_objects_are_never_made(path: str) -> None:
    pd.DataFrame({"a": [1]}).to_hdf(path, key="df", format="table")
    with h5py.File(path, "a") as file:
        file["df/table"].attrs["values_block_0_kind"] = np.bytes_(pickle.dumps([Evil()], 0))
    with pytest.raises(NotSupportedError, match="a column whose name is neither text nor a number"):
        open_table(path)
    assert not Evil.was_made


class Evil:
    was_made = False

    def __reduce__(self) -> Any:
        return (Evil.make, ())

    @staticmethod
    def make() -> None:
        Evil.was_made = True


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_pickles(protocol: int) -> None:
    value = [
        None,
        True,
        False,
        0,
        -1,
        2**40,
        2**70,
        1.5,
        "ä",
        b"x",
        [],
        ["a", ["a"]],
        (),
        (1,),
        (1, 2, 3, 4),
        {"k": {}},
    ]
    found = read_plain_pickle(pickle.dumps(value, protocol))
    if protocol < 3:
        # The older protocols have no bytes: they call a codec.
        assert isinstance(found.pop(9), Opaque)
        value.pop(9)
    assert found == value
    same = ["s"] * 3
    assert read_plain_pickle(pickle.dumps([same, same], protocol)) == [same, same]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickled_calls_are_not_made(protocol: int) -> None:
    found = read_plain_pickle(pickle.dumps(["before", Evil(), datetime.date(2020, 1, 1), np.float64(1)], protocol))
    assert found[0] == "before"
    assert [type(each) for each in found[1:]] == [Opaque] * 3
    assert not Evil.was_made


def test_damaged_pickles_are_errors() -> None:
    data = pickle.dumps([["a", 1, {"b": (2, 3)}]], 4)
    for end in range(len(data)):
        with pytest.raises(ValueError, match="pickle"):
            read_plain_pickle(data[:end])
    rng = np.random.default_rng(1)
    for _ in range(500):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] = rng.integers(256)
        with contextlib.suppress(ValueError):
            read_plain_pickle(bytes(damaged))
