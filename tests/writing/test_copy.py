"""COPY … TO: the files that come to be, and what DuckDB makes of the same statement."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import sqlengine
from sqlengine.errors import BindError, Error, NotSupportedError, OperationalError, SettingError

# Two engines, one table.
TABLE = "CREATE TABLE t AS SELECT i AS id, i % 3 AS k, 'x' || i AS s FROM range(10) r(i)"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def connection(here: Path) -> Iterator[sqlengine.Connection]:
    with sqlengine.connect(scheduler="inline", verify_plans=True) as opened:
        opened.execute(TABLE)
        yield opened


def tree(folder: Path) -> dict[str, bytes]:
    """Path within the folder -> content, hidden files included."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def copied_by_duckdb(statement: str, folder: Path) -> tuple[object, dict[str, bytes]]:
    """The answer, and the files."""
    folder.mkdir()
    before = os.getcwd()
    os.chdir(folder)
    try:
        with duckdb.connect() as oracle:
            oracle.execute(TABLE)
            answer = oracle.execute(statement).fetchall()
    finally:
        os.chdir(before)
    return answer, tree(folder)


ODD = """SELECT 'a,b' a, 'q"q' b, NULL c, '' d, ' x ' e, 'l
m' f, true g, [1, 2] h, {'a': 'x,y'} i, 'a#b' j, 1.50::DECIMAL(5, 2) k, DATE '2020-01-02' l,
TIMESTAMP '2020-01-02 03:04:05' m, INTERVAL 3 DAYS n, MAP {'a': 1} o, '\\x00a'::BLOB p, 'NaN'::DOUBLE q,
1e20 r, 0.1::FLOAT s"""

SAME_TEXT = (
    "COPY t TO 'a.csv'",
    "COPY t TO 'a.txt' (HEADER false, DELIMITER '||')",
    "COPY t (s, id) TO 'a.csv' (DELIM '\t')",
    "COPY (SELECT 1 a, 2 a) TO 'a.csv'",
    f"COPY ({ODD}) TO 'a.csv'",
    f"COPY ({ODD}) TO 'a.json'",
    f"COPY ({ODD}) TO 'a.csv' (NULL 'NA', QUOTE '''', ESCAPE '!', DELIMITER '|')",
    f"COPY ({ODD}) TO 'a.csv' (FORCE_QUOTE *)",
    f"COPY ({ODD}) TO 'a.csv' (FORCE_QUOTE (a, k))",
    "COPY (SELECT '' a, NULL b, 'NA' c) TO 'a.csv' (NULLSTR 'NA')",
    "COPY t TO 'a.csv' (SEP '\\t')",
    "COPY t TO ('a' || '.csv')",
    "COPY t TO 'a.csv' (NEW_LINE '\\r\\n')",
    "COPY (SELECT i, CASE i WHEN 0 THEN '__HIVE_DEFAULT_PARTITION__' WHEN 1 THEN '..' WHEN 2 THEN '' END s"
    " FROM range(4) t(i)) TO 'a' (FORMAT csv, PARTITION_BY (s))",
    "COPY (SELECT i, ['1.5', 'nan', 'inf', '0.0', '1e20'][i]::DOUBLE d FROM range(1, 6) t(i))"
    " TO 'a' (FORMAT csv, PARTITION_BY (d))",
    "COPY t TO 'a.json' (ARRAY true)",
    "COPY (FROM t LIMIT 0) TO 'a.json' (ARRAY true)",
    "COPY (FROM t LIMIT 0) TO 'a.csv'",
    "COPY (FROM t LIMIT 0) TO 'a' (FORMAT csv, PER_THREAD_OUTPUT)",
    "COPY t TO 'a' (FORMAT csv, PARTITION_BY (k))",
    "COPY t TO 'a' (FORMAT json, PARTITION_BY k, WRITE_PARTITION_COLUMNS)",
    "COPY t TO 'a' (FORMAT csv, PARTITION_BY (K, s), FILENAME_PATTERN 'part', FILE_EXTENSION 'text')",
    "COPY (SELECT 1 a, NULL b, 'a/b=c é %' c, TIMESTAMP '2020-01-01 01:02:03' \"d d\")"
    " TO 'a' (PARTITION_BY (b, c, \"d d\"))",
    "COPY (SELECT DATE '2020-01-02' a, TIMESTAMP '2020-01-02 03:04:05' b, TIME '01:02:03' c, [DATE '2020-01-02'] d)"
    " TO 'a.csv' (DATEFORMAT '%d/%m/%Y', TIMESTAMPFORMAT '%Y')",
    "COPY (SELECT DATE '2020-01-02' a, TIMESTAMP '2020-01-02 03:04:05' b) TO 'a.json' (DATEFORMAT '%d/%m/%Y')",
)


@pytest.mark.parametrize("statement", SAME_TEXT, ids=range(len(SAME_TEXT)))
def test_text_is_duckdbs_byte_for_byte(connection: sqlengine.Connection, here: Path, statement: str) -> None:
    ours = here / "ours"
    ours.mkdir()
    os.chdir(ours)
    count = connection.execute(statement).fetchall()
    assert (count, tree(ours)) == copied_by_duckdb(statement, here / "theirs")


REFUSED = {
    "COPY t TO 'a.csv' (BOGUS 1)": (SettingError, "'bogus'"),
    "COPY t TO 'a.csv' (ROW_GROUP_SIZE 10)": (SettingError, "row_group_size"),
    "COPY t TO 'a.parquet' (HEADER)": (SettingError, "header"),
    "COPY t TO 'a.csv' (HEADER 'x')": (SettingError, "true or false"),
    "COPY t TO 'a.csv' (HEADER, HEADER)": (BindError, "twice"),
    "COPY t TO 'a.parquet' (COMPRESSION bogus)": (SettingError, "snappy"),
    "COPY t TO 'a.parquet' (COMPRESSION zstd, COMPRESSION_LEVEL 30)": (SettingError, "1 to 22"),
    "COPY t TO 'a.csv' (COMPRESSION snappy)": (SettingError, "gzip"),
    "COPY t TO 'a' (FORMAT xlsx)": (NotSupportedError, "xlsx"),
    "COPY t TO 'a' (PARTITION_BY (zz))": (BindError, "zz"),
    "COPY t TO 'a' (PARTITION_BY (k, k))": (BindError, "twice"),
    "COPY t TO 'a' (PARTITION_BY *)": (BindError, "WRITE_PARTITION_COLUMNS"),
    "COPY t TO 'a' (PARTITION_BY (k), PER_THREAD_OUTPUT)": (SettingError, "one of"),
    "COPY t TO 'a' (PARTITION_BY (k), OVERWRITE, APPEND)": (SettingError, "one of"),
    "COPY t TO 'a.csv' (APPEND)": (NotSupportedError, "one file"),
    "COPY t TO 'nowhere/a.csv'": (OperationalError, "no folder"),
    "COPY t TO ''": (BindError, "quotes"),
    "COPY t TO stdout": (BindError, "quotes"),
    "COPY u TO 'a.csv'": (BindError, '"u"'),
    "COPY t (nope) TO 'a.csv'": (BindError, '"nope"'),
    "COPY t TO 'https://example.org/a.csv'": (NotSupportedError, "web servers take no files"),
    "COPY t TO 'nope://bucket/a.csv'": (NotSupportedError, "Protocol not known"),
    "COPY t TO 'a.csv' (STORAGE_OPTIONS {'key': 'k'})": (SettingError, "for URLs"),
    "COPY (SELECT INTERVAL 1 DAY i) TO 'a.parquet'": (NotSupportedError, "INTERVAL"),
    "COPY (SELECT 1.5 i) TO 'a.h5'": (NotSupportedError, "DECIMAL"),
    "COPY (SELECT NULL::INTEGER i) TO 'a.h5'": (Error, "NULL"),
    "COPY (SELECT DATE '2020-01-01' d) TO 'a.parquet' (DATEFORMAT '%Y')": (SettingError, "DATEFORMAT"),
    "COPY t TO 'a.csv' (DELIMITER '\"')": (SettingError, "delimiter"),
    "COPY t TO 'a.csv' (FORCE_QUOTE (zz))": (SettingError, "zz"),
    "COPY t TO 'a.csv' (USE_TMP_FILE false)": (NotSupportedError, "USE_TMP_FILE"),
    "COPY t TO 'a/' (FILENAME_PATTERN '../x')": (SettingError, "FILENAME_PATTERN"),
    "COPY t TO 'a/' (FILE_EXTENSION '/../../x')": (SettingError, "FILE_EXTENSION"),
    "COPY t TO '/dev/null'": (OperationalError, "device"),
    "COPY t TO '/dev/stdout'": (OperationalError, "device"),
    "COPY t TO 'a.csv' (DELIMITER 'abcde')": (SettingError, "four bytes"),
    "COPY t TO 'a.csv' (NEW_LINE 'x')": (SettingError, "new_line"),
    "COPY t TO (1)": (BindError, "quotes"),
    f"COPY t TO '{'y' * 300}.csv'": (OperationalError, "name too long"),
    f"COPY (SELECT 1 a, '{'y' * 300}' b) TO 'a' (FORMAT csv, PARTITION_BY (b))": (OperationalError, "name too long"),
    "COPY t TO ('a' || chr(0))": (BindError, "quotes"),
    "COPY (SELECT 'a' || chr(0) AS s) TO 'a.h5'": (Error, "character 0"),
    "COPY (SELECT error('no')) TO 'a.csv'": (Error, "no"),
}


@pytest.mark.parametrize("statement", REFUSED)
def test_refused_and_nothing_left_behind(connection: sqlengine.Connection, here: Path, statement: str) -> None:
    kind, words = REFUSED[statement]
    with pytest.raises(kind, match=words):
        connection.execute(statement)
    assert os.listdir(here) == []


def test_explain_analyze_writes(connection: sqlengine.Connection, here: Path) -> None:
    ((plan,),) = connection.execute("EXPLAIN ANALYZE COPY t TO 'a.csv'").fetchall()
    assert "WriteExec: csv, one file" in plan
    assert "10 rows" in plan
    assert (here / "a.csv").read_text().startswith("id,k,s\n0,0,x0\n")
    with pytest.raises(NotSupportedError, match="FROM"):
        connection.execute("EXPLAIN ANALYZE COPY t FROM 'a.csv'")


def test_parameters_name_the_target(connection: sqlengine.Connection, here: Path) -> None:
    connection.execute("COPY (FROM t WHERE id < $n) TO $path (FORMAT csv)", {"n": 2, "path": "a.out"})
    assert (here / "a.out").read_text() == "id,k,s\n0,0,x0\n1,1,x1\n"


def test_a_dialect_that_is_not_duckdbs_is_refused(connection: sqlengine.Connection) -> None:
    connection.set("dialect", "spark")
    with pytest.raises(NotSupportedError, match="dialect"):
        connection.execute("COPY t TO 'a.csv'")


def test_allowed_paths_hold_for_targets(connection: sqlengine.Connection, here: Path) -> None:
    (here / "free").mkdir()
    (here / "free" / "way").symlink_to(here)
    connection.set("allowed_paths", [str(here / "free")])
    for target in ("a.csv", "free/../a.csv", "free/way/a.csv"):
        with pytest.raises(OperationalError, match="allowed"):
            connection.execute(f"COPY t TO '{target}'")
    # Hidden files would lie beside the allowed folder.
    with pytest.raises(OperationalError, match="allowed"):
        connection.execute("COPY t TO 'free/' (OVERWRITE)")
    connection.execute("COPY t TO 'free/a.csv'")
    assert sorted(os.listdir(here / "free")) == ["a.csv", "way"]


def test_a_file_that_is_replaced_keeps_its_mode(connection: sqlengine.Connection, here: Path) -> None:
    (here / "a.csv").touch()
    (here / "a.csv").chmod(0o640)
    connection.execute("COPY t TO 'a.csv'")
    assert (here / "a.csv").stat().st_mode & 0o777 == 0o640


def test_partitions_are_written_in_bounded_memory(connection: sqlengine.Connection, here: Path) -> None:
    connection.set("memory_limit", "1MB").set("batch_rows", 10_000)
    rows = "SELECT range AS i, range % 7 AS k FROM range(300_000)"
    connection.execute(f"COPY ({rows}) TO 'a' (FORMAT parquet, PARTITION_BY (k))")
    assert len(list(here.glob("a/k=0/*.parquet"))) > 1
    assert connection.execute("SELECT count(*), sum(i), sum(k) FROM 'a'").fetchall() == [
        connection.execute(f"SELECT count(*), sum(i), sum(k) FROM ({rows})").fetchone()
    ]
