"""Bring Arrow arrays, whatever wrote them, to the Arrow types that carry SQL types (see `sqlengine.types`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sqlengine.errors import ConversionError, FileFormatError, NotSupportedError
from sqlengine.storage.format import Field
from sqlengine.types import SqlType, TypeKind, arrow_type

# So many texts are checked one by one before numpy has begun.
_FEW_TEXTS: Final = 1000


def fit_batch(batch: pa.RecordBatch, fields: Sequence[Field], path: str) -> pa.RecordBatch:
    """The columns `fields` of a table out of a batch of one of its files: by name, case aside; NULL where it has none.

    Raises
    ------
    ConversionError
        If a value does not fit; names the file and the column.
    """
    names = batch.schema.names
    if names != [field.name for field in fields]:
        positions = {name.lower(): number for number, name in enumerate(names)}
        columns = [
            batch.column(positions[field.name.lower()])
            if field.name.lower() in positions
            else pa.nulls(batch.num_rows, arrow_type(field.type))
            for field in fields
        ]
        batch = pa.RecordBatch.from_arrays(columns, names=[field.name for field in fields])
    return conform_batch(batch, fields, path)


def conform_batch(batch: pa.RecordBatch, fields: Sequence[Field], origin: str) -> pa.RecordBatch:
    """`batch` with column k carrying `fields[k]`; columns that already do are not copied.

    Raises
    ------
    ConversionError
        If a value does not fit; names `origin` (a file or table) and the column.
    """
    arrays = []
    changed = False
    for array, field in zip(batch.columns, fields, strict=True):
        try:
            fitted = conform_array(array, field.type)
            changed = changed or fitted is not array
            arrays.append(fitted)
        except pa.ArrowNotImplementedError as error:
            raise NotSupportedError(
                f"column {field.name!r} of {origin!r} cannot be read as {field.type}: {error}"
            ) from error
        except pa.ArrowInvalid as error:
            raise ConversionError(f"column {field.name!r} of {origin!r} does not fit {field.type}: {error}") from error
    names = [field.name for field in fields]
    if not changed and batch.schema.names == names:
        return batch
    return pa.RecordBatch.from_arrays(arrays, names=names)


def conform_array(array: pa.Array, sql_type: SqlType) -> pa.Array:
    """`array` as `arrow_type(sql_type)`, or `dictionary<int32, …>` of it for dictionary-encoded text.

    Nanoseconds of a TIMESTAMPTZ are truncated to microseconds, as DuckDB does.

    Raises
    ------
    pyarrow.ArrowInvalid
        If a value does not fit.
    """
    target = arrow_type(sql_type)
    if array.type == target:
        return array
    if isinstance(array, pa.ExtensionArray):
        return conform_array(array.storage, sql_type)
    if isinstance(array, pa.RunEndEncodedArray):
        return conform_array(pc.run_end_decode(array), sql_type)
    if isinstance(array, pa.ListViewArray | pa.LargeListViewArray):
        return conform_array(_without_view(array), sql_type)
    if isinstance(array, pa.DictionaryArray):
        if not sql_type.is_text or array.dictionary.null_count:
            return conform_array(array.dictionary_decode(), sql_type)
        if array.type.value_type == target and array.type.index_type == pa.int32():
            return pa.DictionaryArray.from_arrays(array.indices, array.dictionary) if array.type.ordered else array
        return pa.DictionaryArray.from_arrays(
            pc.cast(array.indices, pa.int32()), conform_array(array.dictionary, sql_type)
        )
    if sql_type.kind is TypeKind.INTERVAL and pa.types.is_fixed_size_binary(array.type):
        return _parquet_interval(array)
    if sql_type.kind is TypeKind.INTERVAL and pa.types.is_duration(array.type):
        return _duration_to_interval(array)
    if sql_type.kind is TypeKind.TIMESTAMPTZ and array.type.unit == "ns":
        return pc.cast(array, target, safe=False)
    if pa.types.is_fixed_size_binary(array.type) and not pa.types.is_decimal(array.type):
        # Arrow casts these to nothing but bytes.
        array = pc.cast(array, pa.binary())
    if pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type):
        return _with_small_offsets(array, target)
    # Whole numbers among floats are rounded, as SQL's casts do.
    return pc.cast(array, options=pc.CastOptions(target_type=target, allow_float_truncate=True))


def check_texts(batch: pa.RecordBatch, fields: Sequence[Field], path: str) -> None:
    """Refuse text that is not UTF-8: what Arrow's Parquet reader takes on trust, and all others rely on.

    Raises
    ------
    FileFormatError
        Names the file and the column.
    """
    for array, field in zip(batch.columns, fields, strict=True):
        if field.type.is_nested or (field.type.is_text and not (len(array) > _FEW_TEXTS and _is_ascii(array))):
            try:
                array.validate(full=True)
            except pa.ArrowInvalid as error:
                raise FileFormatError(f"column {field.name!r} of {path!r} is damaged: {error}") from error


def empty_batch(rows: int) -> pa.RecordBatch:
    """A batch of no columns that still says how many rows it stands for; allocates nothing."""
    return pa.RecordBatch.from_arrays([pa.nulls(rows)], names=["rows"])


def _is_ascii(array: pa.Array) -> bool:
    """Whether plain text is ASCII, told from all its bytes at once, which costs far less than a check of each value."""
    _, places, data = array.buffers()[:3] if isinstance(array, pa.StringArray) else (None, None, None)
    if places is None or data is None:
        return False
    first, last = np.frombuffer(places, np.int32)[[array.offset, array.offset + len(array)]]
    return bool(first == last or np.frombuffer(data, np.uint8)[first:last].max() < 128)


def _without_view(array: pa.Array) -> pa.ListArray:
    """A list view as a list; Arrow's own cast loses elements."""
    lengths = array.value_lengths()
    offsets = np.zeros(len(array) + 1, np.int64)
    np.cumsum(pc.fill_null(lengths, 0).to_numpy(zero_copy_only=False), out=offsets[1:])
    return pa.LargeListArray.from_arrays(pa.array(offsets), array.flatten(), mask=lengths.is_null())


def _with_small_offsets(array: pa.Array, target: pa.DataType) -> pa.Array:
    """`array` with 32-bit offsets; a slice far into a large array is copied, for offsets count from its start."""
    try:
        return pc.cast(array, target)
    except pa.ArrowInvalid:
        return pc.cast(array.take(pa.array(np.arange(len(array)))), target)


def _duration_to_interval(array: pa.Array) -> pa.Array:
    """Days and a rest of the same sign: DuckDB's reading of a duration."""
    ticks = pc.fill_null(array.cast(pa.int64()), 0).to_numpy()
    per_day = 86_400 * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[array.type.unit]
    # Truncated towards zero; int64's minimum is NaT and never gets here.
    days = np.sign(ticks) * (np.abs(ticks) // per_day)
    rest = ticks - days * per_day
    if len(days) and np.abs(days).max() > 2**31 - 1:
        raise pa.ArrowInvalid("a duration has more days than INTERVAL holds")
    return _intervals(0, days, rest * (86_400 * 10**9 // per_day), array)


def _parquet_interval(array: pa.FixedSizeBinaryArray) -> pa.Array:
    """Parquet's INTERVAL: months, days and milliseconds, each a little-endian number of 32 bits."""
    # Arrow's buffer may be missing if every value is NULL.
    content = array.buffers()[1] or pa.py_buffer(bytes(12 * (array.offset + len(array))))
    parts = np.frombuffer(content, "<i4")[3 * array.offset :][: 3 * len(array)].reshape(-1, 3)
    parts = np.where(array.is_valid().to_numpy(zero_copy_only=False)[:, None], parts, 0)
    return _intervals(parts[:, 0], parts[:, 1], parts[:, 2].view(np.uint32).astype(np.int64) * 10**6, array)


def _intervals(months: Any, days: Any, nanoseconds: Any, like: pa.Array) -> pa.Array:
    """Intervals of these parts, NULL where `like` is."""
    # The memory of month_day_nano_interval: int32 months, int32 days, int64 nanoseconds.
    out = np.zeros(len(like), np.dtype([("months", np.int32), ("days", np.int32), ("nanoseconds", np.int64)]))
    out["months"], out["days"], out["nanoseconds"] = months, days, nanoseconds
    validity = None
    if like.null_count:
        validity = pa.py_buffer(np.packbits(like.is_valid().to_numpy(zero_copy_only=False), bitorder="little"))
    return pa.Array.from_buffers(
        pa.month_day_nano_interval(), len(like), [validity, pa.py_buffer(out)], null_count=like.null_count
    )
