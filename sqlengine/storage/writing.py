"""The writing half of a format: what a module `storage/<format>_writing.py` offers; `WRITING_FORMATS` lists them.

A writer takes batches and fills one stream; where that stream comes from, and when others may see the file, is the
business of `storage.output_files`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Protocol

from sqlengine.storage.format import Field, Options
from sqlengine.storage.joining import Joining

if TYPE_CHECKING:
    import pyarrow as pa


class Cells(enum.Enum):
    """What a format wants its columns as."""

    VALUES = "values"  # Arrow arrays as users see them
    TEXT = "text"  # strings: the value cast to VARCHAR, NULL for NULL
    JSON = "json"  # strings: JSON texts, NULL for NULL


class Writer(Protocol):
    """Writes one file, which is whole once the writer is closed."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows; the batch has the columns that the writer was made for, in order."""
        ...

    def close(self) -> None:
        """Write what ends the file; the stream stays open."""
        ...


class WritingFormat(Protocol):
    """Writes one kind of file. Implementations hold no state: they pickle as references.

    `endings` are file names' endings that stand for the format, the first one that of new files; `codecs` the names of
    compressions that `options["compression"]` may hold, each with what it appends to the ending of new files; `joining`
    how one file is made by several tasks, None if it is not.
    """

    name: str
    endings: tuple[str, ...]
    cells: Cells
    options: Mapping[str, type]
    codecs: Mapping[str, str]
    joining: Joining | None

    def check(self, columns: Sequence[Field], options: Options) -> None:
        """Refuse columns that the format cannot hold and options that do not fit each other.

        Raises
        ------
        NotSupportedError
            Names the column and what would help.
        SettingError
            Names the option.
        """
        ...

    def writer(self, stream: IO[bytes], schema: pa.Schema, options: Options) -> Writer:
        """A writer of one file, whose batches will have this schema; the file's head is written at once."""
        ...
