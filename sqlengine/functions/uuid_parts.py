"""What a UUID says of itself: its version, and of version 7 the moment it was made (RFC 9562)."""

from __future__ import annotations

from sqlengine.errors import DataError
from sqlengine.functions.overloads import overload
from sqlengine.functions.text_function import text_function
from sqlengine.types import TIMESTAMPTZ, UINTEGER, UUID

_EXAMPLE = "UUID '019482e4-1441-7aad-8127-eec637b8a59e'"


def _version(value: bytes) -> int:
    return value[6] >> 4


def _timestamp(value: bytes) -> int:
    """Microseconds since 1970; the first 48 bits count milliseconds."""
    version = _version(value)
    if version != 7:
        raise DataError(
            f"uuid_extract_timestamp: a UUID of version 7 holds a moment, one of version {version} does not"
        )
    return int.from_bytes(value[:6], "big") * 1000


text_function(
    "uuid_extract_version",
    overload(UUID, UINTEGER),
    one=_version,
    example=(f"SELECT uuid_extract_version({_EXAMPLE})", "7"),
    summary="The version of a UUID.",
)
text_function(
    "uuid_extract_timestamp",
    overload(UUID, TIMESTAMPTZ),
    one=_timestamp,
    example=(f"SELECT uuid_extract_timestamp({_EXAMPLE})", "2025-01-20 08:46:13.057+00"),
    summary="The moment at which a UUID of version 7 was made.",
)
