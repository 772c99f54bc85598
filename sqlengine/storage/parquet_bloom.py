"""Bloom filters of Parquet columns: whether a row group can hold a value, told by 32 bytes of the file.

Split-block filters over xxHash64 (Apache Parquet format, `BloomFilter.md`; Y. Collet, xxHash fast digest
algorithm, section XXH64).
"""

from __future__ import annotations

import datetime
import struct
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from sqlengine.storage.filesystem import file_errors, open_input

_SALTS: Final = (
    0x47B6137B,
    0x44974D91,
    0x8824AD5B,
    0xA2B7289D,
    0x705495C7,
    0x2DF1424B,
    0x9EFC4947,
    0x5C6BFB31,
)
_BLOCK: Final = 32
# Thrift, compact: the fields 2 to 4 of the header say "split blocks", "xxHash", "not compressed".
_KNOWN_KIND: Final = b"\x1c\x1c\x00\x00" * 3 + b"\x00"
_LONGEST_HEADER: Final = 1 + 5 + len(_KNOWN_KIND)


@dataclass(frozen=True, slots=True)
class BloomFilters:
    """The filters of one column in some row groups of a file.

    Attributes
    ----------
    physical
        Parquet's type of the column: INT32, INT64 or BYTE_ARRAY.
    offsets
        Where the filters lie, one for each row group.
    """

    path: str
    physical: str
    offsets: tuple[int, ...]

    def may_hold(self, value: object) -> bool:
        """Whether a row group may have `value`; True when in doubt."""
        plain = _plain(value, self.physical)
        if plain is None:
            return True
        hashed = xxhash64(plain)
        with file_errors(self.path, "Parquet"), open_input(self.path) as source:
            size = source.size()
            return any(_may_hold(source, size, offset, hashed) for offset in self.offsets)


def _plain(value: object, physical: str) -> bytes | None:
    """The value as Parquet's PLAIN encoding has it, or None if that is not certain."""
    if type(value) is datetime.date:
        value = value.toordinal() - _EPOCH
    if type(value) is int and physical in ("INT32", "INT64"):
        width = 4 if physical == "INT32" else 8
        # Unsigned numbers are stored as signed ones with the same bits.
        return (value % (1 << 8 * width)).to_bytes(width, "little")
    if isinstance(value, str) and physical == "BYTE_ARRAY":
        return value.encode(errors="surrogatepass")
    return value if isinstance(value, bytes) and physical == "BYTE_ARRAY" else None


_EPOCH: Final = datetime.date(1970, 1, 1).toordinal()


def _may_hold(source: pa.NativeFile, size: int, offset: int, hashed: int) -> bool:
    if not 0 <= offset < size:
        return True
    header = source.read_at(min(_LONGEST_HEADER, size - offset), offset)
    length, used = _length(header)
    start = offset + used + len(_KNOWN_KIND)
    if not length or header[used : used + len(_KNOWN_KIND)] != _KNOWN_KIND or start + length > size:
        return True
    block = (hashed >> 32) * (length // _BLOCK) >> 32
    words = struct.unpack("<8I", source.read_at(_BLOCK, start + block * _BLOCK))
    low = hashed & 0xFFFFFFFF
    return all(word >> ((low * salt & 0xFFFFFFFF) >> 27) & 1 for word, salt in zip(words, _SALTS, strict=True))


def _length(header: bytes) -> tuple[int, int]:
    """Bytes of the filter and of their number in the header; 0 if the header is another one."""
    if header[:1] != b"\x15":
        return 0, 0
    value = 0
    for number, byte in enumerate(header[1:6]):
        value |= (byte & 0x7F) << 7 * number
        if byte < 0x80:
            # Zigzag; a multiple of the block's size.
            return (value >> 1 if value % (2 * _BLOCK) == 0 else 0), number + 2
    return 0, 0


_P1: Final = 0x9E3779B185EBCA87
_P2: Final = 0xC2B2AE3D27D4EB4F
_P3: Final = 0x165667B19E3779F9
_P4: Final = 0x85EBCA77C2B2AE63
_P5: Final = 0x27D4EB2F165667C5
_M: Final = 0xFFFFFFFFFFFFFFFF


def xxhash64(data: bytes) -> int:
    """XXH64 with seed 0. Plain Python: it hashes the constants of a query, not rows."""
    size = len(data)
    position = 0
    if size >= 32:
        lanes = [(_P1 + _P2) & _M, _P2, 0, -_P1 & _M]
        while position + 32 <= size:
            words = struct.unpack_from("<4Q", data, position)
            lanes = [_round(lane, word) for lane, word in zip(lanes, words, strict=True)]
            position += 32
        h = sum(_rotated(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18), strict=True)) & _M
        for lane in lanes:
            h = ((h ^ _round(0, lane)) * _P1 + _P4) & _M
    else:
        h = _P5
    h = (h + size) & _M
    while position + 8 <= size:
        h ^= _round(0, struct.unpack_from("<Q", data, position)[0])
        h = (_rotated(h, 27) * _P1 + _P4) & _M
        position += 8
    if position + 4 <= size:
        h ^= struct.unpack_from("<I", data, position)[0] * _P1 & _M
        h = (_rotated(h, 23) * _P2 + _P3) & _M
        position += 4
    for byte in data[position:]:
        h ^= byte * _P5 & _M
        h = _rotated(h, 11) * _P1 & _M
    h = (h ^ h >> 33) * _P2 & _M
    h = (h ^ h >> 29) * _P3 & _M
    return h ^ h >> 32


def _round(lane: int, word: int) -> int:
    return _rotated((lane + word * _P2) & _M, 31) * _P1 & _M


def _rotated(value: int, by: int) -> int:
    return (value << by | value >> (64 - by)) & _M
