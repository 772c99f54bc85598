"""Looking at files in a worker process, so that a reader which crashes on one takes only that process with it.

Tasks run in workers anyway; schemas, splits and statistics are looked at while a query is planned, in the user's
process. With the setting `isolate_readers` a worker does that, too. It costs a round trip (about 0.3 ms) a look.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlengine.storage.files.access import FileAccess, FileInfo, current_access, current_known, within

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Look:
    """A call to make elsewhere, under the access that is in force here. Picklable.

    Attributes
    ----------
    what
        The files that are looked at, for errors.
    """

    what: str
    access: FileAccess
    known: Callable[[str], FileInfo | None] | None
    function: Callable[..., Any]
    arguments: tuple[Any, ...]

    def __call__(self) -> Any:
        """Make the call."""
        with within(self.access, self.known):
            return self.function(*self.arguments)


_run: Callable[[int, Look], Any] | None = None


def run_looks_by(run: Callable[[int, Look], Any]) -> None:
    """From now on, `run` makes the looks that shall be isolated, in one of so many worker processes."""
    global _run
    _run = run


def look(paths: Sequence[str], function: Callable[..., T], *arguments: Any) -> T:
    """What `function(*arguments)` finds in the files at `paths`: here, or in a worker if readers are isolated.

    Raises
    ------
    WorkerError
        If it ended one worker after the other; names the files.
    """
    access = current_access()
    if access.isolated_workers is None or _run is None:
        return function(*arguments)
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    what = f"{paths[0]!r}{more}" if paths else "no file"
    found: T = _run(access.isolated_workers, Look(what, access, current_known(), function, arguments))
    return found
