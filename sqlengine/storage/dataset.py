"""Open files, folders and patterns as tables, and keep the tables as long as the files stay as they are."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from types import UnionType
from typing import Final

from sqlengine.errors import FileMissingError, NotSupportedError, SettingError
from sqlengine.storage.file_list import FileList, list_sources
from sqlengine.storage.file_table import Description, FileTable
from sqlengine.storage.files.access import current_access, within
from sqlengine.storage.files.isolation import look
from sqlengine.storage.filesystem import FileInfo
from sqlengine.storage.format import Format
from sqlengine.storage.formats import check_options, choose_format, find_format
from sqlengine.storage.hive import FolderFilter, detect_partitioning
from sqlengine.storage.path_columns import FILENAME, ROW_NUMBER, place_columns
from sqlengine.storage.splits import TASK_ROWS
from sqlengine.storage.table import Predicate
from sqlengine.storage.type_names import parse_type_name
from sqlengine.storage.zone_maps import is_settled

# Formats whose splits know the number of their first row.
_NUMBERED: Final = ("parquet", "arrow", "hdf5")

SPLIT_BYTES: Final = 16 << 20

# Longer ago than this, no clock of a file system is in doubt.
_LATELY_NS: Final = 3_000_000_000

_MOST_TABLES: Final = 64
_tables: OrderedDict[Hashable, FileTable] = OrderedDict()
_tables_lock = threading.Lock()

# Options of every table of files, whatever its format.
OPTIONS: Final[Mapping[str, type | UnionType]] = {
    "hive_partitioning": bool,
    "hive_types": dict,
    "hive_types_autocast": bool,
    "filename": bool | str,
    "file_row_number": bool,
    "task_rows": int,
    "split_bytes": int,
}


def open_table(
    source: str | Sequence[str],
    format: str | None = None,  # noqa: A002 - the word of SQL's FORMAT
    options: Mapping[str, object] | None = None,
    where: Sequence[Predicate] = (),
) -> FileTable:
    """The table that a file, folder or pattern holds, or several of them one after the other.

    Parameters
    ----------
    source
        See `storage.filesystem.list_files`.
    format
        Name of a format; by default the files' extensions tell.
    options
        Options of the format, and of every table: `hive_partitioning` (default: if all paths have the same
        `key=value` folders), `hive_types` (name -> type of some), `hive_types_autocast` (default true),
        `filename` (true, or the name of the column to add),
        `file_row_number` (adds a column of that name),
        `task_rows` (rows a scan task covers, about), `split_bytes` (bytes of text a split covers, about),
        `storage_options` (of fsspec, for URLs). The files are opened under the access now in force.
    where
        Conditions that wanted rows fulfil; those on partition columns keep folders from being listed. The table may
        hold other rows all the same.

    Raises
    ------
    FileMissingError
        If nothing is there.
    FileFormatError
        If a file is unreadable, disagrees with its siblings, or is of another format than they.
    SettingError
        On an unknown option or an unfit value.
    """
    sources = [source] if isinstance(source, str) else list(source)
    options = dict(options or {})
    # Credentials are no option of the table any more from here on: nothing may show them.
    access = current_access().with_options(options.pop("storage_options", None), None)
    with within(access):
        listed = _list_wanted(sources, options, where)
    shown = source if isinstance(source, str) else ", ".join(sources)
    chosen = find_format(format) if format else choose_format(listed.files, shown)
    flags = {name for name, kind in {**OPTIONS, **chosen.options}.items() if kind is bool}
    # SQL's numbers for false and true.
    options = {name: bool(value) if name in flags and value in (0, 1) else value for name, value in options.items()}
    check_options(chosen, options, OPTIONS)
    access = access.with_options(None, options.pop("compression", None))
    with within(access, listed.find):
        return _known_table(
            (listed.digest, chosen.name, repr(sorted(options.items())), access),
            listed.files,
            lambda: _open(chosen, listed, options),
        )


def _list_wanted(sources: Sequence[str], options: Mapping[str, object], where: Sequence[Predicate]) -> FileList:
    """The files of `sources`, but for those of partitions that `where` rules out."""
    if not sources:
        raise FileMissingError("a table needs at least one file; the list of files is empty")
    # With `union_by_name` the columns of all files count.
    if not where or options.get("union_by_name") or options.get("hive_partitioning") in (False, 0):
        return list_sources(sources)
    folders = FolderFilter(where)
    listed = list_sources(sources, folders)
    if listed.unlisted:
        found = detect_partitioning([file.path for file in listed.files], None)
        if not folders.used <= {field.name.lower() for field in found.fields}:
            # The folders are no partitions after all: a column of that name is one that the files store.
            return list_sources(sources)
    return listed


def _known_table(key: Hashable, files: Sequence[FileInfo], make: Callable[[], FileTable]) -> FileTable:
    """The table last made for `key`, which names the files with sizes and times: guesses and statistics are kept.

    Unless a file changed just now: it could do so again and look the same.
    """
    lately = time.time_ns() - _LATELY_NS
    if any(file.mtime_ns > lately and not is_settled(file) for file in files):
        return make()
    with _tables_lock:
        table = _tables.get(key)
        if table is not None:
            _tables.move_to_end(key)
            return table
    table = make()
    with _tables_lock:
        _tables[key] = table
        if len(_tables) > _MOST_TABLES:
            _tables.popitem(last=False)
    return table


def _open(chosen: Format, listed: FileList, options: dict[str, object]) -> FileTable:
    files = listed.files
    given = options.pop("hive_types", None)
    types = {name: parse_type_name(text) for name, text in given.items()} if isinstance(given, dict) else {}
    partitioning = detect_partitioning(
        [file.path for file in files],
        _flag(options.pop("hive_partitioning", None)),
        options.pop("hive_types_autocast", True) is not False,
        types,
        listed.unlisted,
    )
    filename = options.pop("filename", False)
    shown = {} if filename is False else {FILENAME if filename is True else str(filename): FILENAME}
    if options.pop(ROW_NUMBER, False):
        if chosen.name not in _NUMBERED:
            raise NotSupportedError(f"{chosen.name} files do not tell the numbers of their rows: file_row_number")
        shown = {ROW_NUMBER: ROW_NUMBER} | shown
    task_rows = _positive(options, "task_rows", TASK_ROWS)
    split_bytes = _positive(options, "split_bytes", SPLIT_BYTES)
    schema = look([file.path for file in files], chosen.schema, files, options)
    columns = place_columns(schema.fields, partitioning, shown, chosen.name in _NUMBERED)
    description = Description(chosen.name, tuple(sorted(options.items(), key=lambda item: item[0])))
    return FileTable(
        listed, description, schema, columns, current_access(), task_rows=task_rows, split_bytes=split_bytes
    )


def _positive(options: dict[str, object], name: str, default: int) -> int:
    value = options.pop(name, default)
    if not isinstance(value, int) or value < 1:
        raise SettingError(f"option {name!r} takes a whole number of at least 1, not {value!r}")
    return value


def _flag(value: object) -> bool | None:
    return None if value is None else bool(value)
