"""Folders walked level by level: the files that a pattern names, without a look into folders that nobody wants."""

from __future__ import annotations

import fnmatch
import functools
import glob
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sqlengine.storage.files.access import FileInfo
from sqlengine.storage.files.parallel import in_parallel

# The part of a pattern that stands for any number of folders, and at its end for all files.
ANY_DEPTH: Final = "**"

Pattern = tuple[str, ...]


class Entry(NamedTuple):
    """A name in a folder; `info` tells of the file, and None says that it is a folder (or `is_link` to one)."""

    name: str
    info: Callable[[], FileInfo | None] | None
    is_link: bool = False


@dataclass(slots=True)
class Found:
    """What a source names.

    Attributes
    ----------
    names_folders
        Whether the pattern fits folders, too.
    unlisted
        Names of the folders that were not looked into because nobody wants them.
    """

    files: list[FileInfo] = field(default_factory=list)
    names_folders: bool = False
    unlisted: list[str] = field(default_factory=list)


def walk(
    root: str,
    pattern: Pattern,
    entries: Callable[[str], Iterable[Entry]],
    is_unwanted: Callable[[str], bool] | None = None,
) -> Found:
    """The files below `root` that `pattern` names, in no order. Each folder is listed once, those of a level together.

    Parameters
    ----------
    pattern
        A name, a pattern with `*`, `?` and `[...]`, or `**` for each level. Names that start with `.` or `_` are only
        found where the pattern spells that sign out.
    entries
        Lists a folder.
    is_unwanted
        Whether a folder of that name may be left alone. The first folder of the first folder, and so on, is looked
        into all the same: its files tell what columns there are, whatever is wanted.
    """
    found = Found()
    level: list[tuple[str, Iterable[Pattern]]] = [(root, _closure(pattern))]
    while level:
        folders = [folder for folder, _ in level]
        below: list[tuple[str, Iterable[Pattern]]] = []
        for (folder, patterns), listing in zip(level, in_parallel(entries, folders, folders), strict=True):
            # As whole paths are ordered.
            for entry in sorted(listing, key=lambda each: each.name + "/"):
                rest = _behind(entry, patterns)
                if entry.info is not None:
                    info = entry.info() if () in rest else None
                    found.files += () if info is None else (info,)
                    continue
                found.names_folders |= () in rest
                rest.discard(())
                if rest and below and is_unwanted is not None and is_unwanted(entry.name):
                    found.unlisted.append(entry.name)
                elif rest:
                    below.append((os.path.join(folder, entry.name), rest))
        level = below
    return found


def is_hidden(name: str) -> bool:
    """Whether a name is one of metadata or of unfinished writes."""
    # `_year=2024` is a partition folder.
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


@functools.lru_cache(1024)
def _closure(pattern: Pattern) -> frozenset[Pattern]:
    """`pattern`, and what is left of it if its first `**` stand for nothing."""
    found = {pattern}
    while pattern and pattern[0] == ANY_DEPTH:
        pattern = pattern[1:]
        found.add(pattern)
    return frozenset(found)


def _behind(entry: Entry, patterns: Iterable[Pattern]) -> set[Pattern]:
    """What is left of `patterns` behind an entry; () if one ends with it."""
    found: set[Pattern] = set()
    name = entry.name
    for pattern in patterns:
        if pattern and pattern[0] == ANY_DEPTH:
            # Links may lead in circles.
            found |= frozenset() if is_hidden(name) or entry.is_link else _closure(pattern)
        elif pattern and _fits(name, pattern[0]):
            found |= _closure(pattern[1:])
    return found


def _fits(name: str, part: str) -> bool:
    if not glob.has_magic(part):
        return name == part
    return (not is_hidden(name) or name[0] == part[0]) and fnmatch.fnmatchcase(name, part)


def split_pattern(path: str) -> tuple[str, Pattern]:
    """The folder that the pattern `path` starts in, and the parts below it."""
    parts: Sequence[str] = path.split("/")
    first = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    return "/".join(parts[:first]) or "/", tuple(parts[first:])
