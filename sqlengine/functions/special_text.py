"""Text of the types that lie in memory in a way of their own: UUID, BIT, ENUM, TIMETZ; and what a text says as one."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import ConversionError
from sqlengine.types import SqlType, TypeKind
from sqlengine.vector import Vector
from sqlengine.words import row_numbers

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Words = NDArray[np.int64]

SPECIAL_KINDS: Final = frozenset({TypeKind.UUID, TypeKind.BIT, TypeKind.ENUM, TypeKind.TIMETZ})

_MICROS: Final = 1_000_000
# The greatest offset from UTC, in seconds.
_MAX_OFFSET: Final = 16 * 3600 - 1
_OFFSET_BITS: Final = 24
_UUID: Final = re.compile(r"\{?[0-9a-fA-F]{4}(-?[0-9a-fA-F]{4}){7}\}?")
_UUID_DIGITS: Final = [place for place in range(36) if place not in (8, 13, 18, 23)]
_TIMETZ: Final = re.compile(r"(.*?)\s*(?:(?:Z|UTC)|([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?)?\s*", re.IGNORECASE)


def timetz_words(micros: Words, offsets: Words) -> Words:
    """Words of TIMETZ: local microseconds of the day and seconds east of UTC, ordered by the moment, then the offset.

    The same order as DuckDB's, whose sort key this is.
    """
    west = _MAX_OFFSET - offsets
    return ((micros + west * _MICROS) << _OFFSET_BITS) | west


def timetz_parts(words: Words) -> tuple[Words, Words]:
    """The inverse of `timetz_words`: (local microseconds of the day, seconds east of UTC)."""
    west = words & ((1 << _OFFSET_BITS) - 1)
    return (words >> _OFFSET_BITS) - west * _MICROS, _MAX_OFFSET - west


def bits_of(text: str) -> bytes:
    """The carrier of a BIT: the number of unused bits, which are ones, then the bits."""
    unused = -len(text) % 8
    padded = "1" * unused + text
    return bytes([unused]) + int(padded, 2).to_bytes(len(padded) // 8, "big")


def bit_text(value: bytes) -> str:
    """The inverse of `bits_of`."""
    return "".join(f"{byte:08b}" for byte in value[1:])[value[0] :]


def special_text(vector: Vector) -> pa.Array:
    """The values of a vector of one of `SPECIAL_KINDS` as strings."""
    import pyarrow as pa

    match vector.type.kind:
        case TypeKind.ENUM:
            labels = pa.array(vector.type.labels, pa.string())
            return labels.take(row_numbers(np.ascontiguousarray(vector.values()), vector.valid()))
        case TypeKind.UUID:
            return _each(vector, lambda value: str(uuid.UUID(bytes=value)))
        case TypeKind.BIT:
            return _each(vector, bit_text)
        case _:
            micros, offsets = timetz_parts(vector.values())
            valid = vector.valid()
            rows = zip(micros.tolist(), offsets.tolist(), [True] * len(micros) if valid is None else valid, strict=True)
            return pa.array([_timetz_text(m, o) if present else None for m, o, present in rows], pa.string())


def uuid_bytes(array: pa.Array) -> pa.Array:
    """The carriers of UUIDs that are all written in the usual way: 36 characters, lower or upper case; or NULL."""
    import pyarrow as pa
    import pyarrow.compute as pc

    valid = np.asarray(array.is_valid().to_numpy(zero_copy_only=False))
    texts = pc.binary_join(pa.ListArray.from_arrays([0, len(array)], pc.fill_null(array, "0" * 36)), "")[0].as_buffer()
    characters = np.frombuffer(texts, np.uint8).reshape(-1, 36)[:, _UUID_DIGITS]
    # '0'…'9' end in the bits of 0…9, 'A' and 'a' in those of 1.
    halves = (characters & 15) + 9 * (characters > ord("9"))
    words = (halves[:, ::2] << 4 | halves[:, 1::2]).astype(np.uint8)
    offsets = pa.py_buffer(np.arange(len(array) + 1, dtype=np.int32) * 16)
    found = pa.Array.from_buffers(pa.binary(), len(array), [None, offsets, pa.py_buffer(np.ascontiguousarray(words))])
    return found if valid.all() else pc.if_else(pa.array(valid), found, pa.scalar(None, pa.binary()))


def special_parser(target: SqlType) -> Callable[[str], Any]:
    """Text -> the value Arrow takes for `target`, one of `SPECIAL_KINDS`; raises ConversionError."""
    match target.kind:
        case TypeKind.ENUM:
            numbers = {label: number for number, label in enumerate(target.labels)}
            return lambda text: _found(numbers.get(text), text, "ENUM")
        case TypeKind.UUID:
            return _parse_uuid
        case TypeKind.BIT:
            return _parse_bits
        case _:
            return _parse_timetz


def _each(vector: Vector, convert: Callable[[bytes], str]) -> pa.Array:
    import pyarrow as pa

    values = [None if item is None else convert(item) for item in vector.arrow().to_pylist()]
    return pa.array(values, pa.string())


def _timetz_text(micros: int, offset: int) -> str:
    seconds, fraction = divmod(micros, _MICROS)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    shown = f".{fraction:06d}".rstrip("0") if fraction else ""
    hours, rest = divmod(abs(offset), 3600)
    zone = f"{'-' if offset < 0 else '+'}{hours:02d}" + (f":{rest // 60:02d}" if rest else "")
    return f"{clock}{shown}{zone}" + (f":{rest % 60:02d}" if rest % 60 else "")


def _found(value: Any, text: str, name: str) -> Any:
    if value is None:
        raise ConversionError(f"Could not convert string '{text}' to {name}")
    return value


def _parse_uuid(text: str) -> bytes:
    match = _UUID.fullmatch(text.strip())
    if match is None or (text.strip()[0] == "{") != (text.strip()[-1] == "}"):
        raise ConversionError(f"Could not convert string '{text}' to UUID")
    return uuid.UUID(text.strip()).bytes


def _parse_bits(text: str) -> bytes:
    text = text or "0"
    if text.strip("01"):
        raise ConversionError(f"Could not convert string '{text}' to BIT: it must have digits 0 and 1 only")
    return bits_of(text)


def _parse_timetz(text: str) -> int:
    from sqlengine.functions.parse_text import parser_for

    match = _TIMETZ.fullmatch(text)
    if match is None:
        raise ConversionError(f'time field value out of range: "{text}"')
    micros = parser_for(SqlType(TypeKind.TIME))(match[1])
    offset = 0
    if match[2] is not None:
        offset = int(match[3]) * 3600 + int(match[4] or 0) * 60 + int(match[5] or 0)
        offset = -offset if match[2] == "-" else offset
        if abs(offset) > _MAX_OFFSET:
            raise ConversionError(f'time zone offset out of range: "{text}"')
    return int(timetz_words(np.array([micros]), np.array([offset]))[0])
