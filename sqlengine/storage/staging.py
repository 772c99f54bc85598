"""Where a COPY puts its files until they are all written, and how they appear then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from sqlengine.errors import SettingError
from sqlengine.storage.filesystem import is_url
from sqlengine.storage.output_files import Existing, FileToPublish, LocalStaging


class Staging(Protocol):
    """The files of one COPY, within the context."""

    @property
    def folder(self) -> str:
        """Where tasks put their files, see `OutputFile`."""
        ...

    def naming(self, paths: Sequence[str]) -> AbstractContextManager[None]:
        """Within the context nobody else gives names in the same place, as far as that can be had.

        `paths` are the finished files that will be published.
        """
        ...

    def taken(self, place: str) -> bool:
        """Whether the target folder has something at `place` that stays; within `naming`."""
        ...

    def publish(self, files: Sequence[FileToPublish], check: Callable[[], None]) -> None:
        """Give finished files their names, within `naming`; if that fails, what was there is there again.

        `check` is called now and then where it takes long, to raise if nobody wants the files any more.
        """
        ...


def staging_for(
    target: str, is_folder: bool, existing: Existing, storage_options: object = None
) -> AbstractContextManager[Staging]:
    """The staging of a COPY to `target`: beside it, or if that is a URL in the directory for temporary files.

    Parameters
    ----------
    target
        The file or the folder that is to be.
    is_folder
        Which of the two.
    existing
        What becomes of what a folder holds; a file is replaced.
    storage_options
        Of fsspec, for URLs.

    Raises
    ------
    FileMissingError
        The folder around the target does not exist.
    NotSupportedError
        Nothing can be written to such a URL.
    OperationalError
        The target is not within the allowed paths, is something else than it should be, or nothing may be written
        there.
    SettingError
        `storage_options` do not fit.
    """
    if is_url(target):
        from sqlengine.storage.remote_staging import RemoteStaging

        return RemoteStaging(target, is_folder, existing, storage_options)
    if storage_options is not None:
        raise SettingError(f"STORAGE_OPTIONS is for URLs; {target!r} is a local path")
    return LocalStaging(target, is_folder, existing)
