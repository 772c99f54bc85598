"""Results as files for other programs: CSV, JSON, JSON lines, Markdown, Parquet, Arrow; every digit, every row.

A writer takes an Arrow table and a binary stream and writes batch by batch, so that a reader at the other end of a
pipe gets its first rows at once and can stop. Formats of files are written as COPY writes them (`storage.writing`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Final

import pyarrow as pa
import pyarrow.compute as pc

from sqlengine.repl.text import json_column, text_column
from sqlengine.storage.text_lines import ROWS, write_lines
from sqlengine.storage.writing import Cells
from sqlengine.storage.writing_formats import find_writing_format


def write_csv(table: pa.Table, stream: IO[bytes], null: str = "") -> None:
    """CSV with a header row; NULL is `null`, and text that reads the same is quoted."""
    _write("csv", table, stream, null=null)


def write_ndjson(table: pa.Table, stream: IO[bytes], null: str = "") -> None:
    """One JSON object a line; `null` is ignored, JSON has its own."""
    _write("json", table, stream)


def write_json(table: pa.Table, stream: IO[bytes], null: str = "") -> None:
    """One JSON array of objects; `null` is ignored, JSON has its own."""
    _write("json", table, stream, array=True)


def write_parquet(table: pa.Table, stream: IO[bytes], null: str = "") -> None:
    """Parquet, zstd-compressed; `null` is ignored."""
    _write("parquet", table, stream, compression="zstd")


def write_arrow(table: pa.Table, stream: IO[bytes], null: str = "") -> None:
    """An Arrow IPC file; `null` is ignored."""
    _write("arrow", table, stream)


def write_markdown(table: pa.Table, stream: IO[bytes], null: str = "") -> None:
    """A GitHub-flavoured Markdown table; numbers are aligned right."""
    rules = ["--:" if _is_number(field.type) else "---" for field in table.schema]
    names = [_markdown_escaped(pa.array([name])).to_pylist()[0] for name in table.column_names]
    stream.write(f"| {' | '.join(names)} |\n| {' | '.join(rules)} |\n".encode())
    for batch in _batches(table):
        cells = [pc.fill_null(_markdown_escaped(text_column(column)), null) for column in batch.columns]
        rows = pc.binary_join_element_wise(*cells, " | ")
        write_lines(stream, pc.binary_join_element_wise("| ", rows, " |", ""), "\n")


Writer = Callable[[pa.Table, IO[bytes], str], None]

WRITERS: Final[dict[str, Writer]] = {
    "csv": write_csv,
    "json": write_json,
    "ndjson": write_ndjson,
    "markdown": write_markdown,
    "parquet": write_parquet,
    "arrow": write_arrow,
}

# Formats that are not text: they need a file to go to.
BINARY_FORMATS: Final = frozenset({"parquet", "arrow"})


def _write(name: str, table: pa.Table, stream: IO[bytes], **options: object) -> None:
    format_ = find_writing_format(name)
    as_text = {Cells.VALUES: None, Cells.TEXT: text_column, Cells.JSON: json_column}[format_.cells]
    schema = table.schema
    if as_text is not None:
        schema = pa.schema([pa.field(each, pa.string()) for each in table.column_names])
    writer = format_.writer(stream, schema, options)
    for batch in table.to_batches() if as_text is None else _batches(table):
        if as_text is not None:
            batch = pa.RecordBatch.from_arrays([as_text(column) for column in batch.columns], schema=schema)
        writer.write(batch)
    writer.close()


def _batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    return iter(table.to_batches(max_chunksize=ROWS)) if table.num_columns and table.num_rows else iter(())


def _markdown_escaped(text: pa.Array) -> pa.Array:
    escaped = pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), "|", "\\|")
    return pc.replace_substring_regex(escaped, "\r?\n", "<br>")


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
