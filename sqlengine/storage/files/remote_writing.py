"""Writing behind URLs: what a file system of fsspec's has to do for COPY, with errors that name the URL."""

from __future__ import annotations

import contextlib
import uuid
from typing import Any, Final

from sqlengine.errors import NotSupportedError
from sqlengine.storage.files.access import current_access, scheme_of
from sqlengine.storage.files.http import HttpStore
from sqlengine.storage.files.remote import patiently, store_of
from sqlengine.storage.files.remote_errors import remote_errors

# Protocols of object stores: what is put there appears whole, and to rename it is to copy it.
_OBJECT_STORES: Final = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "oci+http", "oss"})

_HIDDEN: Final = ".tmp-"


def new_hidden_name() -> str:
    """A name of its own that no listing shows."""
    return _HIDDEN + uuid.uuid4().hex


class StoreFolder:
    """Files below a URL, each named by its place there; the empty place is the URL itself.

    Raises
    ------
    NotSupportedError
        Nothing can be written to such URLs.
    """

    def __init__(self, url: str) -> None:
        store = store_of(url)
        if isinstance(store, HttpStore):
            raise NotSupportedError(
                f"{url!r}: web servers take no files; COPY writes local files and to stores as s3://"
            )
        self._url = url
        self._filesystem: Any = store.filesystem
        self._root: str = self._filesystem._strip_protocol(url).rstrip("/")
        self._is_object_store = scheme_of(url) in _OBJECT_STORES

    @property
    def is_file(self) -> bool:
        """Whether the URL is that of a file."""
        with self._errors():
            return bool(patiently(lambda: self._filesystem.isfile(self._root)))

    @property
    def is_folder(self) -> bool:
        """Whether there is something below the URL; who may write but not list has to know."""
        with self._errors(), contextlib.suppress(PermissionError):
            return bool(patiently(lambda: self._filesystem.isdir(self._root)))
        return False

    def places(self) -> set[str]:
        """What is there now, hidden files aside."""
        with self._errors():
            try:
                found = patiently(lambda: self._filesystem.find(self._root))
            except FileNotFoundError:
                return set()
        places = {name[len(self._root) :].lstrip("/") for name in found}
        return {place for place in places if place and not place.startswith(_HIDDEN)}

    def put(self, path: str, place: str) -> None:
        """Copy a local file to a place, where it appears whole."""
        with self._errors(place):
            target = self._path(place)
            if self._is_object_store:
                patiently(lambda: self._filesystem.put_file(path, target))
                return
            hidden = f"{target.rpartition('/')[0]}/{new_hidden_name()}"
            try:
                patiently(lambda: self._filesystem.put_file(path, hidden))
                self._filesystem.mv(hidden, target)
            except BaseException:
                with contextlib.suppress(Exception):
                    self._filesystem.rm_file(hidden)
                raise

    def copy(self, place: str, other: str) -> None:
        """Copy a file within the store."""
        with self._errors(place):
            patiently(lambda: self._filesystem.cp_file(self._path(place), self._path(other)))

    def remove(self, place: str) -> None:
        """Remove a file."""
        with self._errors(place):
            self._filesystem.rm_file(self._path(place))

    def _path(self, place: str) -> str:
        return f"{self._root}/{place}" if place else self._root

    def _errors(self, place: str = "") -> contextlib.AbstractContextManager[None]:
        url = f"{self._url.rstrip('/')}/{place}" if place else self._url
        return remote_errors(url, current_access().timeout, "written")
