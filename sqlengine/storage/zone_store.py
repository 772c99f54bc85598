"""Where zone maps are kept between queries and processes: an SQLite database in the user's cache folder.

Nothing in it is needed: a database that is locked, damaged or not the user's own is done without. What is read from it
is text that a checksum guards, taken apart as JSON, and never unpickled.
"""

from __future__ import annotations

import contextlib
import datetime
import decimal
import functools
import importlib.util
import json
import os
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlengine.storage.filesystem import FileInfo
from sqlengine.storage.format import ColumnStatistics
from sqlengine.storage.zone_maps import Key, Zone

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")

# The number is that of the layout.
_NAME: Final = "zones-1.sqlite"
# From this size on the scopes that have not been asked for longest are forgotten.
MOST_BYTES: Final = 64 << 20
_SCOPES: Final = 32
_PATIENCE: Final = 0.5

_LAYOUT: Final = """
CREATE TABLE IF NOT EXISTS scopes (scope TEXT PRIMARY KEY, used REAL);
CREATE TABLE IF NOT EXISTS zones (
    scope TEXT, path BLOB, start INTEGER, stop INTEGER, content TEXT, checksum INTEGER,
    PRIMARY KEY (scope, path, start, stop)
) WITHOUT ROWID;
"""

_lock = threading.Lock()
_loaded: OrderedDict[tuple[str, str], dict[Key, Zone]] = OrderedDict()


def cache_folder() -> Path:
    """The user's cache folder: `$XDG_CACHE_HOME/sqlengine`, or `~/.cache/sqlengine` if that is no absolute path."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    return Path(given if os.path.isabs(given) else Path.home() / ".cache") / "sqlengine"


def known_zones(scope: str) -> Mapping[Key, Zone]:
    """The zones of `scope`; read from disk once per process."""
    key = str(cache_folder()), scope
    with _lock:
        zones = _loaded.get(key)
        if zones is None:
            zones = _loaded[key] = _read(scope)
            if len(_loaded) > _SCOPES:
                _loaded.popitem(last=False)
        _loaded.move_to_end(key)
        # Other threads may add to it.
        return dict(zones)


def keep_zones(zones: Iterable[Zone]) -> None:
    """Remember what scans have found, here and on disk."""
    by_scope: dict[str, list[Zone]] = {}
    for zone in zones:
        by_scope.setdefault(zone.scope, []).append(zone)
    for scope, found in by_scope.items():
        known = known_zones(scope)
        merged = [zone.with_columns_of(known.get(zone.key)) for zone in found]
        with _lock:
            _loaded.setdefault((str(cache_folder()), scope), {}).update({zone.key: zone for zone in merged})
        _write(scope, merged)


def forget_loaded() -> None:
    """Read from disk again what is asked for next."""
    with _lock:
        _loaded.clear()


def _read(scope: str) -> dict[Key, Zone]:
    def rows(database: sqlite3.Connection) -> list[tuple[Any, ...]]:
        database.execute("INSERT OR REPLACE INTO scopes VALUES (?, ?)", (scope, time.time()))
        select = "SELECT path, start, stop, content, checksum FROM zones WHERE scope = ?"
        return database.execute(select, (scope,)).fetchall()

    if not (cache_folder() / _NAME).exists():
        return {}
    found = [_zone(scope, *row) for row in _transaction(rows) or ()]
    return {zone.key: zone for zone in found if zone is not None}


def _write(scope: str, zones: Iterable[Zone]) -> None:
    def write(database: sqlite3.Connection) -> None:
        database.execute("INSERT OR REPLACE INTO scopes VALUES (?, ?)", (scope, time.time()))
        database.executemany("INSERT OR REPLACE INTO zones VALUES (?, ?, ?, ?, ?, ?)", map(_row, zones))
        _shrink(database)

    _transaction(write)


def _shrink(database: sqlite3.Connection) -> None:
    """Forget whole scopes, the least lately used first, until half of the room is free."""
    if _size(database) <= MOST_BYTES:
        return
    for (scope,) in database.execute("SELECT scope FROM scopes ORDER BY used").fetchall():
        database.execute("DELETE FROM zones WHERE scope = ?", (scope,))
        database.execute("DELETE FROM scopes WHERE scope = ?", (scope,))
        if _size(database) <= MOST_BYTES // 2:
            break


def _size(database: sqlite3.Connection) -> int:
    """Bytes of pages in use; pages that became free are used again."""
    pages, free, size = (
        database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size  # type: ignore[no-any-return]


@functools.cache
def _has_sqlite() -> bool:
    """Whether this Python was built with it."""
    return importlib.util.find_spec("_sqlite3") is not None


def _transaction(run: Callable[[sqlite3.Connection], T]) -> T | None:
    """What `run` returns, done in one transaction; None if the database cannot be used. A damaged one is removed."""
    if not _has_sqlite():
        return None
    import sqlite3

    path = cache_folder() / _NAME
    try:
        _make_private(path)
        with contextlib.closing(sqlite3.connect(path, timeout=_PATIENCE)) as database:
            # Nothing waits for the disk: what a power failure loses or garbles is found out again.
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = OFF")
            database.executescript(_LAYOUT)
            with database:
                return run(database)
    except sqlite3.OperationalError:
        # Locked by another process, or the disk is full.
        return None
    except sqlite3.DatabaseError:
        for name in (path, f"{path}-wal", f"{path}-shm"):
            with contextlib.suppress(OSError):
                os.unlink(name)
        return None
    except OSError:
        return None


def _make_private(path: Path) -> None:
    """Make the database, which nobody else may read; PermissionError if its folder is somebody else's."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.parent.lstat()
    if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o022):
        raise PermissionError(f"{path.parent} belongs to, or is writable by, somebody else")
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))


def _row(zone: Zone) -> tuple[str, bytes, int, int, str, int]:
    path, start, stop = zone.key
    columns = {
        name: [type_, _plain(known.minimum), _plain(known.maximum), known.nulls]
        for name, (type_, known) in zone.columns.items()
    }
    text = json.dumps([zone.file.size, zone.file.mtime_ns, zone.file.version, zone.rows, columns])
    place = (zone.scope, path.encode(errors="surrogateescape"), start, stop)
    return (*place, text, _checksum(*place, text))


def _zone(scope: str, path: bytes, start: int, stop: int, text: str, checksum: int) -> Zone | None:
    """The zone of one row; None if it is damaged."""
    if _checksum(scope, path, start, stop, text) != checksum:
        return None
    try:
        size, mtime_ns, version, rows, columns = json.loads(text)
        known = {
            name: (type_, ColumnStatistics(_value(low), _value(high), nulls))
            for name, (type_, low, high, nulls) in columns.items()
        }
    except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError):
        # Something else wrote it.
        return None
    file = FileInfo(path.decode(errors="surrogateescape"), size, mtime_ns, version)
    return Zone(scope, file, start, stop, rows, known)


def _checksum(*parts: object) -> int:
    return zlib.crc32(repr(parts).encode())


def _plain(value: Any) -> object:
    """A bound as JSON has it."""
    match value:
        case decimal.Decimal():
            return {"decimal": str(value)}
        case datetime.datetime():
            return {"timestamp": value.isoformat()}
        case datetime.date():
            return {"date": value.isoformat()}
        case _:
            return value


def _value(plain: Any) -> object:
    if not isinstance(plain, dict):
        return plain
    ((kind, text),) = plain.items()
    match kind:
        case "decimal":
            return decimal.Decimal(text)
        case "timestamp":
            return datetime.datetime.fromisoformat(text)
        case _:
            return datetime.date.fromisoformat(text)
