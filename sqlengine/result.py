"""`Result`: an answer, as Arrow, as a DataFrame, as rows, or as an Arrow C stream."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sqlengine.errors import DataError
from sqlengine.functions.export import export_array, export_type
from sqlengine.python_values import python_values
from sqlengine.types import BIGINT, TIMESTAMP_UNITS, VARCHAR, SqlType, TypeKind, arrow_type

if TYPE_CHECKING:
    import pandas as pd

    from sqlengine.batch import Batch


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

    @staticmethod
    def from_count(rows: int) -> Result:
        """The answer of a statement that has written so many rows."""
        return Result([ResultColumn("Count", BIGINT)], pa.table({"Count": pa.array([rows], pa.int64())}))

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def carried(self) -> pa.Table:
        """The answer as queries go on with it: column k has the Arrow type that carries `columns[k].type`."""
        return self._table

    def arrow(self) -> pa.Table:
        """The answer as a `pyarrow.Table`, exact: HUGEINT as decimal128(38, 0), UUID as text, ENUM as a dictionary."""
        if all(
            field.type == export_type(column.type)
            for field, column in zip(self._table.schema, self.columns, strict=True)
        ):
            return self._table
        arrays = [
            pa.chunked_array([export_array(chunk, column.type) for chunk in chunks.chunks], export_type(column.type))
            for chunks, column in zip(self._table.columns, self.columns, strict=True)
        ]
        return pa.Table.from_arrays(arrays, names=[column.name for column in self.columns])

    def single_value(self) -> tuple[SqlType, pa.Array]:
        """Type and carrier of the only value of an answer of one column; NULL if it has no row.

        Raises
        ------
        DataError
            There are several rows.
        """
        if len(self) > 1:
            raise DataError(f"one value is wanted, but the query has {len(self)} rows")
        type_ = self.columns[0].type
        value = self._table.column(0).combine_chunks() if len(self) else pa.nulls(1, arrow_type(type_))
        return type_, value

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The Arrow PyCapsule protocol: polars, DuckDB, pandas and others read the answer without a copy."""
        return self.arrow().__arrow_c_stream__(requested_schema)

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
        """Rows `start` … `start + count` as tuples of Python values (see `python_values`); None for NULL."""
        part = self._table.slice(start, count)
        columns = [_python_values(part.column(k), column.type) for k, column in enumerate(self.columns)]
        return list(zip(*columns, strict=True)) if columns else []


def _python_values(column: pa.ChunkedArray, type_: SqlType) -> list[Any]:
    return [value for chunk in column.chunks for value in python_values(chunk, type_)]


def _series(column: pa.ChunkedArray, type_: SqlType, pd: Any) -> Any:
    nulls = column.null_count
    match type_.kind:
        case TypeKind.HUGEINT | TypeKind.UHUGEINT:
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
        case TypeKind.ENUM:
            codes = [-1 if code is None else code for code in column.to_pylist()]
            return pd.Series(pd.Categorical.from_codes(codes, list(type_.labels), ordered=True))
        case _ if type_.is_nested or type_.kind in (TypeKind.UUID, TypeKind.BIT, TypeKind.TIMETZ):
            return pd.Series(_python_values(column, type_), dtype=object)
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
