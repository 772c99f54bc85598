"""The options of COPY: their names, values and what they exclude."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, Final, TypeVar

from sqlglot import exp

from sqlengine.config import parse_bytes
from sqlengine.errors import SettingError
from sqlengine.planner.bind_expression import ExpressionBinder
from sqlengine.planner.constant import fold
from sqlengine.planner.consume import Reader
from sqlengine.planner.context import BindContext
from sqlengine.planner.expressions import Literal
from sqlengine.planner.option_values import option_value
from sqlengine.planner.scope import Scope
from sqlengine.storage.output_files import Existing

T = TypeVar("T")

# Other names of options.
_SAME: Final = {
    "delim": "delimiter",
    "sep": "delimiter",
    "nullstr": "null",
    "date_format": "dateformat",
    "timestamp_format": "timestampformat",
    "codec": "compression",
}


class CopyOptions:
    """Options by name; each is taken once, and what nobody took goes to the format.

    Raises
    ------
    BindError
        An option stands twice.
    """

    def __init__(self, context: BindContext, params: list[Any]) -> None:
        reader = context.reader
        self._values: dict[str, object] = {}
        for param in params:
            key = reader.name(reader.get(param, "this")).lower()
            name = _SAME.get(key, key)
            if name in self._values:
                raise context.error(f"the option {key} of COPY is given twice", param)
            value = reader.get(param, "expression")
            self._values[name] = True if value is None else option_value(context, value)

    def take(self, name: str) -> object:
        """The value as written, None if the option is not given."""
        return self._values.pop(name, None)

    def flag(self, name: str) -> bool | None:
        """A switch, true if only its name is given."""
        return self._as(name, _flag, "true or false")

    def text(self, name: str) -> str | None:
        """A text."""
        return self._as(name, _text, "a text")

    def names(self, name: str) -> list[str] | None:
        """Names of columns; `*` alone for all."""
        return self._as(name, _names, "names of columns in parentheses")

    def size(self, name: str) -> int | None:
        """A number of bytes."""
        return self._as(name, _size, "a number of bytes ('512MB' works)")

    def existing(self) -> Existing:
        """What becomes of files that are there."""
        given = {each: self.flag(each.value) for each in (Existing.REPLACE, Existing.MIX, Existing.APPEND)}
        chosen = [each for each, wanted in given.items() if wanted]
        if len(chosen) > 1:
            raise SettingError("COPY takes one of OVERWRITE, OVERWRITE_OR_IGNORE and APPEND")
        return chosen[0] if chosen else Existing.REFUSE

    def rest(self, types: Mapping[str, type | UnionType]) -> dict[str, object]:
        """The other options, as values of the types that the format takes; as written where it takes none of these."""
        convert: dict[type | UnionType | None, Callable[[str], object]] = {
            bool: self.flag,
            str: self.text,
            int: lambda name: self._as(name, _count, "a number"),
            list: self.names,
        }
        return {
            name: convert[types.get(name)](name) if types.get(name) in convert else value
            for name, value in list(self._values.items())
        }

    def _as(self, name: str, convert: Callable[[object], T | None], wanted: str) -> T | None:
        if name not in self._values:
            return None
        value = self._values.pop(name)
        converted = convert(value)
        if converted is None:
            raise SettingError(f"the option {name} of COPY takes {wanted}, not {value!r}")
        return converted


def target_of(context: BindContext, file: Any) -> str:
    """The file or folder that COPY names: a text, a parameter, or an expression in parentheses."""
    reader = context.reader
    value: object = None
    if isinstance(file, exp.Literal) and reader.get(file, "is_string"):
        value = reader.get(file, "this")
    elif isinstance(file, exp.Placeholder | exp.Parameter):
        value = context.parameters.value(file, reader)
    elif isinstance(file, exp.Paren):
        bound = fold(ExpressionBinder(context, Scope(), "COPY").bind(file))
        value = bound.value if isinstance(bound, Literal) else None
    if not isinstance(value, str) or not value or "\0" in value:
        raise context.error("COPY names a file or folder by a text in quotes", file)
    return value


def read_absent_credentials(reader: Reader, tree: Any) -> None:
    """Let pass what the parser notes of credentials that nobody gave."""
    credentials = tree.args.get("credentials")
    if credentials is not None and not any(credentials.args.values()):
        reader.get(tree, "credentials")


def _flag(value: object) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False, "1": True, "0": False}.get(value.lower())
    return bool(value) if value in (0, 1) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _names(value: object) -> list[str] | None:
    if isinstance(value, str):
        return [value]
    return [str(each) for each in value] if isinstance(value, list) and value else None


def _size(value: object) -> int | None:
    try:
        size = parse_bytes(value)
    except (TypeError, ValueError):
        return None
    return size if size > 0 and not isinstance(value, bool) else None


def _count(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
