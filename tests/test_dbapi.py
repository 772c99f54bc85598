"""PEP 249, sentence by sentence, and what we offer beside it."""

from __future__ import annotations

import datetime
import decimal
import threading
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import sqlengine
from sqlengine import errors


@pytest.fixture
def connection() -> sqlengine.Connection:
    connection = sqlengine.connect(scheduler="inline")
    return connection.register("t", pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]}))


def test_module_globals() -> None:
    assert sqlengine.apilevel == "2.0"
    assert sqlengine.threadsafety == 1
    assert sqlengine.paramstyle == "qmark"


def test_exceptions_form_the_tree_of_the_pep() -> None:
    assert issubclass(sqlengine.Warning, Exception)
    assert issubclass(sqlengine.Error, Exception)
    assert issubclass(sqlengine.InterfaceError, sqlengine.Error)
    assert issubclass(sqlengine.DatabaseError, sqlengine.Error)
    for name in (
        "DataError",
        "OperationalError",
        "IntegrityError",
        "InternalError",
        "ProgrammingError",
        "NotSupportedError",
    ):
        assert issubclass(getattr(sqlengine, name), sqlengine.DatabaseError)
        assert getattr(sqlengine.Connection, name) is getattr(sqlengine, name)


def test_every_error_class_is_drawn_in_the_docstring() -> None:
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, Exception)]
    assert len(classes) > 15
    for each in classes:
        assert each.__name__ in (errors.__doc__ or ""), each.__name__


def test_fetches(connection: sqlengine.Connection) -> None:
    cursor = connection.cursor()
    assert cursor.execute("SELECT * FROM t ORDER BY a") is cursor
    assert cursor.rowcount == 3
    assert cursor.fetchone() == (1, "x")
    assert cursor.fetchmany() == [(2, None)]
    assert cursor.rownumber == 2
    assert cursor.fetchmany(5) == [(3, "z")]
    assert cursor.fetchone() is None
    assert cursor.fetchall() == []
    assert list(cursor.execute("SELECT a FROM t ORDER BY a")) == [(1,), (2,), (3,)]


def test_description_and_type_objects(connection: sqlengine.Connection) -> None:
    cursor = connection.cursor()
    assert cursor.description is None
    cursor.execute("SELECT a, b, DATE '2020-01-01' AS day, 1.5 AS n, true AS yes FROM t")
    assert cursor.description is not None
    assert [column[0] for column in cursor.description] == ["a", "b", "day", "n", "yes"]
    assert all(len(column) == 7 for column in cursor.description)
    codes = [column[1] for column in cursor.description]
    assert codes[0] == sqlengine.NUMBER
    assert codes[1] == sqlengine.STRING
    assert codes[2] == sqlengine.DATETIME
    assert codes[3] == sqlengine.NUMBER
    assert codes[0] != sqlengine.STRING
    assert [str(code) for code in codes] == ["BIGINT", "VARCHAR", "DATE", "DECIMAL(2,1)", "BOOLEAN"]


def test_constructors() -> None:
    assert sqlengine.Date(2020, 1, 2) == datetime.date(2020, 1, 2)
    assert sqlengine.Time(1, 2, 3) == datetime.time(1, 2, 3)
    assert sqlengine.Timestamp(2020, 1, 2, 3, 4, 5) == datetime.datetime(2020, 1, 2, 3, 4, 5)
    assert sqlengine.Binary(b"x") == b"x"
    moment = time.mktime((2020, 1, 2, 3, 4, 5, 0, 0, -1))
    assert sqlengine.DateFromTicks(moment) == datetime.date(2020, 1, 2)
    assert sqlengine.TimeFromTicks(moment) == datetime.time(3, 4, 5)
    assert sqlengine.TimestampFromTicks(moment) == datetime.datetime(2020, 1, 2, 3, 4, 5)


def test_fetch_needs_an_answer(connection: sqlengine.Connection) -> None:
    cursor = connection.cursor()
    with pytest.raises(sqlengine.Error, match="execute"):
        cursor.fetchone()
    cursor.execute("SET batch_rows = 10")
    assert cursor.description is None
    assert cursor.rowcount == -1
    with pytest.raises(sqlengine.Error, match="no answer"):
        cursor.fetchall()


def test_closed_things_raise(connection: sqlengine.Connection) -> None:
    cursor = connection.cursor()
    cursor.close()
    with pytest.raises(sqlengine.Error, match="closed"):
        cursor.execute("SELECT 1")
    other = connection.cursor()
    connection.close()
    for use in (connection.cursor, connection.commit, lambda: other.execute("SELECT 1")):
        with pytest.raises(sqlengine.Error, match="closed"):
            use()


def test_there_are_no_transactions(connection: sqlengine.Connection) -> None:
    connection.commit()
    with pytest.raises(sqlengine.NotSupportedError):
        connection.rollback()


def test_sizes_are_accepted(connection: sqlengine.Connection) -> None:
    cursor = connection.cursor()
    assert cursor.arraysize == 1
    cursor.setinputsizes([10])
    cursor.setoutputsize(10, 1)


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("SELECT ?::INTEGER + 1, ?", [1, "it's"]),
        ("SELECT $1::INTEGER + 1, $2", [1, "it's"]),
        ("SELECT $n::INTEGER + 1, $s", {"n": 1, "s": "it's"}),
    ],
)
def test_parameters_are_values(connection: sqlengine.Connection, sql: str, parameters: object) -> None:
    assert connection.execute(sql, parameters).fetchall() == [(2, "it's")]  # type: ignore[arg-type]


def test_a_parameter_is_never_sql(connection: sqlengine.Connection) -> None:
    evil = "x' OR 1=1 --"
    assert connection.execute("SELECT count(*) FROM t WHERE b = ?", [evil]).fetchone() == (0,)


@pytest.mark.parametrize(
    "value",
    [1, -(2**40), 1.5, "é", True, None, b"\x00\xff", decimal.Decimal("1.25"), datetime.date(2020, 2, 29),
     datetime.datetime(2020, 2, 29, 1, 2, 3, 4), datetime.time(1, 2, 3)],
)  # fmt: skip
def test_a_parameter_comes_back_as_it_went_in(connection: sqlengine.Connection, value: object) -> None:
    assert connection.execute("SELECT ?", [value]).fetchone() == (value,)


@pytest.mark.parametrize("parameters", [None, [], [1, 2], {"a": 1}])
def test_wrong_parameters(connection: sqlengine.Connection, parameters: object) -> None:
    with pytest.raises(sqlengine.ProgrammingError, match="parameter"):
        connection.execute("SELECT ?", parameters)  # type: ignore[arg-type]


def test_executemany(connection: sqlengine.Connection) -> None:
    cursor = connection.cursor().executemany("SELECT ?::INTEGER", [[1], [2]])
    assert cursor.fetchall() == [(2,)]


def test_context_managers(connection: sqlengine.Connection) -> None:
    with connection as same, same.cursor() as cursor:
        cursor.execute("SELECT 1")
    with pytest.raises(sqlengine.Error):
        connection.cursor()


def test_frames_and_streams(connection: sqlengine.Connection) -> None:
    cursor = connection.execute("SELECT a, b FROM t WHERE a < 3 ORDER BY a")
    assert cursor.arrow().to_pydict() == {"a": [1, 2], "b": ["x", None]}
    assert list(cursor.df().columns) == ["a", "b"]
    assert pa.table(cursor).num_rows == 2


def test_pandas_types() -> None:
    frame = sqlengine.query(
        """SELECT * FROM (VALUES
        (1, NULL::INTEGER, 1.5, DATE '2020-01-01', INTERVAL 1 DAY, true, 'a', TIME '10:00:00', 5::HUGEINT),
        (2, 7, 2.5, NULL, NULL, NULL, NULL, NULL, 6))"""
    )
    assert [str(dtype) for dtype in frame.dtypes] == [
        "int32", "Int32", "float64", "datetime64[us]", "timedelta64[us]", "boolean", "str", "object", "int64",
    ]  # fmt: skip
    big = sqlengine.query("SELECT sum(x) AS s FROM (VALUES (9223372036854775807), (1)) v(x)")
    assert big["s"][0] == 9223372036854775808


def test_duplicate_names_and_empty_answers() -> None:
    frame = sqlengine.query("SELECT 1 AS a, 2 AS a")
    assert list(frame.columns) == ["a", "a"]
    assert frame.iloc[0].tolist() == [1, 2]
    empty = sqlengine.query("SELECT 1 AS a WHERE false")
    assert list(empty.columns) == ["a"]
    assert len(empty) == 0


def test_tables_of_the_caller() -> None:
    local = pd.DataFrame({"x": [1, 2, 3]})
    assert sqlengine.query("SELECT sum(x) AS s FROM local")["s"][0] == 6
    assert sqlengine.query("SELECT sum(x) AS s FROM other", other=local)["s"][0] == 6
    arrow = pa.table({"x": [4]})
    connection = sqlengine.connect()
    assert connection.execute("SELECT x FROM arrow").fetchall() == [(4,)]
    assert len(local) == arrow.num_rows + 2


def test_paths_are_tables(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,a\n2,b\n")
    (tmp_path / "b.csv").write_text("x,y\n3,c\n")
    assert sqlengine.query(f"SELECT sum(x) AS s FROM '{tmp_path}/*.csv'")["s"][0] == 6
    assert sqlengine.query(f"SELECT count(*) AS n FROM read_csv('{tmp_path}/a.csv', header = true)")["n"][0] == 2
    assert sqlengine.query("SELECT max(x) AS m FROM files", files=tmp_path)["m"][0] == 3
    with sqlengine.connect(tmp_path) as connection:
        assert connection.tables() == ["a", "b"]
        assert connection.execute("SELECT y FROM b").fetchall() == [("c",)]


def test_settings_by_every_road(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLENGINE_BATCH_ROWS", "77")
    connection = sqlengine.connect(workers=3)
    assert connection.settings["batch_rows"] == 77
    assert connection.execute("SHOW workers").fetchall() == [("3",)]
    connection.execute("SET memory_limit = '2GB'")
    assert connection.settings["memory_limit"] == 2_000_000_000
    with pytest.raises(sqlengine.Error, match="batch_rows"):
        connection.execute("SET batch_row = 1")
    with pytest.raises(sqlengine.Error, match="whole number"):
        sqlengine.connect(workers="many")
    monkeypatch.setenv("SQLENGINE_WORKERS", "none at all")
    with pytest.raises(sqlengine.Error, match="SQLENGINE_WORKERS"):
        sqlengine.connect()


def test_interrupt_from_another_thread() -> None:
    connection = sqlengine.connect(scheduler="inline").register("n", pa.table({"x": list(range(200_000))}))
    threading.Timer(0.3, connection.interrupt).start()
    started = time.monotonic()
    with pytest.raises(sqlengine.OperationalError, match="interrupted"):
        connection.execute("SELECT count(*) FROM n a, n b WHERE a.x * b.x % 7 = 3")
    assert time.monotonic() - started < 5
    assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_timeout() -> None:
    connection = sqlengine.connect(scheduler="inline", timeout=0.2)
    connection.register("n", pa.table({"x": list(range(200_000))}))
    with pytest.raises(sqlengine.OperationalError, match="time limit"):
        connection.execute("SELECT count(*) FROM n a, n b WHERE a.x * b.x % 7 = 3")


def test_explain_show_describe(connection: sqlengine.Connection) -> None:
    plan = connection.execute("EXPLAIN SELECT count(*) FROM t").fetchone()
    assert plan is not None
    assert "AggregateExec" in plan[0]
    assert connection.execute("SHOW TABLES").fetchall() == [("t",)]
    assert [row[:2] for row in connection.execute("DESCRIBE SELECT a, b FROM t").fetchall()] == [
        ("a", "BIGINT"),
        ("b", "VARCHAR"),
    ]
    assert [row[0] for row in connection.execute("DESCRIBE t").fetchall()] == ["a", "b"]


def test_a_busy_connection_says_so(connection: sqlengine.Connection) -> None:
    seen: list[str] = []

    def again(_: object) -> None:
        try:
            connection.execute("SELECT 1")
        except sqlengine.InterfaceError as error:
            seen.append(str(error))

    connection.on_progress(again)
    connection.execute("SELECT sum(a) FROM t")
    assert seen
    assert "busy" in seen[0]


def test_a_quoted_folder_without_a_slash_is_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mix").mkdir()
    (tmp_path / "mix" / "a.csv").write_text("x\n1\n2\n")
    monkeypatch.chdir(tmp_path)
    assert sqlengine.query("SELECT sum(x) AS s FROM 'mix'")["s"][0] == 3
