"""The columns of a table in an HDF5 file, and where their values come from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sqlengine.storage.format import Field
from sqlengine.storage.hdf5_types import Reading
from sqlengine.types import SqlType


@dataclass(frozen=True, slots=True)
class Stored:
    """A column of values of the dataset at the path `dataset`.

    `fields` leads into a compound type; `cell` picks of the dimension that is left (None: all of it, as ARRAY);
    `reading` says what the values mean if not what they are.
    """

    dataset: str
    fields: tuple[str, ...] = ()
    cell: int | None = None
    reading: Reading | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """A column that numbers the steps of a dimension, from 0."""

    axis: int


Source = Stored | Position

#: Name, source, and type or the reason why there is none.
Column = tuple[str, Source, SqlType | str]


@dataclass(frozen=True, slots=True)
class Layout:
    """The table of one file.

    Attributes
    ----------
    sources
        Column name -> where its values come from.
    refused
        Column name -> why it cannot be read; such columns are of type NULL.
    steps
        Length of the first dimension: what splits count.
    inner
        Lengths of the other dimensions in the long layout; else empty. A step has as many rows as their product.
    unit
        Steps that are best read together: the length of the longest chunk.
    step_bytes
        Bytes of one step of all datasets.
    plain
        Columns whose values lie in the file as they lie in memory, and those that number a dimension.
    """

    fields: tuple[Field, ...]
    sources: Mapping[str, Source]
    refused: Mapping[str, str]
    steps: int
    inner: tuple[int, ...]
    unit: int
    step_bytes: int
    plain: frozenset[str]

    @property
    def rows_per_step(self) -> int:
        """Rows for each step of the first dimension."""
        return math.prod(self.inner)

    @property
    def ordinals(self) -> frozenset[str]:
        """Columns that number the first dimension."""
        return frozenset(name for name, source in self.sources.items() if source == Position(0))
