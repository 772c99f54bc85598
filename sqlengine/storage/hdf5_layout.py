"""Which columns an HDF5 file has: the datasets that make up its table, and how they are laid out as columns.

::

    /x (3)   /y (3)         group: one row for each step of the first dimension         x  y
    /m (2, 3)               layout = 'columns'                                          c0 c1 c2
    /m (2, 3)               layout = 'array'                                            m DOUBLE[3]
    /m (2, 3)               layout = 'long'                                             dim0 dim1 value
    /t (3) of {a, b}        compound: its fields                                        a  b
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Any, Final

import numpy as np

from sqlengine.errors import FileFormatError, NotSupportedError, SettingError, did_you_mean
from sqlengine.storage.filesystem import FileInfo
from sqlengine.storage.format import Field, Options
from sqlengine.storage.hdf5_array import StoredArray
from sqlengine.storage.hdf5_columns import Column, Layout, Position, Source, Stored
from sqlengine.storage.hdf5_file import Hdf5File, Place, open_hdf5
from sqlengine.storage.hdf5_pandas import pandas_columns, pandas_groups
from sqlengine.storage.hdf5_types import nested_array, sql_type_of
from sqlengine.storage.schema import unique_names
from sqlengine.types import BIGINT, NULL, SqlType

_LAYOUTS: Final = ("columns", "array", "long")
_MOST_COLUMNS: Final = 200_000
_MOST_LAYOUTS: Final = 64
_SHOWN: Final = 12


_layouts: OrderedDict[tuple[FileInfo, str], Layout] = OrderedDict()
_lock = threading.Lock()


def layout_of(info: FileInfo, options: Options) -> Layout:
    """The table that `options` make of a file; kept in memory for the files met last.

    Raises
    ------
    FileFormatError
        If the file is damaged, or it takes options to choose among what it holds; lists that.
    """
    key = info, repr(sorted(options.items()))
    with _lock:
        known = _layouts.get(key)
        if known is not None:
            _layouts.move_to_end(key)
            return known
    with open_hdf5(info.path, bool(options.get("allow_external"))) as file:
        found = _find_layout(file, options)
    with _lock:
        _layouts[key] = found
        if len(_layouts) > _MOST_LAYOUTS:
            _layouts.popitem(last=False)
    return found


def describe(place: Place) -> str:
    """`'/g/x' (float32, 100 x 3)`."""
    try:
        kind = str(sql_type_of(place.item.dtype))
    except NotSupportedError as error:
        kind = error.message
    shape = place.item.shape
    size = "empty" if shape is None else " x ".join(map(str, shape)) or "scalar"
    return f"{place.name!r} ({kind if len(kind) < 60 else 'compound'}, {size})"


def _find_layout(file: Hdf5File, options: Options) -> Layout:
    kind = str(options.get("layout", "columns"))
    if kind not in _LAYOUTS:
        raise SettingError(f"option 'layout' takes {', '.join(map(repr, _LAYOUTS))}, not {kind!r}")
    dataset, group = options.get("dataset"), options.get("group")
    if dataset is not None and group is not None:
        raise SettingError("give 'dataset' or 'group', not both")
    if dataset is not None:
        place = _named(file, str(dataset), "dataset")
        return _lay_out(file, [(str(dataset), place)], kind, options)
    if group is not None:
        place = _named(file, str(group), "group")
        if "pandas_type" in place.item.attrs:
            return _layout(*pandas_columns(place, str(group)), ())
        return _lay_out(file, _members(place, str(group)), kind, options)
    frames = pandas_groups(file)
    if len(frames) == 1 and not _outside(file, frames[0]):
        return _layout(*pandas_columns(frames[0], frames[0].name), ())
    return _lay_out(file, _only_choice(file, frames), kind, options)


def _named(file: Hdf5File, path: str, what: str) -> Place:
    """The dataset or group that an option names."""
    found = file.find(path)
    if found is not None and (found.is_dataset if what == "dataset" else found.is_group):
        return found
    places = [place for place in file.walk(file.top()) if (place.is_dataset if what == "dataset" else place.is_group)]
    hint = did_you_mean(path, [place.name for place in places])
    raise FileFormatError(f"{file.path!r} has no {what} {path!r}.{hint}{_listing(places)}")


def _members(group: Place, path: str) -> list[tuple[str, Place]]:
    """The datasets of a group, by their paths; those without dimensions are not columns."""
    members = [(name, place) for name, place in group.file.children(group) if place is not None and place.is_dataset]
    columns = [(name, place) for name, place in members if place.item.shape]
    if not columns:
        places = [place for place in group.file.walk(group) if place.is_dataset]
        raise FileFormatError(
            f"the group {group.name!r} of {group.file.path!r} has no datasets of at least one dimension."
            f"{_listing(places)}"
        )
    if len({place.item.shape[0] for _, place in columns}) > 1:
        raise FileFormatError(
            f"the datasets of group {group.name!r} of {group.file.path!r} have different lengths;"
            f" choose one of them by dataset = '…'.{_listing([place for _, place in columns])}"
        )
    return [(f"{path.rstrip('/')}/{name}", place) for name, place in columns]


def _outside(file: Hdf5File, *groups: Place) -> list[Place]:
    """The datasets with dimensions that are not in `groups`, nor indexes that PyTables keeps of its tables."""
    below = tuple(f"{group.name}/" for group in groups)
    return [
        place
        for place in file.walk(file.top())
        if place.is_dataset and place.item.shape and "/_i_" not in place.name and not place.name.startswith(below)
    ]


def _only_choice(file: Hdf5File, frames: Sequence[Place]) -> list[tuple[str, Place]]:
    """What a file without options means: its only dataset, or its only group of equally long 1-D datasets."""
    places = [*frames, *_outside(file, *frames)]
    if not places:
        raise FileFormatError(f"{file.path!r} holds no datasets of at least one dimension")
    if len(places) == 1 and not frames:
        return [(places[0].name, places[0])]
    folders = {place.name.rsplit("/", 1)[0] for place in places}
    flat = not frames and all(len(place.item.shape) == 1 and place.item.dtype.names is None for place in places)
    if len(folders) == 1 and flat and len({place.item.shape[0] for place in places}) == 1:
        return [(place.name, place) for place in places]
    raise FileFormatError(
        f"{file.path!r} holds several tables; choose by read_hdf5(…, dataset = '/path') or group = '/path'."
        f"{_listing(places)}"
    )


def _listing(places: Sequence[Place]) -> str:
    """What there is, for an error."""
    if not places:
        return ""
    shown = [describe(place) if place.is_dataset else repr(place.name) for place in places[:_SHOWN]]
    more = f", and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
    return f" There is: {', '.join(shown)}{more}."


def _lay_out(file: Hdf5File, datasets: Sequence[tuple[str, Place]], kind: str, options: Options) -> Layout:
    """Columns of datasets, given by their paths, whose first dimensions are equally long."""
    columns: list[Column] = []
    arrays = []
    inner: tuple[int, ...] = ()
    for _, place in datasets:
        if place.item.shape is None or not place.item.shape:
            raise FileFormatError(f"{describe(place)} of {file.path!r} has no dimensions: it is a value, not a column")
        arrays.append(StoredArray(place))
    shapes = {array.shape for array in arrays}
    if kind == "long":
        if len(shapes) > 1:
            raise FileFormatError(
                f"layout = 'long' needs datasets of one shape.{_listing([place for _, place in datasets])}"
            )
        shape = next(iter(shapes))
        inner = shape[1:]
        columns += [(f"dim{axis}", Position(axis), BIGINT) for axis in range(len(shape))]
    alone = len(datasets) == 1
    for (path, _), array in zip(datasets, arrays, strict=True):
        name, rest = path.rstrip("/").rsplit("/", 1)[-1], array.shape[1:]
        if kind == "long":
            columns += _values(array, path, "value" if alone else name, ())
        elif alone and kind == "columns" and rest and array.dtype.names is None:
            columns += _cells(array, path)
        else:
            columns += _values(array, path, name, rest)
    plain = {Stored(path) for (path, _), array in zip(datasets, arrays, strict=True) if array.is_plain}
    return _layout(columns, arrays, inner, plain)


def _layout(
    columns: Sequence[Column], arrays: Sequence[StoredArray], inner: tuple[int, ...], plain: Collection[Source] = ()
) -> Layout:
    """The columns of `arrays`; `plain` are sources of numbers that lie in the file as in memory."""
    if len({array.shape[0] for array in arrays}) > 1:
        raise FileFormatError(
            f"{arrays[0].place.file.path!r} is damaged: its columns have different lengths."
            f"{_listing([array.place for array in arrays])}"
        )
    names = unique_names([name for name, _, _ in columns])
    types = [NULL if isinstance(type_, str) else type_ for _, _, type_ in columns]
    return Layout(
        tuple(map(Field, names, types)),
        {name: source for name, (_, source, _) in zip(names, columns, strict=True)},
        {name: reason for name, (_, _, reason) in zip(names, columns, strict=True) if isinstance(reason, str)},
        arrays[0].shape[0],
        inner,
        max(array.unit for array in arrays),
        sum(array.row_bytes for array in arrays),
        frozenset(
            name
            for name, (_, source, _) in zip(names, columns, strict=True)
            if source in plain or isinstance(source, Position)
        ),
    )


def _cells(array: StoredArray, path: str) -> list[Column]:
    """A matrix: a column for each step of its second dimension."""
    if len(array.shape) > 2:
        raise NotSupportedError(
            f"{describe(array.place)} of {array.place.file.path!r} has more than two dimensions;"
            " read it with layout = 'long' or layout = 'array'"
        )
    if array.shape[1] > _MOST_COLUMNS:
        raise NotSupportedError(
            f"{describe(array.place)} of {array.place.file.path!r} has too many columns; read it with layout = 'long'"
        )
    type_ = _type(array.place, array.dtype, ())
    return [(f"c{cell}", Stored(path, (), cell), type_) for cell in range(array.shape[1])]


def _values(array: StoredArray, path: str, name: str, rest: tuple[int, ...]) -> list[Column]:
    """One column, or one for each field of a compound type; `rest` are dimensions that become an ARRAY."""
    dtype = array.dtype
    if dtype.names is None:
        return [(name, Stored(path), _type(array.place, dtype, rest))]
    return [(each, Stored(path, (each,)), _type(array.place, dtype[each], rest)) for each in dtype.names]


def _type(place: Place, dtype: np.dtype[Any], rest: tuple[int, ...]) -> SqlType | str:
    """The type of a column, or why it has none."""
    attributes = place.item.attrs
    if "PSEUDOATOM" in attributes and bytes(attributes["PSEUDOATOM"]) == b"object":
        return "it holds pickled Python objects, which are never unpickled from a file"
    try:
        return nested_array(sql_type_of(dtype), rest)
    except NotSupportedError as error:
        return f"it holds {error.message}"
