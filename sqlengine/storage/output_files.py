"""The one layer through which files are created: written under hidden names, visible all at once when all is well.

What a COPY writes lies in a hidden folder beside its target (`.tmp-…`, which listings skip) until `publish` renames it.
So nothing half-written is ever seen, and a COPY that fails leaves nothing behind: the folder goes with it, or if its
process was killed with the next COPY to the same place.
"""

from __future__ import annotations

import contextlib
import enum
import os
import re
import shutil
import stat
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from sqlengine.errors import Error, FileMissingError, OperationalError
from sqlengine.storage.files.access import local_path
from sqlengine.storage.filesystem import check_allowed
from sqlengine.storage.locked_folders import abandoned, create_locked, locked

_HIDDEN: Final = re.compile(r"\.tmp-[0-9a-f]{32}")
# More files than these are brought to the disk all at once: each by itself takes some milliseconds.
_MANY_FILES: Final = 32
# Within a hidden folder: files as tasks write them, the folder to be, and what it takes the place of.
_PARTS, _NEW, _OLD = "parts", "new", "old"


class Existing(enum.Enum):
    """What becomes of files that the target folder holds already."""

    REFUSE = "refuse"
    REPLACE = "overwrite"  # all of them go
    MIX = "overwrite_or_ignore"  # those of the same names go
    APPEND = "append"  # all of them stay


@dataclass(frozen=True, slots=True)
class FileToPublish:
    """A finished file and the place that it gets, relative to the target; the empty text for the target itself."""

    path: str
    place: str


class LocalStaging:
    """The hidden folder of one COPY, see `storage.staging.Staging`; leaving the context removes it."""

    def __init__(self, target: str, is_folder: bool, existing: Existing) -> None:
        with output_errors(target):
            self._check(target, is_folder, existing)

    def _check(self, target: str, is_folder: bool, existing: Existing) -> None:
        self.target = Path(os.path.realpath(check_allowed(target)))
        self._is_folder = is_folder
        self._existing = existing
        # The hidden folder lies there.
        check_allowed(str(self.target.parent))
        named = local_path(target)
        if named.startswith(("/dev/", "/proc/")) and not named.startswith("/dev/shm/"):
            # A link from there to a file is not meant to be replaced: /dev/stdout.
            raise OperationalError(f"{named!r} is no file but a device or the like, which nothing replaces")
        if not self.target.parent.is_dir():
            raise FileMissingError(f"there is no folder {str(self.target.parent)!r} to write to; create it first")
        if is_folder and os.path.lexists(self.target) and not self.target.is_dir():
            raise OperationalError(f"{str(self.target)!r} is a file; the rows would become a folder of files")
        if not is_folder and self.target.is_dir():
            raise OperationalError(
                f"{str(self.target)!r} is a folder; name a file, or end the name with / for a folder of files"
            )
        if not is_folder and os.path.lexists(self.target) and not self.target.is_file():
            raise OperationalError(f"{str(self.target)!r} is no file but a device or the like, which nothing replaces")
        if is_folder:
            self._check_existing()

    def __enter__(self) -> Self:
        parent = self.target.parent
        with output_errors(str(self.target)):
            for entry in parent.iterdir():
                if _HIDDEN.fullmatch(entry.name) and (entry / _PARTS).is_dir():
                    _remove_abandoned(entry)
            self._root, self._lock = create_locked(parent, lambda: f".tmp-{uuid.uuid4().hex}", lambda: None)
            os.mkdir(self._root / _PARTS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            _remove(self._root)
        finally:
            os.close(self._lock)

    @property
    def folder(self) -> str:
        """See `Staging.folder`."""
        return str(self._root / _PARTS)

    @contextlib.contextmanager
    def naming(self, paths: Sequence[str]) -> Iterator[None]:
        """See `Staging.naming`; the files are brought to the disk before."""
        with output_errors(str(self.target)):
            _sync_files(paths)
            with locked(self.target.parent):
                yield

    def taken(self, place: str) -> bool:
        """See `Staging.taken`."""
        return self._existing is Existing.APPEND and os.path.lexists(self.target / place)

    def publish(self, files: Sequence[FileToPublish], check: Callable[[], None]) -> None:
        """See `Staging.publish`.

        A file, and a folder that is new or replaced, appears by one rename. Into a folder whose files stay (APPEND,
        OVERWRITE_OR_IGNORE) files are renamed one after the other; if one fails, those that were new there go again.
        """
        with output_errors(str(self.target)):
            if not self._is_folder:
                (file,) = files
                if self.target.exists():
                    os.chmod(file.path, stat.S_IMODE(self.target.stat().st_mode))
                os.replace(file.path, self.target)
                _sync(self.target.parent)
            elif self._is_merged():
                self._merge(files)
            else:
                self._check_existing()
                self._rename_whole(files)

    def _is_merged(self) -> bool:
        return self._existing in (Existing.APPEND, Existing.MIX) and self.target.is_dir() and any(self.target.iterdir())

    def _rename_whole(self, files: Sequence[FileToPublish]) -> None:
        new, old = self._root / _NEW, self._root / _OLD
        os.mkdir(new)
        folders = {new}
        for file in files:
            place = new / file.place
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(file.path, place)
            folders.update(parent for parent in place.parents if parent.is_relative_to(new))
        _sync_files(list(folders))
        if self.target.is_dir() and any(self.target.iterdir()):
            os.mkdir(old)
            # Should the process be killed between the two, the next COPY here puts the old folder back.
            os.rename(self.target, old / self.target.name)
            try:
                os.rename(new, self.target)
            except BaseException:
                os.rename(old / self.target.name, self.target)
                raise
        else:
            os.rename(new, self.target)
        _sync(self.target.parent)

    def _merge(self, files: Sequence[FileToPublish]) -> None:
        fresh: list[Path] = []
        folders: set[Path] = set()
        for file in files:
            # A partition's folder may be a link.
            check_allowed(str(self.target / file.place))
        try:
            for file in files:
                place = self.target / file.place
                place.parent.mkdir(parents=True, exist_ok=True)
                if not os.path.lexists(place):
                    fresh.append(place)
                os.replace(file.path, place)
                folders.add(place.parent)
        except BaseException:
            for place in fresh:
                with contextlib.suppress(OSError):
                    place.unlink(missing_ok=True)
            raise
        _sync_files(list(folders))

    def _check_existing(self) -> None:
        target = self.target
        held = target.is_dir() and any(target.iterdir())
        check_replaced(str(target), self._existing, held)
        if held and self._existing is Existing.REPLACE:
            for place in (Path.cwd(), Path.home()):
                if place.resolve().is_relative_to(target.resolve()):
                    raise OperationalError(f"OVERWRITE would remove {str(place)!r}; name a folder of its own")


def check_replaced(target: str, existing: Existing, is_held: bool) -> None:
    """Refuse to touch a folder that holds something; OperationalError says how it may be."""
    if is_held and existing is Existing.REFUSE:
        raise OperationalError(
            f"the folder {target!r} is not empty; add OVERWRITE to replace what it holds, APPEND to add to it,"
            " or OVERWRITE_OR_IGNORE to replace files of the same names only"
        )


class OutputFile:
    """A new file under a hidden name; whoever runs the task again writes another one. Errors name `target`."""

    def __init__(self, folder: str, target: str) -> None:
        self.path = os.path.join(folder, uuid.uuid4().hex)
        self._target = target
        with output_errors(target):
            self.stream: IO[bytes] = open(self.path, "x+b", buffering=1 << 20)  # noqa: SIM115 - closed by `finish`

    def finish(self) -> int:
        """Close the file; its bytes."""
        with output_errors(self._target):
            self.stream.flush()
            size = os.fstat(self.stream.fileno()).st_size
            self.stream.close()
        return size

    def abandon(self) -> None:
        """Close and remove it."""
        with contextlib.suppress(OSError):
            self.stream.close()
        with contextlib.suppress(OSError):
            os.unlink(self.path)


@contextlib.contextmanager
def output_errors(path: str) -> Iterator[None]:
    """Turn what the system raises while `path` is written into this package's errors."""
    try:
        yield
    except Error:
        raise
    except OSError as error:
        raise OperationalError(f"{path!r} cannot be written: {error.strerror or error}") from error


def _remove_abandoned(path: Path) -> None:
    """Remove the hidden folder of a process that has ended; a folder that it was replacing goes back to its place."""
    with abandoned(path) as free:
        if free:
            old = path / _OLD
            for replaced in old.iterdir() if old.is_dir() else ():
                if not os.path.lexists(path.parent / replaced.name):
                    os.rename(replaced, path.parent / replaced.name)
            shutil.rmtree(path, ignore_errors=True)


def _remove(root: Path) -> None:
    # A task that nobody waits for any more may put a file there meanwhile.
    for _ in range(3):
        shutil.rmtree(root, ignore_errors=True)
        if not root.exists():
            return


def _sync_files(paths: Sequence[str | Path]) -> None:
    """Bring files, or the names in folders, to the disk."""
    if len(paths) > _MANY_FILES and hasattr(os, "sync"):
        os.sync()
        return
    for path in paths:
        _sync(path)


def _sync(path: str | Path) -> None:
    # Folders cannot be opened everywhere.
    with contextlib.suppress(PermissionError, IsADirectoryError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
