"""Names to tables: registered objects, the files of a folder, the caller's variables, and quoted paths."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sqlengine.config import Settings
from sqlengine.definitions import Definitions
from sqlengine.errors import BindError, FileMissingError, InterfaceError, did_you_mean
from sqlengine.planner.definitions import Macro, View
from sqlengine.rejects import RejectsTables
from sqlengine.storage.csv_options import stores_rejects
from sqlengine.storage.dataset import open_table
from sqlengine.storage.files.access import FileAccess, is_url, local_path, within
from sqlengine.storage.files.isolation import run_looks_by
from sqlengine.storage.formats import format_of
from sqlengine.storage.memory import ArrowTable
from sqlengine.storage.series import SeriesTable
from sqlengine.storage.table import Predicate, Table
from sqlengine.types import BIGINT, SqlType

# read_<format>(…) functions of SQL, the format each one forces, and options.
TABLE_FUNCTIONS: Final[Mapping[str, tuple[str, Mapping[str, object]]]] = {
    "read_parquet": ("parquet", {}),
    "parquet_scan": ("parquet", {}),
    "read_csv": ("csv", {}),
    "read_csv_auto": ("csv", {}),
    "read_csv_rejects": ("csv_rejects", {"hive_partitioning": False}),
    "sniff_csv": ("csv_sniff", {"hive_partitioning": False}),
    "read_json": ("json", {}),
    "read_json_auto": ("json", {}),
    "read_json_objects": ("json", {"objects": True}),
    "read_json_objects_auto": ("json", {"objects": True}),
    "read_ndjson": ("json", {"format": "newline_delimited"}),
    "read_ndjson_auto": ("json", {"format": "newline_delimited"}),
    "read_ndjson_objects": ("json", {"format": "newline_delimited", "objects": True}),
    "read_arrow": ("arrow", {}),
    "read_ipc": ("arrow", {}),
    "read_feather": ("arrow", {}),
    "read_hdf5": ("hdf5", {}),
    "read_hdf": ("hdf5", {}),
}


class SessionCatalog:
    """The tables of one connection; implements `planner.catalog.Catalog`.

    A name is looked up among what CREATE made, registered tables, the files and sub-folders of `folder`, then the
    Python variables that `scope` finds. Case does not count, except for variables. `on_open` is told of every table
    of files that is opened.
    """

    def __init__(self, folder: str | None, settings: Callable[[], Settings], on_open: Callable[[Table], None]) -> None:
        if folder is not None and not os.path.isdir(os.path.expanduser(folder)):
            raise FileMissingError(f"there is no folder {folder!r}; give an existing folder of data files")
        self.folder = None if folder is None else Path(folder).expanduser()
        self._settings = settings
        self._on_open = on_open
        # Of files their paths: each query sees what is there.
        self._registered: dict[str, tuple[str, Table | list[str]]] = {}
        self.definitions = Definitions()
        self.all_tables: Callable[[], Iterable[tuple[str, bool, Sequence[tuple[str, SqlType]]]]] = tuple
        self.scope: Callable[[str], object] | None = None
        self._rejects = RejectsTables()

    def register(self, name: str, source: object) -> None:
        """Make `source` (a path, glob, list of paths, DataFrame, or anything with an Arrow stream) the table `name`."""
        if not name:
            raise InterfaceError("a table needs a name")
        table = self._open(name, source)
        paths = _paths(source)
        self._registered[name.lower()] = (name, table if paths is None else [_absolute(path) for path in paths])

    def unregister(self, name: str) -> None:
        """Forget a registered table."""
        if self._registered.pop(name.lower(), None) is None:
            raise InterfaceError(f"no table {name!r} is registered.{did_you_mean(name, self.table_names())}")

    def view(self, parts: tuple[str, ...]) -> View | None:
        """The view of that name, or None."""
        if not _is_local(parts):
            return None
        name = parts[-1]
        taken = self.definitions.table(name) is not None or name.lower() in self._registered
        return self.definitions.view(name) or (None if taken else self._rejects.view(name))

    def macro(self, name: str) -> Macro | None:
        """The macro of that name, or None."""
        return self.definitions.macro(name)

    def table(self, parts: tuple[str, ...], where: Sequence[Predicate] = ()) -> Table | None:
        """The table of that (possibly qualified) name, or None; rows that do not fulfil `where` may be missing."""
        if len(parts) > 1 and parts[-2].lower() == "information_schema":
            return self._information(parts[-1])
        if not _is_local(parts):
            return None
        name = parts[-1]
        defined = self.definitions.table(name)
        if defined is not None:
            return defined
        rejects = self._rejects.table(name, self._open_files)
        if rejects is not None:
            return rejects
        registered = self._registered.get(name.lower())
        if registered is not None:
            source = registered[1]
            return self._open_files(source, None, {}, where) if isinstance(source, list) else source
        for candidate, entry in self._folder_entries():
            if candidate.lower() == name.lower() and _has_data(entry):
                return self.open_path(entry.path, where)
        value = None if self.scope is None else self.scope(name)
        return None if value is None else self._open(name, value, where)

    def table_names(self) -> list[str]:
        """Tables and views that were created, registered tables and those of the folder, sorted."""
        names = {name.lower(): name for name in self._folder_sources()}
        names.update((key, name) for key, (name, _) in self._registered.items())
        names.update((name.lower(), name) for name in self.definitions.names())
        return sorted(names.values(), key=str.lower)

    def open_path(self, path: str, where: Sequence[Predicate] = ()) -> Table:
        """The table behind `FROM 'path'`; rows that do not fulfil `where` may be missing."""
        return self._open_files(path, None, {}, where)

    def series(self, name: str, start: int, step: int, rows: int) -> Table:
        """The table behind `FROM range(…)`."""
        return SeriesTable(name, start, step, rows, BIGINT, self._settings().get_int("task_rows"))

    def open_function(
        self,
        name: str,
        positional: Sequence[object],
        options: Mapping[str, object],
        where: Sequence[Predicate] = (),
    ) -> Table:
        """The table behind `FROM read_csv('path', option = value)`; rows that do not fulfil `where` may be missing."""
        if name.lower() not in TABLE_FUNCTIONS and not options:
            from sqlengine.information import information_function

            with within(self.access()):
                rows = information_function(name.lower(), positional, self.all_tables, self._settings())
            if rows is not None:
                return ArrowTable(name, rows)
        if name.lower() not in TABLE_FUNCTIONS:
            raise BindError(f"there is no table function {name!r}.{did_you_mean(name, TABLE_FUNCTIONS)}")
        if len(positional) != 1 or not isinstance(positional[0], str | list | tuple):
            raise BindError(f"{name} takes one path, glob or list of paths, then options by name")
        source = positional[0]
        paths = source if isinstance(source, str) else [str(path) for path in source]
        format_name, preset = TABLE_FUNCTIONS[name.lower()]
        table = self._open_files(paths, format_name, {**preset, **options}, where)
        if format_name == "csv" and stores_rejects(options):
            self._rejects.add(paths, options)
        return table

    def holds_more_than(self, size: int) -> bool:
        """Whether the folder's files have more than `size` bytes; stops looking as soon as that is clear."""
        left = size
        for path in map(Path, self._folder_sources().values()):
            for file in path.rglob("*") if path.is_dir() else (path,):
                left -= file.stat().st_size
                if left < 0:
                    return True
        return False

    def _information(self, name: str) -> Table | None:
        from sqlengine.information import information_schema

        rows = information_schema(name, self.all_tables)
        return None if rows is None else ArrowTable(name, rows)

    def _open_files(
        self,
        source: str | list[str],
        format_name: str | None,
        options: Mapping[str, object],
        where: Sequence[Predicate] = (),
    ) -> Table:
        settings = self._settings()
        sizes = {name: settings.get_int(name) for name in ("task_rows", "split_bytes")}
        with within(self.access()):
            table = open_table(source, format_name, {**sizes, **options}, where)
        self._on_open(table)
        return table

    def access(self) -> FileAccess:
        """How the session's settings let files be opened."""
        settings = self._settings()
        if settings.get_bool("isolate_readers"):
            from sqlengine.executor.isolation import call_in_worker

            run_looks_by(call_in_worker)
        return FileAccess.of(settings)

    def _open(self, name: str, source: object, where: Sequence[Predicate] = ()) -> Table:
        paths = _paths(source)
        if paths is not None:
            return self._open_files(paths, None, {}, where)
        table = as_arrow_table(source)
        if table is None:
            raise InterfaceError(
                f"table {name!r}: cannot read a {type(source).__name__};"
                " give a path, a DataFrame, or an object with an Arrow stream"
            )
        return ArrowTable(name, table, self._settings().get_int("task_rows"))

    def _folder_sources(self) -> dict[str, str]:
        """Table name -> path of each data file and each sub-folder with data files."""
        found: dict[str, str] = {}
        for name, entry in self._folder_entries():
            if _has_data(entry):
                found.setdefault(name, entry.path)
        return found

    def _folder_entries(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """What is in the folder, by name, with what it would be called as a table."""
        if self.folder is None:
            return
        with os.scandir(self.folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
        for entry in listed:
            if not entry.name.startswith((".", "_")):
                yield entry.name if entry.is_dir() else entry.name.split(".")[0], entry


def _is_local(parts: tuple[str, ...]) -> bool:
    """Whether a name means this session's tables, under DuckDB's names of its database and schema if any."""
    known = (("memory", "temp"), ("main", "temp"))
    return all(part.lower() in known[-1] or part.lower() in known[0] for part in parts[:-1])


def _paths(source: object) -> list[str] | None:
    """The paths that `source` is made of, or None if it is something else."""
    several = source if isinstance(source, list | tuple) else [source]
    paths = [os.fspath(path) for path in several if isinstance(path, str | os.PathLike)]
    return paths if paths and len(paths) == len(several) else None


def _absolute(path: str) -> str:
    return path if is_url(path) else local_path(path)


def as_arrow_table(source: Any) -> Any | None:
    """`source` as a `pyarrow.Table` if it is a DataFrame, an Arrow table, or offers the Arrow C stream; else None."""
    import pyarrow as pa

    if isinstance(source, pa.Table):
        return source
    if isinstance(source, pa.RecordBatch):
        return pa.Table.from_batches([source])
    if type(source).__module__.split(".")[0] == "pandas" and type(source).__name__ == "DataFrame":
        from sqlengine.storage.memory import from_pandas

        return from_pandas(source)
    if hasattr(source, "__arrow_c_stream__") and not isinstance(source, type):
        return pa.table(source)
    return None


def caller_variables(skip_package: str) -> Callable[[str], object]:
    """Look-up of a name among the variables of the nearest frame outside `skip_package`: locals, then globals.

    Only values that can be tables are found.
    """
    import sys

    frame = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] == skip_package:
        frame = frame.f_back  # type: ignore[assignment]

    def find(name: str) -> object:
        if frame is None:
            return None
        for variables in (frame.f_locals, frame.f_globals):
            value = variables.get(name)
            if value is not None and _is_tabular(value):
                return value
        return None

    return find


def _is_tabular(value: object) -> bool:
    if isinstance(value, type):
        return False
    return hasattr(value, "__arrow_c_stream__") or type(value).__name__ in ("DataFrame", "Table", "RecordBatch")


def _has_data(entry: os.DirEntry[str]) -> bool:
    """Whether it is a data file, or a folder with one somewhere below."""
    if not entry.is_dir():
        return format_of(entry.name) is not None
    return any(format_of(name) is not None for _, _, files in os.walk(entry.path) for name in files)
