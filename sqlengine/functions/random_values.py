"""Functions with a new value in every row: `random`, `uuid`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sqlengine.functions.overloads import Overload, resolver
from sqlengine.functions.registry import scalar
from sqlengine.types import DOUBLE, UUID, SqlType
from sqlengine.vector import Vector


@scalar(
    "random",
    resolver("random", Overload((), DOUBLE)),
    deterministic=False,
    example=("SELECT random() BETWEEN 0 AND 1", "true"),
    summary="A random number from 0 to less than 1, another one in every row.",
)
def _random(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """The only argument has a row for each number wanted; a generator a batch needs no lock and no seed."""
    return Vector.from_values(np.random.default_rng().random(len(arguments[0])), None, result)


@scalar(
    "uuid",
    resolver("uuid", Overload((), UUID)),
    aliases=("gen_random_uuid", "uuidv4"),
    deterministic=False,
    example=("SELECT typeof(uuid())", "UUID"),
    summary="A random UUID (version 4), another one in every row.",
)
def _uuid(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """122 random bits beside the version and the variant (RFC 9562, section 5.4)."""
    import pyarrow as pa

    count = len(arguments[0])
    data = np.random.default_rng().integers(0, 256, (count, 16), np.uint8)
    data[:, 6] = data[:, 6] & 0x0F | 0x40
    data[:, 8] = data[:, 8] & 0x3F | 0x80
    fixed = pa.Array.from_buffers(pa.binary(16), count, [None, pa.py_buffer(np.ascontiguousarray(data))])
    return Vector.from_arrow(fixed.cast(pa.binary()), result)
