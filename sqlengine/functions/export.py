"""Answers as Arrow tables for others: what lies in memory in a way of our own becomes what Arrow users expect.

UUID, BIT and TIMETZ become text, an ENUM a dictionary of its labels, an ARRAY a fixed-size list, a MAP Arrow's map, and
the fields of a row get names. In files, that is `tagged`, UUID and JSON are of Arrow's types of these names.
"""

from __future__ import annotations

import pyarrow as pa

from sqlengine.functions.nested import fields_of, lists_of
from sqlengine.types import SqlType, TypeKind, arrow_type
from sqlengine.vector import Vector

_AS_TEXT = frozenset({TypeKind.UUID, TypeKind.BIT, TypeKind.TIMETZ})


def export_type(type_: SqlType, tagged: bool = False) -> pa.DataType:
    """The Arrow type that users see for `type_`."""
    match type_.kind:
        case TypeKind.UUID if tagged:
            return pa.uuid()
        case TypeKind.JSON if tagged:
            return pa.json_()
        case TypeKind.ENUM:
            return pa.dictionary(pa.int32(), pa.string())
        case kind if kind in _AS_TEXT:
            return pa.string()
        case TypeKind.LIST:
            return pa.list_(export_type(type_.element, tagged))
        case TypeKind.ARRAY:
            return pa.list_(export_type(type_.element, tagged), type_.size)
        case TypeKind.MAP:
            key, value = (export_type(child, tagged) for _, child in type_.children)
            return pa.map_(key, value)
        case TypeKind.STRUCT:
            return pa.struct([pa.field(name, export_type(child, tagged)) for name, child in _named(type_)])
        case _:
            return arrow_type(type_)


def export_array(array: pa.Array, type_: SqlType, tagged: bool = False) -> pa.Array:
    """A column of a finished answer as `export_type(type_, tagged)`; the same object where nothing changes."""
    target = export_type(type_, tagged)
    if array.type == target:
        return array
    vector = Vector(type_, array)
    match type_.kind:
        case TypeKind.UUID | TypeKind.JSON if tagged:
            return pa.ExtensionArray.from_storage(target, array.cast(target.storage_type))
        case TypeKind.ENUM:
            return pa.DictionaryArray.from_arrays(array, pa.array(type_.labels, pa.string()))
        case kind if kind in _AS_TEXT:
            from sqlengine.functions.to_text import cast_to_text

            return cast_to_text(vector).arrow()
        case TypeKind.STRUCT:
            fields = [export_array(field.arrow(), field.type, tagged) for field in fields_of(vector)]
            return pa.Array.from_buffers(target, len(array), [_bitmap(array)], children=fields)
        case TypeKind.ARRAY:
            return _fixed(vector, target, tagged)
        case _:
            lists = lists_of(vector)
            child = export_array(lists.child.arrow(), lists.child.type, tagged)
            offsets = pa.array([0, *lists.lengths.cumsum().tolist()], pa.int32())
            return pa.Array.from_buffers(
                target, len(array), [_bitmap(array), offsets.buffers()[1]], children=[_as_child(child, target)]
            )


def _as_child(child: pa.Array, target: pa.DataType) -> pa.Array:
    if not pa.types.is_map(target):
        return child
    fields = pa.struct([target.key_field, target.item_field])
    return pa.Array.from_buffers(fields, len(child), [None], children=child.flatten())


def _fixed(vector: Vector, target: pa.DataType, tagged: bool) -> pa.Array:
    lists = lists_of(vector)
    child = export_array(lists.child.arrow(), lists.child.type, tagged)
    if lists.valid is not None:
        # A NULL array takes the room of its elements.
        import numpy as np

        from sqlengine.words import row_numbers

        room = np.repeat(lists.valid, vector.type.size)
        places = np.where(room, np.cumsum(room) - 1, 0)
        child = child.take(row_numbers(places, room))
    return pa.Array.from_buffers(target, len(vector), [_bitmap(vector.arrow())], children=[child])


def _named(type_: SqlType) -> list[tuple[str, SqlType]]:
    if not type_.is_row:
        return list(type_.children)
    return [(f"element{number}", child) for number, (_, child) in enumerate(type_.children, 1)]


def _bitmap(array: pa.Array) -> pa.Buffer | None:
    import numpy as np

    valid = Vector(SqlType(TypeKind.NULL), array).valid()
    return None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
