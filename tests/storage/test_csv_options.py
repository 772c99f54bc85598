"""Options of read_csv, sniff_csv, and rows that do not fit, held against DuckDB."""

import gzip
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sqlengine
from sqlengine.errors import ConversionError, Error, NotSupportedError, SettingError
from sqlengine.storage.dataset import open_table
from tests.storage.support import scan, types

Write = Callable[..., str]


def ours(sql: str, **settings: object) -> list[tuple[object, ...]]:
    with sqlengine.connect(**settings) as connection:
        cursor = connection.cursor()
        cursor.execute(sql)
        return cursor.fetchall()


def both(sql: str) -> tuple[object, object]:
    """Names, types and rows, by this engine and by DuckDB."""
    with sqlengine.connect() as connection:
        cursor = connection.cursor()
        cursor.execute(sql)
        mine = [(each[0], str(each[1])) for each in cursor.description or ()], cursor.fetchall()
    with duckdb.connect() as oracle:
        relation = oracle.sql(sql)
        told = [(n, str(t)) for n, t in zip(relation.columns, relation.types, strict=True)], relation.fetchall()
    return mine, told


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("# about\na,b # hm\n1,2# c\n3,4\n#only\n5,6\n", "comment = '#'"),
        ('a,b\n1,"x#y"\n#z\n2,"p\n#q"\n', "comment = '#', quote = '\"'"),
        ("a,b\n1,NA\n2,null\n3,4\n", "nullstr = ['NA', 'null']"),
        ("a,b\n1,NA\n2,null\n", "nullstr = ['NA'], force_not_null = ['b']"),
        ('a,b\n1,"x"\n2,""\n3,\n', "allow_quoted_nulls = false"),
        ('a,b\n1,"x"\n2,""\n3,\n', "force_not_null = ['b']"),
        ("a;b\n1,5;1.234\n2,5;2.000\n", "decimal_separator = ','"),
        ("a;b\n1,5;1.234\n2,5;2.000\n", "decimal_separator = ',', thousands = '.'"),
        ("a|b\n1,234.5|1,000\n2|3\n", "thousands = ',', types = {'b': 'INTEGER'}"),
        ("a,b\n1,2\n", "names = ['x']"),
        ("a,b\n1,2\n", "names = ['x', 'y'], header = false"),
        ("a,b\n1,2.5\n", "auto_type_candidates = ['INTEGER', 'FLOAT', 'VARCHAR']"),
        ("A b,1c,select\n1,2,3\n", "normalize_names = true"),
        ("a,b\n1,2\n", "dtypes = ['VARCHAR', 'SMALLINT']"),
        ("a,b\n1,2\n3\n4,5,6\n7,\n", "null_padding = true, header = true, delim = ','"),
        ("a,b\nx,1\n2\n3,4,5\n6,7\n", "ignore_errors = true, header = true, types = {'a': 'INTEGER', 'b': 'INTEGER'}"),
        ("t,n\n2020-01-02 10:00:00,1\n", "timestampformat = '%Y-%m-%d %H:%M:%S'"),
        ("d,n\n02.01.2020,1\n", "dateformat = '%d.%m.%Y'"),
        ("d,n\n31/12/2020,1\n01/02/2020,2\n", "header = true"),
        ("d,n\n12-31-2020,1\n01-02-2020,2\n", "header = true"),
        ("d,n\n2020/12/31,1\n", "header = true"),
        ("t,n\n31.12.2020 10:00:00,1\n", "header = true"),
        ("t,n\n12/31/2020 10:00:00 PM,1\n", "header = true"),
        ("junk line\nmore junk\n\na,b,c\n1,2,x\n3,4,y\n", "sample_size = -1"),
        ("a,b\n'x,y',2\n'z',3\n", "files_to_sniff = 1"),
        ('a,b\n"x\\"y",2\n"z",3\n', "new_line = '\\n'"),
        ("t,f\nx,y\n", "strict_mode = true"),
        ("q;r\n1;2\n", "auto_detect = false, columns = {'q;r': 'VARCHAR'}, header = true"),
    ],
)
def test_options_are_duckdbs(write_csv: Write, text: str, options: str) -> None:
    mine, told = both(f"FROM read_csv('{write_csv(text)}', {options})")
    assert mine == told


@pytest.mark.parametrize("split_bytes", [1 << 20, 7])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16(write_csv: Write, encoding: str, split_bytes: int) -> None:
    content = "a,b\n" + "".join(f'{n},"ü{n}\n日本"\n' for n in range(30))
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    path = write_csv((mark + content).encode(encoding))
    table = open_table(path, options={"encoding": "utf-16", "split_bytes": split_bytes})
    assert scan(table) == [(n, f"ü{n}\n日本") for n in range(30)]


@pytest.mark.parametrize(
    "text",
    [
        "a,b,c\n1,2020-01-01,x\n2,2020-01-02,y\n",
        "junk line\nmore junk\n\na,b,c\n1,2,x\n3,4,y\n",
        "a,b\n'x,y',2\n'z',3\n",
        'a,b\n"x\\"y",2\n"z",3\n',
        'a,b\n"x""y",2\n"z",3\n',
        'a,b\r\n"x",2\r\n',
        "d,e\n31/12/2020,31.12.2020 10:00:00\n01/02/2020,01.02.2020 11:00:00\n",
        "a,b\n1,2 # c\n# foo\n3,4\n",
        "a;b\n1,5;2\n",
        "a\tb\n1\tx\n",
        "a\n1\n2\n",
        "",
    ],
)
def test_sniff_csv_is_duckdbs_and_its_prompt_reads_the_same(write_csv: Write, text: str) -> None:
    path = write_csv(text)
    mine, told = both(f"FROM sniff_csv('{path}')")
    assert mine == told
    (row,) = ours(f"FROM sniff_csv('{path}')")
    assert both(str(row[-1]).rstrip(";"))[0] == both(f"FROM read_csv('{path}')")[0]


def test_what_sniff_csv_is_told_stands_in_its_prompt(write_csv: Write, tmp_path: Path) -> None:
    sql = f"FROM sniff_csv('{write_csv('a,b' + chr(10) + '1,2' + chr(10))}', delim = ',', header = true)"
    mine, told = both(sql)
    assert mine == told
    write_csv("a\n1\n", "2.csv")
    with pytest.raises(NotSupportedError, match="one file, not at 2"):
        ours(f"FROM sniff_csv('{tmp_path}/*.csv')")


@pytest.mark.parametrize("day", ["01/02/2020", "11.12.2020", "1/2/20"])
def test_dates_with_two_readings_stay_text(write_csv: Write, day: str) -> None:
    assert types(open_table(write_csv(f"d,n\n{day},1\n"))) == {"d": "VARCHAR", "n": "BIGINT"}


REJECTS = """SELECT file_id, line, line_byte_position, byte_position, column_idx, column_name, error_type, csv_line,
    error_message FROM reject_errors ORDER BY ALL"""


def bad_file(rows: int) -> str:
    lines = ["a,b", *(f"{n},x{n}" for n in range(rows))]
    lines[1 + rows // 2] = "oops,y"
    lines[1 + rows - 2] = "1"
    lines[1 + rows - 1] = "1,2,3"
    return "\n".join(lines) + "\n"


def test_rejects_are_duckdbs(write_csv: Write, tmp_path: Path) -> None:
    write_csv(bad_file(50), "1.csv")
    write_csv(bad_file(20), "2.csv")
    source = f"read_csv('{tmp_path}/*.csv', header = true, types = {{'a': 'INTEGER'}}, store_rejects = true)"
    with duckdb.connect() as oracle:
        rows = oracle.sql(f"SELECT count(*), sum(a), max(b) FROM {source}").fetchall()
        errors = oracle.sql(REJECTS).fetchall()
    for scheduler in ("inline", "threads", "processes"):
        with sqlengine.connect(scheduler=scheduler, split_bytes=100, inline_bytes=0) as connection:
            cursor = connection.cursor()
            cursor.execute(f"SELECT count(*), sum(a), max(b) FROM {source}")
            assert cursor.fetchall() == rows
            cursor.execute(REJECTS)
            assert cursor.fetchall() == errors
            cursor.execute("SELECT file_id, file_path, delimiter, has_header FROM reject_scans")
            assert cursor.fetchall() == [(k, f"{tmp_path}/{k + 1}.csv", ",", True) for k in range(2)]


@pytest.mark.parametrize("optimizer", [True, False])
def test_which_rows_are_skipped_does_not_depend_on_the_columns_used(write_csv: Write, optimizer: bool) -> None:
    source = f"read_csv('{write_csv('a,b' + chr(10) + '1,x' + chr(10) + 'y,z' + chr(10))}', types = ['INT'], {{}})"
    for columns in ("count(*)", "count(a)", "count(b)"):
        sql = f"SELECT {columns} FROM {source.format('ignore_errors = true, header = true')}"
        assert ours(sql, optimizer=optimizer) == [(1,)]


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_rejects_have_names_a_limit_and_true_lines(write_csv: Write, ending: str) -> None:
    content = ("# note\na,b\n" + '1,"two\nlines"\n' * 30 + "p,1\nq,2\n" + "1,\xff\n").encode("latin-1")
    path = write_csv(gzip.compress(content) if ending else content, f"t.csv{ending}")
    source = f"read_csv('{path}', comment = '#', types = {{'a': 'INT'}}, rejects_table = 'bad', rejects_limit = "
    for limit, lines in ((0, [63, 64, 65]), (2, [63, 64])):
        with sqlengine.connect(split_bytes=50) as connection:
            cursor = connection.cursor()
            cursor.execute(f"SELECT count(*), min(a), max(a) FROM {source}{limit})")
            assert cursor.fetchall() == [(30, 1, 1)]
            cursor.execute("SELECT line, error_type FROM bad ORDER BY line")
            kinds = ["CAST", "CAST", "INVALID ENCODING"]
            assert cursor.fetchall() == list(zip(lines, kinds, strict=False))
            with pytest.raises(Error, match="reject_errors"):
                cursor.execute("FROM reject_errors")


def test_a_table_of_ones_own_goes_before_rejects(write_csv: Write) -> None:
    with sqlengine.connect() as connection:
        connection.execute(f"FROM read_csv('{write_csv('a,b' + chr(10) + '1,x' + chr(10))}', store_rejects = true)")
        assert connection.execute("FROM reject_errors").fetchall() == []
        connection.execute("CREATE TABLE reject_errors AS SELECT 7 AS a")
        assert connection.execute("FROM reject_errors").fetchall() == [(7,)]


@pytest.mark.parametrize("options", ["delim = '\"'", "delim = ',', comment = ','", "quote = ',', delim = ','"])
def test_signs_that_are_the_same(write_csv: Write, options: str) -> None:
    with pytest.raises(SettingError, match="different signs"):
        ours(f"FROM read_csv('{write_csv('a' + chr(10))}', {options})")


def test_records_longer_than_allowed(write_csv: Write) -> None:
    path = write_csv("a,b\n1,x\n2," + "y" * 60 + "\n")
    with pytest.raises(Error, match=r"line 3: the row has 63 bytes.*max_line_size = 63"):
        ours(f"FROM read_csv('{path}', max_line_size = 50)")
    assert ours(f"FROM read_csv('{path}', max_line_size = 50, ignore_errors = true)") == [(1, "x")]


def test_a_value_at_the_end_of_the_last_file_that_breaks_the_guess(tmp_path: Path, write_csv: Write) -> None:
    lines = "".join(f"{n},some text\n" for n in range(20_000))
    for month in range(1, 13):
        write_csv("n,text\n" + lines, f"{month:02}.csv")
    path = write_csv("n,text\n" + lines + "x" + "," + "y" * 20_000 + "\n" + lines[:90_000], "12.csv")
    with pytest.raises(ConversionError) as caught:
        ours(f"SELECT sum(n) FROM '{tmp_path}/*.csv'")
    for part in (
        path,
        "line 20002,",
        "column 'n'",
        "'x' is not a BIGINT",
        "types = {'n': 'VARCHAR'}",
        "sample_size = -1",
        "ignore_errors = true",
    ):
        assert part in caught.value.message
    assert ours(f"SELECT typeof(any_value(n)) FROM read_csv('{tmp_path}/*.csv', sample_size = -1)") == [("VARCHAR",)]


def test_columns_by_name(write_csv: Write, tmp_path: Path) -> None:
    write_csv("a,b\n1,x\n", "1.csv")
    write_csv("B,c,a\ny,2.5,2\n", "2.csv")
    write_csv("", "3.csv")
    write_csv("d\n", "4.csv")
    source = f"read_csv('{tmp_path}/*.csv', union_by_name = true, header = true, split_bytes = 5)"
    assert ours(f"SELECT * FROM {source}") == [(1, "x", None, None), (2, "y", 2.5, None)]
    assert ours(f"SELECT count(*), max(c), max(d) FROM {source}") == [(2, 2.5, None)]
    (tmp_path / "4.csv").unlink()
    write_csv("b,a\nz,3\n", "2.csv")
    assert ours(f"SELECT a, b FROM '{tmp_path}/*.csv'") == [(1, "x"), (3, "z")]


def test_columns_of_files_outside_of_the_sample(write_csv: Write, tmp_path: Path) -> None:
    for number in range(40):
        write_csv(f"a,b\n{number},x\n" + "1,y\n" * 1500, f"{number:02}.csv")
    write_csv("a,c\n" + "1,2.5\n" * 1500, "35.csv")
    source = f"read_csv('{tmp_path}/*.csv', files_to_sniff = 2, {{}})"
    assert ours(f"SELECT sum(a), max(c), count(*) FROM {source.format('union_by_name = true')}") == [
        (sum(range(40)) - 35 + 40 * 1500, 2.5, 40 * 1501 - 1)
    ]
    with pytest.raises(Error, match=r"column 2 is 'b' in '.*00\.csv' but 'c' in '.*35\.csv'; union_by_name = true"):
        ours(f"FROM {source.format('header = true')}")


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\n,\n,\n", [(None, None), (None, None)]),
        ("a,b\n1,\n2,\n", [(1, None), (2, None)]),
        ("a\n\n\n", [(None,), (None,)]),
        ("a,b\n", []),
    ],
)
def test_columns_without_values(write_csv: Write, text: str, rows: list[tuple[object, ...]]) -> None:
    mine, told = both(f"FROM read_csv('{write_csv(text)}', header = true, delim = ',')")
    assert mine == told
    assert mine[1] == rows  # type: ignore[index]


CHOICES = {
    "comment": ["#"],
    "ignore_errors": [True],
    "null_padding": [True],
    "header": [True, False],
    "quote": ["'", ""],
    "escape": ["\\"],
    "delim": [",", "|"],
    "encoding": ["latin-1", "utf-16"],
    "skip": [1],
    "types": [["INT"], ["DATE", "INT"]],
    "max_line_size": [5],
    "thousands": ["'"],
}


@settings(max_examples=120, deadline=None)
@given(
    content=st.text(alphabet="ab1,|\"\n\r\\ #'é", max_size=50).map(str.encode) | st.binary(max_size=30),
    options=st.fixed_dictionaries({}, optional={name: st.sampled_from(each) for name, each in CHOICES.items()}),
)
def test_any_bytes_with_any_options_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, options: dict[str, object]
) -> None:
    path = tmp_path_factory.mktemp("c") / "t.csv"
    path.write_bytes(b"a,b\n" + content)
    try:
        table = open_table(str(path), "csv", options)
        rows = scan(table)
    except Error:
        return
    assert repr(scan(open_table(str(path), "csv", {**options, "split_bytes": 7}))) == repr(rows)
    if options.get("ignore_errors"):
        rejected = open_table(str(path), "csv_rejects", options)
        lines = {row[0] for row in scan(rejected)}
        strict = {name: value for name, value in options.items() if name != "ignore_errors"}
        if lines:
            with pytest.raises(Error):
                scan(open_table(str(path), "csv", strict))
        else:
            assert repr(scan(open_table(str(path), "csv", strict))) == repr(rows)
