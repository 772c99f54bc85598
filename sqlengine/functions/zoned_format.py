"""`strftime` of TIMESTAMP WITH TIME ZONE: the clocks of a zone, which `%z` and `%Z` tell of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sqlengine.functions.date_format import format_moments
from sqlengine.functions.overloads import overload, resolver
from sqlengine.functions.patterns import constant_text
from sqlengine.functions.registry import scalar
from sqlengine.functions.time_zones import offset_text, offsets_of, to_local
from sqlengine.functions.validity import rows_of
from sqlengine.types import TIMESTAMP, TIMESTAMPTZ, VARCHAR, SqlType
from sqlengine.vector import Vector

_MICROS_PER_SECOND = 1_000_000


@scalar(
    "__strftime_in_zone",
    resolver(
        "strftime",
        overload(TIMESTAMPTZ, VARCHAR, VARCHAR, VARCHAR),
        overload(VARCHAR, TIMESTAMPTZ, VARCHAR, VARCHAR),
    ),
    summary="Used by the binder.",
)
def _strftime_in_zone(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """Moment and format, either first, and the zone."""
    *both, zone_vector = arguments
    moment, pattern = both if both[1].type == VARCHAR else reversed(both)
    zone = constant_text("time zone", zone_vector)
    instants = rows_of(moment.values(), moment.valid())
    local = Vector.from_values(to_local(instants, zone), moment.valid(), TIMESTAMP, moment.constant)

    def offset(_: Vector) -> Any:
        import pyarrow as pa

        distinct, codes = np.unique(offsets_of(instants, zone), return_inverse=True)
        return pa.array([offset_text(int(each) // _MICROS_PER_SECOND) for each in distinct]).take(pa.array(codes))

    def name(_: Vector) -> Any:
        import pyarrow as pa

        return pa.scalar(zone)

    return format_moments(local, pattern, {"z": offset, "Z": name}, result)
