"""CSV files as people have them: odd spellings, types that Arrow does not read, quotes left open, odd headers."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import duckdb
import pytest

import sqlengine
from sqlengine.errors import Error


def both(sql: str) -> tuple[object, object]:
    """Names, types and rows, by this engine and by DuckDB."""
    answers = []
    for run in (sqlengine.connect(scheduler="inline").execute, duckdb.connect().execute):
        names = [row[:2] for row in run(f"DESCRIBE {sql}").fetchall()]
        answers.append((names, run(sql).fetchall()))
    return answers[0], answers[1]


def written(tmp_path: Path, content: str | bytes) -> str:
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


@pytest.mark.parametrize(
    "text",
    [
        "2020-01-05 10:00:",
        "2020-01-05 10:",
        "2020-01-05 10:00:59.",
        "2020-01-05 10:00:00.123456789",
        "2020-01-05 1:2",
        "2020-01-05 24:00:00",
        "2020-01-05  10:00:00",
        " 2020-01-05 10:00",
        " 2020-01-05",
        "2020-01-05 ",
        "1:00",
        " 10:00:00",
        "10:00:00.1234567",
        "10:00:",
        "20200105",
        "11111111111111111111111111111111111111",
        "-99999999999999999999999999999999999999",
    ],
)
def test_spellings_that_are_guessed(tmp_path: Path, text: str) -> None:
    mine, told = both(f"SELECT * FROM '{written(tmp_path, f'a,b{chr(10)}{text},1{chr(10)}{text},2{chr(10)}')}'")
    assert mine == told


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("3.14159", "DECIMAL(4,1)"),
        ("2.5", "INTEGER"),
        ("2020-01-01 10:00:00.1234", "TIMESTAMP_MS"),
        ("2020-01-01 10:00", "DATE"),
        ("1 day 02:00:00", "INTERVAL"),
        ("00000000-0000-0000-0000-00000000000f", "UUID"),
        ("\\x01ab", "BLOB"),
        ('"[1, 2, NULL]"', "INTEGER[]"),
        ("\"{'a': 1, 'b': x}\"", "STRUCT(a INTEGER, b VARCHAR)"),
        ('"{""x"": 1}"', "JSON"),
        ("0x1F", "BIGINT"),
        ("1_000", "INTEGER"),
    ],
)
def test_types_that_are_told_are_read_as_by_cast(tmp_path: Path, text: str, type_: str) -> None:
    path = written(tmp_path, f"a;b\n{text};1\n;2\n")
    mine, told = both(f"SELECT * FROM read_csv('{path}', delim = ';', types = {{'a': '{type_}'}})")
    assert mine == told


def test_a_guess_is_held_to(tmp_path: Path) -> None:
    path = written(tmp_path, "a\n" + "2020-01-05 \n" * 40_000 + "2020-01-05 10:00\n" + "2020-01-05\n" * 40_000)
    run = sqlengine.connect(scheduler="inline").execute
    with pytest.raises(Error, match="line 40002, column 'a': '2020-01-05 10:00' is not a DATE"):
        run(f"SELECT max(a) FROM read_csv('{path}', sample_size = 100)").fetchall()
    assert run(f"SELECT count(DISTINCT a) FROM read_csv('{path}', types = {{'a': 'DATE'}})").fetchall() == [(1,)]


def test_whole_numbers_that_no_type_holds_are_texts(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n" + "1" * 39 + "," + "1" * 41 + "\n2,0.5\n")
    mine, _ = both(f"SELECT * FROM '{path}'")
    assert mine == ([("a", "VARCHAR"), ("b", "DOUBLE")], [("1" * 39, float("1" * 41)), ("2", 0.5)])


@pytest.mark.parametrize("header", ["a,a_1,a", "a,a_1,a,a", "a,A,a_1", "a,a,a_1,a_1", "a,a_2,a,a", "x,,column1,"])
def test_names_that_are_alike(tmp_path: Path, header: str) -> None:
    path = written(tmp_path, f"{header}\n{','.join('1' * (header.count(',') + 1))}\n")
    mine, told = both(f"SELECT * FROM read_csv('{path}', header = true)")
    assert mine == told


@pytest.mark.parametrize(
    "name", ["A B", "é", "1x", "select", "a-b", "a  b", " a ", "ÄÖß", "日本", "a\tb", "x%", "ﬁ", ""]
)
def test_normal_names(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, f"{name};q\n1;2\n")
    mine, told = both(f"SELECT * FROM read_csv('{path}', header = true, delim = ';', normalize_names = true)")
    assert mine == told


@pytest.mark.parametrize(
    ("content", "options", "line"),
    [
        ('a,b\n1,"x\n2,y\n3,z\n', "", 2),
        ('a,b\n1,2\n5" pipe,"x\n2,y\n', "", 3),
        ('a,b\n5,"x""\n2,y', "", 2),
        ('#\na,b\n1,"x\n', "comment = '#'", 3),
        ('a,b\n5,"x\\"\n', "escape = '\\', quote = '\"'", 2),
    ],
)
def test_a_quote_that_is_never_closed(tmp_path: Path, content: str, options: str, line: int) -> None:
    path = written(tmp_path, content)
    run = sqlengine.connect(scheduler="inline").execute
    more = f", {options}" if options else ""
    with pytest.raises(Error, match=rf"line {line}: a quote is opened and never closed: .*quote = ''"):
        run(f"SELECT * FROM read_csv('{path}'{more})").fetchall()
    rejects = f"SELECT line, error_type, error_message FROM read_csv_rejects('{path}'{more})"
    assert run(rejects).fetchall() == [(line, "UNQUOTED VALUE", "Value with unterminated quote found.")]
    kept = run(f"SELECT count(*) FROM read_csv('{path}', ignore_errors = true{more})").fetchall()
    assert kept == [(content.count("\n", 0, content.index('"x')) - content.startswith("#") - 1,)]
    if "escape" not in options:
        rows = content.rstrip("\n").count("\n") - content.startswith("#")
        assert run(f"SELECT count(*) FROM read_csv('{path}', quote = ''{more})").fetchall() == [(rows,)]


def test_a_delimiter_behind_every_row_does_not_cost_the_names(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n1,2,\n3,4,\n")
    run = sqlengine.connect(scheduler="inline").execute
    with pytest.raises(Error, match=r"line 2: the row has 3 fields, not 2: '1,2,'.*null_padding = true"):
        run(f"SELECT * FROM '{path}'").fetchall()
    assert run(f"SELECT a, b FROM read_csv('{path}', null_padding = true)").fetchall() == [(1, 2), (3, 4)]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_the_error_names_the_encoding(tmp_path: Path, encoding: str) -> None:
    path = written(tmp_path, "n,v\ncafé,1\n".encode(encoding))
    run = sqlengine.connect(scheduler="inline").execute
    with pytest.raises(Error, match=rf"is not UTF-8 text; .* encoding = '{encoding}'"):
        run(f"SELECT * FROM '{path}'").fetchall()
    assert run(f"SELECT * FROM read_csv('{path}', encoding = '{encoding}')").fetchall() == [("café", 1)]


def test_options_of_splits_are_heard(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n" + "12345678,x\n" * 20_000)
    run = sqlengine.connect(scheduler="inline").execute
    assert "of 5 splits" in str(run(f"EXPLAIN SELECT count(a) FROM read_csv('{path}', split_bytes = 50000)").fetchall())


def test_no_files_at_all() -> None:
    with pytest.raises(Error, match="at least one file"):
        sqlengine.connect(scheduler="inline").execute("SELECT * FROM read_csv([])").fetchall()


@pytest.mark.parametrize("value", ["oops", "it's"])
def test_what_an_error_proposes_helps(tmp_path: Path, value: str) -> None:
    path = written(tmp_path, "it's,b\n" + "1,2\n,3\n" * 9 + f"{value},4\n")
    run = sqlengine.connect(scheduler="inline").execute
    sql = "SELECT count(*), count(\"it's\") FROM read_csv('{}', {})"
    # A quote would be taken for one.
    quote = "quote = '\"'"
    with pytest.raises(Error, match='line 20, column "it\'s"') as failure:
        run(sql.format(path, f"{quote}, types = {{'it''s': 'BIGINT'}}")).fetchall()
    text = str(failure.value)
    (nulls,) = re.findall(r"\((nullstr = .*?\])\)", text)
    (types,) = re.findall(r"\((types = .*?\})\)", text)
    assert run(sql.format(path, f"{quote}, {nulls}, header = true")).fetchall() == [(19, 9)]
    assert run(sql.format(path, f"{quote}, {types}")).fetchall() == [(19, 10)]
    assert run(sql.format(path, f"{quote}, types = {{'it''s': 'BIGINT'}}, ignore_errors = true")).fetchall() == [
        (18, 9)
    ]


def test_the_prompt_knows_of_quotes_that_come_late(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n" + "1,x\n" * 20_000 + '2,"y,z"\n')
    run = sqlengine.connect(scheduler="inline").execute
    ((prompt,),) = run(f"SELECT Prompt FROM sniff_csv('{path}')").fetchall()
    assert run(f"SELECT count(*), max(b) {prompt.rstrip(';')}").fetchall() == [(20_001, "y,z")]


def test_a_file_that_changes_at_once_and_looks_the_same_is_read_again(tmp_path: Path) -> None:
    run = sqlengine.connect(scheduler="inline").execute
    path = written(tmp_path, "a\n1\n")
    # Later than any clock, so that it stays in doubt.
    now = time.time_ns() + 3_600_000_000_000
    for text in ("a\n1\n", "b\n2\n", "c\nx\n"):
        written(tmp_path, text)
        os.utime(path, ns=(now, now))
        cursor = run(f"SELECT * FROM '{path}'")
        assert (cursor.description or [[""]])[0][0] == text[0]
        assert str(cursor.fetchall()[0][0]) == text[2]
