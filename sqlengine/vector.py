"""`Vector`: one column of what flows between operators inside one task.

Between tasks the currency is `pyarrow.RecordBatch`; inside a task a column is a `Vector`, which can be
looked at in two ways and computes either view at most once:

- `arrow()`: an Arrow array, right for what is made of bytes (strings, intervals, nested values);
- `values()` and `valid()`: numpy *words* and a validity mask, right for what is made of words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from sqlengine.errors import InternalError
from sqlengine.types import SqlType, TypeKind, arrow_type, words_dtype
from sqlengine.words import (
    arrow_to_words,
    combined,
    literal_word,
    pick_words,
    row_numbers,
    take_codes,
    validity_of,
    without_null_entry,
    words_of,
    words_to_arrow,
)
from sqlengine.words import buffer_words as buffer_words

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Words = NDArray[Any]
    Mask = NDArray[np.bool_]
    Indices = NDArray[np.int64]


class Vector:
    """One column of a batch; immutable by convention.

    Parameters
    ----------
    type
        What the values mean.
    array
        Arrow array of `arrow_type(type)`; VARCHAR and BLOB may also be a DictionaryArray.
    values, valid
        Words and validity (True = not NULL; None = no NULL at all). The word of a NULL is arbitrary.
    constant
        If True the vector holds one value that stands for every row: views have length 1 and numpy
        broadcasts them. A function whose arguments are all constant returns a constant.
    """

    __slots__ = ("_array", "_valid", "_values", "constant", "type")

    _UNKNOWN: Any = object()
    _WIDE: Any = object()

    def __init__(
        self,
        type: SqlType,  # noqa: A002 - the field's word
        array: pa.Array | None = None,
        values: Words | None = None,
        valid: Mask | None = None,
        constant: bool = False,
    ) -> None:
        if array is None and values is None:
            raise InternalError("a vector needs an Arrow array or words")
        self.type = type
        self.constant = constant
        self._array = array
        self._values: Any = Vector._UNKNOWN if values is None else values
        self._valid: Any = Vector._UNKNOWN if values is None else valid

    # -- making one ---------------------------------------------------------------------------

    @staticmethod
    def from_arrow(array: pa.Array | pa.ChunkedArray, type: SqlType, constant: bool = False) -> Vector:  # noqa: A002
        """A vector over `array`, cast to the carrying Arrow type when it has another one."""
        import pyarrow as pa

        if isinstance(array, pa.ChunkedArray):
            array = combined(array)
        target = arrow_type(type)
        if isinstance(array, pa.DictionaryArray):
            if not type.is_text:
                array = array.dictionary_decode()
            elif array.dictionary.type != target or array.indices.type != pa.int32():
                array = array.cast(pa.dictionary(pa.int32(), target))
            if isinstance(array, pa.DictionaryArray):
                array = without_null_entry(array)
        if not isinstance(array, pa.DictionaryArray) and array.type != target:
            array = array.cast(target)
        return Vector(type, array, constant=constant)

    @staticmethod
    def from_values(values: Words, valid: Mask | None, type: SqlType, constant: bool = False) -> Vector:  # noqa: A002
        """A vector over words; `values` must have the dtype `words_dtype(type)`."""
        return Vector(type, values=values, valid=valid, constant=constant)

    @staticmethod
    def from_literal(value: object, type: SqlType) -> Vector:  # noqa: A002
        """A constant: one Python value (or None for NULL) that stands for every row."""
        import pyarrow as pa

        dtype, word = words_dtype(type), literal_word(value, type)
        if dtype is not None and (word is not None or value is None):
            words = np.array([0 if word is None else word], dtype)
            return Vector(type, values=words, valid=None if word is not None else np.zeros(1, np.bool_), constant=True)
        if isinstance(value, str) and type.kind is TypeKind.VARCHAR:
            data = value.encode()
            offsets = np.array([0, len(data)], np.int32)
            array = pa.StringArray.from_buffers(1, pa.py_buffer(offsets), pa.py_buffer(data))
            return Vector(type, array, constant=True)
        if type.is_unscaled and isinstance(value, int):
            import decimal

            value = decimal.Decimal(value)
        return Vector(type, pa.array([value], type=arrow_type(type)), constant=True)

    # -- looking at it ------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._array) if self._array is not None else len(self._values)

    def arrow(self) -> pa.Array:
        """The values as a plain (not dictionary-encoded) Arrow array."""
        import pyarrow as pa

        array = self.encoded()
        if isinstance(array, pa.DictionaryArray):
            return array.dictionary_decode()
        return array

    def encoded(self) -> pa.Array:
        """As `arrow()`, but dictionary-encoded text stays so."""
        if self._array is None:
            self._array = words_to_arrow(self._values, self._valid, self.type)
        return self._array

    def dictionary(self) -> tuple[Words, Mask | None, pa.Array] | None:
        """(codes int32[n], validity of the codes, distinct values) of dictionary-encoded text, else None.

        The dictionary may hold values that no row uses, and duplicates; never NULL.
        """
        import pyarrow as pa

        if not isinstance(self._array, pa.DictionaryArray):
            return None
        codes = self._array.indices
        return words_of(codes, np.dtype("int32")), validity_of(codes), self._array.dictionary

    def has_words(self) -> bool:
        """Whether `values()` can be called: a fixed-width type, and narrow if DECIMAL or HUGEINT."""
        return self._load_words() is not None

    def values(self) -> Words:
        """The words, shape (n,), or (1,) if constant."""
        words = self._load_words()
        if words is None:
            raise InternalError(f"a {self.type} vector has no words here; ask has_words() first")
        return words

    def valid(self) -> Mask | None:
        """True where not NULL, shape as `values()`; None when there is no NULL."""
        if self._valid is Vector._UNKNOWN:
            encoded = self.dictionary()
            self._valid = validity_of(self._array) if encoded is None else encoded[1]
        return cast("Mask | None", self._valid)

    def is_null_constant(self) -> bool:
        """Whether this is the constant NULL."""
        valid = self.valid()
        return self.constant and valid is not None and not valid[0]

    def _load_words(self) -> Words | None:
        if self._values is Vector._WIDE:
            return None
        if self._values is Vector._UNKNOWN:
            words = arrow_to_words(self._array, self.type)
            self._values = Vector._WIDE if words is None else words
            return words
        return cast("Words", self._values)

    @property
    def nbytes(self) -> int:
        """Bytes held, an estimate: the larger of the two views."""
        size = 0
        if self._array is not None:
            size = int(self._array.nbytes)
        if isinstance(self._values, np.ndarray):
            size = max(size, int(self._values.nbytes))
        return size

    # -- picking rows -------------------------------------------------------------------------

    def take(self, indices: Indices, may_miss: bool = False) -> Vector:
        """Rows at `indices`; with `may_miss`, index -1 gives NULL."""
        import pyarrow as pa

        if self.constant and not may_miss:
            return self
        if self.constant:
            indices = np.minimum(indices, 0)
        if isinstance(self._array, pa.DictionaryArray):
            return Vector(self.type, take_codes(self._array, indices, may_miss))
        if self._values is Vector._UNKNOWN and 2 * len(indices) < len(self) and self.type.is_unscaled and not may_miss:
            # Fewer bytes are touched by picking from the 128-bit values than by making words of all of them.
            words = pick_words(self._array, self.type, indices)
            if words is not None:
                valid = self.valid()
                return Vector(self.type, values=words, valid=None if valid is None else valid.take(indices))
        words = self._load_words()
        if words is not None:
            valid = self.valid()
            if not may_miss:
                return Vector(
                    self.type, values=words.take(indices), valid=None if valid is None else valid.take(indices)
                )
            hit = indices >= 0
            if len(words) == 0:
                return Vector(self.type, values=np.zeros(len(indices), words.dtype), valid=hit)
            taken = words.take(np.where(hit, indices, 0))
            if valid is not None:
                hit &= valid.take(np.where(hit, indices, 0))
            return Vector(self.type, values=taken, valid=hit)
        array = self.encoded()
        if not may_miss:
            return Vector(self.type, array.take(row_numbers(indices)))
        return Vector(self.type, array.take(row_numbers(indices, indices >= 0)))

    def slice(self, start: int, length: int) -> Vector:
        """`length` rows from `start`, zero-copy."""
        if self.constant:
            return self
        array = None if self._array is None else self._array.slice(start, length)
        if isinstance(self._values, np.ndarray):
            valid = self.valid()
            stop = start + length
            return Vector(self.type, array, self._values[start:stop], None if valid is None else valid[start:stop])
        return Vector(self.type, array)

    def expand(self, length: int) -> Vector:
        """A constant repeated to `length` rows; any other vector itself."""
        if not self.constant:
            return self
        words = self._load_words()
        if words is not None:
            valid = self.valid()
            return Vector(
                self.type,
                values=np.repeat(words, length),
                valid=None if valid is None else np.repeat(valid, length),
            )
        import pyarrow as pa

        return Vector(self.type, pa.repeat(self.arrow()[0], length))


def concat_vectors(vectors: Sequence[Vector]) -> Vector:
    """The rows of all `vectors` in order; none may be constant, all have one type."""
    import pyarrow as pa

    if len(vectors) == 1:
        return vectors[0]
    type_ = vectors[0].type
    if words_dtype(type_) is not None and all(vector.has_words() for vector in vectors):
        values = np.concatenate([vector.values() for vector in vectors])
        masks = [vector.valid() for vector in vectors]
        valid = None
        if any(mask is not None for mask in masks):
            valid = np.concatenate(
                [np.ones(len(v), np.bool_) if m is None else m for v, m in zip(vectors, masks, strict=True)]
            )
        return Vector.from_values(values, valid, type_)
    arrays = [vector.encoded() for vector in vectors]
    encoded = [isinstance(array, pa.DictionaryArray) for array in arrays]
    if any(encoded) and not all(encoded):
        arrays = [a.dictionary_decode() if isinstance(a, pa.DictionaryArray) else a for a in arrays]
    return Vector(type_, combined(pa.chunked_array(arrays)))
