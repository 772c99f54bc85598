"""JSON files: layouts, guessed types and values as DuckDB reads them; what is refused; splits; damaged files."""

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pytest

import sqlengine

LINES: Sequence[tuple[str, str]] = [
    # Types of numbers, booleans, nothing.
    ('{"a":1}\n{"a":2.5}\n{"a":null}\n', ""),
    ('{"a":9999999999999999999}\n{"a":-1}', ""),
    ('{"a":99999999999999999999999}\n', ""),
    ('{"a":true}\n{}\n', ""),
    ('{"a":null}\n{"b":[null]}\n', ""),
    ('{"a":NaN}\n', ""),
    # Texts that are something else.
    ('{"d":"2020-01-01","t":"10:00","s":"2020-01-01 10:00:00","z":"2020-01-01T10:00:00Z"}', ""),
    ('{"u":"0B5E2D2E-3b0f-4a3c-8b0a-1d2e3f4a5b6c","v":"2020/01/01","e":""}', ""),
    ('{"a":"2020-01-01"}\n{"a":"31-12-2020"}\n{"a":"12-31-2020"}\n{"a":null}', ""),
    ('{"a":"31-12-2020","b":"2020-1-1","c":"20-01-01"}\n{"a":"03-04-2020"}\n{}\n', ""),
    ('{"a":"2020-01-01"}\n{"a":"2020-01-01 10:00:00"}\n', ""),
    ('{"a":"2020-01-01 10:00:00.123456789","b":"-2020-01-01","c":"2020-02-30"}', ""),
    ('{"a":"12-31-2020 10:00:00 PM","b":"20-12-31 1:2:3"}', ""),
    ('{"a":"5","b":"05","c":"99999999999999999999"}', "convert_strings_to_integers=true"),
    ('{"a":"20200101","b":"20200101 10"}', "dateformat='%Y%m%d',timestampformat='%Y%m%d %H'"),
    # Nested values, and those of several kinds.
    ('{"a":[{"b":1},{"c":"x"},null]}\n{"a":[]}', ""),
    ('{"a":{"b":{"c":[1,2.5]}}}\n{"a":null}\n', ""),
    ('{"a":1,"b":[1,"x"],"c":{"d":true}}\n{"a":{"x": 1.50},"c":{"d":[]}}\n', ""),
    ('{"a":{}}\n{"a":{}}', ""),
    ('{"a":{"":1}}', ""),
    ('{"a":{"b":{"c":1}}}', "maximum_depth=2"),
    ("\n".join(f'{{"a":{{"k{k}":{k}}}}}' for k in range(11)), ""),
    ("\n".join(f'{{"k{k}":{k}}}' for k in range(10)), ""),
    ('{"a":{"x":1,"y":null}}', "map_inference_threshold=2"),
    ('{"a":{"x":{"p":1},"y":{"q":2}}}', "map_inference_threshold=2"),
    ('{"a":{"x":1}}\n{"a":{"y":2}}', "field_appearance_threshold=1"),
    ('{"a":1,"A":2}\n', ""),
    ('{"a":"x\\u0000y\\u00e9","b":"😀"}\n', ""),
    # Layouts.
    ('[{"a":1},\n {"a":2, "b":"]},\\"["}]', ""),
    ("[\n1,\n2\n]", ""),
    ('[{"a":1},2]', ""),
    ('[{"a":1}]\n[{"a":2}]\n', ""),
    ('{"a":1,\n"b":2}\n{"a":3}', ""),
    ('{"a":1}{"a":2}\n', ""),
    ('"x" "y"', ""),
    ('1\n"x"\nnull\n', ""),
    ('\n\r\n{"a":1}\r\n\n\n  {"a":2}  \r\n', ""),
    ("\ufeff" + '{"a":1}\n', ""),
    ("", ""),
    ("\n", ""),
    ("[]", ""),
    ("[1,2]", "format='newline_delimited'"),
    ('{"a":1}', "records=false"),
    ('null\n{"a":1}', ""),
    # Declared types.
    ('{"a":1.5,"b":"5","c":5,"d":true}', "columns={a:'BIGINT',b:'BIGINT',c:'VARCHAR',d:'INT'}"),
    ('{"a":{"x": [1, 2.50 ,"a\\u00e9"]}}', "columns={a:'VARCHAR'}"),
    ('{"a":{"x": [1, 2.50 ,"a\\u00e9"]}}', "columns={a:'JSON'}"),
    ('{"a":{"b":1,"b":2}}', "columns={a:'JSON'}"),
    ('{"a":0.1,"b":"0.25","c":1e2}', "columns={a:'DECIMAL(38,20)',b:'DECIMAL(4,1)',c:'DECIMAL(5,1)'}"),
    ('{"a":[1,2],"b":{"k":1,"j":null},"c":{"B":1}}', "columns={a:'INT[2]',b:'MAP(VARCHAR,INT)',c:'STRUCT(b INT)'}"),
    ('{"a":16777217,"b":0.1}', "columns={a:'FLOAT',b:'FLOAT'}"),
    ('{"a":1}', "columns={j:'JSON'}"),
    # What does not fit, outside of the sample.
    ('{"a":1}\n{"a":2.5}\n{"a":true}\n{"a":"7"}\n', "sample_size=1"),
    ('{"a":"x"}\n{"a":[1]}\n{"a":null}\n', "sample_size=1"),
    ('{"a":null}\n{"a":3}\n', "sample_size=1"),
    ('{"a":1}\n{"a":"x"}\nx\n{"a":3}', "columns={a:'BIGINT'},ignore_errors=true,format='nd'"),
    ('{"a":{"b":1}}\n{"a":[2]}\n', "sample_size=1,ignore_errors=true"),
    ('{"a":1,"a":2}\n{"a":5}', "ignore_errors=true"),
    ('{"a":1}\n{"a":2,"b":3}', "sample_size=1,union_by_name=true"),
]

REFUSED: Sequence[tuple[str | bytes, str]] = [
    ('{"a":1}{"a":2}\n', "format='newline_delimited'"),
    ('{"a":1} garbage\n', "format='newline_delimited'"),
    ('{"a":1}\n{"a":2', ""),
    ('[{"a":1},{"a":2}', ""),
    ('[{"a":1} {"a":2}]', ""),
    ('[{"a":1},,{"a":2}]', ""),
    ('[{"a":1},]', ""),
    ('[{"a":1},x]', "ignore_errors=true"),
    (b'{"a":"\xff"}\n', ""),
    ('{"a":"\\ud800"}\n', ""),
    ('{"a":1,"a":2}\n', ""),
    ('{"a":{"b":1,"b":2}}', "columns={a:'MAP(VARCHAR,INT)'}"),
    ("{'a':1}", ""),
    ('{"a":1}\n{"a":"x"}\n', "sample_size=1"),
    ('{"a":1}\n{"b":"x"}\n', "sample_size=1"),
    ('{"a":[1]}\n{"a":[{"x":2}]}\n', "sample_size=1"),
    ('{"a":1}\n[1]\n', "sample_size=1"),
    ('{"a":300}', "columns={a:'TINYINT'}"),
    ('{"a":"2020-01-01"}', "dateformat='%Y%m%d',columns={a:'DATE'}"),
    ("[1,2]", "records=true"),
    ('{"a":1}', "auto_detect=false"),
    ('{"a":1}', "sample_size=0"),
    ('{"a":1}', "foo=1"),
    ('{"a":1}', "columns={}"),
]

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes, name: str = "t.json") -> str:
        data = content.encode() if isinstance(content, str) else content
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return str(path)

    return write


@pytest.fixture(scope="module")
def engine() -> sqlengine.Connection:
    return sqlengine.connect(scheduler="inline")


@pytest.fixture(scope="module")
def oracle() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def answer(connection: sqlengine.Connection | duckdb.DuckDBPyConnection, source: str) -> tuple[object, object]:
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    return [row[:2] for row in described], connection.execute(f"SELECT columns(*)::VARCHAR FROM {source}").fetchall()


@pytest.mark.parametrize(("content", "options"), LINES)
def test_reads_as_duckdb_does(
    write: Write, engine: sqlengine.Connection, oracle: duckdb.DuckDBPyConnection, content: str, options: str
) -> None:
    source = f"read_json('{write(content)}'{', ' + options if options else ''})"
    assert answer(engine, source) == answer(oracle, source)


@pytest.mark.parametrize(("content", "options"), REFUSED)
def test_refuses_what_duckdb_refuses(
    write: Write,
    engine: sqlengine.Connection,
    oracle: duckdb.DuckDBPyConnection,
    content: str | bytes,
    options: str,
) -> None:
    source = f"read_json('{write(content)}'{', ' + options if options else ''})"
    with pytest.raises(duckdb.Error):
        answer(oracle, source)
    with pytest.raises(sqlengine.Error):
        answer(engine, source)
