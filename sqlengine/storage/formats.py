"""The formats that can be read, in the order in which their extensions are tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Final

from sqlengine.errors import FileFormatError, NotSupportedError, SettingError, did_you_mean
from sqlengine.storage.arrow import ArrowFormat
from sqlengine.storage.csv import CsvFormat
from sqlengine.storage.csv_rejects import CsvRejectsFormat
from sqlengine.storage.csv_sniff import CsvScansFormat, CsvSniffFormat
from sqlengine.storage.filesystem import COMPRESSIONS, FileInfo, file_name
from sqlengine.storage.format import Format
from sqlengine.storage.hdf5 import Hdf5Format
from sqlengine.storage.json import JsonFormat
from sqlengine.storage.parquet import ParquetFormat

FORMATS: Final[tuple[Format, ...]] = (ParquetFormat(), CsvFormat(), JsonFormat(), ArrowFormat(), Hdf5Format())

# What table functions read out of files besides their rows.
_ABOUT: Final[tuple[Format, ...]] = (CsvSniffFormat(), CsvRejectsFormat(), CsvScansFormat())


def find_format(name: str) -> Format:
    """The format called `name` ('parquet', 'csv'; case does not count); NotSupportedError if there is none."""
    for candidate in (*FORMATS, *_ABOUT):
        if name.lower() == candidate.name:
            return candidate
    names = [candidate.name for candidate in FORMATS]
    raise NotSupportedError(
        f"there is no file format {name!r}.{did_you_mean(name, names)} Formats: {', '.join(names)}."
    )


def choose_format(files: Sequence[FileInfo], source: str) -> Format:
    """The format that the extensions of `files` declare.

    Raises
    ------
    FileFormatError
        If an extension is unknown or the files are of several formats; says how to choose one.
    """
    by_format: dict[str, tuple[Format, list[str]]] = {}
    for file in files:
        found = format_of(file.path)
        if found is None:
            known = ", ".join(extension for candidate in FORMATS for extension in candidate.extensions)
            raise FileFormatError(
                f"the format of {file.path!r} is not known from its name (known: {known});"
                f" name the format, or give a pattern such as '*{FORMATS[0].extensions[0]}'"
            )
        by_format.setdefault(found.name, (found, []))[1].append(file.path)
    if len(by_format) > 1:
        counts = ", ".join(f"{len(paths)} {name} (e.g. {paths[0]!r})" for name, (_, paths) in by_format.items())
        pattern = next(iter(by_format.values()))[0].extensions[0]
        raise FileFormatError(
            f"{source!r} mixes file formats: {counts}; give a pattern such as '**/*{pattern}' to take one of them"
        )
    return next(iter(by_format.values()))[0]


def check_options(format_: Format, options: Mapping[str, object], general: Mapping[str, type | UnionType]) -> None:
    """Refuse options that neither `format_` nor every table (`general`) takes, or of the wrong type.

    Raises
    ------
    SettingError
        Naming the option, the nearest names and the type it takes.
    """
    known = {**general, **format_.options}
    for name, value in options.items():
        if name not in known:
            raise SettingError(
                f"reading {format_.name} files takes no option {name!r}.{did_you_mean(name, known)}"
                f" Options: {', '.join(sorted(known))}."
            )
        expected = known[name]
        text = getattr(expected, "__name__", str(expected))
        if not isinstance(value, expected) or (isinstance(value, bool) and expected is int):
            raise SettingError(f"option {name!r} takes a value of type {text}, not {value!r}")


def format_of(path: str) -> Format | None:
    """The format that the ending of `path` declares (`data.csv.gz` is CSV), or None."""
    name = file_name(path).lower()
    for ending in COMPRESSIONS:
        name = name.removesuffix(ending)
    for candidate in FORMATS:
        if name.endswith(candidate.extensions):
            return candidate
    return None
