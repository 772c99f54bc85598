"""What a file format has to offer; one module per format implements it, `FORMATS` lists them.

To add a format: a module here with a class that satisfies `Format`, one line in `storage/formats.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from sqlengine.types import SqlType

if TYPE_CHECKING:
    import pyarrow as pa

    from sqlengine.storage.filesystem import FileInfo


@dataclass(frozen=True, slots=True)
class Field:
    """A column as a file has it."""

    name: str
    type: SqlType


class Members(Protocol):
    """A set of values that may say yes to others, too."""

    def may_hold(self, value: object) -> bool:
        """False only if `value` is certainly not in the set."""
        ...


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """What is known of a column over some rows without reading them.

    `minimum` and `maximum` are Python values comparable with literals of the column's type (int, float,
    Decimal, str, date, datetime, bool); None = unknown. They bound the values, NULL and NaN aside, and need
    not be attained. `nulls`: number of NULLs; None = unknown. `distinct`: distinct values, an estimate.
    `members`: tells of a value whether it may be among them.
    """

    minimum: object = None
    maximum: object = None
    nulls: int | None = None
    distinct: int | None = None
    members: Members | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """A piece of one file that can be read on its own: the atom of parallel scans.

    `start` and `stop` mean what the format says (row-group numbers, byte offsets); the whole file is one split
    if it cannot be cut. `rows` is exact, or an estimate if `rows_exact` is False. `size` is bytes on disk.
    `first_row` is the number of its first row in the file, from 0, if the format knows. `step_rows`: `start` and `stop`
    count steps of so many rows, and any range of them is a split, too; 0 if not. `is_part`: it was cut for one query.
    """

    path: str
    start: int
    stop: int
    rows: int
    size: int
    rows_exact: bool = True
    first_row: int = 0
    step_rows: int = 0
    is_part: bool = False


@dataclass(frozen=True, slots=True)
class FileSchema:
    """Columns of one file, in file order, and whatever the format wants to remember for reading it.

    `plain`: names of those whose values lie in local files as they lie in memory, so that nothing is decoded.
    `ordinals`: whole numbers that rise by one from each step of a split to the next.
    `narrows`: names of those of whose structs, in lists too, the format reads just the fields that their type in
    `fields` has; `whole`: the fields before some were narrowed so, if any was.
    """

    fields: tuple[Field, ...]
    details: Mapping[str, object] = field(default_factory=dict)
    plain: frozenset[str] = frozenset()
    ordinals: frozenset[str] = frozenset()
    narrows: frozenset[str] = frozenset()
    whole: tuple[Field, ...] | None = None


Options = Mapping[str, object]


class Format(Protocol):
    """Reads one kind of file. Implementations hold no state: they pickle as references.

    `has_statistics`: whether its files tell what values they hold; where they do not, scans remember it.
    """

    name: str
    extensions: tuple[str, ...]
    options: Mapping[str, type]
    has_statistics: bool

    def schema(self, files: Sequence[FileInfo], options: Options) -> FileSchema:
        """The common schema of `files`, read from their metadata or guessed from samples of them.

        Raises FileFormatError naming the file that disagrees, and how to reconcile it.
        """
        ...

    def splits(self, file: FileInfo, schema: FileSchema, options: Options, target_bytes: int) -> list[Split]:
        """Cut one file; boundaries depend on the file and `target_bytes` alone."""
        ...

    def statistics(self, split: Split, schema: FileSchema, columns: Sequence[str]) -> Mapping[str, ColumnStatistics]:
        """What is known of `columns` within `split` from metadata; empty if nothing."""
        ...

    def reading(self, schema: FileSchema, options: Options) -> str | None:
        """What decides the values of a split, besides the file and each column's name and type, as text.

        None if they may change without the file: nothing may be remembered of them.
        """
        ...

    def read(
        self, splits: Sequence[Split], schema: FileSchema, columns: Sequence[str], options: Options, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Record batches of `columns`, in that order, of each split in turn, rows in file order.

        Text may come dictionary-encoded. A batch may hold rows of several of the splits.
        Raises FileFormatError with path and, where it can be had, row, column and value.
        """
        ...
