"""`reject_errors` and `reject_scans`: what queries with `store_rejects = true` left out of CSV files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlengine.planner.definitions import View
from sqlengine.storage.table import Table

if TYPE_CHECKING:
    import pyarrow as pa

Open = Callable[[str | list[str], str | None, Mapping[str, object]], Table]

_ERRORS: Final = "reject_errors"
_SCANS: Final = "reject_scans"

# What cannot be the name of a table otherwise.
_INNER: Final = "rejects of scan "

_COLUMNS: Final = (
    "line, line_byte_position, byte_position, column_idx, column_name, error_type, csv_line, error_message"
)


@dataclass(frozen=True, slots=True)
class _Scan:
    """A table of CSV files whose rejects are told; `number` is its scan_id."""

    number: int
    paths: tuple[str, ...]
    options: Mapping[str, object]

    def name(self, option: str, default: str) -> str:
        """The name of its table of rejects or scans."""
        return str(self.options.get(option, default)).lower()


class RejectsTables:
    """The scans of a session that store rejects; the tables are read when they are asked for.

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
        """The table of rejects of that name: those of each scan, one after the other."""
        scans = [scan for scan in self._scans if scan.name("rejects_table", _ERRORS) == name.lower()]
        if not scans:
            return None
        from sqlengine.planner.parse import parse_query

        text = " UNION ALL ".join(
            f"SELECT {scan.number}::UBIGINT AS scan_id, file_index::UBIGINT AS file_id, {_COLUMNS}"
            f' FROM "{_INNER}{scan.number}"'
            for scan in scans
        )
        tree, source = parse_query(text)
        return View(name, tree, source)

    def table(self, name: str, open_files: Open) -> Table | None:
        """The table of scans of that name, or what a table of rejects is made of."""
        if name.startswith(_INNER):
            scan = self._scans[int(name.removeprefix(_INNER))]
            return open_files(list(scan.paths), "csv_rejects", {"hive_partitioning": False, **scan.options})
        scans = [scan for scan in self._scans if scan.name("rejects_scan", _SCANS) == name.lower()]
        return None if not scans else _scans_table(name, scans, open_files)
