"""INTERVAL values as three columns of words (months, days, microseconds), and back.

Arrow's month_day_nano interval counts nanoseconds, so an interval carries at most about 292 years of
hours, minutes and seconds; months and days have 32 bits each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import OutOfRangeError
from sqlengine.types import INTERVAL
from sqlengine.vector import Vector

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Words = NDArray[Any]
    Mask = NDArray[np.bool_]

MICROS_PER_SECOND: Final = 1_000_000
MICROS_PER_DAY: Final = 86_400 * MICROS_PER_SECOND
DAYS_PER_MONTH: Final = 30

_LAYOUT: Final = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanos", "<i8")])
_INT32: Final = np.iinfo(np.int32)
_LARGEST_MICROS: Final = np.iinfo(np.int64).max // 1000


def interval_parts(vector: Vector) -> tuple[Words, Words, Words]:
    """(months, days, microseconds) as int64, arrays of the caller's own; arbitrary where NULL."""
    array: pa.Array = vector.arrow()
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(len(array), np.int64), np.zeros(len(array), np.int64), np.zeros(len(array), np.int64)
    items = np.frombuffer(buffer, _LAYOUT, len(array), array.offset * _LAYOUT.itemsize)
    # Numpy divides twice as fast what lies side by side.
    nanos = np.ascontiguousarray(items["nanos"])
    return items["months"].astype(np.int64), items["days"].astype(np.int64), nanos // 1000


def make_intervals(months: Words, days: Words, micros: Words, valid: Mask | None, constant: bool) -> Vector:
    """The INTERVAL vector of int64 parts, which numpy broadcasts to one length.

    Raises
    ------
    OutOfRangeError
        If a part of a row that is not NULL does not fit.
    """
    import pyarrow as pa

    shape = np.broadcast_shapes(months.shape, days.shape, micros.shape, () if valid is None else valid.shape)
    items = np.empty(shape, _LAYOUT)
    _refuse_beyond(months, _INT32.min, _INT32.max, valid)
    _refuse_beyond(days, _INT32.min, _INT32.max, valid)
    _refuse_beyond(micros, -_LARGEST_MICROS, _LARGEST_MICROS, valid)
    items["months"], items["days"] = months, days
    np.multiply(micros, 1000, out=items["nanos"])
    bitmap = None
    if valid is not None:
        bitmap = pa.py_buffer(np.packbits(np.broadcast_to(valid, shape), bitorder="little"))
    buffers = [bitmap, pa.py_buffer(items)]
    array = pa.Array.from_buffers(pa.month_day_nano_interval(), shape[0], buffers)
    return Vector(INTERVAL, array, constant=constant)


def comparable(vector: Vector) -> tuple[Words, Words]:
    """Two int64 words whose lexicographic order is that of intervals: whole days, then microseconds.

    A month counts as 30 days and a day as 24 hours, so `1 month` equals `30 days` and `720 hours`.
    """
    months, days, micros = interval_parts(vector)
    whole = micros // MICROS_PER_DAY
    # In place, for memory that is fresh costs more than the arithmetic.
    months *= DAYS_PER_MONTH
    months += days
    months += whole
    whole *= MICROS_PER_DAY
    micros -= whole
    return months, micros


def _refuse_beyond(words: Words, least: int, most: int, valid: Mask | None) -> None:
    # The extremes tell at a fraction of the cost of looking at each value.
    if not len(words) or (words.min() >= least and words.max() <= most):
        return
    unfit = (words < least) | (words > most)
    if valid is None or (unfit & valid).any():
        raise OutOfRangeError(
            "interval out of range: months and days have 32 bits each, the time part holds at most 292 years"
        )
