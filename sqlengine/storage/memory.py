"""Tables in memory: an Arrow table or a DataFrame, and the memory-mapped form in which workers get them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from sqlengine.errors import ConversionError, NotSupportedError
from sqlengine.storage.conform import conform_batch, empty_batch
from sqlengine.storage.filesystem import file_errors, open_input
from sqlengine.storage.format import ColumnStatistics, Field, Split
from sqlengine.storage.schema import unique_names
from sqlengine.storage.splits import TASK_ROWS, group_splits
from sqlengine.storage.table import Predicate, ScanPlan, ScanReport, ScanTask
from sqlengine.types import NULL, SqlType, TypeKind, from_arrow

if TYPE_CHECKING:
    import pandas as pd

# Rows of one split; in the mapped form each is one record batch of the file.
_SPLIT_ROWS: Final = 131_072


class ArrowTable:
    """A `Table` over a `pyarrow.Table`, in this process.

    Parameters
    ----------
    name
        For EXPLAIN and messages.
    data
        The rows. Columns whose names differ at most by case get suffixes (`a`, `a_1`), as in DuckDB.
    task_rows
        Rows a scan task covers, about.
    types
        Of the columns, where Arrow's types do not tell (HUGEINT from DECIMAL); default: what they tell.

    Notes
    -----
    Two tables are equal if they stem from the same construction: comparing contents would read them. Pickling
    copies all rows; `shared` gives a form that does not.
    """

    def __init__(
        self, name: str, data: pa.Table, task_rows: int = TASK_ROWS, types: Sequence[SqlType] | None = None
    ) -> None:
        names = unique_names(data.column_names)
        self._name = name
        # Chunks with dictionaries of their own could not become batches of one file.
        self._data = data.rename_columns(names).unify_dictionaries()
        self._token = uuid.uuid4().hex
        self._refused: dict[str, str] = {}
        known = [self._type_of(column) for column in names] if types is None else types
        self._fields = tuple(map(Field, names, known))
        self._task_rows = task_rows
        self._statistics: dict[str, ColumnStatistics] = {}

    @property
    def fields(self) -> tuple[Field, ...]:
        """Columns in order; one without an SQL type has type NULL and is refused when scanned."""
        return self._fields

    @property
    def description(self) -> str:
        """What EXPLAIN shows."""
        return f"in memory, {self._data.num_rows} rows"

    @property
    def hidden_fields(self) -> tuple[Field, ...]:
        """None."""
        return ()

    def row_count(self) -> int:
        """Rows, exact."""
        return int(self._data.num_rows)

    def size(self) -> int:
        """Bytes the rows take in memory."""
        return int(self._data.nbytes)

    def statistics(self, column: str) -> ColumnStatistics:
        """NULLs of any column; bounds of whole numbers, BOOLEAN, DATE and TIMESTAMP, computed once and kept."""
        known = self._statistics.get(column)
        if known is None:
            types = {field.name: field.type for field in self._fields}
            known = self._statistics[column] = _statistics(self._data.column(column), types[column])
        return known

    def plan_scan(self, columns: Sequence[str], predicates: Sequence[Predicate]) -> ScanPlan:
        """All rows, in ranges; nothing is pruned."""
        for name in columns:
            if name in self._refused:
                raise NotSupportedError(
                    f"column {name!r} of table {self._name!r} cannot be read: {self._refused[name]}"
                )
        return _plan(f"memory:{self._name}", self._data.num_rows, self.size(), self._task_rows)

    def read(
        self, task: ScanTask, columns: Sequence[str], batch_rows: int, report: ScanReport | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Batches of `columns`; columns that lie in memory as SQL needs them are not copied."""
        fields = _select(self._fields, columns)
        chosen = self._data.select(list(columns))
        for split in task.splits:
            for start, length in _parts(split.start, split.stop, batch_rows):
                if fields:
                    yield self._batch(chosen.slice(start, length), fields)
                else:
                    yield empty_batch(length)

    def shared(self, directory: str) -> MappedTable:
        """Write the rows once as an Arrow IPC file into `directory`; the result maps it into memory.

        Columns without an SQL type are not written. The file belongs to whoever owns `directory`.
        """
        path = os.path.join(directory, f"{self._token}.arrow")
        fields = tuple(field for field in self._fields if field.name not in self._refused)
        if not os.path.exists(path):
            chosen = self._data.select([field.name for field in fields])
            schema = self._batch(chosen.slice(0, 0), fields).schema
            # Another process must never see half a file.
            draft = f"{path}.{uuid.uuid4().hex}"
            with pa.OSFile(draft, "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
                for start, length in _parts(0, self._data.num_rows, _SPLIT_ROWS):
                    writer.write_batch(self._batch(chosen.slice(start, length), fields))
            os.replace(draft, path)
        known = tuple((field.name, self.statistics(field.name)) for field in fields)
        return MappedTable(path, fields, self._data.num_rows, self.size(), self._task_rows, known)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArrowTable) and self._token == other._token

    def __hash__(self) -> int:
        return hash(self._token)

    def __repr__(self) -> str:
        return f"ArrowTable({self._name!r}, {self._data.num_rows} rows)"

    def _batch(self, rows: pa.Table, fields: Sequence[Field]) -> pa.RecordBatch:
        return conform_batch(_one_batch(rows), fields, self._name)

    def _type_of(self, column: str) -> SqlType:
        try:
            return from_arrow(self._data.schema.field(column).type)
        except NotSupportedError as error:
            self._refused[column] = error.message
            return NULL


@dataclass(frozen=True, slots=True)
class MappedTable:
    """An `ArrowTable` written to a file by `shared`: a small pickle that every process maps, without copies."""

    path: str
    fields: tuple[Field, ...]
    rows: int
    bytes: int
    task_rows: int
    known: tuple[tuple[str, ColumnStatistics], ...] = ()

    @property
    def description(self) -> str:
        """What EXPLAIN shows."""
        return f"in memory, {self.rows} rows"

    @property
    def hidden_fields(self) -> tuple[Field, ...]:
        """None."""
        return ()

    def row_count(self) -> int:
        """Rows, exact."""
        return self.rows

    def size(self) -> int:
        """Bytes the rows take in memory."""
        return self.bytes

    def statistics(self, column: str) -> ColumnStatistics:
        """As of the table this was written from."""
        return dict(self.known).get(column, ColumnStatistics())

    def plan_scan(self, columns: Sequence[str], predicates: Sequence[Predicate]) -> ScanPlan:
        """All rows, in the same ranges as the table this was written from."""
        return _plan(self.path, self.rows, self.bytes, self.task_rows)

    def read(
        self, task: ScanTask, columns: Sequence[str], batch_rows: int, report: ScanReport | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Batches of `columns`, views of the mapped file."""
        with file_errors(self.path, "Arrow"), open_input(self.path) as source:
            reader = pa.ipc.open_file(source)
            for split in task.splits:
                batch = None if not columns else reader.get_batch(split.start // _SPLIT_ROWS).select(list(columns))
                for start, length in _parts(0, split.stop - split.start, batch_rows):
                    yield empty_batch(length) if batch is None else batch.slice(start, length)


def from_pandas(frame: pd.DataFrame) -> pa.Table:
    """A DataFrame as an Arrow table: the index is ignored, NaN and NaT become NULL, as in DuckDB.

    Raises
    ------
    ConversionError
        If a column mixes types or holds objects that have no Arrow type; names the column.
    """
    arrays = []
    for position, label in enumerate(frame.columns):
        series = frame.iloc[:, position]
        try:
            arrays.append(pa.Array.from_pandas(series))
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise ConversionError(
                f"column {str(label)!r} of the DataFrame cannot be read: {str(error).splitlines()[0]};"
                " give all its values one type, for example with .astype(str)"
            ) from error
    names = unique_names([str(label) for label in frame.columns])
    chunked = [array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array]) for array in arrays]
    return pa.table(chunked, names=names)


def _plan(path: str, rows: int, size: int, task_rows: int) -> ScanPlan:
    splits = [
        Split(path, start, start + length, length, size * length // rows)
        for start, length in _parts(0, rows, _SPLIT_ROWS)
    ]
    return ScanPlan(group_splits(splits, task_rows), len(splits), 0)


def _parts(start: int, stop: int, most: int) -> Iterator[tuple[int, int]]:
    """(start, length) of consecutive ranges of `most` rows, the last one shorter."""
    for first in range(start, stop, most):
        yield first, min(most, stop - first)


def _select(fields: Sequence[Field], columns: Sequence[str]) -> list[Field]:
    by_name = {field.name: field for field in fields}
    return [by_name[name] for name in columns]


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    """The rows of `table`, which fit one batch; copies only columns that lie in several chunks."""
    arrays = []
    for column in table.columns:
        if column.num_chunks == 1:
            arrays.append(column.chunk(0))
        else:
            combined = column.combine_chunks()
            arrays.append(combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined)
    return pa.RecordBatch.from_arrays(arrays, names=table.column_names)


def _statistics(column: pa.ChunkedArray, type_: SqlType) -> ColumnStatistics:
    distinct = None
    if pa.types.is_dictionary(column.type) and column.num_chunks:
        distinct = len(column.chunk(0).dictionary)
    bounded = type_.is_integer or type_.kind in (TypeKind.BOOLEAN, TypeKind.DATE, TypeKind.TIMESTAMP)
    low = high = None
    if bounded and not pa.types.is_dictionary(column.type):
        extremes: Any = pc.min_max(column)
        try:
            low, high = extremes["min"].as_py(), extremes["max"].as_py()
        except (ValueError, OverflowError):
            # A date that Python cannot express is an unknown bound.
            low = high = None
    return ColumnStatistics(low, high, column.null_count, distinct)
