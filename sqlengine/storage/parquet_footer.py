"""Parquet footers: parsed once per process, and what they say of types, statistics and encodings."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import math
import struct
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from sqlengine.errors import FileFormatError, NotSupportedError
from sqlengine.storage.filesystem import FileInfo, check_ratio, file_errors, open_input
from sqlengine.storage.format import ColumnStatistics, Field
from sqlengine.storage.narrowing import leaves_of
from sqlengine.storage.parquet_bloom import BloomFilters
from sqlengine.storage.schema import unique_names
from sqlengine.storage.statistics import merge_statistics
from sqlengine.types import INTERVAL, NULL, TIMESTAMP, TIMESTAMP_UNITS, VARCHAR, SqlType, TypeKind, from_arrow

# Serialized bytes of the footers kept in memory; parsed they are a few times larger.
_CACHE_BYTES: Final = 64 << 20

# Larger footers are none that somebody meant to write.
_MOST_BYTES: Final = 256 << 20

# A text column is read as a dictionary when its pages take at most this many bytes a value. Measured, reading it and
# grouping by it: 8 times faster at 0.4 bytes a value (TPC-H's l_shipmode), 1.7 times at 4.2 (15,000 artists in 96,000
# rows), about the same at 8.4 (albums), 1.5 times slower at 12 (songs), twice at 31 (l_comment, mostly distinct).
_DICTIONARY_BYTES_PER_VALUE: Final = 6.0

_MAGIC: Final = b"PAR1"

# Besides whole numbers: types whose Bloom filters hash the bytes that SQL's values have.
_FILTERED: Final = (TypeKind.VARCHAR, TypeKind.BLOB, TypeKind.DATE)


@dataclass(frozen=True)
class Footer:
    """The parsed footer of one file.

    Attributes
    ----------
    fields
        Top-level columns, names made unique. One without an SQL type has type NULL and an entry in `refused`.
    refused
        Column name -> why it cannot be read.
    leaves
        Column name -> numbers of its physical columns (several if nested).
    flat
        Number of the first physical column that has one value in each row, if there is one.
    """

    path: str
    metadata: Any
    fields: tuple[Field, ...]
    refused: Mapping[str, str]
    leaves: Mapping[str, tuple[int, ...]]
    flat: tuple[int, ...] = ()

    def rows_of(self, number: int) -> int:
        """Rows of a row group; FileFormatError if a column without repeated values has another number of them."""
        group = self.metadata.row_group(number)
        rows = int(group.num_rows)
        leaf = next((leaf for leaf in self.flat if leaf < group.num_columns), None)
        if rows < 0 or (leaf is not None and group.column(leaf).num_values != rows):
            # Nobody would notice when rows are counted without reading any.
            raise FileFormatError(f"{self.path!r} is not a readable Parquet file: its numbers of rows contradict")
        return rows

    def stored(self, fields: Sequence[Field]) -> dict[str, tuple[int, ...]]:
        """The names here of those columns `fields` of a table that this file has, and what has to be read of each."""
        here = {field.name.lower(): field for field in self.fields}
        both = ((here[field.name.lower()], field) for field in fields if field.name.lower() in here)
        return {own.name: leaves_of(own.type, field.type, self.leaves[own.name]) for own, field in both}

    def as_strings(self) -> tuple[Field, ...]:
        """The fields, columns of bytes as VARCHAR."""
        return tuple(Field(each.name, VARCHAR) if each.type.kind is TypeKind.BLOB else each for each in self.fields)

    @functools.cached_property
    def dictionary_columns(self) -> tuple[str, ...]:
        """Paths of flat text columns that are better read as dictionaries; judged by three row groups."""
        metadata = self.metadata
        if not metadata.num_row_groups:
            return ()
        samples = {0, metadata.num_row_groups // 2, metadata.num_row_groups - 1}
        texts = (self.leaves[field.name][0] for field in self.fields if field.type.kind is TypeKind.VARCHAR)
        return tuple(
            metadata.schema.column(leaf).path
            for leaf in texts
            if all(_has_small_dictionary(metadata.row_group(number).column(leaf)) for number in samples)
        )

    def check_ratios(self, groups: Sequence[int], leaves: Sequence[int]) -> None:
        """FileFormatError if column chunks of some row groups would become too large; see `check_ratio`."""
        for group in groups:
            columns = [self.metadata.row_group(group).column(leaf) for leaf in leaves]
            size = sum(column.total_uncompressed_size for column in columns)
            check_ratio(self.path, size, sum(column.total_compressed_size for column in columns))

    def byte_ranges(self, groups: Sequence[int], leaves: Sequence[int]) -> list[tuple[int, int]]:
        """Where in the file the column chunks of some row groups lie: (start, stop)."""
        ranges = []
        for group in groups:
            for leaf in leaves:
                column = self.metadata.row_group(group).column(leaf)
                start = column.data_page_offset
                if column.has_dictionary_page and column.dictionary_page_offset:
                    start = min(start, column.dictionary_page_offset)
                ranges.append((start, start + column.total_compressed_size))
        return ranges


_footers: OrderedDict[FileInfo, Footer] = OrderedDict()
_footer_bytes = 0
_lock = threading.Lock()


def load_footer(file: FileInfo, source: pa.NativeFile | None = None) -> Footer:
    """The footer of `file`, from memory if the file has not changed since it was read; `source`: it, if it is open.

    Raises
    ------
    FileFormatError
        If the file is truncated or no Parquet file.
    """
    with _lock:
        footer = _footers.get(file)
        if footer is not None:
            _footers.move_to_end(file)
            return footer
    with file_errors(file.path, "Parquet"), nullcontext(source) if source else open_input(file.path) as opened:
        content = _without_arrow_schema(opened, file, whole=False)
        reader = pq.ParquetReader()
        reader.open(pa.BufferReader(content))
        return _kept(file, reader.metadata, content)


def open_whole(file: FileInfo, source: pa.NativeFile, **options: object) -> tuple[Footer, Any]:
    """A small file, read at once: its footer, and a reader with `options`, which parsed it on the way."""
    content = _without_arrow_schema(source, file, whole=True)
    reader = pq.ParquetReader()
    reader.open(pa.BufferReader(content), **options)
    return _kept(file, reader.metadata, content), reader


def _kept(file: FileInfo, metadata: Any, content: bytes) -> Footer:
    """The footer with `metadata`, parsed from `content`, put into the memory of footers if it is not there."""
    global _footer_bytes, _last
    # The files of a table mostly share one schema; taking it apart costs five times the parsing. Its `equals` looks at
    # the innermost names only, so the text is compared (without its first line, an address).
    text = str(metadata.schema).partition("\n")[2]
    known = _last
    if known is not None and known[0] == text:
        columns = known[1]
    else:
        columns = _take_apart(metadata.schema, content)
        _last = (text, columns)
    footer = Footer(file.path, metadata, columns.fields, columns.refused, columns.leaves, columns.flat)
    with _lock:
        if file not in _footers:
            _footers[file] = footer
            _footer_bytes += footer.metadata.serialized_size
        while _footer_bytes > _CACHE_BYTES and len(_footers) > 1:
            _, dropped = _footers.popitem(last=False)
            _footer_bytes -= dropped.metadata.serialized_size
    return footer


def column_statistics(footer: Footer, start: int, stop: int, columns: Sequence[str]) -> dict[str, ColumnStatistics]:
    """Bounds and NULLs of `columns` over the row groups `start` to `stop`; those not known are left out.

    A column that the file has not is all NULL.
    """
    own = {field.name.lower(): field for field in footer.fields}
    groups = [footer.metadata.row_group(number) for number in range(start, stop)]
    found = {}
    for name in columns:
        field = own.get(name.lower())
        if field is None:
            found[name] = ColumnStatistics(nulls=sum(group.num_rows for group in groups))
            continue
        leaves = footer.leaves.get(field.name, ())
        if len(leaves) != 1 or field.type.children:
            continue
        merged = merge_statistics(
            (group.num_rows, _statistics(group.column(leaves[0]), field.type)) for group in groups
        )
        if field.type.is_integer or field.type.kind in _FILTERED:
            chunks = [group.column(leaves[0]) for group in groups]
            merged = dataclasses.replace(merged, members=_filters(footer.path, chunks))
        if merged != ColumnStatistics():
            found[name] = merged
    return found


@dataclass(frozen=True, slots=True)
class _Columns:
    fields: tuple[Field, ...]
    refused: Mapping[str, str]
    leaves: Mapping[str, tuple[int, ...]]
    flat: tuple[int, ...]


_last: tuple[str, _Columns] | None = None


def _take_apart(schema: Any, content: bytes) -> _Columns:
    extended = pq.ParquetReader()
    # The types alone, with the names that Arrow has for UUID and JSON.
    extended.open(pa.BufferReader(content), arrow_extensions_enabled=True)
    arrow_schema = extended.schema_arrow
    leaves: dict[str, tuple[int, ...]] = {}
    fields = []
    refused = {}
    start = 0
    for name, arrow_field in zip(unique_names(arrow_schema.names), arrow_schema, strict=True):
        stop = start + _leaf_count(arrow_field.type)
        leaves[name] = tuple(range(start, stop))
        try:
            fields.append(Field(name, _type_of(arrow_field.type, [schema.column(n) for n in leaves[name]])))
        except NotSupportedError as error:
            refused[name] = error.message
            fields.append(Field(name, NULL))
        start = stop
    flat = next((number for number in range(len(schema)) if schema.column(number).max_repetition_level == 0), None)
    return _Columns(
        tuple(fields),
        refused,
        leaves,
        () if flat is None else (flat,),
    )


def _type_of(arrow_type: pa.DataType, columns: Sequence[Any]) -> SqlType:
    """The SQL type of a column made of the physical `columns`."""
    logical = [column.logical_type.to_json() for column in columns]
    if any('"Type":"Time"' in each and '"isAdjustedToUTC":true' in each for each in logical):
        raise NotSupportedError("Parquet's TIME in UTC (TIME WITH TIME ZONE) is not read yet")
    if any(column.converted_type == "INTERVAL" for column in columns):
        if arrow_type.num_fields:
            raise NotSupportedError("an INTERVAL within a nested value is not read yet")
        return INTERVAL
    return _stored_type(from_arrow(arrow_type), columns[0].physical_type == "INT96" if columns else False)


def _stored_type(type_: SqlType, is_int96: bool) -> SqlType:
    """As DuckDB: milliseconds are a detail of storage, and INT96 is read in microseconds."""
    if type_.kind is TypeKind.TIMESTAMP_MS or (type_.is_timestamp and is_int96):
        return TIMESTAMP
    if type_.children:
        children = tuple((name, _stored_type(child, is_int96)) for name, child in type_.children)
        return dataclasses.replace(type_, children=children)
    return type_


def _without_arrow_schema(source: pa.NativeFile, file: FileInfo, whole: bool) -> bytes:
    """The file with its Arrow schema hidden; unless `whole`, as a Parquet file without data.

    Writers store the Arrow schema they happened to have (`string_view`, `large_string`, `duration`), which
    Arrow then insists on delivering; the Parquet types alone say what SQL needs to know, and what DuckDB sees.
    """
    size = file.size
    if size < 12:
        raise FileFormatError(f"{file.path!r} is not a readable Parquet file: it has only {size} bytes")
    tail = source.read_at(8, size - 8)
    if tail[4:] == b"PARE":
        raise NotSupportedError(f"{file.path!r} has an encrypted footer; encrypted Parquet files cannot be read")
    length = struct.unpack("<I", tail[:4])[0]
    if tail[4:] != _MAGIC or length + 12 > size:
        raise FileFormatError(
            f"{file.path!r} is not a readable Parquet file: it has no footer at its end;"
            " it is truncated, or was written by something else"
        )
    if length > _MOST_BYTES:
        raise FileFormatError(f"{file.path!r} is not a readable Parquet file: it declares a footer of {length} bytes")
    footer = source.read_at(length, size - 8 - length)
    # Thrift compact form of KeyValue.key = "ARROW:schema": field 1, type binary, length 12.
    hidden = footer.replace(b"\x18\x0cARROW:schema", b"\x18\x0cARROW-schema")
    start = source.read_at(size - 8 - length, 0) if whole else _MAGIC
    return b"".join((start, hidden, tail))


def _leaf_count(type_: pa.DataType) -> int:
    """How many physical columns a column of that type is made of; they lie in the order of the types."""
    if isinstance(type_, pa.BaseExtensionType):
        type_ = type_.storage_type
    return sum(_leaf_count(type_.field(number).type) for number in range(type_.num_fields)) if type_.num_fields else 1


def _filters(path: str, chunks: Sequence[Any]) -> BloomFilters | None:
    """The Bloom filters of a column, if each of its `chunks` has one."""
    offsets = [chunk.bloom_filter_offset for chunk in chunks]
    if not offsets or any(offset is None for offset in offsets):
        return None
    return BloomFilters(path, chunks[0].physical_type, tuple(offsets))


def _has_small_dictionary(column: Any) -> bool:
    return bool(
        column.has_dictionary_page
        and column.total_uncompressed_size <= _DICTIONARY_BYTES_PER_VALUE * max(1, column.num_values)
    )


def _statistics(column: Any, type_: SqlType) -> ColumnStatistics:
    statistics = column.statistics
    if statistics is None:
        return ColumnStatistics()
    nulls = statistics.null_count if statistics.has_null_count else None
    if not statistics.has_min_max:
        return ColumnStatistics(nulls=nulls)
    try:
        low, high = _bounds(statistics, column.physical_type, type_)
    except (ValueError, OverflowError, ArithmeticError, pa.ArrowException):
        # A bound that Python cannot express (year 10000, half a UTF-8 character) is an unknown bound.
        return ColumnStatistics(nulls=nulls)
    return ColumnStatistics(low, high, nulls)


def _bounds(statistics: Any, physical: str, type_: SqlType) -> tuple[object, object]:
    """Both bounds as Python values comparable with literals of `type_`; (None, None) where there are none."""
    match type_.kind:
        case TypeKind.FLOAT | TypeKind.DOUBLE if physical in ("FLOAT", "DOUBLE"):
            low, high = float(statistics.min), float(statistics.max)
            return (None, None) if math.isnan(low) or math.isnan(high) else (low, high)
        case TypeKind.BOOLEAN | TypeKind.VARCHAR | TypeKind.DECIMAL:
            return statistics.min, statistics.max
        case TypeKind.DATE:
            return tuple(_EPOCH.date() + datetime.timedelta(days=v) for v in _raw(statistics))  # type: ignore[return-value]
        case kind if kind in TIMESTAMP_UNITS or kind is TypeKind.TIMESTAMPTZ:
            return _instants(statistics, physical, type_)
        case kind if type_.is_integer:
            low, high = _raw(statistics)
            if kind in (TypeKind.UTINYINT, TypeKind.USMALLINT, TypeKind.UINTEGER, TypeKind.UBIGINT):
                modulus = 1 << (64 if physical == "INT64" else 32)
                low, high = low % modulus, high % modulus
            return low, high
        case _:
            return None, None


def _raw(statistics: Any) -> tuple[int, int]:
    return int(statistics.min_raw), int(statistics.max_raw)


_EPOCH: Final = datetime.datetime(1970, 1, 1)


def _instants(statistics: Any, physical: str, type_: SqlType) -> tuple[object, object]:
    if physical != "INT64":
        return None, None
    unit = statistics.logical_type.to_json()
    per_second = next((n for word, n in _UNITS.items() if word in unit), None)
    if per_second is None:
        return None, None
    epoch = _EPOCH.replace(tzinfo=datetime.UTC) if type_.kind is TypeKind.TIMESTAMPTZ else _EPOCH
    low, high = _raw(statistics)
    # Nanoseconds are rounded outwards: bounds must stay bounds.
    return (
        epoch + datetime.timedelta(microseconds=low * 1_000_000 // per_second),
        epoch + datetime.timedelta(microseconds=-(-high * 1_000_000 // per_second)),
    )


_UNITS: Final = {"milliseconds": 1_000, "microseconds": 1_000_000, "nanoseconds": 1_000_000_000}
