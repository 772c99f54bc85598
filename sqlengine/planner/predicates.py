"""From the conditions of a scan to the `Predicate`s storage can skip data by.

A predicate must be implied by its condition: it may keep too much, never too little. The condition itself
still runs on every row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlengine.planner.expressions import Call, Column, Expression, InList, Literal
from sqlengine.storage.table import Predicate
from sqlengine.types import TypeKind

COMPARISONS: Final = ("=", "<>", "<", "<=", ">", ">=")
MIRRORED: Final = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_LAST_CODE_POINT: Final = 0x10FFFF


def predicates_of(conditions: Sequence[Expression], names: Mapping[int, str]) -> tuple[Predicate, ...]:
    """Predicates implied by `conditions`; `names` gives the source name of each column id."""
    return tuple(p for condition in conditions for p in _implied(condition, names))


def _implied(condition: Expression, names: Mapping[int, str]) -> tuple[Predicate, ...]:
    match condition:
        case Call(function=op, arguments=(Column() as column, Literal() as literal)) if op in COMPARISONS:
            return _comparison(column, op, literal, names)
        case Call(function=op, arguments=(Literal() as literal, Column() as column)) if op in COMPARISONS:
            return _comparison(column, MIRRORED[op], literal, names)
        case Call(function="is_null" | "is_not_null" as op, arguments=(Column() as column,)) if column.id in names:
            return (Predicate(names[column.id], op),)
        case Call(function="or", arguments=alternatives):
            return _alternatives(alternatives, names)
        case Call(function="like", arguments=(Column() as column, Literal(value=str() as pattern))):
            return _prefix(column, pattern, names)
        case InList(operand=Column() as column, values=values, negated=False) if column.id in names:
            known = tuple(literal.value for literal in values if literal.value is not None)
            return (Predicate(names[column.id], "in", known),) if known else ()
        case Call(function="and", arguments=parts):
            return predicates_of(parts, names)
        case _:
            return ()


def _comparison(column: Column, op: str, literal: Literal, names: Mapping[int, str]) -> tuple[Predicate, ...]:
    if column.id not in names or literal.value is None or column.type.kind is not literal.type.kind:
        return ()
    if column.type.is_float and literal.value != literal.value:
        # NaN is the greatest value in SQL but outside minimum and maximum in files.
        return ()
    if column.type.is_float and op in (">", ">=", "<>"):
        # A NaN row satisfies these whatever the maximum says.
        return ()
    return (Predicate(names[column.id], op, (literal.value,)),)


def _alternatives(parts: Sequence[Expression], names: Mapping[int, str]) -> tuple[Predicate, ...]:
    """Equalities of one column joined by OR are an IN list: `a = 1 AND x OR a IN (2, 3) AND y` -> `a in 1, 2, 3`."""
    per_part = [
        {each.column: each.values for each in _implied(part, names) if each.op in ("=", "in")} for part in parts
    ]
    shared = [column for column in per_part[0] if all(column in each for each in per_part)]
    return tuple(
        Predicate(column, "in", tuple(dict.fromkeys(value for each in per_part for value in each[column])))
        for column in shared
    )


def _prefix(column: Column, pattern: str, names: Mapping[int, str]) -> tuple[Predicate, ...]:
    """`LIKE 'abc%'` lies between 'abc' and 'abd'."""
    if column.id not in names or column.type.kind is not TypeKind.VARCHAR:
        return ()
    prefix = pattern.split("%", 1)[0].split("_", 1)[0]
    if not prefix or "\\" in prefix:
        return ()
    name = names[column.id]
    lower = Predicate(name, ">=", (prefix,))
    if ord(prefix[-1]) >= _LAST_CODE_POINT or 0xD7FF <= ord(prefix[-1]) < 0xE000:
        return (lower,)
    return (lower, Predicate(name, "<", (prefix[:-1] + chr(ord(prefix[-1]) + 1),)))
