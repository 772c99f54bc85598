"""The formats that can be written, and the checks of their options."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from sqlengine.errors import NotSupportedError, SettingError, did_you_mean
from sqlengine.storage.arrow_writing import ArrowWriting
from sqlengine.storage.csv_writing import CsvWriting
from sqlengine.storage.files.compression import COMPRESSIONS
from sqlengine.storage.hdf5_writing import Hdf5Writing
from sqlengine.storage.json_writing import JsonWriting
from sqlengine.storage.parquet_writing import ParquetWriting
from sqlengine.storage.writing import WritingFormat

WRITING_FORMATS: Final[tuple[WritingFormat, ...]] = (
    ParquetWriting(),
    CsvWriting(),
    JsonWriting(),
    ArrowWriting(),
    Hdf5Writing(),
)

# Other names of formats, and of codecs, that people use.
_FORMAT_NAMES: Final = {"h5": "hdf5", "feather": "arrow", "ndjson": "json", "jsonl": "json", "tsv": "csv"}
_CODEC_NAMES: Final = {"uncompressed": "none", "gz": "gzip", "zst": "zstd", "bzip2": "bz2", "auto": "auto"}


def find_writing_format(name: str) -> WritingFormat:
    """The format called `name`, whatever the case; NotSupportedError if there is none."""
    wanted = _FORMAT_NAMES.get(name.lower(), name.lower())
    for candidate in WRITING_FORMATS:
        if candidate.name == wanted:
            return candidate
    names = [candidate.name for candidate in WRITING_FORMATS]
    raise NotSupportedError(
        f"the file format {name!r} cannot be written.{did_you_mean(name, names)} Formats: {', '.join(names)}."
    )


def writing_format_of(path: str) -> WritingFormat | None:
    """The format that the ending of `path` declares (`data.csv.gz` is CSV), or None."""
    name = os.path.basename(path).lower()
    name = name.removesuffix(next((ending for ending in COMPRESSIONS if name.endswith(ending)), ""))
    return next((each for each in WRITING_FORMATS if name.endswith(each.endings)), None)


def compression(format_: WritingFormat, wanted: str | None, path: str) -> str | None:
    """The codec for `options["compression"]`: what COPY says, else what the ending of `path` says, if anything.

    Raises
    ------
    SettingError
        The format does not take that codec; says which ones it takes.
    """
    codec = _CODEC_NAMES.get((wanted or "auto").lower(), (wanted or "auto").lower())
    if codec == "auto":
        codec = COMPRESSIONS.get(os.path.splitext(path)[1].lower(), "auto")
        if codec == "auto":
            return None
    if codec not in format_.codecs:
        shown = ", ".join(format_.codecs)
        hint = did_you_mean(codec, format_.codecs)
        raise SettingError(f"{format_.name} files are not compressed by {codec!r}.{hint} Codecs: {shown}.")
    return codec


def check_writing_options(format_: WritingFormat, options: Mapping[str, object]) -> None:
    """Refuse options that `format_` does not take, or of the wrong type.

    Raises
    ------
    SettingError
        Names the option, the nearest names and the type it takes.
    """
    known: dict[str, type] = {"compression": str, **format_.options}
    for name, value in options.items():
        if name not in known:
            raise SettingError(
                f"writing {format_.name} files takes no option {name!r}.{did_you_mean(name, known)}"
                f" Options: {', '.join(sorted(known))}."
            )
        expected = known[name]
        if not isinstance(value, expected) or (isinstance(value, bool) and expected is int):
            raise SettingError(f"option {name!r} takes a value of type {expected.__name__}, not {value!r}")
