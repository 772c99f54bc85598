"""What HDF5 files hold, as tables: `read_hdf5_objects('x.h5')` and `read_hdf5_attributes('x.h5')`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa

from sqlengine.errors import NotSupportedError
from sqlengine.storage.filesystem import list_files
from sqlengine.storage.hdf5_file import Hdf5File, Place, h5py_module, open_hdf5
from sqlengine.storage.hdf5_types import sql_type_of

_LENGTHS: Final = pa.list_(pa.int64())
_OBJECTS: Final = pa.schema(
    [
        ("file", pa.string()),
        ("path", pa.string()),
        ("kind", pa.string()),
        ("type", pa.string()),
        ("shape", _LENGTHS),
        ("chunks", _LENGTHS),
        ("compression", pa.string()),
        ("stored_bytes", pa.int64()),
        ("target", pa.string()),
    ]
)
_ATTRIBUTES: Final = pa.schema(
    [("file", pa.string()), ("path", pa.string()), ("name", pa.string()), ("type", pa.string()), ("value", pa.string())]
)
# An attribute of more elements than this is data; its value is left out.
_MOST_ELEMENTS: Final = 100_000


def objects_table(pattern: str) -> pa.Table:
    """The groups, datasets and links of the files that match, parents before children, by name.

    Columns: `file`, `path`, `kind` (group, dataset, type, soft link, external link), and of datasets `type` (SQL
    type, or why there is none), `shape` (empty for a value, NULL for none), `chunks`, `compression` (filters in the
    order in which they were applied), `stored_bytes`; of links `target`. Links are not followed.
    """
    return _table(pattern, _objects, _OBJECTS)


def attributes_table(pattern: str) -> pa.Table:
    """The attributes of all objects of the files that match: `file`, `path`, `name`, `type`, `value` as text.

    Arrays are shown as JSON; values without an SQL type and those of more than 100,000 elements as NULL.
    """
    return _table(pattern, _attributes, _ATTRIBUTES)


def _table(pattern: str, rows_of: Any, schema: pa.Schema) -> pa.Table:
    rows: list[dict[str, object]] = []
    for info in list_files(pattern):
        with open_hdf5(info.path, allow_external=False) as file:
            rows += rows_of(file)
    return pa.Table.from_pylist(rows, schema)


def _objects(file: Hdf5File) -> Iterator[dict[str, object]]:
    h5py = h5py_module()
    for place in file.walk(file.top()):
        row = {"file": file.path, "path": place.name}
        if place.is_dataset:
            yield {**row, "kind": "dataset", **_facts(place)}
            continue
        yield {**row, "kind": "group" if place.is_group else "type"}
        for name in sorted(place.item) if place.is_group else ():
            link = place.item.get(name, getlink=True)
            path = f"{place.name.rstrip('/')}/{name}"
            if isinstance(link, h5py.SoftLink):
                yield {**row, "path": path, "kind": "soft link", "target": link.path}
            elif isinstance(link, h5py.ExternalLink):
                yield {**row, "path": path, "kind": "external link", "target": f"{link.filename}:{link.path}"}


def _facts(place: Place) -> dict[str, object]:
    """What is known of a dataset without reading it."""
    properties = place.item.id.get_create_plist()
    shape, chunks = place.item.shape, place.item.chunks
    filters = [properties.get_filter(position)[3] for position in range(properties.get_nfilters())]
    return {
        "type": _type(place.item.dtype)[0],
        "shape": None if shape is None else list(shape),
        "chunks": None if chunks is None else list(chunks),
        "compression": ", ".join(each.decode("utf-8", "replace") for each in filters) or None,
        "stored_bytes": place.item.id.get_storage_size(),
    }


def _type(dtype: np.dtype[Any]) -> tuple[str, bool]:
    """The SQL type, or why there is none; and whether there is one."""
    try:
        return str(sql_type_of(dtype)), True
    except NotSupportedError as error:
        return error.message, False


def _attributes(file: Hdf5File) -> Iterator[dict[str, object]]:
    h5py = h5py_module()
    for place in file.walk(file.top()):
        for name in sorted(place.item.attrs):
            found = h5py.h5a.open(place.item.id, name.encode("utf-8", "surrogateescape"))
            type_, is_readable = _type(found.dtype)
            is_small = found.get_space().get_simple_extent_npoints() <= _MOST_ELEMENTS
            value = _as_text(place.item.attrs[name]) if is_readable and is_small else None
            yield {"file": file.path, "path": place.name, "name": name, "type": type_, "value": value}


def _as_text(value: Any) -> str | None:
    if isinstance(value, h5py_module().Empty):
        return None
    plain = _plain(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    match value:
        case np.void() if value.dtype.names is not None:
            return {name: _plain(value[name]) for name in value.dtype.names}
        case np.ndarray():
            return [_plain(each) for each in value]
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case complex():
            return {"r": value.real, "i": value.imag}
        case np.datetime64() | np.timedelta64():
            return str(value)
        case np.generic():
            return _plain(value.item()) if not isinstance(value.item(), np.generic) else str(value)
        case _:
            return value
