"""Columns that Arrow's JSON parser cannot make: JSON, MAP, and nested values with such in them.

The extents of their values are found by compiled loops, level by level as the type says; what Arrow can read it reads
then. Where any value is not as expected all is left to Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sqlengine.errors import Error
from sqlengine.functions.json_casts import float_texts
from sqlengine.functions.json_tree import dump, parse
from sqlengine.functions.nested import list_vector, struct_vector
from sqlengine.functions.validity import null_vector
from sqlengine.storage.json_arrow import VALUE_COLUMN, raw_type, read_objects
from sqlengine.storage.json_blocks import Block
from sqlengine.storage.json_extents import Extents, UnfitError, Words, Written
from sqlengine.storage.json_options import NEWLINE_DELIMITED
from sqlengine.storage.json_texts import Formats
from sqlengine.storage.json_values import parse_values
from sqlengine.types import JSON, VARCHAR, SqlType, TypeKind, entries_of
from sqlengine.vector import Vector


def can_scan(type_: SqlType) -> bool:
    """Whether `Scan.column` knows the type."""
    match type_.kind:
        case TypeKind.JSON:
            return True
        case TypeKind.LIST:
            return can_scan(type_.element)
        case TypeKind.STRUCT | TypeKind.MAP:
            return all(can_scan(child) for _, child in type_.children)
        case _:
            return raw_type(type_, False) is not None


@dataclass(frozen=True, slots=True)
class Scan:
    """Makes columns of extents.

    Attributes
    ----------
    strict
        Objects may have no other members than their STRUCT names.
    """

    path: str
    formats: Formats
    strict: bool

    def column(self, found: Extents, type_: SqlType) -> Vector:
        """The values as a vector.

        Raises
        ------
        UnfitError, ConversionError, pyarrow.ArrowInvalid
            A value is not as expected; it may fit yet.
        """
        if not len(found):
            return null_vector(type_).expand(1).slice(0, 0)
        if raw_type(type_, False) is not None:
            return self._read(found, type_)
        match type_.kind:
            case TypeKind.JSON:
                return Vector(JSON, self._documents(found))
            case TypeKind.LIST:
                sizes, _, elements = found.children("[")
                return list_vector(sizes, self.column(elements, type_.element), found.present, type_)
            case TypeKind.MAP:
                return self._maps(found, type_)
            case TypeKind.STRUCT:
                members, others = found.members([name for name, _ in type_.children])
                if others and self.strict:
                    raise UnfitError
                fields = [self.column(each, child) for each, (_, child) in zip(members, type_.children, strict=True)]
                return struct_vector(fields, found.present, type_, len(found), False)
            case _:
                raise UnfitError

    def _read(self, found: Extents, type_: SqlType) -> Vector:
        """By Arrow, each value put in an object of its own."""
        written = found.written(b'{"%b":' % VALUE_COLUMN.encode(), b"}\n")
        data = pa.py_buffer(written.data)[: int(written.offsets[-1])]
        for wide in (False, True):
            raw = raw_type(type_, wide)
            assert raw is not None
            try:
                table = read_objects(data, {VALUE_COLUMN: raw}, self.strict)
            except pa.ArrowInvalid:
                if wide:
                    raise
                continue
            vector = Vector.from_arrow(table.column(0), raw)
            return vector if raw == type_ else self.formats.cast(vector, type_)
        raise UnfitError

    def _maps(self, found: Extents, type_: SqlType) -> Vector:
        (_, key_type), (_, value_type) = type_.children
        sizes, keys, values = found.children("{")
        texts = _unescaped(keys.texts())
        if _repeats(texts, sizes):
            raise UnfitError
        names = self.formats.cast(Vector(VARCHAR, texts), key_type) if len(texts) else self.column(keys, key_type)
        # Objects in maps may have any members.
        inner = Scan(self.path, self.formats, False)
        entries = [names, inner.column(values, value_type)]
        entry = struct_vector(entries, None, entries_of(type_).element, len(keys), False)
        return list_vector(sizes, entry, found.present, type_)

    def _documents(self, found: Extents) -> pa.Array:
        """Each value as DuckDB writes it: no blanks, no escapes that need not be, the shortest digits."""
        written = found.written()
        odd = written.escaped.copy()
        if len(written.odd):
            numbers = written.odd.texts()
            same = pc.equal(float_texts(numbers.cast(pa.float64())), numbers)
            odd[written.odd_rows[~same.to_numpy(zero_copy_only=False)]] = True
        texts = _strings(written, found)
        if not odd.any():
            return texts
        mask = pa.array(odd)
        chosen = texts.filter(mask)
        lines = "\n".join(chosen.to_pylist()).encode()
        try:
            trees = parse_values(self.path, Block(lines, NEWLINE_DELIMITED, 0), False).trees
        except Error:
            raise UnfitError from None
        return pc.replace_with_mask(texts, mask, pa.array([dump(tree) for tree in trees], pa.string()))


def _strings(written: Written, found: Extents) -> pa.StringArray:
    present = found.present
    bitmap = None if present is None else pa.py_buffer(np.packbits(present, bitorder="little"))
    buffers = [bitmap, pa.py_buffer(written.offsets), pa.py_buffer(written.data)]
    return pa.StringArray.from_buffers(len(found), buffers[1], buffers[2], buffers[0])


def _repeats(keys: pa.StringArray, sizes: Words) -> bool:
    """Whether an object has a key twice."""
    if not len(keys):
        return False
    codes = keys.dictionary_encode()
    width = len(codes.dictionary)
    pairs = np.repeat(np.arange(len(sizes)), sizes) * width + codes.indices.to_numpy()
    return len(np.unique(pairs)) < len(pairs)


def _unescaped(keys: pa.StringArray) -> pa.StringArray:
    """Keys as they are written, without quotes, as the texts that they mean."""
    escaped = pc.match_substring(keys, "\\")
    if not pc.any(escaped, min_count=0).as_py():
        return keys
    meant = [parse(f'"{key}"') for key in keys.filter(escaped).to_pylist()]
    return pc.replace_with_mask(keys, escaped, pa.array(meant, pa.string()))


def scanned_columns(
    scan: Scan, found: Extents, fields: Sequence[tuple[str | None, SqlType]], keys: Sequence[str]
) -> tuple[list[pa.Array], list[Extents]]:
    """Columns of the values of a block, and where their values are.

    Parameters
    ----------
    fields
        Of each column the key of its values in the objects, None for the values themselves; and its type.
    keys
        All keys that objects may have, if the scan is strict.

    Raises
    ------
    UnfitError, ConversionError, pyarrow.ArrowInvalid
        As `Scan.column`.
    """
    if fields[0][0] is None:
        return [scan.column(found.nulls(), type_).arrow() for _, type_ in fields], []
    wanted = [key for key, _ in fields if key is not None]
    members, others = found.members([*wanted, *(key for key in keys if key not in wanted)])
    if others and scan.strict:
        raise UnfitError
    extents = members[: len(wanted)]
    return [scan.column(each, type_).arrow() for each, (_, type_) in zip(extents, fields, strict=True)], extents
