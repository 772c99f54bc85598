"""Types, errors and settings."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pyarrow as pa
import pytest

from sqlengine import errors
from sqlengine import types as t
from sqlengine.config import SETTINGS, default_settings, parse_bytes

# Some kinds have parameters; some lie in memory as others do.
_SPECIAL = ["DECIMAL", "LIST", "ARRAY", "STRUCT", "MAP", "HUGEINT", "UHUGEINT", "ENUM", "UUID", "BIT", "JSON", "TIMETZ"]
TYPES = [t.SqlType(kind) for kind in t.TypeKind if kind.name not in _SPECIAL]


@pytest.mark.parametrize("type_", [*TYPES, t.decimal(12, 3), t.list_of(t.VARCHAR)], ids=str)
def test_arrow_and_back(type_: t.SqlType) -> None:
    assert t.from_arrow(t.arrow_type(type_)) == type_
    assert pickle.loads(pickle.dumps(type_)) == type_


def test_nested_types_print_and_carry() -> None:
    data = pa.struct([("a", pa.int64()), ("m", pa.map_(pa.string(), pa.list_(pa.date32())))])
    type_ = t.from_arrow(data)
    assert str(type_) == "STRUCT(a BIGINT, m MAP(VARCHAR, DATE[]))"
    assert t.arrow_type(type_).field("a").type == pa.int64()


def test_what_has_no_sql_type_is_refused() -> None:
    with pytest.raises(errors.NotSupportedError, match="38"):
        t.from_arrow(pa.decimal256(60, 2))


def test_carets_point_at_the_place() -> None:
    sql = "SELECT a,\n       nme FROM t"
    error = errors.BindError("unknown column 'nme'", errors.Position(2, 8, 3))
    assert errors.render(error, sql).splitlines()[1:] == ["LINE 2:        nme FROM t", "               ^^^"]
    long = "SELECT " + "x, " * 100 + "bad FROM t"
    shown = errors.render(errors.BindError("m", errors.Position(1, 308, 3)), long).splitlines()
    place = shown[2].index("^")
    assert shown[1][place : place + 3] == "bad"


def test_errors_travel_and_take_context() -> None:
    error = errors.ConversionError("bad value", errors.Position(1, 2))
    back = pickle.loads(pickle.dumps(error.with_context("in file x.csv")))
    assert isinstance(back, errors.ConversionError)
    assert back.message == "bad value\nin file x.csv"
    assert back.position == error.position


def test_suggestions_come_from_what_is_near() -> None:
    assert errors.nearest("carier", ["Carrier", "origin", "year"]) == ["Carrier"]
    assert errors.did_you_mean("zzz", ["abc"]) == ""


@pytest.mark.parametrize(
    ("text", "size"), [("1024", 1024), ("2GB", 2 * 10**9), ("1.5 GiB", 3 << 29), ("10 kb", 10_000), (7, 7)]
)
def test_bytes(text: object, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GB", "1XB", "many", True])
def test_not_bytes(text: object) -> None:
    with pytest.raises(ValueError, match="bytes"):
        parse_bytes(text)


def test_settings_snapshots_do_not_change() -> None:
    before = default_settings({})
    after = before.replaced({"WORKERS": "4", "optimizer": "off", "timeout": 1})
    assert before["workers"] is None
    assert (after["workers"], after["optimizer"], after["timeout"]) == (4, False, 1.0)
    assert after.worker_count == 4


@pytest.mark.parametrize(
    ("name", "value"),
    [("workers", 0), ("workers", 1.5), ("workers", True), ("scheduler", "cluster"), ("optimizer", "maybe"),
     ("timeout", "soon"), ("batch_rows", None), ("scheduler", 3)],
)  # fmt: skip
def test_unfit_values(name: str, value: object) -> None:
    with pytest.raises(errors.SettingError, match=name):
        default_settings({}).replaced({name: value})


def test_every_setting_says_what_it_is_for() -> None:
    for setting in SETTINGS.values():
        assert setting.meaning
        if setting.default is not None:
            assert setting.parse(setting.default) == setting.default


def test_first_statement_while_another_thread_loads_the_parser():
    """Each thread once got half a module: one imported the parser, the other a module within it."""
    program = """
import threading
from sqlengine.planner.tokens import statement_tokens

def load():
    import sqlglot

def read():
    print(len(statement_tokens("SELECT 1; SELECT 2")))

threads = [threading.Thread(target=load), threading.Thread(target=read)]
for thread in threads:
    thread.start()
"""
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (shown.stdout, shown.stderr) == ("2\n", "")
