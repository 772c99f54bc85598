"""`hash(value, …)`: a number of 64 bits that is the same for equal values, here and in DuckDB 2.0.

Words are mixed by multiplication and shift (the mixer of Murmur's family that DuckDB uses); text and blobs take eight
bytes at a time; several values are combined in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.errors import BindError, NotSupportedError
from sqlengine.functions.nested import aligned
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import Operand, Signature, scalar
from sqlengine.types import UBIGINT, SqlType, TypeKind, words_dtype
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

_MULTIPLIER: Final = 0xD6E8FEB86659FD93
_FACTOR: Final = np.uint64(_MULTIPLIER)
_NULL: Final = np.uint64(0xBF58476D1CE4E5B9)
_SEED: Final = 0xE17A1465
_LENGTH: Final = 0xC6A4A7935BD1E995
_MASK: Final = (1 << 64) - 1
_WORDS: Final = frozenset(
    {TypeKind.BOOLEAN, TypeKind.FLOAT, TypeKind.DOUBLE, TypeKind.DATE, TypeKind.TIME, TypeKind.TIMESTAMP,
     TypeKind.TIMESTAMP_S, TypeKind.TIMESTAMP_MS, TypeKind.TIMESTAMP_NS, TypeKind.TIMESTAMPTZ,
     TypeKind.TINYINT, TypeKind.SMALLINT, TypeKind.INTEGER, TypeKind.BIGINT,
     TypeKind.UTINYINT, TypeKind.USMALLINT, TypeKind.UINTEGER, TypeKind.UBIGINT}
)  # fmt: skip
_BYTES: Final = frozenset({TypeKind.NULL, TypeKind.VARCHAR, TypeKind.BLOB})
_WORD_DIGITS: Final = 18


def _mixed(words: Hashes) -> Hashes:
    shift = np.uint64(32)
    words = (words ^ (words >> shift)) * _FACTOR
    words = (words ^ (words >> shift)) * _FACTOR
    return words ^ (words >> shift)


def _of_bytes(value: bytes) -> int:
    """The hash of a text's bytes: blocks of eight, the last one filled up with zeros."""
    state = _SEED ^ (len(value) * _LENGTH & _MASK)
    for start in range(0, len(value), 8):
        state = (state ^ int.from_bytes(value[start : start + 8], "little")) * _MULTIPLIER & _MASK
    state = (state ^ state >> 32) * _MULTIPLIER & _MASK
    state = (state ^ state >> 32) * _MULTIPLIER & _MASK
    return state ^ state >> 32


def _hashes(vector: Vector) -> Hashes:
    kind = vector.type.kind
    if kind is TypeKind.NULL:
        return np.full(len(vector), _NULL)
    if kind in _BYTES:
        return _text_hashes(vector)
    words = vector.values()
    if vector.type.is_float:
        # Both zeros, and all NaNs, are equal.
        words = np.where(np.isnan(words), words.dtype.type("nan"), words + words.dtype.type(0))
    elif words.dtype.kind != "u" and (words.dtype.itemsize < 4 or _is_short_decimal(vector.type)):
        words = words.astype(np.int32)
    raw = words.view(f"u{words.dtype.itemsize}")
    hashes = _mixed(raw.astype(np.uint64))
    valid = vector.valid()
    return hashes if valid is None else np.where(valid, hashes, _NULL)


def _is_short_decimal(type_: SqlType) -> bool:
    return type_.kind is TypeKind.DECIMAL and type_.precision <= 9


def _text_hashes(vector: Vector) -> Hashes:
    import pyarrow as pa

    encoded = vector.arrow().cast(pa.binary()).dictionary_encode()
    distinct = [_of_bytes(value) for value in encoded.dictionary.to_pylist()]
    table = np.array([*distinct, int(_NULL)], np.uint64)
    codes = encoded.indices.fill_null(len(distinct)).to_numpy(zero_copy_only=False)
    return np.asarray(table[codes.astype(np.int64)])


def _resolve(operands: Sequence[Operand]) -> Signature:
    if not operands:
        raise BindError(f"{describe_call('hash', operands)}: it takes one or more values")
    for operand in operands:
        type_ = operand.type
        short = type_.kind is TypeKind.DECIMAL and type_.precision <= _WORD_DIGITS
        if type_.kind not in _WORDS and type_.kind not in _BYTES and not short:
            raise NotSupportedError(f"hash() of {type_} is not supported; hash its text")
    return Signature(tuple(operand.type for operand in operands), UBIGINT)


@scalar(
    "hash",
    _resolve,
    example=("SELECT hash(1)", "4717996019076358352"),
    summary="A number of 64 bits made of the values, equal for equal ones; of NULL, too.",
    usage="hash(value, ...)",
)
def _hash(arguments: Sequence[Vector], result: SqlType) -> Vector:
    columns, _, constant = aligned(arguments)
    combined: Any = None
    for column in columns:
        hashes = _hashes(column)
        combined = hashes if combined is None else (combined ^ (combined >> np.uint64(32))) * _FACTOR ^ hashes
    return Vector.from_values(np.ascontiguousarray(combined, words_dtype(UBIGINT)), None, UBIGINT, constant)
