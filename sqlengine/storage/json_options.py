"""The options of `read_json` and its kin, checked and with their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlengine.errors import SettingError, did_you_mean
from sqlengine.storage.format import Options
from sqlengine.storage.type_names import parse_nested_type_name
from sqlengine.types import SqlType

NEWLINE_DELIMITED: Final = "newline_delimited"
ARRAY: Final = "array"
UNSTRUCTURED: Final = "unstructured"
AUTO: Final = "auto"

_FORMATS: Final = {"nd": NEWLINE_DELIMITED, **{name: name for name in (AUTO, NEWLINE_DELIMITED, ARRAY, UNSTRUCTURED)}}
_RECORDS: Final[dict[object, bool | None]] = {"auto": None, "true": True, "false": False, True: True, False: False}

OPTION_TYPES: Final[Mapping[str, type]] = {
    "format": str,
    "records": object,
    "columns": dict,
    "auto_detect": bool,
    "ignore_errors": bool,
    "maximum_depth": int,
    "maximum_object_size": int,
    "sample_size": int,
    "sample_rows": int,
    "maximum_sample_files": int,
    "dateformat": str,
    "date_format": str,
    "timestampformat": str,
    "timestamp_format": str,
    "convert_strings_to_integers": bool,
    "map_inference_threshold": int,
    "field_appearance_threshold": object,
    "objects": bool,
    "union_by_name": bool,
    "compression": str,
}


@dataclass(frozen=True, slots=True)
class JsonOptions:
    """How JSON files are read; the attributes are the options of `JsonFormat`.

    Attributes
    ----------
    records
        Whether values are objects whose members are columns; None = told by the sample.
    columns
        Types of the columns, if they are declared.
    maximum_depth, sample_rows, map_inference_threshold
        -1: without bound.
    objects
        Whether the table is one column `json` with the text of each value.
    """

    format: str = AUTO
    records: bool | None = None
    columns: Mapping[str, SqlType] = field(default_factory=dict)
    ignore_errors: bool = False
    maximum_depth: int = -1
    maximum_object_size: int = 16 << 20
    sample_rows: int = 20_480
    sample_files: int = 32
    date_format: str | None = None
    timestamp_format: str | None = None
    convert_strings_to_integers: bool = False
    map_inference_threshold: int = 200
    field_appearance_threshold: float = 0.1
    objects: bool = False
    union_by_name: bool = False


def json_options(options: Options) -> JsonOptions:
    """`options` of a query, whose types have been checked.

    Raises
    ------
    SettingError
        On a value that is none of those an option takes.
    """
    defaults = JsonOptions()
    columns = {str(name): parse_nested_type_name(text) for name, text in _mapping(options.get("columns")).items()}
    if "columns" in options and not columns:
        raise SettingError("option 'columns' needs at least one column: columns = {'name': 'VARCHAR'}")
    if options.get("auto_detect") is False and not columns and not options.get("objects"):
        raise SettingError("auto_detect = false needs the columns: columns = {'name': 'VARCHAR', …}")
    return JsonOptions(
        format=_format(options.get("format", AUTO)),
        records=_records(options.get("records", AUTO)),
        columns=columns,
        ignore_errors=bool(options.get("ignore_errors")),
        maximum_depth=_bounded(options, "maximum_depth", defaults.maximum_depth, 0),
        maximum_object_size=_bounded(options, "maximum_object_size", defaults.maximum_object_size, 1, unbounded=False),
        sample_rows=_sample_rows(options, defaults.sample_rows),
        sample_files=_bounded(options, "maximum_sample_files", defaults.sample_files, 1),
        date_format=_text(options, "dateformat", "date_format"),
        timestamp_format=_text(options, "timestampformat", "timestamp_format"),
        convert_strings_to_integers=bool(options.get("convert_strings_to_integers")),
        map_inference_threshold=_bounded(options, "map_inference_threshold", defaults.map_inference_threshold, 0),
        field_appearance_threshold=_share(options.get("field_appearance_threshold", 0.1)),
        objects=bool(options.get("objects")),
        union_by_name=bool(options.get("union_by_name")),
    )


def _mapping(value: object) -> Mapping[object, object]:
    return value if isinstance(value, Mapping) else {}


def _format(name: object) -> str:
    found = _FORMATS.get(str(name).lower())
    if found is None:
        raise SettingError(
            f"option 'format' takes {', '.join(_FORMATS)}, not {name!r}.{did_you_mean(str(name), _FORMATS)}"
        )
    return found


def _records(value: object) -> bool | None:
    key = value.lower() if isinstance(value, str) else value
    if not isinstance(key, str | bool) or key not in _RECORDS:
        raise SettingError(f"option 'records' takes 'auto', true or false, not {value!r}")
    return _RECORDS[key]


def _bounded(options: Options, name: str, default: int, least: int, unbounded: bool = True) -> int:
    value = options.get(name, default)
    if not isinstance(value, int) or not (value >= least or (unbounded and value == -1)):
        limit = f"a whole number of at least {least}" + (", or -1 for no bound" if unbounded else "")
        raise SettingError(f"option {name!r} takes {limit}; not {value!r}")
    return value


def _sample_rows(options: Options, default: int) -> int:
    """`sample_size`, or `sample_rows` as reading CSV calls it."""
    if "sample_size" in options and "sample_rows" in options:
        raise SettingError("options 'sample_size' and 'sample_rows' are the same; give one")
    return _bounded(options, "sample_size" if "sample_size" in options else "sample_rows", default, 1)


def _text(options: Options, *names: str) -> str | None:
    given = [str(options[name]) for name in names if name in options]
    if len(given) > 1:
        raise SettingError(f"options {names[0]!r} and {names[1]!r} are the same; give one")
    return given[0] if given and given[0].lower() != "iso" else None


def _share(value: object) -> float:
    try:
        share = float(str(value))
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise SettingError(f"option 'field_appearance_threshold' takes a number from 0 to 1, not {value!r}")
    return share
