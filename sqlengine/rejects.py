"""`reject_errors` and `reject_scans`: what queries with `store_rejects = true` left out of CSV files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlengine.keywords import quoted_name
from sqlengine.planner.definitions import View
from sqlengine.storage.table import Table

Open = Callable[[str | list[str], str | None, Mapping[str, object]], Table]

# Option that names a table -> its usual name, the format that reads it, and its columns.
_TABLES: Final = {
    "rejects_table": (
        "reject_errors",
        "csv_rejects",
        "line, line_byte_position, byte_position, column_idx, column_name, error_type, csv_line, error_message",
    ),
    "rejects_scan": (
        "reject_scans",
        "csv_scans",
        "filename AS file_path, delimiter, quote, escape, newline_delimiter, skip_rows, has_header, columns,"
        " date_format, timestamp_format, user_arguments",
    ),
}


@dataclass(frozen=True, slots=True)
class _Scan:
    """A table of CSV files whose rejects are told; `number` is its scan_id."""

    number: int
    paths: tuple[str, ...]
    options: Mapping[str, object]


class RejectsTables:
    """The scans of a session that store rejects; their tables are read when they are asked for.

    A table of files that is scanned again is the same scan.
    """

    def __init__(self) -> None:
        self._scans: list[_Scan] = []

    def add(self, paths: str | list[str], options: Mapping[str, object]) -> None:
        """Remember a scan of `paths`."""
        sources = (paths,) if isinstance(paths, str) else tuple(paths)
        if not any((scan.paths, scan.options) == (sources, options) for scan in self._scans):
            self._scans.append(_Scan(len(self._scans), sources, dict(options)))

    def view(self, name: str) -> View | None:
        """The table of rejects or of scans that is called so: what each scan has of it, one after the other."""
        parts = [
            f"SELECT {scan.number}::UBIGINT AS scan_id, file_index AS file_id, {columns} FROM {quoted_name(inner)}"
            for option, (usual, format_, columns) in _TABLES.items()
            for scan in self._scans
            if str(scan.options.get(option, usual)).lower() == name.lower()
            and (inner := _inner_name(format_, scan.number))
        ]
        if not parts:
            return None
        from sqlengine.planner.parse import QueryTree, parse_statements

        (statement,) = parse_statements(" UNION ALL ".join(parts))
        assert isinstance(statement.content, QueryTree)
        return View(name, statement.content.tree, statement.source)

    def table(self, name: str, open_files: Open) -> Table | None:
        """A table that `view` speaks of."""
        for scan in self._scans:
            for _, format_, _ in _TABLES.values():
                if name == _inner_name(format_, scan.number):
                    return open_files(list(scan.paths), format_, {**scan.options, "hive_partitioning": False})
        return None


def _inner_name(format_: str, number: int) -> str:
    """The name of what a format reads of one scan; nothing else is called so."""
    return f"{format_} of scan {number}"
