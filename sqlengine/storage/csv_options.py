"""The options of `read_csv` and its kin, checked and with their defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlengine.errors import NotSupportedError, SettingError
from sqlengine.storage.format import Options
from sqlengine.storage.type_names import parse_nested_type_name, parse_type_name
from sqlengine.types import SqlType

# Encodings that files may have, with Python's name.
ENCODINGS: Final[dict[str, str]] = {
    "utf-8": "utf8",
    "utf8": "utf8",
    "latin-1": "latin-1",
    "latin1": "latin-1",
    "iso-8859-1": "latin-1",
    "cp1252": "cp1252",
    "windows-1252": "cp1252",
    "utf-16": "utf-16",
    "utf16": "utf-16",
}

# DuckDB's other names of options.
_SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "delim": ("sep", "separator", "delimiter"),
    "nullstr": ("null",),
    "dateformat": ("date_format",),
    "timestampformat": ("timestamp_format",),
    "types": ("column_types", "dtypes"),
    "names": ("column_names",),
    "sample_size": ("sample_rows",),
    "max_line_size": ("maximum_line_size",),
}

_LINE_ENDS: Final = {"\\n": "\n", "\\r\\n": "\r\n", "\\r": "\r", "\n": "\n", "\r\n": "\r\n", "\r": "\r"}

# Texts, lists and mappings alike.
_MIXED: Final = object

_TYPES: Final[Mapping[str, type]] = {
    "delim": str,
    "quote": str,
    "escape": str,
    "comment": str,
    "new_line": str,
    "header": bool,
    "skip": int,
    "nullstr": _MIXED,
    "allow_quoted_nulls": bool,
    "force_not_null": list,
    "encoding": str,
    "columns": dict,
    "types": _MIXED,
    "names": list,
    "normalize_names": bool,
    "auto_detect": bool,
    "auto_type_candidates": list,
    "all_varchar": bool,
    "dateformat": str,
    "timestampformat": str,
    "decimal_separator": str,
    "thousands": str,
    "null_padding": bool,
    "strict_mode": bool,
    "max_line_size": int,
    "ignore_errors": bool,
    "store_rejects": bool,
    "rejects_table": str,
    "rejects_scan": str,
    "rejects_limit": int,
    "compression": str,
    "sample_size": int,
    "files_to_sniff": int,
}
OPTION_TYPES: Final[Mapping[str, type]] = {
    spelled: type_ for name, type_ in _TYPES.items() for spelled in (name, *_SYNONYMS.get(name, ()))
}


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How CSV files are read; the attributes are the options of `CsvFormat`.

    Attributes
    ----------
    delimiter, quote, escape, comment, header, skip
        None: to be guessed. `escape` and `comment` are '' for none.
    nulls
        Texts that mean NULL.
    types
        Types of some columns by lower-case name, or of the first ones by position.
    sample_rows
        Rows that types are guessed from; -1: all.
    sample_files
        Files that they are from; 0: all.
    candidates
        The types that may be guessed, VARCHAR aside; None: the usual ones.
    rejects_limit
        Rejected rows of a file that are told; 0: all.
    max_line_size
        Bytes that a record may have; None: any number.
    """

    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    comment: str | None = None
    line_end: str | None = None
    header: bool | None = None
    skip: int | None = None
    nulls: tuple[str, ...] = ("",)
    quoted_nulls: bool = True
    not_null: tuple[str, ...] = ()
    encoding: str = "utf8"
    columns: Mapping[str, SqlType] = field(default_factory=dict)
    types: Mapping[str, SqlType] | Sequence[SqlType] = ()
    names: tuple[str, ...] = ()
    normalize_names: bool = False
    candidates: tuple[SqlType, ...] | None = None
    all_varchar: bool = False
    date_format: str | None = None
    timestamp_format: str | None = None
    decimal_point: str = "."
    thousands: str = ""
    null_padding: bool = False
    max_line_size: int | None = None
    ignore_errors: bool = False
    rejects_limit: int = 0
    sample_rows: int = 20_480
    sample_files: int = 32


def csv_options(options: Options) -> CsvOptions:
    """`options` of a query, whose types have been checked.

    Raises
    ------
    SettingError
        On a value that is none of those an option takes.
    NotSupportedError
        strict_mode = false.
    """
    given = _by_main_name(options)
    if given.get("strict_mode") is False:
        raise NotSupportedError(
            "strict_mode = false; null_padding = true fills short rows up, ignore_errors = true skips unfit ones"
        )
    defaults = CsvOptions()
    detects = given.get("auto_detect") is not False
    if not detects and "columns" not in given:
        raise SettingError("auto_detect = false needs the columns: columns = {'name': 'VARCHAR', …}")
    quote = _character(given, "quote")
    point, thousands = _character(given, "decimal_separator") or ".", _character(given, "thousands") or ""
    if point not in (".", ","):
        raise SettingError(f"option 'decimal_separator' takes '.' or ',', not {point!r}")
    if thousands and (thousands == point or thousands.isalnum() or thousands in "+-"):
        raise SettingError(f"option 'thousands' takes a sign other than the decimal separator, not {thousands!r}")
    return CsvOptions(
        delimiter=_delimiter(given, detects),
        quote=quote if quote is not None or detects else '"',
        escape=_character(given, "escape"),
        comment=_character(given, "comment") if detects or "comment" in given else "",
        line_end=_line_end(given),
        header=_flag(given, "header", None if detects else False),
        skip=_count(given, "skip", None if detects else 0),
        nulls=_texts(given, "nullstr", defaults.nulls),
        quoted_nulls=given.get("allow_quoted_nulls") is not False,
        not_null=_texts(given, "force_not_null", ()),
        encoding=_encoding(given),
        columns=_type_mapping(given.get("columns")),
        types=_types(given.get("types")),
        names=_texts(given, "names", ()),
        normalize_names=bool(given.get("normalize_names")),
        candidates=_candidates(given),
        all_varchar=bool(given.get("all_varchar")),
        date_format=_format(given, "dateformat"),
        timestamp_format=_format(given, "timestampformat"),
        decimal_point=point,
        thousands=thousands,
        null_padding=bool(given.get("null_padding")),
        max_line_size=_count(given, "max_line_size", None),
        ignore_errors=_ignores_errors(given),
        rejects_limit=_count(given, "rejects_limit", 0) or 0,
        sample_rows=_sample(given, "sample_size", defaults.sample_rows),
        sample_files=max(0, _sample(given, "files_to_sniff", defaults.sample_files)),
    )


def stores_rejects(options: Options) -> bool:
    """Whether the rows that are skipped are to be told afterwards; the names of the tables ask for it too."""
    return bool(options.get("store_rejects")) or "rejects_table" in options or "rejects_scan" in options


def _by_main_name(options: Options) -> dict[str, object]:
    given: dict[str, object] = {}
    names: dict[str, str] = {}
    main = {other: name for name, others in _SYNONYMS.items() for other in others}
    for spelled, value in options.items():
        name = main.get(spelled, spelled)
        if name in given:
            raise SettingError(f"options {names[name]!r} and {spelled!r} say the same; give one of them")
        given[name], names[name] = value, spelled
    return given


def _character(given: Mapping[str, object], name: str) -> str | None:
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > 1 or not value.isascii() or value in ("\n", "\r"):
        raise SettingError(f"option {name!r} takes one ASCII character, not {value!r}")
    return value


def _delimiter(given: Mapping[str, object], detects: bool) -> str | None:
    if given.get("delim") == "\\t":
        return "\t"
    delimiter = _character(given, "delim")
    if delimiter == "":
        raise SettingError("option 'delim' takes one character")
    return delimiter if delimiter is not None or detects else ","


def _line_end(given: Mapping[str, object]) -> str | None:
    value = given.get("new_line")
    if value is None:
        return None
    if value not in _LINE_ENDS:
        raise SettingError(rf"option 'new_line' takes '\n', '\r\n' or '\r', not {value!r}")
    return _LINE_ENDS[str(value)]


def _flag(given: Mapping[str, object], name: str, default: bool | None) -> bool | None:
    return default if given.get(name) is None else bool(given[name])


def _count(given: Mapping[str, object], name: str, default: int | None) -> int | None:
    value = given.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or value < 0:
        raise SettingError(f"option {name!r} takes a number of at least 0, not {value!r}")
    return value


def _texts(given: Mapping[str, object], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = given.get(name)
    if value is None:
        return default
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list | tuple) or not values or not all(isinstance(each, str) for each in values):
        raise SettingError(f"option {name!r} takes texts, not {value!r}")
    return tuple(values)


def _encoding(given: Mapping[str, object]) -> str:
    encoding = str(given.get("encoding", "utf-8")).lower()
    if encoding not in ENCODINGS:
        raise SettingError(f"option 'encoding' takes one of {', '.join(ENCODINGS)}; not {encoding!r}")
    return ENCODINGS[encoding]


def _type_mapping(given: object) -> dict[str, SqlType]:
    if not isinstance(given, Mapping):
        return {}
    return {str(name): parse_nested_type_name(text) for name, text in given.items()}


def _types(given: object) -> Mapping[str, SqlType] | Sequence[SqlType]:
    if given is None or isinstance(given, Mapping):
        return {name.lower(): type_ for name, type_ in _type_mapping(given).items()}
    if not isinstance(given, list | tuple):
        raise SettingError(f"option 'types' takes names with types, or a list of types, not {given!r}")
    return tuple(parse_nested_type_name(text) for text in given)


def _candidates(given: Mapping[str, object]) -> tuple[SqlType, ...] | None:
    names = given.get("auto_type_candidates")
    return tuple(parse_type_name(name) for name in names) if isinstance(names, list | tuple) else None


def _format(given: Mapping[str, object], name: str) -> str | None:
    value = given.get(name)
    return None if value in (None, "") else str(value)


def _ignores_errors(given: Mapping[str, object]) -> bool:
    if stores_rejects(given):
        if given.get("ignore_errors") is False:
            raise SettingError("store_rejects skips the rows that it stores; it does not go with ignore_errors = false")
        return True
    return bool(given.get("ignore_errors"))


def _sample(given: Mapping[str, object], name: str, default: int) -> int:
    number = given.get(name, default)
    if not isinstance(number, int) or number < -1 or number == 0:
        raise SettingError(f"option {name!r} takes a number, or -1 for all; not {number!r}")
    return number
