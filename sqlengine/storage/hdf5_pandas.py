"""What `DataFrame.to_hdf` and `Series.to_hdf` wrote, in both of pandas' formats; nothing is unpickled.

::

    format='table'   df/table: (index, values_block_0 DOUBLE[2], s)    names in attributes of df and df/table
    format='fixed'   df/axis1 (index), df/block0_items (names), df/block0_values (rows x names), df/block1_…

The index comes first, as a column `index` unless it has a name; the levels of a MultiIndex are columns by their names.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sqlengine.errors import FileFormatError, NotSupportedError
from sqlengine.storage.hdf5_array import StoredArray
from sqlengine.storage.hdf5_columns import Column, Stored
from sqlengine.storage.hdf5_file import Hdf5File, Place, h5py_module
from sqlengine.storage.hdf5_types import Reading, sql_type_of, to_arrow
from sqlengine.storage.plain_pickle import read_plain_pickle
from sqlengine.types import (
    BOOLEAN,
    INTERVAL,
    TIMESTAMP,
    TIMESTAMP_MS,
    TIMESTAMP_NS,
    TIMESTAMP_S,
    TIMESTAMPTZ,
    VARCHAR,
    SqlType,
)

_UNITS: Final[dict[str, SqlType]] = {"s": TIMESTAMP_S, "ms": TIMESTAMP_MS, "us": TIMESTAMP, "ns": TIMESTAMP_NS}
_INDEXES: Final = ("integer", "float", "string", "bool", "datetime64", "timedelta64")
_MOST_CATEGORIES: Final = 1_000_000

Found = tuple[list[Column], list[StoredArray]]


def pandas_groups(file: Hdf5File) -> list[Place]:
    """The groups that pandas wrote, those within others (categories) aside."""
    found: list[Place] = []
    for place in file.walk(file.top()):
        if place.is_group and "pandas_type" in place.item.attrs:
            inside = any(place.name.startswith(f"{outer.name.rstrip('/')}/") for outer in found)
            found += [] if inside else [place]
    return found


def pandas_columns(group: Place, path: str) -> Found:
    """The columns of the frame or series in `group`, which the main file has at `path`.

    Raises
    ------
    NotSupportedError
        For what pandas no longer writes, and frames whose column names are pickled objects.
    """
    kind = _text(group, "pandas_type")
    encoding = _text(group, "encoding").upper()
    if encoding not in ("", "UTF-8", "ASCII"):
        raise NotSupportedError(f"{_title(group)} holds text in {encoding}; only UTF-8 is read")
    match kind:
        case "frame_table" | "series_table":
            return _table(group, path.rstrip("/"))
        case "frame":
            return _fixed_frame(group, path.rstrip("/"))
        case "series":
            return _fixed_series(group, path.rstrip("/"))
        case _:
            raise NotSupportedError(f"{_title(group)} is a pandas object of the kind {kind!r}, which cannot be read")


# -- format='table' -----------------------------------------------------------------------------


def _table(group: Place, path: str) -> Found:
    array = _array(group, "table")
    info = _plain(group, "info") if "info" in group.item.attrs else {}
    has_levels = isinstance(_plain(group, "levels"), list)
    index: list[Column] = []
    columns: list[Column] = []
    for field in array.dtype.names or ():
        facts = info.get(field, {}) if isinstance(info, dict) else {}
        source = Stored(f"{path}/table", (field,))
        dtype = array.dtype[field]
        if field != "index":
            cells = [None] if dtype.subdtype is None else range(dtype.shape[0])
            names = _names(array.place, f"{field}_kind")
            for name, cell in zip(names, cells, strict=True):
                columns.append(_table_column(group, array, field, name, Stored(source.dataset, (field,), cell), facts))
        elif not has_levels:
            # With levels the index only counts the rows.
            title = facts.get("index_name")
            title = title if isinstance(title, str) else field
            index.append(_index_column(array.place, source, title, dtype, _text(array.place, "index_kind"), facts))
    axes = _plain(group, "non_index_axes")
    order = {_name(group, name): k for k, name in enumerate(axes[0][1])} if axes else {}
    columns.sort(key=lambda column: order.get(column[0], len(order)))
    return [*index, *columns], [array]


def _table_column(
    group: Place, array: StoredArray, field: str, name: str, source: Stored, facts: dict[str, Any]
) -> Column:
    dtype = array.dtype[field].base
    meta = _text(array.place, f"{field}_meta")
    if meta == "category":
        return _with(name, source, dtype, _categories(group, field))
    reading = _meaning(_text(array.place, f"{field}_dtype"), "tz" in facts)
    if reading is None and dtype.kind == "S":
        reading = Reading(VARCHAR, null_text=_text(array.place, f"{field}_nan_rep") or "nan")
    return _with(name, source, dtype, reading)


def _categories(group: Place, field: str) -> Reading:
    """The values that the numbers of a categorical column stand for."""
    place = group.file.find(f"{group.name}/meta/{field}/meta/table")
    if place is None:
        return Reading(VARCHAR, labels=())
    array = StoredArray(place)
    if array.shape[0] > _MOST_CATEGORIES or "values" not in (array.dtype.names or ()):
        raise NotSupportedError(f"{_title(group)} has categories of {field!r} that cannot be read")
    values, dtype = array.rows(0, array.shape[0])["values"], array.dtype["values"]
    if _meaning(_text(place, "values_dtype"), False) is not None:
        raise NotSupportedError(f"{_title(group)} has categories of {field!r} that are times or truth values")
    return Reading(sql_type_of(dtype), labels=tuple(to_arrow(values, dtype).to_pylist()))


# -- format='fixed' -----------------------------------------------------------------------------


def _fixed_frame(group: Place, path: str) -> Found:
    order = {name: k for k, name in enumerate(_items(group, "axis0"))}
    first = _array(group, "axis1")
    arrays = [first]
    index = _fixed_index(group, f"{path}/axis1", first)
    columns: list[Column] = []
    for number in range(int(group.item.attrs["nblocks"])):
        names = _items(group, f"block{number}_items")
        values = group.file.find(f"{group.name}/block{number}_values")
        dataset = f"{path}/block{number}_values"
        if values is not None and _text(values, "PSEUDOATOM") == "object":
            reason = "it holds pickled Python objects, which are never unpickled from a file"
            columns += [(name, Stored(dataset), reason) for name in names]
            continue
        array = _array(group, f"block{number}_values")
        if array.shape[1:] != (len(names),) or not array.place.item.attrs.get("transposed"):
            raise NotSupportedError(f"{_title(group)} has a block of an unknown form: {array.place.name!r}")
        arrays.append(array)
        reading = _fixed_meaning(array)
        columns += [_with(name, Stored(dataset, (), k), array.dtype, reading) for k, name in enumerate(names)]
    columns.sort(key=lambda column: order.get(column[0], len(order)))
    return [index, *columns], arrays


def _fixed_series(group: Place, path: str) -> Found:
    index, values = _array(group, "index"), _array(group, "values")
    name = _text(group, "name")
    title = "values" if name in ("", "N.") else name
    column = _with(title, Stored(f"{path}/values"), values.dtype, _fixed_meaning(values))
    if _text(values.place, "PSEUDOATOM") == "object":
        column = (title, Stored(f"{path}/values"), "it holds pickled Python objects, which are never unpickled")
    return [_fixed_index(group, f"{path}/index", index), column], [index, values]


def _fixed_index(group: Place, path: str, array: StoredArray) -> Column:
    if _text(group, f"{path.rsplit('/', 1)[-1]}_variety") not in ("", "regular"):
        raise NotSupportedError(f"{_title(group)} has a MultiIndex in the fixed format, which cannot be read")
    name = _text(array.place, "name")
    facts = {"tz": True} if "tz" in array.place.item.attrs else {}
    title = "index" if name in ("", "N.") else name
    return _index_column(array.place, Stored(path), title, array.dtype, _text(array.place, "kind"), facts)


def _fixed_meaning(array: StoredArray) -> Reading | None:
    # PyTables stores truth values as bit fields.
    is_bits = array.place.item.id.get_type().get_class() == h5py_module().h5t.BITFIELD
    return _meaning("bool" if is_bits else _text(array.place, "value_type"), "tz" in array.place.item.attrs)


def _items(group: Place, name: str) -> list[str]:
    """Column names that are a dataset of text or of numbers."""
    array = _array(group, name)
    if _text(array.place, "kind") not in ("string", "integer") or _text(group, f"{name}_variety") != "regular":
        raise NotSupportedError(f"{_title(group)} has column names that are neither text nor whole numbers")
    return [str(each) for each in to_arrow(array.rows(0, array.shape[0]), array.dtype).to_pylist()]


# -- both ---------------------------------------------------------------------------------------


def _index_column(
    place: Place, source: Stored, name: str, dtype: np.dtype[Any], kind: str, facts: dict[str, Any]
) -> Column:
    if not kind.startswith(_INDEXES):
        return name, source, f"it holds an index of the kind {kind!r}"
    return _with(name, source, dtype, _meaning(kind, facts.get("tz") is not None))


def _with(name: str, source: Stored, dtype: np.dtype[Any], reading: Reading | None) -> Column:
    source = Stored(source.dataset, source.fields, source.cell, reading)
    if reading is not None:
        return name, source, reading.type
    try:
        return name, source, sql_type_of(dtype)
    except NotSupportedError as error:
        return name, source, f"it holds {error.message}"


def _meaning(stored: str, aware: bool) -> Reading | None:
    """How values are to be read that pandas says are of the dtype `stored`; nanoseconds unless it has a unit."""
    family, _, unit = stored.partition("[")
    unit = unit.rstrip("]").split(",")[0] or "ns"
    if unit not in _UNITS:
        return None
    match family:
        case "datetime64":
            return Reading(TIMESTAMPTZ if aware else _UNITS[unit], unit)
        case "timedelta64":
            return Reading(INTERVAL, unit)
        case "bool":
            return Reading(BOOLEAN)
        case _:
            return None


def _array(group: Place, name: str) -> StoredArray:
    place = group.file.find(f"{group.name}/{name}")
    if place is None or not place.is_dataset or not place.item.shape:
        raise FileFormatError(f"{_title(group)} is incomplete: it has no dataset {name!r} with values")
    return StoredArray(place)


def _names(place: Place, attribute: str) -> list[str]:
    found = _plain(place, attribute)
    if not isinstance(found, list):
        raise FileFormatError(f"attribute {attribute!r} of {_title(place)} is no list of names")
    return [_name(place, name) for name in found]


def _name(place: Place, name: object) -> str:
    if isinstance(name, str | int | float):
        return str(name)
    raise NotSupportedError(f"{_title(place)} has a column whose name is neither text nor a number")


def _plain(place: Place, attribute: str) -> Any:
    """An attribute that PyTables may have pickled; numbers are not."""
    stored = place.item.attrs.get(attribute)
    if not isinstance(stored, bytes):
        return stored
    try:
        return read_plain_pickle(bytes(stored))
    except ValueError as error:
        raise FileFormatError(f"attribute {attribute!r} of {_title(place)} cannot be read: {error}") from error


def _text(place: Place, attribute: str) -> str:
    """An attribute that is text; '' if there is none."""
    stored = place.item.attrs.get(attribute, b"")
    if isinstance(stored, bytes):
        return stored.decode("utf-8", "replace")
    return stored if isinstance(stored, str) else ""


def _title(place: Place) -> str:
    return f"{place.name!r} of {place.file.path!r}"
