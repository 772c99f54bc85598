"""Functions with a new value in every row: `random`, `uuid`, `uuidv7`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.functions.overloads import Overload, resolver
from sqlengine.functions.registry import scalar
from sqlengine.types import DOUBLE, UUID, SqlType
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]


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
    return _uuids(_random_bytes(len(arguments[0])), 4, result)


@scalar(
    "uuidv7",
    resolver("uuidv7", Overload((), UUID)),
    deterministic=False,
    example=("SELECT uuid_extract_version(uuidv7())", "7"),
    summary="A UUID of the present moment and random bits (version 7), another one in every row.",
)
def _uuid_of_now(arguments: Sequence[Vector], result: SqlType) -> Vector:
    """48 bits of milliseconds since 1970, 74 random bits (RFC 9562, section 5.7); a batch shares a moment."""
    data = _random_bytes(len(arguments[0]))
    data[:, :6] = np.frombuffer((time.time_ns() // 1_000_000).to_bytes(6, "big"), np.uint8)
    return _uuids(data, 7, result)


def _random_bytes(count: int) -> Bytes:
    return np.random.default_rng().integers(0, 256, (count, 16), np.uint8)


def _uuids(data: Bytes, version: int, result: SqlType) -> Vector:
    """UUIDs of uint8[n, 16], in which version and variant are still to be written."""
    import pyarrow as pa

    count = len(data)
    data[:, 6] = data[:, 6] & 0x0F | version << 4
    data[:, 8] = data[:, 8] & 0x3F | 0x80
    fixed = pa.Array.from_buffers(pa.binary(16), count, [None, pa.py_buffer(np.ascontiguousarray(data))])
    return Vector.from_arrow(fixed.cast(pa.binary()), result)
