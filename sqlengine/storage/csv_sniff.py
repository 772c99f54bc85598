"""What is guessed of a CSV file, as a table of one row: `sniff_csv`, with DuckDB's columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlengine.errors import NotSupportedError
from sqlengine.storage.csv import layout_of
from sqlengine.storage.csv_about import CsvAbout
from sqlengine.storage.csv_guess import line_end
from sqlengine.storage.csv_pieces import prepared, read_start
from sqlengine.storage.csv_sample import read_head
from sqlengine.storage.filesystem import FileInfo
from sqlengine.storage.format import Field, FileSchema, Options, Split
from sqlengine.types import BOOLEAN, DATE, TIMESTAMP, UINTEGER, VARCHAR, list_of, struct_of

_FIELDS: Final = (
    Field("Delimiter", VARCHAR),
    Field("Quote", VARCHAR),
    Field("Escape", VARCHAR),
    Field("NewLineDelimiter", VARCHAR),
    Field("Comment", VARCHAR),
    Field("SkipRows", UINTEGER),
    Field("HasHeader", BOOLEAN),
    Field("Columns", list_of(struct_of([("name", VARCHAR), ("type", VARCHAR)]))),
    Field("DateFormat", VARCHAR),
    Field("TimestampFormat", VARCHAR),
    Field("UserArguments", VARCHAR),
    Field("Prompt", VARCHAR),
)
# Each with what it is called in `sniff_csv`.
_SCAN_FIELDS: Final = {
    Field("delimiter", VARCHAR): "Delimiter",
    Field("quote", VARCHAR): "Quote",
    Field("escape", VARCHAR): "Escape",
    Field("newline_delimiter", VARCHAR): "NewLineDelimiter",
    Field("skip_rows", UINTEGER): "SkipRows",
    Field("has_header", BOOLEAN): "HasHeader",
    Field("columns", VARCHAR): "Columns",
    Field("date_format", VARCHAR): "DateFormat",
    Field("timestamp_format", VARCHAR): "TimestampFormat",
    Field("user_arguments", VARCHAR): "UserArguments",
}
_NONE: Final = "(empty)"
_ISO_DATE: Final = "%Y-%m-%d"


class CsvSniffFormat(CsvAbout):
    """Reads how a file is written."""

    name = "csv_sniff"
    fields = _FIELDS

    def schema(self, files: Sequence[FileInfo], options: Options) -> FileSchema:
        """The columns of `sniff_csv`.

        Raises
        ------
        NotSupportedError
            Of more than one file.
        """
        if len(files) > 1:
            raise NotSupportedError(f"sniff_csv looks at one file, not at {len(files)}")
        return super().schema(files, options)

    def rows(self, split: Split, table: FileSchema, options: Options) -> list[dict[str, Any]]:
        """The one row."""
        return [sniffed(split.path, table, options)]


class CsvScansFormat(CsvAbout):
    """Reads how each of some files is read: columns of DuckDB's `reject_scans`."""

    name = "csv_scans"
    fields = tuple(_SCAN_FIELDS)

    def rows(self, split: Split, table: FileSchema, options: Options) -> list[dict[str, Any]]:
        """A row for each file."""
        row = sniffed(split.path, table, options)
        row["Columns"] = "{" + ",".join(f"'{each['name']}': '{each['type']}'" for each in row["Columns"]) + "}"
        return [{field.name: row[source] for field, source in _SCAN_FIELDS.items()}]


def sniffed(path: str, table: FileSchema, options: Options) -> dict[str, Any]:
    """How the file at `path` is written, by the names of the columns of `sniff_csv`."""
    layout = layout_of(table)
    dialect = layout.dialect
    head = read_head(path, dialect.encoding)
    text = prepared(head, dialect, at_start=True).data.tobytes()
    quote = dialect.quote if dialect.quote.encode() in text else ""
    escape = dialect.escape if quote and (not dialect.doubles or (dialect.escape * 2).encode() in text) else ""
    # What comes later may be quoted.
    sure = read_start(path, len(head), dialect.encoding)[1]
    newline = line_end(head).encode("unicode_escape").decode() or "\\n"
    formats = layout.formats or {}
    dates = {formats.get(field.name) or _ISO_DATE for field in table.fields if field.type == DATE}
    timestamps = {formats.get(field.name) for field in table.fields if field.type == TIMESTAMP}
    # Where columns have several, there is none to tell.
    date = dates.pop() if len(dates) == 1 else None
    timestamp = timestamps.pop() if len(timestamps) == 1 else None
    columns = [{"name": field.name, "type": str(field.type)} for field in table.fields]
    parts = {
        "delim": _quoted(dialect.delimiter),
        "quote": _quoted(quote if sure else dialect.quote),
        "escape": _quoted(escape if sure else dialect.escape),
        "new_line": _quoted(newline),
        "skip": str(dialect.skip),
        "comment": _quoted(dialect.comment),
        "header": _literal(dialect.header),
        "columns": "{" + ", ".join(f"{_quoted(each['name'])}: {_quoted(each['type'])}" for each in columns) + "}",
    }
    parts |= {"dateformat": _quoted(date)} if date else {}
    parts |= {"timestampformat": _quoted(timestamp)} if timestamp else {}
    given = {name: _literal(value) for name, value in sorted(options.items())}
    said = [f"{name}={value}" for name, value in given.items()]
    written = [f"{name}={value}" for name, value in parts.items() if name not in given]
    return {
        "Delimiter": dialect.delimiter,
        "Quote": quote or _NONE,
        "Escape": escape or _NONE,
        "NewLineDelimiter": newline,
        "Comment": dialect.comment or _NONE,
        "SkipRows": dialect.skip,
        "HasHeader": dialect.header,
        "Columns": columns,
        "DateFormat": date,
        "TimestampFormat": timestamp,
        "UserArguments": ", ".join(said) or None,
        "Prompt": f"FROM read_csv({_quoted(path)}, {', '.join(['auto_detect=false', *written, *said])});",
    }


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _literal(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return _quoted(value)
        case list() | tuple():
            return "[" + ", ".join(map(_literal, value)) + "]"
        case Mapping():
            return "{" + ", ".join(f"{_quoted(str(name))}: {_literal(each)}" for name, each in value.items()) + "}"
        case _:
            return str(value)
