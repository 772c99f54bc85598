"""Writing as the last operator of a plan: rows go to files, what comes out is one row per file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlengine.planner.expressions import Column, Literal

if TYPE_CHECKING:
    from sqlengine.planner.physical import Exec


@dataclass(frozen=True, slots=True)
class WriteSpec:
    """How rows become files.

    Attributes
    ----------
    format, options
        A format that can be written, and its options.
    names
        Names of the columns in the files: the first columns of the plan. The rest are `partition_names`, as text.
    is_folder
        Whether each task writes files of its own; else all rows become one file, also no rows.
    file_bytes
        A task begins another file once it has written so many bytes.
    bounds
        Values of the first sort key, in its order, at which other tasks begin, if the rows are sorted; see `sort_of`.
    target
        What COPY names, for errors.
    folder
        Where the files are put under names that mean nothing; empty as long as nobody wants to run the plan.
    """

    format: str
    options: tuple[tuple[str, object], ...]
    names: tuple[str, ...]
    partition_names: tuple[str, ...] = ()
    is_folder: bool = False
    file_bytes: int | None = None
    bounds: tuple[Literal, ...] = ()
    target: str = ""
    folder: str = ""


@dataclass(frozen=True, slots=True)
class WriteExec:
    """Writes `input`'s columns to files, in each folder that `partition` says.

    `columns`: the folder within the target, the file's path now, its rows, its bytes; one row per file. `is_part`: each
    task writes a part of the one file, to be joined in the order of tasks.
    """

    input: Exec
    spec: WriteSpec
    columns: tuple[Column, ...]
    is_part: bool = False
    reason: str = ""

    @property
    def data(self) -> tuple[Column, ...]:
        """What stands in the files."""
        return self.input.columns[: len(self.spec.names)]

    @property
    def partition(self) -> tuple[Column, ...]:
        """What stands in the names of folders."""
        return self.input.columns[len(self.spec.names) :]
