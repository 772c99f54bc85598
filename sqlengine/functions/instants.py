"""Instants made of numbers, and small questions about dates: `to_timestamp`, `make_timestamp_ms`, `days_in_month`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sqlengine.errors import ConversionError
from sqlengine.functions.calendar import month_index, month_start
from sqlengine.functions.moments import days_and_micros
from sqlengine.functions.overloads import on_local_time, overload, resolver
from sqlengine.functions.registry import scalar
from sqlengine.functions.validity import words_result
from sqlengine.functions.word_function import word_function
from sqlengine.types import BIGINT, DATE, DOUBLE, TIMESTAMP, TIMESTAMP_NS, TIMESTAMPTZ, SqlType
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[Any]


def _from_seconds(seconds: Words) -> Words:
    micros = np.rint(seconds * 1e6)
    if not (np.abs(micros) < 2.0**63).all():
        raise ConversionError("Epoch seconds out of range for TIMESTAMP WITH TIME ZONE")
    return micros.astype(np.int64)


def _from_millis(millis: Words) -> Words:
    if (np.abs(millis.astype(np.float64)) * 1000 >= 2.0**63).any():
        raise ConversionError("Could not convert Timestamp(MS) to Timestamp(US)")
    return millis * 1000


word_function(
    "to_timestamp",
    overload(DOUBLE, TIMESTAMPTZ),
    compute=_from_seconds,
    example=("to_timestamp(1.5)", "1970-01-01 00:00:01.5+00"),
    summary="The instant so many seconds after 1970.",
)
word_function(
    "make_timestamp_ms",
    overload(BIGINT, TIMESTAMP),
    compute=_from_millis,
    example=("make_timestamp_ms(1500)", "1970-01-01 00:00:01.5"),
    summary="The timestamp so many milliseconds after 1970.",
)
word_function(
    "make_timestamp_ns",
    overload(BIGINT, TIMESTAMP_NS),
    compute=lambda nanos: nanos,
    example=("make_timestamp_ns(1500000000)", "1970-01-01 00:00:01.5"),
    summary="The timestamp so many nanoseconds after 1970.",
)


def _days_in_month(arguments: Sequence[Vector], result: SqlType) -> Vector:
    index = month_index(days_and_micros(arguments[0])[0])
    return words_result(month_start(index + 1) - month_start(index), arguments, result)


scalar(
    "days_in_month",
    on_local_time(resolver("days_in_month", *(overload(each, BIGINT) for each in (DATE, TIMESTAMP, TIMESTAMPTZ)))),
    example=("days_in_month(DATE '2020-02-03')", "29"),
    summary="How many days the month of a date has.",
)(_days_in_month)
