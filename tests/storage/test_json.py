"""JSON files: layouts, guessed types and values as DuckDB reads them; what is refused; splits; damaged files."""

import bz2
import contextlib
import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

import sqlengine
from sqlengine.storage import json_blocks, json_decode
from sqlengine.storage.dataset import open_table
from tests.storage.support import count, scan, types

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
    ('{"a":null}\n{"a":[3]}\n', "sample_size=1,union_by_name=true"),
    ('{"a":NaN,"b":-Infinity,"c":"\\u001f\\\\u001f"}\n', "columns={a:'VARCHAR',b:'VARCHAR',c:'JSON'}"),
    ('{"a":{"b":1}}\n[5]\n', "columns={a:'JSON'}"),
    ("{} {}", "columns={a:'VARCHAR'}"),
    ('{"a":{"b":1,"b":2}}\n{"a":{"b":3}}', "columns={a:'MAP(VARCHAR,INT)'},ignore_errors=true"),
    ('{"a":{"y":1}}\n5\n[]\n', "columns={a:'STRUCT(x INT)'},ignore_errors=true"),
    ('{"a":1}\n{"a":"x"}\nx\n{"a":3}', "columns={a:'BIGINT'},ignore_errors=true,format='nd'"),
    ('{"a":{"b":1}}\n{"a":[2]}\n', "sample_size=1,ignore_errors=true"),
    ('{"a":1} x\n{"a":2}\n\n{"a":\n3}\n', "columns={a:'INT'},ignore_errors=true,format='nd'"),
    ('{"a":{"b":1e-7,"c":[1e21,1e15,2.0]},"d":1e-7}\n', "columns={a:'JSON',d:'VARCHAR'}"),
    ('{"a":1,"a":2}\n{"a":5}', "ignore_errors=true"),
    ('{"a":1}\n{"a":2,"b":3}', "sample_size=1,union_by_name=true"),
]

REFUSED: Sequence[tuple[str | bytes, str]] = [
    ('{"a":1}{"a":2}\n', "format='newline_delimited'"),
    ('{"a":1} garbage\n', "format='newline_delimited'"),
    ('{"a":1}\n{"a":2', ""),
    ('1\n2,"x":3\n', "columns={'a':'INT'},records=false"),
    ('[1]\n2}{"json":3\n', ""),
    ('{"a":1}\n{"a":\n3}\n', "columns={'a':'INT'},format='nd'"),
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
    ('{"a":1e308}', "columns={a:'FLOAT'}"),
    ('{"a":1}\n[2]\n', "columns={a:'INT',b:'INT'}"),
    ('{"a":"2020-02-30"}', "columns={a:'TIME'}"),
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
        compress = {
            ".gz": gzip.compress,
            ".bz2": bz2.compress,
            ".zst": lambda data: pa.compress(data, "zstd", asbytes=True),
        }
        path.write_bytes(compress.get(path.suffix, bytes)(data))
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


ROWS = [{"id": k, "name": f"n{k % 7}", "items": [{"x": k, "y": k / 2}] * (k % 3)} for k in range(3000)]
TEXT = "\r\n\n".join(map(json.dumps, ROWS)) + "\n"


@pytest.mark.parametrize("name", ["t.json", "t.jsonl.gz", "t.ndjson.zst", "t.json.bz2"])
@pytest.mark.parametrize("layout", ["lines", "array", "pretty"])
def test_splits_and_blocks_lose_and_double_no_row(
    write: Write, monkeypatch: pytest.MonkeyPatch, name: str, layout: str
) -> None:
    monkeypatch.setattr(json_blocks, "BLOCK_BYTES", 1000)
    text = {"lines": TEXT, "array": json.dumps(ROWS), "pretty": "\n".join(json.dumps(row, indent=1) for row in ROWS)}
    table = open_table(write(text[layout], name), options={"split_bytes": 7000})
    assert scan(table) == [(row["id"], row["name"], row["items"]) for row in ROWS]
    assert count(table) == len(ROWS)
    splits = sum(len(task.splits) for task in table.plan_scan([], []).tasks)
    assert (splits > 10) == (layout != "pretty" and name == "t.json")


def test_arrays_are_cut_between_elements(write: Write, engine: sqlengine.Connection) -> None:
    rows = [{"a": k, "b": '],[{"\\'[k % 6 :], "c": [[{"d": "]"}, {"d": ","}], []]} for k in range(200)]
    text = "\ufeff [ " + " , ".join(json.dumps(row) for row in rows) + " ] \n"
    path = write(text)
    for split_bytes in (1, 7, 100, 3000):
        table = open_table(path, options={"split_bytes": split_bytes, "records": True})
        assert scan(table) == [tuple(row.values()) for row in rows]
    for broken, message in ((text[:-4], "does not end"), (text + "7", "behind the array"), (text[:-4] + ",]", "comma")):
        source = f"read_json('{write(broken)}', format = 'array', split_bytes = 100, columns = {{'a': 'INT'}})"
        with pytest.raises(sqlengine.Error, match=message):
            engine.execute(f"SELECT sum(a) FROM {source}").fetchall()


def test_objects_are_the_text_as_written(write: Write, engine: sqlengine.Connection) -> None:
    def texts(content: str) -> list[object]:
        return [row[0] for row in engine.execute(f"FROM read_json_objects('{write(content)}')").fetchall()]

    assert texts(' {"a": 1.50} \n[1]\r\n\n3\n') == ['{"a": 1.50}', "[1]", "3"]
    assert texts('[{"a":\n1.50} , {}]') == ['{"a":\n1.50}', "{}"]
    described = engine.execute(f"DESCRIBE FROM read_ndjson_objects('{write('{}')}')").fetchall()
    assert [row[:2] for row in described] == [("json", "JSON")]


def test_the_guess_sees_all_of_a_file_and_all_files_whatever_their_order(tmp_path: Path) -> None:
    line = json.dumps({"a": 1, "b": "x" * 200}) + "\n"
    for name, middle in (("p", '{"a": 2.5}\n'), ("q", '{"c": true}\n'), ("r", "")):
        (tmp_path / f"{name}.json").write_text(line * 10_000 + middle * 60_000 + line * 10_000)
    paths = sorted(map(str, tmp_path.iterdir()))
    expected = {"a": "DOUBLE", "b": "VARCHAR", "c": "BOOLEAN"}
    assert types(open_table(paths)) == types(open_table(paths[::-1])) == expected


def test_columns_that_are_not_read_are_not_looked_at(write: Write, engine: sqlengine.Connection) -> None:
    path = write('{"a":1,"b":2,"s":{"x":1}}\n{"a":3,"b":"x","late":5,"s":{"y":2}}\n')
    source = f"read_json('{path}', sample_size = 1)"
    assert engine.execute(f"SELECT sum(a) FROM {source}").fetchall() == [(4,)]
    assert engine.execute(f"SELECT s.x FROM {source}").fetchall() == [(1,), (None,)]
    deep_path = write('{"s":{"x":1,"y":1}}\n{"s":{"x":3,"y":"no","late":5},"more":1}\n', "deep.json")
    deep = f"read_json('{deep_path}', sample_size = 1)"
    assert engine.execute(f"SELECT s.x FROM {deep}").fetchall() == [(1,), (3,)]
    with pytest.raises(sqlengine.Error, match=r"has the key '(late|more)', which the sample"):
        engine.execute(f"SELECT s FROM {deep}").fetchall()
    with pytest.raises(sqlengine.Error, match="has the key 'late', which the sample"):
        engine.execute(f"SELECT * FROM read_json('{path}', sample_size = 1, maximum_depth = 1)").fetchall()


@pytest.mark.parametrize("name", ["t.json", "t.json.gz"])
def test_an_error_names_place_value_and_remedy(write: Write, engine: sqlengine.Connection, name: str) -> None:
    path = write('{"a":{"b":[1,2]}}\n' * 7_000 + '{"a":{"b":[3,"x y"]}}\n' + '{"a":{"b":[1,2]}}\n' * 9, name)
    with pytest.raises(sqlengine.Error) as raised:
        engine.execute(f"SELECT a FROM read_json('{path}', sample_size = 5)").fetchall()
    message = str(raised.value)
    for part in (
        path,
        "line 7001",
        "column 'a' at .b[1]",
        '"x y" is not a BIGINT',
        "columns = {'a'",
        "sample_size = -1",
    ):
        assert part in message


def test_bytes_that_are_no_text_and_values_too_long(write: Write, engine: sqlengine.Connection) -> None:
    path = write(b'{"a":"x"}\n' * 5 + b'{"a":"\xff"}\n')
    with pytest.raises(sqlengine.Error, match=r"line 6: .* is not UTF-8"):
        engine.execute(f"SELECT * FROM read_json('{path}', columns = {{'a': 'VARCHAR'}})").fetchall()
    path = write('{"a":1}\n' + json.dumps({"a": "x" * 3_000_000}) + "\n")
    with pytest.raises(sqlengine.Error, match="line 2: a value has more than 2000000 bytes"):
        engine.execute(f"SELECT * FROM read_json('{path}', maximum_object_size = 2000000)").fetchall()


@pytest.mark.parametrize("depth", [100, 1_000, 1_000_000])
@pytest.mark.parametrize("brackets", [("[", "]"), ('{"x":', "}")])
def test_deep_nesting_is_an_answer_or_an_error(
    write: Write, engine: sqlengine.Connection, depth: int, brackets: tuple[str, str]
) -> None:
    path = write('{"a":1,"b":' + brackets[0] * depth + "1" + brackets[1] * depth + "}\n")
    for columns in ("", ", columns = {'b': 'JSON'}", ", columns = {'a': 'INT'}"):
        rows, message = None, ""
        try:
            rows = engine.execute(f"SELECT * FROM read_json('{path}'{columns})").fetchall()
        except sqlengine.Error as error:
            message = str(error)
        assert "nested too deeply" in message if rows is None else len(rows) == 1


@pytest.mark.parametrize("layout", ["lines", "array", "pretty"])
def test_damaged_files_are_an_answer_or_an_error(write: Write, engine: sqlengine.Connection, layout: str) -> None:
    rows = ROWS[:4]
    text = {
        "lines": "\n".join(map(json.dumps, rows)),
        "array": json.dumps(rows),
        "pretty": json.dumps(rows[2], indent=1),
    }
    whole = text[layout].encode()
    cut = [whole[: len(whole) * k // 20] for k in range(20)]
    flipped = []
    for place in range(0, len(whole), 7):
        flipped.append(bytearray(whole))
        flipped[-1][place] ^= 1 << place % 8
    for content in (*cut, *map(bytes, flipped)):
        for options in ("", ", columns = {'id': 'INT', 'items': 'STRUCT(x INT, y DOUBLE)[]'}, ignore_errors = true"):
            with contextlib.suppress(sqlengine.Error):
                engine.execute(f"SELECT * FROM read_json('{write(content)}'{options})").fetchall()
    assert engine.execute(f"SELECT count(*) FROM '{write(whole)}'").fetchall() == [(4 if layout != "pretty" else 1,)]


def test_a_truncated_compressed_file_is_an_error(tmp_path: Path, engine: sqlengine.Connection) -> None:
    data = gzip.compress(TEXT.encode())
    (tmp_path / "t.json.gz").write_bytes(data[: len(data) // 2])
    with pytest.raises(sqlengine.Error, match="truncated"):
        engine.execute(f"SELECT count(*) FROM '{tmp_path}/t.json.gz'").fetchall()


def test_what_arrow_reads_is_what_python_reads(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {
            "i": k * 10**17 % 2**63 - 2**60,
            "d": k / 7,
            "t": f"2020-01-{k % 28 + 1:02} 00:00:{k % 60:02}",
            "u": f"{k:08x}-0000-4000-8000-000000000000",
            "n": None if k % 3 else {"l": [k, None], "s": "é\u0000\n"},
        }
        for k in range(200)
    ]
    path = write("\n".join(map(json.dumps, rows)))
    quick = scan(open_table(path))
    with monkeypatch.context() as patch:
        patch.setattr(json_decode.Decoder, "_quickly", lambda self, block, wide, hidden: None)
        assert scan(open_table(path)) == quick
    assert [row[1] for row in quick] == [row["d"] for row in rows]


MIXED = (
    "{'i': 'BIGINT', 'j': 'JSON', 'm': 'MAP(VARCHAR, JSON)', 'l': 'JSON[]', 's': 'STRUCT(x JSON, y DATE)',"
    " 'd': 'MAP(VARCHAR, STRUCT(p DOUBLE)[])'}"
)
DOCUMENTS = (
    '{"k": [1.50, -0, 1e5, 123456789012345678901, 0.1234567890123456789, true, null], "e\\u0301": "\\u00e9\\/\\n"}',
    " [ ] ",
    "null",
    '"text, with \\"brackets\\" ]}"',
    "17",
)
ODD = (
    "",
    '{"j": {"a": 1, "a": 2}}',
    '{"\\u006a": 1}',
    '{"m": {"a": 1, "\\u0061": 2}}',
    '{"l": 5}',
    '{"j": 1, "j": 2}',
    "null",
)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("layout", ["newline_delimited", "array", "unstructured"])
@pytest.mark.parametrize("options", [f", columns = {MIXED}", f", columns = {MIXED}, ignore_errors = true", ""])
def test_what_loops_read_is_what_python_reads(
    write: Write, monkeypatch: pytest.MonkeyPatch, engine: sqlengine.Connection, odd: str, layout: str, options: str
) -> None:
    rows = [
        f'{{"i": {k}, "m": {{"a": {DOCUMENTS[k % 5]}, "{k}": [{k}.0]}}, "j":{DOCUMENTS[(k + 1) % 5]}, "l": [{k}, "x"],'
        f' "s": {{"y": "2020-01-0{k + 1}", "x": {DOCUMENTS[k % 3]}}}, "d": {{"q": [{{"p": {k / 7}}}], "r": null}}}}'
        for k in range(9)
    ] + [odd or "{}"]
    text = {"newline_delimited": "\n".join(rows), "array": f"[{', '.join(rows)}]", "unstructured": " ".join(rows)}
    source = f"read_json('{write(text[layout])}'{options}, format = '{layout}')"
    answers = []
    for least in (0, 1 << 40):
        monkeypatch.setattr(json_decode, "SCANNED_BYTES", least)
        for sql in (f"FROM {source}", f"SELECT count(j), max(i) FROM {source}", f"SELECT m FROM {source}"):
            try:
                answers.append(repr(engine.execute(sql).fetchall()))
            except sqlengine.Error as error:
                answers.append(str(error))
    assert answers[:3] == answers[3:]
    if not odd:
        assert "é/" in answers[0]


def test_loops_are_used(write: Write, monkeypatch: pytest.MonkeyPatch, engine: sqlengine.Connection) -> None:
    monkeypatch.setattr(json_decode, "SCANNED_BYTES", 0)
    monkeypatch.setattr(json_decode, "parse_values", lambda *arguments: pytest.fail("read by Python"))
    path = write('{"i": 1, "j": {"x": [1.25, "é"]}, "m": {"k": {"y": 2}}}\n{"i": 2}\n')
    columns = "{'i': 'BIGINT', 'j': 'JSON', 'm': 'MAP(VARCHAR, STRUCT(y INT))'}"
    rows = engine.execute(f"FROM read_json('{path}', columns = {columns})").fetchall()
    assert rows == [(1, '{"x":[1.25,"é"]}', {"k": {"y": 2}}), (2, None, None)]
    assert len(engine.execute(f"FROM read_json_objects('{path}')").fetchall()) == 2


def test_schedulers_read_alike(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"{number}.json.gz").write_bytes(gzip.compress(TEXT.encode()))
    items = f"SELECT name, unnest(items) t FROM '{tmp_path}'"
    sql = f"SELECT name, sum(t.y), count(*) FROM ({items}) GROUP BY name ORDER BY 1"
    answers = [sqlengine.connect(scheduler=each).execute(sql).fetchall() for each in ("inline", "threads")]
    assert answers[0] == answers[1]
