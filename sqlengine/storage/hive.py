"""Hive partitioning: columns whose values stand in folder names, `year=2015/month=7/part-0.parquet`."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, unquote

from sqlengine.errors import FileFormatError, SettingError, did_you_mean
from sqlengine.storage.format import Field
from sqlengine.storage.table import Predicate
from sqlengine.types import BIGINT, DATE, TIMESTAMP, VARCHAR, SqlType, integer_range

NULL_PARTITION: Final = "__HIVE_DEFAULT_PARTITION__"

Value = int | str | datetime.date | datetime.datetime | None


@dataclass(frozen=True, slots=True)
class Partitioning:
    """The partition columns of a table; their values for a file are read off its path."""

    fields: tuple[Field, ...] = ()

    def values(self, path: str) -> dict[str, Value]:
        """Partition column -> value for the file at `path`."""
        texts = path_values(path)
        found = ((field, texts[field.name]) for field in self.fields)
        return {field.name: None if text is None else _parse(text, field.type) for field, text in found}


def path_values(path: str) -> dict[str, str | None]:
    """`key=value` of the folders of `path`, outermost first, unquoted; NULL for `NULL_PARTITION`."""
    found: dict[str, str | None] = {}
    for part in os.path.dirname(path).split(os.sep):
        key, equals, value = part.partition("=")
        if equals and key:
            found[unquote(key)] = None if value == NULL_PARTITION else unquote(value)
    return found


def folder_of(keys: Sequence[str], values: Sequence[str | None]) -> str:
    """`year=2024/month=7`, quoted such that `path_values` gives the same keys and values back."""
    return os.sep.join(
        f"{quote(key, safe='')}={NULL_PARTITION if value is None else _quoted(value)}"
        for key, value in zip(keys, values, strict=True)
    )


def _quoted(value: str) -> str:
    # The text that stands for NULL is another one, as in DuckDB.
    return "%5F" + value[1:] if value == NULL_PARTITION else quote(value, safe="")


def detect_partitioning(
    paths: Sequence[str],
    wanted: bool | None,
    typed: bool = True,
    types: Mapping[str, SqlType] | None = None,
    unlisted: Iterable[str] = (),
) -> Partitioning:
    """The partition columns that `paths` share.

    Parameters
    ----------
    wanted
        True: every path must have the same keys; None: none unless they all do; False: none.
    typed
        Whether values may become BIGINT, DATE or TIMESTAMP; else all are VARCHAR.
    types
        Types of some columns: whole numbers, DATE, TIMESTAMP or VARCHAR.
    unlisted
        Names of more folders; their values count for the types.

    Raises
    ------
    FileFormatError
        If `wanted` and two paths have different keys, or a value is not of the type that `types` names.
    SettingError
        If `types` names a column that is not there, or a type that partitions cannot have.
    """
    if wanted is False:
        return Partitioning()
    # Thousands of files share few folders.
    folders = {os.path.dirname(path): path for path in paths}
    found = [(path, path_values(path)) for path in folders.values()]
    first_path, first = found[0]
    for path, values in found:
        if values.keys() != first.keys():
            if wanted is None:
                return Partitioning()
            raise FileFormatError(
                f"{first_path!r} is in partition ({', '.join(first)}) but {path!r} in ({', '.join(values)});"
                " with hive_partitioning every file needs the same keys"
            )
    given = _given_types(types or {}, first)
    others = [(name, path_values(os.path.join(name, ""))) for name in unlisted]
    fields = []
    # By name, as in DuckDB, not as the folders lie within each other.
    for key in sorted(first):
        texts = [values[key] for _, values in (*found, *others) if key in values]
        type_ = given.get(key.lower())
        if type_ is None:
            type_ = _type_of(texts) if typed else VARCHAR
        else:
            wrong = next((text for text in texts if text is not None and not _fits(text, type_)), None)
            if wrong is not None:
                raise FileFormatError(f"partition {key}={wrong} is no {type_}, which hive_types says")
        fields.append(Field(key, type_))
    return Partitioning(tuple(fields))


class FolderFilter:
    """Whether a folder `key=value` holds no row that fulfils all conditions, whatever type the key's column gets.

    Attributes
    ----------
    used
        Keys, in lower case, of the folders of which it said so.
    """

    def __init__(self, where: Iterable[Predicate]) -> None:
        self._where = tuple(where)
        self.used: set[str] = set()

    def __call__(self, name: str) -> bool:
        """Of a folder of that name."""
        key, equals, text = name.partition("=")
        key = unquote(key).lower()
        if not equals or all(_may_fulfil(each, unquote(text)) for each in self._where if each.column.lower() == key):
            return False
        self.used.add(key)
        return True


def _may_fulfil(predicate: Predicate, text: str) -> bool:
    """Whether a partition's value that is written as `text` may fulfil a predicate; True when in doubt."""
    if predicate.op in ("is_null", "is_not_null"):
        return (text == NULL_PARTITION) is (predicate.op == "is_null")
    if text == NULL_PARTITION:
        return False
    for value in predicate.values:
        readings = _readings(text, value)
        if not readings or any(_compares(predicate.op, *reading) for reading in readings):
            return True
    return False


def _readings(text: str, value: object) -> list[tuple[Any, Any]]:
    """What may be compared if a partition's `text` is held against `value`; nothing if that cannot be told."""
    number, day = _fits(text, BIGINT), _is_plain_day(text)
    match value:
        case bool():
            return []
        case int() | Decimal():
            return [(int(text), value)] if number else []
        case str() if number:
            # The column may be text or, if all values are such, of numbers.
            return [(text, value), (int(text), int(value))] if _fits(value, BIGINT) else []
        case str() if day:
            return [(text, value)] if _is_plain_day(value) else []
        case str():
            return [] if _fits(text, DATE) or _fits(text, TIMESTAMP) else [(text, value)]
        case datetime.datetime():
            return []
        case datetime.date() if day:
            return [(_parse(text, DATE), value)]
        case _:
            return []


def _is_plain_day(text: str) -> bool:
    """Whether it is a day in the form in which texts are ordered like days."""
    return re.fullmatch(_DAY, text) is not None and _fits(text, DATE)


def _compares(op: str, one: Any, other: Any) -> bool:
    match op:
        case "=" | "in":
            return bool(one == other)
        case "<>":
            return bool(one != other)
        case "<":
            return bool(one < other)
        case "<=":
            return bool(one <= other)
        case ">":
            return bool(one > other)
        case ">=":
            return bool(one >= other)
        case _:
            return True


def _given_types(types: Mapping[str, SqlType], keys: Iterable[str]) -> dict[str, SqlType]:
    known = {key.lower() for key in keys}
    for name, type_ in types.items():
        if name.lower() not in known:
            raise SettingError(f"option 'hive_types' names {name!r}, which is no partition.{did_you_mean(name, known)}")
        if not (type_.is_integer or type_ in (DATE, TIMESTAMP, VARCHAR)):
            raise SettingError(f"option 'hive_types': a partition can be a whole number, DATE or text, not {type_}")
    return {name.lower(): type_ for name, type_ in types.items()}


def _type_of(texts: Sequence[str | None]) -> SqlType:
    """The narrowest of BIGINT, DATE, TIMESTAMP that writes every value the way it stands there, else VARCHAR."""
    known = [text for text in texts if text is not None]
    if known:
        for type_ in (BIGINT, DATE, TIMESTAMP):
            if all(_fits(text, type_) for text in known):
                return type_
    return VARCHAR


_DAY: Final = r"\d{4}-\d{2}-\d{2}"
_DATE: Final = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
_TIMESTAMP: Final = re.compile(r"\d{4}-\d{1,2}-\d{1,2}[ T]\d{1,2}:\d{2}(:\d{2}(\.\d{1,6})?)?")
_INTEGER: Final = re.compile(r"-?(0|[1-9]\d*)")


def _fits(text: str, type_: SqlType) -> bool:
    if type_.is_integer:
        # A number written with leading zeros is a label ('01'), as DuckDB has it.
        low, high = integer_range(type_.kind)
        return _INTEGER.fullmatch(text) is not None and low <= int(text) <= high
    pattern = {DATE: _DATE, TIMESTAMP: _TIMESTAMP}.get(type_)
    if pattern is None:
        return True
    try:
        return pattern.fullmatch(text) is not None and _parse(text, type_) is not None
    except ValueError:
        return False


def _parse(text: str, type_: SqlType) -> Value:
    if type_.is_integer:
        return int(text)
    if type_ == DATE:
        return datetime.date(*map(int, text.split("-")))
    if type_ == TIMESTAMP:
        date, time = re.split("[ T]", text)
        year, month, day = map(int, date.split("-"))
        hour, minute, second = [*time.split(":"), "0"][:3]
        whole, _, fraction = second.partition(".")
        return datetime.datetime(year, month, day, int(hour), int(minute), int(whole), int(fraction.ljust(6, "0")))
    return text
