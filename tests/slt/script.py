"""Reading, running and completing SQL scripts in sqllogictest form.

A script is records separated by blank lines::

    # a comment
    statement ok
    SET batch_rows = 3

    statement error <regular expression that the message must match>
    SELECT nonsense

    query <TYPE>, <TYPE> [rowsort]
    SELECT …
    ----
    value <tab> value

With `rowsort` both sides are sorted; a query without ORDER BY needs it.
"""

from __future__ import annotations

import datetime
import decimal
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Record:
    kind: str  # "ok", "error" or "query"
    sql: str
    line: int
    comment: str = ""
    pattern: str = ""
    types: str = ""
    rowsort: bool = False
    expected: tuple[str, ...] = ()


def read_script(path: Path) -> list[Record]:
    records: list[Record] = []
    lines = path.read_text().split("\n")
    k = 0
    comment: list[str] = []
    while k < len(lines):
        line = lines[k]
        if not line.strip():
            k += 1
            continue
        if line.startswith("#"):
            comment.append(line)
            k += 1
            continue
        start = k + 1
        body: list[str] = []
        k += 1
        while k < len(lines) and lines[k].strip() and lines[k] != "----":
            body.append(lines[k])
            k += 1
        expected: list[str] = []
        if k < len(lines) and lines[k] == "----":
            k += 1
            while k < len(lines) and lines[k] != "":
                expected.append(lines[k])
                k += 1
        sql, note = "\n".join(body), "\n".join(comment)
        comment = []
        if line == "statement ok":
            records.append(Record("ok", sql, start, note))
        elif line.startswith("statement error"):
            records.append(Record("error", sql, start, note, pattern=line[len("statement error") :].strip()))
        elif line.startswith("query"):
            types = line[len("query") :].strip()
            rowsort = types.endswith("rowsort")
            types = types.removesuffix("rowsort").strip()
            records.append(Record("query", sql, start, note, types=types, rowsort=rowsort, expected=tuple(expected)))
        else:
            raise ValueError(f"{path}:{start}: not a record: {line!r}")
    return records


def write_script(path: Path, records: Iterable[Record]) -> None:
    blocks = []
    for record in records:
        head = {"ok": "statement ok", "error": f"statement error {record.pattern}".rstrip()}.get(record.kind)
        if head is None:
            head = " ".join(part for part in ("query", record.types, "rowsort" if record.rowsort else "") if part)
        lines = [record.comment] if record.comment else []
        lines += [head, record.sql]
        if record.kind == "query":
            lines += ["----", *record.expected]
        blocks.append("\n".join(lines))
    path.write_text("\n\n".join(blocks) + "\n")


def shown_rows(rows: Sequence[Sequence[object]], rowsort: bool) -> tuple[str, ...]:
    lines = ["\t".join(shown(value) for value in row) for row in rows]
    return tuple(sorted(lines) if rowsort else lines)


def shown(value: object) -> str:
    """A value as scripts show it; floats to 12 significant digits."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case float():
            if math.isnan(value):
                return "nan"
            if math.isinf(value):
                return "inf" if value > 0 else "-inf"
            return f"{value:.12g}" if value else "0"
        case decimal.Decimal():
            return f"{value:f}"
        case datetime.datetime() | datetime.date() | datetime.time() | datetime.timedelta():
            return str(value)
        case str():
            text = value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
            return text if text else "(empty)"
        case bytes():
            return "0x" + value.hex()
        case _:
            return str(value)


def complete(record: Record, types: str, rows: Sequence[Sequence[object]]) -> Record:
    """The record with types and expected rows filled in."""
    return replace(record, types=types, expected=shown_rows(rows, record.rowsort))


def matches(pattern: str, message: str) -> bool:
    return re.search(pattern, message, re.IGNORECASE | re.DOTALL) is not None
