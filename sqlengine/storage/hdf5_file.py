"""HDF5 files, opened through the storage layer, and the objects in them, found without trusting their links.

h5py reads what describes the data (names, shapes, types, where the chunks lie). It is handed an open file, never a
path, so HDF5 itself can open nothing: links to other files are followed here, or refused.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlengine.errors import Error, FileFormatError, NotSupportedError, OperationalError
from sqlengine.storage.filesystem import file_errors, is_url, open_input

if TYPE_CHECKING:
    from pyarrow import NativeFile

# Older libraries have known ways to be crashed by a crafted file (CVE-2024-29157 to -32624, CVE-2026-26200).
_LEAST_HDF5: Final = (1, 14, 4)

# Soft and external links followed on the way to one object: beyond this they lead in a circle.
_MOST_LINKS: Final = 32
# Virtual datasets may be made of virtual ones, so deep at most.
_MOST_VISITS: Final = 8
_MOST_OBJECTS: Final = 1_000_000

# Filters that come with HDF5 and h5py: deflate, shuffle, fletcher32, szip, nbit, scaleoffset, lzf.
_USUAL_FILTERS: Final = (1, 2, 3, 4, 5, 6, 32000)


@cache
def h5py_module() -> Any:
    """The module h5py.

    Raises
    ------
    OperationalError
        If it is not installed, or brings an HDF5 library that crafted files can crash; names the remedy.
    """
    try:
        import h5py
    except ImportError as error:
        raise OperationalError(
            "reading HDF5 files needs h5py, which is not installed: pip install 'sqlengine[hdf5]'"
        ) from error
    if h5py.version.hdf5_version_tuple < _LEAST_HDF5:
        least = ".".join(map(str, _LEAST_HDF5))
        raise OperationalError(
            f"h5py was built with HDF5 {h5py.version.hdf5_version}, which crafted files can crash;"
            f" {least} or later is needed: pip install --upgrade h5py"
        )
    return h5py


@dataclass(frozen=True, slots=True)
class Place:
    """An object (h5py Group or Dataset) and the file it lies in."""

    file: Hdf5File
    item: Any

    @property
    def name(self) -> str:
        """Its path within its file."""
        return str(self.item.name)

    @property
    def is_group(self) -> bool:
        """A group, not a dataset or a named type."""
        return isinstance(self.item, h5py_module().Group)

    @property
    def is_dataset(self) -> bool:
        """A dataset."""
        return isinstance(self.item, h5py_module().Dataset)


class Hdf5File:
    """An open file; used by one thread at a time, closed by `open_hdf5`."""

    def __init__(
        self, path: str, source: NativeFile, root: Any, allow_external: bool, stack: contextlib.ExitStack, depth: int
    ) -> None:
        self.path = path
        self._depth = depth
        self.source = source
        self.size = source.size()
        self.root = root
        self.allow_external = allow_external
        self._stack = stack
        self._others: dict[str, Hdf5File] = {}

    def top(self) -> Place:
        """The root group."""
        return Place(self, self.root["/"])

    def find(self, path: str) -> Place | None:
        """The object at `path`, or None.

        Raises
        ------
        FileFormatError
            If links lead in a circle.
        NotSupportedError
            If a link leads to another file and `allow_external` is off.
        """
        return self._walk(self.top(), path, [_MOST_LINKS])

    def children(self, group: Place) -> Iterator[tuple[str, Place | None]]:
        """(name, object) of what `group` holds; None for a link that leads nowhere or to another file.

        In the order in which it was made if the group knows that, else by name.
        """
        for name in group.item:
            try:
                yield name, group.file._walk(group, name, [_MOST_LINKS])
            except NotSupportedError:
                yield name, None

    def walk(self, start: Place) -> Iterator[Place]:
        """`start` and every object of its file below it, once each, parents first; links that point elsewhere aside.

        Raises
        ------
        FileFormatError
            If there are more than a million.
        """
        h5py = h5py_module()
        # Objects are told apart by what hard links say of their places: asking HDF5 of an object itself (H5Oget_info)
        # makes it walk the index of its chunks, which takes long, and ends the process if that is damaged.
        seen: set[int] = set()
        waiting = [start.item]
        while waiting:
            item = waiting.pop()
            yield Place(start.file, item)
            if not isinstance(item, h5py.Group):
                continue
            below = []
            for name in item:
                link = item.id.links.get_info(name.encode("utf-8", "surrogateescape"))
                if link.type == h5py.h5l.TYPE_HARD and link.u not in seen:
                    seen.add(link.u)
                    below.append(item[name])
            if len(seen) > _MOST_OBJECTS:
                raise FileFormatError(f"{self.path!r} holds more than {_MOST_OBJECTS:,} HDF5 objects")
            waiting += reversed(below)

    def other(self, filename: str, what: str) -> Hdf5File:
        """The file that this one refers to by `filename`, relative to its own folder.

        Raises
        ------
        NotSupportedError
            If `allow_external` is off.
        """
        path = self.sibling(filename, what)
        found = self._others.get(path)
        if found is None:
            if len(self._others) >= _MOST_LINKS:
                raise FileFormatError(f"{self.path!r} links to more than {_MOST_LINKS} other files")
            found = self._others[path] = self._stack.enter_context(open_hdf5(path, self.allow_external))
        return found

    @contextlib.contextmanager
    def visited(self, path: str) -> Iterator[Hdf5File]:
        """The file at `path`, as `sibling` gave it and perhaps this one, open until the block ends.

        Raises
        ------
        FileFormatError
            If one visits another that visits … too deeply.
        """
        if self._depth >= _MOST_VISITS:
            raise FileFormatError(f"the virtual datasets of {self.path!r} lead in a circle")
        self._depth += 1
        try:
            if path == self.path:
                yield self
                return
            with open_hdf5(path, self.allow_external, self._depth) as file:
                yield file
        finally:
            self._depth -= 1

    def sibling(self, filename: str, what: str) -> str:
        """The path of a file named in this one, if such files may be read; see `other`."""
        if not self.allow_external:
            raise NotSupportedError(
                f"{what} of {self.path!r} lies in another file ({filename!r});"
                " read_hdf5(…, allow_external = true) reads it, if you trust this file"
            )
        if os.path.isabs(filename) and is_url(self.path):
            raise NotSupportedError(f"{what} of {self.path!r} lies in a local file ({filename!r})")
        return os.path.join(os.path.dirname(self.path), filename)

    def _walk(self, start: Place, path: str, budget: list[int]) -> Place | None:
        h5py = h5py_module()
        place = start.file.top() if path.startswith("/") else start
        for name in path.split("/"):
            if name in ("", "."):
                continue
            if not place.is_group:
                return None
            link = place.item.get(name, getlink=True)
            match link:
                case None:
                    return None
                case h5py.HardLink():
                    place = Place(place.file, place.item[name])
                    continue
                case h5py.SoftLink():
                    found = self._follow(place, link.path, budget, name)
                case h5py.ExternalLink():
                    other = place.file.other(link.filename, f"{_joined(place, name)!r}")
                    found = self._follow(other.top(), link.path, budget, name)
                case _:
                    raise NotSupportedError(f"{_joined(place, name)!r} of {self.path!r} is a link of an unknown kind")
            if found is None:
                return None
            place = found
        return place

    def _follow(self, start: Place, path: str, budget: list[int], name: str) -> Place | None:
        budget[0] -= 1
        if budget[0] < 0:
            raise FileFormatError(f"the links of {self.path!r} lead in a circle (at {name!r})")
        return self._walk(start, path, budget)


@contextlib.contextmanager
def open_hdf5(path: str, allow_external: bool, depth: int = 0) -> Iterator[Hdf5File]:
    """`path`, open until the block ends; what h5py raises within the block comes as FileFormatError.

    `depth`: how many files and datasets led to it, see `Hdf5File.visited`.

    Raises
    ------
    FileMissingError, OperationalError
        If the file is gone, may not be read, or h5py is missing.
    FileFormatError
        If it is no HDF5 file, or damaged.
    """
    h5py = h5py_module()
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(open_input(path, mapped=False))
        stack.enter_context(_hdf5_errors(path))
        root = stack.enter_context(h5py.File(source, "r"))
        yield Hdf5File(path, source, root, allow_external, stack, depth)


def check_filters(place: Place) -> list[int]:
    """The numbers of the filters that the chunks of a dataset passed when written, in that order.

    Only filters that h5py or hdf5plugin registered are used: HDF5's own search for plugins, in folders that the
    environment names, never starts.

    Raises
    ------
    NotSupportedError
        If one is not there; names it and the package that has it.
    """
    properties = place.item.id.get_create_plist()
    numbers = []
    for position in range(properties.get_nfilters()):
        number, _, _, name = properties.get_filter(position)
        if number not in _usual_filters() and number not in _plugin_filters():
            title = name.decode("ascii", "replace") if name else "of an unknown name"
            raise NotSupportedError(
                f"{place.name!r} of {place.file.path!r} is compressed by filter {number} ({title}), which is not"
                " installed; the usual ones (blosc, zstd, lz4, bitshuffle, …) come with: pip install"
                " 'sqlengine[hdf5plugin]'"
            )
        numbers.append(int(number))
    return numbers


@cache
def _usual_filters() -> frozenset[int]:
    """Those of the usual filters that this build of HDF5 has; asked with the search for plugins out of reach."""
    h5py = h5py_module()
    paths = [h5py.h5pl.get(position) for position in range(h5py.h5pl.size())]
    for _ in paths:
        h5py.h5pl.remove(0)
    try:
        return frozenset(number for number in _USUAL_FILTERS if h5py.h5z.filter_avail(number))
    finally:
        for path in paths:
            h5py.h5pl.append(path)


@cache
def _plugin_filters() -> frozenset[int]:
    try:
        import hdf5plugin
    except ImportError:
        return frozenset()
    config = hdf5plugin.get_config()
    return frozenset(hdf5plugin.FILTERS[name] for name in config.registered_filters if name in hdf5plugin.FILTERS)


@contextlib.contextmanager
def _hdf5_errors(path: str) -> Iterator[None]:
    """h5py raises almost any class for a damaged file."""
    with file_errors(path, "HDF5"):
        try:
            yield
        except (Error, OSError):
            raise
        except (RuntimeError, LookupError, ValueError, TypeError, ArithmeticError, AttributeError) as error:
            raise FileFormatError(f"{path!r} is damaged, or no HDF5 file: {error}") from error


def _joined(place: Place, name: str) -> str:
    return f"{place.name.rstrip('/')}/{name}"
