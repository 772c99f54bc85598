r"""Paths of files as text, cut at `/` or `\`: `parse_path`, `parse_filename`, `parse_dirname`, `parse_dirpath`."""

from __future__ import annotations

import os
import re
from typing import Final

from sqlengine.functions.overloads import overload
from sqlengine.functions.text_function import text_function
from sqlengine.types import BOOLEAN, VARCHAR, list_of

# What separates the parts of a path, by the name of the option; any other name means both.
_SEPARATORS: Final = {"forward_slash": "/", "backslash": "\\", "system": os.sep}


def _separators(option: str) -> str:
    return _SEPARATORS.get(option, "/\\")


def _parse_path(path: str, option: str = "both_slash") -> list[str]:
    marks = _separators(option)
    parts = [part for part in re.split(f"[{re.escape(marks)}]", path) if part]
    return [path[0], *parts] if path and path[0] in marks else parts


def _dirname(path: str, option: str = "both_slash") -> str:
    """The first part, if something follows a separator after it."""
    marks = _separators(option)
    ends = [position for position, character in enumerate(path) if character in marks]
    if not ends:
        return ""
    return path[: max(ends[0], 1)]


def _dirpath(path: str, option: str = "both_slash") -> str:
    marks = _separators(option)
    end = max((path.rfind(mark) for mark in marks), default=-1)
    return path if path and path in marks else path[: max(end, 0)]


def _filename(path: str, *options: bool | str) -> str:
    trimmed = bool(options[0]) if options and isinstance(options[0], bool) else False
    option = options[-1] if options and isinstance(options[-1], str) else "both_slash"
    name = re.split(f"[{re.escape(_separators(option))}]", path)[-1]
    return name[: name.rfind(".")] if trimmed and "." in name else name


_ONE: Final = (overload(VARCHAR, VARCHAR), overload(VARCHAR, VARCHAR, VARCHAR))

text_function(
    "parse_path",
    overload(VARCHAR, list_of(VARCHAR)),
    overload(VARCHAR, VARCHAR, list_of(VARCHAR)),
    one=_parse_path,
    example=("SELECT parse_path('/data/sales.csv')", "[/, data, sales.csv]"),
    summary="The parts of a path; separators: system, both_slash, forward_slash or backslash.",
)
text_function(
    "parse_dirname",
    *_ONE,
    one=_dirname,
    example=("SELECT parse_dirname('data/2020/sales.csv')", "data"),
    summary="The top-level folder of a path.",
)
text_function(
    "parse_dirpath",
    *_ONE,
    one=_dirpath,
    example=("SELECT parse_dirpath('data/2020/sales.csv')", "data/2020"),
    summary="The folder of a path.",
)
text_function(
    "parse_filename",
    overload(VARCHAR, VARCHAR),
    overload(VARCHAR, VARCHAR, VARCHAR),
    overload(VARCHAR, BOOLEAN, VARCHAR),
    overload(VARCHAR, BOOLEAN, VARCHAR, VARCHAR),
    one=_filename,
    example=("SELECT parse_filename('data/sales.csv', true)", "sales"),
    summary="The last part of a path; without its extension if the second argument is true.",
)
