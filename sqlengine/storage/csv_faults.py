"""The records of CSV files that do not fit their table: what is wrong with each, and the rest without them.

Only looked for once Arrow has refused a piece. Which values do not fit is found with Arrow's own reader, by halving the
distinct texts of a column, so that a fault is exactly what reading stumbles over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sqlengine.storage.csv_dialect import Dialect
from sqlengine.storage.csv_parse import (
    Layout,
    bounds_of_records,
    padded,
    parse,
    ragged_rows,
    read_columns,
    record_lengths,
    without_records,
)
from sqlengine.storage.csv_pieces import is_left_open
from sqlengine.storage.csv_records import Bytes
from sqlengine.storage.format import Field
from sqlengine.types import TypeKind

CAST: Final = "CAST"
MISSING_COLUMNS: Final = "MISSING COLUMNS"
TOO_MANY_COLUMNS: Final = "TOO MANY COLUMNS"
INVALID_ENCODING: Final = "INVALID ENCODING"
UNCLOSED: Final = "UNQUOTED VALUE"
TOO_LONG: Final = "LINE SIZE OVER MAXIMUM"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one record, or with one of its values.

    Attributes
    ----------
    kind
        One of DuckDB's error types.
    start, stop
        Where the record lies in its piece, line end included.
    position
        The column, from 0: of the value, of the first that is missing, of the first that is too many.
    text
        The value; of a record of another width, the record.
    width
        The number of fields that the record has.
    """

    kind: str
    start: int
    stop: int
    position: int
    field: Field | None
    text: bytes
    width: int


def find_faults(data: Bytes, columns: Sequence[Field], checked: Sequence[Field], layout: Layout) -> list[Fault]:
    """The faults of whole records, in the order of records and columns.

    Parameters
    ----------
    data
        In UTF-8 but for what is at fault, without comments.
    columns
        All columns that the records have.
    checked
        The columns whose values are looked at.
    """
    dialect = layout.dialect
    width = len(columns)
    starts, stops = bounds_of_records(data, dialect, width)
    shaped = padded(data, dialect, width) if dialect.pads else data
    ragged = ragged_rows(shaped, dialect, width)
    left_open = [len(starts) - 1] if is_left_open(data, dialect) else []
    faults = [
        Fault(UNCLOSED, int(starts[k]), len(data), 0, None, data[starts[k] :].tobytes().rstrip(b"\r\n"), width)
        for k in left_open
    ]
    ragged = [(number, fields) for number, fields in ragged if number not in left_open]
    faults += [
        Fault(
            MISSING_COLUMNS if fields < width else TOO_MANY_COLUMNS,
            int(starts[number]),
            int(stops[number]),
            min(fields, width),
            columns[fields] if fields < width else None,
            data[starts[number] : stops[number]].tobytes().rstrip(b"\r\n"),
            fields,
        )
        for number, fields in ragged
    ]
    unshaped = [number for number, _ in ragged] + left_open
    rows = np.delete(np.arange(len(starts)), unshaped)
    if layout.max_line_size is not None:
        lengths = record_lengths(data, dialect, width)
        faults += [
            Fault(TOO_LONG, int(starts[k]), int(stops[k]), 0, None, data[starts[k] : stops[k]].tobytes(), width)
            for k in np.flatnonzero(lengths > layout.max_line_size)
        ]
    firsts, lasts = (starts, stops) if shaped is data else bounds_of_records(shaped, dialect, width)
    whole = without_records(shaped, [(firsts[number], lasts[number]) for number in unshaped])
    texts = _texts(whole, columns, checked, dialect)
    for field in checked:
        column = texts.column(field.name).combine_chunks()
        for kind, unfit in _unfit(column, field, layout):
            for row in np.flatnonzero(pc.fill_null(pc.is_in(column, unfit), False).to_numpy(zero_copy_only=False)):
                start, stop = int(starts[rows[row]]), int(stops[rows[row]])
                text = column[int(row)].as_py()
                faults.append(Fault(kind, start, stop, columns.index(field), field, text, width))
    return sorted(faults, key=lambda fault: (fault.start, fault.position))


def without(data: Bytes, faults: Sequence[Fault]) -> Bytes:
    """`data` without the records that have faults."""
    return without_records(data, [(fault.start, fault.stop) for fault in faults])


def _texts(data: Bytes, columns: Sequence[Field], checked: Sequence[Field], dialect: Dialect) -> pa.Table:
    """The bytes of values; NULL where they mean it."""
    names = [field.name for field in columns]
    types = {field.name: pa.binary() for field in checked} or {names[0]: pa.binary()}
    return read_columns(data, names, types, dialect)


def _unfit(column: pa.Array, field: Field, layout: Layout) -> list[tuple[str, pa.Array]]:
    """(what is wrong, the values) of the distinct values of a column that cannot be read."""
    values = column.unique().drop_null()
    encoded = pa.array([], pa.binary())
    if not _is_utf8(values):
        encoded = _search(values, _is_utf8)
        values = values.filter(pc.invert(pc.is_in(values, encoded)))
    found = [(INVALID_ENCODING, encoded)] if len(encoded) else []
    if field.type.kind is not TypeKind.VARCHAR:
        judge = _Judge(field, layout)
        if not judge(values) and len(bad := _search(values, judge)):
            found.append((CAST, bad))
    return found


def _search(values: pa.Array, fit: object) -> pa.Array:
    """The values that are unfit, given that some are; `fit` says whether all of an array are not."""
    assert callable(fit)
    stack, found = [values], []
    while stack:
        part = stack.pop()
        if len(part) == 1:
            found.append(part)
            continue
        half = len(part) // 2
        stack += [side for side in (part[half:], part[:half]) if not fit(side)]
    return pa.concat_arrays(found) if found else pa.array([], values.type)


def _is_utf8(values: pa.Array) -> bool:
    try:
        values.cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


class _Judge:
    """Whether texts can be read as a column: they are written as a file of one column, and that is read."""

    _DIALECT: Final = Dialect(nulls=())

    def __init__(self, field: Field, layout: Layout) -> None:
        self._field = field
        self._layout = replace(layout, dialect=self._DIALECT, max_line_size=None)

    def __call__(self, values: pa.Array) -> bool:
        if not len(values):
            return True
        inside = pc.replace_substring(values, '"', '""')
        lines = pc.binary_join_element_wise(pa.scalar(b'"', pa.binary()), inside, b'"\n', b"")
        offsets = np.frombuffer(lines.buffers()[1], np.int32)
        first, last = offsets[lines.offset], offsets[lines.offset + len(lines)]
        data = np.frombuffer(lines.buffers()[2], np.uint8)[first:last]
        try:
            parse(data, [self._field.name], [self._field], self._layout)
        except pa.ArrowInvalid:
            return False
        return True
