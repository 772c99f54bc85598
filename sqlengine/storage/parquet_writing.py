"""Parquet: row groups of a fixed number of rows, with statistics that later filters skip by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Final

from sqlengine.errors import NotSupportedError, SettingError
from sqlengine.storage.format import Field, Options
from sqlengine.storage.joining import Joining
from sqlengine.storage.parquet_joining import ParquetJoining
from sqlengine.storage.writing import Cells
from sqlengine.types import SqlType, TypeKind

if TYPE_CHECKING:
    import pyarrow as pa

# As DuckDB has it: enough rows to compress well, few enough to skip by.
ROW_GROUP_SIZE: Final = 122_880

# Name of the codec here -> Arrow's.
_CODECS: Final = {
    "snappy": "SNAPPY",
    "zstd": "ZSTD",
    "gzip": "GZIP",
    "brotli": "BROTLI",
    "lz4": "LZ4",
    "lz4_raw": "LZ4",
    "none": "NONE",
}
_LEVELS: Final = {"zstd": (1, 22), "gzip": (1, 9), "brotli": (0, 11)}


def _group_rows(options: Options) -> int:
    return int(str(options.get("row_group_size", ROW_GROUP_SIZE)))


def _encode_again(paths: Sequence[str], options: Options, stream: IO[bytes]) -> None:
    """The rows of files that `ParquetWriter` wrote as one such file."""
    import pyarrow.parquet as pq

    tables = [pq.ParquetFile(path, arrow_extensions_enabled=True).read() for path in paths]
    writer = ParquetWriter(stream, tables[0].schema, options)
    for table in tables:
        for batch in table.to_batches():
            writer.write(batch)
    writer.close()


class ParquetWriting:
    """Writes Apache Parquet.

    HUGEINT becomes DECIMAL(38, 0), ENUM, BIT and TIMETZ text. INTERVAL is refused: Parquet's own has lost
    its microseconds, and Arrow writes none.
    """

    name = "parquet"
    endings: tuple[str, ...] = (".parquet", ".parq", ".pq")
    cells = Cells.VALUES
    options: Mapping[str, type] = {"compression_level": int, "row_group_size": int}
    codecs: Mapping[str, str] = dict.fromkeys(_CODECS, "")
    joining: Joining | None = ParquetJoining(_group_rows, _encode_again)

    def check(self, columns: Sequence[Field], options: Options) -> None:
        """See `WritingFormat.check`."""
        for column in columns:
            refused = next((each for each in _kinds(column.type) if each is TypeKind.INTERVAL), None)
            if refused is not None:
                raise NotSupportedError(
                    f"column {column.name!r} is of type {column.type}, which Parquet files cannot hold;"
                    f" write CAST({column.name} AS VARCHAR)"
                )
            if column.type.kind is TypeKind.STRUCT and not column.type.children:
                raise NotSupportedError(f"column {column.name!r} is a struct without fields, which Parquet cannot hold")
        if _group_rows(options) < 1:
            raise SettingError("option 'row_group_size' takes a number of rows, at least 1")
        level, codec = options.get("compression_level"), str(options.get("compression", "snappy"))
        if level is not None:
            if codec not in _LEVELS:
                raise SettingError(f"option 'compression_level' is for {', '.join(_LEVELS)}; {codec} has no levels")
            low, high = _LEVELS[codec]
            if not low <= int(str(level)) <= high:
                raise SettingError(f"option 'compression_level' of {codec} takes {low} to {high}, not {level}")

    def writer(self, stream: IO[bytes], schema: pa.Schema, options: Options) -> ParquetWriter:
        """See `WritingFormat.writer`."""
        return ParquetWriter(stream, schema, options)


class ParquetWriter:
    """Gathers batches into row groups; holds no more than one of them."""

    def __init__(self, stream: IO[bytes], schema: pa.Schema, options: Options) -> None:
        import pyarrow.parquet as pq

        level = options.get("compression_level")
        self._group = _group_rows(options)
        self._held: list[pa.RecordBatch] = []
        self._rows = 0
        self._schema = schema
        self._writer = pq.ParquetWriter(
            stream,
            schema,
            compression=_CODECS[str(options.get("compression", "snappy"))],
            compression_level=None if level is None else int(str(level)),
            # Numbers, not bytes: smaller, faster to read, and their statistics are ordered as they are.
            store_decimal_as_integer=True,
        )

    def write(self, batch: pa.RecordBatch) -> None:
        """See `Writer.write`."""
        for part in self._cut(batch):
            self._held.append(part)
            self._rows += part.num_rows
            if self._rows == self._group:
                self._flush()

    def close(self) -> None:
        """See `Writer.close`."""
        self._flush()
        self._writer.close()

    def _cut(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """`batch` in pieces that end where row groups do."""
        start = 0
        while start < batch.num_rows:
            length = min(self._group - self._rows, batch.num_rows - start)
            yield batch.slice(start, length)
            start += length

    def _flush(self) -> None:
        import pyarrow as pa

        if self._held:
            self._writer.write_table(pa.Table.from_batches(self._held, self._schema), row_group_size=self._group)
        self._held, self._rows = [], 0


def _kinds(type_: SqlType) -> Iterator[TypeKind]:
    yield type_.kind
    for _, child in type_.children:
        yield from _kinds(child)
