"""Files for other programs: golden text, and other readers read the same values."""

from __future__ import annotations

import csv
import datetime
import io
import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from sqlengine.repl.writers import WRITERS
from sqlengine.storage.text_lines import slices

TABLE = pa.table(
    {
        "id": pa.array([1, None, 3], pa.int64()),
        "price": pa.array([Decimal("1.20"), Decimal("-0.05"), None], pa.decimal128(10, 2)),
        "day": pa.array([datetime.date(2024, 2, 29), None, None]),
        "note": ['say "hi", twice', None, ""],
        "tags": [["a", None], None, []],
    }
)


def written(mode: str, table: pa.Table, null: str = "") -> str:
    stream = io.BytesIO()
    WRITERS[mode](table, stream, null)
    return stream.getvalue().decode()


def test_csv() -> None:
    assert written("csv", TABLE) == (
        'id,price,day,note,tags\n1,1.20,2024-02-29,"say ""hi"", twice","[a, NULL]"\n,-0.05,,,\n3,,,"",[]\n'
    )


def test_csv_with_a_word_for_null_quotes_the_word_itself() -> None:
    table = pa.table({"a": ["NA", None, "x"]})
    assert written("csv", table, null="NA") == 'a\n"NA"\nNA\nx\n'


def test_json() -> None:
    assert written("json", TABLE) == (
        '[\n\t{"id":1,"price":1.20,"day":"2024-02-29","note":"say \\"hi\\", twice","tags":["a",null]},\n'
        '\t{"id":null,"price":-0.05,"day":null,"note":null,"tags":null},\n'
        '\t{"id":3,"price":null,"day":null,"note":"","tags":[]}\n]\n'
    )


def test_ndjson_is_the_same_objects_a_line() -> None:
    lines = written("ndjson", TABLE).splitlines()
    assert [json.loads(line) for line in lines] == json.loads(written("json", TABLE))


def test_markdown() -> None:
    table = pa.table({"n": [1, None], "text": ["a|b", "line\nbreak"]})
    assert written("markdown", table) == "| n | text |\n| --: | --- |\n| 1 | a\\|b |\n|  | line<br>break |\n"


def test_parquet_and_arrow_are_exact() -> None:
    for mode, read in (
        ("parquet", pq.read_table),
        ("arrow", lambda source: pa.ipc.open_file(source).read_all()),
    ):
        stream = io.BytesIO()
        WRITERS[mode](TABLE, stream, "")
        stream.seek(0)
        assert read(stream).equals(TABLE)


def test_no_rows() -> None:
    empty = TABLE.slice(0, 0)
    assert written("csv", empty) == "id,price,day,note,tags\n"
    assert json.loads(written("json", empty)) == []
    assert written("ndjson", empty) == ""


def test_many_rows_arrive_in_order_and_whole() -> None:
    table = pa.table({"n": range(40_000)})
    assert written("csv", table) == "n\n" + "".join(f"{n}\n" for n in range(40_000))
    assert [row["n"] for row in json.loads(written("json", table))] == list(range(40_000))


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1))
def test_python_reads_the_csv_back(rows: list[tuple[str, str]]) -> None:
    table = pa.table({"a": [a for a, _ in rows], "b,": [b for _, b in rows]})
    read = list(csv.reader(io.StringIO(written("csv", table), newline="")))
    assert read == [["a", "b,"], *(list(row) for row in rows)]


def test_large_rows_are_joined_few_at_a_time() -> None:
    large = pa.record_batch({"a": ["x" * 1_000_000] * 100})
    assert [piece.num_rows for piece in slices(large)] == [33, 33, 33, 1]
    assert [piece.num_rows for piece in slices(pa.record_batch({"a": ["x"] * 20_000}))] == [16_384, 3_616]
    assert list(slices(large.slice(0, 0))) == []
