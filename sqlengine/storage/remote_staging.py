"""COPY to a URL: the files are written here, and put there when all of them are whole.

A file appears by one request, or where a store has none that puts a file whole by renaming a hidden one. The files of a
folder appear one after the other: a store has nothing that would show many at once. If one fails, or the query is
interrupted, those that are there already go again, and those that they replaced come back.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlengine.errors import OperationalError
from sqlengine.storage.files.access import current_access, within
from sqlengine.storage.files.parallel import in_parallel
from sqlengine.storage.files.remote_writing import StoreFolder, new_hidden_name
from sqlengine.storage.output_files import Existing, FileToPublish, check_replaced
from sqlengine.storage.shared_memory import new_private_folder, remove_private_folder


class RemoteStaging:
    """See `storage.staging.Staging`; the target is a URL."""

    def __init__(self, target: str, is_folder: bool, existing: Existing, storage_options: object) -> None:
        self._target = target
        self._is_folder = is_folder
        self._existing = existing
        self._access = current_access().with_options(storage_options, None)
        self._access.check(target)
        with within(self._access):
            self._store = StoreFolder(target)
            if is_folder and self._store.is_file:
                raise OperationalError(f"{target!r} is a file; the rows would become a folder of files")
            if not is_folder and self._store.is_folder:
                raise OperationalError(
                    f"{target!r} is a folder; name a file, or end the name with / for a folder of files"
                )
            self._held = self._store.places() if is_folder else set()
        check_replaced(target, existing, bool(self._held))

    def __enter__(self) -> Self:
        self._root, self._lock = new_private_folder(Path(tempfile.gettempdir()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        remove_private_folder(self._root)
        os.close(self._lock)

    @property
    def folder(self) -> str:
        """See `Staging.folder`."""
        return str(self._root)

    @contextlib.contextmanager
    def naming(self, paths: Sequence[str]) -> Iterator[None]:
        """See `Staging.naming`; stores have no locks, so this is what the folder holds now."""
        with within(self._access):
            self._held = self._store.places() if self._is_folder else set()
            yield

    def taken(self, place: str) -> bool:
        """See `Staging.taken`."""
        return self._existing is Existing.APPEND and place in self._held

    def publish(self, files: Sequence[FileToPublish], check: Callable[[], None]) -> None:
        """See `Staging.publish`."""
        if not self._is_folder:
            (file,) = files
            self._store.put(file.path, "")
            return
        check_replaced(self._target, self._existing, bool(self._held))
        self._put(files, check)
        if self._existing is Existing.REPLACE:
            old = sorted(self._held - {file.place for file in files})
            in_parallel(self._store.remove, old, [self._target] * len(old))

    def _put(self, files: Sequence[FileToPublish], check: Callable[[], None]) -> None:
        saved = {file.place: f"{new_hidden_name()}/{file.place}" for file in files if file.place in self._held}

        def put(file: FileToPublish) -> None:
            check()
            if file.place in saved:
                self._store.copy(file.place, saved[file.place])
            self._store.put(file.path, file.place)

        try:
            in_parallel(put, files, [self._target] * len(files))
        except BaseException:
            for file in files:
                with contextlib.suppress(Exception):
                    if file.place in saved:
                        self._store.copy(saved[file.place], file.place)
                    else:
                        self._store.remove(file.place)
            raise
        finally:
            for place in saved.values():
                with contextlib.suppress(Exception):
                    self._store.remove(place)
