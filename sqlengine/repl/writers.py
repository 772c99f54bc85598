"""Results as files for other programs: CSV, JSON, JSON lines, Markdown, Parquet, Arrow; every digit, every row.

A writer takes an Arrow table and a binary stream and writes batch by batch, so that a reader at the other end of a
pipe gets its first rows at once and can stop.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import IO, Final

import pyarrow as pa
import pyarrow.compute as pc

from sqlengine.repl.text import json_column, text_column

# Rows formatted at a time: enough to be vectorized, little enough to arrive soon.
_ROWS: Final = 16_384


def write_csv(table: pa.Table, stream: IO[bytes], null: str = "") -> None:
    r"""RFC 4180 with a header row and `\n` line ends; quotes only where needed.

    NULL is `null` (default: nothing); text that reads the same as NULL is quoted, so the two differ in the file.
    """
    header = pa.array(table.column_names, pa.string())
    stream.write((",".join(_csv_quoted(header, null).to_pylist()) + "\n").encode())
    for batch in _batches(table):
        cells = [pc.fill_null(_csv_quoted(text_column(column), null), null) for column in batch.columns]
        _write_lines(stream, pc.binary_join_element_wise(*cells, ","), "\n")


def write_ndjson(table: pa.Table, stream: IO[bytes], null: str = "") -> None:
    """One JSON object a line; `null` is ignored, JSON has its own."""
    for rows in _json_rows(table):
        _write_lines(stream, rows, "\n")


def write_json(table: pa.Table, stream: IO[bytes], null: str = "") -> None:
    """One JSON array of objects; `null` is ignored, JSON has its own."""
    separator = b"["
    for rows in _json_rows(table):
        stream.write(separator)
        stream.write(",\n".join(rows.to_pylist()).encode())
        separator = b",\n"
    stream.write(b"[]\n" if separator == b"[" else b"]\n")


def write_markdown(table: pa.Table, stream: IO[bytes], null: str = "") -> None:
    """A GitHub-flavoured Markdown table; numbers are aligned right."""
    rules = ["--:" if _is_number(field.type) else "---" for field in table.schema]
    names = [_markdown_escaped(pa.array([name])).to_pylist()[0] for name in table.column_names]
    stream.write(f"| {' | '.join(names)} |\n| {' | '.join(rules)} |\n".encode())
    for batch in _batches(table):
        cells = [pc.fill_null(_markdown_escaped(text_column(column)), null) for column in batch.columns]
        rows = pc.binary_join_element_wise(*cells, " | ")
        _write_lines(stream, pc.binary_join_element_wise("| ", rows, " |", ""), "\n")


def write_parquet(table: pa.Table, stream: IO[bytes], null: str = "") -> None:
    """Parquet, zstd-compressed; `null` is ignored."""
    import pyarrow.parquet as pq

    pq.write_table(table, stream, compression="zstd")


def write_arrow(table: pa.Table, stream: IO[bytes], null: str = "") -> None:
    """An Arrow IPC file; `null` is ignored."""
    with pa.ipc.new_file(stream, table.schema) as writer:
        writer.write_table(table)


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


def _batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    return iter(table.to_batches(max_chunksize=_ROWS)) if table.num_columns and table.num_rows else iter(())


def _json_rows(table: pa.Table) -> Iterator[pa.Array]:
    names = [json.dumps(name, ensure_ascii=False) for name in table.column_names]
    for batch in _batches(table):
        parts: list[object] = []
        for position, (name, column) in enumerate(zip(names, batch.columns, strict=True)):
            parts += [f"{',' if position else '{'}{name}:", json_column(column)]
        yield pc.binary_join_element_wise(*parts, "}", "")


def _write_lines(stream: IO[bytes], lines: pa.Array, end: str) -> None:
    stream.write(end.join([*lines.to_pylist(), ""]).encode())


def _csv_quoted(text: pa.Array, null: str) -> pa.Array:
    needed = pc.or_(pc.match_substring_regex(text, '[",\r\n]|^\\s|\\s$'), pc.equal(text, null))
    if not pc.any(needed, min_count=0).as_py():
        return text
    quoted = pc.binary_join_element_wise('"', pc.replace_substring(text, '"', '""'), '"', "")
    return pc.if_else(needed, quoted, text)


def _markdown_escaped(text: pa.Array) -> pa.Array:
    escaped = pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), "|", "\\|")
    return pc.replace_substring_regex(escaped, "\r?\n", "<br>")


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
