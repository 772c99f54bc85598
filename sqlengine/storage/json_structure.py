"""What types JSON values have: a structure grows from values, then becomes a SQL type as DuckDB makes it.

Values are looked at level by level, all values of one path at once, so that little is done per value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from sqlengine.errors import NotSupportedError
from sqlengine.storage.json_options import JsonOptions
from sqlengine.storage.json_texts import TextGuess
from sqlengine.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    HUGEINT,
    JSON,
    NULL,
    UBIGINT,
    VARCHAR,
    SqlType,
    TypeKind,
    list_of,
    map_of,
    struct_of,
)

_DEEPEST: Final = 128
"""Values nested deeper than this are JSON."""
_SIMILAR: Final = 0.8


class Structure:
    """What has been seen at one path.

    Attributes
    ----------
    count, nulls
        How often the path was there, and how often it held null.
    number
        The narrowest type that holds all numbers seen, among UBIGINT, BIGINT, HUGEINT and DOUBLE.
    fields
        Of objects; in the order in which keys were first seen.
    """

    __slots__ = ("boolean", "count", "element", "fields", "nulls", "number", "text")

    def __init__(self) -> None:
        self.count = 0
        self.nulls = 0
        self.number: SqlType | None = None
        self.boolean = False
        self.text: TextGuess | None = None
        self.element: Structure | None = None
        self.fields: dict[str, Structure] | None = None

    def add(self, values: Sequence[Any], options: JsonOptions, depth: int = 0) -> None:
        """Take parsed `values` in."""
        self.count += len(values)
        kinds = set(map(type, values))
        for kind in kinds:
            group: Sequence[Any] = values if len(kinds) == 1 else [each for each in values if type(each) is kind]
            if kind is type(None):
                self.nulls += len(group)
            elif kind is bool:
                self.boolean = True
            elif kind is int or kind is float:
                self.number = _wider(self.number, _integer_type(min(group), max(group)) if kind is int else DOUBLE)
            elif kind is str:
                self.text = self.text or TextGuess(options)
                self.text.add(set(group))
            elif kind is list:
                self.element = self.element or Structure()
                if depth < _DEEPEST:
                    items = [item for each in group for item in each]
                    if items:
                        self.element.add(items, options, depth + 1)
            else:
                self._add_objects(group, options, depth)

    def _add_objects(self, objects: Sequence[dict[str, Any]], options: JsonOptions, depth: int) -> None:
        fields = self.fields = {} if self.fields is None else self.fields
        if depth >= _DEEPEST:
            return
        for key, values in _members(objects).items():
            field = fields.get(key)
            if field is None:
                field = fields[key] = Structure()
            field.add(values, options, depth + 1)

    def merge(self, other: Structure) -> None:
        """Take in what `other` has seen."""
        self.count += other.count
        self.nulls += other.nulls
        self.boolean |= other.boolean
        if other.number is not None:
            self.number = _wider(self.number, other.number)
        if other.text is not None:
            self.text = other.text if self.text is None else self.text.merged(other.text)
        if other.element is not None:
            self.element = self.element or Structure()
            self.element.merge(other.element)
        if other.fields is not None:
            fields = self.fields = {} if self.fields is None else self.fields
            for key, field in other.fields.items():
                fields.setdefault(key, Structure()).merge(field)

    def texts(self) -> Iterator[TextGuess]:
        """The guesses of all paths with texts."""
        if self.text is not None:
            yield self.text
        for child in (*(self.fields or {}).values(), *([self.element] if self.element else ())):
            yield from child.texts()

    def type(self, options: JsonOptions, depth: int = 0, nothing: SqlType = JSON) -> SqlType:
        """The SQL type of all that was seen; `nothing` where no value was."""
        limit = options.maximum_depth if options.maximum_depth >= 0 else _DEEPEST
        if depth >= limit:
            return JSON
        kinds = (self.number, self.boolean or None, self.text, self.element, self.fields)
        found = sum(kind is not None for kind in kinds)
        if found == 0:
            return NULL if self.nulls else nothing
        if found > 1:
            return JSON
        if self.number is not None:
            return BIGINT if self.number == UBIGINT else self.number
        if self.text is not None:
            return self.text.type()
        if self.element is not None:
            return list_of(self.element.type(options, depth + 1, nothing))
        if self.fields is not None:
            return self._object_type(self.fields, options, depth, nothing)
        return BOOLEAN

    def _object_type(self, fields: dict[str, Structure], options: JsonOptions, depth: int, nothing: SqlType) -> SqlType:
        """A STRUCT; a MAP of objects without keys, with the key "", with ever other keys, or with many alike."""
        if not fields:
            return map_of(VARCHAR, nothing)
        present = self.count - self.nulls
        shares = 0.0
        for field in fields.values():
            shares += field.count / present
        if shares / len(fields) < options.field_appearance_threshold or "" in fields:
            return map_of(VARCHAR, _merged(fields.values()).type(options, depth + 1, nothing))
        children = [(key, field.type(options, depth + 1, nothing)) for key, field in fields.items()]
        if 0 <= options.map_inference_threshold <= len(children):
            common = _merged(fields.values()).type(options, depth + 1, NULL)
            likeness = [_similarity(common, type_, options, depth + 1) for _, type_ in children]
            if min(likeness) >= 0 and sum(likeness) / len(likeness) >= _SIMILAR:
                return map_of(VARCHAR, _merged(fields.values()).type(options, depth + 1, nothing))
        if depth and len({key.lower() for key in fields}) < len(fields):
            seen: set[str] = set()
            twice = next(key for key in fields if key.lower() in seen or seen.add(key.lower()))  # type: ignore[func-returns-value]
            raise NotSupportedError(
                f"a struct with two fields {twice!r} that differ in case only; declare the type: columns = {{…}}"
            )
        return struct_of(children)


def _members(objects: Sequence[dict[str, Any]]) -> Mapping[str, Sequence[Any]]:
    """The values of each key, in the order in which keys come up."""
    keys = tuple(objects[0])
    if len(keys) > 1 and set(map(len, objects)) == {len(keys)}:
        # Objects of the same keys, which most are: no Python per value.
        try:
            return dict(zip(keys, zip(*map(itemgetter(*keys), objects), strict=True), strict=True))
        except KeyError:
            pass
    members: dict[str, list[Any]] = {}
    for each in objects:
        for key, value in each.items():
            known = members.get(key)
            if known is None:
                members[key] = [value]
            else:
                known.append(value)
    return members


def _integer_type(least: int, most: int) -> SqlType:
    """As DuckDB reads numbers: unsigned, else signed, both together HUGEINT; beyond 64 bits DOUBLE."""
    if least < -(2**63) or most >= 2**64:
        return DOUBLE
    if most >= 2**63 or least < 0 <= most:
        return HUGEINT
    return BIGINT if least < 0 else UBIGINT


def _wider(one: SqlType | None, other: SqlType) -> SqlType:
    if one is None or one == other:
        return other
    return DOUBLE if DOUBLE in (one, other) else HUGEINT


def _merged(structures: Iterable[Structure]) -> Structure:
    merged = Structure()
    for structure in structures:
        merged.merge(structure)
    return merged


def _similarity(merged: SqlType, type_: SqlType, options: JsonOptions, depth: int) -> float:
    """How much of `merged` is in `type_`, one of those it was merged from, by DuckDB's measure.

    0 to 1, or negative if they do not go together.
    """
    limit = options.maximum_depth if options.maximum_depth >= 0 else _DEEPEST
    if depth >= limit or TypeKind.NULL in (merged.kind, type_.kind):
        return 1
    if merged == JSON:
        return -1
    if type_ == JSON or merged == type_:
        return 1
    match merged.kind, type_.kind:
        case TypeKind.STRUCT, TypeKind.MAP:
            pairs = [(child, type_.children[1][1]) for _, child in merged.children]
        case TypeKind.STRUCT, TypeKind.STRUCT:
            known = dict(merged.children)
            pairs = [(known[name], child) for name, child in type_.children if name in known]
        case TypeKind.MAP, TypeKind.MAP:
            pairs = [(merged.children[1][1], type_.children[1][1])]
        case TypeKind.MAP, TypeKind.STRUCT:
            pairs = [(merged.children[1][1], child) for _, child in type_.children]
        case TypeKind.LIST, TypeKind.LIST:
            pairs = [(merged.element, type_.element)]
        case _:
            return 1
    likeness = [_similarity(one, other, options, depth + 1) for one, other in pairs]
    if not likeness or min(likeness) < 0:
        return min(likeness, default=0)
    whole = len(merged.children) if type_.kind is TypeKind.STRUCT and merged.kind is TypeKind.STRUCT else len(likeness)
    return sum(likeness) / whole
