"""`Result`: an answer, as Arrow, as a DataFrame, as rows, or as an Arrow C stream."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sqlengine.types import TIMESTAMP_UNITS, VARCHAR, SqlType, TypeKind, arrow_type

if TYPE_CHECKING:
    import pandas as pd

    from sqlengine.vector import Batch


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """Header of one result column; names may repeat."""

    name: str
    type: SqlType


class Result:
    """A finished answer.

    Parameters
    ----------
    columns
        The header.
    table
        The rows; column k has the Arrow type that carries `columns[k].type`.
    """

    def __init__(self, columns: Sequence[ResultColumn], table: pa.Table) -> None:
        self.columns = tuple(columns)
        self._table = table

    @staticmethod
    def from_batches(columns: Sequence[ResultColumn], ids: Sequence[int], batches: Iterable[Batch]) -> Result:
        """Collect the batches of the last stage; column k of the answer is column `ids[k]` of each batch."""
        chunks: list[list[pa.Array]] = [[] for _ in ids]
        for batch in batches:
            for chunk, column_id in zip(chunks, ids, strict=True):
                chunk.append(batch.column(column_id).expand(batch.length).arrow())
        arrays = [
            pa.chunked_array(chunk, type=arrow_type(column.type)) for column, chunk in zip(columns, chunks, strict=True)
        ]
        return Result(columns, pa.Table.from_arrays(arrays, names=[column.name for column in columns]))

    @staticmethod
    def from_text(names: Sequence[str], rows: Sequence[Sequence[str | None]]) -> Result:
        """A small answer made of text: SHOW, DESCRIBE, EXPLAIN."""
        columns = [ResultColumn(name, VARCHAR) for name in names]
        arrays = [pa.array([row[k] for row in rows], pa.string()) for k in range(len(names))]
        return Result(columns, pa.Table.from_arrays(arrays, names=list(names)))

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def arrow(self) -> pa.Table:
        """The answer as a `pyarrow.Table`, exact (HUGEINT as decimal128(38, 0))."""
        return self._table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The Arrow PyCapsule protocol: polars, DuckDB, pandas and others read the answer without a copy."""
        return self._table.__arrow_c_stream__(requested_schema)

    def df(self) -> pd.DataFrame:
        """The answer as a pandas DataFrame.

        Dtypes are DuckDB's: DECIMAL becomes float64, DATE becomes datetime64[us], INTERVAL timedelta64[us] (a month
        is 30 days), integers and booleans with NULL the nullable dtypes. HUGEINT (the type of `sum` over
        integers) becomes int64 while every value fits, else exact Python ints. `arrow()` and rows are exact.
        """
        import pandas as pd

        series = [_series(self._table.column(k), column.type, pd) for k, column in enumerate(self.columns)]
        frame = pd.DataFrame(dict(enumerate(series)), index=pd.RangeIndex(len(self)))
        frame.columns = pd.Index([column.name for column in self.columns])
        return frame

    def rows(self, start: int = 0, count: int | None = None) -> list[tuple[Any, ...]]:
        """Rows `start` … `start + count` as tuples of Python values: int, float, Decimal, str, bytes, bool, date,
        time, datetime, timedelta (INTERVAL, a month is 30 days), list, dict; None for NULL.

        A date or timestamp outside of Python's years 1 to 9999 is text, as in DuckDB: `'0044-03-15 (BC)'`.
        """
        part = self._table.slice(start, count)
        columns = [_python_values(part.column(k), column.type) for k, column in enumerate(self.columns)]
        return list(zip(*columns, strict=True)) if columns else []


def _python_values(column: pa.ChunkedArray, type_: SqlType) -> list[Any]:
    match type_.kind:
        case TypeKind.HUGEINT:
            return [None if value is None else int(value) for value in column.to_pylist()]
        case TypeKind.INTERVAL:
            return [None if value is None else _timedelta(value) for value in column.to_pylist()]
        case TypeKind.TIMESTAMP_NS:
            # Python's datetime ends at microseconds, so does DuckDB's answer.
            return list(column.cast(pa.timestamp("us"), safe=False).to_pylist())
        case TypeKind.MAP:
            return [None if value is None else dict(value) for value in column.to_pylist()]
        case _ if type_.is_temporal:
            try:
                return list(column.to_pylist())
            except (OverflowError, ValueError):
                return [value for k in range(len(column)) for value in _moment_or_text(column.slice(k, 1), type_)]
        case _:
            return list(column.to_pylist())


def _moment_or_text(one: pa.ChunkedArray, type_: SqlType) -> list[Any]:
    from sqlengine.functions.to_text import cast_to_text
    from sqlengine.vector import Vector

    try:
        return list(one.to_pylist())
    except (OverflowError, ValueError):
        return list(cast_to_text(Vector.from_arrow(one, type_)).arrow().to_pylist())


def _timedelta(value: Any) -> datetime.timedelta:
    return datetime.timedelta(days=value.months * 30 + value.days, microseconds=value.nanoseconds // 1000)


def _series(column: pa.ChunkedArray, type_: SqlType, pd: Any) -> Any:
    nulls = column.null_count
    match type_.kind:
        case TypeKind.HUGEINT:
            try:
                column = column.cast(pa.int64())
            except pa.ArrowInvalid:
                return pd.Series(_python_values(column, type_), dtype=object)
            return (
                pd.Series(column.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get))
                if nulls
                else column.to_pandas()
            )
        case TypeKind.DECIMAL:
            return column.cast(pa.float64()).to_pandas()
        case TypeKind.DATE:
            return column.cast(pa.timestamp("us")).to_pandas()
        case TypeKind.INTERVAL:
            return pd.Series(_python_values(column, type_), dtype="timedelta64[us]")
        case TypeKind.NULL:
            return pd.Series([None] * len(column), dtype=object)
        case kind if nulls and (type_.is_integer or kind is TypeKind.BOOLEAN):
            nullable = {
                arrow_type(SqlType(each)): pd_type
                for each, pd_type in (
                    (TypeKind.BOOLEAN, pd.BooleanDtype()),
                    (TypeKind.TINYINT, pd.Int8Dtype()),
                    (TypeKind.SMALLINT, pd.Int16Dtype()),
                    (TypeKind.INTEGER, pd.Int32Dtype()),
                    (TypeKind.BIGINT, pd.Int64Dtype()),
                    (TypeKind.UTINYINT, pd.UInt8Dtype()),
                    (TypeKind.USMALLINT, pd.UInt16Dtype()),
                    (TypeKind.UINTEGER, pd.UInt32Dtype()),
                    (TypeKind.UBIGINT, pd.UInt64Dtype()),
                )
            }
            return column.to_pandas(types_mapper=nullable.get)
        case kind if kind in TIMESTAMP_UNITS and nulls == len(column):
            return column.to_pandas().astype(f"datetime64[{column.type.unit}]")
        case _:
            return column.to_pandas()
